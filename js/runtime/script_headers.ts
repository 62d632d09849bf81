// The header fields of a message as a plain object of strings, as DGate 2's scripts see them: live, by names in
// lower case, the values of a repeated field joined.

import type { Fields } from "./fields";

// Of a request: read from the message, and not among its fields (src/script/host_fields.c).
const MESSAGE_FIELDS = ["host", "content-length"];

export type HeaderObject = Record<string, string>;

class Traps implements ProxyHandler<HeaderObject> {
    constructor(
        private readonly fields: Fields,
        private readonly isRequest: boolean,
    ) {}

    #value(name: string): string | undefined {
        const all = this.fields.values(name);
        return all.length < 2 ? all[0] : all.join(name.toLowerCase() === "cookie" ? "; " : ", ");
    }

    get(target: HeaderObject, name: string | symbol): unknown {
        const own = typeof name === "string" ? this.#value(name) : undefined;
        return own ?? (Reflect.get(target, name) as unknown);
    }

    has(target: HeaderObject, name: string | symbol): boolean {
        return typeof name === "string" && this.fields.has(name) ? true : Reflect.has(target, name);
    }

    // null and undefined take the field away.
    set(_target: HeaderObject, name: string | symbol, value: unknown): boolean {
        if (typeof name !== "string") return false;
        if (value === null || value === undefined) this.fields.del(name);
        else this.fields.set(name, String(value));
        return true;
    }

    deleteProperty(_target: HeaderObject, name: string | symbol): boolean {
        if (typeof name === "string") this.fields.del(name);
        return true;
    }

    defineProperty(target: HeaderObject, name: string | symbol, d: PropertyDescriptor): boolean {
        return "value" in d && this.set(target, name, d.value);
    }

    ownKeys(): string[] {
        const names = new Set(this.fields.keys());
        if (this.isRequest) for (const name of MESSAGE_FIELDS) if (this.fields.has(name)) names.add(name);
        return [...names];
    }

    getOwnPropertyDescriptor(_target: HeaderObject, name: string | symbol): PropertyDescriptor | undefined {
        const value = typeof name === "string" ? this.#value(name) : undefined;
        return value === undefined ? undefined : { value, writable: true, enumerable: true, configurable: true };
    }
}

export function headerObject(fields: Fields, isRequest = false): HeaderObject {
    return new Proxy<HeaderObject>({}, new Traps(fields, isRequest));
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
