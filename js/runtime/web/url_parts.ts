// The parts of a URL by where they stand in its href, as the URL parser gave it: what ends a part is escaped in those before it.

export type Part = "protocol" | "username" | "password" | "host" | "hostname" | "port" | "pathname" | "search" | "hash";

// Of a URL without a host -1.
function authorityStart(href: string): number {
    const after = href.indexOf(":") + 1;
    return href.startsWith("//", after) ? after + 2 : -1;
}

function searchEnd(href: string): number {
    const hash = href.indexOf("#");
    return hash < 0 ? href.length : hash;
}

function pathEnd(href: string): number {
    const end = searchEnd(href);
    const search = href.indexOf("?");
    return search < 0 || search > end ? end : search;
}

function pathStart(href: string): number {
    const start = authorityStart(href);
    if (start < 0) {
        const after = href.indexOf(":") + 1;
        return href.startsWith("/.//", after) ? after + 2 : after; // the path is "//…", and no host
    }
    const slash = href.indexOf("/", start);
    const end = pathEnd(href);
    return slash < 0 || slash > end ? end : slash;
}

function hostStart(href: string): number {
    const end = pathStart(href);
    const start = authorityStart(href);
    if (start < 0) return end;
    const at = href.indexOf("@", start);
    return at < 0 || at > end ? start : at + 1;
}

// The end of the name, where the colon before a port is.
function nameEnd(href: string): number {
    const end = pathStart(href);
    const colon = href.lastIndexOf(":", end - 1);
    return colon >= hostStart(href) && colon > href.lastIndexOf("]", end - 1) ? colon : end;
}

function userinfo(href: string): string {
    const start = authorityStart(href);
    const end = hostStart(href) - 1;
    return start < 0 || end < start ? "" : href.slice(start, end);
}

// "" for a sign that nothing follows.
function unlessAlone(text: string): string {
    return text.length === 1 ? "" : text;
}

export function partOf(href: string, name: Part): string {
    switch (name) {
        case "protocol":
            return href.slice(0, href.indexOf(":") + 1);
        case "username":
            return userinfo(href).replace(/:.*/, "");
        case "password":
            return userinfo(href).replace(/^[^:]*:?/, "");
        case "host":
            return href.slice(hostStart(href), pathStart(href));
        case "hostname":
            return href.slice(hostStart(href), nameEnd(href));
        case "port":
            return href.slice(nameEnd(href) + 1, pathStart(href));
        case "pathname":
            return href.slice(pathStart(href), pathEnd(href));
        case "search":
            return unlessAlone(href.slice(pathEnd(href), searchEnd(href)));
        case "hash":
            return unlessAlone(href.slice(searchEnd(href)));
    }
}

// Another text in the place of a part, with the sign before it. Not for user names and passwords.
export function withPart(href: string, name: Exclude<Part, "username" | "password">, text: string): string {
    switch (name) {
        case "protocol":
            return text + href.slice(href.indexOf(":") + 1);
        case "host":
            return href.slice(0, hostStart(href)) + text + href.slice(pathStart(href));
        case "hostname":
            return href.slice(0, hostStart(href)) + text + href.slice(nameEnd(href));
        case "port":
            return href.slice(0, nameEnd(href)) + text + href.slice(pathStart(href));
        case "pathname":
            return href.slice(0, pathStart(href)) + text + href.slice(pathEnd(href));
        case "search":
            return href.slice(0, pathEnd(href)) + text + href.slice(searchEnd(href));
        case "hash":
            return href.slice(0, searchEnd(href)) + text;
    }
}
