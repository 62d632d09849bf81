// The ctx of DGate 2's scripts: properties where DGate 1 has functions, over the same request.

import { jsonText } from "./body";
import type { Context } from "./context";
import { host, Side, Text } from "./host";
import { lazy } from "./lazy";
import { viewer } from "./own";
import type { Request } from "./request";
import { answerView, OwnAnswer, readable, replaceOwn, reviseUpstream, UpstreamAnswer, type Answer } from "./script_answer";
import { documentObject, Documents } from "./script_documents";
import { headerObject, replaceHeaders, type HeaderObject } from "./script_headers";
import { queryObject, replaceQuery, type QueryObject } from "./script_query";

export class ScriptRequest {
    readonly #handle: number;
    readonly #base: Request;
    #headers: HeaderObject | undefined;
    #query: QueryObject | undefined;

    constructor(handle: number, base: Request) {
        this.#handle = handle;
        this.#base = base;
    }

    get method(): string {
        return host.text(this.#handle, Text.Method);
    }

    set method(method: unknown) {
        host.setText(this.#handle, Text.Method, String(method));
    }

    // Percent-encoded, normalised.
    get path(): string {
        return host.text(this.#handle, Text.RawPath);
    }

    set path(path: unknown) {
        host.setText(this.#handle, Text.RawPath, String(path));
    }

    get query(): QueryObject {
        return (this.#query ??= queryObject(this.#handle));
    }

    set query(given: unknown) {
        replaceQuery(this.query, given);
    }

    get headers(): HeaderObject {
        return (this.#headers ??= headerObject(this.#base.headers, true));
    }

    set headers(given: unknown) {
        replaceHeaders(this.headers, given);
    }

    get body(): string {
        return host.bodyText(this.#handle, Side.Request);
    }

    set body(data: unknown) {
        this.#base.writeBody(data ?? "");
    }

    toJSON(): object {
        const { method, path, query, headers } = this;
        return { method, path, query, headers, body: readable(() => this.body) };
    }
}

const requestView = viewer<ScriptRequest>("method", "path", "query", "headers", "body");

// Takes over what an object has and is not as it was; a body that was read as text and is given back stays as it came.
function assignRequest(request: ScriptRequest, given: unknown): void {
    if (typeof given !== "object" || given === null) throw new TypeError("ctx.request must be an object");
    const { method, path, query, headers, body } = given as Partial<ScriptRequest>;
    if (method !== undefined && method !== request.method) request.method = method;
    if (path !== undefined && path !== request.path) request.path = path;
    if (query !== undefined) request.query = query;
    if (headers !== undefined) request.headers = headers;
    if (body !== undefined && body !== null && body !== readable(() => request.body)) request.body = body;
}

const SELF = Symbol("the context of a view");

export class ScriptContext {
    declare route: string;
    declare namespace: string;
    declare service: string | null;
    declare upstreamUrl: string | null;
    declare documents: Record<string, unknown>;
    declare _docStore: Record<string, unknown>;
    readonly #handle: number;
    readonly #base: Context;
    readonly #own: OwnAnswer;
    readonly #store = new Documents();
    #module = "";
    #request: ScriptRequest | undefined;
    #params: Record<string, string> | undefined;
    #documents: Record<string, unknown> | undefined;
    #upstream: UpstreamAnswer | undefined; // while responseModifiers run
    #response: Answer | undefined; // the view of that, or of its own
    #view: ScriptContext | undefined;
    #handled = false;

    constructor(handle: number, base: Context) {
        this.#handle = handle;
        this.#base = base;
        this.#own = new OwnAnswer(() => base.response());
    }

    static {
        const view = (c: ScriptContext) => (c.#documents ??= documentObject(c.#store, () => c.#module));
        lazy(ScriptContext.prototype, {
            route: (c) => host.text(c.#handle, Text.RouteName),
            namespace: (c) => host.text(c.#handle, Text.NamespaceName),
            service: (c) => host.text(c.#handle, Text.ServiceName) || null,
            upstreamUrl: (c) => host.text(c.#handle, Text.UpstreamUrl) || null,
            documents: view,
            _docStore: view,
        });
    }

    // What functions get.
    static viewOf(c: ScriptContext): ScriptContext {
        return (c.#view ??= contextView(c));
    }

    // Before a function of a module is called: one that revises the upstream's response, or one that handles the request.
    static enter(c: ScriptContext, module: string, isRevising: boolean, isHandling: boolean): void {
        c.#module = module;
        c.#handled ||= isHandling;
        const upstream = isRevising ? c.#base.upstream() : null;
        if ((upstream === null) === (c.#upstream === undefined)) return;
        c.#upstream = upstream === null ? undefined : new UpstreamAnswer(upstream);
        c.#response = undefined;
    }

    // After a function has succeeded: what it answered is the answer.
    static leave(c: ScriptContext): void {
        if (c.#upstream === undefined && OwnAnswer.isTouched(c.#own)) OwnAnswer.send(c.#own);
    }

    // A handler that set nothing answers with an empty body.
    static answer(c: ScriptContext): void {
        if (c.#handled) OwnAnswer.send(c.#own);
    }

    // Forgets what functions that failed have answered and written.
    static discard(c: ScriptContext): void {
        OwnAnswer.discard(c.#own);
        c.#store.discard();
    }

    static commit(c: ScriptContext): Promise<unknown> | undefined {
        return c.#store.commit();
    }

    // The object itself of a view.
    get [SELF](): this {
        return this;
    }

    get request(): ScriptRequest {
        return (this.#request ??= requestView(new ScriptRequest(this.#handle, this.#base.request())));
    }

    set request(given: unknown) {
        assignRequest(this.request, given);
    }

    get response(): Answer {
        return (this.#response ??= answerView(this.#upstream ?? this.#own));
    }

    set response(given: unknown) {
        if (this.#upstream === undefined) replaceOwn(this.#own, given);
        else reviseUpstream(this.#upstream, given);
    }

    get params(): Record<string, string> {
        return (this.#params ??= { ...this.#base.pathParams() });
    }

    set params(params: Record<string, string>) {
        this.#params = params;
    }

    setHeader(name: string, value: unknown): void {
        this.response.headers[String(name)] = value as string;
    }

    setStatus(code: number): void {
        this.response.statusCode = code;
    }

    status(code: number): this {
        this.setStatus(code);
        return this;
    }

    write(data: unknown): void {
        const self = this[SELF];
        if (self.#upstream === undefined) OwnAnswer.write(self.#own, data);
        else UpstreamAnswer.write(self.#upstream, data);
    }

    json(data: unknown): void {
        const text = jsonText(data);
        this.setHeader("Content-Type", "application/json");
        this.response.body = text;
    }

    redirect(url: unknown, status?: number): void {
        this.setHeader("Location", String(url));
        this.setStatus(status || 302);
        this.response.body = "";
    }

    pathParam(name: string): string | null {
        return this.params[name] || null;
    }

    queryParam(name: string): string | null {
        return this.request.query[name] || null;
    }

    getDocument(collection: string, id: string): { data: unknown } | null {
        const self = this[SELF];
        return self.#store.get(self.#module, collection, id);
    }

    setDocument(collection: string, id: string, data: unknown): void {
        const self = this[SELF];
        self.#store.set(self.#module, collection, id, data);
    }

    deleteDocument(collection: string, id: string): void {
        const self = this[SELF];
        self.#store.delete(self.#module, collection, id);
    }

    // 8 characters of base 36, from h = h * 31 + unit over the UTF-16 units, in 32 bits.
    hashString(text: unknown): string {
        const s = String(text);
        let h = 0;
        for (let i = 0; i < s.length; i++) h = (Math.imul(h, 31) + s.charCodeAt(i)) | 0;
        return Math.abs(h).toString(36).slice(-8).padStart(8, "0");
    }

    toJSON(): object {
        const { request, params, route, namespace, service, response } = this;
        return { request, params, route, namespace, service, response };
    }
}

const contextView = viewer<ScriptContext>("request", "params", "route", "namespace", "service", "response");
