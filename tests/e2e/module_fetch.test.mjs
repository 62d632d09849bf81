// fetch() of modules against real servers: redirects, compressed bodies, connections, limits, failures, https.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import zlib from 'node:zlib';
import { Gateway, temporaryDirectory, until, withGateway } from './lib/gateway.mjs';
import { Raw } from './lib/raw.mjs';
import { RawUpstream, answering, response } from './lib/upstream.mjs';

let gateway;
let server; // answers by path
let base;
let other; // the same on another port: another origin
let routes = 0;
const seen = []; // requests of both servers: {method, url, headers, body, socket}

const TEXT = 'All that is gold does not glitter. '.repeat(2000);
const CODED = {
    gzip: zlib.gzipSync(TEXT),
    deflate: zlib.deflateSync(TEXT),
    raw: zlib.deflateRawSync(TEXT),
    br: zlib.brotliCompressSync(TEXT),
    members: Buffer.concat([zlib.gzipSync(TEXT.slice(0, 100)), zlib.gzipSync(TEXT.slice(100))]),
};

const HANDLERS = {
    echo: (req, res) => res.end(JSON.stringify({ method: req.method, url: req.url, headers: req.headers, body: req.body })),
    to: (req, res, [status]) => res.writeHead(Number(status), { Location: decodeURIComponent(req.url.split('?')[1]) }).end('moved'),
    away: (req, res, [status]) => res.writeHead(Number(status), { Location: `${other}/echo` }).end(),
    loop: (req, res) => res.writeHead(302, { Location: '/loop' }).end(),
    nowhere: (req, res) => res.writeHead(302, { Location: 'ftp://example.com/' }).end(),
    bare: (req, res) => res.writeHead(302).end('no location'),
    coded: (req, res, [name]) => {
        const coding = { raw: 'deflate', members: 'gzip' }[name] ?? name;
        res.writeHead(200, { 'Content-Encoding': coding, 'Content-Length': CODED[name].length, ETag: req.headers['x-tag'] ?? '"t"' }).end(CODED[name]);
    },
    cut: (req, res) => res.writeHead(200, { 'Content-Encoding': 'gzip' }).end(CODED.gzip.subarray(0, 50)),
    garbage: (req, res) => res.writeHead(200, { 'Content-Encoding': 'gzip' }).end('this is not gzip'),
    chunked: (req, res) => {
        res.write('one ');
        setTimeout(() => res.end('two'), 20);
    },
    status: (req, res, [status]) => res.writeHead(Number(status), { ETag: '"x"' }).end(),
    head: (req, res) => res.writeHead(200, 'Fine', { 'X-Text': Buffer.from('grün').toString('latin1'), 'X-Empty': '', Location: '/there' }).end('ascii'),
    body: (req, res, [text]) => res.writeHead(200, 'Sehr gut', { 'X-A': '1' }).end(Buffer.from(decodeURIComponent(text), 'latin1')),
    slow: () => {},
    bytes: (req, res, [count]) => {
        let left = Number(count);
        const piece = Buffer.alloc(65536, 'x');
        const more = () => {
            while (left > 0) {
                const n = Math.min(left, piece.length);
                left -= n;
                res.sent = (res.sent ?? 0) + n;
                req.entry.sent = res.sent;
                if (!res.write(piece.subarray(0, n))) return void res.once('drain', more);
            }
            res.end();
        };
        more();
    },
};

async function listen(s) {
    await new Promise((done) => s.listen(0, '127.0.0.1', done));
    return s.address().port;
}

function makeServer() {
    return http.createServer({ keepAliveTimeout: 60000 }, (req, res) => {
        const chunks = [];
        req.on('data', (c) => chunks.push(c));
        req.on('end', () => {
            req.body = Buffer.concat(chunks).toString('latin1');
            req.entry = { method: req.method, url: req.url, headers: req.headers, body: req.body, socket: req.socket, closed: false };
            res.on('close', () => (req.entry.closed = true));
            seen.push(req.entry);
            const [, name, ...rest] = req.url.split('?')[0].split('/');
            (HANDLERS[name] ?? HANDLERS.echo)(req, res, rest);
        });
    });
}

before(async () => {
    server = makeServer();
    base = `http://127.0.0.1:${await listen(server)}`;
    server.second = makeServer();
    other = `http://127.0.0.1:${await listen(server.second)}`;
    gateway = await new Gateway({ workers: 1, limits: { module_fetches: 2000, fetch_connections: 16, fetch_queue: 2000, fetch_idle_timeout_ms: 700, module_body_max: 4194304, module_heap_mb: 512 } }).start();
});

after(async () => {
    await gateway?.remove();
    for (const s of [server, server?.second]) {
        s?.closeAllConnections();
        s?.close();
    }
});

// What the expression comes to in a module: text, or "! message". BASE and OTHER are the servers.
async function run(expression, g = gateway) {
    const n = ++routes;
    const source = `
        const BASE = ${JSON.stringify(base)}, OTHER = ${JSON.stringify(other)};
        export async function requestHandler(ctx: any) {
            let out: any;
            try { out = await (${expression}); } catch (e: any) { out = "! " + e.message; }
            ctx.response().send(typeof out === "string" ? out : JSON.stringify(out));
        }`;
    await g.module(`f${n}`, source, { moduleType: 'typescript' });
    await g.put('route', { name: `f${n}`, paths: [`/f${n}`], methods: ['*'], modules: [`f${n}`] });
    const answer = await g.proxy(`/f${n}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.text;
}

const json = async (expression) => JSON.parse(await run(expression));

// The request as it arrives where a redirect leads to.
const REDIRECTS = [
    // status, method, what arrives, whether the body does
    [301, 'GET', 'GET', false],
    [301, 'POST', 'GET', false],
    [302, 'POST', 'GET', false],
    [302, 'PUT', 'PUT', true],
    [303, 'POST', 'GET', false],
    [303, 'PUT', 'GET', false],
    [303, 'HEAD', 'HEAD', false],
    [307, 'POST', 'POST', true],
    [308, 'PUT', 'PUT', true],
    [308, 'GET', 'GET', false],
];

for (const [status, method, arrives, keepsBody] of REDIRECTS) {
    test(`a ${status} of ${method} becomes ${arrives}${keepsBody ? ' with its body' : ''}`, async () => {
        const body = method === 'GET' || method === 'HEAD' ? '' : ', body: "payload"';
        seen.length = 0;
        const got = await json(`fetch(BASE + "/to/${status}?%2Fecho%2Fthere", { method: "${method}"${body} }).then((r) => [r.status, r.redirected, r.url === BASE + "/echo/there"])`);
        assert.deepEqual(got, [200, true, true]);
        const last = seen.at(-1);
        assert.equal(last.method, arrives);
        assert.equal(last.body, keepsBody ? 'payload' : '');
        assert.equal(last.headers['content-type'] !== undefined, keepsBody);
    });
}

test('redirect locations are resolved, credentials stay at their origin', async () => {
    for (const [location, path] of [['/echo', '/echo'], ['../a/./b', '/a/b'], ['/echo?', '/echo?'], ['//' + other.slice(7) + '/y z', '/y%20z'], [`${base.toUpperCase()}/A`, '/A']]) {
        const to = encodeURIComponent(location);
        const { url } = await json(`fetch(BASE + "/to/302?${to}").then((r) => r.json())`);
        assert.equal(url, path);
    }
    const secrets = '{ headers: { Authorization: "Bearer t", Cookie: "a=b", "X-Own": "1" } }';
    const away = await json(`fetch(BASE + "/away/302", ${secrets}).then((r) => r.json())`);
    assert.equal(away.headers.authorization, undefined);
    assert.equal(away.headers.cookie, undefined);
    assert.equal(away.headers['x-own'], '1');
    const near = await json(`fetch(BASE + "/to/302?%2Fecho", ${secrets}).then((r) => r.json())`);
    assert.deepEqual([near.headers.authorization, near.headers.cookie], ['Bearer t', 'a=b']);
});

test('redirects that cannot be followed', async () => {
    const from = base.replace('http://', '');
    assert.equal(await run('fetch(BASE + "/loop")'), `! http://${from}: too many redirects`);
    assert.equal(await run('fetch(BASE + "/nowhere")'), `! http://${from}: the redirect leads nowhere (the scheme ftp is not http or https)`);
    assert.equal(await run('fetch(BASE + "/loop", { redirect: "error" })'), `! http://${from}: redirects not allowed`);
    assert.equal(await run('fetch(BASE + "/loop", { redirect: "manual" }).then((r) => r.status + r.headers.get("location"))'), '302/loop');
    assert.equal(await run('fetch(BASE + "/bare").then(async (r) => r.status + await r.text())'), '302no location');
});

test('a Content-Type is that of the Blob, not what its type is made to say', async () => {
    const blob = '(() => { const b = new Blob(["hi"], { type: "a/b" }); Object.defineProperty(b, "type", { value: "c/d\\nx-more: yes" }); return b; })()';
    const { headers } = await json(`fetch(BASE + "/echo", { method: "POST", body: ${blob} }).then((r) => r.json())`);
    assert.deepEqual([headers['content-type'], headers['x-more']], ['a/b', undefined]);
    const form = await json(`(() => { const f = new FormData(); const b = ${blob}; const file = new File([b], "n", { type: "a/b" }); Object.defineProperty(file, "type", { value: "c/d\\r\\nx-more: yes" }); f.set("f", file); return fetch(BASE + "/echo", { method: "POST", body: f }).then((r) => r.json()); })()`);
    assert.match(form.body, /\r\nContent-Type: a\/b\r\n\r\nhi\r\n/);
});

test('compressed bodies are decoded unless the module asked for them itself', async () => {
    for (const name of Object.keys(CODED)) {
        const got = await json(`fetch(BASE + "/coded/${name}").then(async (r) => [(await r.text()).length, r.headers.get("content-encoding"), r.headers.get("content-length")])`);
        assert.deepEqual(got, [TEXT.length, null, null], name);
    }
    const tagged = (headers) => run(`fetch(BASE + "/coded/gzip", { headers: ${JSON.stringify(headers)} }).then((r) => r.headers.get("etag"))`);
    assert.deepEqual([await tagged({}), await tagged({ 'X-Tag': 'W/"u"' }), await tagged({ 'Accept-Encoding': 'gzip' })], ['W/"t"', 'W/"u"', '"t"']);
    assert.match((await json('fetch(BASE + "/echo").then((r) => r.json())')).headers['accept-encoding'], /gzip.*br/);
    const raw = await json('fetch(BASE + "/coded/gzip", { headers: { "Accept-Encoding": "gzip" } }).then(async (r) => [(await r.arrayBuffer()).byteLength, r.headers.get("content-encoding"), r.headers.get("content-length")])');
    assert.deepEqual(raw, [CODED.gzip.length, 'gzip', String(CODED.gzip.length)]);
    assert.equal(await run('fetch(BASE + "/coded/gzip", { method: "HEAD" }).then((r) => r.headers.get("content-encoding"))'), 'gzip');
    assert.match(await run('fetch(BASE + "/cut").then((r) => r.text())'), /^! .*the compressed response body is incomplete$/);
    assert.match(await run('fetch(BASE + "/garbage").then((r) => r.text())'), /^! .*the compressed response body is broken$/);
});

test('a decoded body goes to clients as what it is', async () => {
    await gateway.put('service', { name: 'up', urls: [base] });
    const answers = [
        ['requestHandler', 'return fetch(URL)', {}],
        ['requestHandler', 'const a = await fetch(URL); return new Response(a.body.pipeThrough(new TransformStream()), a)', {}],
        ['requestHandler', 'const a = await fetch(URL); return new Response(await a.text(), a)', {}],
        ['responseModifier', 'return fetch(URL)', { service: 'up' }],
    ];
    for (const [name, body, more] of answers)
        for (const url of ['/coded/gzip', '/coded/br']) {
            const n = ++routes;
            await gateway.module(`f${n}`, `const URL = ${JSON.stringify(base + url)}; export async function ${name}() { ${body}; }`, { moduleType: 'javascript' });
            await gateway.put('route', { name: `f${n}`, paths: [`/f${n}`], methods: ['*'], modules: [`f${n}`], ...more });
            const got = await gateway.proxy(`/f${n}`);
            assert.equal(got.headers['content-encoding'], undefined, body);
            assert.equal(got.text, TEXT, body);
        }
});

test('bodies of every framing', async () => {
    assert.equal(await run('fetch(BASE + "/chunked").then((r) => r.text())'), 'one two');
    assert.deepEqual(await json('fetch(BASE + "/status/204").then(async (r) => [r.status, await r.text()])'), [204, '']);
    assert.deepEqual(await json('fetch(BASE + "/status/304").then(async (r) => [r.status, await r.text(), r.headers.get("etag")])'), [304, '', '"x"']);
    assert.deepEqual(await json('fetch(BASE + "/bytes/70000", { method: "HEAD" }).then(async (r) => [r.status, await r.text()])'), [200, '']);
    assert.equal(await json('fetch(BASE + "/bytes/300000").then(async (r) => (await r.text()).length)'), 300000);
    const posted = await json('fetch(BASE + "/echo", { method: "POST", body: "x".repeat(1000000) }).then((r) => r.json())');
    assert.equal(posted.body.length, 1000000);
    assert.equal(posted.headers['content-length'], '1000000');
});

test('heads and bodies come as they were sent, whatever is in them', async () => {
    const all = 'async (r) => [r.status, r.statusText, r.redirected, r.headers.get("x-a"), Array.from(await r.bytes())]';
    for (const text of ['plain', 'a\n\nb\n', 'nul\0', 'gr\u00fcn'])
        assert.deepEqual(await json(`fetch(BASE + "/body/${encodeURIComponent(text)}").then(${all})`), [200, 'Sehr gut', false, '1', [...Buffer.from(text, 'latin1')]]);
    const head = 'async (r) => [r.statusText, r.headers.get("x-text"), r.headers.get("x-empty"), r.headers.get("location"), await r.text()]';
    assert.deepEqual(await json(`fetch(BASE + "/head").then(${head})`), ['Fine', Buffer.from('grün').toString('latin1'), '', '/there', 'ascii']);
});

test('what the header fields of a request may be', async () => {
    const got = await json('fetch(BASE + "/echo", { headers: { "X-Empty": "", "X-Text": "grün", "X-Last": "1" } }).then((r) => r.json())');
    assert.equal(got.headers['x-empty'], '');
    assert.equal(got.headers['x-text'], 'grün'); // one byte for each character
    assert.equal(got.headers['x-last'], '1');
    assert.equal(await run('fetch(BASE + "/echo", { headers: { "X-Text": "z\u0142oty" } })'), '! a header value has characters above U+00FF');
    const many = (n) => `fetch(BASE + "/echo", { headers: Array.from({ length: ${n} }, (_, i) => ["x-" + i, "v"]) }).then((r) => r.status)`;
    assert.equal(await run(many(200)), '200');
    const tooLarge = '! the URL and the headers are too large: at most 256 headers, 262144 bytes';
    assert.equal(await run(many(257)), tooLarge);
    assert.equal(await run('fetch(BASE, { headers: { "X-A": "x".repeat(300000) } })'), tooLarge);
});

test('URLs are taken as browsers take them', async () => {
    assert.equal((await json('fetch(BASE + "/ec\\nho/\\ta").then((r) => r.json())')).url, '/echo/a');
    for (const [given, url] of [['/echo/../echo/./a?x=1#frag', '/echo/a?x=1'], ['/echo/ä b?q=ü', '/echo/%C3%A4%20b?q=%C3%BC'], ['/echo/100%', '/echo/100%25'], ['?q', '/?q']])
        assert.equal((await json(`fetch(BASE + ${JSON.stringify(given)}).then((r) => r.json())`)).url, url);
    assert.equal(await run('fetch("http://user:pw@127.0.0.1/")'), '! a URL with a user name or password is not allowed');

    // new URL(x).hostname is the host that fetch(x) asks.
    const port = Number(new URL(base).port);
    for (const host of ['0x7f.1', '127.1', '127.0.0.1.', '127.0.0.%31', '2130706433', '１２７.0.0.①'])
        assert.deepEqual(await json(`fetch("http://${host}:${port}/echo/" + new URL("http://${host}").hostname).then(async (r) => [(await r.json()).url, r.url])`), ['/echo/127.0.0.1', `${base}/echo/127.0.0.1`], host);
    for (const given of [`http:\\\\127.0.0.1:${port}\\echo`, `http:127.0.0.1:${port}/echo`, ` http://127.0.0.1:${port}/echo `, `HTTP:////127.0.0.1:0${port}/./echo`])
        assert.equal((await json(`fetch(${JSON.stringify(given)}).then((r) => r.json())`)).url, '/echo', given);
    for (const [given, host] of [['bücher.invalid', 'xn--bcher-kva.invalid'], ['xn--Bcher-KVA.invalid', 'xn--bcher-kva.invalid'], ['ﬁ.invalid', 'fi.invalid'], ['A.Invalid', 'a.invalid']])
        assert.match(await run(`fetch("http://${given}/")`), new RegExp(`^! http://${host}: `));
    for (const given of ['http://xn--a.invalid/', 'http://127.0.0.256/', 'http://1.2.3.4.5/', 'http://a b/', 'echo', '//127.0.0.1/'])
        assert.equal(await run(`fetch("${given}")`), `! "${given}" is not an absolute URL`);
});

test('a redirect to a host that browsers would read as another one is refused', async () => {
    const from = base.replace('http://', '');
    for (const [host, shown] of [['b\u00c3\u00bccher.example', 'b%C3%BCcher.example'], ['0x7f.1'], ['127.1'], ['127.0.0.1.'], ['127.0.0.%31']])
        assert.equal(await run(`fetch(BASE + "/to/302?" + encodeURIComponent("http://${host}/"))`),
            `! http://${from}: the redirect leads nowhere (the host ${shown ?? host} is not in its plain ASCII form)`);
});

// A request with raw bytes and what came back, as Latin-1.
async function exchange(path, fields = '') {
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}Connection: close\r\n\r\n`);
    await client.end();
    client.close();
    return client.text;
}

test('the bytes of header values survive in both directions', async () => {
    const SENT = 'X-U: caf\xc3\xa9\r\nX-L: caf\xe9\r\nX-End: \xc3\xa0\xa0\r\n';
    let asked;
    const up = await RawUpstream.listen(answering((r, c) => {
        asked = c.text.slice(c.text.lastIndexOf('GET '));
        return response('ok', `${SENT}Set-Cookie: a=\xe9\r\n`);
    }));
    await gateway.put('service', { name: 'bytes', urls: [up.url] });
    const route = async (source, more = {}) => {
        const n = ++routes;
        await gateway.module(`f${n}`, source, { moduleType: 'typescript' });
        await gateway.put('route', { name: `f${n}`, paths: [`/f${n}`], methods: ['*'], modules: [`f${n}`], ...more });
        return `/f${n}`;
    };
    const handler = (body) => route(`export async function requestHandler(ctx: any) { ${body} }`);
    const modifier = (body, kind = 'responseModifier') => route(`export async function ${kind}(ctx: any) { ${body} }`, { service: 'bytes' });
    const lower = (text) => text.replace(/^[A-Za-z-]+:/gm, (name) => name.toLowerCase());
    const wanted = (text) => lower(`${text}Set-Cookie: a=\xe9\r\n`).split('\r\n').slice(0, -1);
    const has = (text, fields) => {
        for (const field of fields) assert.ok(lower(text).includes(`${field}\r\n`), `${field} in ${JSON.stringify(text)}`);
    };

    for (const path of [
        await handler(`return fetch("${up.url}")`),
        await handler(`const r = await fetch("${up.url}"); return new Response("z", r)`),
        await modifier('return new Response("z", ctx.upstream())'),
        await modifier('const h = ctx.upstream().headers; for (const [n, v] of h.entries()) h.set(n, v);'),
        await route('function responseModifier(ctx, res) { for (const n of Object.keys(res.headers)) res.headers[n] = String(res.headers[n]); }', { service: 'bytes' }),
    ]) has(await exchange(path), wanted(SENT));

    // Of the client's request, by fetch() and to the upstream.
    for (const path of [
        await handler(`return fetch("${up.url}", { headers: ctx.request().headers })`),
        await modifier('const h = ctx.request().headers; for (const [n, v] of h.entries()) h.set(n, v);', 'requestModifier'),
        await handler(`const h = new Headers(); h.set("X-U", "caf\\u00c3\\u00a9"); h.set("X-L", "caf\\u00e9"); h.append("X-End", " \\u00c3\\u00a0\\u00a0 "); return fetch("${up.url}", { headers: h })`),
    ]) {
        await exchange(path, SENT);
        has(asked, lower(SENT).split('\r\n').slice(0, -1));
    }

    const path = await handler(`const h = ctx.response().headers; h.set("X-Byte", "\\u00e9"); h.set("X-Text", "\\u00e9\\u0142"); ctx.response().cookie("c", "\\u00e9");
        const c = ctx.response().getCookie("k")!.value; ctx.response().send([...c].map((x: string) => x.charCodeAt(0)).join())`);
    const text = await exchange(path, 'Cookie: k=\xc3\xa0\r\n');
    has(text, ['x-byte: \xe9', 'x-text: \xc3\xa9\xc5\x82', 'set-cookie: c=\xe9']);
    assert.match(text, /\r\n\r\n195,160$/);
    assert.match(await exchange(await handler('try { new Headers({ a: "\\u0142" }) } catch (e: any) { ctx.response().send(e.name + ": " + e.message) }')), /TypeError: a header value has characters above U\+00FF$/);
    await up.close();
});

test('connections are kept, and one that the server closed is replaced', async () => {
    seen.length = 0;
    for (let i = 0; i < 3; i++) await run('fetch(BASE + "/echo").then((r) => r.text())');
    assert.equal(new Set(seen.map((s) => s.socket)).size, 1);
    server.closeIdleConnections();
    assert.match(await run('fetch(BASE + "/echo").then((r) => r.text())'), /"method":"GET"/);

    // It closes each connection when the second request on it comes, without an answer.
    const up = await RawUpstream.listen(answering((r, c) => {
        c.count = (c.count ?? 0) + 1;
        if (c.count === 1) return response('ok');
        c.socket.destroy();
        return null;
    }));
    const get = `fetch("${up.url}/").then((r) => r.text())`;
    const post = `fetch("${up.url}/", { method: "POST", body: "b" }).then((r) => r.text())`;
    assert.equal(await run(get), 'ok');
    assert.equal(await run(get), 'ok');
    assert.equal(up.connections.length, 2);
    assert.match(await run(post), /^! .*the peer (closed|reset) the connection/);
    assert.equal(up.requests.filter((r) => r.method === 'POST').length, 1);
    await up.close();
});

test('an abort ends the fetch, and a request that ends drops it', async () => {
    seen.length = 0;
    // What fetch() asks of an AbortSignal.
    const signal = '{ aborted: false, reason: undefined, addEventListener(_: string, f: () => void) { setTimeout(() => { this.reason = new Error("enough"); f(); }, 100); }, removeEventListener() {} } as any';
    assert.equal(await run(`fetch(BASE + "/slow", { signal: ${signal} })`), '! enough');
    await until('the aborted request is closed', () => seen.length === 1 && seen[0].closed);
    seen.length = 0;
    assert.equal(await run('(fetch(BASE + "/slow?dropped"), fetch(BASE + "/echo").then(() => "done"))'), 'done');
    await until('the dropped request is closed', () => seen.some((s) => s.url === '/slow?dropped' && s.closed));
});

test('a server that says nothing is not waited for for ever', async () => {
    assert.match(await run('fetch(BASE + "/slow")'), /^! http:\/\/127.0.0.1:\d+: no response within the time limit$/);
});

test('a body that is not read holds the server back; one that is too large is an error', async () => {
    seen.length = 0;
    const size = 512 * 1024 * 1024;
    const held = run(`fetch(BASE + "/bytes/${size}").then((r) => new Promise((done) => setTimeout(() => done("held"), 400)))`);
    assert.equal(await held, 'held');
    await until('the rest is given up', () => seen[0].closed);
    assert.ok(seen[0].sent < 64 * 1024 * 1024, `${seen[0].sent} bytes were sent`);
    assert.match(await run('fetch(BASE + "/bytes/8000000").then((r) => r.text())'), /^! the body is larger than 4194304 bytes \(limits.module_body_max\)$/);
});

test('what is no HTTP is an error', async () => {
    const broken = [
        ['HELLO\r\n\r\n', /violated the protocol/],
        ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', /violated the protocol/],
        ['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort', /the response is incomplete/],
        ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', /violated the protocol/],
        [`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(70000)}\r\n\r\n`, /violated the protocol/],
        ['HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n', /switched protocols unasked/],
        ['', /the peer closed the connection/],
    ];
    for (const [text, expected] of broken) {
        const up = await RawUpstream.listen(answering((r, c) => void c.socket.end(text)));
        assert.match(await run(`fetch("${up.url}/").then((r) => r.text())`), expected, text.slice(0, 60));
        await up.close();
    }
});

test('a thousand fetches at once stay within the bound of connections', async () => {
    const sockets = new Set();
    seen.length = 0;
    assert.equal(await run('Promise.all(Array.from({ length: 1000 }, (_, i) => fetch(BASE + "/echo?" + i).then((r) => r.json()))).then((all) => String(new Set(all.map((a) => a.url)).size))'), '1000');
    for (const s of seen) sockets.add(s.socket);
    assert.ok(sockets.size <= 16, `${sockets.size} connections`);
    const worker = gateway.children('worker')[0].pid;
    assert.ok(readdirSync(`/proc/${worker}/fd`).length < 100);
});

function selfSigned() {
    const dir = temporaryDirectory();
    const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
        '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')]);
    assert.equal(made.status, 0, String(made.stderr));
    return { key: readFileSync(join(dir, 'key.pem')), cert: readFileSync(join(dir, 'cert.pem')), file: join(dir, 'cert.pem') };
}

test('https: a certificate that is not trusted is refused, a trusted one is not', async () => {
    const tls = selfSigned();
    const secure = https.createServer(tls, (req, res) => {
        const chunks = [];
        req.on('data', (c) => chunks.push(c));
        req.on('end', () => {
            const body = Buffer.concat(chunks).toString();
            if (req.url === '/coded') res.writeHead(200, { 'Content-Encoding': 'gzip' }).end(CODED.gzip);
            else if (req.url === '/down') res.writeHead(302, { Location: `${base}/echo` }).end();
            else if (req.url === '/large') res.end(Buffer.alloc(1000000, 'x'));
            else res.end(JSON.stringify({ method: req.method, body, headers: req.headers, socket: req.socket.remotePort }));
        });
    });
    const url = `https://localhost:${await listen(secure)}`;
    try {
        assert.match(await run(`fetch("${url}/")`), /^! https:\/\/localhost:\d+: the connection was refused or failed \(.*self-signed certificate/);
        await withGateway({ workers: 1 }, async (trusting) => {
            const get = async (expression) => JSON.parse(await run(expression, trusting));
            const first = await get(`fetch("${url}/", { method: "POST", body: "hello", headers: { "X-Own": "1" } }).then((r) => r.json())`);
            assert.deepEqual([first.method, first.body, first.headers['x-own'], first.headers['user-agent']], ['POST', 'hello', '1', 'DGate-Client/1.0']);
            assert.deepEqual(await get(`fetch("${url}/coded").then(async (r) => [(await r.text()).length, r.headers.get("content-encoding")])`), [TEXT.length, null]);
            assert.equal(await get(`fetch("${url}/large").then(async (r) => (await r.text()).length)`), 1000000);
            assert.deepEqual(await get(`fetch("${url}/down").then(async (r) => [r.redirected, (await r.json()).url])`), [true, '/echo']);
            const second = await get(`fetch("${url}/").then((r) => r.json())`);
            const third = await get(`fetch("${url}/").then((r) => r.json())`);
            assert.equal(second.socket, third.socket);
        }, { env: { SSL_CERT_FILE: tls.file } });
    } finally {
        secure.closeAllConnections();
        secure.close();
    }
});

test('private addresses are refused where the proxy refuses them', async () => {
    await withGateway({ workers: 1, proxy: { client_transport: { disable_private_ips: true } } }, async (strict) => {
        const refused = /127\.0\.0\.1.*: a private address \(proxy\.client_transport\.disable_private_ips\)/;
        assert.match(await run('fetch(BASE + "/echo")', strict), refused);
        assert.match(await run('fetch(BASE.replace("127.0.0.1", "localhost") + "/echo")', strict), /a private address/);
        assert.match(await run('fetch(BASE.replace("http://127.0.0.1", "https://127.0.0.1") + "/echo")', strict), refused);
        assert.match(await run('fetch(BASE.replace("127.0.0.1", "[::ffff:127.0.0.1]") + "/echo")', strict), /a private address/);
    });
});

test('a proxy of the environment is used, but for the names it excepts', async () => {
    const proxy = http.createServer((req, res) => res.end(`by proxy: ${req.method} ${req.url}`));
    const url = `http://127.0.0.1:${await listen(proxy)}`;
    try {
        await withGateway({ workers: 1 }, async (behind) => {
            assert.equal(await run('fetch("http://nowhere.invalid/a?b").then((r) => r.text())', behind), 'by proxy: GET http://nowhere.invalid/a?b');
            assert.match(await run('fetch(BASE + "/echo").then((r) => r.text())', behind), /"url":"\/echo"/);
        }, { env: { http_proxy: url, no_proxy: '127.0.0.1' } });
    } finally {
        proxy.closeAllConnections();
        proxy.close();
    }
});

test('a network error is a TypeError that says what it was', async () => {
    const rows = await json(`Promise.all([
        ["http://127.0.0.1:1/"], ["http://nobody.invalid/"], ["http://u:p@a/"], ["http://a:99999/"], ["ftp://a/"], ["nope"],
        [BASE + "/loop"], [BASE + "/nowhere"], [BASE + "/loop", { redirect: "error" }], [BASE + "/slow"],
    ].map((args) => fetch(...args as [string]).then(() => "no error", (e) => [e.name, e instanceof TypeError, e.message.length > 10])))`);
    for (const row of rows) assert.deepEqual(row, ['TypeError', true, true]);
    assert.match(await run('fetch("http://127.0.0.1:1/")'), /^! http:\/\/127\.0\.0\.1:1: .*refused/);
    assert.equal(await run('fetch(BASE + "/garbage").then((r) => r.text()).catch((e) => e.name)'), 'TypeError');
    assert.equal(await run('fetch(BASE + "/slow", { signal: AbortSignal.timeout(5) }).catch((e) => e.name)'), 'TimeoutError');
    assert.equal(await run('fetch(BASE + "/slow", { signal: AbortSignal.abort() }).catch((e) => e.name)'), 'AbortError');
});

test('a response to HEAD has no body', async () => {
    assert.deepEqual(await json('fetch(BASE + "/head", { method: "HEAD" }).then(async (r) => [r.status, r.body, await r.text()])'), [200, null, '']);
});

test('a request aborts with the signal it was made with, and its own one', async () => {
    assert.deepEqual(await json(`(async () => {
        const c = new AbortController();
        const r = new Request(BASE + "/slow", { signal: c.signal });
        const answer = fetch(r).catch((e) => e);
        c.abort("enough");
        return [await answer, r.signal.reason];
    })()`), ['enough', 'enough']);
});
