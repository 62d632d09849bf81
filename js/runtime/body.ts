// What a body may be made of.

import type { Bytes } from "./host";

export function requireBytes(data: unknown): Bytes {
    if (typeof data === "string" || data instanceof ArrayBuffer) return data;
    // The host takes typed arrays only.
    if (data instanceof DataView) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (ArrayBuffer.isView(data)) return data;
    const type = data === null ? "null" : typeof data;
    throw new TypeError(`invalid type ${type}, expected (string, ArrayBuffer or a view of one)`);
}

export function jsonText(value: unknown): string {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) throw new TypeError(`a ${typeof value} has no JSON form`);
    return text;
}
