// Event and EventTarget: event-target-shim's, with errors of listeners in the log.

import { Event, EventTarget, setErrorHandler, setWarningHandler } from "event-target-shim";
import { logLine } from "../console";
import { describe } from "../errors";
import { Level } from "../host";

setErrorHandler((error) => logLine(Level.Error, "", `in an event listener: ${describe(error)}`));
setWarningHandler(() => undefined);

export class CustomEvent extends Event {
    readonly #detail: unknown;

    constructor(type: string, init?: { detail?: unknown; bubbles?: boolean; cancelable?: boolean; composed?: boolean }) {
        super(type, init);
        this.#detail = init?.detail ?? null;
    }

    get detail(): unknown {
        return this.#detail;
    }
}

export { Event, EventTarget };
