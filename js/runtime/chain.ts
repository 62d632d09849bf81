// The chain of a route: which functions run for one call, in which order, and how it ends.

import { drain, isThenable, settled } from "./budget";
import { Context } from "./context";
import { setCurrent } from "./current";
import { describe, GatewayError } from "./errors";
import { host, Outcome } from "./host";
import type { Program } from "./program";

// src/script/script.h: enum script_function, in its order.
export const FUNCTIONS = [
    "fetchUpstream",
    "requestModifier",
    "responseModifier",
    "errorHandler",
    "requestHandler",
] as const;

const enum Kind {
    FetchUpstream,
    RequestModifier,
    ResponseModifier,
    ErrorHandler,
    RequestHandler,
}

const REVERSED: readonly boolean[] = [false, false, true, true, false];

type Handler = (ctx: Context, error?: unknown) => unknown;

// What a module that is no library exports; module is its place among the route's.
export interface Entry {
    readonly module: number;
    readonly exports: Record<string, unknown>;
}

// A function and the module that it is of.
export interface Link {
    readonly module: number;
    readonly call: Handler;
}

// Entries' functions of each kind, in the order of the calls.
export function makeChains(entries: readonly Entry[]): Link[][] {
    return FUNCTIONS.map((name, kind) => {
        const found = entries
            .filter((e) => typeof e.exports[name] === "function")
            .map((e) => ({ module: e.module, call: e.exports[name] as Handler }));
        if (REVERSED[kind] === true) found.reverse();
        return kind === Kind.FetchUpstream ? found.slice(0, 1) : found;
    });
}

const SLOTS = 65536;
// The ctx of each request, by the slot in its handle.
const contexts: (Context | undefined)[] = [];

function contextOf(handle: number): Context {
    const slot = handle % SLOTS;
    const known = contexts[slot];
    if (known !== undefined && Context.handleOf(known) === handle) return known;
    return (contexts[slot] = new Context(handle));
}

export function sweepContexts(isAlive: (handle: number) => boolean): void {
    for (let i = 0; i < contexts.length; i++) {
        const ctx = contexts[i];
        if (ctx !== undefined && !isAlive(Context.handleOf(ctx))) contexts[i] = undefined;
    }
    while (contexts.length > 0 && contexts[contexts.length - 1] === undefined) contexts.pop();
}

class Call {
    constructor(
        private readonly handle: number,
        private readonly call: number,
        private readonly kind: Kind,
        private readonly chain: readonly Link[],
        private readonly ctx: Context,
        private readonly error: unknown,
        private next: number,
    ) {}

    wait(promise: PromiseLike<unknown>): void {
        settled(
            Promise.resolve(promise),
            (value) => this.resume(value),
            (error) => this.fail(error),
        );
    }

    private fail(error: unknown): void {
        host.done(this.handle, this.call, Outcome.Threw, describe(error));
    }

    private resume(value: unknown): void {
        if (!host.calling(this.handle, this.call)) return; // a limit has ended it meanwhile
        try {
            for (;;) {
                if (isOver(this.kind, this.ctx) || this.next >= this.chain.length) {
                    host.done(this.handle, this.call, Outcome.Done, resultText(this.kind, this.ctx, value));
                    return;
                }
                const link = this.chain[this.next++] as Link;
                host.enter(this.handle, link.module);
                const { call } = link; // this is not for modules
                value = call(this.ctx, this.error);
                if (isThenable(value)) {
                    this.wait(value);
                    return;
                }
            }
        } catch (error) {
            this.fail(error);
        }
    }
}

function isOver(kind: Kind, ctx: Context): boolean {
    return kind !== Kind.ResponseModifier && Context.hasResponded(ctx);
}

function resultText(kind: Kind, ctx: Context, value: unknown): string | undefined {
    if (kind !== Kind.FetchUpstream || Context.hasResponded(ctx)) return undefined;
    const url = value === null || value === undefined ? "" : String(value);
    if (url === "") throw new GatewayError("fetchUpstream returned an invalid URL");
    return url.includes("://") ? url : `http://${url}`;
}

// One call from the host. What it returns: a URL, or an Outcome; a failure is told by host.done() before.
export function run(
    program: Program,
    handle: number,
    call: number,
    kind: Kind,
    errorText: string | undefined,
): Outcome | string {
    setCurrent(handle);
    const ctx = contextOf(handle);
    if (kind !== Kind.ResponseModifier) Context.discardUpstream(ctx);
    const chain = program.chains[kind] as Link[];
    let error: GatewayError | undefined;
    if (kind === Kind.ErrorHandler) {
        error = new GatewayError(errorText);
        Context.discardResponse(ctx); // what a function made before it failed
    }
    try {
        let value: unknown;
        for (let i = 0; i < chain.length; ) {
            if (i > 0) host.enter(handle, (chain[i] as Link).module);
            const { call: callLink } = chain[i++] as Link; // this is not for modules
            value = callLink(ctx, error);
            if (isThenable(value)) {
                new Call(handle, call, kind, chain, ctx, error, i).wait(value);
                drain();
                return Outcome.Parked;
            }
            if (isOver(kind, ctx)) break;
        }
        drain();
        return resultText(kind, ctx, value) ?? Outcome.Done;
    } catch (failure) {
        host.done(handle, call, Outcome.Threw, describe(failure));
        return Outcome.Threw;
    }
}
