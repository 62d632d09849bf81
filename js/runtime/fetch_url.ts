// The URL that fetch() is given, as `URL` reads it: who looks at new URL(x).hostname and then fetches x means one host.

import { parse } from "./web/url_parse";
import { partOf } from "./web/url_parts";

export function parseUrl(text: string): string {
    let url;
    try {
        url = parse(text);
    } catch {
        throw new TypeError(`"${text}" is not an absolute URL`);
    }
    if (url.includes("@") && partOf(url, "username") + partOf(url, "password") !== "")
        throw new TypeError("a URL with a user name or password is not allowed");
    return url;
}

let last = "";

export function fetchUrl(text: string): string {
    if (text === last) return text;
    const url = parseUrl(text);
    if (!/^https?:/.test(url)) throw new TypeError(`"${url}" is not an http or https URL`);
    return (last = url);
}
