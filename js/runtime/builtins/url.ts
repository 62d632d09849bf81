// domainToASCII() and domainToUnicode() of "url".

import { toUnicode } from "punycode/";
import { parse } from "../web/url_parse";
import { partOf } from "../web/url_parts";

// Reading the global makes its class, if it is not there yet.
void (globalThis as unknown as { URL: unknown }).URL;

// "" for what is not a host.
export function domainToASCII(domain?: unknown): string {
    const text = String(domain);
    // No URL, and no label that says it is encoded and is not.
    if (text === "" || /[/\\?#@:\s]|xn--[^.]*[^\x00-\x7f]/i.test(text)) return "";
    try {
        return partOf(parse(`http://${text}`), "hostname");
    } catch {
        return "";
    }
}

export function domainToUnicode(domain?: unknown): string {
    return toUnicode(domainToASCII(domain));
}
