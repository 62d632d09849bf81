// Fakes: what an upstream, or the world behind fetch(), answers.

import { encodeBody, Message, type BodyInit } from "./bodies";
import type { Fields, WireBody } from "./tool";

export interface AnswerInit {
    status?: number;
    headers?: Record<string, string> | Iterable<readonly [string, string]>;
    body?: BodyInit;
    json?: unknown;
    fail?: string;
}

export type Answer = AnswerInit | string | number | null | undefined;
export type Answerer = (request: FakeRequest) => Answer | Promise<Answer>;
// By "GET /path", "/path", "GET https://host/path" or "https://host/path"; a final "*" stands for anything.
export type Answers = Answerer | Answer | { [request: string]: Answer | Answerer };

export interface WireRequest {
    method: string;
    url: string;
    headers: Fields;
    body: WireBody;
}

export class FakeRequest extends Message {
    readonly method: string;
    readonly url: string;
    readonly host: string;
    readonly path: string;
    readonly query: URLSearchParams;

    constructor(from: WireRequest) {
        super(from.headers, from.body);
        const url = new URL(from.url);
        this.method = from.method;
        this.url = from.url;
        this.host = url.host;
        this.path = url.pathname;
        this.query = url.searchParams;
    }
}

const FAILURES = ["CONNECT", "CONNECT_TIMEOUT", "RESOLVE", "TIMEOUT", "PEER_CLOSED", "PEER_RESET", "PROTOCOL"];

const INIT_KEYS = ["status", "headers", "body", "json", "fail"];

function isTable(answers: Answers): answers is { [request: string]: Answer | Answerer } {
    return (
        typeof answers === "object" && answers !== null && !Object.keys(answers).every((key) => INIT_KEYS.includes(key))
    );
}

function matches(pattern: string, request: FakeRequest): boolean {
    const found = /^(?:([A-Za-z]+) )?(.*)$/.exec(pattern) as RegExpExecArray;
    if (found[1] !== undefined && found[1].toUpperCase() !== request.method) return false;
    const wanted = found[2] as string;
    const whole = wanted.startsWith("/") ? request.path : request.url;
    const candidates = [whole];
    if (wanted.startsWith("/")) candidates.push(request.path + new URL(request.url).search);
    else candidates.push(request.url.replace(/[?#].*$/, ""));
    if (wanted.endsWith("*")) return candidates.some((c) => c.startsWith(wanted.slice(0, -1)));
    return candidates.includes(wanted);
}

export type WireAnswer = { status: number; headers: Fields; body: WireBody } | { fail: string };

function encodeAnswer(answer: Answer): WireAnswer {
    if (typeof answer === "number") return { status: answer, headers: [], body: { text: "" } };
    if (typeof answer === "string") return { status: 200, headers: [["Content-Type", "text/plain"]], body: { text: answer } };
    const init = answer ?? {};
    if (init.fail !== undefined) {
        if (!FAILURES.includes(init.fail))
            throw new TypeError(`fail must be one of ${FAILURES.join(", ")}, not ${JSON.stringify(init.fail)}`);
        return { fail: init.fail };
    }
    const status = init.status ?? 200;
    if (!Number.isInteger(status) || status < 200 || status > 999)
        throw new RangeError(`${String(status)} is not a status from 200 to 999`);
    const { body, type } = encodeBody(init);
    const headers = fieldsOf(init.headers);
    if (type !== undefined && !headers.some(([name]) => name.toLowerCase() === "content-type"))
        headers.push(["Content-Type", type]);
    return { status, headers, body: body ?? { text: "" } };
}

export function fieldsOf(headers: AnswerInit["headers"]): Fields {
    if (headers === undefined) return [];
    const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
    return pairs.map(([name, value]) => [String(name), String(value)]);
}

export class Fake {
    // What was asked, in its order.
    readonly requests: FakeRequest[] = [];
    #answers: Answers;

    constructor(answers: Answers) {
        this.#answers = answers;
    }

    // Other answers from now on.
    answer(answers: Answers): void {
        this.#answers = answers;
    }

    #find(request: FakeRequest): Answer | Answerer {
        const answers = this.#answers;
        if (!isTable(answers)) return answers as Answer | Answerer;
        const key = Object.keys(answers).find((k) => matches(k, request));
        if (key !== undefined) return answers[key];
        const has = Object.keys(answers).map((k) => `"${k}"`);
        throw new Error(`nothing answers ${request.method} ${request.url} (there are ${has.join(", ")})`);
    }

    async handle(event: WireRequest): Promise<WireAnswer> {
        const request = new FakeRequest(event);
        this.requests.push(request);
        const found = this.#find(request);
        return encodeAnswer(typeof found === "function" ? await found(request) : found);
    }
}
