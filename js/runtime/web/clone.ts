// structuredClone() (HTML standard, section 2.7). What a value is its internal slots say: a tag may be anybody's.

import type { Blob, File } from "./blob";
import { domException, domExceptionClass } from "./dom_exception";
import { isPlatformObject } from "./interface";
import { isInstance } from "./load";
import type { CryptoKey } from "./subtle";

declare function require(name: string): unknown;

type Call = (...args: unknown[]) => unknown;
type Copies = Map<object, unknown>;

const { apply } = Reflect;
const { toString } = Object.prototype;

function getter(prototype: object, name: PropertyKey): Call {
    return Object.getOwnPropertyDescriptor(prototype, name)?.get as Call;
}

const typeOfView = getter(Object.getPrototypeOf(Uint8Array.prototype) as object, Symbol.toStringTag);
const iterators = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object;
const classes = [Promise, WeakMap, WeakSet, WeakRef, ...Object.values(Object.getOwnPropertyDescriptors(Intl)).map((d) => d.value)];
const UNCLONEABLE = [iterators, ...classes.map((c) => (c as { prototype?: object }).prototype).filter((p) => p !== undefined)];

// Functions that throw for what has not the slots of such an object.
const PROBES: readonly [kind: string, probe: Call][] = [
    ["Map", getter(Map.prototype, "size")],
    ["Set", getter(Set.prototype, "size")],
    ["ArrayBuffer", getter(ArrayBuffer.prototype, "byteLength")],
    ["Date", Date.prototype.getTime],
    ["RegExp", getter(RegExp.prototype, "global")],
    ["Boolean", Boolean.prototype.valueOf],
    ["Number", Number.prototype.valueOf],
    ["String", String.prototype.valueOf],
    ["BigInt", BigInt.prototype.valueOf as Call],
    ["Symbol", Symbol.prototype.valueOf as Call],
];

function refusal(what: string): Error {
    return domException("DataCloneError", `${what} cannot be cloned`);
}

function passes(probe: Call, value: object): boolean {
    try {
        apply(probe, value, []);
        return true;
    } catch {
        return false;
    }
}

function kindOf(value: object): string {
    if (Array.isArray(value)) return "Array";
    if (ArrayBuffer.isView(value)) return "view";
    // Without a tag that is what the slots say.
    if (!(Symbol.toStringTag in value)) return (apply(toString, value, []) as string).slice(8, -1);
    const found = PROBES.find(([, probe]) => passes(probe, value));
    if (found !== undefined) return found[0];
    const own = ["DOMException", "File", "Blob", "CryptoKey"].find((name) => isInstance(value, name));
    if (own !== undefined) return own;
    if (value instanceof Error) return "Error";
    if (isPlatformObject(value) || UNCLONEABLE.some((p) => Object.prototype.isPrototypeOf.call(p, value)))
        throw refusal(`an object of ${value.constructor?.name ?? "its class"}`);
    return "Object";
}

function copyBuffer(buffer: ArrayBuffer): ArrayBuffer {
    const { resizable, maxByteLength } = buffer as ArrayBuffer & { resizable?: boolean; maxByteLength?: number };
    let bytes: Uint8Array;
    try {
        bytes = new Uint8Array(buffer);
    } catch {
        throw refusal("a detached ArrayBuffer");
    }
    const options = resizable === true ? { maxByteLength } : undefined;
    const copy = new (ArrayBuffer as new (size: number, options?: object) => ArrayBuffer)(bytes.length, options);
    new Uint8Array(copy).set(bytes);
    return copy;
}

type View = new (buffer: ArrayBuffer, offset: number, length: number) => ArrayBufferView;

function copyView(view: ArrayBufferView, copies: Copies): ArrayBufferView {
    const buffer = copyOf(view.buffer, copies) as ArrayBuffer;
    const name = apply(typeOfView, view, []) as string | undefined;
    if (name === undefined) return new DataView(buffer, view.byteOffset, view.byteLength);
    const type = (globalThis as unknown as Record<string, View>)[name] as View;
    return new type(buffer, view.byteOffset, (view as Uint8Array).length);
}

const ERRORS: Record<string, ErrorConstructor | undefined> = {
    __proto__: null as never,
    EvalError,
    RangeError,
    ReferenceError,
    SyntaxError,
    TypeError,
    URIError,
};

function hide(target: object, name: string, value: unknown): void {
    Object.defineProperty(target, name, { value, writable: true, enumerable: false, configurable: true });
}

function copyError(error: Error): Error {
    const copy = new (ERRORS[String(error.name)] ?? Error)();
    const message = Object.getOwnPropertyDescriptor(error, "message");
    if (message !== undefined && "value" in message) hide(copy, "message", String(message.value));
    return copy;
}

function copyFile(file: File): File {
    const { File } = require("./blob") as typeof import("./blob");
    return new File([file], file.name, { type: file.type, lastModified: file.lastModified });
}

// By kind: the copy, of what contains others without them.
const COPY: Record<string, ((value: never, copies: Copies) => unknown) | undefined> = {
    __proto__: null as never,
    Object: () => ({}),
    Array: (value: unknown[]) => new Array(value.length),
    Map: () => new Map(),
    Set: () => new Set(),
    Date: (value: Date) => new Date(apply(Date.prototype.getTime, value, []) as number),
    RegExp: (value: RegExp) => new RegExp(value.source, value.flags),
    Boolean: (value: object) => Object(apply(Boolean.prototype.valueOf, value, [])) as unknown,
    Number: (value: object) => Object(apply(Number.prototype.valueOf, value, [])) as unknown,
    String: (value: object) => Object(apply(String.prototype.valueOf, value, [])) as unknown,
    BigInt: (value: object) => Object(apply(BigInt.prototype.valueOf, value, [])) as unknown,
    ArrayBuffer: copyBuffer,
    view: copyView,
    Error: copyError,
    DOMException: (value: Error) => new (domExceptionClass())(value.message, value.name),
    Blob: (value: Blob) => value.slice(0, value.size, value.type),
    File: copyFile,
    CryptoKey: (value: CryptoKey) => (require("./subtle") as typeof import("./subtle")).cloneKey(value),
};

function fill(kind: string, value: object, copy: object, copies: Copies): void {
    if (kind === "Map") {
        const entries: [unknown, unknown][] = [];
        Map.prototype.forEach.call(value as Map<unknown, unknown>, (v, k) => entries.push([k, v]));
        for (const [k, v] of entries) (copy as Map<unknown, unknown>).set(copyOf(k, copies), copyOf(v, copies));
    } else if (kind === "Set") {
        const members: unknown[] = [];
        Set.prototype.forEach.call(value as Set<unknown>, (v) => members.push(v));
        for (const v of members) (copy as Set<unknown>).add(copyOf(v, copies));
    } else if (kind === "Object" || kind === "Array") {
        for (const key of Object.keys(value)) {
            const member = copyOf((value as Record<string, unknown>)[key], copies);
            Object.defineProperty(copy, key, { value: member, writable: true, enumerable: true, configurable: true });
        }
    } else if (kind === "Error" || kind === "DOMException") {
        const { stack } = value as Error;
        if (typeof stack === "string") hide(copy, "stack", stack);
        if (kind === "Error" && Object.hasOwn(value, "cause")) hide(copy, "cause", copyOf((value as Error).cause, copies));
    }
}

function copyOf(value: unknown, copies: Copies): unknown {
    if (typeof value === "symbol" || typeof value === "function") throw refusal(`a ${typeof value}`);
    if (typeof value !== "object" || value === null) return value;
    if (copies.has(value)) return copies.get(value);
    const kind = kindOf(value);
    const make = COPY[kind];
    if (make === undefined) throw refusal(`a ${kind}`);
    const copy = make(value as never, copies) as object;
    copies.set(value, copy);
    fill(kind, value, copy, copies);
    return copy;
}

type Transferable = ArrayBuffer & { transfer(): ArrayBuffer };

function transferred(options: unknown): Set<Transferable> {
    if (options !== undefined && options !== null && typeof options !== "object") throw new TypeError("options are an object");
    const list = (options as { transfer?: unknown } | null | undefined)?.transfer;
    const buffers = new Set<Transferable>();
    if (list === undefined) return buffers;
    if (list === null || typeof list !== "object" || !(Symbol.iterator in list)) throw new TypeError("transfer is an array");
    for (const item of list as Iterable<unknown>) {
        if (item === null || typeof item !== "object") throw new TypeError("what is transferred is an object");
        const isBuffer = passes(getter(ArrayBuffer.prototype, "byteLength"), item);
        if (!isBuffer || buffers.has(item as Transferable))
            throw domException("DataCloneError", isBuffer ? "an ArrayBuffer is transferred once" : "only an ArrayBuffer can be transferred");
        buffers.add(item as Transferable);
    }
    return buffers;
}

const OVERFLOW = "Maximum call stack size exceeded."; // the engine's

function copyAll(value: unknown, copies: Copies): unknown {
    try {
        return copyOf(value, copies);
    } catch (error) {
        // That one's stack has frames of the library only, and not the module that called.
        if (error instanceof RangeError && error.message === OVERFLOW) throw new RangeError(OVERFLOW);
        throw error;
    }
}

export function structuredClone(...args: unknown[]): unknown {
    if (args.length === 0) throw new TypeError("structuredClone() takes a value");
    const buffers = transferred(args[1]);
    const copies: Copies = new Map();
    const copy = copyAll(args[0], copies);
    for (const buffer of buffers) {
        copyOf(buffer, copies); // a detached one is refused
        buffer.transfer();
    }
    return copy;
}
