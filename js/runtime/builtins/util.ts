// import … from "dgate/util"

import { host } from "../host";

// ctx.upstream() or ctx.request()
interface Message {
    readBody(): ArrayBuffer | PromiseLike<ArrayBuffer>;
    writeBody(data: string): unknown;
}

function requireMessage(value: unknown): Message {
    const m = value as Partial<Message> | null | undefined;
    if (typeof m?.readBody === "function" && typeof m.writeBody === "function") return m as Message;
    throw new TypeError("readWriteBody() takes ctx.upstream() or ctx.request() as a first argument");
}

// Replaces a body by what callback makes of its text, and gives that.
function readWriteBody(message?: unknown, callback?: unknown): Promise<string> {
    const m = requireMessage(message);
    if (typeof callback !== "function") throw new TypeError("readWriteBody() takes a function as a second argument");
    return Promise.resolve(m.readBody())
        .then((bytes) => (callback as (text: string) => unknown)(host.decode(bytes, false) as string))
        .then((body) => {
            if (typeof body !== "string")
                throw new TypeError("the callback of readWriteBody() must return a string");
            m.writeBody(body);
            return body;
        });
}

export const util = { readWriteBody };
