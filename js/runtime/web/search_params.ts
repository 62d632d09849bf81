// URLSearchParams of the URL standard.

import { requireArguments } from "../arguments";
import { viewOf } from "../bytes";
import { host } from "../host";
import { parseQuery } from "../query";

function textOf(value: unknown): string {
    return (`${value as string}` as string & { toWellFormed(): string }).toWellFormed();
}

function hexDigit(c: number | undefined): number {
    if (c === undefined) return NaN;
    if (c >= 0x30 && c <= 0x39) return c - 0x30;
    const letter = c | 0x20;
    return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : NaN;
}

const PERCENT = 0x25;

// What is wrong in it stays, or becomes U+FFFD.
function decodeAny(text: string): string {
    const bytes = viewOf(text);
    let length = 0;
    for (let i = 0; i < bytes.length; i++) {
        const octet = hexDigit(bytes[i + 1]) * 16 + hexDigit(bytes[i + 2]);
        const isEscape = bytes[i] === PERCENT && octet >= 0;
        bytes[length++] = isEscape ? octet : (bytes[i] as number);
        if (isEscape) i += 2;
    }
    return host.decode(bytes.subarray(0, length), false) as string;
}

const UNCHANGED = /^[\w*.-]*$/;
const ESCAPES: Record<string, string> = { "%20": "+", "!": "%21", "'": "%27", "(": "%28", ")": "%29", "~": "%7E" };

function encode(text: string): string {
    if (UNCHANGED.test(text)) return text;
    return encodeURIComponent(text).replace(/%20|[!'()~]/g, (found) => ESCAPES[found] as string);
}

// Names and values by turns.
type List = string[];

function parse(text: string): List {
    const list: List = [];
    parseQuery(text, (name, value) => list.push(name, value), decodeAny);
    return list;
}

function serialize(list: List): string {
    let out = "";
    for (let i = 0; i < list.length; i += 2)
        out += `${i === 0 ? "" : "&"}${encode(list[i] as string)}=${encode(list[i + 1] as string)}`;
    return out;
}

function isObject(value: unknown): value is object {
    return (typeof value === "object" && value !== null) || typeof value === "function";
}

function hasIterator(value: object): value is Iterable<unknown> {
    const method = (value as Partial<Iterable<unknown>>)[Symbol.iterator];
    return method !== undefined && method !== null;
}

function ofPairs(pairs: Iterable<unknown>): List {
    const list: List = [];
    for (const pair of pairs) {
        if (!isObject(pair) || !hasIterator(pair)) throw new TypeError("a parameter is a pair of name and value");
        const texts = Array.from(pair, textOf);
        if (texts.length !== 2) throw new TypeError("a parameter is a pair of name and value");
        list.push(...texts);
    }
    return list;
}

function ofRecord(record: object): List {
    const values = new Map<string, string>();
    for (const key of Reflect.ownKeys(record))
        if (Object.getOwnPropertyDescriptor(record, key)?.enumerable === true)
            values.set(textOf(key), textOf((record as Record<PropertyKey, unknown>)[key]));
    return [...values].flat();
}

function listOf(init: unknown): List {
    if (isObject(init)) return hasIterator(init) ? ofPairs(init) : ofRecord(init);
    const text = textOf(init);
    return parse(text.startsWith("?") ? text.slice(1) : text);
}

// For URL: what is told of each change, the query that they make, and the query that is now that of the URL.
export let bind: (params: URLSearchParams, changed: () => void) => void;
export let queryOf: (params: URLSearchParams) => string;
export let refill: (params: URLSearchParams, search: string) => void;

let pairAt: (params: URLSearchParams, i: number) => [name: string, value: string] | undefined;

export class URLSearchParams {
    #list: List;
    #changed: (() => void) | undefined;

    constructor(init: unknown = "") {
        this.#list = listOf(init);
    }

    static {
        bind = (params, changed) => {
            params.#changed = changed;
        };
        queryOf = (params) => serialize(params.#list);
        refill = (params, search) => {
            params.#list = listOf(search);
        };
        pairAt = (params, i) => {
            const list = params.#list;
            return 2 * i < list.length ? [list[2 * i] as string, list[2 * i + 1] as string] : undefined;
        };
    }

    #isAt(i: number, name: string, value: string | undefined): boolean {
        const list = this.#list;
        return list[i] === name && (value === undefined || list[i + 1] === value);
    }

    // The first, or -1.
    #find(name: string, value: string | undefined): number {
        const { length } = this.#list;
        for (let i = 0; i < length; i += 2) if (this.#isAt(i, name, value)) return i;
        return -1;
    }

    #remove(name: string, value: string | undefined, from: number): void {
        const list = this.#list;
        let to = from;
        for (let i = from; i < list.length; i += 2) {
            if (this.#isAt(i, name, value)) continue;
            list[to++] = list[i] as string;
            list[to++] = list[i + 1] as string;
        }
        list.length = to;
    }

    get size(): number {
        return this.#list.length / 2;
    }

    append(name: unknown, value: unknown): void {
        requireArguments(arguments.length, 2, "append");
        const [key, text] = [textOf(name), textOf(value)];
        this.#list.push(key, text);
        this.#changed?.();
    }

    delete(name: unknown, value: unknown = undefined): void {
        requireArguments(arguments.length, 1, "delete");
        this.#remove(textOf(name), value === undefined ? undefined : textOf(value), 0);
        this.#changed?.();
    }

    get(name: unknown): string | null {
        requireArguments(arguments.length, 1, "get");
        const at = this.#find(textOf(name), undefined);
        return at < 0 ? null : (this.#list[at + 1] as string);
    }

    getAll(name: unknown): string[] {
        requireArguments(arguments.length, 1, "getAll");
        const wanted = textOf(name);
        const list = this.#list;
        return list.filter((_, i) => i % 2 === 1 && list[i - 1] === wanted);
    }

    has(name: unknown, value: unknown = undefined): boolean {
        requireArguments(arguments.length, 1, "has");
        return this.#find(textOf(name), value === undefined ? undefined : textOf(value)) >= 0;
    }

    set(name: unknown, value: unknown): void {
        requireArguments(arguments.length, 2, "set");
        const [key, text] = [textOf(name), textOf(value)];
        const at = this.#find(key, undefined);
        if (at < 0) this.#list.push(key, text);
        else {
            this.#list[at + 1] = text;
            this.#remove(key, undefined, at + 2);
        }
        this.#changed?.();
    }

    // By UTF-16 units of the names; those of a name stay in their order.
    sort(): void {
        const pairs: [string, string][] = [];
        for (let i = 0, pair = pairAt(this, 0); pair !== undefined; pair = pairAt(this, ++i)) pairs.push(pair);
        pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
        this.#list = pairs.flat();
        this.#changed?.();
    }

    toString(): string {
        return serialize(this.#list);
    }

    forEach(callback: unknown, self: unknown = undefined): void {
        if (typeof callback !== "function") throw new TypeError("forEach() takes a function");
        for (let i = 0, pair = pairAt(this, 0); pair !== undefined; pair = pairAt(this, ++i))
            Reflect.apply(callback, self, [pair[1], pair[0], this]);
    }

    entries(): IterableIterator<[string, string]> {
        return makeIterator(this, (pair) => pair);
    }

    keys(): IterableIterator<string> {
        return makeIterator(this, (pair) => pair[0]);
    }

    values(): IterableIterator<string> {
        return makeIterator(this, (pair) => pair[1]);
    }

    declare [Symbol.iterator]: () => IterableIterator<[string, string]>;
}

function hide(target: object, name: PropertyKey, value: unknown): void {
    Object.defineProperty(target, name, { value, writable: true, enumerable: false, configurable: true });
}

hide(URLSearchParams.prototype, Symbol.iterator, URLSearchParams.prototype.entries);

// Sees what changes meanwhile.
class ParamsIterator {
    readonly #params: URLSearchParams;
    readonly #convert: (pair: [string, string]) => unknown;
    #next = 0;

    constructor(params: URLSearchParams, convert: (pair: [string, string]) => unknown) {
        this.#params = params;
        this.#convert = convert;
    }

    next(): { value: unknown; done: boolean } {
        const pair = pairAt(this.#params, this.#next);
        if (pair === undefined) return { value: undefined, done: true };
        this.#next++;
        return { value: this.#convert(pair), done: false };
    }
}

const iterator = ParamsIterator.prototype as object;
Reflect.deleteProperty(iterator, "constructor");
Object.setPrototypeOf(iterator, Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object);
Object.defineProperty(iterator, "next", { enumerable: true });
Object.defineProperty(iterator, Symbol.toStringTag, { value: "URLSearchParams Iterator", configurable: true });

function makeIterator<T>(params: URLSearchParams, convert: (pair: [string, string]) => T): IterableIterator<T> {
    pairAt(params, 0); // or it is none
    return new ParamsIterator(params, convert) as unknown as IterableIterator<T>;
}
