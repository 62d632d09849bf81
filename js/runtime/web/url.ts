// URL of the URL standard.

import { bind, queryOf, refill, URLSearchParams } from "./search_params";
import { parse, setPart } from "./url_parse";
import { partOf, withPart, type Part } from "./url_parts";

export { URLSearchParams };

function textOf(value: unknown): string {
    return `${value as string}`;
}

function baseOf(value: unknown): string | undefined {
    return value === undefined ? undefined : textOf(value);
}

function attempt<T>(make: () => T): T | undefined {
    try {
        return make();
    } catch {
        return undefined;
    }
}

function originOf(href: string): string {
    const protocol = partOf(href, "protocol");
    if (/^(?:https?|wss?|ftp):$/.test(protocol)) return `${protocol}//${partOf(href, "host")}`;
    const inner = protocol === "blob:" ? attempt(() => parse(partOf(href, "pathname"))) : undefined;
    return inner !== undefined && /^https?:/.test(inner) ? originOf(inner) : "null";
}

function requireUrl(given: number, what: string): void {
    if (given === 0) throw new TypeError(`${what}() takes a URL`);
}

export class URL {
    #text: string; // its href, but for what was done to #params since
    #params: URLSearchParams | undefined; // when it was asked for
    #isStale = false;

    constructor(url: unknown, base: unknown = undefined) {
        requireUrl(arguments.length, "URL");
        this.#text = parse(textOf(url), baseOf(base));
    }

    get #href(): string {
        if (this.#isStale && this.#params !== undefined) {
            const query = queryOf(this.#params);
            this.#href = withPart(this.#text, "search", query === "" ? "" : `?${query}`);
        }
        return this.#text;
    }

    set #href(href: string) {
        this.#text = href;
        this.#isStale = false;
    }

    static parse(url: unknown, base: unknown = undefined): URL | null {
        requireUrl(arguments.length, "parse");
        const [text, from] = [textOf(url), baseOf(base)];
        return attempt(() => new URL(text, from)) ?? null;
    }

    static canParse(url: unknown, base: unknown = undefined): boolean {
        requireUrl(arguments.length, "canParse");
        const [text, from] = [textOf(url), baseOf(base)];
        return attempt(() => parse(text, from)) !== undefined;
    }

    #set(name: Part, value: unknown): void {
        this.#href = setPart(this.#href, name, textOf(value));
    }

    #refill(): void {
        if (this.#params !== undefined) refill(this.#params, partOf(this.#href, "search"));
    }

    get href(): string {
        return this.#href;
    }

    set href(value: unknown) {
        this.#href = parse(textOf(value));
        this.#refill();
    }

    get origin(): string {
        return originOf(this.#href);
    }

    get protocol(): string {
        return partOf(this.#href, "protocol");
    }

    set protocol(value: unknown) {
        this.#set("protocol", value);
    }

    get username(): string {
        return partOf(this.#href, "username");
    }

    set username(value: unknown) {
        this.#set("username", value);
    }

    get password(): string {
        return partOf(this.#href, "password");
    }

    set password(value: unknown) {
        this.#set("password", value);
    }

    get host(): string {
        return partOf(this.#href, "host");
    }

    set host(value: unknown) {
        this.#set("host", value);
    }

    get hostname(): string {
        return partOf(this.#href, "hostname");
    }

    set hostname(value: unknown) {
        this.#set("hostname", value);
    }

    get port(): string {
        return partOf(this.#href, "port");
    }

    set port(value: unknown) {
        this.#set("port", value);
    }

    get pathname(): string {
        return partOf(this.#href, "pathname");
    }

    set pathname(value: unknown) {
        this.#set("pathname", value);
    }

    get search(): string {
        return partOf(this.#href, "search");
    }

    set search(value: unknown) {
        this.#set("search", value);
        this.#refill();
    }

    get searchParams(): URLSearchParams {
        if (this.#params === undefined) {
            this.#params = new URLSearchParams(partOf(this.#href, "search"));
            bind(this.#params, () => {
                this.#isStale = true;
            });
        }
        return this.#params;
    }

    get hash(): string {
        return partOf(this.#href, "hash");
    }

    set hash(value: unknown) {
        this.#set("hash", value);
    }

    toString(): string {
        return this.#href;
    }

    toJSON(): string {
        return this.#href;
    }
}
