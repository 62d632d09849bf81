// ReadableStream, WritableStream and TransformStream: of the package web-streams-polyfill, which is evaluated when a module
// first uses one of them.

import type * as Library from "web-streams-polyfill";
import { defineLazily } from "./load";

declare function require(name: "web-streams-polyfill"): typeof Library;

let library: typeof Library | undefined;

export function streams(): typeof Library {
    return (library ??= require("web-streams-polyfill"));
}

export type Stream = Library.ReadableStream<unknown>;

export function isStream(value: unknown): value is Stream {
    return library !== undefined && value instanceof library.ReadableStream;
}

// Whether something has been read of it, or it was cancelled.
export function isDisturbed(stream: Stream): boolean {
    return (stream as unknown as { _disturbed?: boolean })._disturbed === true;
}

const NAMES = [
    "ReadableStream",
    "ReadableStreamDefaultReader",
    "ReadableStreamBYOBReader",
    "ReadableStreamDefaultController",
    "ReadableByteStreamController",
    "ReadableStreamBYOBRequest",
    "WritableStream",
    "WritableStreamDefaultWriter",
    "WritableStreamDefaultController",
    "TransformStream",
    "TransformStreamDefaultController",
    "ByteLengthQueuingStrategy",
    "CountQueuingStrategy",
] as const;

interface TextDecoderLike {
    readonly encoding: string;
    readonly fatal: boolean;
    readonly ignoreBOM: boolean;
    decode(input?: unknown, options?: { stream?: boolean }): string;
}

type NewDecoder = new (label?: unknown, options?: object) => TextDecoderLike;
type NewEncoder = new () => { encode(text: string): Uint8Array };

function codecs(Decoder: NewDecoder, Encoder: NewEncoder) {
    const { TransformStream } = streams();

    class TextEncoderStream {
        readonly #pair: Library.TransformStream<unknown, Uint8Array>;

        constructor() {
            const encoder = new Encoder();
            let high = ""; // a surrogate whose other half is still to come
            this.#pair = new TransformStream<unknown, Uint8Array>({
                transform(chunk, controller) {
                    let text = high + String(chunk);
                    high = "";
                    const last = text.charCodeAt(text.length - 1);
                    if (last >= 0xd800 && last <= 0xdbff) {
                        high = text.slice(-1);
                        text = text.slice(0, -1);
                    }
                    if (text !== "") controller.enqueue(encoder.encode(text));
                },
                flush(controller) {
                    if (high !== "") controller.enqueue(encoder.encode(high));
                },
            });
        }

        get encoding(): string {
            return "utf-8";
        }

        get readable(): unknown {
            return this.#pair.readable;
        }

        get writable(): unknown {
            return this.#pair.writable;
        }
    }

    class TextDecoderStream {
        readonly #pair: Library.TransformStream<unknown, string>;
        readonly #decoder: TextDecoderLike;

        constructor(label?: unknown, options?: object) {
            const decoder = new Decoder(label ?? "utf-8", options ?? {});
            this.#decoder = decoder;
            const give = (text: string, controller: Library.TransformStreamDefaultController<string>) => {
                if (text !== "") controller.enqueue(text);
            };
            this.#pair = new TransformStream<unknown, string>({
                transform: (chunk, controller) => give(decoder.decode(chunk, { stream: true }), controller),
                flush: (controller) => give(decoder.decode(), controller),
            });
        }

        get encoding(): string {
            return this.#decoder.encoding;
        }

        get fatal(): boolean {
            return this.#decoder.fatal;
        }

        get ignoreBOM(): boolean {
            return this.#decoder.ignoreBOM;
        }

        get readable(): unknown {
            return this.#pair.readable;
        }

        get writable(): unknown {
            return this.#pair.writable;
        }
    }

    return { TextEncoderStream, TextDecoderStream };
}

export function defineStreams(Decoder: NewDecoder, Encoder: NewEncoder): void {
    defineLazily(NAMES, () => streams() as unknown as Record<string, unknown>);
    defineLazily(["TextEncoderStream", "TextDecoderStream"], () => codecs(Decoder, Encoder));
}
