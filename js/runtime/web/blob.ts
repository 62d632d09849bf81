// Blob and File (File API), held in memory: parts of forms.

import { joinBytes, utf8, viewOf } from "../bytes";
import { streams, type Stream } from "./streams";

export interface BlobOptions {
    type?: unknown;
    endings?: unknown;
}

function partBytes(part: unknown, isNative: boolean): Uint8Array {
    if (part instanceof Blob) return blobBytes(part);
    if (part instanceof ArrayBuffer || ArrayBuffer.isView(part)) return viewOf(part);
    const text = `${part as string}`; // a Symbol is a TypeError
    return viewOf(isNative ? text.replace(/\r\n?/g, "\n") : text);
}

function hasNativeEndings(endings: unknown): boolean {
    const text = endings === undefined ? "transparent" : String(endings);
    if (text !== "transparent" && text !== "native") throw new TypeError('endings is "transparent" or "native"');
    return text === "native";
}

// A type with other characters is no type.
const typeOf = (type: unknown): string =>
    type === undefined || /[^\x20-\x7e]/.test(String(type)) ? "" : String(type).toLowerCase();

function index(value: unknown, size: number, otherwise: number): number {
    if (value === undefined) return otherwise;
    const n = Math.trunc(Number(value)) || 0;
    return n < 0 ? Math.max(size + n, 0) : Math.min(n, size);
}

// What a Blob has, whatever its class or the module makes of its properties. The bytes are not a copy.
export let blobBytes: (blob: Blob) => Uint8Array;
export let blobType: (blob: Blob) => string;

export class Blob {
    readonly #bytes: Uint8Array;
    readonly #type: string;

    constructor(parts?: unknown, options?: BlobOptions) {
        if (parts !== undefined && (parts === null || typeof parts !== "object" || !(Symbol.iterator in parts)))
            throw new TypeError("the parts of a Blob are an array");
        const isNative = hasNativeEndings(options?.endings);
        this.#bytes = joinBytes(Array.from((parts ?? []) as Iterable<unknown>, (part) => partBytes(part, isNative)));
        this.#type = typeOf(options?.type);
    }

    static {
        blobBytes = (blob) => blob.#bytes;
        blobType = (blob) => blob.#type;
    }

    get size(): number {
        return this.#bytes.length;
    }

    get type(): string {
        return this.#type;
    }

    slice(start?: unknown, end?: unknown, type?: unknown): Blob {
        const size = this.#bytes.length;
        return new Blob([this.#bytes.subarray(index(start, size, 0), index(end, size, size))], { type });
    }

    arrayBuffer(): Promise<ArrayBuffer> {
        return new Promise((resolve) => resolve(this.#bytes.slice().buffer));
    }

    bytes(): Promise<Uint8Array> {
        return new Promise((resolve) => resolve(this.#bytes.slice()));
    }

    text(): Promise<string> {
        return new Promise((resolve) => resolve(utf8(this.#bytes)));
    }

    stream(): Stream {
        const { ReadableStream } = streams();
        const bytes = this.#bytes;
        return new ReadableStream<unknown>({
            start(controller) {
                if (bytes.length > 0) controller.enqueue(bytes.slice());
                controller.close();
            },
        });
    }
}

export class File extends Blob {
    readonly #name: string;
    readonly #lastModified: number;

    constructor(parts: unknown, name: unknown, options?: BlobOptions & { lastModified?: unknown }) {
        if (name === undefined) throw new TypeError("a File has parts and a name");
        super(parts, options);
        this.#name = String(name);
        this.#lastModified = options?.lastModified === undefined ? Date.now() : Math.trunc(Number(options.lastModified)) || 0;
    }

    get name(): string {
        return this.#name;
    }

    get lastModified(): number {
        return this.#lastModified;
    }

    get webkitRelativePath(): string {
        return "";
    }
}
