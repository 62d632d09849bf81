// Documents as DGate 2's scripts read and write them: reads are answered at once from what this node has, writes wait
// until the function has succeeded, and are committed before its request goes on.

import { askState, readState } from "./ask";
import { jsonText } from "./body";
import { GatewayError } from "./errors";
import { StateOp } from "./host";

// As many as one change may hold.
const WRITES_MAX = 100;

interface Write {
    module: string;
    collection: string;
    id: string;
    text: string | undefined; // JSON; undefined: it is deleted
}

function name(value: unknown, what: string): string {
    if (typeof value === "string" && value !== "") return value;
    throw new TypeError(`${what} must be a string that is not empty`);
}

function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}

const isAbsent = (error: unknown): boolean => /: not found$/.test(messageOf(error));

export class Documents {
    #writes = new Map<string, Write>();

    get(module: string, collection: unknown, id: unknown): { data: unknown } | null {
        const from = name(collection, "the collection");
        const key = name(id, "the document's id");
        const write = this.#writes.get(`${from}\0${key}`);
        if (write !== undefined) return write.text === undefined ? null : { data: JSON.parse(write.text) as unknown };
        let found: { data: unknown } | null;
        try {
            found = readState(StateOp.GetDocument, module, { id: key, collection: from }) as typeof found;
        } catch (error) {
            if (isAbsent(error)) return null;
            throw new GatewayError(messageOf(error));
        }
        return found === null ? null : { data: found.data };
    }

    set(module: string, collection: unknown, id: unknown, data: unknown): void {
        this.#write(module, name(collection, "the collection"), name(id, "the document's id"), jsonText(data));
    }

    delete(module: string, collection: unknown, id: unknown): void {
        this.#write(module, name(collection, "the collection"), name(id, "the document's id"), undefined);
    }

    #write(module: string, collection: string, id: string, text: string | undefined): void {
        const key = `${collection}\0${id}`;
        if (this.#writes.size >= WRITES_MAX && !this.#writes.has(key))
            throw new RangeError(`a function may write at most ${WRITES_MAX} documents`);
        this.#writes.set(key, { module, collection, id, text });
    }

    discard(): void {
        if (this.#writes.size > 0) this.#writes = new Map();
    }

    // undefined: there is nothing to write. Rejects with the first reason when something could not be written.
    commit(): Promise<unknown> | undefined {
        if (this.#writes.size === 0) return undefined;
        const writes = [...this.#writes.values()];
        this.#writes = new Map();
        return Promise.all(writes.map(commitOne));
    }
}

function commitOne(w: Write): Promise<unknown> {
    const { collection, id } = w;
    const [op, what] = w.text === undefined ? [StateOp.DeleteDocument, "deleteDocument"] : [StateOp.PutDocument, "setDocument"];
    const args = w.text === undefined ? { id, collection } : { id, collection, data: JSON.parse(w.text) as unknown };
    return askState(`ctx.${what}()`, op, w.module, args).catch((error: unknown) => {
        // What is to be deleted and is not there is as it should be.
        if (w.text === undefined && isAbsent(error)) return;
        throw new GatewayError(`ctx.${what}("${collection}", "${id}"): ${messageOf(error)}`);
    });
}

// ctx.documents: by "collection:id", or "namespace/collection:id".
export function documentObject(documents: Documents, module: () => string): Record<string, unknown> {
    const parts = (key: string | symbol): [string, string] | undefined => {
        const colon = typeof key === "string" ? key.indexOf(":") : -1;
        return colon < 1 ? undefined : [(key as string).slice(0, colon), (key as string).slice(colon + 1)];
    };
    const find = (key: string | symbol): { data: unknown } | null => {
        const at = parts(key);
        return at === undefined || at[1] === "" ? null : documents.get(module(), ...at);
    };
    return new Proxy<Record<string, unknown>>(
        {},
        {
            get: (target, key) => (find(key)?.data ?? Reflect.get(target, key)) as unknown,
            has: (target, key) => find(key) !== null || Reflect.has(target, key),
            set: (_target, key, data: unknown) => {
                const at = parts(key);
                if (at === undefined) throw new TypeError(`"${String(key)}" is not "collection:id"`);
                documents.set(module(), ...at, data);
                return true;
            },
            deleteProperty: (_target, key) => {
                const at = parts(key);
                if (at !== undefined) documents.delete(module(), ...at);
                return true;
            },
            getOwnPropertyDescriptor: (_target, key) => {
                const found = find(key);
                return found === null
                    ? undefined
                    : { value: found.data, writable: true, enumerable: true, configurable: true };
            },
            ownKeys: () => {
                throw new GatewayError('ctx.documents cannot be listed: use getDocuments() of "dgate/state"');
            },
        },
    );
}
