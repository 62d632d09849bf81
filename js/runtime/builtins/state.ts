// import … from "dgate/state": collections and documents of the module's namespace.

import { jsonText } from "../body";
import { hostPromise } from "../current";
import { GatewayError } from "../errors";
import { host, StateOp } from "../host";

type Json = Record<string, unknown>;

function requireObject(value: unknown): Json {
    if (value === null || value === undefined) throw new GatewayError("item is nil");
    if (typeof value !== "object") throw new TypeError(`an object is expected, not a ${typeof value}`);
    return value as Json;
}

// A name on its own, or what carries it.
function named(value: unknown): Json {
    return typeof value === "string" ? { name: value } : { name: requireObject(value).name };
}

export function makeState(module: string): Record<string, unknown> {
    const ask = (op: StateOp, args: Json): Promise<unknown> => {
        const text = jsonText(args);
        return hostPromise(
            "dgate/state",
            (handle, ticket) => host.state(handle, ticket, op, module, text),
            (result) => JSON.parse(result as string) as unknown,
        );
    };
    const putDocument = (document: unknown) => ask(StateOp.PutDocument, requireObject(document));
    return {
        getCollection: (name: unknown) => ask(StateOp.GetCollection, { name: String(name) }),
        getDocument: (id: unknown, collection: unknown) =>
            ask(StateOp.GetDocument, { id: String(id), collection: String(collection) }),
        getDocuments: (query: unknown) => {
            const { collection, limit, offset } = requireObject(query);
            if (typeof collection !== "string" || collection === "")
                throw new GatewayError("collection name is required");
            return ask(StateOp.GetDocuments, { collection, limit, offset });
        },
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
