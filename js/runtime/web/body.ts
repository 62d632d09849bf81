// The body of a Request or Response: text or bytes that are there, a stream of the host, or a ReadableStream. It is only
// made a ReadableStream when somebody asks for one.

import { joinBytes, utf8, viewOf } from "../bytes";
import { requireCurrent } from "../current";
import type { Headers } from "../fields";
import { host, Num, type Side } from "../host";
import type { Blob } from "./blob";
import type { FormData } from "./form_data";
import { isInstance } from "./load";
import { NativeStream } from "./native_stream";
import { isDisturbed, isStream, streams, type Stream } from "./streams";
import type { Source } from "./pump";

export type Content = string | Uint8Array | NativeStream | null;

declare function require(name: string): unknown;

// Reading the global makes its class, if it is not there yet.
const scope = globalThis as unknown as { Blob: unknown; FormData: unknown };

function blobs(): typeof import("./blob") {
    void scope.Blob;
    return require("./blob") as typeof import("./blob");
}

function forms(): typeof import("./form_data") {
    void scope.FormData;
    return require("./form_data") as typeof import("./form_data");
}

export interface Extracted {
    content: Content | Stream;
    type: string | undefined; // the Content-Type that goes with it
}

function copyOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
    if (data instanceof ArrayBuffer) return new Uint8Array(data.slice(0));
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}

// What a constructor's body stands for.
export function extract(body: unknown): Extracted {
    if (body === null || body === undefined) return { content: null, type: undefined };
    if (typeof body === "string") return { content: body, type: "text/plain;charset=UTF-8" };
    if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return { content: copyOf(body), type: undefined };
    if (isStream(body)) {
        if (body.locked || isDisturbed(body)) throw new TypeError("the stream is locked, or was read already");
        return { content: body, type: undefined };
    }
    if (isInstance(body, "URLSearchParams"))
        return { content: String(body), type: "application/x-www-form-urlencoded;charset=UTF-8" };
    if (isInstance(body, "Blob")) {
        const blob = body as Blob;
        const { blobBytes, blobType } = blobs();
        return { content: blobBytes(blob).slice(), type: blobType(blob) || undefined };
    }
    if (isInstance(body, "FormData")) {
        const { bytes, contentType } = forms().formDataToBytes(body as FormData);
        return { content: bytes, type: contentType };
    }
    return { content: `${body as string}`, type: "text/plain;charset=UTF-8" };
}

// Reads it to its end, within what a module may collect.
export async function readAll(source: Source): Promise<Uint8Array> {
    const max = host.number(requireCurrent("a body"), Num.BodyMax);
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (;;) {
        const { done, value } = await source.read();
        if (done) return joinBytes(pieces); // not what may still be the producer's
        if (!(value instanceof Uint8Array)) throw new TypeError("a chunk of the body is no Uint8Array");
        length += value.length;
        if (length > max) {
            const error = new TypeError(`the body is larger than ${max} bytes (limits.module_body_max)`);
            void source.cancel(error);
            throw error;
        }
        pieces.push(value);
    }
}

export function nativeSource(native: NativeStream): Source {
    return {
        read: () =>
            native.read().then((bytes) =>
                bytes === undefined ? { done: true } : { done: false, value: new Uint8Array(bytes) },
            ),
        cancel: () => native.cancel(),
    };
}

function bytesOf(content: string | Uint8Array): Uint8Array {
    return typeof content === "string" ? viewOf(content) : content;
}

// Without a byte order mark, whatever it was made of.
function textOf(content: string | Uint8Array): string {
    if (typeof content !== "string") return utf8(content);
    return content.startsWith("\ufeff") ? content.slice(1) : content;
}

function wholeStream(make: () => Uint8Array): Stream {
    const { ReadableStream } = streams();
    return new ReadableStream<unknown>(
        {
            pull(controller) {
                const bytes = make();
                if (bytes.length > 0) controller.enqueue(bytes);
                controller.close();
            },
        },
        { highWaterMark: 0 },
    );
}

// The body of a message of the host; null when it is there and empty.
export function bodyStream(handle: number, side: Side): Stream | null {
    const id = host.bodyStream(handle, side);
    if (id !== undefined) return new NativeStream(handle, id).toStream();
    const bytes = new Uint8Array(host.bodyBytes(handle, side));
    return bytes.length === 0 ? null : wholeStream(() => bytes);
}

const USED = "body already used";

// The insides of bodies, for the runtime only. All throw when the body was used.
// Takes the body out, which is used then: what is there as a whole is given as it is, all else as a source.
export let takeBody: (b: Body) => string | Uint8Array | Source | null;
// The body of another message, which it goes on with: it is used then.
export let moveBody: (b: Body) => Content | Stream;
// The body of a copy.
export let shareBody: (b: Body) => Content | Stream;
export let hasBody: (b: Body) => boolean;

export abstract class Body {
    #content: Content;
    #stream: Stream | undefined;
    #used = false;

    protected constructor(content: Content | Stream) {
        if (isStream(content)) {
            this.#stream = content;
            this.#content = null;
        } else this.#content = content;
    }

    get body(): Stream | null {
        if (this.#stream !== undefined || this.#content === null) return this.#stream ?? null;
        const content = this.#content;
        if (this.#used) {
            this.#stream = wholeStream(() => new Uint8Array(0));
            void this.#stream.cancel();
            this.#stream.getReader(); // as the one that reads it has
        } else if (content instanceof NativeStream) this.#stream = content.toStream();
        else this.#stream = wholeStream(() => bytesOf(content));
        return this.#stream;
    }

    get bodyUsed(): boolean {
        return this.#used || (this.#stream !== undefined && isDisturbed(this.#stream));
    }

    static {
        const requireUsable = (b: Body): void => {
            if (b.bodyUsed || b.#stream?.locked === true) throw new TypeError(USED);
        };
        hasBody = (b) => b.#stream !== undefined || b.#content !== null;
        takeBody = (b) => {
            requireUsable(b);
            const content = b.#content;
            if (b.#stream === undefined && content === null) return null;
            b.#used = true;
            if (b.#stream !== undefined) return b.#stream.getReader() as Source;
            return content instanceof NativeStream ? nativeSource(content) : content;
        };
        moveBody = (b) => {
            requireUsable(b);
            const content = b.#stream ?? b.#content;
            if (content === null) return null;
            b.#used = true;
            return isStream(content) ? content.pipeThrough(new (streams().TransformStream)()) : content;
        };
        shareBody = (b) => {
            requireUsable(b);
            if (b.#stream === undefined && !(b.#content instanceof NativeStream))
                return b.#content instanceof Uint8Array ? b.#content.slice() : b.#content;
            const [own, other] = (b.body as Stream).tee();
            b.#stream = own;
            b.#content = null;
            return other as Stream;
        };
    }

    async #whole(): Promise<string | Uint8Array> {
        const content = takeBody(this);
        if (content === null) return "";
        if (typeof content === "string" || content instanceof Uint8Array) return content;
        return readAll(content);
    }

    // Without waiting when the body is there: that is what most of a fetch's time in JavaScript would be.
    #read<T>(convert: (whole: string | Uint8Array) => T): Promise<T> {
        const content = this.#content;
        const isThere = typeof content === "string" || content instanceof Uint8Array;
        if (!isThere || this.#stream !== undefined) return this.#whole().then(convert);
        return new Promise((resolve) => {
            resolve(convert(takeBody(this) as string | Uint8Array));
        });
    }

    text(): Promise<string> {
        return this.#read(textOf);
    }

    json(): Promise<unknown> {
        return this.#read((whole) => JSON.parse(textOf(whole)) as unknown);
    }

    async bytes(): Promise<Uint8Array> {
        return bytesOf(await this.#whole()).slice();
    }

    async arrayBuffer(): Promise<ArrayBuffer> {
        const bytes = bytesOf(await this.#whole());
        const { buffer } = bytes;
        const isAll = bytes.byteOffset === 0 && bytes.byteLength === buffer.byteLength;
        return (isAll ? buffer : buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)) as ArrayBuffer;
    }

    async blob(): Promise<Blob> {
        const type = this.headers.get("content-type") ?? "";
        return new (blobs().Blob)([bytesOf(await this.#whole())], { type });
    }

    async formData(): Promise<FormData> {
        const type = this.headers.get("content-type") ?? "";
        return forms().parseFormData(bytesOf(await this.#whole()), type);
    }

    abstract get headers(): Headers;
}

// Makes the members of Body those of a class that extends it: in the standard it is a mixin.
export function mixInBody(type: { readonly prototype: Body }): void {
    const { constructor: _, ...members } = Object.getOwnPropertyDescriptors(Body.prototype);
    Object.defineProperties(type.prototype, members);
    Object.setPrototypeOf(type.prototype, Object.prototype);
}
