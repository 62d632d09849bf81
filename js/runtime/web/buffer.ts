// Buffer of Node.js: the package buffer, with base64url and with conversions of the host.

import * as feross from "buffer/";
import { atob, btoa } from "../base64";
import { Encoding, host } from "../host";
import { Blob, File } from "./blob";

type Call = (this: unknown, ...args: unknown[]) => unknown;
interface BufferClass {
    prototype: { toString: Call };
    from: Call;
    byteLength: Call;
    isEncoding: Call;
    alloc: Call;
}

interface Package {
    Buffer: BufferClass;
    SlowBuffer: unknown;
    INSPECT_MAX_BYTES: number;
    kMaxLength: number;
}

const original = feross as unknown as Package;
export const { Buffer } = original;

const ENCODINGS: Record<string, Encoding | "utf8" | undefined> = {
    __proto__: null as never,
    utf8: "utf8",
    "utf-8": "utf8",
    hex: Encoding.Hex,
    base64: Encoding.Base64,
    base64url: Encoding.Base64RawUrl,
};

const known = (encoding: unknown): Encoding | "utf8" | undefined =>
    encoding === undefined ? "utf8" : typeof encoding === "string" ? ENCODINGS[encoding.toLowerCase()] : undefined;

// undefined: not what the host takes, though Node.js may.
function bytesOf(text: string, encoding: unknown): ArrayBuffer | undefined {
    const form = known(encoding);
    if (form === undefined) return undefined;
    if (form === "utf8") return host.encode(text);
    return host.decodeBytes(text, form === Encoding.Hex ? form : Encoding.Base64Url);
}

// The package does not know base64url, but decodes it as base64.
const plain = (encoding: unknown): unknown =>
    typeof encoding === "string" && encoding.toLowerCase() === "base64url" ? "base64" : encoding;

const { from, isEncoding } = Buffer;
const toString = Buffer.prototype.toString as Call;

Buffer.from = function (...args: unknown[]): unknown {
    const [value, encoding] = args;
    const bytes = typeof value === "string" ? bytesOf(value, encoding) : undefined;
    if (bytes !== undefined) return from.call(Buffer, bytes);
    return from.call(Buffer, value, plain(encoding), args[2]);
};

Buffer.isEncoding = (encoding: unknown): unknown => isEncoding.call(Buffer, plain(encoding));

function bound(value: unknown, size: number, otherwise: number): number {
    if (value === undefined) return otherwise;
    return Math.min(Math.max(Math.trunc(Number(value)) || 0, 0), size);
}

Buffer.prototype.toString = function (this: unknown, ...args: unknown[]): unknown {
    const form = known(args[0]);
    if (form === undefined) return toString.apply(this, args);
    const bytes = this as Uint8Array;
    const size = bytes.length;
    const begin = bound(args[1], size, 0);
    const part = args.length < 2 ? bytes : bytes.subarray(begin, Math.max(begin, bound(args[2], size, size)));
    return form === "utf8" ? host.decode(part, false) : host.encodeBytes(part, form);
};

// The encoding is not their first argument.
function translated(target: object, name: string): void {
    const methods = target as Record<string, Call>;
    const method = methods[name] as Call;
    methods[name] = function (this: unknown, ...args: unknown[]): unknown {
        return method.apply(this, [args[0], ...args.slice(1).map(plain)]);
    };
}
for (const name of ["byteLength", "alloc"]) translated(Buffer, name);
for (const name of ["write", "fill", "indexOf", "lastIndexOf", "includes"]) translated(Buffer.prototype, name);

const { INSPECT_MAX_BYTES, kMaxLength, SlowBuffer } = original;
export const bufferModule = {
    Buffer,
    SlowBuffer,
    INSPECT_MAX_BYTES,
    kMaxLength,
    constants: { MAX_LENGTH: kMaxLength },
    atob,
    btoa,
    Blob,
    File,
};
