// The URL that fetch() is given, as `URL` reads it: who looks at new URL(x).hostname and then fetches x means one host.
// `URL` costs, so a text that it would leave as it is does not go through it. Groups with a count are none that the engine
// compiles.

const NAME = String.raw`(?![^/?]*xn--)(?:[a-z0-9_-]+\.)*[a-z][a-z0-9_-]*`; // its last label is no number
const BYTE = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const REST = String.raw`[/?][!$%&()*+,\-./0-9:;=?@A-Z[\]_a-z|~]*`;
const PLAIN = new RegExp(String.raw`^https?://(?:${NAME}|${BYTE}\.${BYTE}\.${BYTE}\.${BYTE})(?::[1-9]\d{0,4})?(?:${REST})?$`);
const DOT_SEGMENT = /\/(?:\.|%2e)(?:\.|%2e)?(?:[/?]|$)/i;

const scope = globalThis as unknown as { URL: new (url: string) => { href: string; username: string; password: string } };

export function parseUrl(text: string): string {
    let url;
    try {
        url = new scope.URL(text);
    } catch {
        throw new TypeError(`"${text}" is not an absolute URL`);
    }
    if (url.username !== "" || url.password !== "") throw new TypeError("a URL with a user name or password is not allowed");
    return url.href;
}

let plain = ""; // the last one that was

export function fetchUrl(text: string): string {
    if (text === plain) return text;
    if (PLAIN.test(text) && !DOT_SEGMENT.test(text)) return (plain = text);
    const url = parseUrl(text);
    if (!/^https?:/.test(url)) throw new TypeError(`"${url}" is not an http or https URL`);
    return url;
}
