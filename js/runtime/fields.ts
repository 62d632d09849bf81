// The header fields of a message, live: what a module changes is what is sent. Each byte of a value is the character of
// that number; a value with characters above U+00FF goes as UTF-8.

import { requireArguments } from "./arguments";
import { host, type Side } from "./host";
import { postField } from "./outbox";

function fieldText(value: unknown): string {
    return value === null || value === undefined ? "" : String(value);
}

function isSpace(c: number): boolean {
    return c === 32 || c === 9 || c === 10 || c === 13;
}

// Not trim(): characters are bytes, and 0xA0 may be one of a letter.
export function trimField(text: string): string {
    let from = 0;
    let to = text.length;
    while (from < to && isSpace(text.charCodeAt(from))) from++;
    while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
    return text.slice(from, to);
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
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

// As a string; of a Symbol a TypeError.
const stringOf = (value: unknown): string => `${value as string}`;

function pairOf(pair: unknown): [name: string, value: unknown] {
    if (pair === null || typeof pair !== "object") throw new TypeError("a header is a pair of name and value");
    const list = Array.isArray(pair) ? pair : Array.from(pair as Iterable<unknown>);
    if (list.length !== 2) throw new TypeError("a header is a pair of name and value");
    return list as [string, unknown];
}

// A header that the runtime makes, unless there is one of that name (in lower case); for the runtime only.
export let addMissing: (headers: Headers, name: string, value: string) => void;

export type HeadersInit = Headers | Fields | Iterable<readonly [string, string]> | Record<string, unknown>;

// Headers of the Fetch standard, with DGate 1's method names beside the standard ones.
export class Headers {
    #entries: [name: string, value: string][] = [];
    #sorted: [name: string, value: string][] | undefined; // while nothing changes

    constructor(init?: HeadersInit) {
        if (init === undefined) return;
        if (init === null || (typeof init !== "object" && typeof init !== "function"))
            throw new TypeError("Headers are made of pairs or an object");
        const isIterable = typeof (init as Partial<Iterable<unknown>>)[Symbol.iterator] === "function";
        for (const pair of isIterable ? (init as Iterable<unknown>) : Object.entries(init)) {
            const [name, value] = pairOf(pair);
            if (Array.isArray(value)) value.forEach((v) => this.append(name, v));
            else this.append(name, value);
        }
    }

    static {
        addMissing = (headers, name, value) => {
            if (headers.#find(name) < 0) headers.#add([name, value]);
        };
    }

    static #name(name: unknown): string {
        const text = stringOf(name);
        if (!TOKEN.test(text)) throw new TypeError(`"${text}" is not a header name`);
        return text.toLowerCase();
    }

    static #value(value: unknown): string {
        const text = trimField(stringOf(value));
        if (VALUE.test(text)) return text;
        const what = /[^\0-\xff]/.test(text) ? "characters above U+00FF" : "control characters";
        throw new TypeError(`a header value has ${what}`);
    }

    append(name: string, value: unknown): void {
        requireArguments(arguments.length, 2, "append");
        this.#add([Headers.#name(name), Headers.#value(value)]);
    }

    #add(entry: [name: string, value: string]): void {
        this.#entries.push(entry);
        this.#sorted = undefined;
    }

    // The first of that name, or -1.
    #find(key: string): number {
        return this.#entries.findIndex((e) => e[0] === key);
    }

    #remove(key: string): void {
        if (this.#find(key) < 0) return;
        this.#entries = this.#entries.filter((e) => e[0] !== key);
        this.#sorted = undefined;
    }

    add(name: string, value: unknown): void {
        this.append(name, value);
    }

    set(name: string, value: unknown): void {
        requireArguments(arguments.length, 2, "set");
        const entry: [string, string] = [Headers.#name(name), Headers.#value(value)];
        this.#remove(entry[0]);
        this.#add(entry);
    }

    get(name: string): string | null {
        requireArguments(arguments.length, 1, "get");
        const values = this.#valuesOf(name);
        return values.length === 0 ? null : values.join(", ");
    }

    has(name: string): boolean {
        requireArguments(arguments.length, 1, "has");
        return this.#find(Headers.#name(name)) >= 0;
    }

    delete(name: string): void {
        requireArguments(arguments.length, 1, "delete");
        this.#remove(Headers.#name(name));
    }

    del(name: string): void {
        this.delete(name);
    }

    // The standard's values() of everything; with a name, DGate 1's list of that name's values.
    values(name?: string): IterableIterator<string> | string[] {
        return name === undefined ? this.#each((e) => e[1]) : this.#valuesOf(name);
    }

    getSetCookie(): string[] {
        return this.#valuesOf("set-cookie");
    }

    clone(): Headers {
        return new Headers(this.#entries);
    }

    entries(): IterableIterator<[string, string]> {
        return this.#each((e) => [...e]);
    }

    keys(): IterableIterator<string> {
        return this.#each((e) => e[0]);
    }

    forEach(callback: (value: string, name: string, headers: Headers) => void, self?: unknown): void {
        if (typeof callback !== "function") throw new TypeError("forEach() takes a function");
        for (let i = 0, entry = this.#at(0); entry !== undefined; entry = this.#at(++i))
            callback.call(self, entry[1], entry[0], this);
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

    // What changes during an iteration is seen by it.
    #at(i: number): [name: string, value: string] | undefined {
        return (this.#sorted ??= this.#combined())[i];
    }

    *#each<T>(convert: (entry: [name: string, value: string]) => T): IterableIterator<T> {
        for (let i = 0, entry = this.#at(0); entry !== undefined; entry = this.#at(++i)) yield convert(entry);
    }

    // Combined by name and in its order, as the standard iterates; cookies stay apart.
    #combined(): [string, string][] {
        if (this.#entries.length < 2) return this.#entries;
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
