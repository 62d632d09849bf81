// What happens when a client or an upstream goes away, answers badly, or takes too long.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Gateway, freePort, until } from './lib/gateway.mjs';
import { Raw } from './lib/raw.mjs';
import { readResponses } from './lib/strict.mjs';
import { answering, RawUpstream, response } from './lib/upstream.mjs';

const LIMITS = {
    header_timeout_ms: 400,
    client_idle_timeout_ms: 1500,
    upstream_idle_timeout_ms: 500,
    upstream_keepalive_ms: 700,
    connect_timeout_ms: 500,
    exchange_buffer: 65536,
};

let gateway;
const upstreams = [];

before(async () => {
    gateway = await new Gateway({ workers: 1, limits: LIMITS }).start();
});

after(async () => {
    await gateway?.remove();
    for (const u of upstreams) await u.close();
});

async function listen(onData) {
    const up = await RawUpstream.listen(onData);
    upstreams.push(up);
    return up;
}

async function route(name, urls, more = {}) {
    await gateway.put('service', { name, urls, retries: 0, ...more });
    await gateway.put('route', { name, paths: [`/${name}`, `/${name}/**`], methods: ['*'], service: name });
}

// A raw upstream behind the route /NAME.
async function upstream(name, onData, more) {
    const up = await listen(onData);
    await route(name, [up.url], more);
    return up;
}

const gone = (c) => c.closed || c.error !== null;

// Sends a request that asks for the connection's end, and reads what comes.
async function ask(text, methods = ['GET']) {
    const client = await Raw.connect(gateway.proxyPort);
    client.send(text);
    await client.wait('the end', () => client.ended || client.closed);
    return readResponses(client.text, methods, true);
}

const get = (path, more = '') => ask(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n`);
const post = (path, body, method = 'POST') => ask(`${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`, [method]);

for (const how of ['destroy', 'resetAndDestroy'])
    test(`a client that goes away takes the upstream's request with it: ${how}`, async () => {
        const name = `leave${how.toLowerCase()}`;
        const up = await upstream(name, (c) => {
            if (c.text.includes(`/${name}/head`)) c.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart');
        });
        const steps = [
            ['before the head', `GET /${name}/wait HTTP/1.1\r\nHost: x\r\n\r\n`, null],
            ['within the response', `GET /${name}/head HTTP/1.1\r\nHost: x\r\n\r\n`, /part$/],
            ['within the request', `POST /${name}/body HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc`, null],
        ];
        for (const [what, text, seen] of steps) {
            const n = up.connections.length;
            const client = await Raw.connect(gateway.proxyPort);
            client.send(text);
            await until('it arrived', () => up.connections.length > n && up.connections[n].text.includes('\r\n\r\n'));
            if (seen) await client.see(seen);
            client.socket[how]();
            await until(`${what}: the upstream is aborted`, () => gone(up.connections[n]));
        }
    });

// What the upstream sends before it dies, and how.
const DEATHS = [
    ['length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart', 'end'],
    ['chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n', 'end'],
    ['chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\npart', 'end'],
    ['lastchunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\n', 'end'],
    ['lengthreset', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart', 'resetAndDestroy'],
    ['chunkedreset', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n', 'resetAndDestroy'],
    ['closereset', 'HTTP/1.1 200 OK\r\n\r\npart', 'resetAndDestroy'],
    ['chunkgarbage', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n', (socket) => socket.write('zz\r\n')],
];

for (const [name, text, how] of DEATHS)
    test(`an upstream that dies within its response leaves none that looks complete: ${name}`, async () => {
        const up = await upstream(`die${name}`, (c) => {
            if (c.text.endsWith('\r\n\r\n')) c.socket.write(text);
        });
        for (const version of ['1.1', '1.0']) {
            const n = up.connections.length;
            const client = await Raw.connect(gateway.proxyPort);
            client.send(`GET /die${name} HTTP/${version}\r\nHost: x\r\n\r\n`);
            await client.see(/part/);
            if (typeof how === 'function') how(up.connections[n].socket);
            else up.connections[n].socket[how]();
            await client.wait('the abort', () => client.closed);
            assert.equal(client.error?.code, 'ECONNRESET', `HTTP/${version}: a reset, which no one takes for the end`);
            const [answer] = readResponses(client.text, ['GET'], false);
            assert.ok(answer.incomplete);
        }
    });

test('a response until the end of the connection that ends in order is complete, for HTTP/1.0 clients too', async () => {
    await upstream('untilclose', (c) => c.socket.end('HTTP/1.1 200 OK\r\n\r\nwhole'));
    const [answer] = await get('/untilclose');
    assert.deepEqual([answer.body, answer.incomplete], ['whole', undefined]);
    const old = await Raw.connect(gateway.proxyPort);
    old.send('GET /untilclose HTTP/1.0\r\n\r\n');
    await old.wait('the end', () => old.ended);
    assert.match(old.text, /\r\n\r\nwhole$/);
});

test('a pooled connection that was closed meanwhile is replaced, whatever the method', async () => {
    const up = await upstream('stale', answering((r, c) => {
        c.socket.write(response(`from ${c.index}`));
        return null;
    }));
    for (const method of ['GET', 'POST', 'PUT']) {
        const [first] = await post('/stale', 'x', method);
        const n = up.connections.length;
        const last = up.connections[n - 1];
        assert.equal(first.body, `from ${n - 1}`);
        last.socket.end();
        await until('the gateway lets it go', () => last.ended || gone(last));
        const [again] = await post('/stale', 'x', method);
        assert.deepEqual([again.status, again.body], [200, `from ${n}`]);
    }
});

test('a pooled connection that is closed when the request comes: repeated if idempotent, 502 if not', async () => {
    // The second request of each connection is read and not answered.
    const up = await upstream('late', answering((r, c) => {
        c.count = (c.count ?? 0) + 1;
        if (c.count === 1) return response(`from ${c.index}`);
        c.socket.end();
        return null;
    }));
    for (const [method, status] of [['GET', 200], ['PUT', 200], ['DELETE', 200], ['POST', 502], ['PATCH', 502], ['BREW', 502]]) {
        const before = up.connections.filter((c) => !c.ended && !gone(c)).length;
        if (before === 0) await get('/late');
        const requests = up.requests.length;
        const [answer] = await post('/late', 'body', method);
        assert.equal(answer.status, status, method);
        assert.equal(up.requests.length, requests + (status === 200 ? 2 : 1), 'so often it was sent');
    }
});

test('retries: at most so many, so far apart, each at the next URL', async () => {
    const times = [];
    const dead = await Promise.all([0, 1, 2].map((i) => listen((c) => {
        times.push([Date.now(), i]);
        c.socket.destroy();
    })));
    await route('tries', dead.map((u) => u.url), { retries: 2, retryTimeout: '150ms' });
    const [answer] = await get('/tries');
    assert.equal(answer.status, 502);
    assert.equal(times.length, 3, 'one attempt and two retries');
    assert.equal(new Set(times.map((t) => t[1])).size, 3, 'each at another URL');
    for (let i = 1; i < times.length; i++) {
        const gap = times[i][0] - times[i - 1][0];
        assert.ok(gap >= 140 && gap < 5000, `${gap} ms apart`);
    }
    times.length = 0;
    const [once] = await post('/tries', 'x');
    assert.equal(once.status, 502);
    assert.equal(times.length, 1, 'POST was sent, and is not repeated');
    await route('tries', dead.map((u) => u.url), { retries: 50 });
    times.length = 0;
    await get('/tries');
    assert.equal(times.length, 4, 'limits.retries_max bounds what a service may ask');
});

test('retries: POST is repeated where nothing was sent', async () => {
    const alive = await listen(answering((r) => response(r.body)));
    const refused = `http://127.0.0.1:${await freePort()}`;
    await route('refused', [refused, alive.url], { retries: 1 });
    for (let i = 0; i < 4; i++) {
        const [answer] = await post('/refused', `n${i}`);
        assert.deepEqual([answer.status, answer.body], [200, `n${i}`]);
    }
    assert.deepEqual(alive.requests.map((r) => r.body), ['n0', 'n1', 'n2', 'n3'], 'each once');
});

test('retries: a body is repeated whole if all of it is kept, and not at all if not', async () => {
    let failures = 0;
    // Fails when all of a small body, or much of a large one, has come.
    const bad = await listen((c) => {
        const whole = Number(/content-length: (\d+)/i.exec(c.text)[1]) + c.text.indexOf('\r\n\r\n') + 4;
        if (c.text.length < Math.min(whole, 300000)) return;
        failures++;
        c.socket.destroy();
    });
    const good = await listen(answering((r) => response(`${r.body.length} ${/^a*$/.test(r.body)}`)));
    await route('replay', [bad.url, good.url], { retries: 1 });
    const answers = [];
    for (let i = 0; i < 2; i++) answers.push((await post('/replay', 'a'.repeat(50000), 'PUT'))[0]);
    assert.deepEqual(answers.map((a) => a.body), ['50000 true', '50000 true']);
    assert.equal(failures, 1, 'one of the two began at the bad URL');
    const large = [];
    for (let i = 0; i < 2; i++) large.push((await post('/replay', 'a'.repeat(1000000), 'PUT'))[0]);
    assert.deepEqual(large.map((a) => a.status).sort(), [200, 502], 'more than limits.exchange_buffer is not kept');
});

test('retries: a response that has begun, or is not HTTP, is not asked for again', async () => {
    for (const [name, text, status] of [['garbage', 'no HTTP\r\n\r\n', 502], ['splits', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 502]]) {
        const up = await upstream(name, (c) => c.socket.write(text), { retries: 3 });
        const [answer] = await get(`/${name}`);
        assert.equal(answer.status, status);
        assert.equal(up.connections.length, 1);
    }
});

test('requestTimeout: 504, counted from the last byte of the request, and repeated for GET only', async () => {
    const up = await upstream('mute', () => {}, { requestTimeout: '300ms', retries: 1 });
    const began = Date.now();
    const [answer] = await get('/mute');
    const took = Date.now() - began;
    assert.equal(answer.status, 504);
    assert.ok(took >= 580 && took < 10000, `${took} ms for two attempts`);
    assert.equal(up.connections.length, 2);
    await until('they were let go', () => up.connections.every(gone));
    const [posted] = await post('/mute', 'x');
    assert.equal(posted.status, 504);
    assert.equal(up.connections.length, 3);

    // While the client still has to send, the limit does not run.
    const slow = await Raw.connect(gateway.proxyPort);
    slow.send('POST /mute HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\n');
    const pieces = ['a', 'b', 'c'];
    const start = Date.now();
    for (const piece of pieces) {
        await until('a while has passed', () => Date.now() - start > 200 * (pieces.indexOf(piece) + 1), 5000, 10);
        assert.equal(slow.text, '');
        slow.send(piece);
    }
    await slow.see(/^HTTP\/1\.1 504 /);
    assert.ok(Date.now() - start >= 880);
    slow.close();
});

test('connectTimeout covers the wait for a free connection', async () => {
    const own = await new Gateway({ workers: 1, limits: { upstream_connections: 1 } }).start();
    try {
        const up = await listen(() => {});
        await own.put('service', { name: 'full', urls: [up.url], connectTimeout: '200ms', retries: 0 });
        await own.put('route', { name: 'full', paths: ['/full'], methods: ['*'], service: 'full' });
        const holder = await Raw.connect(own.proxyPort);
        holder.send('GET /full HTTP/1.1\r\nHost: x\r\n\r\n');
        await until('it arrived', () => up.connections.length === 1);
        const began = Date.now();
        const answer = await own.proxy('/full');
        assert.equal(answer.status, 504);
        assert.ok(Date.now() - began >= 190);
        assert.equal(up.connections.length, 1);
        up.connections[0].socket.write(response('held'));
        await holder.see(/held$/);
        holder.close();
    } finally {
        await own.remove();
    }
});

test('an upstream that falls silent within its response is given up', async () => {
    const up = await upstream('silent', (c) => c.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart'));
    const client = await Raw.connect(gateway.proxyPort);
    client.send('GET /silent HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.see(/part$/);
    await client.wait('the abort', () => client.closed, 5000);
    assert.equal(client.error?.code, 'ECONNRESET');
    await until('the upstream is let go', () => gone(up.connections[0]));
});

test('a client that is slow with its head gets 408, one without a request is closed', async () => {
    const client = await Raw.connect(gateway.proxyPort);
    client.send('GET / HTTP/1.1\r\nHost:');
    await client.wait('the end', () => client.ended, 5000);
    assert.match(client.text, /^HTTP\/1\.1 408 /);

    const idle = await Raw.connect(gateway.proxyPort);
    await idle.wait('the end', () => idle.ended || idle.closed, 5000);
    assert.equal(idle.text, '');

    await upstream('once', answering(() => response('one')));
    const kept = await Raw.connect(gateway.proxyPort);
    kept.send('GET /once HTTP/1.1\r\nHost: x\r\n\r\n');
    await kept.see(/one$/);
    const since = Date.now();
    await kept.wait('the end', () => kept.ended || kept.closed, 5000);
    assert.ok(Date.now() - since > 1300, 'client_idle_timeout_ms');
});

test('a client that falls silent within its body gets 408, and the upstream is let go', async () => {
    const up = await upstream('stall', () => {});
    const client = await Raw.connect(gateway.proxyPort);
    client.send('POST /stall HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
    await client.see(/^HTTP\/1\.1 408 /, 5000);
    await until('the upstream is let go', () => gone(up.connections[0]));
    await client.end();
});

test('a client that does not read is given up, and the upstream with it', async () => {
    const up = await upstream('deaf', (c) => {
        c.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        const block = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65536), Buffer.from('\r\n')]);
        const more = () => {
            while (!c.socket.destroyed && c.socket.write(block));
            if (!c.socket.destroyed) c.socket.once('drain', more);
        };
        more();
    });
    const client = await Raw.connect(gateway.proxyPort);
    client.socket.pause();
    client.send('GET /deaf HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('the upstream is let go', () => up.connections.length > 0 && gone(up.connections[0]), 15000);
    client.close();
});

test('an upstream connection without a request is closed after upstream_keepalive_ms', async () => {
    const up = await upstream('keep', answering(() => response('kept')));
    await get('/keep');
    assert.equal(gone(up.connections[0]) || up.connections[0].ended, false);
    const since = Date.now();
    await until('it is closed', () => up.connections[0].ended || gone(up.connections[0]), 5000);
    assert.ok(Date.now() - since > 400);
});
