// import … from "dgate/state": collections and documents of the module's namespace.

import { askState, readState } from "../ask";
import { GatewayError } from "../errors";
import { StateOp } from "../host";

type Json = Record<string, unknown>;

function requireObject(value: unknown): Json {
    if (value === null || value === undefined) throw new GatewayError("item is nil");
    if (typeof value !== "object") throw new TypeError(`an object is expected, not a ${typeof value}`);
    return value as Json;
}

// Names and ids: numbers are what people write, objects are mistakes.
function nameText(value: unknown, what: string): string {
    if (typeof value === "number") return String(value);
    if (typeof value !== "string" || value === "") throw new GatewayError(`${what} is required`);
    return value;
}

// A name on its own, or what carries it.
function named(value: unknown): Json {
    return typeof value === "string" ? { name: value } : { name: requireObject(value).name };
}

export function makeState(module: string): Record<string, unknown> {
    const ask = (op: StateOp, args: Json): Promise<unknown> => askState("dgate/state", op, module, args);
    const putDocument = (document: unknown) => ask(StateOp.PutDocument, requireObject(document));
    return {
        getCollection: (name: unknown, namespace?: unknown) =>
            ask(StateOp.GetCollection, { name: nameText(name, "collection name"), namespace }),
        getDocument: (id: unknown, collection: unknown, namespace?: unknown) =>
            ask(StateOp.GetDocument, {
                id: nameText(id, "document id"),
                collection: nameText(collection, "collection name"),
                namespace,
            }),
        getDocuments: (query: unknown) => {
            const { collection, limit, offset, namespace } = requireObject(query);
            const name = nameText(collection, "collection name");
            return ask(StateOp.GetDocuments, { collection: name, limit, offset, namespace });
        },
        getSecret: (name: unknown) => readState(StateOp.GetSecret, module, { name: nameText(name, "secret name") }),
        addCollection: (collection: unknown) => ask(StateOp.PutCollection, requireObject(collection)),
        addDocument: putDocument,
        setDocument: putDocument,
        deleteCollection: (collection: unknown) => ask(StateOp.DeleteCollection, named(collection)),
        deleteDocument: (document: unknown, collection?: unknown) => {
            const from = typeof document === "string" ? { id: document, collection } : requireObject(document);
            return ask(StateOp.DeleteDocument, { id: from.id, collection: from.collection });
        },
    };
}
