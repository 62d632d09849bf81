// import { fetch } from "dgate/http"

import { jsonText, requireBytes } from "../body";
import { addWaiting, removeWaiting, requireCurrent } from "../current";
import { fetchHook } from "../fetch_hook";
import { fetchUrl } from "../fetch_url";
import { addMissing, Headers, type HeadersInit } from "../fields";
import { host, Redirect, type Bytes } from "../host";
import { extract, readAll, takeBody, type Content } from "../web/body";
import { givenSignal, isRequest, requireMethod, requireRedirect, requireSignal, type Request, type Signal } from "../web/request";
import { ofAnswer, type Answer, type Response } from "../web/response";
import { isStream } from "../web/streams";
import type { Source } from "../web/pump";

export interface FetchOptions {
    method?: string;
    headers?: HeadersInit;
    body?: unknown;
    redirect?: string;
    redirects?: string; // DGate 1's spelling
    signal?: Signal | null;
}

const REDIRECTS: Record<string, Redirect | undefined> = {
    __proto__: null as never,
    follow: Redirect.Follow,
    error: Redirect.Error,
    manual: Redirect.Manual,
};

interface Call {
    url: string;
    method: string;
    headers: Headers;
    redirect: Redirect;
    body: Bytes | Source | undefined;
    signal: Signal | null;
}

function isSource(body: unknown): body is Source {
    return typeof body === "object" && body !== null && typeof (body as Partial<Source>).read === "function";
}

// The body of an option; a plain object goes as JSON.
function bodyOf(body: unknown, headers: Headers): Bytes | Source | undefined {
    if (body === undefined || body === null) return undefined;
    if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return requireBytes(body);
    const isPlain = Object.getPrototypeOf(body) === Object.prototype;
    const { content, type } = isPlain ? { content: jsonText(body), type: "application/json" } : extract(body);
    if (type !== undefined) addMissing(headers, "content-type", type);
    return isStream(content) ? (content.getReader() as Source) : (content as Exclude<Content, object | null> | Uint8Array);
}

function describeCall(input: unknown, options: FetchOptions): Call {
    const from: Request | undefined = isRequest(input) ? input : undefined;
    const url = fetchUrl(from?.url ?? String(input));
    const method = options.method === undefined ? (from?.method ?? "GET") : requireMethod(options.method);
    const mode = options.redirect ?? options.redirects ?? from?.redirect ?? "follow";
    const redirect = REDIRECTS[requireRedirect(mode)] as Redirect;
    const headers = new Headers(options.headers ?? from?.headers);
    const signal = options.signal === undefined ? (from === undefined ? null : givenSignal(from)) : requireSignal(options.signal);
    const own = bodyOf(options.body, headers);
    const body = own ?? (from === undefined ? undefined : (takeBody(from) ?? undefined));
    if (body !== undefined && (method === "GET" || method === "HEAD"))
        throw new TypeError(`a ${method} request has no body`);
    return { url, method, headers, redirect, body, signal };
}

function unlessAborted<T>(answered: Promise<T>, signal: Signal): Promise<T> {
    return new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
        answered.then(resolve, reject);
    });
}

// Begins it; the promise fails when the signal is aborted first, and the body that comes later with it.
function start(call: Call, body: Bytes | undefined): Promise<Response> {
    const handle = requireCurrent("fetch()");
    const { signal } = call;
    const faked = fetchHook.fake?.(call.url, call.method, [...call.headers].flat(), body);
    if (faked !== undefined) {
        const answered = faked.then(
            (a) => ofAnswer(handle, call.method, [`${a.status} 0 0 ${call.url}\n\n${a.headers.flat().join("\n")}`, a.body]).response,
        );
        return signal === null ? answered : unlessAborted(answered, signal);
    }
    let head = `${call.method}\n${call.url}`;
    call.headers.forEach((value, name) => (head += `\n${name}\n${value}`));
    return new Promise((resolve, reject) => {
        let abortBody: ((reason: unknown) => void) | undefined;
        const onAbort = () => {
            signal?.removeEventListener("abort", onAbort);
            if (removeWaiting(handle, ticket)) host.fetchCancel(handle, ticket);
            reject(signal?.reason as Error);
            abortBody?.(signal?.reason);
        };
        const ticket = addWaiting(handle, {
            settle: (answer) => {
                const { response, native } = ofAnswer(handle, call.method, answer as Answer);
                if (native === undefined) signal?.removeEventListener("abort", onAbort);
                else abortBody = (reason) => native.fail(reason);
                resolve(response);
            },
            fail: (text) => {
                signal?.removeEventListener("abort", onAbort);
                reject(new TypeError(text));
            },
        });
        try {
            host.fetch(handle, ticket, head, call.redirect, body);
        } catch (error) {
            removeWaiting(handle, ticket);
            throw new TypeError((error as Error).message);
        }
        signal?.addEventListener("abort", onAbort);
    });
}

function throwIfAborted(signal: Signal | null): void {
    if (signal?.aborted === true) throw signal.reason;
}

// A request's body goes as a whole.
async function startWithAll(call: Call, source: Source): Promise<Response> {
    const body = await readAll(source);
    throwIfAborted(call.signal);
    return start(call, body);
}

export function fetch(input?: unknown, options?: FetchOptions | null): Promise<Response> {
    try {
        const call = describeCall(input, options ?? {});
        throwIfAborted(call.signal);
        return isSource(call.body) ? startWithAll(call, call.body) : start(call, call.body);
    } catch (error) {
        return Promise.reject(error as Error);
    }
}

export const http = { fetch };
