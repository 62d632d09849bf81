// The web's globals of this folder: the small ones at once, the others when they are first read.

import { atob, btoa } from "../base64";
import { Crypto, crypto } from "./crypto";
import { domExceptionClass } from "./dom_exception";
import { defineLazily } from "./load";
import { performance } from "./performance";

declare function require(name: string): unknown;

export const webGlobals: Record<string, unknown> = { atob, btoa, Crypto, crypto, performance };

export function defineLazyGlobals(): void {
    defineLazily(["DOMException"], () => ({ DOMException: domExceptionClass() }));
    defineLazily(["Event", "EventTarget", "CustomEvent", "AbortController", "AbortSignal"], () => ({
        ...(require("./events") as typeof import("./events")),
        ...(require("./abort") as typeof import("./abort")),
    }));
    defineLazily(["Blob", "File"], () => require("./blob") as typeof import("./blob"));
    defineLazily(["FormData"], () => require("./form_data") as typeof import("./form_data"));
    defineLazily(["structuredClone"], () => require("./clone") as typeof import("./clone"));
    defineLazily(["URL", "URLSearchParams"], () => require("./url") as typeof import("./url"));
    defineLazily(["CryptoKey", "SubtleCrypto"], () => require("./subtle") as typeof import("./subtle"));
    defineLazily(["Buffer"], () => require("./buffer") as typeof import("./buffer"));
}
