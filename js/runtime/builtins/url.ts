// domainToASCII() and domainToUnicode() of "url".

import { toUnicode } from "punycode/";

const WebURL = (globalThis as unknown as { URL: new (url: string) => { hostname: string } }).URL;

// "" for what is not a host.
export function domainToASCII(domain?: unknown): string {
    const text = String(domain);
    if (text === "" || /[/\\?#@:\s]/.test(text)) return "";
    try {
        return new WebURL(`http://${text}`).hostname;
    } catch {
        return "";
    }
}

export function domainToUnicode(domain?: unknown): string {
    return toUnicode(domainToASCII(domain));
}
