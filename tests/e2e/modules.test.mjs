import assert from 'node:assert/strict';
import http from 'node:http';
import test, { after, before } from 'node:test';
import { Gateway, until, withUpstream } from './lib/gateway.mjs';

let gateway;
let upstream;

before(async () => {
    upstream = http.createServer((req, res) => {
        const chunks = [];
        req.on('data', (c) => chunks.push(c));
        req.on('end', () => {
            res.setHeader('Content-Type', 'application/json');
            res.end(JSON.stringify({ url: req.url, headers: req.headers, body: Buffer.concat(chunks).toString('latin1') }));
        });
    });
    await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
    gateway = await new Gateway({ limits: { module_cpu_ms: 100, module_wall_ms: 1500 } }).start();
    await gateway.put('service', { name: 'up', urls: [`http://127.0.0.1:${upstream.address().port}`] });
});

after(async () => {
    await gateway?.remove();
    upstream?.closeAllConnections();
    upstream?.close();
});

let count = 0;
// Puts modules and a route over them; returns the route's path.
async function route(sources, more = {}) {
    const n = ++count;
    const names = [];
    for (const [name, source] of Object.entries(typeof sources === 'string' ? { main: sources } : sources)) {
        const full = name.startsWith('=') ? name.slice(1) : `${name}${n}`;
        await gateway.module(full, source.replaceAll('$N', String(n)), { moduleType: more.moduleType ?? 'typescript' });
        names.push(full);
    }
    const { moduleType: _, ...rest } = more;
    await gateway.put('route', { name: `r${n}`, paths: [`/r${n}`, `/r${n}/*`], methods: ['*'], modules: names, ...rest });
    return `/r${n}`;
}

for (const [kind, wrap] of [
    ['plain', (body) => `(ctx: any) => { ${body} }`],
    ['async', (body) => `async (ctx: any) => { await null; ${body} }`],
    ['promise-returning', (body) => `(ctx: any) => new Promise<any>((done, fail) => setTimeout(() => { try { done((() => { ${body} })()); } catch (e) { fail(e); } }, 1))`],
]) {
    test(`all five functions, ${kind}`, async () => {
        const handler = await route(`export const requestHandler = ${wrap('ctx.response().status(201).json({ made: true });')};`);
        const made = await gateway.proxy(handler);
        assert.equal(made.status, 201);
        assert.deepEqual(made.json, { made: true });

        const modified = await route(`
            export const requestModifier = ${wrap('ctx.request().headers.set("X-Mod", "1");')};
            export const responseModifier = ${wrap('ctx.upstream().headers.set("X-Res", "2"); ctx.upstream().status(202);')};`, { service: 'up' });
        const answer = await gateway.proxy(modified);
        assert.equal(answer.status, 202);
        assert.equal(answer.headers['x-res'], '2');
        assert.equal(answer.json.headers['x-mod'], '1');

        await withUpstream((req, res) => res.end('chosen'), async (url) => {
            const chosen = await route(`export const fetchUpstream = ${wrap(`return ${JSON.stringify(url)};`)};`, { service: 'up' });
            assert.equal((await gateway.proxy(chosen)).text, 'chosen');
        });

        const failed = await route(`
            export const requestHandler = ${wrap('throw new Error("boom");')};
            export const errorHandler = (ctx: any, error: any) => ctx.response().status(418).json({ caught: String(error.message) });`);
        const caught = await gateway.proxy(failed);
        assert.equal(caught.status, 418);
        assert.match(caught.json.caught, /boom/);
    });
}

test('plain JavaScript, as CommonJS and as a script', async () => {
    const common = await route('exports.requestHandler = function (ctx) { ctx.response().send("common"); };', { moduleType: 'javascript' });
    assert.equal((await gateway.proxy(common)).text, 'common');
    const modern = await route('export function requestHandler(ctx) { ctx.response().send("esm"); }', { moduleType: 'javascript' });
    assert.equal((await gateway.proxy(modern)).text, 'esm');
});

test('compile errors come back from PUT with line and column, and change nothing', async () => {
    const path = await route('export const requestHandler = (ctx: any) => ctx.response().send("one");');
    const name = `main${count}`;
    const answer = await gateway.admin('PUT', '/api/v1/module', { name, payload: Buffer.from('const a = 1;\nexport const requestHandler = (ctx => {').toString('base64') });
    assert.equal(answer.status, 400);
    assert.match(JSON.stringify(answer.json), /line 2, column \d+/);
    assert.equal((await gateway.proxy(path)).text, 'one');
    const types = await gateway.admin('PUT', '/api/v1/module', { name: 'ts-in-js', moduleType: 'javascript', payload: Buffer.from('const a: number = 1;').toString('base64') });
    assert.equal(types.status, 400);
    assert.match(JSON.stringify(types.json), /line 1/);
});

test('a module is live on the request after the upload', async () => {
    const path = await route('export const requestHandler = (ctx: any) => ctx.response().send("0");');
    for (let i = 1; i <= 20; i++) {
        await gateway.module(`main${count}`, `export const requestHandler = (ctx: any) => ctx.response().send("${i}");`);
        for (let k = 0; k < 4; k++) assert.equal((await gateway.proxy(path)).text, String(i));
    }
});

test('ctx: request, params, query, route, service, namespace, set/get', async () => {
    const path = await route(`
        export const requestModifier = (ctx: any) => ctx.set("k", { deep: [1] });
        export const requestHandler = (ctx: any) => {
            const r = ctx.request();
            ctx.response().json({
                method: r.method, path: r.path, host: r.host, proto: r.proto, remote: r.remoteAddress,
                q: ctx.query().get("q"), param: ctx.pathParam("*"), params: ctx.pathParams(), route: ctx.route().name,
                paths: ctx.route().paths, service: ctx.service(), namespace: ctx.namespace().name, kept: ctx.get("k"), header: r.headers.get("X-A"),
                body: r.readJson(), id: typeof ctx.id,
            });
        };`);
    const answer = await gateway.proxy(`${path}/a/b?q=1%202`, { method: 'POST', body: '{"x":1}', headers: { 'X-A': 'v', Host: 'h.test' } });
    assert.deepEqual(answer.json, {
        method: 'POST', path: `${path}/a/b`, host: 'h.test', proto: 'HTTP/1.1', remote: '127.0.0.1', q: '1 2', param: 'a/b', params: { '*': 'a/b' },
        route: `r${count}`, paths: [path, `${path}/*`], service: null, namespace: 'default', kept: { deep: [1] }, header: 'v', body: { x: 1 }, id: 'string' });
});

test('request bodies can be replaced, responses too, bytes survive', async () => {
    const request = await route('export const requestModifier = (ctx: any) => { const b = ctx.request().readJson(); ctx.request().writeJson({ ...b, added: 1 }); };', { service: 'up' });
    const answer = await gateway.proxy(request, { method: 'POST', body: '{"a":0}' });
    assert.deepEqual(JSON.parse(answer.json.body), { a: 0, added: 1 });
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await withUpstream((req, res) => res.end(bytes), async (url) => {
        await gateway.put('service', { name: 'bytes', urls: [url] });
        const path = await route('export const responseModifier = async (ctx: any) => ctx.upstream().writeBody(await ctx.upstream().readBody());', { service: 'bytes' });
        assert.deepEqual((await gateway.proxy(path)).bytes, bytes);
    });
});

test('imports between the modules of a route; libraries are not entries', async () => {
    const path = await route({
        '=lib-greet': 'export const greet = (name: string) => `hello ${name}`; export const requestHandler = (ctx: any) => ctx.response().send("never");',
        main: 'import { greet } from "./lib-greet"; export const requestHandler = (ctx: any) => ctx.response().send(greet("you"));',
    });
    assert.equal((await gateway.proxy(path)).text, 'hello you');
    const missing = await gateway.admin('PUT', '/api/v1/route', { name: 'missing', paths: ['/missing'], methods: ['GET'], modules: [`main${count}`] });
    assert.equal(missing.status, 400);
    assert.match(missing.text, /lib-greet/);
});

test('a requestModifier of a circle of imports is called, in whatever order and company', async () => {
    const auth = `import { check } from "./tokens$N"; export const realm = "x";
        export function requestModifier(c: any) { if (!check(c)) c.response().status(401).send("no"); }`;
    const tokens = 'import { realm } from "./auth$N"; export const check = (c: any) => c.request().headers.get("Authorization") === "ok " + realm;';
    const log = 'export function requestModifier(c: any) { c.request().headers.set("X-Log", "1"); }';
    for (const sources of [{ auth, tokens }, { tokens, auth }, { auth, tokens, log }, { log, auth, tokens }, { tokens, log, auth }]) {
        const path = await route(sources, { service: 'up' });
        assert.equal((await gateway.proxy(path)).status, 401, Object.keys(sources).join());
        const passed = await gateway.proxy(path, { headers: { Authorization: 'ok x' } });
        assert.equal(passed.status, 200);
        assert.equal(passed.json.headers['x-log'], 'log' in sources ? '1' : undefined);
    }
    // A module outside of the circle that uses it decides for itself.
    const user = 'import { check } from "./tokens$N"; export function requestModifier(c: any) { c.request().headers.set("X-Known", String(check(c))); }';
    const used = await gateway.proxy(await route({ auth, tokens, user }, { service: 'up' }));
    assert.equal(used.status, 200);
    assert.equal(used.json.headers['x-known'], 'false');
});

test('a chain: requestModifiers in order until one responds, responseModifiers in reverse', async () => {
    const path = await route({
        first: 'export const requestModifier = (ctx: any) => ctx.request().headers.set("X-Order", "1"); export const responseModifier = (ctx: any) => ctx.upstream().headers.set("X-Order", ctx.upstream().headers.get("X-Order") + "1");',
        second: 'export const requestModifier = (ctx: any) => { ctx.request().headers.set("X-Order", ctx.request().headers.get("X-Order") + "2"); if (ctx.query().get("stop")) ctx.response().status(403).send("stopped"); }; export const responseModifier = (ctx: any) => ctx.upstream().headers.set("X-Order", "2");',
    }, { service: 'up' });
    const answer = await gateway.proxy(path);
    assert.equal(answer.json.headers['x-order'], '12');
    assert.equal(answer.headers['x-order'], '21');
    const stopped = await gateway.proxy(`${path}?stop=1`);
    assert.equal(stopped.status, 403);
    assert.equal(stopped.text, 'stopped');
});

test('a loop without end costs its own request one 5xx within the limit, and everything else goes on', async () => {
    const loop = await route('export const requestHandler = (ctx: any) => { if (ctx.query().get("spin")) for (;;) {} ctx.response().send("fine"); };');
    const micro = await route('export const requestHandler = async (ctx: any) => { for (;;) await null; };');
    for (const path of [`${loop}?spin=1`, micro]) {
        const start = Date.now();
        const answer = await gateway.proxy(path);
        assert.ok(answer.status >= 500, `${answer.status}`);
        assert.ok(Date.now() - start < 15000);
        assert.match(answer.headers['content-type'], /json/);
    }
    for (let i = 0; i < 10; i++) assert.equal((await gateway.proxy(loop)).text, 'fine');
    assert.equal(gateway.children('worker').length, 2);
    assert.doesNotMatch(gateway.log, /ended with/);
});

test('a promise that never settles ends at the wall limit', async () => {
    const path = await route('export const requestHandler = () => new Promise(() => {});');
    const start = Date.now();
    const answer = await gateway.proxy(path);
    assert.ok(answer.status >= 500);
    assert.ok(Date.now() - start >= 1000 && Date.now() - start < 6000);
});

test('fetch, timers, crypto', async () => {
    await withUpstream((req, res) => {
        if (req.url === '/slow') return setTimeout(() => res.end('slow'), 50);
        res.setHeader('X-H', 'h');
        res.statusCode = 201;
        res.end(JSON.stringify({ method: req.method }));
    }, async (url) => {
        const path = await route(`
            import { fetch } from "dgate/http";
            import { sha256, createHmac, randomBytes, md5 } from "dgate/crypto";
            import { asyncSleep } from "dgate";
            export const requestHandler = async (ctx: any) => {
                const one = await fetch(${JSON.stringify(url)} + "/x", { method: "POST", body: "b" });
                const [two] = await Promise.all([fetch(${JSON.stringify(url)} + "/slow").then((r: any) => r.text()), asyncSleep("5ms")]);
                await new Promise<void>((done) => setTimeout(done, 5));
                ctx.response().json({ status: one.status, ok: one.ok, h: one.headers.get("x-h"), body: await one.json(), two,
                    sha: sha256("abc", "hex"), hmac: createHmac("sha256", "key").update("abc").digest("hex"), md5: md5("", "hex"), random: randomBytes(8).byteLength });
            };`);
        assert.deepEqual((await gateway.proxy(path)).json, {
            status: 201, ok: true, h: 'h', body: { method: 'POST' }, two: 'slow',
            sha: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
            hmac: '9c196e32dc0175f86f4b1cb89289d6619de6bee699e4c378e68309ed97a1a6ab',
            md5: 'd41d8cd98f00b204e9800998ecf8427e', random: 8 });
    });
});

test('documents: written by modules, read by all workers and the admin API, and the reverse', async () => {
    await gateway.put('collection', { name: 'notes', visibility: 'public', type: 'document' });
    const path = await route(`
        import { addDocument, getDocument, getDocuments, deleteDocument } from "dgate/state";
        export const requestHandler = async (ctx: any) => {
            const id = ctx.pathParam("*");
            if (ctx.request().method === "PUT") { await addDocument({ id, collection: "notes", data: ctx.request().readJson() }); ctx.response().send("ok"); }
            else if (ctx.request().method === "DELETE") { await deleteDocument({ id, collection: "notes" }); ctx.response().send("gone"); }
            else if (id === "all") ctx.response().json((await getDocuments({ collection: "notes" })).map((d: any) => d.id));
            else { const d = await getDocument(id, "notes"); ctx.response().json(d ? d.data : null); }
        };`);
    for (let i = 0; i < 10; i++) {
        assert.equal((await gateway.proxy(`${path}/a`, { method: 'PUT', body: JSON.stringify({ i }) })).text, 'ok');
        for (let k = 0; k < 3; k++) assert.deepEqual((await gateway.proxy(`${path}/a`)).json, { i });
    }
    assert.deepEqual((await gateway.admin('GET', '/api/v1/document/a?collection=notes')).json.data.data, { i: 9 });
    await gateway.admin('PUT', '/api/v1/document/b?collection=notes', { from: 'admin' });
    assert.deepEqual((await gateway.proxy(`${path}/b`)).json, { from: 'admin' });
    assert.deepEqual((await gateway.proxy(`${path}/all`)).json, ['a', 'b']);
    assert.equal((await gateway.proxy(`${path}/a`, { method: 'DELETE' })).text, 'gone');
    assert.equal((await gateway.proxy(`${path}/a`)).json, null);
});

test('console goes to the log, with the module named', async () => {
    const path = await route('export const requestHandler = (ctx: any) => { console.warn("seen", { a: 1 }, 2); ctx.response().send("x"); };');
    await gateway.proxy(path);
    await until('the line', () => new RegExp(`warn .*seen.*main${count}`).test(gateway.log));
});

test('an upstream does not compress what modules read', async () => {
    const read = await route('export const responseModifier = async (ctx: any) => { const b = await ctx.upstream().readJson(); ctx.upstream().writeJson({ encoding: b.headers["accept-encoding"] }); };', { service: 'up' });
    assert.deepEqual((await gateway.proxy(read, { headers: { 'Accept-Encoding': 'gzip' } })).json, { encoding: 'identity' });
    const blind = await route('export const responseModifier = (ctx: any) => ctx.upstream().headers.set("X-A", "1");', { service: 'up' });
    assert.equal((await gateway.proxy(blind, { headers: { 'Accept-Encoding': 'gzip' } })).json.headers['accept-encoding'], 'gzip');
});

test('an error names module, line and column of the source', async () => {
    const path = await route('type A = {\n  b: number;\n};\nexport const requestHandler = (ctx: any) => {\n  const a: A = ctx.nothing.here;\n};');
    assert.ok((await gateway.proxy(path)).status >= 500);
    await until('the place', () => new RegExp(`main${count}[^\\n]*:5:\\d+`).test(gateway.log));
});
