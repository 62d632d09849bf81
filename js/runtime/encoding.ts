// TextEncoder and TextDecoder, for UTF-8.

import { host } from "./host";

export class TextEncoder {
    get encoding(): string {
        return "utf-8";
    }

    encode(text: unknown = ""): Uint8Array {
        return new Uint8Array(host.encode(String(text)));
    }

    encodeInto(text: unknown, target: Uint8Array): { read: number; written: number } {
        let read = 0;
        let written = 0;
        for (const c of String(text)) {
            const bytes = this.encode(c);
            if (written + bytes.length > target.length) break;
            target.set(bytes, written);
            written += bytes.length;
            read += c.length;
        }
        return { read, written };
    }
}

// Bytes of a character that has only begun at the end of b.
function unfinished(b: Uint8Array): number {
    for (let back = 1; back <= 3 && back <= b.length; back++) {
        const octet = b[b.length - back] as number;
        if (octet < 0x80) return 0;
        if (octet < 0xc0) continue;
        const length = octet < 0xe0 ? 2 : octet < 0xf0 ? 3 : 4;
        return back < length ? back : 0;
    }
    return 0;
}

function octetsOf(input: unknown): Uint8Array {
    if (input === undefined) return new Uint8Array(0);
    if (input instanceof ArrayBuffer) return new Uint8Array(input);
    if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    throw new TypeError("decode() takes an ArrayBuffer or a view of one");
}

export class TextDecoder {
    readonly fatal: boolean;
    readonly ignoreBOM: boolean;
    #rest = new Uint8Array(0);
    #begun = false;

    constructor(label: unknown = "utf-8", options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
        const name = String(label).trim().toLowerCase();
        if (!["utf-8", "utf8", "unicode-1-1-utf-8"].includes(name))
            throw new RangeError(`the encoding "${name}" is not supported, only utf-8`);
        this.fatal = options.fatal === true;
        this.ignoreBOM = options.ignoreBOM === true;
    }

    get encoding(): string {
        return "utf-8";
    }

    decode(input?: unknown, options: { stream?: boolean } = {}): string {
        const given = octetsOf(input);
        let all = given;
        if (this.#rest.length > 0) {
            all = new Uint8Array(this.#rest.length + given.length);
            all.set(this.#rest);
            all.set(given, this.#rest.length);
        }
        const keep = options.stream === true ? unfinished(all) : 0;
        this.#rest = all.slice(all.length - keep);
        const text = host.decode(all.subarray(0, all.length - keep), this.fatal);
        if (text === undefined) throw new TypeError("the bytes are not UTF-8");
        const drop = !this.ignoreBOM && !this.#begun && text.startsWith("\ufeff");
        this.#begun = options.stream === true && (this.#begun || text !== "");
        return drop ? text.slice(1) : text;
    }
}
