// Request of the Fetch standard.

import { parseUrl } from "../fetch_url";
import { addMissing, Headers, type HeadersInit } from "../fields";
import type { AbortSignal } from "./abort";
import { Body, extract, hasBody, mixInBody, moveBody, shareBody, type Content } from "./body";
import type { Stream } from "./streams";

export interface Signal {
    readonly aborted: boolean;
    readonly reason: unknown;
    addEventListener(type: "abort", listener: () => void): void;
    removeEventListener(type: "abort", listener: () => void): void;
}

export interface RequestInit {
    method?: string;
    headers?: HeadersInit;
    body?: unknown;
    redirect?: string;
    signal?: Signal | null;
    duplex?: string;
}

declare function require(name: string): unknown;

const scope = globalThis as unknown as { AbortSignal: unknown };

export function requireMethod(method: unknown): string {
    const text = String(method);
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)) throw new TypeError(`"${text}" is not a method`);
    if (/^(connect|trace|track)$/i.test(text)) throw new TypeError(`the method ${text} is not allowed`);
    return /^(delete|get|head|options|post|put)$/i.test(text) ? text.toUpperCase() : text;
}

export function requireRedirect(mode: unknown): string {
    const text = String(mode);
    if (text !== "follow" && text !== "error" && text !== "manual")
        throw new TypeError('redirect must be "follow", "error" or "manual"');
    return text;
}

export function requireSignal(signal: unknown): Signal | null {
    if (signal === null || signal === undefined) return null;
    const s = signal as Partial<Signal>;
    if (typeof s.aborted !== "boolean" || typeof s.addEventListener !== "function")
        throw new TypeError("signal is not an AbortSignal");
    return signal as Signal;
}

function contentOf(from: Request | undefined, init: RequestInit, method: string, headers: Headers): Content | Stream {
    const isOwn = init.body !== undefined && init.body !== null;
    if ((method === "GET" || method === "HEAD") && (isOwn || (from !== undefined && hasBody(from))))
        throw new TypeError(`a ${method} request has no body`);
    if (!isOwn) return from === undefined ? null : moveBody(from);
    const { content, type } = extract(init.body);
    if (type !== undefined) addMissing(headers, "content-type", type);
    return content;
}

// Reading the global makes its class, if it is not there yet.
function follow(signal: Signal | null): AbortSignal {
    void scope.AbortSignal;
    return (require("./abort") as typeof import("./abort")).follow(signal);
}

export let isRequest: (value: unknown) => value is Request;
// The signal that was given with it.
export let givenSignal: (request: Request) => Signal | null;

let copied: { from: Request; content: Content | Stream } | undefined; // for the constructor, from within

export class Request extends Body {
    readonly #url: string;
    readonly #method: string;
    readonly #headers: Headers;
    readonly #redirect: string;
    readonly #given: Signal | null;
    #signal: AbortSignal | undefined;

    constructor(input?: unknown, init?: RequestInit | null) {
        const copy = copied;
        copied = undefined;
        const from = copy?.from ?? (isRequest(input) ? input : undefined);
        const own = init ?? {};
        const method = own.method === undefined ? (from?.method ?? "GET") : requireMethod(own.method);
        const headers = new Headers(own.headers ?? from?.headers);
        const url = from?.url ?? parseUrl(String(input));
        const redirect = requireRedirect(own.redirect ?? from?.redirect ?? "follow");
        const signal = own.signal === undefined ? (from === undefined ? null : from.#given) : requireSignal(own.signal);
        super(copy !== undefined ? copy.content : contentOf(from, own, method, headers));
        this.#url = url;
        this.#method = method;
        this.#headers = headers;
        this.#redirect = redirect;
        this.#given = signal;
    }

    static {
        isRequest = (value): value is Request => typeof value === "object" && value !== null && #url in value;
        givenSignal = (request) => request.#given;
    }

    get url(): string {
        return this.#url;
    }

    get method(): string {
        return this.#method;
    }

    get headers(): Headers {
        return this.#headers;
    }

    get redirect(): string {
        return this.#redirect;
    }

    get signal(): AbortSignal {
        return (this.#signal ??= follow(this.#given));
    }

    get duplex(): string {
        return "half";
    }

    clone(): Request {
        copied = { from: this, content: shareBody(this) };
        return new Request();
    }
}

mixInBody(Request);
