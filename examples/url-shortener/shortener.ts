// POST /?url=https://… stores a link and answers its short path; GET /{id} redirects to it.
import { addDocument, getDocument } from "dgate/state";
import { sha256 } from "dgate/crypto";

const COLLECTION = "short_links";

const shorten = async (ctx: any) => {
    const url = ctx.query().get("url");
    if (!/^https?:\/\/\S+$/.test(url)) {
        ctx.response().status(400).json({ error: "the query parameter url must be an http or https URL" });
        return;
    }
    const id = (sha256(url, "hex") as string).slice(0, 8);
    await addDocument({ id, collection: COLLECTION, data: { url } });
    ctx.response().status(201).json({ id, path: `/${id}` });
};

const follow = async (ctx: any) => {
    const link = await getDocument(ctx.pathParam("id"), COLLECTION);
    if (!link) {
        ctx.response().status(404).json({ error: "there is no such link" });
        return;
    }
    ctx.response().redirect(link.data.url);
};

export const requestHandler = async (ctx: any) =>
    ctx.request().method === "POST" ? shorten(ctx) : follow(ctx);
