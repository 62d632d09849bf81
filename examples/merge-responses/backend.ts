// A library module: where the upstreams are is a document, so it can be changed without touching code.
import { fail } from "dgate";
import { getDocument } from "dgate/state";

export const backend = async (): Promise<string> => {
    const settings = await getDocument<{ url: string }>("backend", "settings");
    return settings?.data.url ?? fail("there is no document settings/backend");
};
