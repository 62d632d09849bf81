// Types of "dgate/test", for test files that dgate-runtime runs.

declare module "dgate/test" {
    /** Field by field, or pairs, or Headers. */
    export type HeadersInit = Record<string, string> | Iterable<readonly [name: string, value: string]>;
    /** Text, bytes, or an object that is sent as JSON. */
    export type BodyInit = string | ArrayBuffer | ArrayBufferView | object | null;

    /** A group of tests. Groups nest; the names are joined as "group > test". */
    export const describe: Suite;
    /** A test: it passes when the function returns, or its promise resolves. timeout in milliseconds. */
    export const it: TestFunction;
    /** The same as it. */
    export const test: TestFunction;

    /** Once before the first test of the group that runs. */
    export function beforeAll(body: () => unknown): void;
    /** Before each test of the group, those of outer groups first. */
    export function beforeEach(body: () => unknown): void;
    /** After each test of the group, also after one that failed; those of inner groups first. */
    export function afterEach(body: () => unknown): void;
    /** Once after the last test of the group that runs. */
    export function afterAll(body: () => unknown): void;

    export interface Suite {
        (name: string, body: () => void): void;
        /** Its tests are reported as skipped. */
        skip: Suite;
        /** Only what is marked so runs in this file. */
        only: Suite;
        each: EachSuite;
    }
    export interface TestFunction {
        (name: string, body: () => unknown, timeout?: number): void;
        /** It is reported as skipped. */
        skip: TestFunction;
        /** Only what is marked so runs in this file. */
        only: TestFunction;
        /** A test that is still to be written. */
        todo(name: string): void;
        /** One test for each row; %s, %d, %i and %j in the name stand for the row's values, %# for its number. */
        each: Each;
    }
    export interface Each {
        <T extends readonly [unknown, ...unknown[]]>(
            rows: readonly T[],
        ): (name: string, body: (...values: T) => unknown, timeout?: number) => void;
        <T>(rows: readonly T[]): (name: string, body: (value: T) => unknown, timeout?: number) => void;
    }
    export interface EachSuite {
        <T extends readonly [unknown, ...unknown[]]>(
            rows: readonly T[],
        ): (name: string, body: (...values: T) => void) => void;
        <T>(rows: readonly T[]): (name: string, body: (value: T) => void) => void;
    }

    /** What is said of a value: the assertion throws when it does not hold. */
    export function expect(actual: unknown): Expectation<void>;

    export interface Expectation<R> {
        /** The opposite. */
        readonly not: Matchers<R>;
        /** Of what the promise resolves with. */
        readonly resolves: PromiseMatchers;
        /** Of what the promise is rejected with; also takes an async function, which is called. */
        readonly rejects: PromiseMatchers;
    }
    export interface Expectation<R> extends Matchers<R> {}
    export interface PromiseMatchers extends Matchers<Promise<void>> {
        readonly not: Matchers<Promise<void>>;
    }
    export interface Matchers<R> {
        /** The same value, as Object.is() sees it. */
        toBe(expected: unknown): R;
        /** Equal in depth; members that are undefined count as absent. */
        toEqual(expected: unknown): R;
        /** Equal in depth, with the same members, also those that are undefined, and of the same types. */
        toStrictEqual(expected: unknown): R;
        /** All members of expected, in depth; more do no harm. */
        toMatchObject(expected: object): R;
        toBeTruthy(): R;
        toBeFalsy(): R;
        toBeNull(): R;
        toBeUndefined(): R;
        toBeDefined(): R;
        toBeNaN(): R;
        toBeInstanceOf(type: new (...args: any[]) => unknown): R;
        toBeTypeOf(type: string): R;
        toBeGreaterThan(expected: number | bigint): R;
        toBeGreaterThanOrEqual(expected: number | bigint): R;
        toBeLessThan(expected: number | bigint): R;
        toBeLessThanOrEqual(expected: number | bigint): R;
        /** Equal to that many digits after the point (2). */
        toBeCloseTo(expected: number, digits?: number): R;
        /** Part of a text, or an item of a list, the same as with toBe. */
        toContain(item: unknown): R;
        /** An item that is equal, as with toEqual. */
        toContainEqual(item: unknown): R;
        toHaveLength(length: number): R;
        /** A path is "a.b", or its parts. */
        toHaveProperty(path: string | readonly string[], value?: unknown): R;
        /** A part of the text, or a regular expression. */
        toMatch(expected: string | RegExp): R;
        /** The function throws: an error whose message has that text or matches, of that class, or with those members. */
        toThrow(expected?: string | RegExp | Error | object | (new (...args: any[]) => unknown)): R;
        /** The same as toThrow. */
        toThrowError(expected?: string | RegExp | Error | object | (new (...args: any[]) => unknown)): R;
    }

    /** A message as it was received. */
    export interface Message {
        readonly headers: Headers;
        readonly bytes: Uint8Array;
        text(): string;
        json(): any;
    }
    export interface TestResponse extends Message {
        readonly status: number;
    }
    /** A request as a fake received it. */
    export interface FakeRequest extends Message {
        readonly method: string;
        readonly url: string;
        readonly host: string;
        readonly path: string;
        readonly query: URLSearchParams;
    }

    /** How a fake fails instead of answering. */
    export type Failure =
        | "CONNECT"
        | "CONNECT_TIMEOUT"
        | "RESOLVE"
        | "TIMEOUT"
        | "PEER_CLOSED"
        | "PEER_RESET"
        | "PROTOCOL";
    export interface AnswerInit {
        /** 200 unless given. */
        status?: number;
        headers?: HeadersInit;
        body?: BodyInit;
        /** A body that is sent as JSON. */
        json?: unknown;
        fail?: Failure;
    }
    /** A response, text for one with status 200, or a status. */
    export type Answer = AnswerInit | string | number | null | undefined;
    export type Answerer = (request: FakeRequest) => Answer | Promise<Answer>;
    /** One answer for all requests, a function, or a table by "GET /path", "/path" or a URL; a final * stands for anything. */
    export type Answers = Answer | Answerer | { readonly [request: string]: Answer | Answerer };

    /** What answers instead of an upstream, or of the world behind fetch(). */
    export interface Fake {
        /** What it was asked, in order. */
        readonly requests: readonly FakeRequest[];
        /** Answers differently from now on. */
        answer(answers: Answers): void;
    }
    /** A fake that several routes can have as their upstream. */
    export function upstream(answers: Answers): Fake;
    /** Answers fetch() of modules and of the test, for the rest of the test. Without it fetch() fails: tests do not use the network. */
    export function fakeFetch(answers: Answers): Fake;

    export interface RouteOptions {
        /** Its only path pattern; "/**" when neither path nor paths is given. */
        path?: string;
        paths?: string[];
        methods?: string[];
        stripPath?: boolean;
        preserveHost?: boolean;
        /** Makes it a route with a service. */
        upstream?: Answers | Fake;
        /** Fields of the service, as in the admin API; urls is ["http://upstream.test"] unless given. */
        service?: { urls?: string[]; [field: string]: unknown };
        /** Other fields of a route, as in the admin API. */
        [field: string]: unknown;
    }
    export interface RequestOptions {
        method?: string;
        path?: string;
        headers?: HeadersInit;
        /** Added to the path's query. */
        query?: Record<string, string>;
        body?: BodyInit;
        json?: unknown;
        /** "192.0.2.1" unless given. */
        remoteAddress?: string;
    }
    export interface Route {
        /** Makes a request: "GET /path" or "/path", or all of it as options. */
        request(line: string | RequestOptions, options?: RequestOptions): Promise<TestResponse>;
        get(path: string, options?: RequestOptions): Promise<TestResponse>;
        post(path: string, body?: BodyInit, options?: RequestOptions): Promise<TestResponse>;
        /** What its upstream was sent, in order. */
        readonly forwarded: readonly FakeRequest[];
        readonly upstream: Fake | undefined;
    }
    /** A route with these modules, in its order: what import * as name from "./file" gives, or paths relative to the test file. */
    export function route(modules: object | string | readonly (object | string)[], options?: RouteOptions): Route;
    /** The same as route.request(). */
    export function request(
        route: Route,
        line: string | RequestOptions,
        options?: RequestOptions,
    ): Promise<TestResponse>;

    /**
     * Stops the time that modules and the test see, until the test has ended: setTimeout(), setInterval(), setImmediate(),
     * AbortSignal.timeout(), Date, performance.now(), the ttl of dgate/storage and the times of documents. It begins at now,
     * or at the real time. Limits go on by real time. For a test or beforeEach().
     */
    export function useFakeTimers(options?: { now?: Date | number | string }): void;
    /** Real time again; timers that were set meanwhile never fire. Called after each test. */
    export function useRealTimers(): void;
    /** What Date and the ttl of the store see from now on, without any timer firing; the real time unless given. */
    export function setSystemTime(time?: Date | number | string): void;
    /**
     * Moves time by so many milliseconds: timers that are due then fire in their order, each at its time and after what the
     * one before it started (promises, requests, answers of fakes) has come to rest.
     */
    export function advanceTimersByTime(ms: number): Promise<void>;
    /** Moves time until there is no timer left; an error after 10,000 timers. */
    export function runAllTimers(): Promise<void>;

    /** The collections and documents that modules find through dgate/state; kept in memory, for all tests of a file. */
    export const documents: {
        /**
         * Stores documents by id; makes the collection if there is none. With schema, a JSON Schema, it makes or replaces
         * the collection, and data that does not fit is refused from then on, whoever writes it, with the server's message.
         */
        put(collection: string, documents: Record<string, unknown>, options?: { schema?: unknown }): Promise<void>;
        /** The data of a document, or undefined. */
        get(collection: string, id: string): Promise<any>;
        /** The data of all documents, by id. */
        all(collection: string): Promise<Record<string, any>>;
        /** Removes all that is kept for the tests of a file: collections, documents, storage, cache and secrets. */
        clear(): Promise<null>;
    };

    /** What modules find through dgate/storage; kept in memory, for all tests of a file. */
    export const storage: {
        /** Stores values by key; ttl in seconds. */
        put(entries: Record<string, unknown>, options?: { ttl?: number }): Promise<void>;
        /** The value of a key, or undefined. */
        get(key: string): any;
        /** The values of all keys that begin with prefix, by key. */
        all(prefix?: string): Record<string, any>;
        /** The same as documents.clear(). */
        clear(): Promise<null>;
    };

    /** The secrets that modules find through getSecret(); kept in memory, for all tests of a file. */
    export const secrets: {
        /** Makes or replaces a secret. A wrong name or value is an error, as of the admin API. */
        put(name: string, value: string): Promise<void>;
        /** The same as documents.clear(). */
        clear(): Promise<null>;
    };
}
