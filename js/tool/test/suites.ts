// describe() and it(): the tests of a file, collected while it is loaded, run one by one when the program asks.

import { allowFakeTimers, areTimersFake, useRealTimers } from "./clock";
import { AssertionError } from "./expect";
import { beginTurn, fakeFailure } from "./route";
import { onLost } from "./tool";

type Body = () => unknown;
type Mode = "run" | "skip" | "only" | "todo";
type HookKind = "beforeAll" | "beforeEach" | "afterEach" | "afterAll";

class Suite {
    readonly hooks: Record<HookKind, Body[]> = { beforeAll: [], beforeEach: [], afterEach: [], afterAll: [] };
    before: { error: unknown } | "done" | undefined; // how beforeAll went

    constructor(
        readonly name: string,
        readonly parent: Suite | undefined,
        readonly mode: Mode,
    ) {}

    path(): Suite[] {
        return [...(this.parent?.path() ?? []), this];
    }
}

export interface Test {
    name: string; // with those of its suites: "shortener > follows a link"
    suite: Suite;
    mode: Mode;
    body: Body | undefined;
    timeout: number | undefined;
    at: Error; // where it was written
}

const root = new Suite("", undefined, "run");
let current = root;
let isLoading = true;
const tests: Test[] = [];

function requireLoading(what: string): void {
    if (!isLoading) throw new Error(`${what}() cannot be called while a test runs`);
}

function addSuite(mode: Mode, name: string, body: Body): void {
    requireLoading("describe");
    if (typeof body !== "function") throw new TypeError("describe() takes a name and a function");
    const outer = current;
    current = new Suite(String(name), outer, mode);
    try {
        const result = body() as { then?: unknown } | undefined;
        if (typeof result?.then === "function") throw new TypeError("the function of describe() cannot be async");
    } finally {
        current = outer;
    }
}

function addTest(mode: Mode, name: string, body?: Body, timeout?: number): void {
    requireLoading("it");
    if (mode !== "todo" && typeof body !== "function") throw new TypeError("it() takes a name and a function");
    const names = current.path().map((suite) => suite.name);
    tests.push({ name: [...names.slice(1), String(name)].join(" > "), suite: current, mode, body, timeout, at: new Error() });
}

function hook(kind: HookKind): (body: Body) => void {
    return (body) => {
        requireLoading(kind);
        if (typeof body !== "function") throw new TypeError(`${kind}() takes a function`);
        current.hooks[kind].push(body);
    };
}

type Each = (name: string, body: (...args: unknown[]) => unknown, timeout?: number) => void;

// Each row makes a test; %s, %d, %i, %j and %# in the name stand for its values and its number.
function each(add: (name: string, body: Body, timeout?: number) => void): (rows: unknown[]) => Each {
    return (rows) => (name, body, timeout) =>
        rows.forEach((row, number) => {
            const values = Array.isArray(row) ? row : [row];
            let next = 0;
            const title = name.replace(/%([sdij#])/g, (_, kind: string) => {
                if (kind === "#") return String(number);
                const value: unknown = values[next++];
                return kind === "j" ? JSON.stringify(value) : String(value);
            });
            add(title, () => body(...values), timeout);
        });
}

function modes<F extends (mode: Mode, name: string, body: Body, timeout?: number) => void>(add: F) {
    const of = (mode: Mode) => (name: string, body: Body, timeout?: number) => add(mode, name, body, timeout);
    return Object.assign(of("run"), {
        skip: Object.assign(of("skip"), { each: each(of("skip")) }),
        only: Object.assign(of("only"), { each: each(of("only")) }),
        each: each(of("run")),
    });
}

export const describe = modes(addSuite);
export const it = Object.assign(modes(addTest), { todo: (name: string) => addTest("todo", name) });
export const test = it;
export const beforeAll = hook("beforeAll");
export const beforeEach = hook("beforeEach");
export const afterEach = hook("afterEach");
export const afterAll = hook("afterAll");

// --- what the program asks ---

let chosen: Test[] = [];

function hasMode(t: Test, mode: Mode): boolean {
    return t.mode === mode || t.suite.path().some((suite) => suite.mode === mode);
}

// Ends loading. The tests whose name has that text, in their order.
export function choose(grep: string): Test[] {
    isLoading = false;
    const hasOnly = tests.some((t) => hasMode(t, "only"));
    chosen = tests.filter((t) => t.name.includes(grep) && (!hasOnly || hasMode(t, "only")));
    return chosen;
}

export function isSkipped(t: Test): boolean {
    return t.mode !== "todo" && hasMode(t, "skip");
}

async function prepare(suite: Suite): Promise<void> {
    if (suite.before === undefined) {
        suite.before = { error: new AssertionError("beforeAll did not come to its end") };
        allowFakeTimers(false); // it would be no test's
        try {
            for (const body of suite.hooks.beforeAll) await body();
            suite.before = "done";
        } catch (error) {
            suite.before = { error };
        }
        allowFakeTimers(true);
    }
    if (suite.before !== "done") throw suite.before.error;
}

// The suites that no later test belongs to.
function endedWith(t: Test): Suite[] {
    const later = chosen.slice(chosen.indexOf(t) + 1).filter((other) => !isSkipped(other) && other.mode !== "todo");
    return t.suite
        .path()
        .reverse()
        .filter((suite) => !later.some((other) => other.suite.path().includes(suite)));
}

async function runHooks(hooks: Body[], failed: unknown[]): Promise<void> {
    for (const body of hooks)
        try {
            await body();
        } catch (error) {
            failed.push(error);
        }
}

// The first error in this test that nobody waited for: of an assertion that was not awaited, perhaps, or of a timer.
let lost: { error: unknown } | undefined;
onLost((error) => (lost ??= { error }));

// What has been rejected without anybody to handle it is told at the end of a turn of the loop.
async function takeLost(): Promise<{ error: unknown } | undefined> {
    await new Promise((done) => setTimeout(done, 0));
    return lost;
}

async function runBody(t: Test): Promise<void> {
    const suites = t.suite.path();
    const failed: unknown[] = [];
    lost = undefined;
    allowFakeTimers(true);
    try {
        for (const suite of suites) await prepare(suite);
        for (const suite of suites) for (const body of suite.hooks.beforeEach) await body();
        await (t.body as Body)();
        const fake = fakeFailure();
        if (fake !== undefined) throw fake;
    } catch (error) {
        failed.push(error);
    }
    for (const suite of [...suites].reverse()) await runHooks(suite.hooks.afterEach, failed);
    useRealTimers();
    allowFakeTimers(false);
    for (const suite of endedWith(t)) await runHooks(suite.hooks.afterAll, failed);
    const unhandled = await takeLost();
    if (failed.length > 0) throw failed[0];
    if (unhandled !== undefined) throw unhandled.error;
}

// Rejects with what the test failed with.
export function runTest(t: Test, timeout: number): Promise<void> {
    const ms = t.timeout ?? timeout;
    return new Promise((resolve, reject) => {
        const late = () => {
            const hint = areTimersFake() ? "; its timers are fake, advanceTimersByTime() makes them fire" : "";
            reject(new AssertionError(`the test did not end within ${ms} ms${hint}`));
        };
        useRealTimers(); // the test before may have been broken off
        const timer = setTimeout(late, ms);
        beginTurn();
        runBody(t)
            .finally(() => clearTimeout(timer))
            .then(resolve, reject);
    });
}
