// From text to the href of a URL.

import { plainReference, plainUrl, withPlain } from "./url_plain";
import type { Part } from "./url_parts";

declare function require(name: string): unknown;

function core(): typeof import("./url_core") {
    return require("./url_core") as typeof import("./url_core");
}

// Throws a TypeError for what is no URL.
export function parse(text: string, base?: string | undefined): string {
    if (base === undefined) return plainUrl(text) ?? core().parse(text, undefined);
    const from = plainUrl(base);
    if (from === undefined) return core().parse(text, core().parse(base, undefined));
    return plainReference(text, from) ?? plainUrl(text) ?? core().parse(text, from);
}

// The href with a part set; as it is if that cannot be.
export function setPart(href: string, name: Part, text: string): string {
    return withPlain(href, name, text) ?? core().set(href, name, text);
}
