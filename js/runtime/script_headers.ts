// The header fields of a message as a plain object of strings, as DGate 2's scripts see them: live, by names in
// lower case, the values of a repeated field joined.

import { host, Side } from "./host";

// Of a request: read from the message, and not among its fields (src/script/host_fields.c).
const MESSAGE_FIELDS = ["host", "content-length"];

export type HeaderObject = Record<string, string>;

class Traps implements ProxyHandler<HeaderObject> {
    constructor(
        private readonly handle: number,
        private readonly side: Side,
    ) {}

    #value(name: string): string | undefined {
        const first = host.fieldGet(this.handle, this.side, name);
        if (first === undefined) return undefined;
        const all = host.fieldValues(this.handle, this.side, name);
        return all.length < 2 ? first : all.join(name.toLowerCase() === "cookie" ? "; " : ", ");
    }

    get(target: HeaderObject, name: string | symbol): unknown {
        const own = typeof name === "string" ? this.#value(name) : undefined;
        return own ?? (Reflect.get(target, name) as unknown);
    }

    has(target: HeaderObject, name: string | symbol): boolean {
        return typeof name === "string" && host.fieldGet(this.handle, this.side, name) !== undefined
            ? true
            : Reflect.has(target, name);
    }

    // null and undefined take the field away.
    set(_target: HeaderObject, name: string | symbol, value: unknown): boolean {
        if (typeof name !== "string") return false;
        if (value === null || value === undefined) host.fieldDelete(this.handle, this.side, name);
        else host.fieldSet(this.handle, this.side, name, String(value));
        return true;
    }

    deleteProperty(_target: HeaderObject, name: string | symbol): boolean {
        if (typeof name === "string") host.fieldDelete(this.handle, this.side, name);
        return true;
    }

    defineProperty(target: HeaderObject, name: string | symbol, d: PropertyDescriptor): boolean {
        return "value" in d && this.set(target, name, d.value);
    }

    ownKeys(): string[] {
        const flat = host.fieldList(this.handle, this.side);
        const names = new Set<string>();
        for (let i = 0; i < flat.length; i += 2) names.add((flat[i] as string).toLowerCase());
        if (this.side === Side.Request)
            for (const name of MESSAGE_FIELDS)
                if (host.fieldGet(this.handle, this.side, name) !== undefined) names.add(name);
        return [...names];
    }

    getOwnPropertyDescriptor(_target: HeaderObject, name: string | symbol): PropertyDescriptor | undefined {
        const value = typeof name === "string" ? this.#value(name) : undefined;
        return value === undefined ? undefined : { value, writable: true, enumerable: true, configurable: true };
    }
}

export function headerObject(handle: number, side: Side): HeaderObject {
    return new Proxy<HeaderObject>({}, new Traps(handle, side));
}

// Makes the fields those of an object; what it leaves as it was stays as it came, repeated fields too.
export function replaceHeaders(current: HeaderObject, given: unknown): void {
    if (typeof given !== "object" || given === null) throw new TypeError("headers must be an object of strings");
    const wanted = new Map<string, string>();
    for (const [name, value] of Object.entries(given as Record<string, unknown>))
        if (value !== null && value !== undefined) wanted.set(name.toLowerCase(), String(value));
    for (const name of Object.keys(current)) if (!wanted.has(name)) delete current[name];
    for (const [name, value] of wanted) if (current[name] !== value) current[name] = value;
}
