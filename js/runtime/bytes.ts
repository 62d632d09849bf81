// Bytes as Uint8Arrays.

import { host, type Bytes } from "./host";

const SHORT = 64;

// Its UTF-8. For a short ASCII text a call of the host would be most of the time.
export function encode(text: string): Uint8Array {
    const { length } = text;
    if (length > SHORT) return new Uint8Array(host.encode(text));
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
        const c = text.charCodeAt(i);
        if (c > 127) return new Uint8Array(host.encode(text));
        bytes[i] = c;
    }
    return bytes;
}

// A view of them; of a string its UTF-8.
export function viewOf(data: Bytes): Uint8Array {
    if (typeof data === "string") return encode(data);
    if (data instanceof ArrayBuffer) return new Uint8Array(data);
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

// A copy, one after the other.
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
    const out = new Uint8Array(pieces.reduce((sum, p) => sum + p.length, 0));
    let at = 0;
    for (const piece of pieces) {
        out.set(piece, at);
        at += piece.length;
    }
    return out;
}

// As text, without a byte order mark.
export function utf8(bytes: Uint8Array): string {
    const text = host.decode(bytes, false) as string;
    return text.startsWith("\ufeff") ? text.slice(1) : text;
}
