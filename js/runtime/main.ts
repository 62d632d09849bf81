// The runtime library: evaluated once in the JavaScript context of each namespace, before any module.

import { host, Level } from "./host";
import { installBudget } from "./budget";
import { fetch } from "./builtins/http";
import { run, sweepContexts } from "./chain";
import { logLine, makeConsole } from "./console";
import { setCurrent, sweepWaiting, takeWaiting } from "./current";
import { TextDecoder, TextEncoder } from "./encoding";
import { describe } from "./errors";
import { Headers } from "./fields";
import { Program } from "./program";
import { sweepTimers, timers } from "./timers";
import { defineLazyGlobals, webGlobals } from "./web/globals";

installBudget();

function queueMicrotask(callback: unknown): void {
    if (typeof callback !== "function") throw new TypeError("queueMicrotask() takes a function");
    void Promise.resolve().then(callback as () => void);
}

const globals: Record<string, unknown> = {
    ...timers,
    ...webGlobals,
    Headers,
    TextDecoder,
    TextEncoder,
    console: makeConsole(""),
    fetch,
    process: { env: {} },
    queueMicrotask,
};
for (const [name, value] of Object.entries(globals))
    Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
defineLazyGlobals();
delete (globalThis as Record<string, unknown>)["__core-js_shared__"];

// What src/script/realm.c calls, in the order of its enum realm_function.
host.install([
    run,

    function settle(handle: number, ticket: number, outcome: number, value: unknown): void {
        setCurrent(handle);
        const w = takeWaiting(handle, ticket, outcome === 2);
        if (w === undefined) return;
        if (outcome === 0) w.fail(String(value));
        else w.settle(value);
    },

    function createProgram(): Program {
        setCurrent(0);
        return new Program();
    },

    function addModule(p: Program, name: string, url: string, wrapper: never, map: string, imports: string): void {
        p.add(name, url, wrapper, map, imports);
    },

    function linkProgram(p: Program): number | string {
        setCurrent(0);
        return p.link();
    },

    function dropProgram(p: Program): void {
        p.drop();
    },

    function sweep(): void {
        const isAlive = (handle: number) => host.alive(handle);
        sweepContexts(isAlive);
        sweepWaiting(isAlive);
        sweepTimers(isAlive);
    },

    describe,

    function rejected(_promise: unknown, reason: unknown): void {
        logLine(Level.Error, "", `unhandled rejection: ${describe(reason)}`);
    },
]);
