// Types for module authors. Put this file beside your modules, or name it in tsconfig.json:
//     { "compilerOptions": { "lib": ["es2023"], "types": ["./dgate"] } }

/** What may be sent or hashed: text is written as UTF-8. */
type DGateBytes = string | ArrayBuffer | ArrayBufferView;

/** Header fields of a message, live: what a module changes is what is sent. Names are compared without case. */
interface DGateFields {
    /** The first value, "" when there is none. */
    get(name: string): string;
    has(name: string): boolean;
    values(name: string): string[];
    /** Replaces all values. Framing and connection fields (Content-Length, Host, Connection, …) are left alone. */
    set(name: string, value: unknown): void;
    add(name: string, value: unknown): void;
    append(name: string, value: unknown): void;
    del(name: string): void;
    delete(name: string): void;
    /** A copy that is not live. */
    clone(): Headers;
    entries(): [name: string, value: string][];
    keys(): string[];
    forEach(callback: (value: string, name: string, fields: DGateFields) => void): void;
    [Symbol.iterator](): IterableIterator<[string, string]>;
}

/** The parameters of a query string: a copy, changes are not forwarded. */
interface DGateQuery {
    /** The first value, "" when there is none. */
    get(name: string): string;
    getAll(name: string): string[];
    has(name: string): boolean;
    set(name: string, value: unknown): void;
    add(name: string, value: unknown): void;
    del(name: string): void;
    keys(): string[];
    encode(): string;
}

interface DGateRequest {
    readonly method: string;
    /** Decoded, without the query. */
    readonly path: string;
    readonly host: string;
    readonly proto: string;
    readonly remoteAddress: string;
    /** -1 when it is not known. */
    readonly contentLength: number;
    readonly headers: DGateFields;
    readonly query: DGateQuery;
    readBody(): ArrayBuffer;
    readJson<T = any>(): T;
    writeBody(data: DGateBytes): void;
    writeJson(value: unknown): void;
}

interface DGateCookieOptions {
    domain?: string;
    expires?: Date | string;
    httpOnly?: boolean;
    maxAge?: number;
    path?: string;
    sameSite?: "lax" | "strict" | "none";
    secure?: boolean;
}

interface DGateCookie {
    name: string;
    value: string;
    path: string;
    domain: string;
    expires: Date | null;
    rawExpires: string;
    maxAge: number;
    secure: boolean;
    httpOnly: boolean;
    sameSite: string;
    raw: string;
    unparsed: string[];
}

/** The response that modules make themselves. */
interface DGateResponse {
    readonly headers: DGateFields;
    /** Whether send(), end(), json() or a redirect was called: then this is the answer. */
    readonly headersSent: boolean;
    /** For whatever modules of the route tell each other. */
    readonly locals: Record<string, any>;
    statusCode: number;
    status(code: number): this;
    /** Several calls append. Without a Content-Type one is found from the first. */
    send(data?: DGateBytes | null): this;
    end(data?: DGateBytes | null): this;
    json(value: unknown): this;
    location(url: string): this;
    /** 307 */
    redirect(url: string): this;
    /** 301 */
    redirectPermanent(url: string): this;
    cookie(name: string, value: string | number | boolean, options?: DGateCookieOptions): this;
    /** The request's cookies. */
    getCookies(): DGateCookie[];
    getCookie(name: string): DGateCookie | null;
}

/** The upstream's response, in a responseModifier. */
interface DGateUpstream {
    statusCode: number;
    readonly headers: DGateFields;
    readonly trailer: DGateFields;
    readonly statusText: string;
    readonly protocol: string;
    readonly contentLength: number;
    readonly transferEncoding: string[];
    readonly uncompressed: boolean;
    status(code: number): this;
    readBody(): Promise<ArrayBuffer>;
    readJson<T = any>(): Promise<T>;
    writeBody(data: DGateBytes): this;
    writeJson(value: unknown): this;
    redirect(url: string): this;
    redirectPermanent(url: string): this;
    query(): DGateQuery;
    cookie(): DGateCookie[];
}

interface DGateRoute {
    readonly name: string;
    readonly namespace: string;
    readonly paths: readonly string[];
    readonly methods: readonly string[];
    readonly preserveHost: boolean;
    readonly stripPath: boolean;
    readonly service: string;
    readonly modules: readonly string[];
    readonly tags: readonly string[];
    getName(): string;
}

/** Durations are in nanoseconds. */
interface DGateService {
    readonly name: string;
    readonly namespace: string;
    readonly urls: readonly string[];
    readonly retries: number;
    readonly retryTimeout: number;
    readonly connectTimeout: number;
    readonly requestTimeout: number;
    readonly tlsSkipVerify: boolean;
    readonly http2Only: boolean;
    readonly hideDGateHeaders: boolean;
    readonly disableQueryParams: boolean;
    readonly tags: readonly string[];
    getName(): string;
}

interface DGateNamespace {
    readonly name: string;
    getName(): string;
}

/** What each function of a module gets. */
interface DGateContext {
    readonly id: string;
    request(): DGateRequest;
    response(): DGateResponse;
    /** null but in a responseModifier. */
    upstream(): DGateUpstream | null;
    query(): DGateQuery;
    pathParam(name: string): string;
    pathParams(): Record<string, string>;
    route(): DGateRoute;
    service(): DGateService | null;
    namespace(): DGateNamespace;
    /** A value that set() stored for this request, or null. */
    get<T = any>(key: unknown): T | null;
    set(key: unknown, value: unknown): void;
}

interface DGateFetchOptions {
    method?: string;
    headers?: Headers | DGateFields | Iterable<readonly [string, string]> | Record<string, unknown>;
    /** A plain object is sent as JSON, URLSearchParams as a form. */
    body?: DGateBytes | URLSearchParams | Record<string, unknown> | null;
    redirect?: "follow" | "error" | "manual";
    redirects?: "follow" | "error" | "manual";
}

interface DGateFetchResponse {
    readonly status: number;
    readonly statusText: string;
    readonly ok: boolean;
    readonly url: string;
    readonly redirected: boolean;
    readonly headers: Headers;
    readonly bodyUsed: boolean;
    text(): Promise<string>;
    json<T = any>(): Promise<T>;
    arrayBuffer(): Promise<ArrayBuffer>;
}

declare module "dgate" {
    export type Context = DGateContext;
    /** Throws an error with that message. */
    export function fail(message: string): never;
    /** Seconds, or a duration such as "1.5s" or "300ms". */
    export function asyncSleep(duration: number | string): Promise<void>;
    /** Calls callback(i) up to count times until it returns something truthy, and returns that; else null. */
    export function retry<T>(count: number, callback: (i: number) => T): T | null;
    export const http: typeof import("dgate/http");
    export const state: typeof import("dgate/state");
    export const crypto: typeof import("dgate/crypto");
    const dgate: typeof import("dgate");
    export default dgate;
}

declare module "dgate/http" {
    export function fetch(url: string | URL, options?: DGateFetchOptions): Promise<DGateFetchResponse>;
    const http: typeof import("dgate/http");
    export default http;
}

declare module "dgate/state" {
    export interface Collection {
        name: string;
        namespace?: string;
        schema?: unknown;
        type?: "document";
        visibility?: "public" | "private";
        tags?: string[];
    }
    export interface Document<T = any> {
        id: string;
        collection: string;
        namespace?: string;
        createdAt?: string;
        updatedAt?: string;
        data: T;
    }
    export function getCollection(name: string): Promise<Collection | null>;
    export function getDocument<T = any>(id: string, collection: string): Promise<Document<T> | null>;
    export function getDocuments<T = any>(query: {
        collection: string;
        limit?: number;
        offset?: number;
    }): Promise<Document<T>[]>;
    export function addCollection(collection: Collection): Promise<Collection>;
    export function addDocument<T = any>(document: Document<T>): Promise<Document<T>>;
    export function setDocument<T = any>(document: Document<T>): Promise<Document<T>>;
    export function deleteCollection(collection: string | { name: string }): Promise<null>;
    export function deleteDocument(id: string, collection: string): Promise<null>;
    export function deleteDocument(document: { id: string; collection: string }): Promise<null>;
    const state: typeof import("dgate/state");
    export default state;
}

declare module "dgate/crypto" {
    export type Algorithm = "md5" | "sha1" | "sha256" | "sha384" | "sha512" | "sha512_224" | "sha512_256";
    export type Encoding =
        | "hex"
        | "base64"
        | "b64"
        | "base64raw"
        | "b64raw"
        | "base64url"
        | "b64url"
        | "base64rawurl"
        | "b64rawurl";
    export interface Hash {
        update(data: DGateBytes): this;
        digest(): ArrayBuffer;
        digest(encoding: Encoding): string;
    }
    interface OneShot {
        (data: DGateBytes): ArrayBuffer;
        (data: DGateBytes, encoding: Encoding): string;
    }
    export function createHash(algorithm: Algorithm | (string & {})): Hash;
    export function createHmac(algorithm: Algorithm | (string & {}), key: DGateBytes): Hash;
    export function hmac(algorithm: Algorithm | (string & {}), key: DGateBytes, data: DGateBytes): ArrayBuffer;
    export function hmac(
        algorithm: Algorithm | (string & {}),
        key: DGateBytes,
        data: DGateBytes,
        encoding: Encoding,
    ): string;
    export const md5: OneShot;
    export const sha1: OneShot;
    export const sha256: OneShot;
    export const sha384: OneShot;
    export const sha512: OneShot;
    export const sha512_224: OneShot;
    export const sha512_256: OneShot;
    /** 1 to 65536 bytes. */
    export function randomBytes(count: number): ArrayBuffer;
    /** From min (0 when there is one argument) up to, but not including, max. */
    export function randomInt(max: number): number;
    export function randomInt(min: number, max: number): number;
    export function randomUUID(): string;
    export function getHashes(): string[];
    export function hexEncode(data: DGateBytes): string;
    export function hexDecode(text: string): ArrayBuffer;
    type Base64 = Exclude<Encoding, "hex">;
    export function base64Encode(data: DGateBytes, encoding?: Base64): string;
    /** Either alphabet, with or without padding. */
    export function base64Decode(text: string): ArrayBuffer;
    /** The same as text of UTF-8. */
    export function base64DecodeText(text: string): string;
    /** In a time that depends on the lengths only. */
    export function timingSafeEqual(a: DGateBytes, b: DGateBytes): boolean;

    export type JwtAlgorithm =
        | "HS256"
        | "HS384"
        | "HS512"
        | "RS256"
        | "RS384"
        | "RS512"
        | "PS256"
        | "PS384"
        | "PS512"
        | "ES256"
        | "ES384"
        | "ES512"
        | "EdDSA";
    export interface JwtOptions {
        /** Which algorithms a token may have. */
        algorithms: readonly JwtAlgorithm[];
        /** "iss" must be one of them. */
        issuer?: string | readonly string[];
        /** "aud" must have one of them. */
        audience?: string | readonly string[];
        /** Seconds, for "exp" and "nbf". */
        clockTolerance?: number;
    }
    /** What verifyJwt() throws. */
    export interface JwtError extends Error {
        reason: "malformed" | "algorithm" | "key" | "signature" | "expired" | "not yet valid" | "claim";
    }
    /**
     * Checks a signed JSON Web Token: form, algorithm, signature, "exp", "nbf", and "iss" and "aud" if they are asked for.
     * The key is a secret (string or bytes), PEM text of a public key, a JWK, a JWK set or a CryptoKey.
     */
    export function verifyJwt<T = any>(
        token: string,
        key: DGateBytes | JsonWebKey | { keys: readonly JsonWebKey[] } | CryptoKey,
        options: JwtOptions,
    ): { readonly header: Readonly<Record<string, any>>; payload: T };
    const crypto: typeof import("dgate/crypto");
    export default crypto;
}

declare class Headers {
    constructor(init?: Headers | DGateFields | Iterable<readonly [string, string]> | Record<string, unknown>);
    append(name: string, value: unknown): void;
    set(name: string, value: unknown): void;
    get(name: string): string | null;
    has(name: string): boolean;
    delete(name: string): void;
    getSetCookie(): string[];
    values(): IterableIterator<string>;
    values(name: string): string[];
    keys(): IterableIterator<string>;
    entries(): IterableIterator<[string, string]>;
    forEach(callback: (value: string, name: string, headers: Headers) => void): void;
    [Symbol.iterator](): IterableIterator<[string, string]>;
}

declare class URLSearchParams {
    constructor(init?: string | Iterable<readonly [string, string]> | Record<string, string>);
    readonly size: number;
    append(name: string, value: string): void;
    delete(name: string, value?: string): void;
    get(name: string): string | null;
    getAll(name: string): string[];
    has(name: string, value?: string): boolean;
    set(name: string, value: string): void;
    sort(): void;
    toString(): string;
    forEach(callback: (value: string, name: string, params: URLSearchParams) => void): void;
    keys(): IterableIterator<string>;
    values(): IterableIterator<string>;
    entries(): IterableIterator<[string, string]>;
    [Symbol.iterator](): IterableIterator<[string, string]>;
}

declare class URL {
    constructor(url: string | URL, base?: string | URL);
    static canParse(url: string, base?: string): boolean;
    hash: string;
    host: string;
    hostname: string;
    href: string;
    readonly origin: string;
    password: string;
    pathname: string;
    port: string;
    protocol: string;
    search: string;
    readonly searchParams: URLSearchParams;
    username: string;
    toString(): string;
    toJSON(): string;
}

declare class TextEncoder {
    readonly encoding: string;
    encode(text?: string): Uint8Array;
    encodeInto(text: string, target: Uint8Array): { read: number; written: number };
}

declare class TextDecoder {
    /** utf-8, utf-16le, utf-16be, windows-1252, or another label of these, such as latin1. */
    constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
    readonly encoding: string;
    readonly fatal: boolean;
    readonly ignoreBOM: boolean;
    decode(input?: ArrayBuffer | ArrayBufferView, options?: { stream?: boolean }): string;
}

declare const console: {
    log(...values: unknown[]): void;
    info(...values: unknown[]): void;
    debug(...values: unknown[]): void;
    trace(...values: unknown[]): void;
    warn(...values: unknown[]): void;
    error(...values: unknown[]): void;
    assert(condition: unknown, ...values: unknown[]): void;
};

declare const process: { readonly env: Record<string, string | undefined> };

declare function fetch(url: string | URL, options?: DGateFetchOptions): Promise<DGateFetchResponse>;
declare function setTimeout<A extends unknown[]>(callback: (...args: A) => void, ms?: number, ...args: A): number;
declare function setInterval<A extends unknown[]>(callback: (...args: A) => void, ms?: number, ...args: A): number;
declare function setImmediate<A extends unknown[]>(callback: (...args: A) => void, ...args: A): number;
declare function clearTimeout(timer: number | undefined): void;
declare function clearInterval(timer: number | undefined): void;
declare function clearImmediate(timer: number | undefined): void;
declare function queueMicrotask(callback: () => void): void;
declare function atob(text: string): string;
declare function btoa(text: string): string;

declare class Event {
    constructor(type: string, init?: { bubbles?: boolean; cancelable?: boolean; composed?: boolean });
    readonly type: string;
    readonly target: EventTarget | null;
    readonly currentTarget: EventTarget | null;
    readonly bubbles: boolean;
    readonly cancelable: boolean;
    readonly composed: boolean;
    readonly defaultPrevented: boolean;
    readonly timeStamp: number;
    preventDefault(): void;
    stopPropagation(): void;
    stopImmediatePropagation(): void;
    composedPath(): EventTarget[];
}

declare class CustomEvent<T = any> extends Event {
    constructor(type: string, init?: { detail?: T; bubbles?: boolean; cancelable?: boolean; composed?: boolean });
    readonly detail: T;
}

type DGateEventListener = ((event: Event) => void) | { handleEvent(event: Event): void };

declare class EventTarget {
    addEventListener(
        type: string,
        listener: DGateEventListener | null,
        options?: boolean | { once?: boolean; passive?: boolean; capture?: boolean; signal?: AbortSignal },
    ): void;
    removeEventListener(
        type: string,
        listener: DGateEventListener | null,
        options?: boolean | { capture?: boolean },
    ): void;
    dispatchEvent(event: Event): boolean;
}

declare class AbortSignal extends EventTarget {
    private constructor();
    static abort(reason?: any): AbortSignal;
    /** Aborts with a TimeoutError. A timer of the request. */
    static timeout(ms: number): AbortSignal;
    /** Aborts with the first of them. */
    static any(signals: Iterable<AbortSignal>): AbortSignal;
    readonly aborted: boolean;
    readonly reason: any;
    onabort: ((event: Event) => void) | null;
    throwIfAborted(): void;
}

declare class AbortController {
    readonly signal: AbortSignal;
    abort(reason?: any): void;
}

declare class DOMException extends Error {
    constructor(message?: string, name?: string);
    readonly code: number;
}

declare class Blob {
    constructor(parts?: Iterable<DGateBytes | Blob>, options?: { type?: string });
    readonly size: number;
    readonly type: string;
    slice(start?: number, end?: number, type?: string): Blob;
    arrayBuffer(): Promise<ArrayBuffer>;
    bytes(): Promise<Uint8Array>;
    text(): Promise<string>;
}

declare class File extends Blob {
    constructor(
        parts: Iterable<DGateBytes | Blob>,
        name: string,
        options?: { type?: string; lastModified?: number },
    );
    readonly name: string;
    readonly lastModified: number;
}

declare class FormData {
    append(name: string, value: unknown): void;
    append(name: string, value: Blob, filename?: string): void;
    set(name: string, value: unknown): void;
    set(name: string, value: Blob, filename?: string): void;
    delete(name: string): void;
    get(name: string): string | File | null;
    getAll(name: string): (string | File)[];
    has(name: string): boolean;
    forEach(callback: (value: string | File, name: string, form: FormData) => void): void;
    keys(): IterableIterator<string>;
    values(): IterableIterator<string | File>;
    entries(): IterableIterator<[string, string | File]>;
    [Symbol.iterator](): IterableIterator<[string, string | File]>;
}

declare function structuredClone<T>(value: T, options?: { transfer?: ArrayBuffer[] }): T;

declare const performance: {
    /** Milliseconds since timeOrigin, of a clock that only goes forward. */
    now(): number;
    readonly timeOrigin: number;
    toJSON(): { timeOrigin: number };
};

interface JsonWebKey {
    kty?: string;
    alg?: string;
    use?: string;
    key_ops?: string[];
    ext?: boolean;
    kid?: string;
    k?: string;
    n?: string;
    e?: string;
    crv?: string;
    x?: string;
    y?: string;
    [member: string]: unknown;
}

declare class CryptoKey {
    private constructor();
    readonly type: "secret" | "public";
    readonly extractable: boolean;
    readonly algorithm: { name: string; [parameter: string]: any };
    readonly usages: DGateKeyUsage[];
}

type DGateKeyUsage =
    | "encrypt"
    | "decrypt"
    | "sign"
    | "verify"
    | "deriveKey"
    | "deriveBits"
    | "wrapKey"
    | "unwrapKey";
type DGateBufferSource = ArrayBuffer | ArrayBufferView;
type DGateAlgorithm = string | { name: string; [parameter: string]: unknown };

/** What there is of the Web Cryptography API: docs/modules/crypto.md. */
interface DGateSubtleCrypto {
    digest(algorithm: DGateAlgorithm, data: DGateBufferSource): Promise<ArrayBuffer>;
    generateKey(algorithm: DGateAlgorithm, extractable: boolean, usages: DGateKeyUsage[]): Promise<CryptoKey>;
    importKey(
        format: "jwk",
        data: JsonWebKey,
        algorithm: DGateAlgorithm,
        extractable: boolean,
        usages: DGateKeyUsage[],
    ): Promise<CryptoKey>;
    importKey(
        format: "raw" | "spki",
        data: DGateBufferSource,
        algorithm: DGateAlgorithm,
        extractable: boolean,
        usages: DGateKeyUsage[],
    ): Promise<CryptoKey>;
    exportKey(format: "jwk", key: CryptoKey): Promise<JsonWebKey>;
    exportKey(format: "raw" | "spki", key: CryptoKey): Promise<ArrayBuffer>;
    sign(algorithm: DGateAlgorithm, key: CryptoKey, data: DGateBufferSource): Promise<ArrayBuffer>;
    verify(
        algorithm: DGateAlgorithm,
        key: CryptoKey,
        signature: DGateBufferSource,
        data: DGateBufferSource,
    ): Promise<boolean>;
    encrypt(algorithm: DGateAlgorithm, key: CryptoKey, data: DGateBufferSource): Promise<ArrayBuffer>;
    decrypt(algorithm: DGateAlgorithm, key: CryptoKey, data: DGateBufferSource): Promise<ArrayBuffer>;
}

declare const crypto: {
    readonly subtle: DGateSubtleCrypto;
    /** At most 65536 bytes. */
    getRandomValues<T extends ArrayBufferView>(view: T): T;
    randomUUID(): string;
};

type DGateBufferEncoding =
    | "utf8"
    | "utf-8"
    | "hex"
    | "base64"
    | "base64url"
    | "base64Url"
    | "latin1"
    | "binary"
    | "ascii"
    | "utf16le"
    | "ucs2";

/** Node.js's, as the package "buffer" has it. The members that are used most; the others are there too. */
declare class Buffer extends Uint8Array {
    static from(text: string, encoding?: DGateBufferEncoding): Buffer;
    static from(data: ArrayBuffer, offset?: number, length?: number): Buffer;
    static from(data: Iterable<number> | ArrayLike<number>): Buffer;
    static alloc(size: number, fill?: string | number | Uint8Array, encoding?: DGateBufferEncoding): Buffer;
    static allocUnsafe(size: number): Buffer;
    static byteLength(data: DGateBytes, encoding?: DGateBufferEncoding): number;
    static compare(a: Uint8Array, b: Uint8Array): -1 | 0 | 1;
    static concat(list: readonly Uint8Array[], length?: number): Buffer;
    static isBuffer(value: unknown): value is Buffer;
    static isEncoding(name: string): boolean;
    toString(encoding?: DGateBufferEncoding, start?: number, end?: number): string;
    equals(other: Uint8Array): boolean;
    compare(other: Uint8Array): -1 | 0 | 1;
    copy(target: Uint8Array, targetStart?: number, start?: number, end?: number): number;
    write(text: string, offset?: number, length?: number, encoding?: DGateBufferEncoding): number;
    toJSON(): { type: "Buffer"; data: number[] };
    readUInt8(offset?: number): number;
    readUInt16BE(offset?: number): number;
    readUInt16LE(offset?: number): number;
    readUInt32BE(offset?: number): number;
    readUInt32LE(offset?: number): number;
    readInt8(offset?: number): number;
    readInt16BE(offset?: number): number;
    readInt16LE(offset?: number): number;
    readInt32BE(offset?: number): number;
    readInt32LE(offset?: number): number;
    writeUInt8(value: number, offset?: number): number;
    writeUInt16BE(value: number, offset?: number): number;
    writeUInt16LE(value: number, offset?: number): number;
    writeUInt32BE(value: number, offset?: number): number;
    writeUInt32LE(value: number, offset?: number): number;
}

interface DGateBufferModule {
    Buffer: typeof Buffer;
    Blob: typeof Blob;
    File: typeof File;
    atob: typeof atob;
    btoa: typeof btoa;
    kMaxLength: number;
}
type DGateBuffer = Buffer;

declare module "buffer" {
    export const Buffer: DGateBufferModule["Buffer"];
    export type Buffer = DGateBuffer;
    export const Blob: DGateBufferModule["Blob"];
    export const File: DGateBufferModule["File"];
    export const atob: DGateBufferModule["atob"];
    export const btoa: DGateBufferModule["btoa"];
    export const kMaxLength: number;
    const buffer: DGateBufferModule;
    export default buffer;
}

declare module "node:buffer" {
    export * from "buffer";
    export { default } from "buffer";
}
