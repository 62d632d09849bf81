// The URLs that are not plain: core-js's parser with what it leaves out. Hosts are mapped and checked more closely (UTS #46), and
// a part that cannot be set changes nothing.

import { toASCII, toUnicode } from "punycode/";
import { polyfill, without } from "./load";
import type { Part } from "./url_parts";

declare function require(name: string): unknown;

type CoreUrl = Record<Part | "href", string>;

// It would put its own around what takes URLSearchParams as a body.
const found = without(["fetch", "Headers", "Request"], () =>
    polyfill(["URL", "URLSearchParams"], () => {
        require("core-js/web/url");
    }),
);
const CoreUrl = found.URL as new (url: string, base?: string) => CoreUrl;

// What core-js's tables do not have: labels that begin with a combining mark or are punycode twice, characters that are not assigned or only
// format, joiners in a place where they join nothing.
const NO_LABEL = /(?:^|\.)(?:\p{M}|xn--)|\p{Cn}|[^\P{Cf}\u200c\u200d]/u;
const NO_JOINER = /(?:^|[^\p{M}])\u200d|(?:^|[^\p{M}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}])\u200c/u;
// What no domain has, so that none is made by mapping either.
const FORBIDDEN = /[\0- "#%/:<>?@[\\\]^`{|}\x7f]/;

function dots(text: string): number {
    return text.split(".").length;
}

// A host with labels in punycode, mapped once more; throws for one that is none.
function mapHost(host: string): string {
    const text = toUnicode(host);
    const mapped = text.normalize("NFKC").toLowerCase().normalize("NFKC");
    const isWrong = NO_LABEL.test(mapped) || NO_JOINER.test(mapped) || FORBIDDEN.test(mapped);
    if (isWrong || toASCII(text) !== host || dots(mapped) !== dots(text)) throw new TypeError("Invalid host");
    return new CoreUrl(`http://${mapped}`).hostname;
}

function mapHostOf(url: CoreUrl): void {
    const host = url.hostname;
    if (!host.includes("xn--") || !/^(?:https?|wss?|ftp|file):$/.test(url.protocol)) return;
    const mapped = mapHost(host);
    if (mapped !== host) url.hostname = mapped;
}

// Throws a TypeError for what is no URL. base is the href of one.
export function parse(text: string, base: string | undefined): string {
    const url = base === undefined ? new CoreUrl(text) : new CoreUrl(text, base);
    try {
        mapHostOf(url);
    } catch {
        throw new TypeError("Invalid host");
    }
    return url.href;
}

// A path and no host before it, as in web+x:/p: it does not become empty.
const IS_PATH_ONLY = /^[^:]*:\/(?!\/)/;

export function set(href: string, name: Part, text: string): string {
    const url = new CoreUrl(href);
    url[name] = name === "pathname" && text === "" && IS_PATH_ONLY.test(href) ? "/" : text;
    try {
        mapHostOf(url);
    } catch {
        return href;
    }
    return url.href;
}
