// The chain of a route: which functions run for one call, in which order, and how it ends.

import { drain, isThenable, settled } from "./budget";
import { Context } from "./context";
import { entryNumber, setCurrent } from "./current";
import { describe, GatewayError } from "./errors";
import { host, Outcome } from "./host";
import type { Program } from "./program";
import { ScriptContext } from "./script_context";
import { isFalseResponse, isResponse } from "./web/response";

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

// DGate 2's name of fetchUpstream; what it gives may be nothing, and then the service's policy chooses.
export const FETCH_URL = "fetchUpstreamUrl";

export type Handler = (ctx: Context, error?: unknown) => unknown;
type AnyFunction = (...args: unknown[]) => unknown;

// What a module that is no library exports.
export interface Entry {
    readonly module: number; // its place among the route's
    readonly name: string;
    readonly isScript: boolean; // it gets DGate 2's ctx
    readonly readsBody: boolean; // it may read the upstream's body
    readonly exports: Record<string, unknown>;
}

// A function and the module that it is of.
export interface Link {
    readonly module: number;
    readonly call: Handler;
}

// Given instead of a URL.
const SERVICE_CHOOSES = Symbol("the service chooses");

const orService = (url: unknown): unknown => (url === null || url === undefined || url === "" ? SERVICE_CHOOSES : url);

// f, and then what it returns through after().
function followed(value: unknown, after: (value: unknown) => unknown): unknown {
    return isThenable(value) ? Promise.resolve(value).then(after) : after(value);
}

function optionalUrl(f: Handler): Handler {
    return (ctx, error) => followed(f(ctx, error), orService);
}

// A function of a script as one of the chain. Scripts read bodies without waiting: a stream is collected before.
function scriptHandler(entry: Entry, f: AnyFunction, kind: Kind): Handler {
    const isRevising = kind === Kind.ResponseModifier;
    const call: Handler = (ctx, error) => {
        const script = Context.scriptOf(ctx);
        ScriptContext.enter(script, entry.name, isRevising, kind === Kind.RequestHandler);
        const view = ScriptContext.viewOf(script);
        const second = isRevising ? script.response : error;
        return followed(f(view, second), (value) => {
            ScriptContext.leave(script);
            return value;
        });
    };
    if (!isRevising || !entry.readsBody) return call;
    return (ctx, error) => Context.collectUpstream(ctx)?.then(() => call(ctx, error)) ?? call(ctx, error);
}

function handlerOf(entry: Entry, name: string, kind: Kind): Handler | undefined {
    const f = entry.exports[name];
    if (typeof f !== "function") return undefined;
    // Called as a function, so that its "this" is undefined.
    const plain: Handler = (ctx, error) => (f as AnyFunction)(ctx, error);
    return entry.isScript ? scriptHandler(entry, f as AnyFunction, kind) : plain;
}

// Entries' functions of each kind, in the order of the calls.
export function makeChains(entries: readonly Entry[]): Link[][] {
    return FUNCTIONS.map((name, kind) => {
        const found: Link[] = [];
        for (const e of entries) {
            const f = handlerOf(e, name, kind);
            if (f !== undefined) found.push({ module: e.module, call: f });
            const url = kind === Kind.FetchUpstream ? handlerOf(e, FETCH_URL, kind) : undefined;
            if (url !== undefined) found.push({ module: e.module, call: optionalUrl(url) });
        }
        if (REVERSED[kind] === true) found.reverse();
        // That there is one only is seen to when the route is put (src/change/change_chain.c).
        return kind === Kind.FetchUpstream ? found.slice(0, 1) : found;
    });
}

// The ctx of each request, by the slot in its handle.
const contexts: (Context | undefined)[] = [];

function contextOf(handle: number, slot: number): Context {
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
    entry = 0; // whose run() waits for it while promises settle
    result: Outcome | string | undefined; // then

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

    // The functions have ended with that value; only what they wrote is waited for.
    waitCommitted(written: Promise<unknown>, value: unknown): void {
        settled(
            written,
            () => this.finish(value),
            (error) => this.fail(error),
        );
    }

    private fail(error: unknown): void {
        host.done(this.handle, this.call, Outcome.Threw, describe(error));
    }

    private finish(value: unknown): void {
        if (!this.isOn()) return;
        try {
            const text = resultText(this.kind, this.ctx, value);
            if (this.isInRun()) this.result = text ?? Outcome.Done;
            else host.done(this.handle, this.call, Outcome.Done, text);
        } catch (error) {
            this.fail(error);
        }
    }

    // A run() that was stopped has not put that back.
    private isInRun(): boolean {
        return this.entry === entryNumber();
    }

    // A limit may have ended it meanwhile.
    private isOn(): boolean {
        return this.isInRun() || host.calling(this.handle, this.call);
    }

    private resume(value: unknown): void {
        if (!this.isOn()) return;
        try {
            if (value !== undefined) apply(this.kind, this.ctx, value);
            while (!isOver(this.kind, this.ctx) && this.next < this.chain.length) {
                const link = this.chain[this.next++] as Link;
                host.enter(this.handle, link.module);
                const { call } = link; // this is not for modules
                value = call(this.ctx, this.error);
                if (isThenable(value)) {
                    this.wait(value);
                    return;
                }
                if (value !== undefined) apply(this.kind, this.ctx, value);
            }
            const written = conclude(this.kind, this.ctx);
            if (written === undefined) this.finish(value);
            else this.waitCommitted(written, value);
        } catch (error) {
            this.fail(error);
        }
    }
}

// All functions have succeeded. Returns what is still to be waited for.
function conclude(kind: Kind, ctx: Context): Promise<unknown> | undefined {
    if (kind === Kind.RequestHandler) Context.answerFor(ctx);
    return Context.commit(ctx);
}

function isOver(kind: Kind, ctx: Context): boolean {
    return kind !== Kind.ResponseModifier && Context.hasResponded(ctx);
}

const FALSE_RESPONSE =
    "what was returned inherits from Response.prototype but is no Response (a proxy, or made by Object.create()?)";

// What a function returned: a Response is the answer, or takes the place of the upstream's.
function apply(kind: Kind, ctx: Context, value: unknown): void {
    if (kind === Kind.FetchUpstream) return;
    if (!isResponse(value)) {
        if (isFalseResponse(value)) throw new GatewayError(FALSE_RESPONSE);
        return;
    }
    if (kind === Kind.ResponseModifier) Context.replaceUpstream(ctx, value);
    else Context.respond(ctx, value);
}

function resultText(kind: Kind, ctx: Context, value: unknown): string | undefined {
    if (kind === Kind.ResponseModifier) Context.sendUpstream(ctx);
    if (kind !== Kind.FetchUpstream || Context.hasResponded(ctx)) return undefined;
    if (value === SERVICE_CHOOSES) return undefined;
    const url = value === null || value === undefined ? "" : String(value);
    if (url === "") throw new GatewayError("fetchUpstream returned an invalid URL");
    return url.includes("://") ? url : `http://${url}`;
}

// Lets promises settle; returns what the call has come to by then.
function park(call: Call): Outcome | string {
    call.entry = entryNumber();
    drain();
    call.entry = 0;
    return call.result ?? Outcome.Parked;
}

// One call from the host. What it returns: a URL, or an Outcome; a failure is told by host.done() before.
export function run(
    program: Program,
    handle: number,
    slot: number,
    call: number,
    kind: Kind,
    errorText: string | undefined,
): Outcome | string {
    setCurrent(handle);
    const ctx = contextOf(handle, slot);
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
                const waiting = new Call(handle, call, kind, chain, ctx, error, i);
                waiting.wait(value);
                return park(waiting);
            }
            if (value !== undefined) apply(kind, ctx, value);
            if (isOver(kind, ctx)) break;
        }
        const written = conclude(kind, ctx);
        if (written !== undefined) {
            const waiting = new Call(handle, call, kind, chain, ctx, error, chain.length);
            waiting.waitCommitted(written, value);
            return park(waiting);
        }
        drain();
        return resultText(kind, ctx, value) ?? Outcome.Done;
    } catch (failure) {
        host.done(handle, call, Outcome.Threw, describe(failure));
        return Outcome.Threw;
    }
}
