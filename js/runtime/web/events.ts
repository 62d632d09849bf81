// Event and EventTarget: event-target-shim's, with errors of listeners in the log.

import { Event as ShimEvent, EventTarget, setErrorHandler, setWarningHandler } from "event-target-shim";
import { logLine } from "../console";
import { describe } from "../errors";
import { Level } from "../host";

setErrorHandler((error) => logLine(Level.Error, "", `in an event listener: ${describe(error)}`));
setWarningHandler(() => undefined);

type Init = { bubbles?: boolean; cancelable?: boolean; composed?: boolean };

export class Event extends ShimEvent {
    constructor(...args: [type?: string, init?: Init]) {
        if (args.length === 0) throw new TypeError("an event has a type");
        super(String(args[0]), args[1]);
    }
}

export class CustomEvent extends Event {
    readonly #detail: unknown;

    constructor(type: string, init?: Init & { detail?: unknown }) {
        super(type, init);
        this.#detail = init?.detail ?? null;
    }

    get detail(): unknown {
        return this.#detail;
    }
}

export { EventTarget };
