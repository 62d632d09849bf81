// The functions that src/script/ gives the runtime library. A request is named by its handle (0: none); what ends
// later is named by a ticket, and comes back through Runtime.settle().

export type Bytes = string | ArrayBuffer | ArrayBufferView;

// src/script/host_message.h has the same lists.
export const enum Text {
    Id,
    Method,
    Path,
    Host,
    Proto,
    RemoteAddress,
    Query,
    UpstreamUrl,
    UpstreamReason,
    UpstreamProto,
    RawPath,
    RouteName,
    ServiceName,
    NamespaceName,
    UpstreamQuery,
}

export const enum Num {
    ContentLength,
    ResponseStatus,
    UpstreamStatus,
    UpstreamLength,
    HasUpstream,
    BodyMax,
}

export const enum Side {
    Request,
    Response,
    Upstream,
    UpstreamTrailers,
}

export const enum Resource {
    Route,
    Service,
    Namespace,
}

export const enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

export const enum StateOp {
    GetCollection,
    GetDocument,
    GetDocuments,
    PutCollection,
    PutDocument,
    DeleteCollection,
    DeleteDocument,
    GetSecret,
    StorageGet,
    StorageList,
    StorageRead,
    StoragePut,
    StorageDelete,
    StorageCompare,
    StorageIncrement,

    Tool = 1000,
}

// How a call of a function ended.
export const enum Outcome {
    Done,
    Parked,
    Threw,
}

export const enum Redirect {
    Follow,
    Error,
    Manual,
}

// src/script/host_crypto.c, host_encoding.h, host_text.c and host_subtle.c have the same lists.
export const enum HashAlgorithm {
    None = -1, // a signature that hashes by itself
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
}

export const enum Encoding {
    Bytes, // an ArrayBuffer
    Hex,
    Base64,
    Base64Raw, // raw: without padding
    Base64Url,
    Base64RawUrl,
}

// An algorithm and what its result is to be, in one number.
export function hashForm(algorithm: HashAlgorithm, encoding: Encoding = Encoding.Bytes): number {
    return algorithm + 16 * encoding;
}

export const enum Charset {
    Utf16le,
    Utf16be,
    Windows1252,
}

export const enum KeyKind {
    None,
    Rsa,
    Ec,
    Ed25519,
}

export const enum KeyPart {
    Spki,
    Modulus,
    Exponent,
    Point,
}

export const enum Curve {
    P256,
    P384,
    P521,
}

export const enum Scheme {
    Pkcs1,
    Pss,
    Ecdsa,
    Eddsa,
}

export interface Host {
    install(runtime: object): void;
    outbox(): ArrayBuffer; // src/script/outbox.h
    tick(): boolean; // true: this entry is over its CPU limit
    drain(): void; // runs what promises have put off, within this entry
    alive(handle: number): boolean; // whether that request goes on
    calling(handle: number, call: number): boolean; // whether that call of a request goes on
    done(handle: number, call: number, outcome: Outcome, text?: string): void;
    enter(handle: number, module: number): void; // a function of that module of the route comes next
    load(module: number): void; // that module's top-level code comes, or goes on
    log(level: Level, module: string, text: string): void; // module "": the one that runs

    text(handle: number, what: Text): string;
    // Of the request: Method, RawPath or Query (percent-encoded); throws what is wrong with the value.
    setText(handle: number, what: Text, value: string): void;
    number(handle: number, what: Num): number;
    setStatus(handle: number, side: Side, status: number): void;
    params(handle: number): string[];
    resource(handle: number, what: Resource): string;

    fieldGet(handle: number, side: Side, name: string): string | undefined;
    fieldValues(handle: number, side: Side, name: string): string[];
    fieldSet(handle: number, side: Side, name: string, value: string): void;
    fieldAdd(handle: number, side: Side, name: string, value: string): void;
    fieldDelete(handle: number, side: Side, name: string): void;
    fieldList(handle: number, side: Side): string[];

    bodyBytes(handle: number, side: Side): ArrayBuffer;
    bodyText(handle: number, side: Side): string;
    bodyWrite(handle: number, side: Side, data: Bytes): void;
    send(handle: number, status: number, data: Bytes | undefined): void;

    timerStart(handle: number, ticket: number, ms: number, repeat: boolean): void;
    timerStop(handle: number, ticket: number): void;
    // Time stands still at that wall-clock time, for tools: timers wait for the tool to move it.
    clockStop(wallMs: number): void;
    clockResume(): void;
    clockWall(): number | undefined; // undefined: time is not stopped
    state(handle: number, ticket: number, op: StateOp, module: string, args: string): void;
    stateNow(op: StateOp, module: string, args: string): string; // reads only; throws the reason
    cacheGet(key: string): string | undefined;
    cacheSet(key: string, text: string, ttl: number): void;
    cacheDelete(key: string): boolean;
    fetch(
        handle: number,
        ticket: number,
        head: string, // a line each for the method, the URL, and the headers' names and values
        redirect: Redirect,
        body: Bytes | undefined,
    ): void;
    // No effect once its response has come: then the stream of its body is cancelled.
    fetchCancel(handle: number, ticket: number): void;

    environment(): string[]; // host name, then names and values of variables

    // A chunk, null at the end, or undefined: then the ticket is settled with a chunk, or undefined at the end.
    streamRead(handle: number, id: number, ticket: number): ArrayBuffer | null | undefined;
    streamCancel(handle: number, id: number): void;
    // The number of a stream, or undefined when the body is there as a whole.
    bodyStream(handle: number, side: Side): number | undefined;
    // The response's body comes from here: the ticket is settled with the room that the client has, again and again.
    streamOut(handle: number, ticket: number): void;
    streamWrite(handle: number, data: Uint8Array): void;
    streamEnd(handle: number, error: string | undefined): void;

    encode(text: string): ArrayBuffer;
    decode(bytes: ArrayBuffer | ArrayBufferView, fatal: boolean): string | undefined;
    decodeAs(bytes: ArrayBuffer | ArrayBufferView, charset: Charset, fatal: boolean): string | undefined;
    findBytes(bytes: Uint8Array, wanted: Uint8Array, from: number): number; // -1: not there
    now(): number; // milliseconds of a clock that only goes forward

    encodeBytes(data: Bytes, encoding: Encoding): string;
    decodeBytes(text: string, encoding: Encoding): ArrayBuffer | undefined; // Base64RawUrl: strictly, RFC 7515
    decodeText(text: string, encoding: Encoding): string | undefined;
    btoa(text: string): string | undefined; // of one byte for each character
    atob(text: string): string | undefined;

    hash(form: number): object; // form: hashForm()
    hmac(form: number, key: Bytes): object;
    hashUpdate(hash: object, data: Bytes): void;
    hashDigest(form: number, hash: object): ArrayBuffer | string;
    hashOnce(form: number, data: Bytes): ArrayBuffer | string;
    hmacOnce(form: number, key: Bytes, data: Bytes): ArrayBuffer | string;
    hmacVerify(form: number, key: Bytes, data: Bytes, signature: Bytes): boolean;
    jwtHmac(form: number, key: Bytes, token: string): unknown; // false: wrong; else the payload, if it is JSON
    equalBytes(a: Bytes, b: Bytes): boolean; // in constant time
    randomBytes(count: number): ArrayBuffer;
    randomFill(view: ArrayBufferView): void;
    randomUUID(): string;

    keyRsa(modulus: Bytes, exponent: Bytes): object | undefined;
    keyEc(curve: Curve, point: Bytes): object | undefined;
    keyEd25519(bytes: Bytes): object | undefined;
    keySpki(der: Bytes): object | undefined;
    keyKind(key: object): KeyKind;
    keySize(key: object): number; // bits of RSA, or the Curve
    keyPart(key: object, part: KeyPart): ArrayBuffer | undefined;
    keyVerify(
        key: object,
        scheme: Scheme,
        hash: HashAlgorithm,
        salt: number,
        signature: Bytes,
        data: Bytes,
    ): boolean;
    aesGcm(
        encrypt: boolean,
        tagBytes: number,
        key: Bytes,
        iv: Bytes,
        additionalData: Bytes,
        data: Bytes,
    ): ArrayBuffer | undefined;
}

const scope = globalThis as unknown as { dgateHost?: Host };
export const host = scope.dgateHost as Host;
delete scope.dgateHost;
