import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import test, { after, before } from 'node:test';
import { Gateway, request, until } from './lib/gateway.mjs';
import { Raw } from './lib/raw.mjs';

let gateway;
let upstream;
let url;
const seen = [];

before(async () => {
    upstream = http.createServer((req, res) => {
        const chunks = [];
        req.on('data', (c) => chunks.push(c));
        req.on('end', () => {
            const body = Buffer.concat(chunks).toString();
            seen.push(req.url);
            res.setHeader('X-Up', 'yes');
            res.setHeader('Keep-Alive-Test', '1');
            res.end(JSON.stringify({ method: req.method, url: req.url, headers: req.headers, raw: req.rawHeaders, body, version: req.httpVersion, trailers: req.trailers }));
        });
    });
    await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${upstream.address().port}`;
    gateway = await new Gateway({ tags: ['edge', 'test'], proxy: { global_headers: { 'X-Global': 'g' } } }).start();
    await gateway.put('service', { name: 'up', urls: [`${url}/base?key=1`] });
    await gateway.put('service', { name: 'plain', urls: [url] });
    const route = (name, paths, more) => gateway.put('route', { name, paths, methods: ['*'], service: 'plain', ...more });
    await route('all', ['/all/**']);
    await route('strip', ['/strip/**'], { stripPath: true, service: 'up' });
    await route('keep', ['/keep/{id}'], { service: 'up' });
    await route('host', ['/host'], { preserveHost: true });
    await route('get', ['/get'], { methods: ['GET', 'POST'] });
    await route('nothing', ['/nothing'], { service: undefined });
});

after(async () => {
    await gateway?.remove();
    upstream?.closeAllConnections();
    upstream?.close();
});

test('a request goes through with its method, path, query, headers and body', async () => {
    const answer = await gateway.proxy('/all/a%20b?x=1&x=2', { method: 'PUT', body: 'data', headers: { 'X-One': 'eins' } });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-up'], 'yes');
    assert.equal(answer.json.method, 'PUT');
    assert.equal(answer.json.url, '/all/a%20b?x=1&x=2');
    assert.equal(answer.json.body, 'data');
    assert.equal(answer.json.headers['x-one'], 'eins');
    assert.equal(answer.json.version, '1.1');
});

test('forwarding headers, Via, request id, X-DGate-*', async () => {
    const answer = await gateway.proxy('/all/h', { headers: { Host: 'shop.test:8080', 'X-Forwarded-For': '6.6.6.6', Forwarded: 'for=6.6.6.6', 'X-DGate-Route': 'forged', 'X-Request-Id': 'mine-1' } });
    const h = answer.json.headers;
    assert.equal(h['x-forwarded-for'], '127.0.0.1');
    assert.equal(h['x-real-ip'], '127.0.0.1');
    assert.equal(h['x-forwarded-host'], 'shop.test:8080');
    assert.equal(h['x-forwarded-proto'], 'http');
    assert.equal(h.forwarded, undefined);
    assert.match(h.via, /1\.1 dgate/i);
    assert.equal(h['x-dgate-route'], 'all');
    assert.equal(h['x-dgate-service'], 'plain');
    assert.equal(h['x-dgate-namespace'], 'default');
    assert.match(h['x-dgate-tags'], /edge.*test/);
    assert.equal(h['x-request-id'], 'mine-1');
    assert.equal(answer.headers['x-request-id'], 'mine-1');
    assert.match(answer.headers.via, /dgate/i);
    assert.equal(answer.headers['x-global'], 'g');
    const made = await gateway.proxy('/all/h');
    assert.match(made.headers['x-request-id'], /^\S{8,}$/);
    assert.equal(made.json.headers['x-request-id'], made.headers['x-request-id']);
});

test('every response has one Date: the upstream\'s, the module\'s, or the time', async (t) => {
    const dated = 'Tue, 01 Jan 2030 00:00:00 GMT';
    const own = http.createServer((req, res) => {
        res.sendDate = false;
        if (req.url === '/dated') res.setHeader('Date', dated);
        res.end();
    });
    await new Promise((done) => own.listen(0, '127.0.0.1', done));
    t.after(() => {
        own.closeAllConnections();
        own.close();
    });
    await gateway.put('service', { name: 'dates', urls: [`http://127.0.0.1:${own.address().port}`] });
    await gateway.put('route', { name: 'dates', paths: ['/dated', '/undated'], methods: ['GET'], service: 'dates' });
    await gateway.module('dates', `export const requestHandler = (ctx: any) => {
        if (ctx.request().query.has("own")) ctx.response().headers.set("Date", "${dated}");
        ctx.response().send("x");
    };`);
    await gateway.put('route', { name: 'date', paths: ['/date'], methods: ['GET'], modules: ['dates'] });
    for (const [path, expected] of [['/dated', dated], ['/undated'], ['/date'], ['/date?own=1', dated], ['/nowhere']]) {
        const answer = await gateway.proxy(path);
        const dates = answer.rawHeaders.filter((name, i) => i % 2 === 0 && /^date$/i.test(name));
        assert.equal(dates.length, 1, path);
        if (expected !== undefined) assert.equal(answer.headers.date, expected);
        else assert.ok(Math.abs(Date.parse(answer.headers.date) - Date.now()) < 60000, answer.headers.date);
    }
});

test('hop-by-hop headers are dropped both ways', async () => {
    const client = await Raw.connect(gateway.proxyPort);
    client.send('GET /all/hop HTTP/1.1\r\nHost: x\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\n\r\n');
    await client.end();
    const body = JSON.parse(client.text.slice(client.text.indexOf('\r\n\r\n') + 4));
    for (const name of ['x-secret', 'keep-alive', 'proxy-connection', 'te']) assert.equal(body.headers[name], undefined, name);
    assert.doesNotMatch(client.text, /keep-alive: timeout/i);
});

test('stripPath, service paths and their query are joined', async () => {
    assert.equal((await gateway.proxy('/strip/a/b/?q=1')).json.url.split('?')[0], '/base/a/b/');
    assert.deepEqual([...new URL(`http://x${(await gateway.proxy('/strip/a?q=1')).json.url}`).searchParams].sort(), [['key', '1'], ['q', '1']]);
    assert.equal((await gateway.proxy('/keep/7')).json.url.split('?')[0], '/base/keep/7');
});

test('preserveHost', async () => {
    assert.equal((await gateway.proxy('/host', { headers: { Host: 'kept.test' } })).json.headers.host, 'kept.test');
    assert.equal((await gateway.proxy('/all/x', { headers: { Host: 'kept.test' } })).json.headers.host, url.slice(7));
});

test('default errors are JSON with a request id: 404, 405 with Allow, 501', async () => {
    for (const [path, options, status] of [['/absent', {}, 404], ['/get', { method: 'DELETE' }, 405], ['/nothing', {}, 501]]) {
        const answer = await gateway.proxy(path, options);
        assert.equal(answer.status, status);
        assert.match(answer.headers['content-type'], /^application\/json/);
        assert.equal(answer.json.status, status);
        assert.equal(typeof answer.json.error, 'string');
        assert.equal(answer.json.request_id, answer.headers['x-request-id']);
        if (status === 405) assert.equal(answer.headers.allow, 'GET, HEAD, POST');
    }
});

test('502 when nobody listens, and 504 when nobody answers', async () => {
    const silent = net.createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await new Promise((done) => silent.once('listening', done));
    const closed = net.createServer().listen(0, '127.0.0.1');
    await new Promise((done) => closed.once('listening', done));
    const closedPort = closed.address().port;
    await new Promise((done) => closed.close(done));
    await gateway.put('service', { name: 'dead', urls: [`http://127.0.0.1:${closedPort}`] });
    await gateway.put('service', { name: 'silent', urls: [`http://127.0.0.1:${silent.address().port}`], requestTimeout: '200ms', retries: 0 });
    await gateway.put('route', { name: 'dead', paths: ['/dead'], methods: ['*'], service: 'dead' });
    await gateway.put('route', { name: 'silent', paths: ['/silent'], methods: ['*'], service: 'silent' });
    const dead = await gateway.proxy('/dead');
    assert.equal(dead.status, 502);
    assert.equal(dead.json.status, 502);
    const slow = await gateway.proxy('/silent');
    assert.equal(slow.status, 504);
    assert.equal(slow.json.request_id, slow.headers['x-request-id']);
    silent.close();
});

test('several URLs are used in turn, and a dead one is retried on the next', async () => {
    const names = ['a', 'b', 'c'];
    const servers = await Promise.all(names.map(async (name) => {
        const server = http.createServer((req, res) => res.end(name)).listen(0, '127.0.0.1');
        await new Promise((done) => server.once('listening', done));
        return server;
    }));
    const urls = servers.map((s) => `http://127.0.0.1:${s.address().port}`);
    await gateway.put('service', { name: 'many', urls });
    await gateway.put('route', { name: 'many', paths: ['/many'], methods: ['GET'], service: 'many' });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const counts = {};
    for (let i = 0; i < 9; i++) {
        const { text } = await gateway.proxy('/many', { agent });
        counts[text] = (counts[text] ?? 0) + 1;
    }
    assert.deepEqual(counts, { a: 3, b: 3, c: 3 });
    servers[0].closeAllConnections();
    await new Promise((done) => servers[0].close(done));
    for (let i = 0; i < 9; i++) assert.equal((await gateway.proxy('/many', { agent })).status, 200);
    agent.destroy();
    for (const server of servers.slice(1)) server.closeAllConnections(), server.close();
});

test('HTTP/1.0 clients get no chunks and no keep-alive they did not ask for', async () => {
    const chunked = http.createServer((req, res) => {
        res.write('one ');
        setImmediate(() => res.end('two'));
    }).listen(0, '127.0.0.1');
    await new Promise((done) => chunked.once('listening', done));
    await gateway.put('service', { name: 'chunked', urls: [`http://127.0.0.1:${chunked.address().port}`] });
    await gateway.put('route', { name: 'chunked', paths: ['/chunked'], methods: ['*'], service: 'chunked' });
    const client = await Raw.connect(gateway.proxyPort);
    client.send('GET /chunked HTTP/1.0\r\n\r\n');
    await client.end();
    assert.doesNotMatch(client.text, /transfer-encoding/i);
    assert.match(client.text, /^HTTP\/1\.[01] 200 [\s\S]*\r\n\r\none two$/);
    const kept = await Raw.connect(gateway.proxyPort);
    kept.send('GET /all/k HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    await kept.see(/connection: keep-alive/i);
    kept.send('GET /all/k2 HTTP/1.0\r\n\r\n');
    await kept.end();
    assert.equal(kept.text.match(/HTTP\/1\.[01] 200/g).length, 2);
    const modern = await Raw.connect(gateway.proxyPort);
    modern.send('GET /chunked HTTP/1.1\r\nHost: x\r\n\r\n');
    await modern.see(/transfer-encoding: chunked[\s\S]*\r\n0\r\n\r\n$/i);
    modern.close();
    chunked.closeAllConnections();
    chunked.close();
});

test('HEAD, 204 and 304 carry no body', async () => {
    const bare = http.createServer((req, res) => {
        if (req.url === '/none/204') res.writeHead(204).end();
        else if (req.url === '/none/304') res.writeHead(304, { ETag: '"x"' }).end();
        else res.end('body');
    }).listen(0, '127.0.0.1');
    await new Promise((done) => bare.once('listening', done));
    await gateway.put('service', { name: 'bare', urls: [`http://127.0.0.1:${bare.address().port}`] });
    await gateway.put('route', { name: 'bare', paths: ['/none/*'], methods: ['GET', 'HEAD'], service: 'bare' });
    const client = await Raw.connect(gateway.proxyPort);
    client.send('HEAD /none/x HTTP/1.1\r\nHost: x\r\n\r\nGET /none/204 HTTP/1.1\r\nHost: x\r\n\r\nGET /none/304 HTTP/1.1\r\nHost: x\r\n\r\nGET /none/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await client.end();
    assert.deepEqual([...client.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((m) => m[1]), ['200', '204', '304', '200']);
    assert.equal(client.text.match(/body$/g).length, 1);
    assert.equal(client.text.match(/body/g).length, 1);
    bare.closeAllConnections();
    bare.close();
});

test('Expect: 100-continue', async () => {
    const client = await Raw.connect(gateway.proxyPort);
    client.send('POST /all/e HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n');
    await client.see(/^HTTP\/1\.1 100 /);
    client.send('data');
    await client.end();
    assert.match(client.text, /HTTP\/1\.1 200 [\s\S]*"body":"data"/);
});

test('paths are decided once: dot segments cannot leave a route', async () => {
    const client = await Raw.connect(gateway.proxyPort);
    client.send('GET /all/%2e%2e/get HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await client.end();
    assert.match(client.text, /"url":"\/get"/);
});

test('a request of a route that changes meanwhile ends on what it began with', async () => {
    let answer;
    const slow = http.createServer((req, res) => {
        answer = () => res.end('old');
    }).listen(0, '127.0.0.1');
    await new Promise((done) => slow.once('listening', done));
    await gateway.put('service', { name: 'slow', urls: [`http://127.0.0.1:${slow.address().port}`] });
    await gateway.put('route', { name: 'slow', paths: ['/slow'], methods: ['GET'], service: 'slow' });
    const pending = gateway.proxy('/slow');
    await until('it arrived', () => answer);
    await gateway.put('service', { name: 'slow', urls: [url] });
    assert.match((await gateway.proxy('/slow')).text, /"url":"\/slow"/);
    answer();
    assert.equal((await pending).text, 'old');
    slow.closeAllConnections();
    slow.close();
});

test('no request hangs when its route is deleted and made again under load', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    let stop = false;
    const statuses = new Set();
    const clients = Array.from({ length: 8 }, async () => {
        while (!stop) statuses.add((await gateway.proxy('/all/untouched', { agent })).status);
    });
    for (let i = 0; i < 40; i++) {
        await gateway.put('route', { name: 'flip', paths: [`/flip/${i % 2}`], methods: ['GET'], service: 'plain' });
        assert.equal((await gateway.proxy(`/flip/${i % 2}`)).status, 200);
        assert.equal((await gateway.proxy(`/flip/${(i + 1) % 2}`)).status, 404);
    }
    stop = true;
    await Promise.all(clients);
    assert.deepEqual([...statuses], [200]);
    agent.destroy();
    assert.equal((await gateway.admin('DELETE', '/api/v1/route/flip')).status, 200);
    assert.equal((await gateway.proxy('/flip/1')).status, 404);
});

test('the test server echoes', async () => {
    const echo = await new Gateway({ test_server: { port: 0, global_headers: { 'X-T': '1' } } }).start();
    try {
        const answer = await request(`http://127.0.0.1:${echo.testPort}/a/b?c=d`, { method: 'POST', body: 'hey', headers: { 'x-y': 'z' } });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers['x-t'], '1');
        const { data, status_code } = answer.json;
        assert.equal(status_code, 200);
        assert.equal(data.path, '/a/b?c=d');
        assert.equal(data.method, 'POST');
        assert.equal(data.body, 'hey');
        assert.deepEqual(data.req_headers['X-Y'], ['z']);
        assert.deepEqual(data.global_headers, { 'X-T': '1' });
        assert.match(data.remote_addr, /^127\.0\.0\.1:\d+$/);
        assert.equal((await request(`http://127.0.0.1:${echo.testPort}/?wait=nonsense`)).status, 400);
        assert.equal((await request(`http://127.0.0.1:${echo.testPort}/?wait=5ms`)).json.data.waited, '5ms');
    } finally {
        await echo.remove();
    }
});
