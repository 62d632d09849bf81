// Routes made of modules, and requests to them.

import { Fake, fieldsOf, type Answers } from "./answers";
import { decodeBody, encodeBody, Message, type BodyInit } from "./bodies";
import {
    ask,
    fakeFetch as setFakeFetch,
    type Fields,
    type ResponseEvent,
    type ToolEvent,
    type UpstreamEvent,
    type WireBody,
} from "./tool";

export class TestResponse extends Message {
    readonly status: number;

    constructor(event: ResponseEvent) {
        super(event.headers, event.body);
        this.status = event.status;
    }
}

export interface RouteOptions {
    path?: string;
    paths?: string[];
    upstream?: Answers | Fake;
    service?: { urls?: string[]; [field: string]: unknown };
    [field: string]: unknown;
}

export interface RequestOptions {
    method?: string;
    path?: string;
    headers?: Record<string, string> | Iterable<readonly [string, string]>;
    query?: Record<string, string>;
    body?: BodyInit;
    json?: unknown;
    remoteAddress?: string;
}

// The files that the test file imports, and theirs: their modules by name.
let files: Record<string, () => unknown> = {};

export function registerFiles(all: Record<string, () => unknown>): void {
    files = all;
}

function moduleName(module: unknown): string {
    if (typeof module === "string") return module;
    if (module !== null && (typeof module === "object" || typeof module === "function")) {
        const own = [module, (module as { default?: unknown }).default].filter((m) => m !== undefined);
        for (const exports of own)
            for (const name of Object.keys(files)) if ((files[name] as () => unknown)() === exports) return name;
    }
    throw new TypeError(
        'a module of a route is a path such as "./auth.ts", or what import * as name from "./auth" gives',
    );
}

// --- what goes on in the test at hand ---

interface Waiting {
    resolve(response: TestResponse): void;
    reject(error: Error): void;
}

class Turn {
    readonly waiting = new Map<number, Waiting>();
    failure: Error | undefined; // of a fake: the test fails with it

    // Answers what comes, until the test ends.
    async pump(): Promise<void> {
        while (turn === this) this.take(await ask<ToolEvent>({ op: "next" }));
    }

    private take(event: ToolEvent): void {
        if (event.event !== "response") {
            void this.serve(event);
            return;
        }
        const waiting = this.waiting.get(event.id);
        this.waiting.delete(event.id);
        if (this.failure !== undefined) waiting?.reject(this.failure);
        else if (event.reset !== undefined)
            waiting?.reject(new Error(`the response was broken off: ${event.reset}`));
        else waiting?.resolve(new TestResponse(event));
    }

    private async serve(event: UpstreamEvent): Promise<void> {
        const fake = upstreams.get(event.route) as Fake;
        try {
            await ask({ op: "answer", id: event.id, ...(await fake.handle(event)) });
        } catch (error) {
            this.failure ??= error as Error;
            await ask({ op: "answer", id: event.id, fail: "CONNECT" });
        }
    }
}

const upstreams = new Map<number, Fake>();
let fetchFake: Fake | undefined;
let turn = new Turn();

// A new test begins: nothing of the one before waits any more.
export function beginTurn(): void {
    turn = new Turn();
    fetchFake = undefined;
    turn.pump().catch(() => undefined); // the test has ended
}

// The first error that a fake threw in this test.
export function fakeFailure(): Error | undefined {
    return turn.failure;
}

// fetch() of modules, and of the test, is answered by this for the rest of the test.
export function fakeFetch(answers: Answers): Fake {
    return (fetchFake = new Fake(answers));
}

const FAILED: Record<string, string> = {
    CONNECT: "the connection was refused",
    CONNECT_TIMEOUT: "connecting timed out",
    RESOLVE: "the host name could not be resolved",
    TIMEOUT: "the response timed out",
};

async function answerFetch(
    url: string,
    method: string,
    flat: string[],
    body: string | ArrayBuffer | ArrayBufferView | undefined,
): Promise<{ status: number; headers: Fields; body: ArrayBuffer }> {
    const headers: Fields = [];
    for (let i = 0; i + 1 < flat.length; i += 2) headers.push([flat[i] as string, flat[i + 1] as string]);
    const own = turn;
    try {
        if (fetchFake === undefined)
            throw new Error(`nothing answers fetch() of ${method} ${url}: tests do not use the network, see fakeFetch()`);
        const sent = encodeBody({ body }).body ?? { text: "" };
        const answer = await fetchFake.handle({ method, url, headers, body: sent });
        if ("fail" in answer) throw new FetchFailure(`${url}: ${FAILED[answer.fail] ?? "the connection was closed"}`);
        const bytes = decodeBody(answer.body);
        return { status: answer.status, headers: answer.headers, body: bytes.slice().buffer as ArrayBuffer };
    } catch (error) {
        if (!(error instanceof FetchFailure)) own.failure ??= error as Error;
        throw error;
    }
}

// What a test wants to happen, other than what is wrong with it.
class FetchFailure extends TypeError {
    override name = "TypeError";
}

setFakeFetch(answerFetch);

export function upstream(answers: Answers): Fake {
    return new Fake(answers);
}

function parseLine(line: string): { method: string; path: string } {
    const found = /^(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+) )?(\/\S*)$/.exec(line);
    if (found === null) throw new TypeError(`${JSON.stringify(line)} is no request: "GET /path" is one`);
    return { method: found[1] ?? "GET", path: found[2] as string };
}

function targetOf(path: string, query: Record<string, string> | undefined): string {
    if (query === undefined) return path;
    const more = new URLSearchParams(query).toString();
    return path + (path.includes("?") ? "&" : "?") + more;
}

export class Route {
    readonly upstream: Fake | undefined;
    readonly #modules: string[];
    readonly #fields: Record<string, unknown>;
    readonly #service: object | null;
    #id: number | undefined;
    #made: { turn: Turn; id: Promise<number> } | undefined;

    constructor(modules: unknown, options: RouteOptions) {
        const { path, upstream: answers, service, ...fields } = options;
        this.#modules = (Array.isArray(modules) ? modules : [modules]).map(moduleName);
        this.#fields = path === undefined ? fields : { paths: [path], ...fields };
        const hasService = answers !== undefined || service !== undefined;
        if (hasService) this.upstream = answers instanceof Fake ? answers : new Fake(answers ?? 200);
        this.#service = hasService ? { urls: ["http://upstream.test"], ...service } : null;
    }

    // What was forwarded to the upstream, in its order.
    get forwarded(): Fake["requests"] {
        return this.upstream?.requests ?? [];
    }

    async #make(): Promise<number> {
        const made = await ask<{ route: number }>({
            op: "route",
            modules: this.#modules,
            route: this.#fields,
            service: this.#service,
        });
        if (this.upstream !== undefined) upstreams.set(made.route, this.upstream);
        return (this.#id = made.route);
    }

    #ready(): Promise<number> {
        if (this.#id !== undefined) return Promise.resolve(this.#id);
        if (this.#made?.turn !== turn) this.#made = { turn, id: this.#make() };
        return this.#made.id;
    }

    async request(line: string | RequestOptions, options?: RequestOptions): Promise<TestResponse> {
        const own = turn;
        const given = typeof line === "string" ? { ...parseLine(line), ...options } : line;
        const { path = "/", method = given.json === undefined && given.body === undefined ? "GET" : "POST" } = given;
        if (!String(path).startsWith("/")) throw new TypeError(`${JSON.stringify(path)} is no path: it begins with "/"`);
        const { body, type } = encodeBody(given);
        const headers = fieldsOf(given.headers);
        if (type !== undefined && !headers.some(([name]) => name.toLowerCase() === "content-type"))
            headers.push(["Content-Type", type]);
        const route = await this.#ready();
        return this.#send(own, { route, method, target: targetOf(path, given.query), headers, body, given });
    }

    async #send(
        own: Turn,
        q: {
            route: number;
            method: string;
            target: string;
            headers: Fields;
            body: WireBody | null;
            given: RequestOptions;
        },
    ): Promise<TestResponse> {
        const { route, method, target, headers, body, given } = q;
        const host = headers.find(([name]) => name.toLowerCase() === "host")?.[1] ?? "gateway.test";
        const address = given.remoteAddress ?? "192.0.2.1";
        const asked = { op: "request", route, method, target, host, address, headers, body } as const;
        const { request } = await ask<{ request: number }>(asked);
        return new Promise((resolve, reject) => {
            own.waiting.set(request, { resolve, reject });
        });
    }

    get(path: string, options?: RequestOptions): Promise<TestResponse> {
        return this.request({ ...options, method: "GET", path });
    }

    post(path: string, body?: BodyInit, options?: RequestOptions): Promise<TestResponse> {
        return this.request({ body, ...options, method: "POST", path });
    }
}

export function route(modules: unknown, options: RouteOptions = {}): Route {
    return new Route(modules, options);
}

export function request(to: Route, line: string | RequestOptions, options?: RequestOptions): Promise<TestResponse> {
    return to.request(line, options);
}
