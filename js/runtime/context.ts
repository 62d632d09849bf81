// ctx: what a module's functions get. Nothing in it is converted before it is read.

import { requireAlive } from "./current";
import { GatewayError } from "./errors";
import { Fields } from "./fields";
import { host, Num, Resource, Side, Text } from "./host";
import { postAnswer } from "./outbox";
import type { Query } from "./query";
import { Request } from "./request";
import { Response } from "./response";
import { ScriptContext } from "./script_context";
import { Upstream } from "./upstream";
import { moveBody, takeBody } from "./web/body";
import { pump } from "./web/pump";
import type { Response as WebResponse } from "./web/response";

function setFields(fields: Fields, response: WebResponse): void {
    response.headers.forEach((value, name) => {
        if (name === "set-cookie") fields.add(name, value);
        else fields.set(name, value);
    });
}

export class Context {
    readonly #handle: number;
    #request: Request | undefined;
    #response: Response | undefined;
    #upstream: Upstream | undefined;
    #params: Record<string, string> | undefined;
    #values: Map<unknown, unknown> | undefined;
    #resources: unknown[] | undefined;
    #script: ScriptContext | undefined;
    #answered = false; // with a Response that a function returned

    constructor(handle: number) {
        this.#handle = handle;
    }

    static handleOf(ctx: Context): number {
        return ctx.#handle;
    }

    // Whether a module has answered.
    static hasResponded(ctx: Context): boolean {
        return ctx.#answered || (ctx.#response !== undefined && ctx.#response.headersSent);
    }

    static discardResponse(ctx: Context): void {
        ctx.#response = undefined;
        ctx.#answered = false;
        if (ctx.#script !== undefined) ScriptContext.discard(ctx.#script);
    }

    // The same request for DGate 2's scripts; made when the first of them is called.
    static scriptOf(ctx: Context): ScriptContext {
        return (ctx.#script ??= new ScriptContext(ctx.#handle, ctx));
    }

    // What is to be waited for before the request goes on.
    static commit(ctx: Context): Promise<unknown> | undefined {
        return ctx.#script === undefined ? undefined : ScriptContext.commit(ctx.#script);
    }

    // At the end of the handlers: a script's answer is there even if it set nothing.
    static answerFor(ctx: Context): void {
        if (ctx.#script !== undefined && !Context.hasResponded(ctx)) ScriptContext.answer(ctx.#script);
    }

    // Answers with a Response. What was set in ctx.response() stays, unless the Response has a field of that name.
    static respond(ctx: Context, response: WebResponse): void {
        const handle = ctx.#handle;
        if (Context.hasResponded(ctx)) throw new GatewayError("a response was sent already");
        if (response.status < 200) throw new TypeError("the Response that was returned is an error");
        const body = takeBody(response);
        setFields(new Fields(handle, Side.Response), response);
        if (typeof body !== "string" || !postAnswer(handle, response.status, false, body)) {
            const isWhole = body === null || typeof body === "string" || body instanceof Uint8Array;
            if (!isWhole) pump(handle, body);
            host.send(handle, response.status, isWhole ? (body ?? undefined) : undefined);
        }
        ctx.#answered = true;
    }

    // A Response in the place of the upstream's.
    static replaceUpstream(ctx: Context, response: WebResponse): void {
        const upstream = ctx.upstream();
        if (upstream === null) return;
        if (response.status < 200) throw new TypeError("the Response that was returned is an error");
        const body = moveBody(response);
        for (const name of upstream.headers.keys()) upstream.headers.del(name);
        setFields(upstream.headers, response);
        upstream.statusCode = response.status;
        upstream.setBody(body ?? "");
    }

    // undefined: the upstream's body is no stream that a module set.
    static collectUpstream(ctx: Context): Promise<void> | undefined {
        return ctx.#upstream === undefined ? undefined : Upstream.collect(ctx.#upstream);
    }

    // The responseModifiers are over: a stream that one of them set begins to flow.
    static sendUpstream(ctx: Context): void {
        if (ctx.#upstream !== undefined && !Context.hasResponded(ctx)) Upstream.send(ctx.#upstream);
    }

    // The upstream's response is only there while responseModifiers run.
    static discardUpstream(ctx: Context): void {
        ctx.#upstream = undefined;
    }

    get id(): string {
        return host.text(this.#handle, Text.Id);
    }

    request(): Request {
        return (this.#request ??= new Request(this.#handle));
    }

    response(): Response {
        return (this.#response ??= new Response(this.#handle));
    }

    upstream(): Upstream | null {
        if (this.#upstream === undefined && host.number(this.#handle, Num.HasUpstream) !== 0)
            this.#upstream = new Upstream(this.#handle);
        return this.#upstream ?? null;
    }

    query(): Query {
        return this.request().query;
    }

    pathParams(): Record<string, string> {
        requireAlive(this.#handle);
        if (this.#params !== undefined) return this.#params;
        const flat = host.params(this.#handle);
        const params = Object.create(null) as Record<string, string>;
        for (let i = 0; i + 1 < flat.length; i += 2) params[flat[i] as string] = flat[i + 1] as string;
        return (this.#params = params);
    }

    pathParam(name: string): string {
        return this.pathParams()[name] ?? "";
    }

    route(): unknown {
        return this.#resource(Resource.Route);
    }

    service(): unknown {
        return this.#resource(Resource.Service);
    }

    namespace(): unknown {
        return this.#resource(Resource.Namespace);
    }

    #resource(what: Resource): unknown {
        requireAlive(this.#handle);
        this.#resources ??= [];
        if (what in this.#resources) return this.#resources[what];
        const found = JSON.parse(host.resource(this.#handle, what)) as { name: string } | null;
        if (found !== null)
            Object.defineProperty(found, "getName", { value: () => found.name, enumerable: false });
        return (this.#resources[what] = found);
    }

    get(key: unknown): unknown {
        const value = this.#values?.get(key);
        return value === undefined ? null : value;
    }

    set(key: unknown, value: unknown): void {
        (this.#values ??= new Map()).set(key, value);
    }

    toJSON(): { id: string } {
        return { id: this.id };
    }
}
