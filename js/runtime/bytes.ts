// Bytes as Uint8Arrays.

import { host, type Bytes } from "./host";

// A view of them; of a string its UTF-8.
export function viewOf(data: Bytes): Uint8Array {
    if (typeof data === "string") return new Uint8Array(host.encode(data));
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
