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
}

export const enum Num {
    ContentLength,
    ResponseStatus,
    UpstreamStatus,
    UpstreamLength,
    HasUpstream,
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

export interface Host {
    install(runtime: object): void;
    tick(): boolean; // true: this entry is over its CPU limit
    drain(): void; // runs what promises have put off, within this entry
    alive(handle: number): boolean; // whether that request goes on
    calling(handle: number, call: number): boolean; // whether that call of a request goes on
    done(handle: number, call: number, outcome: Outcome, text?: string): void;
    enter(handle: number, module: number): void; // a function of that module of the route comes next
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
    state(handle: number, ticket: number, op: StateOp, module: string, args: string): void;
    stateNow(op: StateOp, module: string, args: string): string; // reads only; throws the reason
    fetch(
        handle: number,
        ticket: number,
        url: string,
        method: string,
        headers: string[],
        redirect: Redirect,
        body: Bytes | undefined,
    ): void;

    environment(): string[]; // host name, then names and values of variables

    encode(text: string): ArrayBuffer;
    decode(bytes: ArrayBuffer | ArrayBufferView, fatal: boolean): string | undefined;
    hash(algorithm: string): object | undefined;
    hmac(algorithm: string, key: Bytes): object | undefined;
    hashUpdate(hash: object, data: Bytes): void;
    hashDigest(hash: object): ArrayBuffer;
    randomBytes(count: number): ArrayBuffer;
}

const scope = globalThis as unknown as { dgateHost?: Host };
export const host = scope.dgateHost as Host;
delete scope.dgateHost;
