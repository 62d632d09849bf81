// The parameters of the query as a plain object of strings, as DGate 2's scripts see and change them. Parameters
// that are not changed are forwarded as they came, in their order, repeated ones too.

import { host, Text } from "./host";
import { encodeQuery, parseQuery } from "./query";

export type QueryObject = Record<string, string>;

interface Part {
    name: string;
    value: string;
    text: string; // as it stands in the query
}

function parse(query: string): Part[] {
    const out: Part[] = [];
    parseQuery(query, (name, value, text) => out.push({ name, value, text }));
    return out;
}

function makePart(name: string, value: string): Part {
    return { name, value, text: `${encodeQuery(name)}=${encodeQuery(value)}` };
}

class Traps implements ProxyHandler<QueryObject> {
    #parts: Part[];
    #text: string;

    constructor(private readonly handle: number) {
        this.#text = host.text(handle, Text.Query);
        this.#parts = parse(this.#text);
    }

    // Modules of the other kind, or an earlier object, may have written it meanwhile.
    #read(): Part[] {
        const now = host.text(this.handle, Text.Query);
        if (now !== this.#text) {
            this.#text = now;
            this.#parts = parse(now);
        }
        return this.#parts;
    }

    #write(parts: Part[]): void {
        const text = parts.map((p) => p.text).join("&");
        host.setText(this.handle, Text.Query, text);
        this.#text = text;
        this.#parts = parts;
    }

    #last(name: string): Part | undefined {
        const parts = this.#read();
        for (let i = parts.length - 1; i >= 0; i--) if (parts[i]?.name === name) return parts[i];
        return undefined;
    }

    get(target: QueryObject, name: string | symbol): unknown {
        const own = typeof name === "string" ? this.#last(name)?.value : undefined;
        return own ?? (Reflect.get(target, name) as unknown);
    }

    has(target: QueryObject, name: string | symbol): boolean {
        return typeof name === "string" && this.#last(name) !== undefined ? true : Reflect.has(target, name);
    }

    // null and undefined take the parameter away.
    set(target: QueryObject, name: string | symbol, value: unknown): boolean {
        if (typeof name !== "string") return false;
        if (value === null || value === undefined) return this.deleteProperty(target, name);
        const parts = this.#read();
        const at = parts.findIndex((p) => p.name === name);
        const kept = parts.filter((p, i) => p.name !== name || i === at);
        const part = makePart(name, String(value));
        if (at < 0) kept.push(part);
        else kept[at] = part;
        this.#write(kept);
        return true;
    }

    deleteProperty(_target: QueryObject, name: string | symbol): boolean {
        const parts = this.#read();
        const kept = parts.filter((p) => p.name !== name);
        if (kept.length < parts.length) this.#write(kept);
        return true;
    }

    defineProperty(target: QueryObject, name: string | symbol, d: PropertyDescriptor): boolean {
        return "value" in d && this.set(target, name, d.value);
    }

    ownKeys(): string[] {
        return [...new Set(this.#read().map((p) => p.name))];
    }

    getOwnPropertyDescriptor(_target: QueryObject, name: string | symbol): PropertyDescriptor | undefined {
        const value = typeof name === "string" ? this.#last(name)?.value : undefined;
        return value === undefined ? undefined : { value, writable: true, enumerable: true, configurable: true };
    }
}

export function queryObject(handle: number): QueryObject {
    return new Proxy<QueryObject>({}, new Traps(handle));
}

// Makes the parameters those of an object; what it leaves as it was stays as it came.
export function replaceQuery(current: QueryObject, given: unknown): void {
    if (typeof given !== "object" || given === null) throw new TypeError("query must be an object of strings");
    const wanted = given as Record<string, unknown>;
    for (const name of Object.keys(current)) if (wanted[name] === undefined || wanted[name] === null) delete current[name];
    for (const [name, value] of Object.entries(wanted))
        if (value !== undefined && value !== null && current[name] !== String(value)) current[name] = String(value);
}
