// import … from "dgate"

import { GatewayError } from "../errors";
import { timers } from "../timers";

const UNITS_MS: Record<string, number> = { h: 3600e3, m: 60e3, s: 1e3, ms: 1, us: 1e-3, µs: 1e-3, μs: 1e-3, ns: 1e-6 };

// Seconds, or Go's duration syntax ("1.5s", "1m30s").
function durationMs(d: unknown, name: string): number {
    if (typeof d === "number") return d * 1000;
    if (typeof d !== "string") throw new TypeError(`${name}() requires a number or string as a first argument`);
    const part = /(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|μs|ns)/gy;
    const sign = /^[+-]/.exec(d)?.[0] ?? "";
    part.lastIndex = sign.length;
    let ms = 0;
    while (part.lastIndex < d.length) {
        const found = part.exec(d);
        if (found === null) {
            if (d === `${sign}0`) return 0;
            throw new TypeError(`"${d}" is not a duration`);
        }
        ms += Number(found[1]) * (UNITS_MS[found[2] as string] as number);
    }
    if (d.length === sign.length) throw new TypeError(`"${d}" is not a duration`);
    return sign === "-" ? -ms : ms;
}

export const dgateFunctions = {
    fail(message?: unknown): never {
        throw new GatewayError(String(message));
    },

    sleep(): never {
        throw new GatewayError('sleep() would block the worker: use "await asyncSleep(...)"');
    },

    asyncSleep(d?: unknown): Promise<void> {
        const ms = durationMs(d, "asyncSleep");
        if (!(ms > 0)) return Promise.resolve();
        return new Promise((resolve) => {
            timers.setTimeout(() => resolve(), ms);
        });
    },

    // Calls callback(i) up to count times, until it returns something truthy, and returns that.
    retry(count?: unknown, callback?: unknown): unknown {
        const n = Number(count);
        if (!(n > 0)) throw new GatewayError("num must be greater than 0");
        if (typeof callback !== "function") throw new GatewayError("retry() requires a callback as a second argument");
        for (let i = 0; i < n; i++) {
            const value: unknown = (callback as (i: number) => unknown)(i);
            if (value) return value;
        }
        return null;
    },
};
