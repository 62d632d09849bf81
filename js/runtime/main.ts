// The runtime library: evaluated once in the JavaScript context of each namespace, before any module.

import { host, Level } from "./host";
import { installAwaiter } from "./awaiter";
import { drain, installBudget, watchSource } from "./budget";
import { fetch } from "./builtins/http";
import { run, sweepContexts } from "./chain";
import { logLine, makeConsole } from "./console";
import { setCurrent, sweepWaiting, takeWaiting } from "./current";
import { TextDecoder, TextEncoder } from "./encoding";
import { describe, describeAll, moduleOf } from "./errors";
import { Headers } from "./fields";
import { Program } from "./program";
import { Request } from "./web/request";
import { Response } from "./web/response";
import { defineStreams } from "./web/streams";
import { sweepTimers, timers } from "./timers";
import { toolHook } from "./tool_hook";
import { defineLazyGlobals, webGlobals } from "./web/globals";
import { exposed } from "./web/interface";

installBudget();
installAwaiter();

function queueMicrotask(callback: unknown): void {
    if (typeof callback !== "function") throw new TypeError("queueMicrotask() takes a function");
    void Promise.resolve().then(callback as () => void);
}

// host name, then names and values of the variables that the configuration lets modules see
function makeProcess(flat: readonly string[]): object {
    const env: Record<string, string> = {};
    for (let i = 1; i + 1 < flat.length; i += 2) env[flat[i] as string] = flat[i + 1] as string;
    return { env, host: flat[0] };
}

const globals: Record<string, unknown> = {
    ...timers,
    ...webGlobals,
    Headers,
    Request,
    Response,
    TextDecoder,
    TextEncoder,
    console: makeConsole(""),
    fetch,
    process: makeProcess(host.environment()),
    queueMicrotask,
};
for (const [name, value] of Object.entries(globals))
    Object.defineProperty(globalThis, name, {
        value: exposed(name, value),
        writable: true,
        enumerable: false,
        configurable: true,
    });
defineStreams(TextDecoder, TextEncoder);
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
        drain();
    },

    function createProgram(): Program {
        setCurrent(0);
        return new Program();
    },

    function addModule(p: Program, ...module: Parameters<Program["add"]>): void {
        watchSource(module[2]);
        p.add(...module);
    },

    function linkProgram(p: Program): number[] | string {
        setCurrent(0);
        const linked = p.link();
        drain();
        return linked;
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
        logLine(Level.Error, moduleOf(reason), `unhandled rejection: ${describeAll(reason)}`);
        toolHook.lost?.(reason);
    },
]);
