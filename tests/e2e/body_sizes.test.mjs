// Bodies of every size that a buffer, a window or a read ends at, by every way through the gateway.
import assert from 'node:assert/strict';
import http from 'node:http';
import test, { after, before } from 'node:test';
import { Gateway } from './lib/gateway.mjs';

const KIB = 1 << 10;
const SIZES = [0, 1, 1023, 4095, 4096, 16 * KIB - 1, 16 * KIB, 32 * KIB, 48 * KIB, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1,
    96 * KIB, 128 * KIB, 128 * KIB + 1, 300000, 1 << 20, 3000000];

// What comes back is what was sent, or, where a module changes it, that with "+" behind it.
const WAYS = {
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

let gateway;
let echo;
let url;

before(async () => {
    gateway = await new Gateway({ workers: 1 }).start();
    echo = http.createServer((req, res) => {
        const chunks = [];
        req.on('data', (chunk) => chunks.push(chunk));
        req.on('end', () => res.end(Buffer.concat(chunks)));
    }).listen(0, '127.0.0.1');
    await new Promise((done) => echo.once('listening', done));
    url = `http://127.0.0.1:${echo.address().port}/`;
    await gateway.put('service', { name: 'echo', urls: [url], retries: 0 });
});

after(async () => {
    await gateway?.remove();
    echo?.closeAllConnections();
    echo?.close();
});

// Each octet tells its place, in ASCII: a piece that is lost, repeated or moved shows.
function body(size) {
    const made = Buffer.alloc(size);
    for (let i = 0; i < size; i++) made[i] = 97 + ((i + (i >> 10) * 7 + (i >> 16) * 3) % 26);
    return made;
}

function ask(agent, path, data, chunked) {
    return new Promise((done, fail) => {
        const headers = chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': data.length };
        const req = http.request(gateway.proxyUrl + path, { method: 'POST', agent, headers, timeout: 10000 }, (res) => {
            const chunks = [];
            res.on('data', (chunk) => chunks.push(chunk));
            res.on('end', () => done({ status: res.statusCode, body: Buffer.concat(chunks) }));
            res.on('error', fail);
        });
        req.on('timeout', () => req.destroy(new Error('it stands still')));
        req.on('error', fail);
        req.end(data);
    });
}

Object.entries(WAYS).forEach(([name, { module, handles, expect }], n) => test(name, async () => {
    const modules = module === undefined ? [] : [`m${n}`];
    if (module !== undefined)
        await gateway.module(`m${n}`, typeof module === 'function' ? module(url) : module, { moduleType: 'javascript' });
    await gateway.put('route', { name: `r${n}`, paths: [`/${n}`], methods: ['*'], modules, ...(handles ? {} : { service: 'echo' }) });
    const kept = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (const size of SIZES) {
        const data = body(size);
        const wanted = Buffer.concat([data, Buffer.from(expect)]);
        for (const agent of [false, kept]) {
            for (const chunked of [false, true]) {
                const what = `${size} octets${chunked ? ', chunked' : ''}${agent ? ', on a kept connection' : ''}`;
                const got = await ask(agent, `/${n}`, data, chunked).catch((e) => assert.fail(`${what}: ${e.message}`));
                assert.equal(got.status, 200, `${what}: ${got.body.subarray(0, 200)}`);
                assert.ok(got.body.equals(wanted), `${what}: ${got.body.length} octets came back`);
            }
        }
    }
    kept.destroy();
}));
