// Event, CustomEvent and EventTarget (DOM standard, section 2), for targets that are in no tree.

import { logLine } from "../console";
import { describe } from "../errors";
import { Level } from "../host";
import { toolHook } from "../tool_hook";
import { domException } from "./dom_exception";
import { performance } from "./performance";

interface EventInit {
    bubbles?: unknown;
    cancelable?: unknown;
    composed?: unknown;
}

type Callback = ((event: Event) => void) | { handleEvent?: unknown };

interface Signal {
    readonly aborted: boolean;
    addEventListener(type: string, callback: () => void): void;
    removeEventListener(type: string, callback: () => void): void;
}

interface Listener {
    type: string;
    callback: Callback;
    capture: boolean;
    once: boolean;
    passive: boolean;
    removed: boolean;
    forget: (() => void) | undefined; // takes it from its signal
}

function requireDictionary(value: unknown): object {
    if (value === undefined || value === null) return {};
    if (typeof value !== "object" && typeof value !== "function") throw new TypeError("options are an object");
    return value;
}

function call(callback: Callback, target: EventTarget, event: Event): void {
    try {
        if (typeof callback === "function") callback.call(target, event);
        else (callback as { handleEvent: (event: Event) => void }).handleEvent(event);
    } catch (error) {
        logLine(Level.Error, "", `in an event listener: ${describe(error)}`);
        toolHook.lost?.(error);
    }
}

let isEvent: (value: unknown) => value is Event;
let dispatch: (event: Event, target: EventTarget, isTrusted: boolean) => boolean;

export class Event {
    #type: string;
    #bubbles: boolean;
    #cancelable: boolean;
    readonly #composed: boolean;
    readonly #timeStamp = performance.now();
    #target: EventTarget | null = null;
    #currentTarget: EventTarget | null = null;
    #isTrusted = false;
    #isStopped = false;
    #isStoppedNow = false;
    #isCanceled = false;
    #isPassive = false;
    #isDispatched = false;

    constructor(...args: [type?: unknown, init?: EventInit | null]) {
        if (args.length === 0) throw new TypeError("an event has a type");
        const init = requireDictionary(args[1]) as EventInit;
        this.#type = `${args[0] as string}`;
        this.#bubbles = Boolean(init.bubbles);
        this.#cancelable = Boolean(init.cancelable);
        this.#composed = Boolean(init.composed);
    }

    static {
        isEvent = (value): value is Event => typeof value === "object" && value !== null && #type in value;
        dispatch = (event, target, isTrusted) => {
            if (event.#isDispatched) throw domException("InvalidStateError", "the event is dispatched already");
            event.#isTrusted = isTrusted;
            event.#isDispatched = true;
            event.#target = event.#currentTarget = target;
            const listeners = listenersOf(target, event.#type);
            for (const capture of [true, false]) {
                if (event.#isStopped) break;
                for (const listener of listeners) {
                    if (event.#isStoppedNow) break;
                    if (listener.capture === capture && !listener.removed) event.#tell(listener, target);
                }
            }
            event.#currentTarget = null;
            event.#isDispatched = event.#isStopped = event.#isStoppedNow = false;
            return !event.#isCanceled;
        };
    }

    #tell(listener: Listener, target: EventTarget): void {
        if (listener.once) removeListener(target, listener);
        this.#isPassive = listener.passive;
        call(listener.callback, target, this);
        this.#isPassive = false;
    }

    get type(): string {
        return this.#type;
    }

    get target(): EventTarget | null {
        return this.#target;
    }

    get srcElement(): EventTarget | null {
        return this.#target;
    }

    get currentTarget(): EventTarget | null {
        return this.#currentTarget;
    }

    get eventPhase(): number {
        return this.#isDispatched ? PHASES.AT_TARGET : PHASES.NONE;
    }

    get bubbles(): boolean {
        return this.#bubbles;
    }

    get cancelable(): boolean {
        return this.#cancelable;
    }

    get composed(): boolean {
        return this.#composed;
    }

    get defaultPrevented(): boolean {
        return this.#isCanceled;
    }

    get isTrusted(): boolean {
        return this.#isTrusted;
    }

    get timeStamp(): number {
        return this.#timeStamp;
    }

    get returnValue(): boolean {
        return !this.#isCanceled;
    }

    set returnValue(value: unknown) {
        if (!Boolean(value)) this.preventDefault();
    }

    get cancelBubble(): boolean {
        return this.#isStopped;
    }

    set cancelBubble(value: unknown) {
        if (Boolean(value)) this.#isStopped = true;
    }

    composedPath(): EventTarget[] {
        return this.#currentTarget === null ? [] : [this.#currentTarget];
    }

    preventDefault(): void {
        if (this.#cancelable && !this.#isPassive) this.#isCanceled = true;
    }

    stopPropagation(): void {
        this.#isStopped = true;
    }

    stopImmediatePropagation(): void {
        this.#isStopped = this.#isStoppedNow = true;
    }

    initEvent(type?: unknown, bubbles?: unknown, cancelable?: unknown): void {
        if (this.#isDispatched) return;
        this.#type = `${type as string}`;
        this.#bubbles = Boolean(bubbles);
        this.#cancelable = Boolean(cancelable);
        this.#target = null;
        this.#isTrusted = this.#isStopped = this.#isStoppedNow = this.#isCanceled = false;
    }
}

const PHASES = { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 };
for (const [name, value] of Object.entries(PHASES))
    for (const owner of [Event, Event.prototype]) Object.defineProperty(owner, name, { value, enumerable: true });

export class CustomEvent extends Event {
    readonly #detail: unknown;

    constructor(...args: [type?: unknown, init?: (EventInit & { detail?: unknown }) | null]) {
        super(...args);
        this.#detail = args[1]?.detail ?? null;
    }

    get detail(): unknown {
        return this.#detail;
    }
}

function requireCallback(callback: unknown): Callback | null {
    if (callback === null || callback === undefined) return null;
    if (typeof callback !== "function" && typeof callback !== "object")
        throw new TypeError("a listener is a function, or an object with handleEvent()");
    return callback as Callback;
}

function requireSignal(signal: unknown): Signal | undefined {
    if (signal === undefined) return undefined;
    const s = signal as Partial<Signal> | null;
    if (typeof s?.aborted !== "boolean" || typeof s.addEventListener !== "function")
        throw new TypeError("signal is not an AbortSignal");
    return s as Signal;
}

const isCapture = (options: unknown): boolean =>
    Boolean(typeof options === "object" && options !== null ? (options as { capture?: unknown }).capture : options);

let listenersOf: (target: EventTarget, type: string) => Listener[];
let removeListener: (target: EventTarget, listener: Listener) => void;

export class EventTarget {
    #listeners: Listener[] = []; // another array with each change

    static {
        listenersOf = (target, type) => target.#listeners.filter((l) => l.type === type);
        removeListener = (target, listener) => {
            listener.removed = true;
            listener.forget?.();
            target.#listeners = target.#listeners.filter((l) => l !== listener);
        };
    }

    #find(type: unknown, callback: Callback, capture: boolean): Listener | undefined {
        return this.#listeners.find((l) => l.type === type && l.callback === callback && l.capture === capture);
    }

    addEventListener(...args: unknown[]): void {
        if (args.length < 2) throw new TypeError("addEventListener() takes a type and a listener");
        const type = `${args[0] as string}`;
        const callback = requireCallback(args[1]);
        const options = (typeof args[2] === "object" && args[2] !== null ? args[2] : {}) as Record<string, unknown>;
        const capture = isCapture(args[2]);
        const signal = requireSignal(options.signal);
        if (callback === null || signal?.aborted === true || this.#find(type, callback, capture) !== undefined) return;
        const [once, passive] = [Boolean(options.once), Boolean(options.passive)];
        const listener: Listener = { type, callback, capture, once, passive, removed: false, forget: undefined };
        this.#listeners = [...this.#listeners, listener];
        if (signal === undefined) return;
        const remove = () => removeListener(this, listener);
        listener.forget = () => signal.removeEventListener("abort", remove);
        signal.addEventListener("abort", remove);
    }

    removeEventListener(...args: unknown[]): void {
        if (args.length < 2) throw new TypeError("removeEventListener() takes a type and a listener");
        const callback = requireCallback(args[1]);
        const found = callback === null ? undefined : this.#find(`${args[0] as string}`, callback, isCapture(args[2]));
        if (found !== undefined) removeListener(this, found);
    }

    dispatchEvent(event?: unknown): boolean {
        if (!isEvent(event)) throw new TypeError("dispatchEvent() takes an Event");
        return dispatch(event, this, false);
    }
}

// An event of the runtime's own.
export function fire(target: EventTarget, type: string): void {
    dispatch(new Event(type), target, true);
}
