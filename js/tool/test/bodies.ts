// Bodies of messages: what a test gives, what travels, what a test gets.

import type { WireBody } from "./tool";

export type BodyInit = string | ArrayBuffer | ArrayBufferView | object | null | undefined;

function bytesOf(value: ArrayBuffer | ArrayBufferView): Uint8Array {
    return value instanceof ArrayBuffer
        ? new Uint8Array(value)
        : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

function toBase64(bytes: Uint8Array): string {
    let binary = "";
    for (const b of bytes) binary += String.fromCharCode(b);
    return btoa(binary);
}

function isBytes(value: unknown): value is ArrayBuffer | ArrayBufferView {
    return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

// json is sent as JSON, also null; else body: text, bytes, or an object that is sent as JSON. The type is that of
// Content-Type, if it follows from what was given.
export function encodeBody(from: { body?: BodyInit; json?: unknown }): { body: WireBody | null; type?: string } {
    if (from.json !== undefined) return { body: { text: JSON.stringify(from.json) }, type: "application/json" };
    const { body } = from;
    if (body === undefined || body === null) return { body: null };
    if (isBytes(body)) return { body: { base64: toBase64(bytesOf(body)) } };
    if (typeof body === "object") return { body: { text: JSON.stringify(body) }, type: "application/json" };
    const text = String(body);
    return { body: text.includes("\0") ? { base64: toBase64(new TextEncoder().encode(text)) } : { text } };
}

function fromBase64(text: string): Uint8Array {
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
}

export function decodeBody(body: WireBody): Uint8Array {
    return "text" in body ? new TextEncoder().encode(body.text) : fromBase64(body.base64);
}

export class Message {
    readonly headers: Headers;
    readonly #body: WireBody;

    constructor(headers: [string, string][], body: WireBody) {
        this.headers = new Headers(headers);
        this.#body = body;
    }

    get bytes(): Uint8Array {
        return decodeBody(this.#body);
    }

    text(): string {
        return "text" in this.#body ? this.#body.text : new TextDecoder().decode(this.bytes);
    }

    json(): any {
        const text = this.text();
        try {
            return JSON.parse(text);
        } catch {
            throw new TypeError(`the body is not JSON: ${text.slice(0, 200)}`);
        }
    }
}
