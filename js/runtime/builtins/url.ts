// domainToASCII() and domainToUnicode() of "url".

import { toUnicode } from "punycode/";

declare function require(name: string): unknown;

const { URL } = require("../web/url") as { URL: new (url: string) => { hostname: string } };

// "" for what is not a host.
export function domainToASCII(domain?: unknown): string {
    const text = String(domain);
    // No URL, and no label that says it is encoded and is not.
    if (text === "" || /[/\\?#@:\s]|xn--[^.]*[^\x00-\x7f]/i.test(text)) return "";
    try {
        return new URL(`http://${text}`).hostname;
    } catch {
        return "";
    }
}

export function domainToUnicode(domain?: unknown): string {
    return toUnicode(domainToASCII(domain));
}
