// ctx.response(): the response that modules make themselves.

import { jsonText, requireBytes } from "./body";
import { formatCookie, parseCookies, type Cookie, type CookieOptions } from "./cookies";
import { Fields } from "./fields";
import { host, Side, Text } from "./host";
import { postAnswer } from "./outbox";

export function requireStatus(code: unknown): number {
    const status = Number(code);
    if (!Number.isInteger(status) || status < 200 || status > 999)
        throw new RangeError(`${String(code)} is not a status from 200 to 999`);
    return status;
}

function escapeHtml(text: string): string {
    return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

// A URL reference without scheme and authority, resolved against the path of the request.
function resolveLocation(url: string, path: string): string {
    if (/^[a-z][a-z0-9+.-]*:/i.test(url) || url.startsWith("/")) return url;
    if (url === "" || url.startsWith("?") || url.startsWith("#")) return path + url;
    const end = url.search(/[?#]/);
    const own = end < 0 ? url : url.slice(0, end);
    const out: string[] = [];
    const all = path.slice(0, path.lastIndexOf("/") + 1) + own;
    for (const segment of all.split("/").slice(1))
        if (segment === "..") out.pop();
        else if (segment !== ".") out.push(segment);
    if (/(^|\/)\.\.?$/.test(own)) out.push("");
    return `/${out.join("/")}${end < 0 ? "" : url.slice(end)}`;
}

// As a Location field has it: the path of the request is decoded.
export function encodeLocation(url: string, path: string): string {
    return encodeURI(resolveLocation(url, path)).replace(/%25/g, "%");
}

const REASONS: Record<number, string> = { 301: "Moved Permanently", 307: "Temporary Redirect" };

export class Response {
    readonly locals: Record<string, unknown> = {};
    readonly #handle: number;
    #headers: Fields | undefined;
    #status = 200;
    #sent = false;

    constructor(handle: number) {
        this.#handle = handle;
    }

    get headers(): Fields {
        return (this.#headers ??= new Fields(this.#handle, Side.Response));
    }

    get headersSent(): boolean {
        return this.#sent;
    }

    get statusCode(): number {
        return this.#status;
    }

    set statusCode(code: number) {
        this.status(code);
    }

    status(code: number): this {
        this.#status = requireStatus(code);
        if (!this.#sent) host.setStatus(this.#handle, Side.Response, this.#status);
        return this;
    }

    send(data?: unknown): this {
        return this.end(data);
    }

    end(data?: unknown): this {
        if (typeof data !== "string" || !this.#post(data, false)) {
            const bytes = data === undefined || data === null ? undefined : requireBytes(data);
            host.send(this.#handle, this.#status, bytes);
        }
        this.#sent = true;
        return this;
    }

    // The first piece of a response, when it is short.
    #post(text: string, isJson: boolean): boolean {
        return !this.#sent && postAnswer(this.#handle, this.#status, isJson, text);
    }

    json(value: unknown): this {
        const text = jsonText(value);
        if (this.#post(text, true)) {
            this.#sent = true;
            return this;
        }
        this.headers.set("Content-Type", "application/json");
        return this.end(text);
    }

    location(url: string): this {
        this.headers.set("Location", url);
        return this;
    }

    redirect(url: string): this {
        return this.#redirect(url, 307);
    }

    redirectPermanent(url: string): this {
        return this.#redirect(url, 301);
    }

    #redirect(url: unknown, status: number): this {
        const target = encodeLocation(String(url), host.text(this.#handle, Text.Path));
        const method = host.text(this.#handle, Text.Method);
        this.location(target).status(status);
        const isRead = method === "GET" || method === "HEAD";
        if (isRead && !this.headers.has("Content-Type")) this.headers.set("Content-Type", "text/html; charset=utf-8");
        if (method !== "GET") return this.end();
        return this.end(`<a href="${escapeHtml(target)}">${REASONS[status]}</a>.\n\n`);
    }

    cookie(name: string, value: unknown, options?: CookieOptions, ...more: unknown[]): this {
        if (more.length > 0) throw new TypeError("too many arguments");
        this.headers.add("Set-Cookie", formatCookie(String(name), String(value), options ?? {}));
        return this;
    }

    getCookies(): Cookie[] {
        return parseCookies(host.fieldValues(this.#handle, Side.Request, "Cookie"));
    }

    getCookie(name: string): Cookie | null {
        return this.getCookies().find((c) => c.name === name) ?? null;
    }
}
