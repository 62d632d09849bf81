// The parameters of a query string: a copy, changes to it are not forwarded.

type Decode = (text: string) => string;

// otherwise decodes what decodeURIComponent() refuses.
function decodeQuery(text: string, otherwise: Decode): string {
    const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
    if (!spaced.includes("%")) return spaced;
    try {
        return decodeURIComponent(spaced);
    } catch {
        return otherwise(spaced);
    }
}

export function encodeQuery(text: string): string {
    return encodeURIComponent(text).replace(/%20/g, "+").replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

// Calls each with the parameters in their order, decoded, and with the text that they stand as.
export function parseQuery(
    query: string,
    each: (name: string, value: string, text: string) => void,
    otherwise: Decode = (text) => text,
): void {
    if (query === "") return;
    for (const text of query.split("&")) {
        if (text === "") continue;
        const equals = text.indexOf("=");
        const name = decodeQuery(equals < 0 ? text : text.slice(0, equals), otherwise);
        each(name, equals < 0 ? "" : decodeQuery(text.slice(equals + 1), otherwise), text);
    }
}

export class Query {
    readonly #values = new Map<string, string[]>();

    constructor(text: string) {
        parseQuery(text, (name, value) => this.add(name, value));
    }

    get(name: string): string {
        return this.#values.get(String(name))?.[0] ?? "";
    }

    getAll(name: string): string[] {
        return [...(this.#values.get(String(name)) ?? [])];
    }

    has(name: string): boolean {
        return this.#values.has(String(name));
    }

    set(name: string, value: unknown): void {
        this.#values.set(String(name), [String(value)]);
    }

    add(name: string, value: unknown): void {
        const list = this.#values.get(String(name));
        if (list === undefined) this.set(name, value);
        else list.push(String(value));
    }

    del(name: string): void {
        this.#values.delete(String(name));
    }

    keys(): string[] {
        return [...this.#values.keys()];
    }

    // Sorted by name.
    encode(): string {
        const names = [...this.#values.keys()].sort();
        const parts = names.flatMap((n) => this.getAll(n).map((v) => `${encodeQuery(n)}=${encodeQuery(v)}`));
        return parts.join("&");
    }

    toJSON(): Record<string, string[]> {
        return Object.fromEntries(this.#values);
    }
}
