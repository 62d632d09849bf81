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
