// AbortController and AbortSignal (DOM standard, section 3).

import { timers } from "../timers";
import { domException } from "./dom_exception";
import { EventTarget, fire } from "./events";
import type { Signal } from "./request";

type Algorithm = (reason: unknown) => void;

const permit = {};
const PRUNE_MIN = 16;
const LONGEST_MS = 2 ** 53 - 1;

export class AbortSignal extends EventTarget {
    #aborted = false;
    #reason: unknown;
    #algorithms: Set<Algorithm> | undefined;
    // Of any(): what it follows. They hold it weakly, unless somebody listens to it.
    #sources: AbortSignal[] | undefined;
    #dependents: Set<WeakRef<AbortSignal>> | undefined;
    #heard: Set<AbortSignal> | undefined;
    #pruneAt = PRUNE_MIN;
    #onabort: ((event: unknown) => void) | null = null;
    #callOnabort: ((event: unknown) => void) | undefined;

    constructor(given?: unknown) {
        if (given !== permit) throw new TypeError("Illegal constructor");
        super();
    }

    static abort(reason?: unknown): AbortSignal {
        const signal = new AbortSignal(permit);
        signal.#aborted = true;
        signal.#reason = reason === undefined ? domException("AbortError", "the operation was aborted") : reason;
        return signal;
    }

    static timeout(...args: unknown[]): AbortSignal {
        const ms = Math.trunc(Number(args[0]));
        if (args.length === 0 || !(ms >= 0 && ms <= LONGEST_MS))
            throw new TypeError("AbortSignal.timeout() takes a number of milliseconds");
        const signal = new AbortSignal(permit);
        timers.setTimeout(() => signal.#abort(domException("TimeoutError", "the operation timed out")), ms);
        return signal;
    }

    static any(...args: unknown[]): AbortSignal {
        const given = args[0];
        if (given === null || typeof given !== "object" || !(Symbol.iterator in given))
            throw new TypeError("AbortSignal.any() takes an array of signals");
        const signals = Array.from(given as Iterable<unknown>);
        for (const s of signals) if (!(s instanceof AbortSignal)) throw new TypeError("not an AbortSignal");
        const aborted = (signals as AbortSignal[]).find((s) => s.#aborted);
        if (aborted !== undefined) return AbortSignal.abort(aborted.#reason);
        const made = new AbortSignal(permit);
        made.#sources = [...new Set((signals as AbortSignal[]).flatMap((s) => s.#sources ?? [s]))];
        for (const source of made.#sources) source.#addDependent(made);
        return made;
    }

    static create(): AbortSignal {
        return new AbortSignal(permit);
    }

    static signalAbort(signal: AbortSignal, reason: unknown): void {
        signal.#abort(reason === undefined ? domException("AbortError", "the operation was aborted") : reason);
    }

    static addAlgorithm(signal: AbortSignal, algorithm: Algorithm): () => void {
        if (signal.#aborted) return () => undefined;
        (signal.#algorithms ??= new Set()).add(algorithm);
        signal.#hold(true);
        return () => {
            if (signal.#algorithms?.delete(algorithm) === true && signal.#algorithms.size === 0) signal.#hold(false);
        };
    }

    get aborted(): boolean {
        return this.#aborted;
    }

    get reason(): unknown {
        return this.#reason;
    }

    throwIfAborted(): void {
        if (this.#aborted) throw this.#reason;
    }

    get onabort(): unknown {
        return this.#onabort;
    }

    set onabort(value: unknown) {
        this.#onabort = typeof value === "function" ? (value as (event: unknown) => void) : null;
        this.#callOnabort ??= (event) => this.#onabort?.call(this, event);
        if (this.#onabort === null) this.removeEventListener("abort", this.#callOnabort);
        else this.addEventListener("abort", this.#callOnabort);
    }

    override addEventListener(...args: unknown[]): void {
        this.#listens = true;
        this.#hold(true);
        super.addEventListener(...args);
    }

    #listens = false;

    // Whether its sources must keep it, because it is heard.
    #hold(isHeard: boolean): void {
        for (const source of this.#sources ?? [])
            if (isHeard) (source.#heard ??= new Set()).add(this);
            else if (!this.#listens) source.#heard?.delete(this);
    }

    #addDependent(dependent: AbortSignal): void {
        this.#dependents ??= new Set();
        if (this.#dependents.size >= this.#pruneAt) {
            for (const ref of this.#dependents) if (ref.deref() === undefined) this.#dependents.delete(ref);
            this.#pruneAt = Math.max(PRUNE_MIN, this.#dependents.size * 2);
        }
        this.#dependents.add(new WeakRef(dependent));
    }

    #mark(reason: unknown): boolean {
        if (this.#aborted) return false;
        this.#aborted = true;
        this.#reason = reason;
        return true;
    }

    #abort(reason: unknown): void {
        if (!this.#mark(reason)) return;
        const followers: AbortSignal[] = [];
        for (const ref of this.#dependents ?? []) {
            const dependent = ref.deref();
            if (dependent !== undefined && dependent.#mark(reason)) followers.push(dependent);
        }
        this.#dependents = undefined;
        this.#heard = undefined;
        this.#run();
        for (const follower of followers) follower.#run();
    }

    #run(): void {
        const algorithms = this.#algorithms;
        this.#algorithms = undefined;
        for (const algorithm of algorithms ?? []) algorithm(this.#reason);
        if (this.#listens) fire(this, "abort");
        this.#hold(false);
        this.#sources = undefined;
    }
}

// What is not for modules stays here.
const { create, signalAbort, addAlgorithm } = AbortSignal;
for (const name of ["create", "signalAbort", "addAlgorithm"]) Reflect.deleteProperty(AbortSignal, name);

// Calls algorithm(reason) when the signal aborts, before its listeners; not when it has aborted already. The result takes
// it back.
export const onAbort: (signal: AbortSignal, algorithm: Algorithm) => () => void = addAlgorithm;

// Aborts a signal that has no controller.
export const abortSignal: (signal: AbortSignal, reason: unknown) => void = signalAbort;

const { any } = AbortSignal;

// A signal of its own that aborts with another one, if that is given.
export function follow(signal: Signal | null): AbortSignal {
    if (signal === null) return create();
    if (signal instanceof AbortSignal) return any([signal]);
    const made = create();
    if (signal.aborted) signalAbort(made, signal.reason);
    else signal.addEventListener("abort", () => signalAbort(made, signal.reason));
    return made;
}

export class AbortController {
    readonly #signal = create();

    get signal(): AbortSignal {
        return this.#signal;
    }

    abort(reason?: unknown): void {
        signalAbort(this.#signal, reason);
    }
}
