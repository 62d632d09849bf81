// What modules of DGate 1 and DGate 2 do to real requests: chains, forwarding, documents, failures.
import assert from 'node:assert/strict';
import http from 'node:http';
import test, { after, before } from 'node:test';
import { freePort, Gateway, request, until, withUpstream } from './lib/gateway.mjs';

let gateway;
let upstream;
let asked = 0;
const BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

before(async () => {
    upstream = http.createServer((req, res) => {
        asked++;
        const chunks = [];
        req.on('data', (c) => chunks.push(c));
        req.on('end', () => {
            if (req.url.startsWith('/bytes')) return res.end(BYTES);
            if (req.headers['x-fields']) for (const [name, value] of JSON.parse(req.headers['x-fields'])) res.setHeader(name, value);
            res.setHeader('Content-Type', 'application/json');
            const body = Buffer.concat(chunks);
            res.end(JSON.stringify({ method: req.method, url: req.url, headers: req.headers, raw: req.rawHeaders, body: body.toString(), length: body.length }));
        });
    });
    await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
    gateway = await new Gateway({ limits: { module_cpu_ms: 150, module_wall_ms: 3000, compile_timeout_ms: 60000 } }).start();
    await gateway.put('service', { name: 'up', urls: [`http://127.0.0.1:${upstream.address().port}`] });
    await gateway.put('collection', { name: 'docs' });
});

after(async () => {
    await gateway?.remove();
    upstream?.closeAllConnections();
    upstream?.close();
});

let count = 0;
// Puts modules and a route over them; a source is its text, or [text, more fields]. Returns the route's path.
async function route(sources, more = {}) {
    const n = ++count;
    const modules = [];
    for (const [name, given] of Object.entries(sources)) {
        const [source, fields] = Array.isArray(given) ? given : [given, {}];
        await gateway.module(`${name}-${n}`, source.replaceAll('$N', String(n)), { moduleType: 'javascript', ...fields });
        modules.push(`${name}-${n}`);
    }
    await gateway.put('route', { name: `r${n}`, paths: [`/r${n}`, `/r${n}/*`], methods: ['*'], modules, ...more });
    return `/r${n}`;
}
const proxied = (sources, more) => route(sources, { service: 'up', ...more });
const document = async (id) => (await gateway.admin('GET', `/api/v1/document/${id}?collection=docs`));

// --- DGate 1 ---

test('ctx.set() and get() carry values between all functions of a request, and not to the next', async () => {
    const path = await proxied({ m: `
        export const requestModifier = (ctx) => ctx.set("n", (ctx.get("n") ?? 0) + 1);
        export const responseModifier = (ctx) => ctx.upstream().headers.set("X-N", String(ctx.get("n")));` });
    for (let i = 0; i < 3; i++) assert.equal((await gateway.proxy(path)).headers['x-n'], '1');
});

test('ctx.response() is there in responseModifier and in the errorHandler after it, and a failing responseModifier is a 502', async () => {
    const answered = await proxied({ m: 'export const responseModifier = (ctx) => { ctx.response().status(299).send("instead"); };' });
    const one = await gateway.proxy(answered);
    assert.deepEqual([one.status, one.text], [299, 'instead']);
    const handled = await proxied({ m: `
        export const responseModifier = () => { throw new Error("late"); };
        export const errorHandler = (ctx, e) => { ctx.response().status(510).send(ctx.upstream() === null ? e.message : "?"); };` });
    const two = await gateway.proxy(handled);
    assert.equal(two.status, 510);
    assert.match(two.text, /late/);
    const bare = await proxied({ m: 'export const responseModifier = () => { throw new Error("late"); };' });
    assert.equal((await gateway.proxy(bare)).status, 502);
});

test('what is set of a response without answering goes with the upstream\'s', async () => {
    const put = 'c.headers.set("Access-Control-Allow-Origin", "*"); c.cookie("sid", "1"); c.headers.add("X-Two", "a"); c.headers.add("X-Two", "b"); c.headers.set("Vary", "Origin"); c.headers.set("Content-Length", "1"); c.headers.set("Connection", "x-two"); c.status(299);';
    const sources = {
        requestModifier: `export function requestModifier(ctx) { const c = ctx.response(); ${put} }`,
        responseModifier: `export async function responseModifier(ctx) { await null; const c = ctx.response(); ${put} }`,
        returned: `export function responseModifier(ctx) { const c = ctx.response(); ${put} return new Response(ctx.upstream().body, ctx.upstream()); }`,
    };
    const fields = [['Access-Control-Allow-Origin', 'https://a'], ['Set-Cookie', ['up=2', 'u=3']], ['X-Two', 'c'], ['Vary', 'Accept'], ['X-Up', 'u']];
    for (const [name, source] of Object.entries(sources)) {
        const got = await gateway.proxy(await proxied({ m: source }), { headers: { 'X-Fields': JSON.stringify(fields) } });
        assert.equal(got.status, 200, name);
        assert.equal(got.json.method, 'GET', name);
        assert.equal(got.headers['access-control-allow-origin'], '*', name);
        assert.deepEqual(got.headers['set-cookie'], ['sid=1', 'up=2', 'u=3'], name);
        assert.deepEqual([got.headers['x-two'], got.headers.vary, got.headers['x-up']], ['a, b', 'Origin, Accept', 'u'], name);
    }
    const script = await proxied({ m: 'function requestModifier(ctx) { ctx.setHeader("X-Only", "1"); }' });
    assert.equal((await gateway.proxy(script)).headers['x-only'], '1');
    const dead = `http://127.0.0.1:${await freePort()}`;
    const failing = `export const requestModifier = (ctx) => { ctx.response().headers.set("X-A", "1"); }; export const fetchUpstream = () => "${dead}";`;
    for (const more of ['', 'export const errorHandler = (ctx) => { ctx.response().status(503).send("down"); };']) {
        const got = await gateway.proxy(await proxied({ m: failing + more }));
        assert.deepEqual([got.status, got.headers['x-a']], [more === '' ? 502 : 503, undefined]);
    }
});

test('ctx.upstream().query() is what the upstream was asked with', async () => {
    const seen = 'export const responseModifier = (ctx) => { ctx.upstream().headers.set("X-Query", ctx.upstream().query().encode()); };';
    const query = async (source, more) => {
        const got = await gateway.proxy(`${await proxied({ m: source }, more)}?a=1&b=2`);
        return [got.headers['x-query'], new URL(got.json.url, 'http://x').search];
    };
    assert.deepEqual(await query(seen), ['a=1&b=2', '?a=1&b=2']);
    assert.deepEqual(await query(`${seen} export const fetchUpstream = () => "127.0.0.1:${upstream.address().port}/base?k=v";`), ['a=1&b=2&k=v', '?k=v&a=1&b=2']);
    assert.deepEqual(await query(`${seen} export const requestModifier = (ctx) => ctx.request().headers.set("X-A", "1");`), ['a=1&b=2', '?a=1&b=2']);
    await gateway.put('service', { name: 'bare', urls: [`http://127.0.0.1:${upstream.address().port}`], disableQueryParams: true });
    assert.deepEqual(await query(seen, { service: 'bare' }), ['', '']);
});

test('fetchUpstream without a scheme is http', async () => {
    await withUpstream((req, res) => res.end(`at ${req.url}`), async (url) => {
        const path = await proxied({ m: `export const fetchUpstream = () => "${url.slice(7)}/base";` });
        assert.equal((await gateway.proxy(path)).text, `at /base${path}`);
    });
});

test('nothing from fetchUpstream is an error', async () => {
    for (const value of ['""', 'null', 'undefined']) {
        const path = await proxied({ m: `export const fetchUpstream = async () => ${value};` });
        const answer = await gateway.proxy(path);
        assert.equal(answer.status, 500);
        await until('the reason', () => /fetchUpstream returned an invalid URL/.test(gateway.log));
    }
});

test('upstream().redirect() answers without a body', async () => {
    for (const [call, status] of [['redirect', 307], ['redirectPermanent', 301]]) {
        const path = await proxied({ m: `export const responseModifier = (ctx) => ctx.upstream().${call}("/elsewhere");` });
        const answer = await gateway.proxy(path);
        assert.deepEqual([answer.status, answer.headers.location, answer.text], [status, '/elsewhere', '']);
    }
});

test('response().redirect() resolves against the path, with a body for GET only', async () => {
    const path = await route({ m: 'export const requestHandler = (ctx) => { ctx.response().redirect("../x?y=1"); };' });
    const get = await gateway.proxy(`${path}/a/b`);
    assert.deepEqual([get.status, get.headers.location], [307, `${path}/x?y=1`]);
    assert.equal(get.text, `<a href="${path}/x?y=1">Temporary Redirect</a>.\n\n`);
    assert.match(get.headers['content-type'], /^text\/html/);
    const post = await gateway.proxy(`${path}/a/b`, { method: 'POST' });
    assert.deepEqual([post.status, post.text], [307, '']);
});

test('send() several times appends, the type is found', async () => {
    const path = await route({ m: 'export function requestHandler(ctx) { ctx.response().status(201).send("<html>"); ctx.response().send("more"); ctx.response().end(); }' });
    const answer = await gateway.proxy(path);
    assert.deepEqual([answer.status, answer.text, answer.headers['content-type']], [201, '<html>more', 'text/html; charset=utf-8']);
});

test('an answer of a requestModifier ends the request: nothing of the chain and no upstream is asked', async () => {
    const before = asked;
    const path = await proxied({
        first: 'export const requestModifier = async (ctx) => { await null; ctx.response().status(401).json({ no: 1 }); };',
        second: 'export const requestModifier = (ctx) => { ctx.response().headers.set("X-Second", "1"); }; export const responseModifier = (ctx) => { ctx.response().headers.set("X-Third", "1"); };',
    });
    const answer = await gateway.proxy(path);
    assert.deepEqual([answer.status, answer.json, answer.headers['x-second'], answer.headers['x-third']], [401, { no: 1 }, undefined, undefined]);
    assert.equal(asked, before);
});

test('modules run in the order of the route, whatever their names', async () => {
    const add = (c) => `export const requestModifier = (ctx) => ctx.request().headers.set("X-Order", ctx.request().headers.get("X-Order") + "${c}");`;
    const path = await proxied({ z: add('z'), a: add('a'), m: add('m') });
    assert.equal((await gateway.proxy(path)).json.headers['x-order'], 'zam');
});

test('a top-level function that is not exported is found too', async () => {
    const path = await route({ lib: 'export const text = "found";', m: 'import { text } from "./lib-$N"; function requestHandler(ctx) { ctx.response().send(text); }' });
    assert.equal((await gateway.proxy(path)).text, 'found');
});

test('readWriteBody() replaces what the upstream sent', async () => {
    const path = await proxied({ m: 'import { readWriteBody } from "dgate/util"; export const responseModifier = (ctx) => readWriteBody(ctx.upstream(), (text) => JSON.parse(text).url + "!");' });
    assert.equal((await gateway.proxy(path)).text, `${path}!`);
});

// --- failing closed ---

for (const [what, body] of [
    ['an exception', 'throw new Error("no");'],
    ['a rejection', 'return Promise.reject(new Error("no"));'],
    ['a rejection without a reason', 'return Promise.reject();'],
    ['an exception after an await', 'return (async () => { await null; throw null; })();'],
    ['a promise that never settles', 'return new Promise(() => {});'],
    ['an endless loop', 'for (;;);'],
    ['an endless promise chain', 'return (async () => { for (;;) await null; })();'],
    ['endless recursion', 'const f = () => f() + 1; f();'],
    ['too much memory', 'const a = []; for (;;) a.push(new Array(1e6).fill(a.length));'],
    ['a status that is none', 'ctx.response().status(5000);'],
])
    for (const flavour of ['dgate1', 'dgate2'])
        test(`${what} in a requestModifier never lets the request through (${flavour})`, async () => {
            const text = body.replace('ctx.response().status', flavour === 'dgate1' ? 'ctx.response().status' : 'ctx.setStatus');
            const path = await proxied({
                auth: [`export function requestModifier(ctx) { ${text} }`, { moduleApi: flavour }],
                next: 'export function requestModifier(ctx) { ctx.request().headers.set("X-Next", "1"); }',
            });
            const before = asked;
            const answer = await gateway.proxy(path);
            assert.ok(answer.status >= 500, `${answer.status}`);
            assert.equal(asked, before);
        });

test('a module that cannot be loaded lets nothing through', async () => {
    const path = await proxied({ m: 'throw new Error("at the top"); export const requestModifier = () => {};' });
    const before = asked;
    assert.equal((await gateway.proxy(path)).status, 500);
    assert.equal(asked, before);
    await until('the place', () => new RegExp(`m-${count}:1:\\d+: Error: at the top`).test(gateway.log));
});

// --- DGate 2 ---

test('ctx, ctx.request and ctx.response are copied and enumerated as plain objects', async () => {
    const rows = [
        ['ctx.request', { method: 'POST', path: 'PATH', query: { a: '1' }, body: '{"k":"v"}' }],
        ['{ ...ctx.request }', { method: 'POST', path: 'PATH', query: { a: '1' }, body: '{"k":"v"}' }],
        ['Object.assign({}, ctx.request)', { method: 'POST', path: 'PATH', query: { a: '1' }, body: '{"k":"v"}' }],
        ['Object.fromEntries(Object.entries(ctx.request))', { method: 'POST', path: 'PATH', query: { a: '1' }, body: '{"k":"v"}' }],
        ['(() => { const { method, ...rest } = ctx.request; return rest; })()', { path: 'PATH', query: { a: '1' }, body: '{"k":"v"}' }],
        ['Object.keys(ctx.request)', ['method', 'path', 'query', 'headers', 'body']],
        ['(() => { const out = []; for (const k in ctx.request) out.push(k); return out; })()', ['method', 'path', 'query', 'headers', 'body']],
        ['[ctx.request.hasOwnProperty("method"), "body" in ctx.request, ctx.request.hasOwnProperty("x")]', [true, true, false]],
        ['(ctx.status(201), { ...ctx.response })', { statusCode: 201, headers: {}, body: '' }],
        ['Object.keys(ctx)', ['request', 'params', 'route', 'namespace', 'service', 'response']],
        ['({ ...ctx }).request.method', 'POST'],
        ['(ctx.mine = 1, [Object.keys(ctx).includes("mine"), ({ ...ctx }).mine])', [true, 1]],
    ];
    for (const [expression, expected] of rows) {
        const path = await route({ m: `function requestHandler(ctx) { ctx.json(${expression}); }` });
        const { json, text } = await gateway.proxy(`${path}?a=1`, { method: 'POST', body: '{"k":"v"}' });
        assert.ok(json !== undefined, `${expression}: ${text}`);
        if (json.headers !== undefined && json.statusCode === undefined) delete json.headers;
        const wanted = JSON.parse(JSON.stringify(expected).replaceAll('PATH', path));
        assert.deepEqual(json, wanted, expression);
    }
    const empty = await gateway.proxy(await route({ m: 'function requestHandler(ctx) { ctx.json(ctx.request); }' }));
    assert.equal(empty.json.body, '');
    const copied = await proxied({ m: 'function responseModifier(ctx, res) { const all = { ...res }; res.body = JSON.stringify([Object.keys(res), all.statusCode, all.body.length > 2]); }' });
    assert.deepEqual((await gateway.proxy(copied)).json, [['statusCode', 'headers', 'body'], 200, true]);
});

test('ctx.response and ctx.request may be assigned', async () => {
    const answered = async (source) => gateway.proxy(await route({ m: source }));
    const plain = await answered('function requestHandler(ctx) { ctx.setHeader("gone", "1"); ctx.response = { statusCode: 404, headers: { a: "b" }, body: "x" }; }');
    assert.deepEqual([plain.status, plain.text, plain.headers.a, plain.headers.gone], [404, 'x', 'b', undefined]);
    const after = await answered('function requestHandler(ctx) { ctx.response = { body: "a" }; ctx.write("b"); ctx.status(201); }');
    assert.deepEqual([after.status, after.text], [201, 'ab']);
    const copy = await answered('function requestHandler(ctx) { ctx.status(202).setHeader("a", "b"); ctx.response = { ...ctx.response, body: "c" }; ctx.write(ctx.response.headers.a); }');
    assert.deepEqual([copy.status, copy.text], [202, 'cb']);
    const wrong = await answered('function requestHandler(ctx) { try { ctx.response = 1; } catch (e) { ctx.json(e.message); } }');
    assert.equal(wrong.json, 'ctx.response must be an object');
    const early = await gateway.proxy(await proxied({ m: 'function requestModifier(ctx) { ctx.response = { statusCode: 401 }; }' }));
    assert.equal(early.status, 401);
    const revised = await gateway.proxy(await proxied({ m: 'function responseModifier(ctx, res) { ctx.response = { statusCode: 222, body: ctx.response.body.slice(0, 1) }; }' }));
    assert.deepEqual([revised.status, revised.text], [222, '{']);

    const changed = await proxied({ m: 'function requestModifier(ctx) { ctx.request = { ...ctx.request, method: "PUT", path: "/p", query: { q: "1" }, body: "new" }; }' });
    const got = (await gateway.proxy(`${changed}?a=1`, { method: 'POST', body: 'old', headers: { 'X-Kept': 'k' } })).json;
    assert.deepEqual([got.method, got.url, got.body, got.headers['x-kept']], ['PUT', '/p?q=1', 'new', 'k']);
    const bytes = await proxied({ m: 'function requestModifier(ctx) { ctx.request = { ...ctx.request, headers: {} }; }' });
    const raw = (await gateway.proxy(bytes, { method: 'POST', body: Buffer.from([0xff, 0xfe]) })).json;
    assert.equal(raw.length, 2);
});

test('what a script writes to ctx.request is what the upstream gets', async () => {
    const path = await proxied({ m: `
        function requestModifier(ctx) {
            ctx.request.method = "PUT";
            ctx.request.path = "/other/../there it is";
            ctx.request.query.added = "1 &";
            ctx.request.headers["X-Added"] = ctx.hashString("a");
            delete ctx.request.headers["x-secret"];
            ctx.request.body = ctx.request.body + "!";
        }` });
    const answer = await gateway.proxy(`${path}?a=1&b=%20x&a=2`, { method: 'POST', body: 'é', headers: { 'X-Secret': 's', 'X-Kept': ['1', '2'] } });
    const { method, url, headers, body } = answer.json;
    assert.deepEqual([method, url, body], ['PUT', '/there%20it%20is?a=1&b=%20x&a=2&added=1+%26', 'é!']);
    assert.deepEqual([headers['x-added'], headers['x-secret'], headers['x-kept'], headers['content-length']], ['0000002p', undefined, '1, 2', '3']);
});

test('a path that a script writes is forwarded as it is, stripPath or not; service URLs stay in front', async () => {
    const plain = await proxied({ m: 'function requestModifier(ctx) { if (ctx.queryParam("to")) ctx.request.path = ctx.queryParam("to"); }' }, { stripPath: true });
    assert.equal((await gateway.proxy(`${plain}/x/y`)).json.url, '/x/y');
    assert.equal((await gateway.proxy(`${plain}/x/y?to=/z/`)).json.url, '/z/?to=/z/');
    await gateway.put('service', { name: 'based', urls: [`http://127.0.0.1:${upstream.address().port}/base`] });
    const based = await proxied({ m: 'function requestModifier(ctx) { ctx.request.path = "/p"; ctx.request.query = {}; }' }, { service: 'based' });
    assert.equal((await gateway.proxy(`${based}?gone=1`)).json.url, '/base/p');
});

test('replacing all headers or parameters keeps those that are unchanged as they came', async () => {
    const path = await proxied({ m: `
        function requestModifier(ctx) {
            const { "x-drop": _, ...rest } = ctx.request.headers;
            ctx.request.headers = { ...rest, "X-Fresh": "f" };
            ctx.request.query = { ...ctx.request.query, c: "3" };
        }` });
    const { url, raw } = (await gateway.proxy(`${path}?a=%41&b=2`, { headers: { 'X-Drop': '1', 'X-Many': ['1', '2'] } })).json;
    assert.equal(url, `${path}?a=%41&b=2&c=3`);
    const names = raw.filter((_, i) => i % 2 === 0).map((n) => n.toLowerCase());
    assert.equal(names.filter((n) => n === 'x-many').length, 2);
    assert.ok(names.includes('x-fresh') && !names.includes('x-drop'));
});

test('responseModifier(ctx, res) changes status, headers and body', async () => {
    const path = await proxied({ m: `
        function responseModifier(ctx, res) {
            res.statusCode = 202;
            res.headers["X-Route"] = ctx.route;
            ctx.setHeader("X-Hash", ctx.hashString(res.body));
            var body = JSON.parse(res.body);
            res.body = JSON.stringify({ url: body.url, service: ctx.service });
        }` });
    const answer = await gateway.proxy(path);
    assert.deepEqual([answer.status, answer.headers['x-route'], answer.json], [202, `r${count}`, { url: path, service: 'up' }]);
    assert.match(answer.headers['x-hash'], /^[0-9a-z]{8}$/);
});

test('binary bodies pass scripts untouched, in both directions', async () => {
    await withUpstream((req, res) => req.pipe(res), async (url) => {
        await gateway.put('service', { name: 'mirror', urls: [url] });
        for (const source of [
            'function requestModifier(ctx) { ctx.request.headers["X-A"] = "1"; } function responseModifier(ctx, res) { res.headers["X-B"] = "2"; }',
            'function requestModifier(ctx) { return ctx.request.body.length; } function responseModifier(ctx, res) { return res.body.length; }',
        ]) {
            const path = await route({ m: source }, { service: 'mirror' });
            assert.deepEqual((await gateway.proxy(path, { method: 'POST', body: BYTES })).bytes, BYTES);
        }
    });
});

test('a body is collected only for a script that may read it', async () => {
    // An upstream that answers before it has the whole body shows whether it was collected.
    await withUpstream((req, res) => { res.write('begun '); req.on('end', () => res.end('ended')); req.resume(); }, async (url) => {
        await gateway.put('service', { name: 'early', urls: [url] });
        const path = await route({ m: 'function requestModifier(ctx) { ctx.request.headers["x-name"] = ctx.params["*"]; ctx.response.headers["X-A"] = "1"; } function responseModifier(ctx, res) { for (const k of Object.keys(res.headers)) res.headers["x-" + k] = res.headers[k]; }' }, { service: 'early' });
        await new Promise((done, fail) => {
            const req = http.request(gateway.proxyUrl + path, { method: 'POST', headers: { 'Transfer-Encoding': 'chunked' }, agent: false }, (res) => {
                let text = '';
                res.on('data', (c) => { if (text === '') req.end('the rest'); text += c; });
                res.on('end', () => (text === 'begun ended' ? done() : fail(new Error(text))));
            });
            req.on('error', fail);
            req.setTimeout(15000, () => req.destroy(new Error('the body was waited for')));
            req.write('first');
        });
    });
});

test('a script answers through ctx.response, also in a requestModifier; headers alone are no answer', async () => {
    const handler = await route({ m: 'function requestHandler(ctx) { ctx.response = undefined; }' });
    assert.equal((await gateway.proxy(handler)).status, 500); // it is read-only
    const direct = await route({ m: 'function requestHandler(ctx) { ctx.response.statusCode = 207; ctx.response.headers["X-D"] = "1"; ctx.response.body = "direct"; }' });
    const one = await gateway.proxy(direct);
    assert.deepEqual([one.status, one.headers['x-d'], one.text], [207, '1', 'direct']);
    const empty = await gateway.proxy(await route({ m: 'function requestHandler(ctx) { ctx.setHeader("X-E", "1"); }' }));
    assert.deepEqual([empty.status, empty.text, empty.headers['x-e']], [200, '', '1']);
    const before = asked;
    const refused = await gateway.proxy(await proxied({ m: 'function requestModifier(ctx) { if (!ctx.request.headers.authorization) ctx.status(401).json({ error: "who?" }); }' }));
    assert.deepEqual([refused.status, refused.json], [401, { error: 'who?' }]);
    assert.equal(asked, before);
    const passed = await gateway.proxy(await proxied({ m: 'function requestModifier(ctx) { ctx.setHeader("X-Only", "1"); }' }));
    assert.equal(passed.status, 200);
    assert.equal(asked, before + 1);
});

test('handlers may be async, and bytes may be written', async () => {
    const path = await route({ m: 'async function requestHandler(ctx) { await new Promise((done) => setTimeout(done, 5)); ctx.write("a"); ctx.write(Uint8Array.from([0, 255])); }' });
    assert.deepEqual((await gateway.proxy(path)).bytes, Buffer.from([97, 0, 255]));
});

test('documents are written when the function succeeded, before the response is there; deletes too', async () => {
    const path = await route({ m: `
        function requestHandler(ctx) {
            var found = ctx.getDocument("docs", "counter");
            var n = (found ? found.data.n : 0) + 1;
            ctx.setDocument("docs", "counter", { n: n });
            if (ctx.queryParam("fail")) throw new Error("not this time");
            if (n === 3) ctx.deleteDocument("docs", "counter");
            ctx.json({ n: n, seen: ctx.getDocument("docs", "counter") });
        }` });
    assert.deepEqual((await gateway.proxy(path)).json, { n: 1, seen: { data: { n: 1 } } });
    assert.deepEqual((await document('counter')).json.data.data, { n: 1 });
    assert.equal((await gateway.proxy(`${path}?fail=1`)).status, 500);
    assert.deepEqual((await document('counter')).json.data.data, { n: 1 });
    assert.deepEqual((await gateway.proxy(path)).json.n, 2);
    assert.deepEqual((await gateway.proxy(path)).json, { n: 3, seen: null });
    assert.equal((await document('counter')).status, 404);
});

test('a document that cannot be written is an error, which an errorHandler gets', async () => {
    const source = 'function requestHandler(ctx) { ctx.setDocument("absent", "x", 1); ctx.json("fine"); }';
    const bare = await gateway.proxy(await route({ m: source }));
    assert.equal(bare.status, 500);
    const path = await route({ m: `${source} function errorHandler(ctx, error) { ctx.status(507).write(error.message); }` });
    const answer = await gateway.proxy(path);
    assert.equal(answer.status, 507);
    assert.match(answer.text, /ctx.setDocument\("absent", "x"\): .*absent/);
    const many = await gateway.proxy(await route({ m: 'function requestHandler(ctx) { for (var i = 0; i <= 100; i++) ctx.setDocument("docs", "d" + i, i); }' }));
    assert.equal(many.status, 500);
    await until('the reason', () => /at most 100 documents/.test(gateway.log));
    assert.equal((await document('d0')).status, 404);
});

test('deleting what is not there is fine; every phase writes', async () => {
    const path = await proxied({ m: `
        function requestModifier(ctx) { ctx.deleteDocument("docs", "never"); ctx.documents["docs:phase-1"] = 1; }
        function responseModifier(ctx, res) { ctx.setDocument("docs", "phase-2", res.statusCode); delete ctx.documents["docs:phase-1"]; }` });
    assert.equal((await gateway.proxy(path)).status, 200);
    assert.equal((await document('phase-1')).status, 404);
    assert.equal((await document('phase-2')).json.data.data, 200);
});

test('fetchUpstreamUrl chooses the upstream; nothing leaves it to the service', async () => {
    await withUpstream((req, res) => res.end('chosen'), async (url) => {
        for (const wrap of [(v) => `function fetchUpstreamUrl(ctx) { return ${v}; }`, (v) => `async function fetchUpstreamUrl(ctx) { await null; return ${v}; }`]) {
            const path = await proxied({ m: wrap(`ctx.queryParam("other") ? "${url}" : null`) });
            assert.equal((await gateway.proxy(`${path}?other=1`)).text, 'chosen');
            assert.equal((await gateway.proxy(path)).json.url, path);
        }
        const script = await proxied({ m: [`function fetchUpstream(ctx) { return ctx.request.query.none ? null : "${url}"; }`, {}] });
        assert.equal((await gateway.proxy(script)).text, 'chosen');
        assert.equal((await gateway.proxy(`${script}?none=1`)).status, 500);
    });
});

test('a chain may mix both: they see each other\'s changes', async () => {
    const path = await proxied({
        one: 'export const requestModifier = (ctx) => { ctx.request().headers.set("X-A", "1"); ctx.set("k", 1); }; export const responseModifier = (ctx) => { ctx.upstream().headers.set("X-Seen", ctx.upstream().headers.get("X-Two") + ctx.upstream().statusCode); };',
        two: 'function requestModifier(ctx) { ctx.request.headers["X-B"] = ctx.request.headers["x-a"] + "2"; ctx.request.query.q = "2"; } function responseModifier(ctx, res) { res.headers["X-Two"] = "2"; res.statusCode = 222; }',
        three: 'export const requestModifier = (ctx) => { ctx.request().headers.set("X-C", ctx.request().headers.get("X-B") + ctx.request().query.get("q")); };',
    });
    const answer = await gateway.proxy(path);
    assert.equal(answer.json.headers['x-c'], '122');
    assert.deepEqual([answer.status, answer.headers['x-seen']], [222, '2222']);
    const mixed = await route({
        one: 'function requestHandler(ctx) { ctx.setHeader("X-One", "1"); }',
        two: 'export const requestHandler = (ctx) => { ctx.response().send("two"); };',
    });
    const handled = await gateway.proxy(mixed);
    assert.deepEqual([handled.text, handled.headers['x-one']], ['two', '1']);
    const created = 'export function requestModifier(ctx) { ctx.response().status(201); }';
    const written = await gateway.proxy(await proxied({ one: created, two: 'function requestModifier(ctx) { ctx.write(`${ctx.response.statusCode}`); }' }));
    assert.deepEqual([written.status, written.text], [201, '201']);
    const set = await gateway.proxy(await proxied({ one: created, two: 'function requestModifier(ctx) { ctx.status(202).json(1); }' }));
    assert.deepEqual([set.status, set.text], [202, '1']);
    const missing = await gateway.proxy(await route({
        one: 'export function requestHandler(ctx) { ctx.response().status(404); ctx.response().headers.set("X-A", "1"); }',
        two: 'function requestHandler(ctx) { ctx.setHeader("a", "b"); }',
    }));
    assert.deepEqual([missing.status, missing.headers['x-a'], missing.headers.a], [404, '1', 'b']);
    const rescued = await gateway.proxy(await route({
        one: 'function errorHandler(ctx) { ctx.write(`${ctx.response.statusCode}`); }',
        two: 'export function requestHandler(ctx) { ctx.response().status(404); throw new Error("boom"); }',
    }));
    assert.deepEqual([rescued.status, rescued.text], [200, '200']);
});

test('moduleApi overrides what the source looks like', async () => {
    const typed = await route({ m: ['export function requestHandler(ctx: any): void { ctx.json({ route: ctx.route }); }', { moduleType: 'typescript', moduleApi: 'dgate2' }] });
    assert.deepEqual((await gateway.proxy(typed)).json, { route: `r${count}` });
    const first = await route({ m: ['function requestHandler(ctx) { const r = ctx["response"](); r.json(1); }', { moduleApi: 'dgate1' }] });
    assert.equal((await gateway.proxy(first)).json, 1);
    const stored = (await gateway.admin('GET', `/api/v1/module/m-${count}`)).json.data;
    assert.equal(stored.moduleApi, 'dgate1');
    const snake = await gateway.admin('PUT', '/api/v1/module', { name: 'snake', payloadRaw: 'function requestHandler(ctx) { ctx.json(2); }', module_api: 'dgate2' });
    assert.equal(snake.json.data.moduleApi, 'dgate2');
    const wrong = await gateway.admin('PUT', '/api/v1/module', { name: 'wrong', payloadRaw: '', moduleApi: 'dgate3' });
    assert.equal(wrong.status, 400);
    assert.match(wrong.text, /moduleApi: must be auto or dgate1 or dgate2, not/);
});

// --- the examples that DGate 2 ships, in our own words ---

test('example: a handler that merges what documents say', async () => {
    const path = await route({ m: `
        function requestHandler(ctx) {
            var user = ctx.pathParam("*") || "nobody";
            var parts = ["profile", "preferences", "stats"].map(function (kind) {
                var found = ctx.getDocument("docs", kind + "-" + user);
                return found ? found.data : null;
            });
            if (parts.every(function (p) { return p === null; })) return ctx.status(404).json({ error: "unknown user", user: user });
            ctx.setDocument("docs", "stats-" + user, { views: ((parts[2] || {}).views || 0) + 1 });
            ctx.json(Object.assign({ user: user }, parts[0], { preferences: parts[1] || {}, stats: parts[2] || {} }));
        }` });
    assert.equal((await gateway.proxy(`${path}/eve`)).status, 404);
    await gateway.put('document', { id: 'profile-ann', collection: 'docs', data: { mail: 'ann@example.com' } });
    assert.deepEqual((await gateway.proxy(`${path}/ann`)).json, { user: 'ann', mail: 'ann@example.com', preferences: {}, stats: {} });
    assert.deepEqual((await gateway.proxy(`${path}/ann`)).json.stats, { views: 1 });
});

test('example: a request modifier with ids, versions and cleaned parameters', async () => {
    const path = await proxied({ m: `
        function requestModifier(ctx) {
            var id = ctx.hashString(ctx.request.path + ":" + ctx.request.method);
            ctx.request.headers["X-Trace"] = id;
            ctx.request.headers["X-Api-Version"] = ctx.queryParam("version") || "v1";
            delete ctx.request.query.version;
            if (ctx.request.body) {
                var body = JSON.parse(ctx.request.body);
                body.trace = id;
                ctx.request.body = JSON.stringify(body);
            }
        }` });
    const { headers, url, body } = (await gateway.proxy(`${path}?version=v9&x=1`, { method: 'POST', body: '{"a":1}' })).json;
    assert.equal(headers['x-api-version'], 'v9');
    assert.equal(url, `${path}?x=1`);
    assert.deepEqual(JSON.parse(body), { a: 1, trace: headers['x-trace'] });
});

test('example: a response modifier that wraps JSON and leaves the rest', async () => {
    const path = await proxied({ m: `
        function responseModifier(ctx, res) {
            res.headers["X-Gateway"] = "dgate";
            delete res.headers["server"];
            try {
                res.body = JSON.stringify({ data: JSON.parse(res.body), meta: { route: ctx.route, key: ctx.hashString(ctx.route) } });
            } catch (e) { /* not JSON */ }
        }` });
    const answer = await gateway.proxy(path);
    assert.equal(answer.json.data.url, path);
    assert.equal(answer.json.meta.route, `r${count}`);
    await gateway.put('service', { name: 'raw', urls: [`http://127.0.0.1:${upstream.address().port}/bytes`] });
    await gateway.put('route', { name: 'raw', paths: ['/raw'], methods: ['*'], modules: [`m-${count}`], service: 'raw' });
    const binary = await gateway.proxy('/raw');
    assert.deepEqual(binary.bytes, BYTES);
    assert.equal(binary.headers['x-gateway'], 'dgate');
});

test('example: a fallback when the chosen upstream fails', async () => {
    const dead = `http://127.0.0.1:${await freePort()}`;
    const path = await proxied({ m: `
        var PRIMARY = "${dead}";
        function fetchUpstreamUrl(ctx) { return ctx.queryParam("direct") ? null : PRIMARY; }
        function errorHandler(ctx, error) { ctx.status(503).json({ error: "unavailable", tried: ctx.upstreamUrl, reason: error.message }); }` });
    assert.equal((await gateway.proxy(`${path}?direct=1`)).status, 200);
    const answer = await gateway.proxy(path);
    assert.equal(answer.status, 503);
    assert.equal(answer.json.tried, dead);
    assert.match(answer.json.reason, /refused|connect/i);
});

test('example: a shortener of links', async () => {
    await gateway.put('collection', { name: 'short_links' });
    const path = await route({ m: `
        function requestHandler(ctx) {
            if (ctx.request.method === "POST") {
                var url = ctx.queryParam("url");
                if (!url || !/^https?:/.test(url)) return ctx.status(400).json({ error: "url is required" });
                var id = ctx.hashString(url);
                ctx.setDocument("short_links", id, { url: url });
                return ctx.status(201).json({ id: id, short_url: "/" + id });
            }
            var found = ctx.getDocument("short_links", ctx.pathParam("*"));
            if (!found) return ctx.status(404).json({ error: "not found" });
            ctx.redirect(found.data.url, 302);
        }` });
    const made = await gateway.proxy(`${path}?url=https%3A%2F%2Fdgate.io`, { method: 'POST' });
    assert.deepEqual([made.status, made.json], [201, { id: '00b52bjg', short_url: '/00b52bjg' }]);
    const followed = await gateway.proxy(`${path}/00b52bjg`);
    assert.deepEqual([followed.status, followed.headers.location, followed.text], [302, 'https://dgate.io', '']);
    assert.equal((await gateway.proxy(`${path}/zzz`)).status, 404);
    assert.equal((await gateway.proxy(path, { method: 'POST' })).status, 400);
});
