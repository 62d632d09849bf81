// import … from "dgate/crypto"

import { requireBytes } from "../body";
import { GatewayError } from "../errors";
import { Encoding, HashAlgorithm, hashForm, host, type Bytes } from "../host";

declare function require(name: string): unknown;

const ALGORITHMS: Record<string, HashAlgorithm | undefined> = {
    __proto__: null as never,
    md5: HashAlgorithm.Md5,
    sha1: HashAlgorithm.Sha1,
    sha256: HashAlgorithm.Sha256,
    sha384: HashAlgorithm.Sha384,
    sha512: HashAlgorithm.Sha512,
    "sha512-224": HashAlgorithm.Sha512_224,
    "sha512-256": HashAlgorithm.Sha512_256,
};

const ENCODINGS: Record<string, Encoding | undefined> = {
    __proto__: null as never,
    hex: Encoding.Hex,
    base64: Encoding.Base64,
    b64: Encoding.Base64,
    base64raw: Encoding.Base64Raw,
    b64raw: Encoding.Base64Raw,
    base64url: Encoding.Base64Url,
    b64url: Encoding.Base64Url,
    base64rawurl: Encoding.Base64RawUrl,
    b64rawurl: Encoding.Base64RawUrl,
};

function algorithmOf(name: unknown): HashAlgorithm {
    const text = String(name);
    const found =
        ALGORITHMS[text] ?? ALGORITHMS[text.toLowerCase().replaceAll("_", "-").replace(/^sha-/, "sha")];
    if (found === undefined) throw new GatewayError("invalid hash algorithm");
    return found;
}

// Any other encoding, or none, means bytes.
function encodingOf(name: unknown): Encoding {
    return (typeof name === "string" ? ENCODINGS[name] : undefined) ?? Encoding.Bytes;
}

// A string, or a copy of bytes, which may change.
function keep(data: Bytes): Bytes {
    if (typeof data === "string") return data;
    return data instanceof ArrayBuffer
        ? data.slice(0)
        : new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}

// A hash or, with a key, an HMAC. One that is of a single text is computed in one call of the host.
class Hash {
    readonly #algorithm: HashAlgorithm;
    readonly #key: Bytes | undefined;
    #text: string | undefined; // all of it so far, while #state is undefined
    #state: object | undefined;
    #isDone = false;

    constructor(algorithm: HashAlgorithm, key: Bytes | undefined) {
        this.#algorithm = algorithm;
        this.#key = key;
    }

    #begin(): object {
        if (this.#state === undefined) {
            this.#state =
                this.#key === undefined
                    ? host.hash(hashForm(this.#algorithm))
                    : host.hmac(hashForm(this.#algorithm), this.#key);
            if (this.#text !== undefined) host.hashUpdate(this.#state, this.#text);
        }
        return this.#state;
    }

    update(data: unknown): this {
        if (this.#isDone) throw new GatewayError("digest() was called already");
        if (typeof data === "string" && this.#state === undefined && this.#text === undefined) this.#text = data;
        else host.hashUpdate(this.#begin(), requireBytes(data));
        return this;
    }

    digest(encoding?: unknown): ArrayBuffer | string {
        if (this.#isDone) throw new GatewayError("digest() was called already");
        this.#isDone = true;
        const form = hashForm(this.#algorithm, encodingOf(encoding));
        if (this.#state !== undefined) return host.hashDigest(form, this.#state);
        if (this.#key === undefined) return host.hashOnce(form, this.#text ?? "");
        return host.hmacOnce(form, this.#key, this.#text ?? "");
    }
}

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

function base64Encode(data?: unknown, encoding: unknown = "base64"): string {
    const form = encodingOf(encoding);
    if (form < Encoding.Base64) throw new TypeError(`"${String(encoding)}" is not a form of base64`);
    return host.encodeBytes(requireBytes(data), form);
}

// Either alphabet, with or without padding.
function base64Decode(text?: unknown): ArrayBuffer {
    const bytes = host.decodeBytes(String(text), Encoding.Base64Url);
    if (bytes === undefined) throw new TypeError("the text is not base64");
    return bytes;
}

function base64DecodeText(text?: unknown): string {
    const decoded = host.decodeText(String(text), Encoding.Base64Url);
    if (decoded === undefined) throw new TypeError("the text is not base64 of UTF-8");
    return decoded;
}

function hexDecode(text?: unknown): ArrayBuffer {
    const bytes = host.decodeBytes(String(text), Encoding.Hex);
    if (bytes === undefined) throw new TypeError("the text is not hexadecimal");
    return bytes;
}

const oneShot = Object.fromEntries(
    Object.entries(ALGORITHMS).map(([name, algorithm]) => [
        name.replace("-", "_"),
        (data?: unknown, encoding?: unknown) =>
            host.hashOnce(hashForm(algorithm as HashAlgorithm, encodingOf(encoding)), requireBytes(data)),
    ]),
);

export const crypto: Record<string, unknown> = {
    ...oneShot,
    createHash: (name?: unknown) => new Hash(algorithmOf(name), undefined),
    createHmac: (name?: unknown, key?: unknown) => new Hash(algorithmOf(name), keep(requireBytes(key))),
    hmac: (name?: unknown, key?: unknown, data?: unknown, encoding?: unknown) =>
        host.hmacOnce(hashForm(algorithmOf(name), encodingOf(encoding)), requireBytes(key), requireBytes(data)),
    timingSafeEqual: (a?: unknown, b?: unknown) => host.equalBytes(requireBytes(a), requireBytes(b)),
    verifyJwt: (token?: unknown, key?: unknown, options?: unknown) =>
        (require("../jwt") as typeof import("../jwt")).verifyJwt(token, key, options),
    randomBytes,
    randomInt,
    randomUUID: () => host.randomUUID(),
    getHashes: () => Object.keys(ALGORITHMS),
    hexEncode: (data?: unknown) => host.encodeBytes(requireBytes(data), Encoding.Hex),
    hexDecode,
    base64Encode,
    base64Decode,
    base64DecodeText,
};
