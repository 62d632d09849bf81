// What the URL parser leaves as it is, which is what almost all URLs are: seen by patterns that the engine compiles, so none
// with a group that has a count.

import { partOf, withPart, type Part } from "./url_parts";

const BYTE = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const NAME = String.raw`(?![^/?#]*xn--)(?:[a-z0-9_.-]*\.)?[a-z][a-z0-9_-]*`; // its last label is no number
const HOST = String.raw`(?:${NAME}|${BYTE}\.${BYTE}\.${BYTE}\.${BYTE})`;
// That of no scheme.
const PORT = String.raw`(?!(?:80|443)(?!\d))(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])`;
const AUTHORITY = `${HOST}(?::${PORT})?`;
const DOT_SEGMENT = String.raw`(?:[^?#]*/)?(?:\.|%2[eE])(?:\.|%2[eE])?(?:[/?#]|$)`;
const PATH = String.raw`(?!${DOT_SEGMENT})[!$-;=@-[\]_a-z|~]*`;
const QUERY = "[!$-&(-;=?-~]*";
const FRAGMENT = "[!#-;=?-_a-~]*";
const WEB = "^(?:https?|wss?)://";

const AFTER_PATH = String.raw`(?:\?${QUERY})?(?:#${FRAGMENT})?$`;
const WITH_PATH = new RegExp(`${WEB}${AUTHORITY}/${PATH}${AFTER_PATH}`);
const WITHOUT_PATH = new RegExp(`${WEB}${AUTHORITY}${AFTER_PATH}`);

// The href of a URL that is plain.
export function plainUrl(text: string): string | undefined {
    if (WITH_PATH.test(text)) return text;
    return WITHOUT_PATH.test(text) ? withPart(text, "pathname", "/") : undefined;
}

const PATH_REFERENCE = new RegExp(`^/(?!/)${PATH}${AFTER_PATH}`);
const QUERY_REFERENCE = new RegExp(String.raw`^\?${QUERY}(?:#${FRAGMENT})?$`);

// The href that a plain reference comes to from a plain one.
export function plainReference(text: string, base: string): string | undefined {
    if (PATH_REFERENCE.test(text)) return base.slice(0, base.indexOf("/", base.indexOf(":") + 3)) + text;
    if (QUERY_REFERENCE.test(text)) return withPart(withPart(base, "hash", ""), "search", text);
    if (text.startsWith("#") && PLAIN.hash.test(text)) return withPart(base, "hash", text);
    return undefined;
}

const PLAIN = {
    protocol: /^(?:https?|wss?):?$/,
    host: new RegExp(`^${AUTHORITY}$`),
    hostname: new RegExp(`^${HOST}$`),
    port: new RegExp(`^(?:${PORT})?$`),
    pathname: new RegExp(`^/?${PATH}$`),
    search: new RegExp(String.raw`^\??${QUERY}$`),
    hash: new RegExp(`^#?${FRAGMENT}$`),
};
const IS_WEB = new RegExp(WEB);

function after(sign: string, text: string): string {
    return text === "" || text.startsWith(sign) ? text : sign + text;
}

// The href with another part, if that is plain.
export function withPlain(href: string, name: Part, text: string): string | undefined {
    if (name === "username" || name === "password" || !PLAIN[name].test(text)) return undefined;
    if (name === "search") return withPart(href, name, after("?", text));
    if (name === "hash") return withPart(href, name, after("#", text));
    if (!IS_WEB.test(href)) return undefined;
    if (name === "pathname") return withPart(href, name, text.startsWith("/") ? text : `/${text}`);
    if (name === "port") return withPart(href, name, after(":", text));
    if (name === "hostname") return withPart(href, name, text);
    if (name === "host") return withPart(href, text.includes(":") ? "host" : "hostname", text);
    const port = partOf(href, "port");
    if (port === "80" || port === "443") return undefined; // it may be that of the scheme
    return withPart(href, name, text.endsWith(":") ? text : `${text}:`);
}
