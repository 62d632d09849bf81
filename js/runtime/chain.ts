// The chain of a route: which functions run for one call, in which order, and how it ends.

import { isThenable, settled } from "./budget";
import { Context } from "./context";
import { setCurrent } from "./current";
import { describe, GatewayError } from "./errors";
import { host, Outcome } from "./host";
import type { Program } from "./program";
import { isResponse } from "./web/response";

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

export type Handler = (ctx: Context, error?: unknown) => unknown;

// Entries' functions of each kind, in the order of the calls.
export function makeChains(entries: readonly Record<string, unknown>[]): Handler[][] {
    return FUNCTIONS.map((name, kind) => {
        const found = entries.map((e) => e[name]).filter((f) => typeof f === "function") as Handler[];
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
        private readonly chain: readonly Handler[],
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
                if (value !== undefined) apply(this.kind, this.ctx, value);
                if (isOver(this.kind, this.ctx) || this.next >= this.chain.length) {
                    const text = resultText(this.kind, this.ctx, value);
                    host.done(this.handle, this.call, Outcome.Done, text);
                    return;
                }
                value = (this.chain[this.next++] as Handler)(this.ctx, this.error);
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

// What a function returned: a Response is the answer, or takes the place of the upstream's.
function apply(kind: Kind, ctx: Context, value: unknown): void {
    if (kind === Kind.FetchUpstream || !isResponse(value)) return;
    if (kind === Kind.ResponseModifier) Context.replaceUpstream(ctx, value);
    else Context.respond(ctx, value);
}

function resultText(kind: Kind, ctx: Context, value: unknown): string | undefined {
    if (kind === Kind.ResponseModifier) Context.sendUpstream(ctx);
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
    const chain = program.chains[kind] as Handler[];
    let error: GatewayError | undefined;
    if (kind === Kind.ErrorHandler) {
        error = new GatewayError(errorText);
        Context.discardResponse(ctx); // what a function made before it failed
    }
    try {
        let value: unknown;
        for (let i = 0; i < chain.length; ) {
            value = (chain[i++] as Handler)(ctx, error);
            if (isThenable(value)) {
                new Call(handle, call, kind, chain, ctx, error, i).wait(value);
                return Outcome.Parked;
            }
            if (value !== undefined) apply(kind, ctx, value);
            if (isOver(kind, ctx)) break;
        }
        return resultText(kind, ctx, value) ?? Outcome.Done;
    } catch (failure) {
        host.done(handle, call, Outcome.Threw, describe(failure));
        return Outcome.Threw;
    }
}
