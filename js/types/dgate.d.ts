// Types for module authors. Put this file beside your modules, or name it in tsconfig.json:
//     { "compilerOptions": { "lib": ["es2023"], "types": ["./dgate"] } }

/// <reference path="./web.d.ts" />

/** What may be sent or hashed: text is written as UTF-8. */
type DGateBytes = string | ArrayBuffer | ArrayBufferView;

/** Header fields of a message, live: what a module changes is what is sent. Names are compared without case. */
interface DGateFields {
    /** The first value, "" when there is none. */
    get(name: string): string;
    /** Whether there is a field of that name. */
    has(name: string): boolean;
    /** All values, in their order. */
    values(name: string): string[];
    /** Replaces all values. Framing and connection fields (Content-Length, Host, Connection, …) are left alone. */
    set(name: string, value: unknown): void;
    /** Adds a value to those that are there. */
    add(name: string, value: unknown): void;
    /** The same as add(). */
    append(name: string, value: unknown): void;
    /** Removes all values. */
    del(name: string): void;
    /** The same as del(). */
    delete(name: string): void;
    /** A copy that is not live. */
    clone(): Headers;
    /** Names and values in the order of the message. */
    entries(): [name: string, value: string][];
    /** The names, each once. */
    keys(): string[];
    /** Calls back for each value. */
    forEach(callback: (value: string, name: string, fields: DGateFields) => void): void;
    [Symbol.iterator](): IterableIterator<[string, string]>;
}

/** The parameters of a query string: a copy, changes are not forwarded. */
interface DGateQuery {
    /** The first value, "" when there is none. */
    get(name: string): string;
    /** All values, in their order. */
    getAll(name: string): string[];
    /** Whether there is a parameter of that name. */
    has(name: string): boolean;
    /** Replaces all values. */
    set(name: string, value: unknown): void;
    /** Adds a value to those that are there. */
    add(name: string, value: unknown): void;
    /** Removes all values. */
    del(name: string): void;
    /** The names, each once. */
    keys(): string[];
    /** The query string, without "?". */
    encode(): string;
}

/** The request. */
interface DGateRequest {
    /** As the client wrote it: "GET". */
    readonly method: string;
    /** Decoded, without the query. */
    readonly path: string;
    /** Host and port as the client named them. */
    readonly host: string;
    /** "HTTP/1.1". */
    readonly proto: string;
    /** The client's address, without port. */
    readonly remoteAddress: string;
    /** -1 when it is not known. */
    readonly contentLength: number;
    /** Changes are forwarded. */
    readonly headers: DGateFields;
    /** A copy of the parameters. */
    readonly query: DGateQuery;
    /**
     * The body piece by piece, in a requestHandler (with a service it is the upstream's). null when it is empty. Reading it
     * does not make DGate collect the body.
     */
    readonly body: ReadableStream<Uint8Array> | null;
    readBody(): ArrayBuffer;
    /** The body as JSON; throws when it is none. */
    readJson<T = any>(): T;
    /** Replaces the body that is forwarded. */
    writeBody(data: DGateBytes): void;
    /** Replaces it with JSON, and sets Content-Type. */
    writeJson(value: unknown): void;
}

/** Attributes of a cookie that is set. */
interface DGateCookieOptions {
    /** Hosts that it is sent to. */
    domain?: string;
    /** When it ends; without expires and maxAge with the browser session. */
    expires?: Date | string;
    /** Not for scripts of pages. */
    httpOnly?: boolean;
    /** In seconds. */
    maxAge?: number;
    /** Paths that it is sent to. */
    path?: string;
    /** Whether other sites may cause it to be sent. */
    sameSite?: "lax" | "strict" | "none";
    /** Over TLS only. */
    secure?: boolean;
}

/** A cookie that was read. */
interface DGateCookie {
    name: string;
    /** Without quotes around it. */
    value: string;
    /** "" when it is not told. */
    path: string;
    /** "" when it is not told. */
    domain: string;
    /** null when it is not told. */
    expires: Date | null;
    /** Expires as it was written. */
    rawExpires: string;
    /** In seconds; 0 when it is not told. */
    maxAge: number;
    secure: boolean;
    httpOnly: boolean;
    /** "" when it is not told. */
    sameSite: string;
    /** The line that it was read from. */
    raw: string;
    /** Attributes that are not known. */
    unparsed: string[];
}

/** The response that modules make themselves. */
interface DGateResponse {
    /** Of the response that modules make; without an answer they go with the upstream's. */
    readonly headers: DGateFields;
    /** Whether send(), end(), json() or a redirect was called: then this is the answer. */
    readonly headersSent: boolean;
    /** For whatever modules of the route tell each other. */
    readonly locals: Record<string, any>;
    /** From 200 to 999; 200 unless set. */
    statusCode: number;
    /** Sets statusCode. */
    status(code: number): this;
    /** Several calls append. Without a Content-Type one is found from the first. */
    send(data?: DGateBytes | null): this;
    /** The same as send(). */
    end(data?: DGateBytes | null): this;
    /** Sends value as JSON, with its Content-Type. */
    json(value: unknown): this;
    /** Sets Location. */
    location(url: string): this;
    /** 307 */
    redirect(url: string): this;
    /** 301 */
    redirectPermanent(url: string): this;
    /** Adds a Set-Cookie field. */
    cookie(name: string, value: string | number | boolean, options?: DGateCookieOptions): this;
    /** The request's cookies. */
    getCookies(): DGateCookie[];
    /** The request's first cookie of that name, or null. */
    getCookie(name: string): DGateCookie | null;
}

/** The upstream's response, in a responseModifier. */
interface DGateUpstream {
    /** May be set, from 200 to 999. */
    statusCode: number;
    /** Changes are sent to the client. */
    readonly headers: DGateFields;
    /** Trailer fields, when the body was collected. */
    readonly trailer: DGateFields;
    /** Status and reason: "200 OK". */
    readonly statusText: string;
    /** "HTTP/1.1". */
    readonly protocol: string;
    /** -1 when it is not known. */
    readonly contentLength: number;
    /** ["chunked"] when the length is not known. */
    readonly transferEncoding: string[];
    /** Always false: a body with Content-Encoding is given as it came. */
    readonly uncompressed: boolean;
    /** Sets statusCode. */
    status(code: number): this;
    /**
     * The body piece by piece, while it comes. What is read of it is not sent: give something in its place with setBody()
     * or a Response. null when it is empty.
     */
    readonly body: ReadableStream<Uint8Array> | null;
    /** What is sent in the place of the body: bytes, or a stream of them. */
    setBody(data: DGateBytes | ReadableStream<Uint8Array>): this;
    readBody(): Promise<ArrayBuffer>;
    /** The body as JSON; rejects when it is none. */
    readJson<T = any>(): Promise<T>;
    /** Replaces the body. */
    writeBody(data: DGateBytes): this;
    /** Replaces it with JSON, and sets Content-Type. */
    writeJson(value: unknown): this;
    /** Makes it a redirect, 307. */
    redirect(url: string): this;
    /** Makes it a redirect, 301. */
    redirectPermanent(url: string): this;
    /** The parameters that the upstream was asked with. */
    query(): DGateQuery;
    /** The cookies that it sets. */
    cookie(): DGateCookie[];
}

/** The route, as the admin API has it. */
interface DGateRoute {
    readonly name: string;
    readonly namespace: string;
    /** Its patterns. */
    readonly paths: readonly string[];
    /** ["*"] for all. */
    readonly methods: readonly string[];
    /** Whether upstreams get the Host of the client. */
    readonly preserveHost: boolean;
    /** Whether what its pattern matches literally is left out of what is forwarded. */
    readonly stripPath: boolean;
    /** Its name, "" when there is none. */
    readonly service: string;
    /** Their names, in the order of the route. */
    readonly modules: readonly string[];
    readonly tags: readonly string[];
    /** The same as name. */
    getName(): string;
}

/** Durations are in nanoseconds. */
interface DGateService {
    readonly name: string;
    readonly namespace: string;
    /** Its upstreams. */
    readonly urls: readonly string[];
    /** Attempts after the first one. */
    readonly retries: number;
    /** Between attempts. */
    readonly retryTimeout: number;
    /** 0: the server's default. */
    readonly connectTimeout: number;
    /** Until the response's head; 0: the server's default. */
    readonly requestTimeout: number;
    /** Whether certificates are not checked. */
    readonly tlsSkipVerify: boolean;
    readonly http2Only: boolean;
    /** Whether upstreams get no X-DGate-* fields. */
    readonly hideDGateHeaders: boolean;
    /** Whether queries are not forwarded. */
    readonly disableQueryParams: boolean;
    readonly tags: readonly string[];
    /** The same as name. */
    getName(): string;
}

/** The namespace. */
interface DGateNamespace {
    readonly name: string;
    /** The same as name. */
    getName(): string;
}

/** What each function of a module gets. */
interface DGateContext {
    /** The request's: X-Request-Id. */
    readonly id: string;
    /** The request as it is forwarded. */
    request(): DGateRequest;
    /** The response that modules make. */
    response(): DGateResponse;
    /** null but in a responseModifier. */
    upstream(): DGateUpstream | null;
    /** The same as request().query. */
    query(): DGateQuery;
    /** The decoded value, "" when there is none. */
    pathParam(name: string): string;
    /** All decoded values by name. */
    pathParams(): Record<string, string>;
    /** The route that matched. */
    route(): DGateRoute;
    /** The route's service; null when it has none. */
    service(): DGateService | null;
    /** The route's namespace. */
    namespace(): DGateNamespace;
    /** A value that set() stored for this request, or null. */
    get<T = any>(key: unknown): T | null;
    /** Keeps a value for other functions of this request. */
    set(key: unknown, value: unknown): void;
}

/** The request of DGate 2's ctx. What a requestModifier writes is what is forwarded. */
interface DGateScriptRequest {
    /** HEAD cannot become another method, nor another one HEAD. */
    method: string;
    /** Percent-encoded, without the query. A path that is written is forwarded as it is. */
    path: string;
    /** Decoded; of a repeated parameter the last. null, undefined and delete take one away. */
    get query(): Record<string, string>;
    set query(all: Record<string, unknown>);
    /** By lower-case names; values of a repeated header joined. null, undefined and delete take one away. */
    get headers(): Record<string, string>;
    set headers(all: Record<string, unknown>);
    get body(): string;
    set body(data: DGateBytes | null);
}

/** ctx.response of DGate 2's ctx, and the res of its responseModifier. */
interface DGateScriptResponse {
    /** 200 to 999. */
    statusCode: number;
    get headers(): Record<string, string>;
    set headers(all: Record<string, unknown>);
    /** A body of the upstream that is not set passes byte by byte. */
    get body(): string;
    set body(data: DGateBytes | null);
}

/** DGate 2's ctx: what the functions of scripts get, and of modules with moduleApi "dgate2". */
interface DGateScriptContext {
    /** What an object that is assigned has is taken over. */
    get request(): DGateScriptRequest;
    set request(given: Partial<DGateScriptRequest>);
    /** In a responseModifier the upstream's response, the same as res. An object that is assigned takes its place. */
    get response(): DGateScriptResponse;
    set response(given: Partial<DGateScriptResponse>);
    params: Record<string, string>;
    route: string;
    namespace: string;
    service: string | null;
    /** The upstream that was asked, in a responseModifier or an errorHandler. */
    upstreamUrl: string | null;
    /** By "collection:id". It cannot be listed. */
    readonly documents: Record<string, any>;
    setHeader(name: string, value: unknown): void;
    setStatus(code: number): void;
    status(code: number): this;
    /** Appends to the body. */
    write(data: unknown): void;
    /** Replaces the body. */
    json(data: unknown): void;
    /** 302 without a status. */
    redirect(url: string | URL, status?: number): void;
    pathParam(name: string): string | null;
    queryParam(name: string): string | null;
    /** At once, from what this node has; "namespace/collection" for public ones of other namespaces. */
    getDocument<T = any>(collection: string, id: string): { data: T } | null;
    /** Written when the function has succeeded, before the request goes on. */
    setDocument(collection: string, id: string, data: unknown): void;
    deleteDocument(collection: string, id: string): void;
    /** 8 characters of base 36. */
    hashString(text: string): string;
}

/** What an AbortSignal has. */
interface DGateSignal {
    readonly aborted: boolean;
    readonly reason: any;
    addEventListener(type: "abort", listener: () => void): void;
    removeEventListener(type: "abort", listener: () => void): void;
}

type DGateHeadersInit = Headers | DGateFields | Iterable<readonly [string, string]> | Record<string, unknown>;

/** What the body of a Request or Response may be made of; FormData, where there is one, too. */
type DGateBodyInit = DGateBytes | URLSearchParams | ReadableStream<Uint8Array> | Iterable<[string, any]> | null;

interface DGateRequestInit {
    method?: string;
    headers?: DGateHeadersInit;
    body?: DGateBodyInit;
    redirect?: "follow" | "error" | "manual";
    signal?: DGateSignal | null;
    duplex?: "half";
}

interface DGateFetchOptions extends Omit<DGateRequestInit, "body"> {
    /** A plain object is sent as JSON, URLSearchParams as a form. A stream is collected first. */
    body?: DGateBodyInit | Record<string, unknown>;
    redirects?: "follow" | "error" | "manual";
}

interface DGateResponseInit {
    /** 200 to 599; 200 */
    status?: number;
    statusText?: string;
    headers?: DGateHeadersInit;
}

/** What Request and Response share. Each body can be used once. */
interface DGateBody {
    readonly body: ReadableStream<Uint8Array> | null;
    readonly bodyUsed: boolean;
    /** The body as UTF-8. */
    text(): Promise<string>;
    /** The body as JSON; rejects when it is none. */
    json<T = any>(): Promise<T>;
    /** The body's bytes. */
    arrayBuffer(): Promise<ArrayBuffer>;
    bytes(): Promise<Uint8Array>;
    /** Where there is a FormData. */
    formData(): Promise<any>;
    /** Where there is a Blob. */
    blob(): Promise<any>;
}

declare module "dgate" {
    /** What functions of modules get. */
    export type Context = DGateContext;
    /** DGate 2's, for modules with moduleApi "dgate2". */
    export type ScriptContext = DGateScriptContext;
    export type ScriptResponse = DGateScriptResponse;
    /** Throws an error with that message. */
    export function fail(message: string): never;
    /** Seconds, or a duration such as "1.5s" or "300ms". */
    export function asyncSleep(duration: number | string): Promise<void>;
    /** Calls callback(i) up to count times until it returns something truthy, and returns that; else null. */
    export function retry<T>(count: number, callback: (i: number) => T): T | null;
    /** The module "dgate/http". */
    export const http: typeof import("dgate/http");
    /** The module "dgate/state". */
    export const state: typeof import("dgate/state");
    export const storage: typeof import("dgate/storage");
    export const crypto: typeof import("dgate/crypto");
    export const util: typeof import("dgate/util");
    export const x: Readonly<Record<string, never>>;
    const dgate: typeof import("dgate");
    export default dgate;
}

declare module "dgate/http" {
    export function fetch(input: string | URL | Request, options?: DGateFetchOptions): Promise<Response>;
    const http: typeof import("dgate/http");
    export default http;
}

declare module "dgate/state" {
    /** A collection as the admin API has it. */
    export interface Collection {
        name: string;
        namespace?: string;
        schema?: unknown;
        type?: "document";
        visibility?: "public" | "private";
        tags?: string[];
    }
    /** A document as the admin API has it. */
    export interface Document<T = any> {
        id: string;
        collection: string;
        namespace?: string;
        createdAt?: string;
        updatedAt?: string;
        data: T;
    }
    /** Rejects when there is none. Collections of other namespaces must be public. */
    export function getCollection(name: string, namespace?: string): Promise<Collection>;
    /** The document, or null. collection may be "namespace/collection" of another namespace. */
    export function getDocument<T = any>(
        id: string,
        collection: string,
        namespace?: string,
    ): Promise<Document<T> | null>;
    /** Documents in order of their ids: at most limit (100 if left out, at most 1000) without the first offset. */
    export function getDocuments<T = any>(query: {
        collection: string;
        namespace?: string;
        limit?: number;
        offset?: number;
    }): Promise<Document<T>[]>;
    /** Creates or replaces a collection of the own namespace. */
    export function addCollection(collection: Collection): Promise<Collection>;
    /** Creates or replaces a document; rejects when the data does not fit the collection's schema. */
    export function addDocument<T = any>(document: Document<T>): Promise<Document<T>>;
    /** The same as addDocument(). */
    export function setDocument<T = any>(document: Document<T>): Promise<Document<T>>;
    /** The collection must be empty. Gives its argument; of a name an object with it. */
    export function deleteCollection(name: string): Promise<{ name: string }>;
    export function deleteCollection<T extends { name: string }>(collection: T): Promise<T>;
    /** Rejects when it is not there. Gives its argument; of an id and a collection an object with both. */
    export function deleteDocument(id: string, collection: string): Promise<{ id: string; collection: string }>;
    export function deleteDocument<T extends { id: string; collection: string }>(document: T): Promise<T>;
    /** The data of a secret of the own namespace, or null. */
    export function getSecret(name: string): string | null;
    const state: typeof import("dgate/state");
    export default state;
}

declare module "dgate/util" {
    /** Replaces the body by what callback makes of its text, and gives that. */
    export function readWriteBody(
        message: DGateUpstream | DGateRequest,
        callback: (text: string) => string | PromiseLike<string>,
    ): Promise<string>;
    const util: typeof import("dgate/util");
    export default util;
}

/** For what is tried out: empty at present. */
declare module "dgate/exp" {
    const experimental: Readonly<Record<string, never>>;
    export default experimental;
}
declare module "dgate/x" {
    const experimental: Readonly<Record<string, never>>;
    export default experimental;
}

declare module "dgate/storage" {
    export interface Lifetime {
        /** Seconds, fractions allowed. */
        ttl?: number;
    }
    /** A value of the node's cache, or null. */
    export function getCache<T = any>(id: string): T | null;
    /** Keeps a JSON value for ttl seconds, or until there is no room; ttl 0 deletes it. */
    export function setCache(id: string, value: unknown, options?: Lifetime): void;
    /** Whether it was there. */
    export function deleteCache(id: string): boolean;

    export interface Entry<T = any> {
        key: string;
        value: T;
    }
    /** What this node knows of an entry of the replicated store: its value, or null. */
    export function get<T = any>(key: string): T | null;
    /** Entries in order of their keys: at most limit (100 if left out, at most 1000). */
    export function list<T = any>(query?: { prefix?: string; after?: string; limit?: number }): Entry<T>[];
    /** The value, or null, after everything that was written before. */
    export function read<T = any>(key: string): Promise<T | null>;
    /** Stores a JSON value; fulfilled when it is on disk. */
    export function put(key: string, value: unknown, options?: Lifetime): Promise<void>;
    function remove(key: string): Promise<boolean>;
    /** delete(key): whether it was there. */
    export { remove as delete };
    /** Stores value if what is there equals expected (null: there is nothing); null as the value deletes. */
    export function compareAndSet(
        key: string,
        expected: unknown,
        value: unknown,
        options?: Lifetime,
    ): Promise<boolean>;
    /** Adds by (1 if left out) to a number and returns the sum; ttl counts when there was none. */
    export function increment(key: string, by?: number, options?: Lifetime): Promise<number>;
    const storage: typeof import("dgate/storage");
    export default storage;
}

declare module "dgate/crypto" {
    /** What createHash() and createHmac() know. */
    export type Algorithm = "md5" | "sha1" | "sha256" | "sha384" | "sha512" | "sha512_224" | "sha512_256";
    /** Of a digest as text; raw: without padding. */
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
    /** A digest in the making. */
    export interface Hash {
        update(data: DGateBytes): this;
        digest(): ArrayBuffer;
        digest(encoding: Encoding): string;
    }
    interface OneShot {
        (data: DGateBytes): ArrayBuffer;
        (data: DGateBytes, encoding: Encoding): string;
    }
    /** A digest of data that comes in pieces. */
    export function createHash(algorithm: Algorithm | (string & {})): Hash;
    /** A keyed digest of data that comes in pieces. */
    export function createHmac(algorithm: Algorithm | (string & {}), key: DGateBytes): Hash;
    /** The keyed digest of data. */
    export function hmac(algorithm: Algorithm | (string & {}), key: DGateBytes, data: DGateBytes): ArrayBuffer;
    export function hmac(
        algorithm: Algorithm | (string & {}),
        key: DGateBytes,
        data: DGateBytes,
        encoding: Encoding,
    ): string;
    /** The digest of data. */
    export const md5: OneShot;
    /** The digest of data. */
    export const sha1: OneShot;
    /** The digest of data. */
    export const sha256: OneShot;
    /** The digest of data. */
    export const sha384: OneShot;
    /** The digest of data. */
    export const sha512: OneShot;
    /** The digest of data. */
    export const sha512_224: OneShot;
    /** The digest of data. */
    export const sha512_256: OneShot;
    /** 1 to 65536 bytes. */
    export function randomBytes(count: number): ArrayBuffer;
    /** From min (0 when there is one argument) up to, but not including, max. */
    export function randomInt(max: number): number;
    export function randomInt(min: number, max: number): number;
    /** A random UUID, version 4. */
    export function randomUUID(): string;
    /** The algorithms that there are. */
    export function getHashes(): string[];
    /** Bytes as hexadecimal digits. */
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
