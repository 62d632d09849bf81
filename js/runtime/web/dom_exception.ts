// DOMException: core-js's, loaded when the first one is made.

import { polyfill } from "./load";

declare function require(name: string): unknown;

export type DOMExceptionClass = new (message?: string, name?: string) => Error & { readonly code: number };

let made: DOMExceptionClass | undefined;

export function domExceptionClass(): DOMExceptionClass {
    made ??= polyfill(["DOMException"], () => require("core-js/web/dom-exception")).DOMException as DOMExceptionClass;
    return made;
}

export function domException(name: string, message: string): Error {
    return new (domExceptionClass())(message, name);
}
