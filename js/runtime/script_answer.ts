// ctx.response of DGate 2's scripts, and the res of their responseModifier: a status, headers and a body that are set
// as properties.

import { requireBytes } from "./body";
import { joinBytes, viewOf } from "./bytes";
import type { Response } from "./response";
import { headerObject, replaceHeaders, type HeaderObject } from "./script_headers";
import { host, type Bytes } from "./host";
import { Upstream } from "./upstream";

export interface Answer {
    statusCode: number;
    headers: HeaderObject;
    body: unknown;
    write(data: unknown): void;
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

    write(data: unknown): void {
        this.#body.push(appended(data));
        this.#touched = true;
    }

    toJSON(): object {
        return { statusCode: this.statusCode, headers: this.headers, body: this.body };
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
    write(data: unknown): void {
        this.#written = [...(this.#written ?? []), appended(data)];
        this.#upstream.writeBody(joined(this.#written));
    }

    toJSON(): object {
        return { statusCode: this.statusCode, headers: this.headers, body: readable(() => this.body) };
    }
}

function joined(parts: readonly Bytes[]): Bytes {
    if (parts.every((p) => typeof p === "string")) return parts.join("");
    return joinBytes(parts.map(viewOf));
}

// null for a body that was not collected.
export function readable(read: () => string): string | null {
    try {
        return read();
    } catch {
        return null;
    }
}
