// import … from "dgate/storage": a cache that the workers of this node share, and a replicated store.

import { askState, readState } from "../ask";
import { jsonText } from "../body";
import { GatewayError } from "../errors";
import { host, StateOp } from "../host";

type Json = Record<string, unknown>;

interface Lifetime {
    ttl?: unknown;
}

// Seconds; undefined when none is given.
function ttlOf(options: unknown): number | undefined {
    const ttl = (options as Lifetime | null | undefined)?.ttl;
    if (ttl === undefined || ttl === null) return undefined;
    const seconds = Number(ttl);
    if (Number.isNaN(seconds)) throw new TypeError("ttl must be a number of seconds");
    if (seconds < 0) throw new GatewayError("TTL cannot be negative");
    return seconds;
}

function cacheId(id: unknown): string {
    if (id === undefined || id === null || id === "") throw new GatewayError("cache id cannot be empty");
    return String(id);
}

function getCache(id?: unknown): unknown {
    const text = host.cacheGet(cacheId(id));
    return text === undefined ? null : (JSON.parse(text) as unknown);
}

function setCache(id?: unknown, value?: unknown, options?: unknown): void {
    const key = cacheId(id);
    const ttl = ttlOf(options);
    if (ttl === 0 || value === undefined) host.cacheDelete(key);
    else host.cacheSet(key, jsonText(value), ttl ?? -1);
}

function deleteCache(id?: unknown): boolean {
    return host.cacheDelete(cacheId(id));
}

function storageKey(key: unknown): string {
    if (typeof key !== "string" || key === "") throw new TypeError("a storage key is a string that is not empty");
    // What the host's JSON would refuse with the value, without telling which key.
    if (/[\0\p{Surrogate}]/u.test(key)) throw new TypeError("a storage key is UTF-8 without control characters");
    return key;
}

// What is to be stored: null and what has no JSON form stand for nothing.
function storable(key: string, value: unknown): unknown {
    if (value === undefined || value === null)
        throw new TypeError(`storage key ${key}: ${String(value)} cannot be stored, use delete()`);
    return value;
}

function lifetime(options: unknown): number | undefined {
    const ttl = ttlOf(options);
    if (ttl === 0) throw new GatewayError("TTL must be more than 0");
    return ttl === Infinity ? undefined : ttl;
}

export function makeStorage(module: string): Record<string, unknown> {
    const now = (op: StateOp, args: Json): unknown => readState(op, module, args);
    const ask = (op: StateOp, args: Json & { key: string }): Promise<unknown> =>
        askState("dgate/storage", op, module, args, (namespace) => `storage key ${namespace}/${args.key}`);
    return {
        getCache,
        setCache,
        deleteCache,
        get: (key?: unknown) => now(StateOp.StorageGet, { key: storageKey(key) }),
        list: (query?: unknown) => {
            const { prefix, after, limit } = (query ?? {}) as Json;
            return now(StateOp.StorageList, { prefix, after, limit });
        },
        read: (key?: unknown) => ask(StateOp.StorageRead, { key: storageKey(key) }),
        put: async (key?: unknown, value?: unknown, options?: unknown) => {
            const name = storageKey(key);
            const args = { key: name, value: storable(name, value), ttl: lifetime(options) };
            await ask(StateOp.StoragePut, args);
        },
        delete: (key?: unknown) => ask(StateOp.StorageDelete, { key: storageKey(key) }),
        compareAndSet: (key?: unknown, expected?: unknown, value?: unknown, options?: unknown) =>
            ask(StateOp.StorageCompare, {
                key: storageKey(key),
                expected: expected ?? null,
                value: value ?? null,
                ttl: lifetime(options),
            }),
        increment: (key?: unknown, by: unknown = 1, options?: unknown) => {
            const name = storageKey(key);
            if (typeof by !== "number" || !Number.isFinite(by))
                throw new TypeError(`storage key ${name}: increment() takes a finite number`);
            return ask(StateOp.StorageIncrement, { key: name, by, ttl: lifetime(options) });
        },
    };
}
