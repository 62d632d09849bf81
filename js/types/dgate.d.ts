// Types for module authors. Put this file beside your modules, or name it in tsconfig.json:
//     { "compilerOptions": { "lib": ["es2023"], "types": ["./dgate"] } }

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
    /** The whole body; empty when there is none. It can be read again. */
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
    /** Of the response that modules make. */
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
    /** The whole body, as it came. */
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
    /** Of the upstream's URL. */
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

/** Options of fetch(). */
interface DGateFetchOptions {
    /** "GET" unless given. */
    method?: string;
    /** Of the request. */
    headers?: Headers | DGateFields | Iterable<readonly [string, string]> | Record<string, unknown>;
    /** A plain object is sent as JSON, URLSearchParams as a form. */
    body?: DGateBytes | URLSearchParams | Record<string, unknown> | null;
    /** What is done with redirects: "follow" unless given, at most 20. */
    redirect?: "follow" | "error" | "manual";
    /** The same as redirect. */
    redirects?: "follow" | "error" | "manual";
}

/** What fetch() resolves with. */
interface DGateFetchResponse {
    readonly status: number;
    /** The reason. */
    readonly statusText: string;
    /** Whether the status is 200 to 299. */
    readonly ok: boolean;
    /** After redirects. */
    readonly url: string;
    /** Whether a redirect was followed. */
    readonly redirected: boolean;
    readonly headers: Headers;
    /** Whether the body was taken: it can be once. */
    readonly bodyUsed: boolean;
    /** The body as UTF-8. */
    text(): Promise<string>;
    /** The body as JSON; rejects when it is none. */
    json<T = any>(): Promise<T>;
    /** The body's bytes. */
    arrayBuffer(): Promise<ArrayBuffer>;
}

declare module "dgate" {
    /** What functions of modules get. */
    export type Context = DGateContext;
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
    /** The module "dgate/crypto". */
    export const crypto: typeof import("dgate/crypto");
    const dgate: typeof import("dgate");
    export default dgate;
}

declare module "dgate/http" {
    /** An HTTP request. It belongs to the request at hand and ends with it. Resolves when the whole body is there. */
    export function fetch(url: string | URL, options?: DGateFetchOptions): Promise<DGateFetchResponse>;
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
    /** The collection, or null. */
    export function getCollection(name: string): Promise<Collection | null>;
    /** The document, or null; rejects when there is no such collection. */
    export function getDocument<T = any>(id: string, collection: string): Promise<Document<T> | null>;
    /** A page of a collection, ordered by id: limit is 100 unless given, at most 1000. */
    export function getDocuments<T = any>(query: {
        collection: string;
        limit?: number;
        offset?: number;
    }): Promise<Document<T>[]>;
    /** Makes or replaces a collection; resolves with what is stored, when it is. */
    export function addCollection(collection: Collection): Promise<Collection>;
    /** Makes or replaces a document; resolves with what is stored, when it is. */
    export function addDocument<T = any>(document: Document<T>): Promise<Document<T>>;
    /** The same as addDocument(). */
    export function setDocument<T = any>(document: Document<T>): Promise<Document<T>>;
    /** Rejects when it has documents, or is not there. */
    export function deleteCollection(collection: string | { name: string }): Promise<null>;
    /** Rejects when it is not there. */
    export function deleteDocument(id: string, collection: string): Promise<null>;
    export function deleteDocument(document: { id: string; collection: string }): Promise<null>;
    const state: typeof import("dgate/state");
    export default state;
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
    constructor(label?: "utf-8", options?: { fatal?: boolean; ignoreBOM?: boolean });
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
declare function setTimeout(callback: (...args: any[]) => void, ms?: number, ...args: any[]): number;
declare function setInterval(callback: (...args: any[]) => void, ms?: number, ...args: any[]): number;
declare function setImmediate(callback: (...args: any[]) => void, ...args: any[]): number;
declare function clearTimeout(timer: number | undefined): void;
declare function clearInterval(timer: number | undefined): void;
declare function clearImmediate(timer: number | undefined): void;
declare function queueMicrotask(callback: () => void): void;
declare function atob(text: string): string;
declare function btoa(text: string): string;
