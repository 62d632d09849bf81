// Cookies (RFC 6265): those of a request, and Set-Cookie lines in both directions.

import { trimField } from "./fields";

export interface CookieOptions {
    domain?: string;
    expires?: Date | string;
    httpOnly?: boolean;
    maxAge?: number;
    path?: string;
    secure?: boolean;
    sameSite?: string;
}

export interface Cookie {
    name: string;
    value: string;
    path: string;
    domain: string;
    expires: Date | null;
    rawExpires: string;
    maxAge: number;
    secure: boolean;
    httpOnly: boolean;
    sameSite: string;
    raw: string;
    unparsed: string[];
}

function makeCookie(name: string, value: string, raw: string): Cookie {
    return {
        name,
        value,
        path: "",
        domain: "",
        expires: null,
        rawExpires: "",
        maxAge: 0,
        secure: false,
        httpOnly: false,
        sameSite: "",
        raw,
        unparsed: [],
    };
}

function unquote(value: string): string {
    return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

function splitPair(text: string): [string, string] {
    const equals = text.indexOf("=");
    if (equals < 0) return [trimField(text), ""];
    return [trimField(text.slice(0, equals)), unquote(trimField(text.slice(equals + 1)))];
}

export function parseCookies(headers: readonly string[]): Cookie[] {
    const out: Cookie[] = [];
    for (const part of headers.join(";").split(";")) {
        const [name, value] = splitPair(part);
        if (name !== "") out.push(makeCookie(name, value, ""));
    }
    return out;
}

export function parseSetCookie(line: string): Cookie {
    const [first = "", ...attributes] = line.split(";");
    const cookie = makeCookie(...splitPair(first), line);
    for (const attribute of attributes) {
        const [name, value] = splitPair(attribute);
        const key = name.toLowerCase();
        if (key === "path") cookie.path = value;
        else if (key === "domain") cookie.domain = value;
        else if (key === "max-age") cookie.maxAge = Number(value) || 0;
        else if (key === "secure") cookie.secure = true;
        else if (key === "httponly") cookie.httpOnly = true;
        else if (key === "samesite") cookie.sameSite = value.toLowerCase();
        else if (key === "expires") {
            cookie.rawExpires = value;
            const time = Date.parse(value);
            cookie.expires = Number.isNaN(time) ? null : new Date(time);
        } else if (name !== "") cookie.unparsed.push(trimField(attribute));
    }
    return cookie;
}

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const SAME_SITE: Record<string, string> = { lax: "Lax", strict: "Strict", none: "None" };

function attribute(name: string, value: string): string {
    if (/[;\x00-\x1f\x7f]/.test(value)) throw new TypeError(`the cookie's ${name} has characters it may not have`);
    return `; ${name}=${value}`;
}

export function formatCookie(name: string, value: string, options: CookieOptions): string {
    if (!NAME.test(name)) throw new TypeError(`"${name}" is not a cookie name`);
    if (/[;"\\\x00-\x1f\x7f]/.test(value)) throw new TypeError("the cookie's value has characters it may not have");
    let line = `${name}=${/[ ,]/.test(value) ? `"${value}"` : value}`;
    if (options.path) line += attribute("Path", options.path);
    if (options.domain) line += attribute("Domain", options.domain);
    if (options.expires !== undefined) {
        const time = new Date(options.expires);
        if (Number.isNaN(time.getTime())) throw new TypeError("the cookie's expires is not a date");
        line += attribute("Expires", time.toUTCString());
    }
    if (options.maxAge !== undefined) line += attribute("Max-Age", String(Math.trunc(Number(options.maxAge)) || 0));
    if (options.httpOnly) line += "; HttpOnly";
    if (options.secure) line += "; Secure";
    const sameSite = SAME_SITE[String(options.sameSite ?? "").toLowerCase()];
    if (sameSite !== undefined) line += `; SameSite=${sameSite}`;
    return line;
}
