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

export function makeState(module: string): Record<string, unknown> {
    const ask = (op: StateOp, args: Json): Promise<unknown> => askState("dgate/state", op, module, args);
    // Gives what was to be deleted, as DGate 1 does.
    const deleted = (op: StateOp, args: Json, given: Json): Promise<Json> => ask(op, args).then(() => given);
    const putDocument = (document: unknown): Promise<unknown> => {
        const args = requireObject(document);
        const subject = (namespace: string) => `document ${namespace}/${String(args.collection)}/${String(args.id)}`;
        return askState("dgate/state", StateOp.PutDocument, module, args, subject);
    };
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
        addCollection: (collection: unknown) => {
            const args = requireObject(collection);
            const subject = (namespace: string) => `collection ${namespace}/${String(args.name)}`;
            return askState("dgate/state", StateOp.PutCollection, module, args, subject);
        },
        addDocument: putDocument,
        setDocument: putDocument,
        deleteCollection: (collection: unknown) => {
            const given = typeof collection === "string" ? { name: collection } : requireObject(collection);
            return deleted(StateOp.DeleteCollection, { name: given.name }, given);
        },
        deleteDocument: (document: unknown, collection?: unknown) => {
            const given = typeof document === "string" ? { id: document, collection } : requireObject(document);
            return deleted(StateOp.DeleteDocument, { id: given.id, collection: given.collection }, given);
        },
    };
}
