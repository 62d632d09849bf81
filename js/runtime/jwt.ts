// verifyJwt() of dgate/crypto: JSON Web Tokens (RFC 7519) that are signed (RFC 7515, RFC 7518 section 3, RFC 8037).

import { requireBytes } from "./body";
import { GatewayError } from "./errors";
import { Curve, Encoding, HashAlgorithm, hashForm, host, KeyKind, Scheme, type Bytes } from "./host";
import { CryptoKey, keyOf, publicKeyOfJwk } from "./web/subtle";

export type JwtReason = "malformed" | "algorithm" | "key" | "signature" | "expired" | "not yet valid" | "claim";

export class JwtError extends GatewayError {
    override name = "JwtError";
    readonly reason: JwtReason;

    constructor(reason: JwtReason, message: string) {
        super(message);
        this.reason = reason;
    }
}

type Json = Record<string, unknown>;

interface Secret {
    secret: Bytes;
}

interface Public {
    key: object;
    kind: KeyKind;
    size: number;
}

type Key = Secret | Public;

interface Algorithm {
    hash: HashAlgorithm;
    kind: KeyKind; // None: HMAC
    scheme: Scheme;
    salt: number; // bytes, of RSA-PSS
    curve: Curve;
}

function algorithm(hash: HashAlgorithm, kind: KeyKind, scheme: Scheme, more: { salt?: number; curve?: Curve }): Algorithm {
    return { hash, kind, scheme, salt: more.salt ?? 0, curve: more.curve ?? Curve.P256 };
}

const ALGORITHMS: Record<string, Algorithm | undefined> = {
    __proto__: null as never,
    HS256: algorithm(HashAlgorithm.Sha256, KeyKind.None, Scheme.Pkcs1, {}),
    HS384: algorithm(HashAlgorithm.Sha384, KeyKind.None, Scheme.Pkcs1, {}),
    HS512: algorithm(HashAlgorithm.Sha512, KeyKind.None, Scheme.Pkcs1, {}),
    RS256: algorithm(HashAlgorithm.Sha256, KeyKind.Rsa, Scheme.Pkcs1, {}),
    RS384: algorithm(HashAlgorithm.Sha384, KeyKind.Rsa, Scheme.Pkcs1, {}),
    RS512: algorithm(HashAlgorithm.Sha512, KeyKind.Rsa, Scheme.Pkcs1, {}),
    PS256: algorithm(HashAlgorithm.Sha256, KeyKind.Rsa, Scheme.Pss, { salt: 32 }),
    PS384: algorithm(HashAlgorithm.Sha384, KeyKind.Rsa, Scheme.Pss, { salt: 48 }),
    PS512: algorithm(HashAlgorithm.Sha512, KeyKind.Rsa, Scheme.Pss, { salt: 64 }),
    ES256: algorithm(HashAlgorithm.Sha256, KeyKind.Ec, Scheme.Ecdsa, { curve: Curve.P256 }),
    ES384: algorithm(HashAlgorithm.Sha384, KeyKind.Ec, Scheme.Ecdsa, { curve: Curve.P384 }),
    ES512: algorithm(HashAlgorithm.Sha512, KeyKind.Ec, Scheme.Ecdsa, { curve: Curve.P521 }),
    EdDSA: algorithm(HashAlgorithm.None, KeyKind.Ed25519, Scheme.Eddsa, {}),
};

const RSA_BITS_MIN = 2048; // RFC 7518 section 3.3
const NAMES = Object.keys(ALGORITHMS).join(", ");

const wrongSignature = (): JwtError => new JwtError("signature", "the token's signature is wrong");

// --- keys ---

// Parsed public keys, by the text that they were given as.
const parsed = new Map<string, Public>();
const PARSED_MAX = 64;

function remember(id: string, parse: () => object | undefined, what: string): Public {
    const known = parsed.get(id);
    if (known !== undefined) return known;
    let key: object | undefined;
    try {
        key = parse();
    } catch {
        // it is as good as none
    }
    const kind = key === undefined ? KeyKind.None : host.keyKind(key);
    if (key === undefined || kind === KeyKind.None) throw new JwtError("key", `the key is not usable: ${what}`);
    const made = { key, kind, size: host.keySize(key) };
    if (parsed.size >= PARSED_MAX) parsed.clear();
    parsed.set(id, made);
    return made;
}

const PEM = /^\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/;

function pemKey(pem: string): Public {
    return remember(
        pem,
        () => {
            const body = PEM.exec(pem)?.[1];
            const der = body === undefined ? undefined : host.decodeBytes(body, Encoding.Base64);
            return der === undefined ? undefined : host.keySpki(der);
        },
        'a PEM key begins with "-----BEGIN PUBLIC KEY-----" and is RSA, P-256, P-384, P-521 or Ed25519',
    );
}

function isPem(text: string): boolean {
    const first = text.charCodeAt(0);
    return (first <= 45 || first > 127) && text.trimStart().startsWith("-----BEGIN ");
}

// A public key is known to everyone: as a secret it would let everyone sign.
function secretOf(given: ArrayBuffer | ArrayBufferView): Secret {
    const secret = requireBytes(given) as ArrayBuffer | Uint8Array;
    const start = secret instanceof ArrayBuffer ? new Uint8Array(secret) : secret;
    if (isPem(host.decode(start.subarray(0, 64), false) as string))
        throw new JwtError("key", "a PEM key is given as a string, not as bytes");
    return { secret };
}

function jwkKey(jwk: Json, alg: string): Key {
    if (jwk.alg !== undefined && jwk.alg !== alg) throw new JwtError("key", `the key is for ${String(jwk.alg)}, not ${alg}`);
    if (jwk.use !== undefined && jwk.use !== "sig") throw new JwtError("key", 'the key\'s "use" is not "sig"');
    if (jwk.kty === "oct") {
        const secret = host.decodeBytes(String(jwk.k), Encoding.Base64RawUrl);
        if (secret === undefined) throw new JwtError("key", 'the key\'s "k" is not base64url');
        return { secret };
    }
    const id = ["kty", "crv", "n", "e", "x", "y"].map((name) => String(jwk[name])).join();
    return remember(id, () => publicKeyOfJwk(jwk), "it is not a JWK of RSA, P-256, P-384, P-521 or Ed25519");
}

// The key of a set that has the header's kid; without a kid, the one that fits.
function fromSet(keys: unknown[], header: Json, alg: string): Key {
    const kty = alg.startsWith("HS") ? "oct" : alg.startsWith("ES") ? "EC" : alg === "EdDSA" ? "OKP" : "RSA";
    const fitting = (keys as Json[]).filter(
        (k) => k.kty === kty && (header.kid === undefined || k.kid === header.kid) && (k.alg ?? alg) === alg,
    );
    if (fitting.length !== 1)
        throw new JwtError(
            "key",
            `${fitting.length === 0 ? "no" : "more than one"} key of the set is for ${alg}` +
                (header.kid === undefined ? "" : ` and "${String(header.kid)}"`),
        );
    return jwkKey(fitting[0] as Json, alg);
}

function findKey(given: unknown, header: Json, alg: string): Key {
    if (typeof given === "string") return isPem(given) ? pemKey(given) : { secret: given };
    if (given instanceof ArrayBuffer || ArrayBuffer.isView(given)) return secretOf(given);
    if (given instanceof CryptoKey) return keyOf(given);
    if (typeof given !== "object" || given === null)
        throw new TypeError("the key is a secret (string or bytes), a PEM public key, a JWK, a JWK set or a CryptoKey");
    const { keys } = given as Json;
    return Array.isArray(keys) ? fromSet(keys, header, alg) : jwkKey(given as Json, alg);
}

// The payload, if the signature is right.
function ofSecret(secret: Bytes, a: Algorithm, alg: string, token: string): unknown {
    if (a.kind !== KeyKind.None) throw new JwtError("key", `${alg} needs a public key, not a secret`);
    if ((typeof secret === "string" ? secret.length : secret.byteLength) === 0)
        throw new JwtError("key", "the secret is empty");
    const payload = host.jwtHmac(hashForm(a.hash), secret, token);
    if (payload === false) throw wrongSignature();
    return payload;
}

function ofPublic(key: Public, a: Algorithm, alg: string, token: string, parts: Parts): unknown {
    if (a.kind !== key.kind || (a.kind === KeyKind.Ec && a.curve !== key.size))
        throw new JwtError("key", `the key is of another type than ${alg} needs`);
    if (a.kind === KeyKind.Rsa && key.size < RSA_BITS_MIN)
        throw new JwtError("key", `an RSA key has at least ${RSA_BITS_MIN} bits, this one ${key.size}`);
    const signature = host.decodeBytes(token.slice(parts.second + 1), Encoding.Base64RawUrl);
    const text = token.slice(0, parts.second);
    if (signature === undefined || !host.keyVerify(key.key, a.scheme, a.hash, a.salt, signature, text))
        throw wrongSignature();
    return decode(token.slice(parts.first + 1, parts.second));
}

// --- the token ---

interface Parts {
    first: number; // where the dots are
    second: number;
}

function split(token: unknown): Parts {
    const text = typeof token === "string" ? token : "";
    const first = text.indexOf(".");
    const second = text.indexOf(".", first + 1);
    if (first < 0 || second < 0 || text.indexOf(".", second + 1) >= 0)
        throw new JwtError("malformed", "a token has three parts with dots between them");
    return { first, second };
}

// undefined: not base64url of JSON.
function decode(text: string): unknown {
    const decoded = host.decodeText(text, Encoding.Base64RawUrl);
    try {
        return decoded === undefined ? undefined : JSON.parse(decoded);
    } catch {
        return undefined;
    }
}

function requireObject(value: unknown, name: string): Json {
    if (typeof value !== "object" || value === null || Array.isArray(value))
        throw new JwtError("malformed", `the token's ${name} is not base64url of a JSON object`);
    return value as Json;
}

function freeze(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    Object.freeze(value);
    for (const member of Object.values(value)) freeze(member);
}

// The tokens of one issuer have the same header: it is parsed once, and frozen.
const headers = new Map<string, Json>();
const HEADERS_MAX = 64;
const HEADER_LENGTH_MAX = 1024;

function headerOf(text: string): Json {
    const known = headers.get(text);
    if (known !== undefined) return known;
    const header = requireObject(decode(text), "header");
    freeze(header);
    if (text.length > HEADER_LENGTH_MAX) return header;
    if (headers.size >= HEADERS_MAX) headers.clear();
    headers.set(text, header);
    return header;
}

function time(payload: Json, name: string): number | undefined {
    const value = payload[name];
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isFinite(value))
        throw new JwtError("claim", `the token's "${name}" is not a number`);
    return value;
}

function checkTimes(payload: Json, tolerance: number): void {
    const now = Date.now() / 1000;
    const exp = time(payload, "exp");
    if (exp !== undefined && now >= exp + tolerance) throw new JwtError("expired", "the token has expired");
    const nbf = time(payload, "nbf");
    if (nbf !== undefined && now < nbf - tolerance) throw new JwtError("not yet valid", "the token is not valid yet");
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

function checkClaims(payload: Json, options: Json): void {
    if (options.issuer !== undefined && !listOf(options.issuer).includes(payload.iss))
        throw new JwtError("claim", 'the token is of another issuer ("iss")');
    if (options.audience !== undefined) {
        const wanted = listOf(options.audience);
        if (!listOf(payload.aud).some((a) => a !== undefined && wanted.includes(a)))
            throw new JwtError("claim", 'the token is for another audience ("aud")');
    }
}

function optionsOf(given: unknown): Json & { algorithms: unknown[] } {
    const options = (given ?? {}) as Json;
    const { algorithms } = options;
    if (!Array.isArray(algorithms) || algorithms.length === 0)
        throw new TypeError('verifyJwt() needs options.algorithms, such as ["HS256"]');
    for (const name of algorithms as unknown[])
        if (typeof name !== "string" || ALGORITHMS[name] === undefined)
            throw new TypeError(`"${String(name)}" is not one of ${NAMES}`);
    return options as Json & { algorithms: unknown[] };
}

function toleranceOf(options: Json): number {
    const { clockTolerance } = options;
    if (clockTolerance === undefined) return 0;
    if (typeof clockTolerance !== "number" || !(clockTolerance >= 0))
        throw new TypeError("clockTolerance is a number of seconds");
    return clockTolerance;
}

export function verifyJwt(token: unknown, key: unknown, given: unknown): { header: Json; payload: Json } {
    const options = optionsOf(given);
    const tolerance = toleranceOf(options);
    const parts = split(token);
    const text = token as string;
    const header = headerOf(text.slice(0, parts.first));
    const { alg } = header;
    const found = typeof alg === "string" && options.algorithms.includes(alg) ? ALGORITHMS[alg] : undefined;
    if (found === undefined)
        throw new JwtError("algorithm", `the token's algorithm "${String(alg).slice(0, 40)}" is not allowed`);
    if (header.crit !== undefined) throw new JwtError("malformed", 'the token has extensions ("crit") that are not known');
    const name = alg as string;
    const k = findKey(key, header, name);
    const value = "secret" in k ? ofSecret(k.secret, found, name, text) : ofPublic(k, found, name, text, parts);
    const payload = requireObject(value, "payload");
    checkTimes(payload, tolerance);
    checkClaims(payload, options);
    return { header, payload };
}
