// Where in the source an error comes from, and how it reads in a log line.

import { originalPosition } from "../shared/mappings";

// An error that carries a message for users and needs no class name before it.
export class GatewayError extends Error {
    override name = "GoError"; // DGate 1's name for it

    get value(): string {
        return this.message;
    }
}

export interface Source {
    name: string;
    mappings: string;
}

// By the URL that a module's code was evaluated under.
const sources = new Map<string, Source>();

// The wrapper around a module's code takes this many lines before it.
const LINES_BEFORE = 1;

export function addSource(url: string, source: Source): void {
    sources.set(url, source);
}

export function removeSource(url: string): void {
    sources.delete(url);
}

function place(url: string, line: number, column: number | undefined): string | undefined {
    const source = sources.get(url);
    if (source === undefined || source.mappings === "") return undefined; // not a file of the user's
    const at = originalPosition(source.mappings, line - LINES_BEFORE, column);
    return at === undefined ? source.name : `${source.name}:${at.line}:${at.column}`;
}

// "module:line:column" of one line of a stack, "function@url:line:column".
function framePlace(frame: string): string | undefined {
    const match = /^(?:.*?@)?(.*):(\d+):(\d+)$/.exec(frame);
    return match === null ? undefined : place(match[1] as string, Number(match[2]), Number(match[3]));
}

function frames(error: Error): string[] {
    return typeof error.stack === "string" ? error.stack.split("\n") : [];
}

function where(error: Error): string | undefined {
    // A syntax error has its place in itself: its stack is only where evaluation began.
    const own = error as { sourceURL?: unknown; line?: unknown };
    if (error instanceof SyntaxError && typeof own.sourceURL === "string") {
        const found = place(own.sourceURL, Number(own.line), undefined);
        if (found !== undefined) return found;
    }
    for (const frame of frames(error)) {
        const found = framePlace(frame);
        if (found !== undefined) return found;
    }
    return undefined;
}

function headline(error: unknown): string {
    if (!(error instanceof Error)) return typeof error === "string" ? error : safeString(error);
    const name = error instanceof GatewayError ? "" : String(error.name);
    const message = String(error.message);
    return name === "" ? message : message === "" ? name : `${name}: ${message}`;
}

function safeString(value: unknown): string {
    if (typeof value === "object" && value !== null) {
        const text = JSON.stringify(value) as string | undefined;
        if (text !== undefined) return text;
    }
    return String(value);
}

// "module:3:15: TypeError: x is not a function". Never throws.
export function describe(error: unknown): string {
    try {
        const at = error instanceof Error ? where(error) : undefined;
        return at === undefined ? headline(error) : `${at}: ${headline(error)}`;
    } catch {
        return "an error that cannot be shown";
    }
}

// For texts that go where a NUL would end them.
export function describeLine(error: unknown): string {
    return describe(error).replace(/\0/g, "\\u0000");
}

// The frames that are in modules: the function ("" when it has no name) and its place in the source.
export function modulePlaces(error: Error): { name: string; at: string }[] {
    return frames(error)
        .map((f) => ({ name: f.slice(0, Math.max(0, f.indexOf("@"))), at: framePlace(f) ?? "" }))
        .filter((f) => f.at !== "");
}

// As a stack for a log: the headline and the frames that are in modules.
export function describeStack(error: Error): string {
    try {
        const lines = frames(error)
            .map((f) => ({ at: framePlace(f), name: f.slice(0, Math.max(0, f.indexOf("@"))) }))
            .filter((f) => f.at !== undefined)
            .slice(0, 10)
            .map((f) => (f.name === "" ? `at ${f.at}` : `at ${f.name} (${f.at})`));
        return [headline(error), ...lines].join(" ");
    } catch {
        return "an error that cannot be shown";
    }
}

// With the frames, if it has any. Never throws, though a proxy may when it is asked what it is.
export function describeAll(error: unknown): string {
    try {
        return error instanceof Error ? describeStack(error) : describe(error);
    } catch {
        return describe(error);
    }
}

function moduleOfStack(error: Error): string {
    for (const frame of frames(error)) {
        const url = /^(?:.*?@)?(.*):\d+:\d+$/.exec(frame)?.[1];
        const source = url === undefined ? undefined : sources.get(url);
        if (source !== undefined) return source.name;
    }
    return "";
}

// The module that an error comes from, as far as its stack tells; else "". Never throws.
export function moduleOf(error: unknown): string {
    try {
        return error instanceof Error ? moduleOfStack(error) : "";
    } catch {
        return "";
    }
}
