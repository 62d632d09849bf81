// Globals of modules: those of the web platform that there are, and Buffer, console, process, timers; and the modules of
// Node.js that there are.

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

declare class Request implements DGateBody {
    constructor(input: string | URL | Request, init?: DGateRequestInit);
    readonly url: string;
    readonly method: string;
    readonly headers: Headers;
    readonly redirect: string;
    readonly signal: AbortSignal;
    readonly duplex: "half";
    clone(): Request;
    readonly body: ReadableStream<Uint8Array> | null;
    readonly bodyUsed: boolean;
    text(): Promise<string>;
    json<T = any>(): Promise<T>;
    arrayBuffer(): Promise<ArrayBuffer>;
    bytes(): Promise<Uint8Array>;
    formData(): Promise<any>;
    blob(): Promise<any>;
}

/** What a requestHandler, requestModifier or errorHandler may return as its answer, a responseModifier in place of the
 * upstream's response, and what fetch() gives. */
declare class Response implements DGateBody {
    /** With ctx.upstream() as init it has that status and those headers. */
    constructor(body?: DGateBodyInit, init?: DGateResponseInit | DGateUpstream);
    static json(data: unknown, init?: DGateResponseInit): Response;
    /** 302, or 301, 303, 307, 308 */
    static redirect(url: string | URL, status?: number): Response;
    static error(): Response;
    readonly type: string;
    readonly url: string;
    readonly redirected: boolean;
    readonly status: number;
    readonly ok: boolean;
    readonly statusText: string;
    readonly headers: Headers;
    clone(): Response;
    readonly body: ReadableStream<Uint8Array> | null;
    readonly bodyUsed: boolean;
    text(): Promise<string>;
    json<T = any>(): Promise<T>;
    arrayBuffer(): Promise<ArrayBuffer>;
    bytes(): Promise<Uint8Array>;
    formData(): Promise<any>;
    blob(): Promise<any>;
}

interface QueuingStrategy<T = any> {
    highWaterMark?: number;
    size?(chunk: T): number;
}

interface StreamPipeOptions {
    preventClose?: boolean;
    preventAbort?: boolean;
    preventCancel?: boolean;
    signal?: DGateSignal;
}

type ReadableStreamReadResult<T> = { done: false; value: T } | { done: true; value: undefined };

interface ReadableStreamDefaultController<R = any> {
    /** How much more the consumer wants; 0 or less: enough. */
    readonly desiredSize: number | null;
    enqueue(chunk: R): void;
    close(): void;
    error(reason?: any): void;
}

interface ReadableStreamDefaultReader<R = any> {
    readonly closed: Promise<undefined>;
    read(): Promise<ReadableStreamReadResult<R>>;
    cancel(reason?: any): Promise<void>;
    releaseLock(): void;
}

interface UnderlyingSource<R = any> {
    start?(controller: ReadableStreamDefaultController<R>): any;
    /** Called when the consumer wants more; again when the promise it returns has settled. */
    pull?(controller: ReadableStreamDefaultController<R>): void | PromiseLike<void>;
    /** The consumer (in the end: the client) wants no more. */
    cancel?(reason?: any): void | PromiseLike<void>;
    type?: undefined;
}

declare class ReadableStream<R = any> {
    constructor(source?: UnderlyingSource<R>, strategy?: QueuingStrategy<R>);
    static from<T>(source: Iterable<T> | AsyncIterable<T>): ReadableStream<T>;
    readonly locked: boolean;
    getReader(): ReadableStreamDefaultReader<R>;
    cancel(reason?: any): Promise<void>;
    pipeThrough<T>(
        pair: { readable: ReadableStream<T>; writable: WritableStream<R> },
        options?: StreamPipeOptions,
    ): ReadableStream<T>;
    pipeTo(destination: WritableStream<R>, options?: StreamPipeOptions): Promise<void>;
    tee(): [ReadableStream<R>, ReadableStream<R>];
    values(options?: { preventCancel?: boolean }): AsyncIterableIterator<R>;
    [Symbol.asyncIterator](options?: { preventCancel?: boolean }): AsyncIterableIterator<R>;
}

interface WritableStreamDefaultController {
    readonly signal: DGateSignal;
    error(reason?: any): void;
}

interface UnderlyingSink<W = any> {
    start?(controller: WritableStreamDefaultController): any;
    write?(chunk: W, controller: WritableStreamDefaultController): void | PromiseLike<void>;
    close?(): void | PromiseLike<void>;
    abort?(reason?: any): void | PromiseLike<void>;
}

interface WritableStreamDefaultWriter<W = any> {
    readonly closed: Promise<undefined>;
    readonly ready: Promise<undefined>;
    readonly desiredSize: number | null;
    write(chunk: W): Promise<void>;
    close(): Promise<void>;
    abort(reason?: any): Promise<void>;
    releaseLock(): void;
}

declare class WritableStream<W = any> {
    constructor(sink?: UnderlyingSink<W>, strategy?: QueuingStrategy<W>);
    readonly locked: boolean;
    getWriter(): WritableStreamDefaultWriter<W>;
    close(): Promise<void>;
    abort(reason?: any): Promise<void>;
}

interface TransformStreamDefaultController<O = any> {
    readonly desiredSize: number | null;
    enqueue(chunk: O): void;
    error(reason?: any): void;
    terminate(): void;
}

interface Transformer<I = any, O = any> {
    start?(controller: TransformStreamDefaultController<O>): any;
    transform?(chunk: I, controller: TransformStreamDefaultController<O>): void | PromiseLike<void>;
    flush?(controller: TransformStreamDefaultController<O>): void | PromiseLike<void>;
    cancel?(reason?: any): void | PromiseLike<void>;
}

declare class TransformStream<I = any, O = any> {
    constructor(transformer?: Transformer<I, O>, writable?: QueuingStrategy<I>, readable?: QueuingStrategy<O>);
    readonly readable: ReadableStream<O>;
    readonly writable: WritableStream<I>;
}

declare class ByteLengthQueuingStrategy implements QueuingStrategy<ArrayBufferView> {
    constructor(init: { highWaterMark: number });
    readonly highWaterMark: number;
    size(chunk: ArrayBufferView): number;
}

declare class CountQueuingStrategy implements QueuingStrategy {
    constructor(init: { highWaterMark: number });
    readonly highWaterMark: number;
    size(): number;
}

declare class TextEncoderStream {
    readonly encoding: string;
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<string>;
}

declare class TextDecoderStream {
    constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
    readonly encoding: string;
    readonly fatal: boolean;
    readonly ignoreBOM: boolean;
    readonly readable: ReadableStream<string>;
    readonly writable: WritableStream<ArrayBuffer | ArrayBufferView>;
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
    static canParse(url: string | URL, base?: string | URL): boolean;
    /** null for what is no URL. */
    static parse(url: string | URL, base?: string | URL): URL | null;
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

/** Each call writes a line of the log, with the module's name. The first text may have placeholders, as with util.format(). */
interface DGateConsole {
    log(...values: unknown[]): void;
    /** The same as log(). */
    info(...values: unknown[]): void;
    debug(...values: unknown[]): void;
    /** The same as debug(). */
    trace(...values: unknown[]): void;
    warn(...values: unknown[]): void;
    error(...values: unknown[]): void;
    /** An error line when condition is not true. */
    assert(condition: unknown, ...values: unknown[]): void;
}
declare const console: DGateConsole;

declare const process: {
    /** The variables that the configuration lets modules see (proxy.module_env). */
    readonly env: Record<string, string | undefined>;
    /** The name of the machine. */
    readonly host: string;
};

declare function fetch(input: string | URL | Request, options?: DGateFetchOptions): Promise<Response>;
declare function setTimeout(callback: (...args: any[]) => void, ms?: number, ...args: any[]): number;
declare function setInterval(callback: (...args: any[]) => void, ms?: number, ...args: any[]): number;
declare function setImmediate(callback: (...args: any[]) => void, ...args: any[]): number;
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
    readonly isTrusted: boolean;
    /** On the clock of performance.now(). */
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
    constructor(parts?: Iterable<DGateBytes | Blob>, options?: { type?: string; endings?: "transparent" | "native" });
    readonly size: number;
    readonly type: string;
    slice(start?: number, end?: number, type?: string): Blob;
    arrayBuffer(): Promise<ArrayBuffer>;
    bytes(): Promise<Uint8Array>;
    text(): Promise<string>;
    stream(): ReadableStream<Uint8Array>;
}

declare class File extends Blob {
    constructor(
        parts: Iterable<DGateBytes | Blob>,
        name: string,
        options?: { type?: string; endings?: "transparent" | "native"; lastModified?: number },
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
    constants: { MAX_LENGTH: number };
}
type DGateBuffer = Buffer;
type DGateBlob = Blob;
type DGateFile = File;

/** What there is of Node.js's: the globals of the same names. */
declare module "buffer" {
    export const Buffer: DGateBufferModule["Buffer"];
    export type Buffer = DGateBuffer;
    export const Blob: DGateBufferModule["Blob"];
    export type Blob = DGateBlob;
    export const File: DGateBufferModule["File"];
    export type File = DGateFile;
    export const atob: DGateBufferModule["atob"];
    export const btoa: DGateBufferModule["btoa"];
    /** The most bytes that a Buffer can have. */
    export const kMaxLength: number;
    export const constants: DGateBufferModule["constants"];
    const buffer: DGateBufferModule;
    export default buffer;
}

declare module "node:buffer" {
    export * from "buffer";
    export { default } from "buffer";
}

/** The global console. */
declare module "console" {
    export const log: DGateConsole["log"];
    export const info: DGateConsole["info"];
    export const debug: DGateConsole["debug"];
    export const trace: DGateConsole["trace"];
    export const warn: DGateConsole["warn"];
    export const error: DGateConsole["error"];
    export const assert: DGateConsole["assert"];
    const console: DGateConsole;
    export default console;
}

declare module "node:console" {
    export * from "console";
    export { default } from "console";
}

interface DGateUrlModule {
    URL: typeof URL;
    URLSearchParams: typeof URLSearchParams;
    domainToASCII(domain: string): string;
    domainToUnicode(domain: string): string;
}
type DGateUrl = URL;
type DGateUrlSearchParams = URLSearchParams;

/** What there is of Node.js's: the globals URL and URLSearchParams, and two functions for names of hosts. */
declare module "url" {
    export const URL: DGateUrlModule["URL"];
    export type URL = DGateUrl;
    export const URLSearchParams: DGateUrlModule["URLSearchParams"];
    export type URLSearchParams = DGateUrlSearchParams;
    /** "bücher.example" as "xn--bcher-kva.example"; "" for what is not a host. */
    export const domainToASCII: DGateUrlModule["domainToASCII"];
    /** "xn--bcher-kva.example" as "bücher.example"; "" for what is not a host. */
    export const domainToUnicode: DGateUrlModule["domainToUnicode"];
    const url: DGateUrlModule;
    export default url;
}

declare module "node:url" {
    export * from "url";
    export { default } from "url";
}

/** What there is of Node.js's. */
declare module "util" {
    /**
     * The values as a line of text. In a first text %s, %d, %i, %f, %j, %o and %O stand for the next value, %c takes one
     * away and %% is "%".
     */
    export function format(...values: unknown[]): string;
    const util: typeof import("util");
    export default util;
}

declare module "node:util" {
    export * from "util";
    export { default } from "util";
}
