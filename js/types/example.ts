// Compiled by "make lint", so that the types stay true.

import dgate, { asyncSleep, fail, retry, type Context } from "dgate";
import { createHash, hmac, randomUUID, verifyJwt, type JwtError } from "dgate/crypto";
import { Blob as NodeBlob, Buffer } from "node:buffer";
import logger, { warn } from "console";
import nodeConsole from "node:console";
import { fetch } from "dgate/http";
import { addDocument, getDocument, getDocuments, getSecret } from "dgate/state";
import storage, { getCache, increment, setCache } from "dgate/storage";
import url, { domainToASCII, URL as NodeURL, URLSearchParams as NodeParams } from "url";
import { domainToUnicode } from "node:url";
import { format } from "util";
import util from "node:util";

export async function fetchUpstream(ctx: Context): Promise<string> {
    const document = await getDocument<{ url: string }>(ctx.pathParam("id"), "targets");
    return document?.data.url ?? fail("no target");
}

export function requestModifier(ctx: Context): void {
    const request = ctx.request();
    request.headers.set("X-Digest", createHash("sha256").update(request.readBody()).digest("hex"));
    if (ctx.query().get("key") === "") ctx.response().status(401).json({ error: "no key" });
}

export async function responseModifier(ctx: Context): Promise<void> {
    const upstream = ctx.upstream();
    if (upstream === null) return;
    const body = await upstream.readJson<{ items: unknown[] }>();
    upstream.writeJson({ count: body.items.length, trace: randomUUID() });
}

export const errorHandler = (ctx: Context, error: Error): void => {
    ctx.response().status(502).cookie("failed", 1, { sameSite: "lax" }).send(error.message);
};

export async function requestHandler(ctx: Context): Promise<void> {
    await asyncSleep("5ms");
    const answers = await Promise.all(["a", "b"].map(async (p) => (await fetch(`http://127.0.0.1/${p}`)).json()));
    await addDocument({ id: "1", collection: "c", data: answers });
    const all = await dgate.state.getDocuments({ collection: "c", limit: 10 });
    const name = retry(3, (i) => all[i]?.id);
    console.log("%s of %d", name, (await getDocuments({ collection: "c" })).length);
    ctx.response().json({ signed: hmac("sha256", "key", JSON.stringify(answers), "base64url") });
}

export async function countVisits(user: string): Promise<number> {
    const salt: string = getCache<string>("salt") ?? getSecret("salt") ?? "";
    setCache("salt", salt, { ttl: 1.5 });
    if (!(await storage.compareAndSet("lock", null, user, { ttl: 5 }))) return 0;
    const known: string[] = storage.list<number>({ prefix: "visits/" }).map((e) => e.key);
    await storage.delete("lock");
    return known.length + (await increment(`visits/${user}`));
}

// Streams.
export const proxied = async (ctx: Context): Promise<Response> => {
    const answer = await fetch(new Request("http://127.0.0.1/", { method: "POST", body: ctx.request().body }));
    const upper = new TransformStream<string, string>({
        transform: (text, controller) => controller.enqueue(text.toUpperCase()),
    });
    const body = answer.body?.pipeThrough(new TextDecoderStream()).pipeThrough(upper).pipeThrough(new TextEncoderStream());
    return new Response(body ?? null, { status: answer.status, headers: answer.headers });
};

export const changed = (ctx: Context): Response | undefined => {
    const upstream = ctx.upstream();
    if (upstream === null || upstream.body === null) return undefined;
    upstream.setBody(upstream.body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>()));
    return new Response(upstream.body, upstream);
};

export async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<number> {
    for await (const chunk of body) yield chunk.length;
}

export function user(token: string): string | undefined {
    try {
        return verifyJwt<{ sub: string }>(token, Buffer.from("c2VjcmV0", "base64url"), { algorithms: ["HS256"] }).payload.sub;
    } catch (error) {
        console.warn((error as JwtError).reason);
        return undefined;
    }
}

export async function sealed(text: string): Promise<string> {
    const key = await crypto.subtle.importKey("raw", new Uint8Array(16), "AES-GCM", false, ["encrypt"]);
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const bytes = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, new TextEncoder().encode(text));
    const signal = AbortSignal.any([AbortSignal.timeout(100), new AbortController().signal]);
    signal.throwIfAborted();
    const form = new FormData();
    form.append("sealed", new Blob([bytes]), "sealed.bin");
    return structuredClone({ at: performance.now(), size: (form.get("sealed") as File).size }).size.toFixed();
}

// The modules of Node.js that there are.
export function shown(host: string): string {
    const parsed: NodeURL = new NodeURL(`http://${domainToASCII(host)}/`);
    const params: NodeParams = new url.URLSearchParams({ host: domainToUnicode(parsed.hostname) });
    const blob: NodeBlob = new NodeBlob([URL.parse(host, parsed)?.search ?? params.toString()]);
    const stream: ReadableStream<Uint8Array> = blob.stream();
    warn("%s", stream.locked);
    logger.assert(nodeConsole !== undefined, util.format(1));
    return format("%s of %d", params, blob.size);
}
