// crypto.subtle: hashes, HMAC, AES-GCM, and checking signatures with public keys.

import { Curve, Encoding, HashAlgorithm, hashForm, host, KeyKind, KeyPart, Scheme } from "../host";
import { domException } from "./dom_exception";
import { exposed } from "./interface";

type Octets = ArrayBuffer | Uint8Array;
type Params = Record<string, unknown>;

// What is behind a CryptoKey.
interface Secret {
    secret: Uint8Array;
}

interface Public {
    key: object;
    kind: KeyKind;
    size: number; // as host.keySize() says
}

type Material = Secret | Public;

const permit = {};

// What a module may do to algorithm and usages of a key changes its copies only.
interface Slots {
    material: Material;
    algorithm: Params;
    usages: readonly string[];
    extractable: boolean;
}

function copyOf(algorithm: Params): Params {
    const copy = { ...algorithm };
    if (copy.hash !== undefined) copy.hash = { ...(copy.hash as Params) };
    if (copy.publicExponent !== undefined) copy.publicExponent = (copy.publicExponent as Uint8Array).slice();
    return copy;
}

export class CryptoKey {
    readonly #slots: Slots;
    #algorithm: Params | undefined;
    #usages: string[] | undefined;

    constructor(given: unknown, slots: Slots) {
        if (given !== permit) throw new TypeError("Illegal constructor");
        this.#slots = slots;
    }

    static slots(key: CryptoKey): Slots {
        return key.#slots;
    }

    get type(): string {
        return "secret" in this.#slots.material ? "secret" : "public";
    }

    get extractable(): boolean {
        return this.#slots.extractable;
    }

    get algorithm(): Params {
        return (this.#algorithm ??= copyOf(this.#slots.algorithm));
    }

    get usages(): string[] {
        return (this.#usages ??= [...this.#slots.usages]);
    }
}

// The slots stay out of reach of modules.
const slotsOf = CryptoKey.slots;
Reflect.deleteProperty(CryptoKey, "slots");
export const cloneKey = (key: CryptoKey): CryptoKey => new CryptoKey(permit, slotsOf(key));
export const keyOf = (key: CryptoKey): Material => slotsOf(key).material;

function makeKey(material: Material, algorithm: Params, r: Request): CryptoKey {
    return new CryptoKey(permit, { material, algorithm, usages: r.usages, extractable: r.extractable });
}

// --- arguments ---

function octets(value: unknown, what: string): Octets {
    if (value instanceof ArrayBuffer) return value;
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    throw new TypeError(`${what} is an ArrayBuffer or a view of one`);
}

const dataError = (message: string): Error => domException("DataError", message);
const notSupported = (message: string): Error => domException("NotSupportedError", message);
const operationError = (message: string): Error => domException("OperationError", message);

// A parameter that is a number of at most so many bits.
function integer(value: unknown, name: string, bits: number): number {
    const n = Math.trunc(Number(value));
    if (!(n >= 0 && n < 2 ** bits)) throw new TypeError(`${name} is no whole number of ${bits} bits`);
    return n;
}

interface Hash {
    name: string;
    hash: HashAlgorithm;
    bytes: number;
    block: number; // bytes: what a generated HMAC key is long
    suffix: string; // of JWK algorithm names
}

const HASHES: readonly Hash[] = [
    { name: "SHA-1", hash: HashAlgorithm.Sha1, bytes: 20, block: 64, suffix: "1" },
    { name: "SHA-256", hash: HashAlgorithm.Sha256, bytes: 32, block: 64, suffix: "256" },
    { name: "SHA-384", hash: HashAlgorithm.Sha384, bytes: 48, block: 128, suffix: "384" },
    { name: "SHA-512", hash: HashAlgorithm.Sha512, bytes: 64, block: 128, suffix: "512" },
];

const CURVES = ["P-256", "P-384", "P-521"];
const FIELD_BYTES = [32, 48, 66];
const SIGNATURE_NAMES = ["RSASSA-PKCS1-v1_5", "RSA-PSS", "ECDSA", "Ed25519"];

const OPERATIONS: Record<string, readonly string[]> = {
    digest: HASHES.map((h) => h.name),
    sign: ["HMAC"],
    verify: ["HMAC", ...SIGNATURE_NAMES],
    encrypt: ["AES-GCM"],
    decrypt: ["AES-GCM"],
    generateKey: ["HMAC", "AES-GCM"],
    importKey: ["HMAC", "AES-GCM", ...SIGNATURE_NAMES],
};

function nameOf(algorithm: unknown): string {
    if (typeof algorithm === "string") return algorithm;
    const name = algorithm === null || algorithm === undefined ? undefined : (algorithm as Params).name;
    if (name === undefined) throw new TypeError("an algorithm is a name or an object with one");
    return String(name);
}

// The registered name and the parameters of an algorithm ("normalize an algorithm").
function normalize(operation: string, algorithm: unknown): Params & { name: string } {
    const given = nameOf(algorithm);
    const known = OPERATIONS[operation] as readonly string[];
    const name = known.find((n) => n.toLowerCase() === given.toLowerCase());
    if (name === undefined)
        throw notSupported(`${operation}() knows ${known.join(", ")}, not "${given.slice(0, 40)}"`);
    return typeof algorithm === "string" ? { name } : { ...(algorithm as Params), name };
}

function hashOf(params: Params): Hash {
    const { name } = normalize("digest", params.hash);
    return HASHES.find((h) => h.name === name) as Hash;
}

const USAGES = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];

function usagesOf(given: unknown, allowed: readonly string[], isSecret: boolean): string[] {
    if (given === null || typeof given !== "object" || !(Symbol.iterator in given))
        throw new TypeError("usages is an array");
    const usages = Array.from(given as Iterable<unknown>, String);
    for (const usage of usages) {
        if (!USAGES.includes(usage)) throw new TypeError(`"${usage}" is not a usage`);
        if (!allowed.includes(usage)) throw domException("SyntaxError", `this key cannot have the usage "${usage}"`);
    }
    if (isSecret && usages.length === 0) throw domException("SyntaxError", "a secret key needs usages");
    return USAGES.filter((usage) => usages.includes(usage));
}

const SECRET_USAGES: Record<string, readonly string[]> = {
    HMAC: ["sign", "verify"],
    "AES-GCM": ["encrypt", "decrypt", "wrapKey", "unwrapKey"],
};

// --- JSON Web Keys ---

function member(jwk: Params, name: string): Uint8Array {
    const text = jwk[name];
    const bytes = typeof text === "string" ? host.decodeBytes(text, Encoding.Base64RawUrl) : undefined;
    if (bytes === undefined) throw dataError(`the JWK's "${name}" is not base64url`);
    return new Uint8Array(bytes);
}

function ecPoint(jwk: Params, curve: number): Uint8Array | undefined {
    const [x, y] = [member(jwk, "x"), member(jwk, "y")];
    const size = FIELD_BYTES[curve] as number;
    if (x.length !== size || y.length !== size) return undefined;
    const point = new Uint8Array(1 + 2 * size);
    point[0] = 4;
    point.set(x, 1);
    point.set(y, 1 + size);
    return point;
}

// The host's key of a public JWK, undefined when there is no such key.
export function publicKeyOfJwk(jwk: Params): object | undefined {
    if (jwk.kty === "RSA") return host.keyRsa(member(jwk, "n"), member(jwk, "e"));
    if (jwk.kty === "OKP") return jwk.crv === "Ed25519" ? host.keyEd25519(member(jwk, "x")) : undefined;
    const curve = jwk.kty === "EC" ? CURVES.indexOf(String(jwk.crv)) : -1;
    const point = curve < 0 ? undefined : ecPoint(jwk, curve);
    return point === undefined ? undefined : host.keyEc(curve as Curve, point);
}

interface Request {
    algorithm: Params & { name: string };
    extractable: boolean;
    usages: string[];
}

function checkJwk(jwk: Params, r: Request, kty: string, alg: readonly string[]): void {
    const isSignature = !("AES-GCM" === r.algorithm.name);
    if (jwk.kty !== kty) throw dataError(`the JWK's "kty" is not "${kty}"`);
    if (r.usages.length > 0 && jwk.use !== undefined && jwk.use !== (isSignature ? "sig" : "enc"))
        throw dataError('the JWK\'s "use" does not allow these usages');
    const ops = jwk.key_ops;
    if (ops !== undefined) {
        if (!Array.isArray(ops) || new Set(ops).size !== ops.length) throw dataError('the JWK\'s "key_ops" is not a set');
        if (!r.usages.every((usage) => (ops as unknown[]).includes(usage)))
            throw dataError('the JWK\'s "key_ops" does not allow these usages');
    }
    if (jwk.ext === false && r.extractable) throw dataError("the JWK is not extractable");
    if (jwk.alg !== undefined && alg.length > 0 && !alg.includes(jwk.alg as string))
        throw dataError(`the JWK's "alg" is not "${alg.join('" or "')}"`);
}

// --- secret keys ---

const AES_BITS = [128, 192, 256];

// Bits that are over the length are 0.
function cut(bytes: Uint8Array, bits: number): Uint8Array {
    const over = bytes.length * 8 - bits;
    if (over > 0) bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) & (0xff << over);
    return bytes;
}

function hmacKey(bytes: Uint8Array, r: Request, hash: Hash): CryptoKey {
    const has = bytes.length * 8;
    if (has === 0) throw dataError("the key is empty");
    const length = r.algorithm.length === undefined ? has : integer(r.algorithm.length, "length", 32);
    if (!(length <= has && length > has - 8)) throw dataError(`the length is ${has - 7} to ${has} bits with this key`);
    return makeKey({ secret: cut(bytes, length) }, { name: "HMAC", hash: { name: hash.name }, length }, r);
}

function aesKey(bytes: Uint8Array, r: Request): CryptoKey {
    const length = bytes.length * 8;
    if (!AES_BITS.includes(length)) throw dataError("an AES key has 128, 192 or 256 bits");
    return makeKey({ secret: bytes }, { name: "AES-GCM", length }, r);
}

function importSecret(format: string, data: unknown, r: Request): CryptoKey {
    const { name } = r.algorithm;
    const hash = name === "HMAC" ? hashOf(r.algorithm) : undefined;
    let bytes: Uint8Array;
    if (format === "jwk") {
        const jwk = data as Params;
        if (jwk.kty !== "oct") throw dataError('the JWK\'s "kty" is not "oct"');
        bytes = member(jwk, "k");
        checkJwk(jwk, r, "oct", [hash === undefined ? `A${bytes.length * 8}GCM` : `HS${hash.suffix}`]);
    } else if (format === "raw") {
        bytes = new Uint8Array(octets(data, "a raw key")).slice();
    } else throw notSupported(`a key of ${name} is imported as "raw" or "jwk"`);
    return hash === undefined ? aesKey(bytes, r) : hmacKey(bytes, r, hash);
}

// --- public keys ---

const KINDS: Record<string, KeyKind> = {
    "RSASSA-PKCS1-v1_5": KeyKind.Rsa,
    "RSA-PSS": KeyKind.Rsa,
    ECDSA: KeyKind.Ec,
    Ed25519: KeyKind.Ed25519,
};

const KTY = ["", "RSA", "EC", "OKP"];

function curveOf(params: Params): Curve {
    const curve = CURVES.indexOf(String(params.namedCurve));
    if (params.namedCurve === undefined) throw new TypeError("namedCurve is missing");
    if (curve < 0) throw notSupported(`namedCurve is one of ${CURVES.join(", ")}`);
    return curve as Curve;
}

function jwkAlgorithms(name: string, hash: Hash | undefined, curve: Curve): string[] {
    if (name === "ECDSA") return [["ES256", "ES384", "ES512"][curve] as string];
    if (name === "Ed25519") return ["EdDSA", "Ed25519"];
    return [(name === "RSA-PSS" ? "PS" : "RS") + (hash as Hash).suffix];
}

function publicFrom(format: string, data: unknown, r: Request, hash: Hash | undefined, curve: Curve): object | undefined {
    const { name } = r.algorithm;
    if (format === "spki") return host.keySpki(octets(data, "an spki key"));
    if (format === "jwk") {
        const jwk = data as Params;
        checkJwk(jwk, r, KTY[KINDS[name] as number] as string, jwkAlgorithms(name, hash, curve));
        if (name === "ECDSA" && jwk.crv !== CURVES[curve]) throw dataError('the JWK\'s "crv" is of another curve');
        return publicKeyOfJwk(jwk);
    }
    const bytes = format === "raw" ? octets(data, "a raw key") : undefined;
    if (bytes !== undefined && name === "ECDSA") return host.keyEc(curve, bytes);
    if (bytes !== undefined && name === "Ed25519") return host.keyEd25519(bytes);
    throw notSupported(`a key of ${name} is not imported as "${format}"`);
}

function publicAlgorithm(name: string, p: Public, hash: Hash | undefined): Params {
    if (name === "ECDSA") return { name, namedCurve: CURVES[p.size] };
    if (name === "Ed25519") return { name };
    const exponent = new Uint8Array(host.keyPart(p.key, KeyPart.Exponent) as ArrayBuffer);
    return { name, modulusLength: p.size, publicExponent: exponent, hash: { name: (hash as Hash).name } };
}

function importPublic(format: string, data: unknown, r: Request): CryptoKey {
    const { name } = r.algorithm;
    const hash = name.startsWith("RSA") ? hashOf(r.algorithm) : undefined;
    const curve = name === "ECDSA" ? curveOf(r.algorithm) : Curve.P256;
    if (format === "pkcs8" || (format === "jwk" && (data as Params).d !== undefined))
        throw notSupported("private keys are not supported");
    const key = publicFrom(format, data, r, hash, curve);
    const kind = key === undefined ? KeyKind.None : host.keyKind(key);
    if (key === undefined || kind !== KINDS[name]) throw dataError(`the key is not a public key of ${name}`);
    const material = { key, kind, size: host.keySize(key) };
    if (kind === KeyKind.Ec && material.size !== curve) throw dataError("the key is of another curve");
    return makeKey(material, publicAlgorithm(name, material, hash), r);
}

function importKey(format: unknown, data: unknown, algorithm: unknown, extractable: unknown, usages: unknown): CryptoKey {
    const form = String(format);
    if (!["raw", "spki", "pkcs8", "jwk"].includes(form)) throw new TypeError(`"${form}" is not a format of keys`);
    const normal = normalize("importKey", algorithm);
    const isBytes = data instanceof ArrayBuffer || ArrayBuffer.isView(data);
    if (form === "jwk" ? isBytes || typeof data !== "object" || data === null : !isBytes)
        throw new TypeError(form === "jwk" ? "a JWK is an object" : "a key is an ArrayBuffer or a view of one");
    const secret = SECRET_USAGES[normal.name];
    const r = {
        algorithm: normal,
        extractable: Boolean(extractable),
        usages: usagesOf(usages, secret ?? ["verify"], secret !== undefined),
    };
    return secret === undefined ? importPublic(form, data, r) : importSecret(form, data, r);
}

// --- export ---

const url = (bytes: Octets): string => host.encodeBytes(bytes, Encoding.Base64RawUrl);

function exportSecret(slots: Slots, secret: Uint8Array, format: string): ArrayBuffer | Params {
    if (format === "raw") return secret.slice().buffer;
    if (format !== "jwk") throw notSupported(`a secret key is not exported as "${format}"`);
    const { name, length, hash } = slots.algorithm;
    const suffix = HASHES.find((h) => h.name === (hash as Params | undefined)?.name)?.suffix;
    const alg = name === "HMAC" ? `HS${suffix}` : `A${String(length)}GCM`;
    return { kty: "oct", k: url(secret), alg, key_ops: [...slots.usages], ext: true };
}

function jwkMembers(name: string, p: Public, hash: string): Params {
    const bytes = (part: KeyPart): ArrayBuffer => host.keyPart(p.key, part) as ArrayBuffer;
    if (p.kind === KeyKind.Ed25519) return { kty: "OKP", crv: "Ed25519", x: url(bytes(KeyPart.Point)), alg: "Ed25519" };
    if (p.kind === KeyKind.Ec) {
        const point = new Uint8Array(bytes(KeyPart.Point));
        const size = (point.length - 1) / 2;
        const [x, y] = [point.subarray(1, 1 + size), point.subarray(1 + size)];
        return { kty: "EC", crv: CURVES[p.size], x: url(x), y: url(y) };
    }
    const alg = (name === "RSA-PSS" ? "PS" : "RS") + (HASHES.find((h) => h.name === hash) as Hash).suffix;
    return { kty: "RSA", alg, n: url(bytes(KeyPart.Modulus)), e: url(bytes(KeyPart.Exponent)) };
}

function exportPublic(slots: Slots, p: Public, format: string): ArrayBuffer | Params {
    const { name, hash } = slots.algorithm;
    if (format === "spki") return host.keyPart(p.key, KeyPart.Spki) as ArrayBuffer;
    if (format === "raw" && p.kind !== KeyKind.Rsa) return host.keyPart(p.key, KeyPart.Point) as ArrayBuffer;
    if (format !== "jwk") throw notSupported(`a key of ${String(name)} is not exported as "${format}"`);
    const members = jwkMembers(String(name), p, String((hash as Params | undefined)?.name));
    return { ...members, key_ops: [...slots.usages], ext: true };
}

function exportKey(format: unknown, key: unknown): ArrayBuffer | Params {
    const form = String(format);
    if (!["raw", "spki", "pkcs8", "jwk"].includes(form)) throw new TypeError(`"${form}" is not a format of keys`);
    if (!(key instanceof CryptoKey)) throw new TypeError("a CryptoKey is expected");
    const slots = slotsOf(key);
    const { material } = slots;
    if (!slots.extractable) throw domException("InvalidAccessError", "the key is not extractable");
    return "secret" in material ? exportSecret(slots, material.secret, form) : exportPublic(slots, material, form);
}

// --- operations ---

function slotsFor(key: unknown, algorithm: Params, usage: string): Slots {
    if (!(key instanceof CryptoKey)) throw new TypeError("a CryptoKey is expected");
    const slots = slotsOf(key);
    const { name } = slots.algorithm;
    if (name !== algorithm.name) throw domException("InvalidAccessError", `the key is of ${String(name)}`);
    if (!slots.usages.includes(usage)) throw domException("InvalidAccessError", `the key has not the usage "${usage}"`);
    return slots;
}

function generateKey(algorithm: unknown, extractable: unknown, usages: unknown): CryptoKey {
    const normal = normalize("generateKey", algorithm);
    const hash = normal.name === "HMAC" ? hashOf(normal) : undefined;
    const isDefault = normal.length === undefined && hash !== undefined;
    const length = isDefault ? hash.block * 8 : integer(normal.length, "length", hash === undefined ? 16 : 32);
    const r = {
        algorithm: { ...normal, length },
        extractable: Boolean(extractable),
        usages: usagesOf(usages, SECRET_USAGES[normal.name] as readonly string[], true),
    };
    if (hash === undefined) {
        if (!AES_BITS.includes(length)) throw operationError("an AES key has 128, 192 or 256 bits");
        return aesKey(new Uint8Array(host.randomBytes(length / 8)), r);
    }
    if (length === 0 || length > 65536) throw operationError("the length is 1 to 65536 bits");
    return hmacKey(new Uint8Array(host.randomBytes(Math.ceil(length / 8))), r, hash);
}

function sign(algorithm: unknown, key: unknown, data: unknown): ArrayBuffer {
    const normal = normalize("sign", algorithm);
    const bytes = octets(data, "the data");
    const { material, algorithm: own } = slotsFor(key, normal, "sign");
    return host.hmacOnce(hashForm(hashOf(own).hash), (material as Secret).secret, bytes) as ArrayBuffer;
}

const SCHEMES: Record<string, Scheme> = {
    "RSASSA-PKCS1-v1_5": Scheme.Pkcs1,
    "RSA-PSS": Scheme.Pss,
    ECDSA: Scheme.Ecdsa,
    Ed25519: Scheme.Eddsa,
};

function saltOf(params: Params): number {
    const salt = integer(params.saltLength, "saltLength", 32);
    if (salt > 65536) throw operationError("saltLength is a number of bytes");
    return salt;
}

function verify(algorithm: unknown, key: unknown, signature: unknown, data: unknown): boolean {
    const normal = normalize("verify", algorithm);
    const { name } = normal;
    const salt = name === "RSA-PSS" ? saltOf(normal) : 0;
    const ecHash = name === "ECDSA" ? hashOf(normal).hash : undefined;
    const [given, bytes] = [octets(signature, "the signature"), octets(data, "the data")];
    const { material, algorithm: own } = slotsFor(key, normal, "verify");
    if ("secret" in material) return host.hmacVerify(hashForm(hashOf(own).hash), material.secret, bytes, given);
    const hash = name === "Ed25519" ? HashAlgorithm.None : (ecHash ?? hashOf(own).hash);
    return host.keyVerify(material.key, SCHEMES[name] as Scheme, hash, salt, given, bytes);
}

const TAG_BITS = [32, 64, 96, 104, 112, 120, 128];

function aesGcm(isEncrypt: boolean, algorithm: unknown, key: unknown, data: unknown): ArrayBuffer {
    const usage = isEncrypt ? "encrypt" : "decrypt";
    const normal = normalize(usage, algorithm);
    const iv = octets(normal.iv, "iv");
    const more = normal.additionalData === undefined ? new Uint8Array(0) : octets(normal.additionalData, "additionalData");
    const tag = normal.tagLength === undefined ? 128 : integer(normal.tagLength, "tagLength", 8);
    const bytes = octets(data, "the data");
    const { secret } = slotsFor(key, normal, usage).material as Secret;
    if (!TAG_BITS.includes(tag)) throw operationError(`tagLength is one of ${TAG_BITS.join(", ")}`);
    const result = host.aesGcm(isEncrypt, tag / 8, secret, iv, more, bytes);
    if (result === undefined)
        throw operationError(isEncrypt ? "the iv is not usable" : "the data is not of this key, iv and additional data");
    return result;
}

function digest(algorithm: unknown, data: unknown): ArrayBuffer {
    const { name } = normalize("digest", algorithm);
    const hash = (HASHES.find((h) => h.name === name) as Hash).hash;
    return host.hashOnce(hashForm(hash), octets(data, "the data")) as ArrayBuffer;
}

// Errors of the checks become rejections too.
function promised<A extends unknown[], T>(count: number, run: (...args: A) => T, name: string): (...args: A) => Promise<T> {
    return (...args) =>
        new Promise((resolve) => {
            if (args.length < count) throw new TypeError(`${name}() takes ${count} arguments`);
            resolve(run(...args));
        });
}

export class SubtleCrypto {
    constructor(given?: unknown) {
        if (given !== permit) throw new TypeError("Illegal constructor");
    }
}

const METHODS: Record<string, unknown> = {
    digest: promised(2, digest, "digest"),
    importKey: promised(5, importKey, "importKey"),
    exportKey: promised(2, exportKey, "exportKey"),
    generateKey: promised(3, generateKey, "generateKey"),
    sign: promised(3, sign, "sign"),
    verify: promised(4, verify, "verify"),
    encrypt: promised(3, (a: unknown, k: unknown, d: unknown) => aesGcm(true, a, k, d), "encrypt"),
    decrypt: promised(3, (a: unknown, k: unknown, d: unknown) => aesGcm(false, a, k, d), "decrypt"),
};
for (const [name, value] of Object.entries(METHODS))
    Object.defineProperty(SubtleCrypto.prototype, name, {
        value: exposed(name, value),
        writable: true,
        configurable: true,
    });

export const subtle = new SubtleCrypto(permit);
