// ctx.response of DGate 2's scripts, and the res of their responseModifier: a status, headers and a body that are set
// as properties.

import { requireBytes } from "./body";
import { joinBytes, viewOf } from "./bytes";
import type { Response } from "./response";
import { viewer } from "./own";
import { headerObject, replaceHeaders, type HeaderObject } from "./script_headers";
import { host, type Bytes } from "./host";
import { Upstream } from "./upstream";

export interface Answer {
    statusCode: number;
    headers: HeaderObject;
    body: unknown;
}

function appended(data: unknown): Bytes {
    return data instanceof ArrayBuffer || ArrayBuffer.isView(data) ? requireBytes(data) : String(data);
}

function textOf(parts: readonly Bytes[]): string {
    return parts.map((p) => (typeof p === "string" ? p : (host.decode(p, false) as string))).join("");
}

// What the module answers itself.
export class OwnAnswer implements Answer {
    readonly #response: () => Response;
    #headers: { of: Response; object: HeaderObject } | undefined;
    #body: Bytes[] = [];
    #touched = false;

    constructor(response: () => Response) {
        this.#response = response;
    }

    // Whether a status or body was set: then it is an answer. Headers alone are not.
    static isTouched(a: OwnAnswer): boolean {
        return a.#touched;
    }

    static discard(a: OwnAnswer): void {
        a.#body = [];
        a.#touched = false;
    }

    static send(a: OwnAnswer): void {
        const response = a.#response();
        const parts = a.#body;
        if (parts.every((p) => typeof p === "string")) response.end(parts.join(""));
        else for (const p of parts) response.end(p);
        OwnAnswer.discard(a);
    }

    get statusCode(): number {
        return this.#response().statusCode;
    }

    set statusCode(code: unknown) {
        this.#response().statusCode = code as number;
        this.#touched = true;
    }

    get headers(): HeaderObject {
        const of = this.#response();
        if (this.#headers?.of !== of) this.#headers = { of, object: headerObject(of.headers) };
        return this.#headers.object;
    }

    set headers(given: unknown) {
        replaceHeaders(this.headers, given);
    }

    get body(): string {
        return textOf(this.#body);
    }

    set body(data: unknown) {
        this.#body = data === null || data === undefined || data === "" ? [] : [requireBytes(data)];
        this.#touched = true;
    }

    static write(a: OwnAnswer, data: unknown): void {
        a.#body.push(appended(data));
        a.#touched = true;
    }

    toJSON(): object {
        const { statusCode, headers, body } = this;
        return { statusCode, headers, body };
    }
}

// The upstream's response, while responseModifiers run.
export class UpstreamAnswer implements Answer {
    readonly #upstream: Upstream;
    #headers: HeaderObject | undefined;
    #written: Bytes[] | undefined;

    constructor(upstream: Upstream) {
        this.#upstream = upstream;
    }

    get statusCode(): number {
        return this.#upstream.statusCode;
    }

    set statusCode(code: unknown) {
        this.#upstream.statusCode = code as number;
    }

    get headers(): HeaderObject {
        return (this.#headers ??= headerObject(this.#upstream.headers));
    }

    set headers(given: unknown) {
        replaceHeaders(this.headers, given);
    }

    get body(): string {
        return Upstream.text(this.#upstream);
    }

    // null and undefined leave it as it came.
    set body(data: unknown) {
        if (data === null || data === undefined) return;
        this.#written = undefined;
        this.#upstream.writeBody(data);
    }

    // The first one begins a body of its own.
    static write(a: UpstreamAnswer, data: unknown): void {
        a.#written = [...(a.#written ?? []), appended(data)];
        a.#upstream.writeBody(joined(a.#written));
    }

    toJSON(): object {
        return { statusCode: this.statusCode, headers: this.headers, body: readable(() => this.body) };
    }
}

function joined(parts: readonly Bytes[]): Bytes {
    if (parts.every((p) => typeof p === "string")) return parts.join("");
    return joinBytes(parts.map(viewOf));
}

export const answerView = viewer<Answer>("statusCode", "headers", "body");

function requireAnswer(given: unknown): Partial<Answer> {
    if (typeof given !== "object" || given === null) throw new TypeError("ctx.response must be an object");
    return given;
}

// Makes it the answer that an object is; what it does not have is as it was at first.
export function replaceOwn(answer: OwnAnswer, given: unknown): void {
    const { statusCode, headers, body } = requireAnswer(given);
    answer.statusCode = statusCode ?? 200;
    answer.headers = headers ?? {};
    answer.body = body;
}

// Takes over what an object has.
export function reviseUpstream(answer: Answer, given: unknown): void {
    const { statusCode, headers, body } = requireAnswer(given);
    if (statusCode !== undefined) answer.statusCode = statusCode;
    if (headers !== undefined) answer.headers = headers;
    if (body !== readable(() => answer.body as string)) answer.body = body;
}

// null for a body that was not collected.
export function readable(read: () => string): string | null {
    try {
        return read();
    } catch {
        return null;
    }
}
