// What dgate/storage and getSecret() have while tests run: it is kept in memory.

import { get as getValue, list, put as putValue, type Lifetime } from "dgate/storage";
import { ask } from "./tool";

const PAGE = 1000;

async function put(entries: Record<string, unknown>, options?: Lifetime): Promise<void> {
    for (const [key, value] of Object.entries(entries)) await putValue(key, value, options);
}

// Without a prototype, so that "__proto__" is a key as any other.
function all(prefix = ""): Record<string, unknown> {
    const found = Object.create(null) as Record<string, unknown>;
    for (let after = ""; ; ) {
        const page = list({ prefix, after, limit: PAGE });
        for (const { key, value } of page) found[key] = value;
        if (page.length < PAGE) return found;
        after = page[PAGE - 1].key;
    }
}

async function putSecret(name: string, value: string): Promise<void> {
    if (typeof name !== "string" || typeof value !== "string")
        throw new TypeError("secrets.put() takes a name and a text");
    await ask<null>({ op: "secret", name, value });
}

export const clear = () => ask<null>({ op: "clear" });
export const storage = { put, get: (key: string): unknown => getValue(key) ?? undefined, all, clear };
export const secrets = { put: putSecret, clear };
