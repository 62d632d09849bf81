// console's and util.format()'s formatting.

import { describeStack } from "./errors";

interface Most {
    text: number; // characters of one argument
    values: number; // of one object, however deep
    items: number; // of one array, Map or Set
}

const ANY: Most = { text: Infinity, values: Infinity, items: Infinity };
// What would not fit a line of the log is not looked at.
const LINE: Most = { text: 8192, values: 1000, items: 100 };
let most = ANY;

function cut(text: string): string {
    return text.length > most.text ? `${text.slice(0, most.text)}...` : text;
}

function items(values: Iterable<unknown>, size: number): unknown[] {
    const out: unknown[] = [];
    for (const v of values) {
        if (out.length >= most.items) {
            out.push(`... ${size - most.items} more`);
            break;
        }
        out.push(v);
    }
    return out;
}

function show(value: unknown, seen: Set<object>): string {
    if (value instanceof Error) return describeStack(value);
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value === "function") return `[Function ${value.name}]`;
    if (typeof value !== "object" || value === null) return String(value);
    let left = most.values;
    const text = JSON.stringify(value, function (_key, v: unknown) {
        if (--left < 0) return left === -1 ? "..." : undefined;
        if (typeof v === "string") return cut(v);
        if (typeof v === "bigint") return `${v}n`;
        if (typeof v === "function") return `[Function ${v.name}]`;
        if (v instanceof Map) return { Map: items(v, v.size) };
        if (v instanceof Set) return { Set: items(v, v.size) };
        if (v instanceof Error) return describeStack(v);
        if (v instanceof ArrayBuffer) return `[ArrayBuffer ${v.byteLength}]`;
        if (typeof v === "object" && v !== null) {
            if (seen.has(v)) return "[Circular]";
            seen.add(v);
            if (Array.isArray(v)) return v.length > most.items ? items(v, v.length) : v;
            if (ArrayBuffer.isView(v)) return v instanceof DataView ? "[DataView]" : items(v as Uint8Array, (v as Uint8Array).length);
        }
        return v;
    }) as string | undefined;
    return text ?? String(value);
}

// Never throws.
function text(value: unknown): string {
    if (typeof value === "string") return cut(value);
    try {
        return show(value, new Set());
    } catch (error) {
        return notShown(error);
    }
}

function notShown(error: unknown): string {
    try {
        return `[not shown: ${String(error)}]`;
    } catch {
        return "[not shown]";
    }
}

function number(value: unknown, whole: boolean): string {
    try {
        return String(whole ? Math.trunc(Number(value)) : Number(value));
    } catch {
        return "NaN";
    }
}

export function format(...values: unknown[]): string {
    const first = values[0];
    let next = 0;
    let out = "";
    if (typeof first === "string") {
        next = 1;
        out = cut(first).replace(/%([sdifjoOc%])/g, (all, kind: string) => {
            if (kind === "%") return "%";
            if (next >= values.length) return all;
            const value = values[next++];
            if (kind === "d" || kind === "f") return number(value, false);
            if (kind === "i") return number(value, true);
            return kind === "c" ? "" : text(value);
        });
    }
    for (; next < values.length && out.length <= most.text; next++) out += (next > 0 ? " " : "") + text(values[next]);
    return out;
}

// For the log: huge arguments are cut.
export function formatLine(...values: unknown[]): string {
    most = LINE;
    try {
        return format(...values);
    } finally {
        most = ANY;
    }
}
