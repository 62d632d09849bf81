// URL and URLSearchParams: core-js's, with what it leaves out: hosts are mapped and checked more closely (UTS #46), a
// setter that fails changes nothing, and parameters have no lone surrogates.

import { toASCII, toUnicode } from "punycode/";
import { polyfill, without } from "./load";

declare function require(name: string): unknown;

interface Url {
    readonly protocol: string;
    href: string;
    host: string;
    hostname: string;
}

type UrlClass = new (...args: unknown[]) => Url;
type ParamsClass = (new (...args: unknown[]) => Iterable<[string, string]>) & { prototype: object };

// It would put its own around what takes URLSearchParams as a body; ours know them.
const found = without(["fetch", "Headers", "Request"], () =>
    polyfill(["URL", "URLSearchParams"], () => {
        require("core-js/web/url");
        require("core-js/web/url-search-params");
    }),
);
const CoreUrl = found.URL as UrlClass;
const CoreParams = found.URLSearchParams as ParamsClass;

// A class with the same prototype: what the other makes is of this one, too.
function wrapped<T extends abstract new (...args: unknown[]) => object>(
    core: T,
    construct: (args: unknown[], newTarget: NewableFunction) => object,
): T {
    const made = new Proxy(core, { construct: (_core, args, newTarget) => construct(args as unknown[], newTarget) });
    Object.defineProperty(core.prototype, "constructor", { value: made });
    return made;
}

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

const hostname = accessor("hostname");
const href = accessor("href");

function accessor(name: keyof Url): { get(): string; set(value: unknown): void } {
    return Object.getOwnPropertyDescriptor(CoreUrl.prototype, name) as never;
}

function mapHostOf(url: Url): void {
    const host = hostname.get.call(url);
    if (!host.includes("xn--") || !/^(?:https?|wss?|ftp|file):$/.test(url.protocol)) return;
    const mapped = mapHost(host);
    if (mapped !== host) hostname.set.call(url, mapped);
}

function parse(args: unknown[], newTarget: NewableFunction): Url {
    const url = Reflect.construct(CoreUrl, args, newTarget) as Url;
    try {
        mapHostOf(url);
    } catch {
        throw new TypeError("Invalid host");
    }
    return url;
}

export const URL = wrapped(CoreUrl, parse);

function redefine(name: keyof Url, set: (this: Url, value: unknown) => void): void {
    Object.defineProperty(CoreUrl.prototype, name, { set });
}

redefine("href", function (value) {
    href.set.call(this, parse([value], URL).href);
});

for (const name of ["host", "hostname"] as const) {
    const { set } = accessor(name);
    redefine(name, function (value) {
        const before = this.href;
        set.call(this, value);
        try {
            mapHostOf(this);
        } catch {
            href.set.call(this, before);
        }
    });
}

// Calls another function in the place of one of core-js's.
function replace(of: object, name: string, call: (core: NewableFunction, self: unknown, args: unknown[]) => unknown): void {
    const core = (of as Record<string, NewableFunction>)[name] as NewableFunction;
    Object.defineProperty(of, name, { value: new Proxy(core, { apply: call }) });
}

const coreParse = (CoreUrl as unknown as { parse: NewableFunction }).parse;

function tryParse(self: unknown, args: unknown[]): Url | null {
    const url = Reflect.apply(coreParse, self, args) as Url | null;
    try {
        if (url !== null) mapHostOf(url);
        return url;
    } catch {
        return null;
    }
}

replace(CoreUrl, "parse", (_core, self, args) => tryParse(self, args));
replace(CoreUrl, "canParse", (_core, self, args) => tryParse(self, args) !== null);

function wellFormed(value: unknown): unknown {
    return typeof value === "string" ? value.toWellFormed() : value;
}

export const URLSearchParams = wrapped(CoreParams, (args, newTarget) => {
    const params = Reflect.construct(CoreParams, args.map(wellFormed), newTarget) as Iterable<[string, string]>;
    if (typeof args[0] !== "object") return params;
    // Written out they have U+FFFD.
    for (const [name, value] of params)
        if (!name.isWellFormed() || !value.isWellFormed()) return Reflect.construct(CoreParams, [String(params)], newTarget) as object;
    return params;
});

for (const name of ["append", "delete", "get", "getAll", "has", "set"])
    replace(CoreParams.prototype, name, (core, self, args) => Reflect.apply(core, self, args.map(wellFormed)));
