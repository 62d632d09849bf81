// Deep equality of values, and how they read in messages.

interface Comparison {
    readonly strict: boolean; // members that are undefined count, and so does the type of an object
    readonly seen: [unknown, unknown][];
}

function bytesOf(value: unknown): Uint8Array | undefined {
    if (value instanceof ArrayBuffer) return new Uint8Array(value);
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return undefined;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
    return a.length === b.length && a.every((octet, i) => octet === b[i]);
}

function tagOf(value: object): string {
    return Object.prototype.toString.call(value);
}

function keysOf(value: object, strict: boolean): string[] {
    const keys = Object.keys(value);
    return strict ? keys : keys.filter((key) => (value as Record<string, unknown>)[key] !== undefined);
}

function equalCollections(a: unknown, b: unknown, c: Comparison): boolean | undefined {
    if (a instanceof Map && b instanceof Map)
        return a.size === b.size && [...a].every(([k, v]) => b.has(k) && equalSeen(v, b.get(k), c));
    if (a instanceof Set && b instanceof Set)
        return a.size === b.size && [...a].every((v) => b.has(v) || [...b].some((w) => equalSeen(v, w, c)));
    if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
    if (a instanceof RegExp && b instanceof RegExp) return String(a) === String(b);
    if (a instanceof Error && b instanceof Error) return a.name === b.name && a.message === b.message;
    const bytes = [bytesOf(a), bytesOf(b)];
    if (bytes[0] !== undefined && bytes[1] !== undefined) return equalBytes(bytes[0], bytes[1]);
    return undefined;
}

function equalSeen(a: unknown, b: unknown, c: Comparison): boolean {
    if (Object.is(a, b)) return true;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
    if (tagOf(a) !== tagOf(b) || Array.isArray(a) !== Array.isArray(b)) return false;
    if (c.strict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
    if (c.seen.some(([x, y]) => x === a && y === b)) return true;
    c.seen.push([a, b]);
    const known = equalCollections(a, b, c);
    if (known !== undefined) return known;
    if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false;
    const keys = keysOf(a, c.strict);
    const other = b as Record<string, unknown>;
    return (
        keys.length === keysOf(b, c.strict).length &&
        keys.every((key) => key in other && equalSeen((a as Record<string, unknown>)[key], other[key], c))
    );
}

// Members that are undefined count as absent.
export function equal(a: unknown, b: unknown): boolean {
    return equalSeen(a, b, { strict: false, seen: [] });
}

// Members that are undefined are members, holes of arrays are none, and objects are of the same type.
export function equalStrictly(a: unknown, b: unknown): boolean {
    return equalSeen(a, b, { strict: true, seen: [] });
}

// Whether value has all that wanted has; more members do no harm.
export function includes(value: unknown, wanted: unknown): boolean {
    if (typeof wanted !== "object" || wanted === null) return Object.is(value, wanted);
    if (typeof value !== "object" || value === null) return false;
    if (Array.isArray(wanted))
        return (
            Array.isArray(value) && value.length === wanted.length && wanted.every((item, i) => includes(value[i], item))
        );
    if (tagOf(wanted) !== "[object Object]") return equal(value, wanted);
    return Object.entries(wanted).every(([key, item]) => includes((value as Record<string, unknown>)[key], item));
}

const SHOWN_MAX = 2000;

function replace(seen: object[]): (this: unknown, key: string, value: unknown) => unknown {
    return function (key, value) {
        const original = (this as Record<string, unknown>)[key]; // before toJSON()
        if (value === undefined) return "undefined";
        if (typeof value === "bigint") return `${value}n`;
        if (typeof value === "function" || typeof value === "symbol") return String(value).split("\n")[0];
        if (typeof value === "number" && !Number.isFinite(value)) return String(value);
        if (typeof original !== "object" || original === null) return value;
        if (seen.includes(original)) return "(seen above)";
        seen.push(original);
        if (original instanceof Map) return { Map: [...original] };
        if (original instanceof Set) return { Set: [...original] };
        if (original instanceof Error) return `${original.name}: ${original.message}`;
        const bytes = bytesOf(original);
        return bytes === undefined ? value : { bytes: [...bytes.subarray(0, 64)], length: bytes.length };
    };
}

export function show(value: unknown): string {
    let text: string;
    if (value === undefined) text = "undefined";
    else if (typeof value === "number") text = Object.is(value, -0) ? "-0" : String(value);
    else if (typeof value === "bigint") text = `${value}n`;
    else if (typeof value === "function" || typeof value === "symbol") text = String(value).split("\n")[0] as string;
    else if (value instanceof RegExp) text = String(value);
    else if (value instanceof Error) text = `${value.name}: ${value.message}`;
    else text = JSON.stringify(value, replace([]));
    return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text;
}
