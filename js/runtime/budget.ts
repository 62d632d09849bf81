// The CPU limit where the engine's own watchdog cannot see: it measures one entry into JavaScript, and every
// microtask is one. So jobs are counted here, and the host is asked now and then.

import { host } from "./host";

const JOBS_PER_TICK = 128;
let jobs = JOBS_PER_TICK;

function tick(): void {
    jobs = JOBS_PER_TICK;
    if (!host.tick()) return;
    jobs = 0; // until it is answered otherwise, every job asks
    throw new Error("the CPU limit is reached");
}

const nativeThen = Promise.prototype.then;
let used = false; // promises, in this entry

function then(this: Promise<unknown>, fulfilled: never, rejected: never): Promise<unknown> {
    if (--jobs <= 0) tick();
    used = true;
    return nativeThen.call(this, fulfilled, rejected);
}

function seal(target: object, name: PropertyKey, value: unknown): void {
    Object.defineProperty(target, name, { value, writable: false, enumerable: false, configurable: false });
}

// What would run code outside of the limits, or block the thread.
const REMOVED = ["Atomics", "FinalizationRegistry", "SharedArrayBuffer", "WebAssembly", "eval"];

export function installBudget(): void {
    seal(Promise.prototype, "then", then);
    for (const name of REMOVED) delete (globalThis as Record<string, unknown>)[name];
}

// A promise that is resolved with somebody's own thenable has its "then" called by a job without any then() of ours, and so
// has whoever is resolved by that: an endless chain that is not counted. To make such promises code has to name them.
const NAMES = ["Promise", "constructor", "fromAsync"];
const { apply } = Reflect;
const { includes } = String.prototype;
const { toString } = Function.prototype;
let named = false; // in the code of a module of this context

export function watchSource(wrapper: unknown): void {
    const source: string = apply(toString, wrapper, []);
    for (const name of NAMES) named = named || apply(includes, source, [name]);
}

// At the end of an entry: what promises put off runs now, as a part of it, and so within its limit.
export function drain(): void {
    if (!used && !named) return;
    host.drain();
    used = false;
}

// Without the counting: for the runtime's own continuations.
export function settled(p: Promise<unknown>, fulfilled: (v: unknown) => void, rejected: (e: unknown) => void): void {
    used = true;
    nativeThen.call(p, fulfilled as never, rejected as never);
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
    if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
    return typeof (value as { then?: unknown }).then === "function";
}
