// A library module: where the upstreams are is a document, so it can be changed without touching code.
import { getDocument } from "dgate/state";

export const backend = async (): Promise<string> => (await getDocument("backend", "settings")).data.url;
