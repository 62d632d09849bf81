// Bodies that modules make, change and read piece by piece: Response, ReadableStream, TransformStream, fetch().
import assert from 'node:assert/strict';
import http from 'node:http';
import { readFileSync } from 'node:fs';
import test, { after, before } from 'node:test';
import { Checker, send } from './lib/flow.mjs';
import { Gateway, until } from './lib/gateway.mjs';
import { Raw } from './lib/raw.mjs';
import { RawUpstream, stays } from './lib/upstream.mjs';

const MIB = 1 << 20;

let gateway;
const upstreams = [];
const logged = () => gateway.output;

before(async () => {
    gateway = await new Gateway({ workers: 1, limits: { module_idle_ms: 1000, module_wall_ms: 1500 } }).start();
});

after(async () => {
    await gateway?.remove();
    for (const u of upstreams) await u.close();
});

let count = 0;
// A route with one module; its path.
async function route(source, more = {}) {
    const n = ++count;
    await gateway.module(`m${n}`, source, { moduleType: 'typescript' });
    await gateway.put('route', { name: `r${n}`, paths: [`/r${n}`, `/r${n}/*`], methods: ['*'], modules: [`m${n}`], ...more });
    return `/r${n}`;
}

// A service whose upstream answers every connection with what onRequest(socket, head) does.
async function service(onRequest) {
    const up = await RawUpstream.listen((c) => {
        if (c.answered || !c.text.includes('\r\n\r\n')) return;
        c.answered = true;
        onRequest(c.socket, c.text);
    });
    upstreams.push(up);
    const name = `s${upstreams.length}`;
    await gateway.put('service', { name, urls: [up.url], retries: 0 });
    return { name, up };
}

function memory(what) {
    const [{ pid }] = gateway.children('worker');
    return Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

test('a Response is the answer', async () => {
    for (const [source, status, headers, text] of [
        ['new Response("hi", { status: 201, headers: { "X-A": "1" } })', 201, { 'x-a': '1', 'content-type': 'text/plain;charset=UTF-8', 'content-length': '2' }, 'hi'],
        ['Response.json({ a: 1 })', 200, { 'content-type': 'application/json' }, '{"a":1}'],
        ['Response.redirect("/there", 303)', 303, { location: '/there' }, ''],
        ['new Response(null, { status: 204 })', 204, {}, ''],
        ['new Response(new Uint8Array([104, 105]), { headers: { "content-type": "a/b" } })', 200, { 'content-type': 'a/b' }, 'hi'],
        ['new Response(new URLSearchParams({ a: "b c" }))', 200, { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' }, 'a=b+c'],
        ['(ctx.response().cookie("a", "b"), new Response("c", { headers: [["Set-Cookie", "d=e"]] }))', 200, { 'set-cookie': ['a=b', 'd=e'] }, 'c'],
        ['Response.error()', 500, {}, undefined],
        ['(ctx.response().send("x"), new Response("y"))', 500, {}, undefined],
    ]) {
        for (const wrap of ['(ctx: any) => ', 'async (ctx: any) => ']) {
            const path = await route(`export const requestHandler = ${wrap}${source};`);
            const got = await gateway.proxy(path);
            assert.equal(got.status, status, source);
            for (const [name, value] of Object.entries(headers)) assert.deepEqual(got.headers[name], value, source);
            if (text !== undefined) assert.equal(got.text, text, source);
        }
    }
});

test('a Response answers in requestModifier and errorHandler too', async () => {
    const modifier = await route('export const requestModifier = () => new Response("no", { status: 401 });');
    assert.equal((await gateway.proxy(modifier)).status, 401);
    const failing = await route(`
        export const requestHandler = () => { throw new Error("boom"); };
        export const errorHandler = (ctx: any, e: any) => new Response(new ReadableStream({
            start(c: any) { c.enqueue(new TextEncoder().encode("caught " + e.message)); c.close(); } }), { status: 418 });`);
    const got = await gateway.proxy(failing);
    assert.equal(got.status, 418);
    assert.match(got.text, /caught .*boom/);
});

test('events are delivered one by one', async () => {
    const path = await route(`
        const encoder = new TextEncoder();
        export function requestHandler() {
            let n = 0;
            const body = new ReadableStream({
                async pull(controller) {
                    await new Promise((done) => setTimeout(done, n === 0 ? 0 : 60));
                    if (n === 5) controller.close();
                    else controller.enqueue(encoder.encode(\`data: \${n++}\\n\\n\`));
                },
            });
            return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
        }`);
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.see(/\r\n\r\n/);
    assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(client.text, /content-type: text\/event-stream\r\n/i);
    for (let i = 0; i < 5; i++) {
        await client.see(new RegExp(`data: ${i}\n`));
        if (i < 4) assert.doesNotMatch(client.text, new RegExp(`data: ${i + 1}\n`));
    }
    await client.see(/\r\n0\r\n\r\n$/);
    // The connection goes on.
    client.send(`HEAD ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    await client.end();
    assert.match(client.text, /0\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/);
    client.close();
});

test('64 MiB pass a TransformStream in bounded memory', async (t) => {
    const size = 64 * MIB;
    const { name } = await service((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\nX-Up: 1\r\n\r\n`);
        send(socket, size);
    });
    const path = await route(`
        export const responseModifier = (ctx: any) => {
            let n = 0;
            const count = new TransformStream({
                transform(chunk: Uint8Array, controller: any) { n += chunk.length; controller.enqueue(chunk); },
                flush(controller: any) { controller.enqueue(new TextEncoder().encode("\\n" + n)); },
            });
            return new Response(ctx.upstream().body.pipeThrough(count), ctx.upstream());
        };`, { service: name });
    await gateway.proxy(path.replace(/$/, '/warm'), { method: 'HEAD' });
    const before = memory('VmHWM');
    const began = Date.now();
    const checker = new Checker();
    const tail = await new Promise((done, fail) => {
        http.get(`${gateway.proxyUrl}${path}`, (res) => {
            assert.equal(res.headers['x-up'], '1');
            assert.equal(res.headers['content-length'], undefined);
            let rest = Buffer.alloc(0);
            res.on('data', (chunk) => {
                const room = size - checker.received;
                checker.add(chunk.subarray(0, room));
                if (chunk.length > room) rest = Buffer.concat([rest, chunk.subarray(Math.max(0, room))]);
            });
            res.on('error', fail);
            res.on('end', () => done(rest.toString()));
        }).on('error', fail);
    });
    assert.equal(checker.wrong, 0);
    assert.equal(checker.received, size);
    assert.equal(tail, `\n${size}`);
    const grown = memory('VmHWM') - before;
    t.diagnostic(`${Math.round(64000 / (Date.now() - began))} MiB/s, worker grew by ${grown.toFixed(1)} MiB`);
    assert.ok(grown < 40, `the worker grew by ${grown} MiB`);
});
