// import { fetch } from "dgate/http"

import { jsonText, requireBytes } from "../body";
import { hostPromise } from "../current";
import { Headers, pairs, type HeadersInit } from "../fields";
import { isInstance } from "../web/load";
import { host, Redirect, type Bytes } from "../host";

export interface FetchOptions {
    method?: string;
    headers?: HeadersInit;
    body?: unknown;
    redirect?: string;
    redirects?: string; // DGate 1's spelling
}

// status, reason, URL, redirected, header names and values, body
type Answer = [number, string, string, boolean, string[], ArrayBuffer];

class FetchResponse {
    readonly status: number;
    readonly statusText: string;
    readonly url: string;
    readonly redirected: boolean;
    readonly headers: Headers;
    readonly #body: ArrayBuffer;
    #used = false;

    constructor(answer: Answer) {
        const [status, reason, url, redirected, headers, body] = answer;
        this.status = status;
        this.statusText = reason;
        this.url = url;
        this.redirected = redirected;
        this.headers = new Headers(pairs(headers));
        this.#body = body;
    }

    get ok(): boolean {
        return this.status >= 200 && this.status <= 299;
    }

    get bodyUsed(): boolean {
        return this.#used;
    }

    #take<T>(convert: (body: ArrayBuffer) => T): Promise<T> {
        return new Promise((resolve) => {
            if (this.#used) throw new TypeError("body already used");
            this.#used = true;
            resolve(convert(this.#body));
        });
    }

    arrayBuffer(): Promise<ArrayBuffer> {
        return this.#take((body) => body);
    }

    text(): Promise<string> {
        return this.#take((body) => host.decode(body, false) as string);
    }

    json(): Promise<unknown> {
        return this.#take((body) => JSON.parse(host.decode(body, false) as string) as unknown);
    }
}

const REDIRECTS: Record<string, Redirect | undefined> = {
    __proto__: null as never,
    follow: Redirect.Follow,
    error: Redirect.Error,
    manual: Redirect.Manual,
};

function bodyBytes(body: unknown, headers: Headers): Bytes | undefined {
    if (body === undefined || body === null) return undefined;
    if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return requireBytes(body);
    const isForm = isInstance(body, "URLSearchParams");
    const isPlain = Object.getPrototypeOf(body) === Object.prototype;
    if (!headers.has("content-type")) {
        const form = "application/x-www-form-urlencoded;charset=UTF-8";
        headers.set("content-type", isForm ? form : isPlain ? "application/json" : "text/plain;charset=UTF-8");
    }
    return isPlain ? jsonText(body) : String(body as string);
}

export function fetch(input?: unknown, options?: FetchOptions): Promise<FetchResponse> {
    const url = String(input);
    if (!/^https?:\/\/[^/?#]/i.test(url)) throw new TypeError(`"${url}" is not an http or https URL`);
    const { method = "GET", redirect, redirects } = options ?? {};
    const verb = /^(delete|get|head|options|post|put)$/i.test(method) ? method.toUpperCase() : String(method);
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(verb)) throw new TypeError(`"${verb}" is not a method`);
    const mode = REDIRECTS[String(redirect ?? redirects ?? "follow")];
    if (mode === undefined) throw new TypeError('redirect must be "follow", "error" or "manual"');
    const headers = new Headers(options?.headers);
    const body = bodyBytes(options?.body, headers);
    if (body !== undefined && (verb === "GET" || verb === "HEAD"))
        throw new TypeError(`a ${verb} request has no body`);
    const flat: string[] = [];
    for (const [name, value] of headers) flat.push(name, value);
    return hostPromise(
        "fetch()",
        (handle, ticket) => host.fetch(handle, ticket, url, verb, flat, mode, body),
        (answer) => new FetchResponse(answer as Answer),
    );
}

export const http = { fetch };
