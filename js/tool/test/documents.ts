// What dgate/state has while tests run: it is kept in memory.

import { addCollection, addDocument, getCollection, getDocument, getDocuments } from "dgate/state";
import { requireKnown } from "./options";
import { clear } from "./storage";

const PAGE = 1000;

export interface PutOptions {
    schema?: unknown;
}

async function exists(collection: string): Promise<boolean> {
    return getCollection(collection).then(
        () => true,
        () => false,
    );
}

async function put(collection: string, all: Record<string, unknown>, options: PutOptions = {}): Promise<void> {
    requireKnown("documents.put()", options, "schema");
    if (options.schema !== undefined || !(await exists(collection)))
        await addCollection({ name: collection, type: "document", visibility: "private", schema: options.schema });
    for (const [id, data] of Object.entries(all)) await addDocument({ id, collection, data });
}

async function get(collection: string, id: string): Promise<unknown> {
    return (await getDocument(id, collection))?.data;
}

async function all(collection: string): Promise<Record<string, unknown>> {
    const found: Record<string, unknown> = {};
    for (let offset = 0; ; offset += PAGE) {
        const page = await getDocuments({ collection, limit: PAGE, offset });
        for (const document of page) found[document.id] = document.data;
        if (page.length < PAGE) return found;
    }
}

export const documents = { put, get, all, clear };
