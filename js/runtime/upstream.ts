// ctx.upstream(): the response of the upstream, while a responseModifier runs.

import { jsonText, requireBytes } from "./body";
import { parseSetCookie, type Cookie } from "./cookies";
import { Fields } from "./fields";
import { host, Num, Side, Text } from "./host";
import { lazy, snapshot } from "./lazy";
import { Query } from "./query";
import { requireStatus, resolveLocation } from "./response";

// Rejects instead of throwing.
function promised<T>(make: () => T): Promise<T> {
    return new Promise((resolve) => resolve(make()));
}

export class Upstream {
    declare readonly headers: Fields;
    declare readonly trailer: Fields;
    declare readonly statusText: string;
    declare readonly protocol: string;
    declare readonly contentLength: number;
    declare readonly transferEncoding: string[];
    declare readonly uncompressed: boolean;
    readonly #handle: number;
    #headers: Fields | undefined;
    #trailer: Fields | undefined;

    constructor(handle: number) {
        this.#handle = handle;
    }

    static {
        lazy(Upstream.prototype, {
            headers: (u) => (u.#headers ??= new Fields(u.#handle, Side.Upstream)),
            trailer: (u) => (u.#trailer ??= new Fields(u.#handle, Side.UpstreamTrailers)),
            statusText: (u) => `${u.statusCode} ${host.text(u.#handle, Text.UpstreamReason)}`.trimEnd(),
            protocol: (u) => host.text(u.#handle, Text.UpstreamProto),
            contentLength: (u) => host.number(u.#handle, Num.UpstreamLength),
            transferEncoding: (u) => (u.contentLength < 0 ? ["chunked"] : []),
            uncompressed: () => false,
        });
    }

    get statusCode(): number {
        return host.number(this.#handle, Num.UpstreamStatus);
    }

    set statusCode(code: number) {
        host.setStatus(this.#handle, Side.Upstream, requireStatus(code));
    }

    status(code: number): this {
        this.statusCode = code;
        return this;
    }

    readBody(): Promise<ArrayBuffer> {
        return promised(() => host.bodyBytes(this.#handle, Side.Upstream));
    }

    readJson(): Promise<unknown> {
        return promised(() => JSON.parse(host.bodyText(this.#handle, Side.Upstream)) as unknown);
    }

    writeBody(data: unknown): this {
        host.bodyWrite(this.#handle, Side.Upstream, requireBytes(data));
        return this;
    }

    writeJson(value: unknown): this {
        this.writeBody(jsonText(value));
        this.headers.set("Content-Type", "application/json");
        return this;
    }

    redirect(url: string): this {
        return this.#redirect(url, 307);
    }

    redirectPermanent(url: string): this {
        return this.#redirect(url, 301);
    }

    #redirect(url: unknown, status: number): this {
        const path = host.text(this.#handle, Text.Path);
        this.headers.set("Location", resolveLocation(String(url), path));
        this.headers.del("Content-Type");
        this.headers.del("Content-Encoding");
        this.statusCode = status;
        return this.writeBody("");
    }

    query(): Query {
        const url = host.text(this.#handle, Text.UpstreamUrl);
        const mark = url.indexOf("?");
        return new Query(mark < 0 ? "" : url.slice(mark + 1));
    }

    cookie(): Cookie[] {
        return host.fieldValues(this.#handle, Side.Upstream, "Set-Cookie").map(parseSetCookie);
    }

    toJSON(): Record<string, unknown> {
        return { statusCode: this.statusCode, ...snapshot(this) };
    }
}
