// ctx.upstream(): the response of the upstream, while a responseModifier runs.

import { jsonText, requireBytes } from "./body";
import { GatewayError } from "./errors";
import { parseSetCookie, type Cookie } from "./cookies";
import { Fields } from "./fields";
import { host, Num, Side, Text } from "./host";
import { lazy, snapshot } from "./lazy";
import { Query } from "./query";
import { encodeLocation, requireStatus } from "./response";
import { bodyStream, nativeSource, readAll } from "./web/body";
import { NativeStream } from "./web/native_stream";
import { pump, type Source } from "./web/pump";
import { isStream, type Stream } from "./web/streams";

// Rejects instead of throwing.
function promised<T>(make: () => T | Promise<T>): Promise<T> {
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
    #stream: Stream | null | undefined; // the body as a stream, once somebody asked for it
    #out: Stream | NativeStream | undefined; // what a module set in its place
    #collected: Promise<void> | undefined; // all of that, once somebody asked for it

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
        return this.#read(() => host.bodyBytes(this.#handle, Side.Upstream));
    }

    readJson(): Promise<unknown> {
        return this.#read(() => JSON.parse(host.bodyText(this.#handle, Side.Upstream)) as unknown);
    }

    #read<T>(read: () => T): Promise<T> {
        return promised(() => Upstream.collect(this)?.then(read) ?? read());
    }

    // The body as text, for who cannot wait: a stream has to be collected before.
    static text(u: Upstream): string {
        if (u.#out !== undefined) throw new GatewayError("the response body is not available here");
        return host.bodyText(u.#handle, Side.Upstream);
    }

    // Makes a stream that a module set the body that is there as a whole. undefined: there is no such stream.
    static collect(u: Upstream): Promise<void> | undefined {
        if (u.#out === undefined) return undefined;
        return (u.#collected ??= u.#collect(u.body as Stream));
    }

    async #collect(out: Stream): Promise<void> {
        const bytes = await readAll(out.getReader() as Source);
        if (this.#out === out) this.writeBody(bytes);
    }

    // The body piece by piece; what is read of it is not sent.
    get body(): Stream | null {
        if (this.#out instanceof NativeStream) this.#out = this.#out.toStream();
        return this.#out ?? (this.#stream ??= bodyStream(this.#handle, Side.Upstream));
    }

    setBody(data: unknown): this {
        if (!isStream(data) && !(data instanceof NativeStream)) return this.writeBody(data);
        if (isStream(data) && data.locked) throw new TypeError("the stream is locked");
        this.#out = data;
        this.#collected = undefined;
        return this;
    }

    static send(u: Upstream): void {
        const out = u.#out;
        if (out !== undefined) pump(u.#handle, isStream(out) ? (out.getReader() as Source) : nativeSource(out));
    }

    writeBody(data: unknown): this {
        host.bodyWrite(this.#handle, Side.Upstream, requireBytes(data));
        this.#stream = this.#out = this.#collected = undefined;
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
        this.headers.set("Location", encodeLocation(String(url), path));
        this.headers.del("Content-Type");
        this.headers.del("Content-Encoding");
        this.statusCode = status;
        return this.writeBody("");
    }

    query(): Query {
        return new Query(host.text(this.#handle, Text.UpstreamQuery));
    }

    cookie(): Cookie[] {
        return host.fieldValues(this.#handle, Side.Upstream, "Set-Cookie").map(parseSetCookie);
    }

    toJSON(): Record<string, unknown> {
        return { statusCode: this.statusCode, ...snapshot(this) };
    }
}
