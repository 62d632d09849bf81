// Ways of a body through a gateway, and an upstream that sends back what it got.
import http from 'node:http';

// What comes back is what was sent, or, where a module changes it, that with "+" behind it.
export const WAYS = {
    'no module': { expect: '' },
    'a request body that a module reads': { module: 'export async function requestModifier(ctx) { await ctx.request().readBody(); }', expect: '' },
    'a request body that a module replaces': {
        module: 'export async function requestModifier(ctx) { const r = ctx.request(); r.writeBody(new TextDecoder().decode(await r.readBody()) + "+"); }',
        expect: '+',
    },
    'a response body that a module reads': { module: 'export async function responseModifier(ctx) { await ctx.upstream().readBody(); }', expect: '' },
    'a response body that a module replaces': {
        module: 'export async function responseModifier(ctx) { const u = ctx.upstream(); u.writeBody(new TextDecoder().decode(await u.readBody()) + "+"); }',
        expect: '+',
    },
    'a response body that a module changes as it comes': {
        module: `export function responseModifier(ctx) { const u = ctx.upstream();
            const body = u.body ?? new ReadableStream({ start(c) { c.close(); } });
            u.setBody(body.pipeThrough(new TransformStream({ flush(c) { c.enqueue(new TextEncoder().encode("+")); } }))); }`,
        expect: '+',
    },
    'a handler that answers with the text of the request': {
        module: 'export async function requestHandler(ctx) { ctx.response().send(new TextDecoder().decode(await ctx.request().readBody()) + "+"); }',
        handles: true,
        expect: '+',
    },
    'a handler that answers with the stream of the request': { module: 'export function requestHandler(ctx) { return new Response(ctx.request().body); }', handles: true, expect: '' },
    'a handler that passes bytes to fetch and reads the answer': {
        module: (url) => `export async function requestHandler(ctx) {
            const r = await fetch("${url}", { method: "POST", body: await ctx.request().readBody() });
            ctx.response().send(await r.text() + "+"); }`,
        handles: true,
        expect: '+',
    },
    'a handler that answers with what fetch answers': {
        module: (url) => `export async function requestHandler(ctx) { return fetch("${url}", { method: "POST", body: await ctx.request().readBody() }); }`,
        handles: true,
        expect: '',
    },
};

// The modules and routes of all ways, with what is asked for as /INDEX; url is the upstream's.
export async function addWays(gateway, url) {
    await gateway.put('service', { name: 'echo', urls: [url], retries: 0 });
    for (const [n, { module, handles }] of Object.values(WAYS).entries()) {
        if (module !== undefined)
            await gateway.module(`m${n}`, typeof module === 'function' ? module(url) : module, { moduleType: 'javascript' });
        await gateway.put('route', {
            name: `r${n}`,
            paths: [`/${n}`],
            methods: ['*'],
            modules: module === undefined ? [] : [`m${n}`],
            ...(handles ? {} : { service: 'echo' }),
        });
    }
}

// Each octet tells its place, in ASCII: a piece that is lost, repeated or moved shows.
export function octets(size) {
    const made = Buffer.alloc(size);
    for (let i = 0; i < size; i++) made[i] = 97 + ((i + (i >> 10) * 7 + (i >> 16) * 3) % 26);
    return made;
}

// Sends what it got when all is there: read(request) gives it, write(response, data) sends it and ends.
export async function echoServer(read = readAll, write = (res, data) => res.end(data)) {
    const server = http.createServer((req, res) => read(req).then((data) => write(res, data), () => res.destroy())).listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    return server;
}

export async function readAll(stream) {
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks);
}

// Sends one request; resolves with { status, body }. It fails when nothing moves for ms.
export function send(url, { agent, headers, write, read = readAll, ms = 10000 }) {
    return new Promise((done, fail) => {
        const req = http.request(url, { method: 'POST', agent, headers, timeout: ms }, (res) => {
            read(res).then((body) => done({ status: res.statusCode, body }), fail);
        });
        req.on('timeout', () => req.destroy(new Error('it stands still')));
        req.on('error', fail);
        write(req);
    });
}

export function framing(size, chunked) {
    return chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': size };
}
