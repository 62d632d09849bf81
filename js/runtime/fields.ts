// The header fields of a message, live: what a module changes is what is sent.

import { host, type Side } from "./host";
import { postField } from "./outbox";

function fieldText(value: unknown): string {
    return value === null || value === undefined ? "" : String(value);
}

export class Fields {
    readonly #handle: number;
    readonly #side: Side;

    constructor(handle: number, side: Side) {
        this.#handle = handle;
        this.#side = side;
    }

    get(name: string): string {
        return host.fieldGet(this.#handle, this.#side, String(name)) ?? "";
    }

    has(name: string): boolean {
        return host.fieldGet(this.#handle, this.#side, String(name)) !== undefined;
    }

    values(name: string): string[] {
        return host.fieldValues(this.#handle, this.#side, String(name));
    }

    set(name: string, value: unknown): void {
        const text = fieldText(value);
        if (!postField(this.#handle, this.#side, String(name), text))
            host.fieldSet(this.#handle, this.#side, String(name), text);
    }

    add(name: string, value: unknown): void {
        host.fieldAdd(this.#handle, this.#side, String(name), fieldText(value));
    }

    append(name: string, value: unknown): void {
        this.add(name, value);
    }

    del(name: string): void {
        host.fieldDelete(this.#handle, this.#side, String(name));
    }

    delete(name: string): void {
        this.del(name);
    }

    clone(): Headers {
        return new Headers(this.entries());
    }

    entries(): [name: string, value: string][] {
        return pairs(host.fieldList(this.#handle, this.#side));
    }

    keys(): string[] {
        return [...new Set(this.entries().map((e) => e[0]))];
    }

    forEach(callback: (value: string, name: string, fields: this) => void): void {
        for (const [name, value] of this.entries()) callback(value, name, this);
    }

    [Symbol.iterator](): IterableIterator<[string, string]> {
        return this.entries()[Symbol.iterator]();
    }

    toJSON(): Record<string, string[]> {
        return grouped(this.entries());
    }
}

export function pairs(flat: readonly string[]): [name: string, value: string][] {
    const out: [string, string][] = [];
    for (let i = 0; i + 1 < flat.length; i += 2)
        out.push([(flat[i] as string).toLowerCase(), flat[i + 1] as string]);
    return out;
}

function grouped(entries: readonly [string, string][]): Record<string, string[]> {
    const out: Record<string, string[]> = {};
    for (const [name, value] of entries) (out[name] ??= []).push(value);
    return out;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\u{10ffff}]*$/u;

export type HeadersInit = Headers | Fields | Iterable<readonly [string, string]> | Record<string, unknown>;

// Headers of the Fetch standard, with DGate 1's method names beside the standard ones.
export class Headers {
    #entries: [name: string, value: string][] = [];

    constructor(init?: HeadersInit | null) {
        if (init === undefined || init === null) return;
        const isIterable = typeof (init as Partial<Iterable<unknown>>)[Symbol.iterator] === "function";
        const list = isIterable ? (init as Iterable<readonly [string, string]>) : Object.entries(init);
        for (const pair of list) {
            if (Array.isArray(pair) && pair.length !== 2) throw new TypeError("a header is a pair of name and value");
            const [name, value] = pair;
            if (Array.isArray(value)) value.forEach((v) => this.append(name, v));
            else this.append(name, value);
        }
    }

    static #name(name: unknown): string {
        const text = String(name);
        if (!TOKEN.test(text)) throw new TypeError(`"${text}" is not a header name`);
        return text.toLowerCase();
    }

    static #value(value: unknown): string {
        const text = fieldText(value).trim();
        if (!VALUE.test(text)) throw new TypeError("a header value has control characters");
        return text;
    }

    append(name: string, value: unknown): void {
        this.#entries.push([Headers.#name(name), Headers.#value(value)]);
    }

    add(name: string, value: unknown): void {
        this.append(name, value);
    }

    set(name: string, value: unknown): void {
        const entry: [string, string] = [Headers.#name(name), Headers.#value(value)];
        this.delete(entry[0]);
        this.#entries.push(entry);
    }

    get(name: string): string | null {
        const values = this.#valuesOf(name);
        return values.length === 0 ? null : values.join(", ");
    }

    has(name: string): boolean {
        return this.#valuesOf(name).length > 0;
    }

    delete(name: string): void {
        const key = Headers.#name(name);
        this.#entries = this.#entries.filter((e) => e[0] !== key);
    }

    del(name: string): void {
        this.delete(name);
    }

    // The standard's values() of everything; with a name, DGate 1's list of that name's values.
    values(name?: string): IterableIterator<string> | string[] {
        return name === undefined ? this.#sorted().map((e) => e[1]).values() : this.#valuesOf(name);
    }

    getSetCookie(): string[] {
        return this.#valuesOf("set-cookie");
    }

    clone(): Headers {
        return new Headers(this.#entries);
    }

    entries(): IterableIterator<[string, string]> {
        return this.#sorted().values();
    }

    keys(): IterableIterator<string> {
        return this.#sorted().map((e) => e[0]).values();
    }

    forEach(callback: (value: string, name: string, headers: Headers) => void, self?: unknown): void {
        for (const [name, value] of this.#sorted()) callback.call(self, value, name, this);
    }

    [Symbol.iterator](): IterableIterator<[string, string]> {
        return this.entries();
    }

    toJSON(): Record<string, string[]> {
        return grouped(this.#entries);
    }

    #valuesOf(name: string): string[] {
        const key = Headers.#name(name);
        return this.#entries.filter((e) => e[0] === key).map((e) => e[1]);
    }

    // Combined by name and in its order, as the standard iterates; cookies stay apart.
    #sorted(): [string, string][] {
        const out: [string, string][] = [];
        const seen = new Map<string, [string, string]>();
        for (const [name, value] of this.#entries) {
            const known = name === "set-cookie" ? undefined : seen.get(name);
            if (known !== undefined) known[1] += `, ${value}`;
            else {
                const entry: [string, string] = [name, value];
                seen.set(name, entry);
                out.push(entry);
            }
        }
        return out.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    }
}
