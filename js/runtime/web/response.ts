// Response of the Fetch standard.

import { jsonText } from "../body";
import { addMissing, Headers, pairs, type HeadersInit } from "../fields";
import { Body, extract, mixInBody, shareBody, type Content } from "./body";
import { NativeStream } from "./native_stream";
import type { Stream } from "./streams";
import { parse } from "./url_parse";

export interface ResponseInit {
    status?: number;
    statusText?: string;
    headers?: HeadersInit;
}

// What host.fetch() settles with (src/script/host_fetch.c): a head, and behind it the body if all of it is ASCII; or a head,
// and the body or the number of its stream. A head is "status redirected length url", the reason, and header names and
// values, a line each; the latter are length characters long if a body follows.
export type Answer = string | [head: string, body: ArrayBuffer | number];

interface Origin {
    url: string;
    redirected: boolean;
    type: string;
}

const OWN: Origin = { url: "", redirected: false, type: "default" };

// What only the runtime may make.
interface Inside {
    status: number;
    statusText: string;
    headers: Headers | string; // or the lines to make them of when they are asked for
    content: Content | Stream;
    origin: Origin;
}

function hasNoBody(status: number): boolean {
    return status === 101 || status === 103 || status === 204 || status === 205 || status === 304;
}

function requireStatus(value: unknown): number {
    const status = value === undefined ? 200 : Number(value);
    if (!Number.isInteger(status) || status < 200 || status > 599)
        throw new RangeError(`${String(value)} is not a status from 200 to 599`);
    return status;
}

function requireReason(value: unknown): string {
    if (value === undefined) return "";
    const text = String(value);
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) throw new TypeError("statusText has characters that are not allowed");
    return text;
}

function make(body: unknown, init: ResponseInit, type?: string): Inside {
    // ctx.upstream(), as in new Response(body, ctx.upstream())
    const upstream = typeof init.status === "function" ? (init as unknown as { statusCode: number }) : undefined;
    const status = requireStatus(upstream === undefined ? init.status : upstream.statusCode);
    const statusText = upstream === undefined ? requireReason(init.statusText) : "";
    const headers = new Headers(init.headers);
    const extracted = extract(body);
    if (extracted.content !== null && hasNoBody(status)) throw new TypeError(`a response with status ${status} has no body`);
    const own = type ?? extracted.type;
    if (own !== undefined) addMissing(headers, "content-type", own);
    return { status, statusText, headers, content: extracted.content, origin: OWN };
}

// An absolute URL is normalized. A relative one stays so, with what may not stand in it escaped.
function locationOf(url: string): string {
    const text = (url as string & { toWellFormed(): string }).toWellFormed().replace(/^[\0- ]+|[\0- ]+$|[\t\n\r]/g, "");
    if (/^[a-z][a-z0-9+.-]*:/i.test(text)) return parse(text);
    return text.replace(/[^\x21-\x7e]|["<>`{}]/gu, encodeURIComponent);
}

const { isPrototypeOf } = Object.prototype;

let inside: Inside | undefined; // for the constructor, from within

function construct(own: Inside): Response {
    inside = own;
    return new Response();
}

export let isResponse: (value: unknown) => value is Response;

// What looks like a Response to whoever made it, but has nothing of one inside.
export function isFalseResponse(value: unknown): boolean {
    return isPrototypeOf.call(Response.prototype, value as object);
}

export class Response extends Body {
    readonly #status: number;
    readonly #statusText: string;
    #headers: Headers | string;
    readonly #origin: Origin;

    constructor(body?: unknown, init?: ResponseInit | null) {
        const given = inside;
        inside = undefined;
        const own = given ?? make(body, init ?? {});
        super(own.content);
        this.#status = own.status;
        this.#statusText = own.statusText;
        this.#headers = own.headers;
        this.#origin = own.origin;
    }

    static json(data?: unknown, init?: ResponseInit | null): Response {
        return construct(make(jsonText(data), init ?? {}, "application/json"));
    }

    static redirect(...args: [url?: unknown, status?: unknown]): Response {
        if (args.length === 0) throw new TypeError("redirect() takes a URL");
        const location = locationOf(`${args[0] as string}`);
        const status = args[1] === undefined ? 302 : args[1];
        const code = Number(status);
        if (![301, 302, 303, 307, 308].includes(code))
            throw new RangeError(`${String(status)} is not a status of a redirect: 301, 302, 303, 307 or 308`);
        const headers = new Headers({ location });
        return construct({ status: code, statusText: "", headers, content: null, origin: OWN });
    }

    static error(): Response {
        const origin = { ...OWN, type: "error" };
        return construct({ status: 0, statusText: "", headers: new Headers(), content: null, origin });
    }

    get type(): string {
        return this.#origin.type;
    }

    get url(): string {
        return this.#origin.url;
    }

    get redirected(): boolean {
        return this.#origin.redirected;
    }

    get status(): number {
        return this.#status;
    }

    get ok(): boolean {
        return this.#status >= 200 && this.#status <= 299;
    }

    get statusText(): string {
        return this.#statusText;
    }

    get headers(): Headers {
        const own = this.#headers;
        if (typeof own !== "string") return own;
        return (this.#headers = new Headers(own === "" ? [] : pairs(own.split("\n"))));
    }

    clone(): Response {
        return construct({
            status: this.#status,
            statusText: this.#statusText,
            headers: new Headers(this.headers),
            content: shareBody(this),
            origin: this.#origin,
        });
    }

    static {
        isResponse = (value): value is Response => typeof value === "object" && value !== null && #status in value;
    }
}

mixInBody(Response);

function parseHead(head: string, isAll: boolean): { own: Omit<Inside, "content">; end: number } {
    const lengthEnd = head.indexOf(" ", 6);
    const urlEnd = head.indexOf("\n", lengthEnd);
    const reasonEnd = head.indexOf("\n", urlEnd + 1);
    const end = isAll ? head.length : reasonEnd + 1 + Number(head.slice(6, lengthEnd));
    const own = {
        status: Number(head.slice(0, 3)),
        statusText: head.slice(urlEnd + 1, reasonEnd),
        headers: head.slice(reasonEnd + 1, end),
        origin: { url: head.slice(lengthEnd + 1, urlEnd), redirected: head[4] === "1", type: "basic" },
    };
    return { own, end };
}

// The response of a fetch with that method, and the stream of its body if that comes piece by piece.
export function ofAnswer(handle: number, method: string, answer: Answer): { response: Response; native: NativeStream | undefined } {
    const isWhole = typeof answer === "string";
    const { own, end } = isWhole ? parseHead(answer, false) : parseHead(answer[0], true);
    const body = isWhole ? answer.slice(end) : answer[1];
    const native = typeof body === "number" ? new NativeStream(handle, body) : undefined;
    const whole = typeof body === "string" ? body : new Uint8Array(body as ArrayBuffer);
    const content = native ?? (method === "HEAD" || hasNoBody(own.status) ? null : whole);
    return { response: construct({ ...own, content }), native };
}
