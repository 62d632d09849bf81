// What is used of the package, whose own types its "exports" hide.
declare module "event-target-shim" {
    export class Event {
        constructor(type: string, init?: { bubbles?: boolean; cancelable?: boolean; composed?: boolean });
        readonly type: string;
        readonly defaultPrevented: boolean;
    }
    export class EventTarget {
        addEventListener(type: string, callback: unknown, options?: unknown): void;
        removeEventListener(type: string, callback: unknown, options?: unknown): void;
        dispatchEvent(event: Event): boolean;
    }
    export function getEventAttributeValue(target: EventTarget, type: string): unknown;
    export function setEventAttributeValue(target: EventTarget, type: string, callback: unknown): void;
    export function setErrorHandler(handler: (error: Error) => void): void;
    export function setWarningHandler(handler: () => void): void;
}
