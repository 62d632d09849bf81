// import … from "dgate/crypto"

import { requireBytes } from "../body";
import { base64 } from "../base64";
import { GatewayError } from "../errors";
import { host, type Bytes } from "../host";

const ALGORITHMS = ["md5", "sha1", "sha256", "sha384", "sha512", "sha512-224", "sha512-256"];

function hex(bytes: ArrayBuffer | ArrayBufferView): string {
    const octets =
        bytes instanceof ArrayBuffer
            ? new Uint8Array(bytes)
            : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let out = "";
    for (const octet of octets) out += (octet < 16 ? "0" : "") + octet.toString(16);
    return out;
}

const ENCODINGS: Record<string, ((bytes: ArrayBuffer) => string) | undefined> = {
    __proto__: null as never,
    hex,
    base64: (b) => base64(b),
    b64: (b) => base64(b),
    base64raw: (b) => base64(b).replace(/=+$/, ""),
    b64raw: (b) => base64(b).replace(/=+$/, ""),
    base64url: (b) => base64(b, true),
    b64url: (b) => base64(b, true),
    base64rawurl: (b) => base64(b, true).replace(/=+$/, ""),
    b64rawurl: (b) => base64(b, true).replace(/=+$/, ""),
};

function encoded(bytes: ArrayBuffer, encoding: unknown): ArrayBuffer | string {
    const encode = ENCODINGS[String(encoding)];
    return encode === undefined ? bytes : encode(bytes);
}

class Hash {
    readonly #state: object;
    #isDone = false;

    constructor(state: object | undefined) {
        if (state === undefined) throw new GatewayError("invalid hash algorithm");
        this.#state = state;
    }

    update(data: unknown): this {
        if (this.#isDone) throw new GatewayError("digest() was called already");
        host.hashUpdate(this.#state, requireBytes(data));
        return this;
    }

    digest(encoding?: unknown): ArrayBuffer | string {
        if (this.#isDone) throw new GatewayError("digest() was called already");
        this.#isDone = true;
        return encoded(host.hashDigest(this.#state), encoding);
    }
}

function algorithm(name: unknown): string {
    return String(name).toLowerCase().replaceAll("_", "-").replace(/^sha-/, "sha");
}

const createHash = (name?: unknown): Hash => new Hash(host.hash(algorithm(name)));
const createHmac = (name?: unknown, key?: unknown): Hash => new Hash(host.hmac(algorithm(name), requireBytes(key)));

function randomBytes(count?: unknown): ArrayBuffer {
    const n = Number(count);
    if (!Number.isInteger(n) || n < 1 || n > 65536) throw new GatewayError("invalid size");
    return host.randomBytes(n);
}

function randomInt(...args: unknown[]): number {
    if (args.length < 1 || args.length > 2) throw new GatewayError("invalid number of arguments");
    const [min, max] = args.length === 1 ? [0, Number(args[0])] : [Number(args[0]), Number(args[1])];
    if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max)) throw new TypeError("randomInt() takes integers");
    if (min > max) throw new GatewayError("min must be less than or equal to max");
    const range = max - min;
    if (range === 0) return min;
    if (range > 2 ** 48) throw new RangeError("the range is larger than 2^48");
    const limit = 2 ** 48 - (2 ** 48 % range); // above it the remainder would be biased
    for (;;) {
        const b = new Uint8Array(host.randomBytes(6));
        const value = b.reduce((sum, octet) => sum * 256 + octet, 0);
        if (value < limit) return min + (value % range);
    }
}

function randomUUID(): string {
    const b = new Uint8Array(host.randomBytes(16));
    b[6] = ((b[6] as number) & 0x0f) | 0x40;
    b[8] = ((b[8] as number) & 0x3f) | 0x80;
    const h = hex(b);
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
}

function hexEncode(data?: unknown): string {
    const bytes: Bytes = requireBytes(data);
    return hex(typeof bytes === "string" ? host.encode(bytes) : bytes);
}

const oneShot = Object.fromEntries(
    ALGORITHMS.map((name) => [
        name.replace("-", "_"),
        (data?: unknown, encoding?: unknown) => createHash(name).update(data).digest(encoding),
    ]),
);

export const crypto: Record<string, unknown> = {
    ...oneShot,
    createHash,
    createHmac,
    hmac: (name?: unknown, key?: unknown, data?: unknown, encoding?: unknown) =>
        createHmac(name, key).update(data).digest(encoding),
    randomBytes,
    randomInt,
    randomUUID,
    getHashes: () => [...ALGORITHMS],
    hexEncode,
};
