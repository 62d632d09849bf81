// setTimeout and its kin. A timer belongs to the request that set it and ends with it.

import { addWaiting, removeWaiting, requireCurrent } from "./current";
import { logLine } from "./console";
import { describeAll, moduleOf } from "./errors";
import { host, Level } from "./host";
import { toolHook } from "./tool_hook";

type Callback = (...args: unknown[]) => void;

// By ticket: the request that it belongs to, to find it again in clearTimeout().
const owners = new Map<number, number>();
const LONGEST_MS = 2 ** 31 - 1;

function start(name: string, callback: unknown, ms: unknown, repeat: boolean, args: unknown[]): number {
    if (typeof callback !== "function") throw new TypeError(`${name}() takes a function`);
    const handle = requireCurrent(`${name}()`);
    const delay = Math.min(Math.max(Number(ms) || 0, repeat ? 1 : 0), LONGEST_MS);
    const ticket = addWaiting(handle, {
        settle: () => {
            if (!repeat) owners.delete(ticket);
            try {
                (callback as Callback)(...args);
            } catch (error) {
                logLine(Level.Error, moduleOf(error), `in a ${name}() callback: ${describeAll(error)}`);
                toolHook.lost?.(error);
            }
        },
        fail: () => undefined,
    });
    try {
        host.timerStart(handle, ticket, delay, repeat);
    } catch (error) {
        removeWaiting(handle, ticket);
        throw error;
    }
    owners.set(ticket, handle);
    return ticket;
}

function stop(timer: unknown): void {
    const ticket = Number(timer);
    const handle = owners.get(ticket);
    if (handle === undefined) return;
    owners.delete(ticket);
    if (removeWaiting(handle, ticket)) host.timerStop(handle, ticket);
}

// Forgets the timers of requests that have ended.
export function sweepTimers(isAlive: (handle: number) => boolean): void {
    for (const [ticket, handle] of owners) if (!isAlive(handle)) owners.delete(ticket);
}

export const timers = {
    setTimeout: (f?: unknown, ms?: unknown, ...args: unknown[]) => start("setTimeout", f, ms, false, args),
    setInterval: (f?: unknown, ms?: unknown, ...args: unknown[]) => start("setInterval", f, ms, true, args),
    setImmediate: (f?: unknown, ...args: unknown[]) => start("setImmediate", f, 0, false, args),
    clearTimeout: (timer?: unknown) => stop(timer),
    clearInterval: (timer?: unknown) => stop(timer),
    clearImmediate: (timer?: unknown) => stop(timer),
};
