// Bodies that modules make, change and read piece by piece: Response, ReadableStream, TransformStream, fetch().
import assert from 'node:assert/strict';
import http from 'node:http';
import { readFileSync } from 'node:fs';
import test, { after, before } from 'node:test';
import { Checker, send } from './lib/flow.mjs';
import { Gateway, until, withGateway } from './lib/gateway.mjs';
import { Raw } from './lib/raw.mjs';
import { RawUpstream, stays } from './lib/upstream.mjs';

const MIB = 1 << 20;

let gateway;
const upstreams = [];

before(async () => {
    gateway = await new Gateway({ workers: 1, limits: { module_idle_ms: 1000, module_wall_ms: 1500, compile_timeout_ms: 60000 } }).start();
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

test('Content-Length without a body is that of GET, or not there', async () => {
    const { name } = await service((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n'));
    const handler = (text) => `export const requestHandler = async (ctx: any) => { ${text} };`;
    const modifier = (text) => `export const responseModifier = async (ctx: any) => { const u: any = ctx.upstream(); ${text} };`;
    const stream = 'new ReadableStream({ pull(c: any) { c.enqueue(new Uint8Array(3)); c.close(); } })';
    for (const [source, method, length, more] of [
        [handler(`return new Response(${stream})`), 'HEAD', undefined],
        [handler('return new Response(null, { status: 304 })'), 'GET', undefined],
        [handler('ctx.response().status(304).send()'), 'HEAD', undefined],
        [handler('return new Response("four")'), 'HEAD', '4'],
        [handler('ctx.response().send("four")'), 'HEAD', '4'],
        [handler('return fetch("URL", { method: "HEAD" })'), 'HEAD', undefined],
        [handler('return new Response(null)'), 'GET', '0'],
        [modifier('u.headers.set("X-A", "b")'), 'HEAD', '5', { service: name }],
        [modifier('return new Response(null, u)'), 'HEAD', undefined, { service: name }],
        [modifier('return new Response("four", u)'), 'HEAD', '4', { service: name }],
        [modifier(`u.setBody(${stream})`), 'HEAD', undefined, { service: name }],
        [modifier('u.status(304).writeBody("")'), 'GET', undefined, { service: name }],
    ]) {
        const path = await route(source.replace('URL', upstreams.at(-1).url), more);
        const client = await Raw.connect(gateway.proxyPort);
        client.send(`${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
        await client.end();
        assert.match(client.text, /\r\n\r\n$/, source);
        assert.equal(/^content-length: (.*)\r$/im.exec(client.text)?.[1], length, `${source} ${client.text}`);
        assert.doesNotMatch(client.text, /transfer-encoding/i);
        client.close();
    }
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

// What modules log of the streams of a test: "name:event".
const noted = (name) => [...gateway.log.matchAll(new RegExp(`${name}:(\\w+)`, 'g'))].map((m) => m[1]);

// A body without end, in chunks of a MiB, that logs when it is pulled and cancelled.
const endless = (name) => `
    const chunk = new Uint8Array(${MIB}).fill(97);
    export const requestHandler = () => new Response(new ReadableStream({
        pull(c: any) { console.info("${name}:pull"); c.enqueue(chunk); },
        cancel(reason: any) { console.info("${name}:cancelled", String(reason)); },
    }, { highWaterMark: 0 }));`;

test('a client that reads slowly stops the reading of the stream', async () => {
    const path = await route(endless('slow'));
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.see(/200 OK/);
    client.socket.pause();
    const pulled = await stays(() => noted('slow').length, 500);
    assert.ok(pulled >= 1 && pulled < 32, `${pulled} MiB were made for a client that does not read`);
    client.socket.resume();
    const before = client.data.length;
    await client.wait('more', (c) => c.data.length > before + 12 * MIB);
    client.close();
    await until('the cancel', () => noted('slow').includes('cancelled'));
    assert.match(gateway.log, /slow:cancelled Error: the client is gone/);
});

test('a client that goes away cancels the stream behind a TransformStream, and the upstream', async () => {
    const { name, up } = await service((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    });
    const path = await route(`export const responseModifier = (ctx: any) => {
        ctx.upstream().setBody(ctx.upstream().body.pipeThrough(new TransformStream()));
    };`, { service: name });
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.see(/hello/);
    assert.equal(up.connections[0].ended, false);
    client.close();
    await until('the upstream is told', () => up.connections[0].ended || up.connections[0].closed);
});

test('an error in the stream aborts the connection', async () => {
    const path = await route(`
        export const requestHandler = () => new Response(new ReadableStream({
            start(c: any) { c.enqueue(new TextEncoder().encode("first")); },
            async pull() { await new Promise((done) => setTimeout(done, 50)); throw new Error("no more"); },
        }, { highWaterMark: 0 }));`);
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.end();
    assert.match(client.text, /5\r\nfirst\r\n$/);
    await until('the log', () => /module of route r\d+ broke off: m\d+:\d+:\d+: Error: no more/.test(gateway.log));
    client.close();
});

test('chunks that are no bytes abort the connection', async () => {
    const path = await route(`export const requestHandler = () => new Response(new ReadableStream({
        start(c: any) { c.enqueue("text"); c.close(); } }));`);
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.end();
    assert.doesNotMatch(client.text, /0\r\n\r\n/);
    await until('the log', () => /a chunk of the body is of type string, expected Uint8Array/.test(gateway.log));
    client.close();
});

test('an upstream that breaks off aborts the client, whatever the module makes of it', async () => {
    const { name } = await service((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello');
        setTimeout(() => socket.destroy(), 50);
    });
    const path = await route(`export const responseModifier = (ctx: any) => {
        const reader = ctx.upstream().body.getReader();
        return new Response(new ReadableStream({
            async pull(c: any) {
                try {
                    const { done, value } = await reader.read();
                    if (done) c.close(); else c.enqueue(value);
                } catch (e) {
                    console.info("swallowed " + e);
                    c.close();
                }
            },
        }));
    };`, { service: name });
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.end();
    assert.match(client.text, /200 OK[^]*hello/);
    assert.doesNotMatch(client.text, /0\r\n\r\n$/);
    await until('the log', () => /upstream \S+ broke off/.test(gateway.log));
    client.close();
});

test('a stream that stands still is aborted, one whose client stands still is not', async () => {
    const path = await route(`export const requestHandler = () => new Response(new ReadableStream({
        start(c: any) { c.enqueue(new TextEncoder().encode("first")); },
        cancel() { console.info("idle:cancelled"); } }));`);
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.end();
    assert.match(client.text, /first\r\n$/);
    await until('the log', () => /the body that requestHandler streams did not go on within 1000 ms/.test(gateway.log));
    await until('the cancel', () => noted('idle').includes('cancelled'));
    client.close();
});

test('the CPU limit counts for each piece', async () => {
    const path = await route(`
        const busy = (ms: number) => { for (const end = Date.now() + ms; Date.now() < end;); };
        export const requestHandler = (ctx: any) => {
            let n = 0;
            return new Response(new ReadableStream({
                async pull(c: any) {
                    await new Promise((done) => setTimeout(done, 1));
                    if (n++ === 10) { if (ctx.query().has("loop")) for (;;); c.close(); return; }
                    busy(20);
                    c.enqueue(new TextEncoder().encode("x"));
                },
            }, { highWaterMark: 0 }));
        };`);
    assert.equal((await gateway.proxy(path)).text, 'xxxxxxxxxx');
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`GET ${path}?loop HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.end();
    assert.match(client.text, /1\r\nx\r\n$/);
    await until('the log', () => /broke off: \S+: requestHandler used more than its 100 ms of CPU time/.test(gateway.log));
    client.close();
});

test('a stream that loops is stopped in a worker that has seen no error yet', async () => {
    await withGateway({ workers: 1, limits: { compile_timeout_ms: 60000 } }, async (fresh) => {
        const source = `export const requestHandler = () => new Response(new ReadableStream({
            async pull() { await new Promise((done) => setTimeout(done, 1)); for (;;); } }, { highWaterMark: 0 }));`;
        await fresh.module('loop', source, { moduleType: 'typescript' });
        await fresh.put('route', { name: 'loop', paths: ['/loop'], methods: ['*'], modules: ['loop'] });
        const [{ pid }] = fresh.children('worker');
        await assert.rejects(fresh.proxy('/loop'));
        await until('the log', () => /broke off: \S+: requestHandler used more than its 100 ms of CPU time/.test(fresh.log));
        assert.equal(fresh.children('worker')[0].pid, pid);
    });
});

test('what a responseModifier does to the body', async () => {
    const { name } = await service((socket, head) => {
        const body = head.startsWith('HEAD') ? '' : '5\r\nhello\r\n0\r\n\r\n';
        socket.write(`HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\nX-Up: 1\r\nConnection: close\r\n\r\n${body}`);
    });
    const upper = `const upper = () => new TransformStream({ transform(chunk: any, c: any) {
        c.enqueue(new TextEncoder().encode(new TextDecoder().decode(chunk).toUpperCase())); } });\n`;
    for (const [source, status, up, text] of [
        ['{ u.setBody(u.body.pipeThrough(upper())); }', 202, '1', 'HELLO'],
        ['{ u.setBody(u.body); }', 202, '1', 'hello'],
        ['{ return new Response(u.body); }', 200, undefined, 'hello'],
        ['{ return new Response(u.body, u); }', 202, '1', 'hello'],
        ['{ return new Response(u.body.pipeThrough(upper()), { status: 203, headers: { "X-Up": "2" } }); }', 203, '2', 'HELLO'],
        ['{ return new Response("own"); }', 200, undefined, 'own'],
        ['{ u.setBody("own"); }', 202, '1', 'own'],
        ['{ u.setBody(u.body); u.setBody("last"); }', 202, '1', 'last'],
        ['{ const t = await new Response(u.body).text(); u.setBody(t + "!"); }', 202, '1', 'hello!'],
        ['{ const t = await new Response(u.body).text(); return Response.json({ t }); }', 200, undefined, '{"t":"hello"}'],
        ['{ u.setBody(u.body); u.setBody(u.body.pipeThrough(upper())); }', 202, '1', 'HELLO'],
        ['{ u.setBody(u.body.pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream())); }', 202, '1', 'hello'],
        ['{ await u.body.cancel(); u.setBody(new Response("a stream").body); }', 202, '1', 'a stream'],
        ['{ u.setBody(u.body); ctx.response().status(206).send("sent"); }', 206, undefined, 'sent'],
        ['{ await u.body.getReader().read(); }', 502, undefined, undefined],
        ['{ await u.body.cancel(); }', 502, undefined, undefined],
        ['{ u.body.getReader(); u.setBody(u.body); }', 502, undefined, undefined],
        ['{ u.body; }', 502, undefined, undefined],
        ['{ u.body; await u.readBody(); }', 202, '1', 'hello'],
        ['{ u.readBody; u.setBody(u.body.pipeThrough(upper())); }', 202, '1', 'HELLO'],
    ]) {
        const path = await route(`${upper}export const responseModifier = async (ctx: any) => { const u: any = ctx.upstream(); ${source} };`, { service: name });
        const got = await gateway.proxy(path);
        assert.equal(got.status, status, source);
        assert.equal(got.headers['x-up'], up, source);
        if (text !== undefined) assert.equal(got.text, text, source);
    }
});

test('several responseModifiers, each of which sees what the one before made', async () => {
    const { name } = await service((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'));
    const wrap = (a, b) => `export const responseModifier = (ctx: any) => {
        const enc = new TextEncoder();
        const t = new TransformStream({ start(c: any) { c.enqueue(enc.encode("${a}")); }, flush(c: any) { c.enqueue(enc.encode("${b}")); } });
        return new Response(ctx.upstream().body.pipeThrough(t), { status: ctx.upstream().statusCode + 1 });
    };`;
    await gateway.module('inner', wrap('(', ')'), { moduleType: 'typescript' });
    await gateway.module('outer', wrap('[', ']'), { moduleType: 'typescript' });
    await gateway.put('route', { name: 'two', paths: ['/two'], methods: ['*'], modules: ['outer', 'inner'], service: name });
    const got = await gateway.proxy('/two');
    assert.equal(got.text, '[(hello)]');
    assert.equal(got.status, 202);
});

const UPPER = `const upper = (body) => body.pipeThrough(new TransformStream({ transform(chunk, c) {
    c.enqueue(new TextEncoder().encode(new TextDecoder().decode(chunk).toUpperCase())); } }));\n`;

// A route over modules of JavaScript, which run in the order that they are given in.
async function revised(sources, more) {
    const modules = [];
    for (const source of sources) {
        modules.unshift(`m${++count}`);
        await gateway.module(modules[0], source, { moduleType: 'javascript' });
    }
    await gateway.put('route', { name: `r${++count}`, paths: [`/r${count}`], methods: ['*'], modules, ...more });
    return `/r${count}`;
}

test('a body that is handed over at once is asked for', async () => {
    for (const source of ['(ctx) => new Response(ctx.request().body)', 'async (ctx) => { await new Promise((done) => setTimeout(done, 1)); return new Response(ctx.request().body); }']) {
        const path = await route(`export const requestHandler = ${source};`.replaceAll('ctx)', 'ctx: any)'));
        const client = await Raw.connect(gateway.proxyPort);
        client.send(`POST ${path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
        await client.see(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
        client.send('hello');
        await client.see(/\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*\r\n5\r\nhello\r\n0\r\n\r\n$/);
        client.close();
    }
});

test('a responseModifier sees the switch to another protocol, and may refuse it', async () => {
    const { name } = await service((socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nraw'));
    const u = (how) => `export async function responseModifier(ctx: any) { const u = ctx.upstream(); ${how} }`;
    for (const [source, pattern] of [
        [u('u.headers.set("x-has", String(u.body !== null));'), /^HTTP\/1\.1 101 [^]*x-has: false\r\n[^]*\r\n\r\nraw$/i],
        [u('u.headers.set("x-has", String((await u.readBody()).byteLength));'), /^HTTP\/1\.1 101 [^]*x-has: 0\r\n[^]*\r\n\r\nraw$/i],
        [u('return new Response("no", { status: 403 });'), /^HTTP\/1\.1 403 [^]*\r\n\r\nno$/],
        [u('return new Response(null, { status: 403 });'), /^HTTP\/1\.1 403 [^]*content-length: 0\r\n[^]*\r\n$/i],
        [u('u.statusCode = 204;'), /^HTTP\/1\.1 204 [^]*\r\n\r\n$/],
        [u('return new Response(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode("no")); c.close(); } }), { status: 403 });'), /^HTTP\/1\.1 403 [^]*\r\n\r\n2\r\nno\r\n0\r\n\r\n$/],
        [u('u.writeBody("more");'), /^HTTP\/1\.1 502 /],
    ]) {
        const path = await route(source, { service: name });
        const client = await Raw.connect(gateway.proxyPort);
        client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n`);
        await client.see(pattern);
        assert.equal(/upgrade: foo/i.test(client.text), / 101 /.test(client.text), source);
        client.close();
    }
});

test('a responseModifier that reads the body gets the stream that the one before set', async () => {
    const { name } = await service((socket) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n7\r\n{"a":"h\r\n5\r\né"}\n\r\n0\r\n\r\n'));
    const { up: other } = await service((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n{"B":"É"}'));
    const made = (how) => `${UPPER}export async function responseModifier(ctx) { const u = ctx.upstream(); ${how} }`;
    const writers = [
        [made('u.setBody(upper(u.body));'), '{"A":"HÉ"}\n'],
        [made('return new Response(upper(u.body), u);'), '{"A":"HÉ"}\n'],
        [made(`return fetch("${other.url}");`), '{"B":"É"}'],
        [made('u.setBody(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode("[1")); }, async pull(c) { c.enqueue(new TextEncoder().encode("]")); c.close(); } }));'), '[1]'],
        [made('u.body; u.writeBody("[2]");'), '[2]'],
    ];
    const read = (how) => `export async function responseModifier(ctx) { const u = ctx.upstream(); ${how} }`;
    const readers = [
        [read('u.writeBody("read:" + new TextDecoder().decode(await u.readBody()));'), (t) => `read:${t}`],
        [read('const [a, b] = await Promise.all([u.readBody(), u.readBody()]); u.writeBody(`${a.byteLength - b.byteLength}` + await new Response(u.body).text());'), (t) => `0${t}`],
        [read('await u.readBody();'), (t) => t],
        [read('u.writeBody("json:" + JSON.stringify(await u.readJson()));'), (t) => `json:${t.trim()}`],
        [`import { readWriteBody } from "dgate/util"; ${read('await readWriteBody(u, (t) => "written:" + t);')}`, (t) => `written:${t}`],
        ['function responseModifier(ctx, res) { res.body = "script:" + res.body; }', (t) => `script:${t}`],
        ['async function responseModifier(ctx, res) { await null; res.body = "later:" + res.body; }', (t) => `later:${t}`],
        ['function responseModifier(ctx, res) { res.headers["x-script"] = "1"; }', (t) => t],
    ];
    for (const [writer, text] of writers)
        for (const [reader, expected] of readers) {
            const got = await gateway.proxy(await revised([writer, reader], { service: name }));
            assert.equal(got.status, 200, `${writer}\n${reader}\n${got.text}`);
            assert.equal(got.text, expected(text), `${writer}\n${reader}`);
        }
});

test('a stream that is read in the chain is bounded, and its failure is the one of the request', async () => {
    const { name } = await service((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi'));
    const stream = (start) => `export function responseModifier(ctx) { ctx.upstream().setBody(new ReadableStream({ ${start} })); }`;
    const readers = ['export async function responseModifier(ctx) { await ctx.upstream().readBody(); }', 'function responseModifier(ctx, res) { res.body; }'];
    const handler = 'export const errorHandler = (ctx, e) => ctx.response().status(599).send(e.message);';
    for (const reader of readers) {
        const large = await revised([stream('pull(c) { c.enqueue(new Uint8Array(1 << 20)); }'), reader, handler], { service: name });
        assert.match((await gateway.proxy(large)).text, /the body is larger than \d+ bytes \(limits\.module_body_max\)/);
        const broken = await revised([stream('pull() { throw new Error("no more"); }'), reader, handler], { service: name });
        assert.match((await gateway.proxy(broken)).text, /no more/);
        const endless = await revised([stream('pull() { return new Promise(() => {}); }'), reader], { service: name });
        assert.equal((await gateway.proxy(endless)).status, 504);
    }
    // A script that does not read it lets it flow.
    const events = await revised([stream('start(c) { c.enqueue(new TextEncoder().encode("first")); setTimeout(() => c.close(), 2000); }, async pull() {}'),
        'function responseModifier(ctx, res) { res.headers["x-seen"] = "1"; }'], { service: name });
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`GET ${events} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await client.see(/x-seen: 1[^]*first/i, 1500);
    client.close();
});

test('a body that was written is what the next handler streams', async () => {
    const first = await gateway.proxy(await revised([
        'export async function requestHandler(ctx) { return new Response(ctx.request().body); }',
        'export function requestHandler(ctx) { ctx.request().body; ctx.request().writeBody("written"); }',
    ]), { method: 'POST', body: 'sent' });
    assert.equal(first.text, 'written');
});

test('fetch() goes on as a Response, and a request body as a stream', async () => {
    const up = http.createServer((req, res) => {
        const chunks = [];
        req.on('data', (c) => chunks.push(c));
        req.on('end', () => {
            res.writeHead(203, { 'X-Method': req.method, 'Content-Type': 'a/b' });
            res.write('got ');
            res.end(Buffer.concat(chunks).toString() + req.headers['content-type']);
        });
    });
    await new Promise((done) => up.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${up.address().port}/`;
    try {
        for (const [source, text] of [
            [`fetch("${url}", { method: "POST", body: "text" })`, 'got texttext/plain;charset=UTF-8'],
            [`fetch(new Request("${url}", { method: "POST", body: new URLSearchParams("a=b") }))`, 'got a=bapplication/x-www-form-urlencoded;charset=UTF-8'],
            [`fetch("${url}", { method: "PUT", body: ctx.request().body, headers: { "content-type": "c/d" } })`, 'got from the clientc/d'],
            [`fetch("${url}", { method: "PUT", body: new Response("stream").body, headers: { "content-type": "c/d" } })`, 'got streamc/d'],
            [`fetch("${url}", { method: "PUT", body: { a: 1 } }).then((r: any) => new Response(r.body, r))`, 'got {"a":1}application/json'],
            [`fetch("${url}", { method: "PUT", body: "x" }).then((r: any) => new Response(r.body.pipeThrough(new TransformStream()), { status: r.status, headers: r.headers }))`, 'got xtext/plain;charset=UTF-8'],
        ]) {
            const path = await route(`export const requestHandler = (ctx: any) => ${source};`);
            const got = await gateway.proxy(path, { method: 'POST', body: 'from the client' });
            assert.equal(got.text, text, source);
            assert.equal(got.status, 203, source);
            assert.equal(got.headers['content-type'], 'a/b', source);
        }
    } finally {
        up.closeAllConnections();
        up.close();
    }
});

test('16 MiB are sent back as they come', async () => {
    const path = await route('export const requestHandler = (ctx: any) => new Response(ctx.request().body);');
    const size = 16 * MIB;
    const checker = new Checker();
    await new Promise((done, fail) => {
        const req = http.request(`${gateway.proxyUrl}${path}`, { method: 'POST' }, (res) => {
            res.on('data', (chunk) => checker.add(chunk));
            res.on('end', done);
            res.on('error', fail);
        });
        req.on('error', fail);
        send(req, size).then(() => req.end());
    });
    assert.equal(checker.received, size);
    assert.equal(checker.wrong, 0);
});
