// Fake timers: the time that modules and the test see stands still, and the test moves it. The host keeps it
// (src/script/script_clock.h), so that a timer fires as a part of the request that set it, within its limits.

import { requireKnown } from "./options";
import { ask, clock } from "./tool";

const TIMERS_MAX = 10000; // that runAllTimers() makes fire

const RealDate = Date;

export const realNow = RealDate.now.bind(RealDate);

const now = (): number => clock.wall() ?? realNow();

function FakeDate(this: unknown, ...parts: unknown[]): unknown {
    if (new.target === undefined) return new RealDate(now()).toString();
    const type = (new.target as unknown) === FakeDate ? RealDate : new.target;
    return Reflect.construct(RealDate, parts.length === 0 ? [now()] : parts, type) as unknown;
}
Object.setPrototypeOf(FakeDate, RealDate);
Object.defineProperties(FakeDate, {
    prototype: { value: RealDate.prototype },
    name: { value: "Date" },
    length: { value: RealDate.length },
    now: { value: now, writable: true, configurable: true },
});

function setDate(type: unknown): void {
    Object.defineProperty(globalThis, "Date", { value: type, writable: true, configurable: true });
}

let isAllowed = false;

// While a test and the hooks around it run.
export function allowFakeTimers(yes: boolean): void {
    isAllowed = yes;
}

export function areTimersFake(): boolean {
    return clock.wall() !== undefined;
}

function requireFake(what: string): void {
    if (!areTimersFake()) throw new Error(`${what}() moves fake time: call useFakeTimers() first`);
}

function timeOf(what: string, time: unknown): number {
    const ms = time instanceof RealDate || typeof time === "number" ? Number(time) : RealDate.parse(String(time));
    if (!Number.isFinite(new RealDate(ms).getTime()))
        throw new RangeError(`${what} takes a Date, milliseconds or a date as text, not ${String(time)}`);
    return Math.trunc(ms);
}

export function useFakeTimers(options: { now?: unknown } = {}): void {
    if (!isAllowed) throw new Error("useFakeTimers() holds for one test: call it there, or in beforeEach()");
    requireKnown("useFakeTimers()", options, "now");
    const start = options.now === undefined ? now() : timeOf("now", options.now);
    clock.stop(start);
    setDate(FakeDate);
}

export function useRealTimers(): void {
    clock.resume();
    if ((Date as unknown) === FakeDate) setDate(RealDate);
}

export function setSystemTime(time?: unknown): void {
    requireFake("setSystemTime");
    clock.stop(time === undefined ? realNow() : timeOf("setSystemTime()", time));
}

async function step(until: number | null): Promise<boolean> {
    return (await ask<{ fired: boolean }>({ op: "step", until })).fired;
}

// Before each timer, and at the end, what is under way comes to rest.
export async function advanceTimersByTime(ms: number): Promise<void> {
    requireFake("advanceTimersByTime");
    if (typeof ms !== "number" || !(ms >= 0) || ms === Infinity)
        throw new RangeError(`advanceTimersByTime() takes milliseconds, not ${String(ms)}`);
    const end = clock.now() + ms;
    while (await step(end));
}

export async function runAllTimers(): Promise<void> {
    requireFake("runAllTimers");
    for (let fired = 0; await step(null); )
        if (++fired >= TIMERS_MAX)
            throw new Error(
                `runAllTimers() made ${TIMERS_MAX} timers fire and there are more, of an interval perhaps: use advanceTimersByTime()`,
            );
}
