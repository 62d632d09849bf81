// TextEncoder and TextDecoder (Encoding standard): UTF-8, UTF-16 and windows-1252, which is also what "latin1" means.

import { encode } from "./bytes";
import { Charset, host } from "./host";

export class TextEncoder {
    get encoding(): string {
        return "utf-8";
    }

    encode(text: unknown = ""): Uint8Array {
        return encode(String(text));
    }

    encodeInto(text: unknown, target: Uint8Array): { read: number; written: number } {
        if (!(target instanceof Uint8Array)) throw new TypeError("encodeInto() writes to a Uint8Array");
        const source = String(text);
        const all = this.encode(source);
        let written = Math.min(all.length, target.length);
        // A character that does not fit is left out.
        while (written < all.length && ((all[written] as number) & 0xc0) === 0x80) written--;
        const bytes = all.subarray(0, written);
        target.set(bytes);
        const read = written === all.length ? source.length : (host.decode(bytes, false) as string).length;
        return { read, written };
    }
}

interface Encoding {
    name: string;
    charset: Charset | undefined; // undefined: UTF-8
    unfinished: (bytes: Uint8Array) => number; // bytes of a character that has only begun at the end
}

// The bounds of the byte after a first one (Encoding standard, section 8.1.1).
function isSecond(first: number, second: number): boolean {
    const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
}

function unfinishedUtf8(b: Uint8Array): number {
    for (let back = 1; back <= 3 && back <= b.length; back++) {
        const octet = b[b.length - back] as number;
        if (octet < 0x80 || octet > 0xf4) return 0;
        if (octet < 0xc2) continue; // may follow a first byte
        const length = octet < 0xe0 ? 2 : octet < 0xf0 ? 3 : 4;
        const isBegun = back === 1 || isSecond(octet, b[b.length - back + 1] as number);
        return isBegun && back < length ? back : 0;
    }
    return 0;
}

// Half a unit, and the first half of a surrogate pair.
function unfinishedUtf16(highByte: number): (b: Uint8Array) => number {
    return (b) => {
        const odd = b.length % 2;
        const last = b.length - odd - 2;
        return last >= 0 && ((b[last + highByte] as number) & 0xfc) === 0xd8 ? odd + 2 : odd;
    };
}

const UTF8: Encoding = { name: "utf-8", charset: undefined, unfinished: unfinishedUtf8 };
const ENCODINGS: readonly [Encoding, string][] = [
    [UTF8, "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8"],
    [
        { name: "utf-16le", charset: Charset.Utf16le, unfinished: unfinishedUtf16(1) },
        "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
    ],
    [{ name: "utf-16be", charset: Charset.Utf16be, unfinished: unfinishedUtf16(0) }, "unicodefffe utf-16be"],
    [
        { name: "windows-1252", charset: Charset.Windows1252, unfinished: () => 0 },
        "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 " +
            "iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252",
    ],
];

function findEncoding(label: unknown): Encoding {
    const name = String(label)
        .replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, "")
        .toLowerCase();
    if (name === "utf-8") return UTF8;
    const found = ENCODINGS.find(([, labels]) => labels.split(" ").includes(name));
    if (found === undefined)
        throw new RangeError(`the encoding "${name}" is not supported, only utf-8, utf-16le, utf-16be and windows-1252`);
    return found[0];
}

function octetsOf(input: unknown): Uint8Array {
    if (input === undefined) return new Uint8Array(0);
    if (input instanceof ArrayBuffer) return new Uint8Array(input);
    if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    throw new TypeError("decode() takes an ArrayBuffer or a view of one");
}

const NONE = new Uint8Array(0);

export class TextDecoder {
    readonly #encoding: Encoding;
    readonly #fatal: boolean;
    readonly #ignoreBOM: boolean;
    #rest = NONE;
    #begun = false;

    constructor(label: unknown = "utf-8", options?: { fatal?: unknown; ignoreBOM?: unknown } | null) {
        this.#encoding = findEncoding(label);
        this.#fatal = Boolean(options?.fatal);
        this.#ignoreBOM = Boolean(options?.ignoreBOM);
    }

    get encoding(): string {
        return this.#encoding.name;
    }

    get fatal(): boolean {
        return this.#fatal;
    }

    get ignoreBOM(): boolean {
        return this.#ignoreBOM;
    }

    // What has come so far, but for a character at the end that has only begun, if more follows.
    #take(input: unknown, more: boolean): Uint8Array {
        let all = octetsOf(input);
        if (this.#rest.length > 0) {
            const joined = new Uint8Array(this.#rest.length + all.length);
            joined.set(this.#rest);
            joined.set(all, this.#rest.length);
            all = joined;
        }
        const keep = more ? this.#encoding.unfinished(all) : 0;
        this.#rest = keep > 0 ? all.slice(all.length - keep) : NONE;
        return keep > 0 ? all.subarray(0, all.length - keep) : all;
    }

    decode(input?: unknown, options?: { stream?: unknown } | null): string {
        const more = Boolean(options?.stream);
        const bytes = this.#take(input, more);
        const { charset, name } = this.#encoding;
        const text =
            charset === undefined ? host.decode(bytes, this.#fatal) : host.decodeAs(bytes, charset, this.#fatal);
        if (text === undefined) {
            this.#rest = NONE;
            throw new TypeError(`the bytes are not ${name}`);
        }
        const drop = !this.#ignoreBOM && !this.#begun && text.startsWith("\ufeff");
        this.#begun = more && (this.#begun || text !== "");
        return drop ? text.slice(1) : text;
    }
}
