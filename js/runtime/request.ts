// ctx.request()

import { jsonText, requireBytes } from "./body";
import { requireAlive } from "./current";
import { Fields } from "./fields";
import { host, Num, Side, Text } from "./host";
import { lazy, snapshot } from "./lazy";
import { Query } from "./query";
import { bodyStream } from "./web/body";
import type { Stream } from "./web/streams";

export class Request {
    declare readonly method: string;
    declare readonly path: string;
    declare readonly host: string;
    declare readonly proto: string;
    declare readonly remoteAddress: string;
    declare readonly contentLength: number;
    declare readonly headers: Fields;
    declare readonly query: Query;
    readonly #handle: number;
    #headers: Fields | undefined;
    #query: Query | undefined;
    #body: Stream | null | undefined;

    constructor(handle: number) {
        this.#handle = handle;
    }

    static {
        const text = (what: Text) => (r: Request) => host.text(r.#handle, what);
        lazy(Request.prototype, {
            method: text(Text.Method),
            path: text(Text.Path),
            host: text(Text.Host),
            proto: text(Text.Proto),
            remoteAddress: text(Text.RemoteAddress),
            contentLength: (r) => host.number(r.#handle, Num.ContentLength),
            headers: (r) => (r.#headers ??= new Fields(r.#handle, Side.Request)),
            query: (r) => {
                requireAlive(r.#handle);
                return (r.#query ??= new Query(host.text(r.#handle, Text.Query)));
            },
        });
    }

    readBody(): ArrayBuffer {
        return host.bodyBytes(this.#handle, Side.Request);
    }

    readJson(): unknown {
        return JSON.parse(host.bodyText(this.#handle, Side.Request));
    }

    // The body piece by piece, in a requestHandler; null when there is none.
    get body(): Stream | null {
        return (this.#body ??= bodyStream(this.#handle, Side.Request));
    }

    writeBody(data: unknown): void {
        host.bodyWrite(this.#handle, Side.Request, requireBytes(data));
        this.#body = undefined;
    }

    writeJson(value: unknown): void {
        this.writeBody(jsonText(value));
        this.headers.set("Content-Type", "application/json");
    }

    toJSON(): Record<string, unknown> {
        return snapshot(this);
    }
}
