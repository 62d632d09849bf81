// expect(value).toBe(...): the names and meanings of Jest and Vitest.

import { equal, equalStrictly, includes, show } from "./equal";

export class AssertionError extends Error {
    override name = "AssertionError";
    constructor(
        message: string,
        readonly expected?: string,
        readonly actual?: string,
    ) {
        super(message);
    }
}

interface Verdict {
    pass: boolean;
    what: string; // "to be 3"
    expected?: unknown;
}

type Matcher = (actual: unknown, ...args: never[]) => Verdict;

function compare(word: string, test: (a: number, b: number) => boolean): Matcher {
    return (actual, wanted: number) => {
        const comparable = ["number", "bigint"].includes(typeof actual);
        if (!comparable) throw new AssertionError(`${show(actual)} is not a number`);
        return { pass: test(actual as number, wanted), what: `to be ${word} ${show(wanted)}`, expected: wanted };
    };
}

function lengthOf(value: unknown): unknown {
    return value === null || value === undefined ? undefined : (value as { length?: unknown }).length;
}

function contains(actual: unknown, item: unknown): boolean {
    if (typeof actual === "string") return actual.includes(String(item));
    const isIterable = actual !== null && typeof actual === "object" && Symbol.iterator in actual;
    if (!isIterable) throw new AssertionError(`${show(actual)} is neither text nor a list`);
    return [...(actual as Iterable<unknown>)].includes(item);
}

function propertyOf(value: unknown, path: string | readonly string[]): { found: boolean; value?: unknown } {
    let at = value;
    for (const key of typeof path === "string" ? path.split(".") : path) {
        if (at === null || at === undefined || !(key in Object(at))) return { found: false };
        at = (at as Record<string, unknown>)[key];
    }
    return { found: true, value: at };
}

function isExpectedError(thrown: unknown, wanted: unknown): boolean {
    if (wanted === undefined) return true;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    if (typeof wanted === "string") return message.includes(wanted);
    if (wanted instanceof RegExp) return wanted.test(message);
    if (typeof wanted === "function") return thrown instanceof (wanted as new () => unknown);
    return wanted instanceof Error ? wanted.message === message : includes(thrown, wanted);
}

interface Thrown {
    thrown: unknown;
}

// What toThrow() looks at: a function that is called, or what a promise was rejected with.
class Rejection {
    constructor(readonly reason: unknown) {}
}

function outcome(actual: unknown): Thrown | undefined {
    if (actual instanceof Rejection) return { thrown: actual.reason };
    if (typeof actual !== "function") throw new AssertionError(`toThrow() takes a function, not ${show(actual)}`);
    try {
        (actual as () => unknown)();
        return undefined;
    } catch (thrown) {
        return { thrown };
    }
}

const matchers = {
    toBe: (actual: unknown, wanted: unknown) => ({
        pass: Object.is(actual, wanted),
        what: `to be ${show(wanted)}`,
        expected: wanted,
    }),
    toEqual: (actual: unknown, wanted: unknown) => ({
        pass: equal(actual, wanted),
        what: `to equal ${show(wanted)}`,
        expected: wanted,
    }),
    toStrictEqual: (actual: unknown, wanted: unknown) => ({
        pass: equalStrictly(actual, wanted),
        what: equal(actual, wanted)
            ? `to equal ${show(wanted)} strictly (members that are undefined, and types)`
            : `to equal ${show(wanted)}`,
        expected: wanted,
    }),
    toMatchObject: (actual: unknown, wanted: object) => ({
        pass: includes(actual, wanted),
        what: `to have all of ${show(wanted)}`,
        expected: wanted,
    }),
    toBeTruthy: (actual: unknown) => ({ pass: Boolean(actual), what: "to be truthy" }),
    toBeFalsy: (actual: unknown) => ({ pass: !actual, what: "to be falsy" }),
    toBeNull: (actual: unknown) => ({ pass: actual === null, what: "to be null" }),
    toBeUndefined: (actual: unknown) => ({ pass: actual === undefined, what: "to be undefined" }),
    toBeDefined: (actual: unknown) => ({ pass: actual !== undefined, what: "to be defined" }),
    toBeNaN: (actual: unknown) => ({ pass: Number.isNaN(actual), what: "to be NaN" }),
    toBeInstanceOf: (actual: unknown, type: new (...args: never[]) => unknown) => ({
        pass: actual instanceof type,
        what: `to be a ${type.name}`,
    }),
    toBeTypeOf: (actual: unknown, type: string) => ({ pass: typeof actual === type, what: `to be a ${type}` }),
    toBeGreaterThan: compare("greater than", (a, b) => a > b),
    toBeGreaterThanOrEqual: compare("at least", (a, b) => a >= b),
    toBeLessThan: compare("less than", (a, b) => a < b),
    toBeLessThanOrEqual: compare("at most", (a, b) => a <= b),
    toBeCloseTo: (actual: unknown, wanted: number, digits = 2) => ({
        pass: Math.abs(Number(actual) - wanted) < 10 ** -digits / 2,
        what: `to be ${show(wanted)} to ${digits} digits`,
        expected: wanted,
    }),
    toContain: (actual: unknown, item: unknown) => ({
        pass: contains(actual, item),
        what: `to contain ${show(item)}`,
        expected: item,
    }),
    toContainEqual: (actual: unknown, item: unknown) => ({
        pass: [...(actual as Iterable<unknown>)].some((x) => equal(x, item)),
        what: `to contain ${show(item)}`,
        expected: item,
    }),
    toHaveLength: (actual: unknown, length: number) => ({
        pass: lengthOf(actual) === length,
        what: `to have the length ${length}, not ${show(lengthOf(actual))}`,
        expected: length,
    }),
    toHaveProperty: (actual: unknown, path: string | readonly string[], ...wanted: unknown[]) => {
        const has = propertyOf(actual, path);
        const pass = has.found && (wanted.length === 0 || equal(has.value, wanted[0]));
        const value = wanted.length === 0 ? "" : ` with ${show(wanted[0])}`;
        return { pass, what: `to have the property ${show(path)}${value}` };
    },
    toMatch: (actual: unknown, wanted: string | RegExp) => {
        const text = String(actual);
        const pass = typeof wanted === "string" ? text.includes(wanted) : wanted.test(text);
        return { pass, what: `to match ${show(wanted)}`, expected: wanted };
    },
    toThrow: (actual: unknown, wanted?: unknown) => {
        const result = outcome(actual);
        const what = wanted === undefined ? "to throw" : `to throw ${show(wanted)}`;
        if (result === undefined) return { pass: false, what };
        return { pass: isExpectedError(result.thrown, wanted), what: `${what}; it threw ${show(result.thrown)}` };
    },
} satisfies Record<string, Matcher>;

const aliases: Record<string, keyof typeof matchers> = { toThrowError: "toThrow" };

let count = 0;

// How many assertions were made so far.
export function assertionCount(): number {
    return count;
}

function check(name: keyof typeof matchers, actual: unknown, negated: boolean, args: unknown[], at?: Error): void {
    count++;
    const shown = actual instanceof Rejection ? show(actual.reason) : show(actual);
    let error: Error | undefined;
    try {
        const verdict = (matchers[name] as (...all: unknown[]) => Verdict)(actual, ...args);
        if (verdict.pass !== negated) return;
        const message = `expected ${shown} ${negated ? "not " : ""}${verdict.what}`;
        const expected = "expected" in verdict ? `${negated ? "not " : ""}${show(verdict.expected)}` : undefined;
        error = new AssertionError(message, expected, expected === undefined ? undefined : shown);
    } catch (failure) {
        error = failure as Error;
    }
    if (at !== undefined) error.stack = at.stack as string; // after an await the caller is not on the stack
    throw error;
}

type Matchers<R> = { [name in keyof typeof matchers]: (...args: unknown[]) => R };
export interface Expectation<R> extends Matchers<R> {
    not: Expectation<R>;
    resolves: Expectation<Promise<void>>;
    rejects: Expectation<Promise<void>>;
}

type Run = (name: keyof typeof matchers, negated: boolean, args: unknown[]) => unknown;

function bind(run: Run, negated: boolean): Record<string, unknown> {
    const bound: Record<string, unknown> = {};
    for (const name of Object.keys(matchers) as (keyof typeof matchers)[])
        bound[name] = (...args: unknown[]) => run(name, negated, args);
    for (const [alias, name] of Object.entries(aliases)) bound[alias] = bound[name];
    return bound;
}

function both(run: Run): Record<string, unknown> {
    return { ...bind(run, false), not: bind(run, true) };
}

async function settle(promise: unknown, rejects: boolean): Promise<unknown> {
    const given = typeof promise === "function" ? (promise as () => unknown)() : promise;
    let value: unknown;
    try {
        value = await given;
    } catch (reason) {
        if (rejects) return reason;
        throw new AssertionError(`expected a promise that resolves; it was rejected with ${show(reason)}`);
    }
    if (!rejects) return value;
    throw new AssertionError(`expected a promise that is rejected; it resolved with ${show(value)}`);
}

export function expect(actual: unknown): Expectation<void> {
    const later =
        (rejects: boolean): Run =>
        async (name, negated, args) => {
            const at = new Error();
            let value: unknown;
            try {
                value = await settle(actual, rejects);
            } catch (error) {
                (error as Error).stack = at.stack as string;
                throw error;
            }
            check(name, rejects && name === "toThrow" ? new Rejection(value) : value, negated, args, at);
        };
    return {
        ...both((name, negated, args) => check(name, actual, negated, args)),
        resolves: both(later(false)),
        rejects: both(later(true)),
    } as unknown as Expectation<void>;
}
