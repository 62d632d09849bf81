import assert from 'node:assert/strict';
import net from 'node:net';
import test from 'node:test';
import { request, until, withGateway, withUpstream } from './lib/gateway.mjs';
import { Raw } from './lib/raw.mjs';

// An upstream that answers at once, but /hold, which waits for release().
async function withHolding(config, fn) {
    const held = [];
    const holding = {
        get count() {
            return held.length;
        },
        release() {
            for (const res of held.splice(0)) res.end('late');
        },
    };
    await withUpstream((req, res) => {
        if (!req.url.startsWith('/hold')) return res.end('ok');
        held.push(res);
        res.on('close', () => {
            const at = held.indexOf(res);
            if (at >= 0) held.splice(at, 1);
        });
    }, (url) => withGateway(config, async (gateway) => {
        await gateway.put('service', { name: 's', urls: [url], retries: 0 });
        await fn(gateway, holding);
    }));
}

const route = (gateway, more) =>
    gateway.put('route', { name: 'r', paths: ['/**'], methods: ['*'], service: 's', ...more });

const statuses = async (gateway, path, n, options) => {
    const all = [];
    for (let i = 0; i < n; i++) all.push((await gateway.proxy(path, options)).status);
    return all;
};

// A request that is held at the upstream. A place may be free a moment after its response was read, so it asks again.
const hold = (gateway) => until('a held request ends', async () => {
    const answer = await gateway.proxy('/hold');
    return answer.status === 200 && answer;
});

const passed = (all) => all.filter((status) => status === 200).length;

function connectFrom(port, localAddress) {
    return new Promise((done, fail) => {
        const socket = net.connect({ port, host: '127.0.0.1', localAddress, allowHalfOpen: true });
        socket.once('error', fail);
        socket.once('connect', () => done(new Raw(socket)));
    });
}

test('a rate holds for all workers together, and is refused with 429 and Retry-After', async () => {
    await withHolding({}, async (gateway) => {
        await route(gateway, { rateLimit: 4, ratePeriod: '2h' });
        const all = await statuses(gateway, '/', 20);
        assert.deepEqual(all, [...Array(4).fill(200), ...Array(16).fill(429)]);
        const refused = await gateway.proxy('/');
        assert.equal(refused.json.error, 'too many requests');
        assert.equal(refused.json.status, 429);
        assert.equal(refused.json.request_id, refused.headers['x-request-id']);
        assert.match(refused.headers['retry-after'], /^\d+$/);
        assert.ok(Number(refused.headers['retry-after']) > 1700 && Number(refused.headers['retry-after']) <= 1800);
        assert.equal(Object.keys(refused.headers).some((name) => name.startsWith('ratelimit')), false);
        assert.equal((await gateway.proxy('/', { localAddress: '127.0.0.2' })).status, 200);
    });
});

test('tokens come back, and a burst is saved', async () => {
    await withHolding({}, async (gateway) => {
        await route(gateway, { rateLimit: 2, rateBurst: 5 });
        assert.ok(passed(await statuses(gateway, '/', 5)) === 5);
        const begin = Date.now();
        await until('it refuses', async () => (await gateway.proxy('/')).headers['retry-after'] === '1');
        await until('it serves again', async () => (await gateway.proxy('/')).status === 200);
        assert.ok(Date.now() - begin < 5000);
    });
});

test('limitBy tells requests apart, and a change of the route counts at once', async () => {
    await withHolding({}, async (gateway) => {
        const limits = { rateLimit: 1, ratePeriod: '1h' };
        const one = { headers: { 'X-Key': 'one' } };
        const two = { headers: { 'x-key': 'two' } };
        await route(gateway, { ...limits, limitBy: 'header:X-Key' });
        assert.deepEqual(await statuses(gateway, '/', 2, one), [200, 429]);
        assert.deepEqual(await statuses(gateway, '/', 2, two), [200, 429]);
        assert.deepEqual(await statuses(gateway, '/', 2), [200, 429]);
        await route(gateway, { ...limits, limitBy: 'route' });
        assert.deepEqual(await statuses(gateway, '/', 1, { ...one, localAddress: '127.0.0.5' }), [429],
            'a missing field and the whole route are one key');
        await route(gateway, {});
        assert.deepEqual(await statuses(gateway, '/', 3), [200, 200, 200]);
    });
});

test('maxConcurrent: clients that go away in the middle give their places back', async () => {
    await withHolding({}, async (gateway, holding) => {
        await route(gateway, { maxConcurrent: 3 });
        const clients = [];
        for (let i = 0; i < 3; i++) {
            const client = await Raw.connect(gateway.proxyPort);
            client.send('GET /hold HTTP/1.1\r\nHost: x\r\n\r\n');
            clients.push(client);
        }
        await until('three are at the upstream', () => holding.count === 3);
        const refused = await gateway.proxy('/');
        assert.equal(refused.status, 429);
        assert.equal(refused.json.error, 'too many requests at the same time');
        assert.equal(refused.headers['retry-after'], '1');
        clients[0].close();
        await until('a place is free', async () => (await gateway.proxy('/')).status === 200);
        clients[1].socket.resetAndDestroy?.();
        clients[1].close();
        clients[2].close();
        await until('all places are free', async () => {
            const three = await Promise.all([1, 2, 3].map(() => gateway.proxy('/')));
            return passed(three.map((r) => r.status)) === 3;
        });
        // As many as ever, and not one more.
        await until('nothing is held', () => holding.count === 0);
        const more = [1, 2, 3].map(() => hold(gateway));
        await until('three are at the upstream again', () => holding.count === 3);
        assert.equal((await gateway.proxy('/')).status, 429);
        holding.release();
        assert.deepEqual((await Promise.all(more)).map((r) => r.text), ['late', 'late', 'late']);
        await until('free again', async () => (await gateway.proxy('/')).status === 200);
    });
});

test('what a killed worker counted is free again', async () => {
    await withHolding({ proxy: { max_connections_per_client: 6 } }, async (gateway, holding) => {
        await route(gateway, { maxConcurrent: 4, limitBy: 'route' });
        const clients = [];
        for (let i = 0; i < 4; i++) {
            const client = await Raw.connect(gateway.proxyPort);
            client.send('GET /hold HTTP/1.1\r\nHost: x\r\n\r\n');
            clients.push(client);
        }
        await until('four are at the upstream', () => holding.count === 4);
        assert.equal((await gateway.proxy('/')).status, 429);
        const victims = gateway.children('worker').map((c) => c.pid);
        for (const pid of victims) process.kill(pid, 'SIGKILL');
        await until('new workers', () => {
            const now = gateway.children('worker').map((c) => c.pid);
            return now.length === 2 && now.every((pid) => !victims.includes(pid));
        });
        await until('it serves', async () => (await gateway.proxy('/')).status === 200);
        await until('nothing is held', () => holding.count === 0);
        const more = [1, 2, 3, 4].map(() => hold(gateway));
        await until('four are at the upstream again', () => holding.count === 4);
        assert.equal((await gateway.proxy('/')).status, 429);
        holding.release();
        await Promise.all(more);
        for (const client of clients) client.close();
    });
});

test('proxy.rate_limit is for every client, whatever the path', async () => {
    const config = { proxy: { rate_limit: { requests: 3, period: '1h' } } };
    await withHolding(config, async (gateway) => {
        await gateway.put('route', { name: 'r', paths: ['/r'], methods: ['*'], service: 's' });
        assert.deepEqual(await statuses(gateway, '/r', 2), [200, 200]);
        assert.deepEqual(await statuses(gateway, '/nowhere', 2), [404, 429]);
        assert.deepEqual(await statuses(gateway, '/r', 2), [429, 429]);
        assert.deepEqual(await statuses(gateway, '/r', 4, { localAddress: '127.0.0.9' }), [200, 200, 200, 429]);
    });
});

test('proxy.max_requests_per_client counts what is in flight', async () => {
    await withHolding({ proxy: { max_requests_per_client: 2 } }, async (gateway, holding) => {
        await route(gateway, {});
        const two = [1, 2].map(() => gateway.proxy('/hold'));
        await until('two are at the upstream', () => holding.count === 2);
        assert.equal((await gateway.proxy('/')).status, 429);
        assert.equal((await gateway.proxy('/', { localAddress: '127.0.0.3' })).status, 200);
        holding.release();
        await Promise.all(two);
        await until('free again', async () => (await gateway.proxy('/')).status === 200);
    });
});

test('proxy.max_connections_per_client: over all workers, answered 429, free when one closes', async () => {
    await withHolding({ proxy: { max_connections_per_client: 4 } }, async (gateway) => {
        await route(gateway, {});
        const clients = [];
        for (let i = 0; i < 4; i++) {
            const client = await Raw.connect(gateway.proxyPort);
            client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
            await client.see(/ok$/);
            clients.push(client);
        }
        const fifth = await Raw.connect(gateway.proxyPort);
        fifth.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
        await fifth.end();
        assert.match(fifth.text, /^HTTP\/1\.1 429 Too Many Requests\r\n/);
        assert.match(fifth.text, /\r\nConnection: close\r\n/i);
        assert.match(fifth.text, /{"error":"too many connections of this client","status":429}$/);
        fifth.close();
        const other = await connectFrom(gateway.proxyPort, '127.0.0.4');
        other.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
        await other.see(/ok$/);
        other.close();
        // The four are served on.
        for (const client of clients) {
            client.data = Buffer.alloc(0);
            client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
            await client.see(/ok$/);
        }
        clients[0].close();
        await until('a place is free', async () => (await request(gateway.proxyUrl)).status === 200);
        for (const client of clients) client.close();
    });
});

test('limits that cannot be are refused with their path', async () => {
    await withHolding({}, async (gateway) => {
        const put = (more) => gateway.admin('PUT', '/api/v1/route',
            { name: 'r', paths: ['/'], methods: ['*'], service: 's', ...more });
        for (const [more, error] of [
            [{ rateBurst: 1 }, 'rateBurst: has no effect without rateLimit'],
            [{ ratePeriod: '1m' }, 'ratePeriod: has no effect without rateLimit'],
            [{ limitBy: 'route' }, 'limitBy: has no effect without rateLimit or maxConcurrent'],
            [{ rateLimit: 1, limitBy: 'moon' }, 'limitBy: must be client, route, or header: and the name of a header field'],
            [{ rateLimit: 1, ratePeriod: '1ms' }, 'ratePeriod: must be at least 1000ms'],
            [{ rateLimit: 1, ratePeriod: '24h', rateBurst: 1000000 },
                'rateBurst: must be at most 53375 with so few requests per period'],
            [{ maxConcurrent: 1.5 }, 'maxConcurrent: expected an integer, got a number with a fraction'],
        ]) {
            const answer = await put(more);
            assert.equal(answer.status, 400);
            assert.equal(answer.json.error, error);
        }
        const stored = await route(gateway, { rateLimit: 5, maxConcurrent: 7, limitBy: 'header:X-Key', rate_period_ms: 2000 });
        assert.equal(stored.ratePeriod, 2e9);
        assert.deepEqual((await gateway.admin('GET', '/api/v1/route/r')).json.data, stored);
    });
});
