// DGate 2's ctx; compiled by "make lint", so that the types stay true.

import type { ScriptContext, ScriptResponse } from "dgate";

export function requestModifier(ctx: ScriptContext): void {
    ctx.request.headers["x-trace"] = ctx.hashString(ctx.request.path);
    ctx.request.query = { ...ctx.request.query, page: 2 };
    delete ctx.request.headers["cookie"];
    if (ctx.queryParam("key") === null) ctx.status(401).json({ error: "no key" });
}

export const fetchUpstreamUrl = (ctx: ScriptContext): string | null =>
    ctx.getDocument<{ url: string }>("targets", ctx.route)?.data.url ?? null;

export function responseModifier(ctx: ScriptContext, res: ScriptResponse): void {
    res.statusCode = 202;
    res.body = JSON.stringify({ was: res.body, from: ctx.upstreamUrl });
    ctx.setDocument("seen", ctx.pathParam("id") ?? "none", { service: ctx.service });
}

export function errorHandler(ctx: ScriptContext, error: Error): void {
    ctx.setHeader("Retry-After", 5);
    ctx.write(error.message);
    ctx.setStatus(503);
}
