import assert from 'node:assert/strict';
import http from 'node:http';
import test, { after, before } from 'node:test';
import { until, withGateway } from './lib/gateway.mjs';
import { Raw } from './lib/raw.mjs';

let upstream;
let url;
const seen = [];

before(async () => {
    upstream = http.createServer((req, res) => {
        let size = 0;
        seen.push(req.url);
        req.on('error', () => {});
        req.on('data', (chunk) => (size += chunk.length));
        req.on('end', () => res.end(JSON.stringify({ headers: req.headers, size })));
    });
    await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${upstream.address().port}`;
});

after(() => {
    upstream.closeAllConnections();
    upstream.close();
});

function withEdge(proxy, fn, limits = {}) {
    return withGateway({ workers: 1, proxy, limits }, async (gateway) => {
        await gateway.put('service', { name: 'up', urls: [url] });
        await gateway.put('route', { name: 'all', paths: ['/**'], methods: ['*'], service: 'up' });
        return fn(gateway);
    });
}

const GET = 'GET /a HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n';

async function exchange(port, text) {
    const client = await Raw.connect(port);
    await client.send(text).end();
    client.close();
    return client.text;
}

const bodyOf = (text) => JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4).replace(/^[0-9a-f]+\r\n|\r\n0\r\n\r\n$/gi, ''));

test('x_forwarded_for_depth: upstreams are told the client behind trusted proxies', () =>
    withEdge({ x_forwarded_for_depth: 2 }, async (gateway) => {
        const headers = { 'X-Forwarded-For': '6.6.6.6, 9.9.9.9, 8.8.8.8', 'X-Forwarded-Proto': 'https' };
        const told = (await gateway.proxy('/a', { headers })).json.headers;
        assert.equal(told['x-forwarded-for'], '9.9.9.9');
        assert.equal(told['x-real-ip'], '9.9.9.9');
        assert.equal(told['x-forwarded-proto'], 'https');
        const nonsense = (await gateway.proxy('/a', { headers: { 'X-Forwarded-For': 'x, y, z' } })).json.headers;
        assert.equal(nonsense['x-forwarded-for'], '127.0.0.1');
    }));

test('proxy_protocol: the header is required and names the client', () =>
    withEdge({ proxy_protocol: 'on' }, async (gateway) => {
        const v1 = await exchange(gateway.proxyPort, `PROXY TCP4 192.0.2.9 192.0.2.1 4711 80\r\n${GET}`);
        assert.equal(bodyOf(v1).headers['x-forwarded-for'], '192.0.2.9');
        const signature = '\r\n\r\n\0\r\nQUIT\n';
        const v2 = await exchange(gateway.proxyPort, `${signature}\x21\x11\0\x0f\xc0\0\x02\x0a\x7f\0\0\x01\x12\x34\0\x50\x04\0\0${GET}`);
        assert.equal(bodyOf(v2).headers['x-forwarded-for'], '192.0.2.10');
        const local = await exchange(gateway.proxyPort, `${signature}\x20\0\0\0${GET}`);
        assert.equal(bodyOf(local).headers['x-forwarded-for'], '127.0.0.1');
        assert.equal(await exchange(gateway.proxyPort, GET), '');
        assert.equal(await exchange(gateway.proxyPort, `PROXY TCP4 192.0.2.9\r\n${GET}`), '');
    }));

test('allow_list, allowed_domains, redirect_https', () =>
    withEdge({ allow_list: ['192.0.2.0/24'], x_forwarded_for_depth: 1, allowed_domains: ['*.test'], redirect_https: ['secure.test'] }, async (gateway) => {
        const ask = (host, from, more) => gateway.proxy('/p%20q?x=1', { headers: { Host: host, 'X-Forwarded-For': from, ...more } });
        assert.equal((await ask('a.test', '192.0.2.4')).status, 200);
        const client = await ask('a.test', '192.0.3.4');
        assert.equal(client.status, 403);
        assert.deepEqual(client.json, { error: 'this client is not allowed', status: 403, request_id: client.headers['x-request-id'] });
        assert.equal((await gateway.proxy('/', { headers: { Host: 'a.test' } })).status, 403, 'the peer is not on it');
        const host = await ask('a.example', '192.0.2.4');
        assert.equal(host.status, 403);
        assert.equal(host.json.error, 'this host is not served');
        const moved = await ask('secure.test:8080', '192.0.2.4');
        assert.equal(moved.status, 307);
        assert.equal(moved.headers.location, 'https://secure.test/p%20q?x=1');
        assert.equal((await ask('secure.test', '192.0.2.4', { 'X-Forwarded-Proto': 'https' })).status, 200);
    }));

test('strict_mode: a host without namespace gets no answer', () =>
    withEdge({ strict_mode: true }, async (gateway) => {
        await gateway.put('domain', { name: 'd', patterns: ['h.test'] });
        assert.match(await exchange(gateway.proxyPort, GET), /^HTTP\/1.1 200 /);
        assert.equal(await exchange(gateway.proxyPort, GET.replace('h.test', 'other.test')), '');
    }));

test('a pattern that does not compile stops the start', async () => {
    await assert.rejects(withEdge({ allowed_domains: ['/(/'] }, () => {}), /proxy\.allowed_domains\[0\]/);
});

test('disable_private_ips: neither services nor fetchUpstream reach this machine', () =>
    withEdge({ client_transport: { disable_private_ips: true } }, async (gateway) => {
        const port = upstream.address().port;
        const before = seen.length;
        assert.equal((await gateway.proxy('/a')).status, 502);
        for (const [i, host] of ['localhost', '127.1.2.3', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0'].entries()) {
            await gateway.module(`m${i}`, `export const fetchUpstream = () => "http://${host}:${port}/";`);
            await gateway.put('route', { name: `f${i}`, paths: [`/f${i}`], methods: ['GET'], service: 'up', modules: [`m${i}`] });
            assert.equal((await gateway.proxy(`/f${i}`)).status, 502, host);
        }
        assert.equal(seen.length, before);
        await until('the reason is logged', () => /private address/.test(gateway.log));
    }));

test('maxRequestBody: 413 before anything is sent, or when it is passed', () =>
    withEdge({}, async (gateway) => {
        await gateway.put('service', { name: 'small', urls: [url], maxRequestBody: 1000 });
        await gateway.put('route', { name: 'small', paths: ['/small'], methods: ['POST'], service: 'small' });
        await gateway.put('route', { name: 'tiny', paths: ['/tiny'], methods: ['POST'], service: 'small', maxRequestBody: 10 });
        const post = (path, size) => gateway.proxy(path, { method: 'POST', body: 'x'.repeat(size) });
        assert.equal((await post('/small', 1000)).json.size, 1000);
        assert.equal((await post('/tiny', 10)).json.size, 10);
        assert.equal((await post('/other', 2000)).json.size, 2000);
        assert.equal((await post('/other', 2001)).status, 413);
        const before = seen.length;
        const large = await post('/small', 1001);
        assert.equal(large.status, 413);
        assert.equal(large.json.error, 'the body is larger than this route allows');

        const expecting = await Raw.connect(gateway.proxyPort);
        expecting.send('POST /tiny HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n');
        await expecting.end();
        assert.match(expecting.text, /^HTTP\/1\.1 413 /);
        assert.equal(seen.length, before);

        const chunked = await Raw.connect(gateway.proxyPort);
        chunked.send('POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n' + 'x'.repeat(1000) + '\r\n');
        await until('the upstream was asked', () => seen.length === before + 1);
        assert.equal(chunked.text, '');
        chunked.send('1\r\ny\r\n');
        await chunked.see(/^HTTP\/1\.1 413 /);
        chunked.send(`${(1 << 20).toString(16)}\r\n${'z'.repeat(1 << 20)}`);
        await chunked.end();
    }, { request_body_max: 2000 }));

test('clients that trickle heads and bodies are cut off while others are served', () =>
    withEdge({}, async (gateway) => {
        const slow = await Promise.all(Array.from({ length: 60 }, () => Raw.connect(gateway.proxyPort)));
        slow.forEach((client, i) => client.send(i % 2 ? 'POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n' : 'GET /a HTTP/1.1\r\nX: '));
        const drip = setInterval(() => slow.forEach((client) => client.closed || client.ended || client.send('x')), 50);
        try {
            const end = Date.now() + 10000;
            let served = 0;
            while (slow.some((client) => !client.ended && !client.closed)) {
                assert.ok(Date.now() < end, 'the slow ones are still there');
                const began = Date.now();
                assert.equal((await gateway.proxy('/a')).status, 200);
                assert.ok(Date.now() - began < 1000);
                served++;
            }
            assert.ok(served > 10);
            for (const client of slow) assert.match(client.text, /^HTTP\/1\.1 408 /);
        } finally {
            clearInterval(drip);
            slow.forEach((client) => client.close());
        }
    }, { header_timeout_ms: 1000, client_idle_timeout_ms: 1000, request_body_rate_min: 1000 }));

test('client_connections: beyond the limit the answer is 503, and room is made again', () =>
    withEdge({}, async (gateway) => {
        const held = await Promise.all(Array.from({ length: 4 }, () => Raw.connect(gateway.proxyPort)));
        for (const client of held) await client.send('GET /a HTTP/1.1\r\nHost: h\r\n\r\n').see(/^HTTP\/1\.1 200 /);
        const refused = await exchange(gateway.proxyPort, '');
        assert.match(refused, /^HTTP\/1\.1 503 [^]*too many connections/);
        held.forEach((client) => client.close());
        await until('there is room', async () => (await gateway.proxy('/a')).status === 200);
    }, { client_connections: 4 }));

test('the request id is kept or made, and told to all', () =>
    withEdge({}, async (gateway) => {
        const kept = await gateway.proxy('/a', { headers: { 'X-Request-Id': 'mine-1' } });
        assert.equal(kept.headers['x-request-id'], 'mine-1');
        assert.equal(kept.json.headers['x-request-id'], 'mine-1');
        const made = await gateway.proxy('/a', { headers: { 'X-Request-Id': 'two words' } });
        assert.match(made.headers['x-request-id'], /^[0-9a-f]{32}$/);
        assert.equal(made.json.headers['x-request-id'], made.headers['x-request-id']);
        assert.notEqual((await gateway.proxy('/a')).headers['x-request-id'], made.headers['x-request-id']);
    }));
