// Choice and health of upstreams, with real upstreams in this process and two workers.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import test from 'node:test';
import { freePort, until, withGateway } from './lib/gateway.mjs';

// An upstream that counts requests and says its name; handler may answer instead. It can go and come back on its port.
class Upstream {
    constructor(name, handler) {
        this.name = name;
        this.handler = handler;
        this.requests = 0;
        this.checks = 0;
        this.healthy = true;
    }
    async start(port = this.port ?? 0) {
        this.server = http.createServer((req, res) => {
            if (req.url === '/check') {
                this.checks++;
                this.agent = req.headers['user-agent'];
                res.writeHead(this.healthy ? 200 : 500).end('checked');
                return;
            }
            this.requests++;
            if (this.handler) this.handler(req, res);
            else res.end(this.name);
        });
        await new Promise((done, fail) => this.server.once('error', fail).listen(port, '127.0.0.1', done));
        this.port = this.server.address().port;
        this.url = `http://127.0.0.1:${this.port}`;
        return this;
    }
    async stop() {
        if (!this.server?.listening) return;
        this.server.closeAllConnections();
        await new Promise((done) => this.server.close(done));
    }
}

async function withUpstreams(names, fn, config) {
    const ups = [];
    try {
        for (const name of names) ups.push(await (typeof name === 'string' ? new Upstream(name) : name).start());
        await withGateway(config ?? {}, async (gateway) => {
            const service = async (more, urls = ups.map((u) => u.url)) => {
                await gateway.put('service', { name: 's', urls, ...more });
                await gateway.put('route', { name: 'r', paths: ['/**'], methods: ['*'], service: 's' });
            };
            const health = async () => (await gateway.admin('GET', '/api/v1/service-health/s')).json.data.urls;
            await fn({ gateway, ups, service, health });
        });
    } finally {
        for (const up of ups) await up.stop();
    }
}

// Who answered how often.
async function shares(gateway, n, options = () => ({})) {
    const seen = {};
    for (let i = 0; i < n; i++) {
        const { path = '/', ...rest } = options(i);
        const answer = await gateway.proxy(path, rest);
        assert.equal(answer.status, 200, answer.text);
        seen[answer.text] = (seen[answer.text] ?? 0) + 1;
    }
    return seen;
}

const count = (text, pattern) => [...text.matchAll(pattern)].length;
const near = (value, expected, slack) => assert.ok(Math.abs(value - expected) <= slack, `${value} is not ${expected} ± ${slack}`);

test('round robin takes turns, and weights give shares', async () => {
    await withUpstreams(['a', 'b', 'c'], async ({ gateway, service }) => {
        await service({});
        const even = await shares(gateway, 60);
        for (const name of 'abc') near(even[name], 20, 2); // two workers have turns of their own
        await service({ weights: [5, 1, 4] });
        const weighted = await shares(gateway, 100);
        near(weighted.a, 50, 5);
        near(weighted.b, 10, 3);
        near(weighted.c, 40, 5);
    });
});

test('least_conn keeps away from the upstream that is busy, over all workers', async () => {
    const held = [];
    const slow = new Upstream('slow', (req, res) => held.push(res));
    await withUpstreams([slow, 'quick'], async ({ gateway, service, health }) => {
        await service({ balance: 'least_conn' });
        // One that waits: whichever comes to the slow one first.
        const waiting = gateway.proxy('/first');
        const other = gateway.proxy('/second');
        await until('one is held', () => held.length > 0);
        await until('it is counted', async () => (await health())[0].active === 1);
        // Each on a connection of its own: either worker may get it, all go to the other.
        const seen = await shares(gateway, 40);
        assert.deepEqual(Object.keys(seen), ['quick']);
        assert.equal(slow.requests, 1);
        held[0].end('slow');
        assert.deepEqual([(await waiting).text, (await other).text].sort(), ['quick', 'slow']);
        await until('nothing is counted', async () => (await health()).every((u) => u.active === 0));
    });
});

test('what a worker that died had counted is taken back', async () => {
    const held = [];
    const slow = new Upstream('slow', (req, res) => held.push(res));
    await withUpstreams([slow], async ({ gateway, service, health }) => {
        await service({ balance: 'least_conn' });
        const waiting = gateway.proxy('/').catch(() => 'gone');
        await until('it is counted', async () => (await health())[0].active === 1);
        for (const worker of gateway.children('worker')) process.kill(worker.pid, 'SIGKILL');
        assert.equal(await waiting, 'gone');
        await until('nothing is counted', async () => (await health())[0].active === 0);
        await until('it serves', async () => {
            const again = gateway.proxy('/');
            await until('it is held', () => held.length > 1, 2000);
            held.slice(1).forEach((res) => res.end('slow'));
            return (await again).status === 200;
        });
    });
});

test('hash keeps clients, paths, headers and cookies on their upstream, also when another one goes', async () => {
    await withUpstreams(['a', 'b', 'c', 'd'], async ({ gateway, ups, service }) => {
        const urls = ups.map((u) => u.url);
        const keys = [...Array(24).keys()].map((i) => `key-${i}`);
        const ways = {
            path: (key) => ({ path: `/${key}` }),
            'header:X-User': (key) => ({ headers: { 'x-user': key } }),
            'cookie:session': (key) => ({ headers: { Cookie: `other=1; session=${key}; last=2` } }),
        };
        const places = async (way) => {
            const map = {};
            for (const key of keys) {
                const { path = '/', ...rest } = way(key);
                const names = new Set();
                for (let i = 0; i < 3; i++) names.add((await gateway.proxy(path, rest)).text);
                assert.equal(names.size, 1, `${key} went to ${[...names]}`);
                map[key] = [...names][0];
            }
            return map;
        };
        for (const [hashOn, way] of Object.entries(ways)) {
            await service({ balance: 'hash', hashOn });
            const before = await places(way);
            assert.ok(new Set(Object.values(before)).size >= 3, JSON.stringify(before));
            const gone = before[keys[0]];
            await service({ balance: 'hash', hashOn }, urls.filter((u, i) => ups[i].name !== gone));
            const after = await places(way);
            for (const key of keys) {
                if (before[key] === gone) assert.notEqual(after[key], gone);
                else assert.equal(after[key], before[key], key);
            }
        }
        // By address, and without the header: always the same one.
        await service({ balance: 'hash', hashOn: 'ip' });
        const byAddress = await shares(gateway, 10, (i) => ({ path: `/${i}` }));
        assert.equal(Object.keys(byAddress).length, 1);
        await service({ balance: 'hash', hashOn: 'header:X-User' });
        assert.deepEqual(Object.keys(await shares(gateway, 10)), Object.keys(byAddress));
        const others = new Set();
        for (let i = 2; i < 30; i++) others.add((await gateway.proxy('/', { localAddress: `127.0.0.${i}` })).text);
        assert.ok(others.size >= 2, [...others].join());
    });
});

test('a dead URL is ejected without an error for clients, tried again by one request, and restored', async () => {
    await withUpstreams(['a', 'b'], async ({ gateway, ups, service, health }) => {
        await service({ maxFails: 2, failTimeout: '400ms' });
        await ups[0].stop();
        assert.deepEqual(await shares(gateway, 30), { b: 30 });
        await until('it is said', () => /is ejected for 400 ms: 2 failures in a row/.test(gateway.log));
        const [dead, alive] = await health();
        assert.deepEqual([dead.url, dead.ejected, dead.state], [ups[0].url, true, 'unknown']);
        assert.ok(dead.fails >= 2);
        assert.deepEqual([alive.ejected, alive.fails], [false, 0]);
        // It stays dead: probes fail, nothing is said again, clients see nothing.
        await until('it was probed twice', async () => {
            assert.deepEqual(await shares(gateway, 5), { b: 5 });
            return (await health())[0].fails >= dead.fails + 2;
        });
        await ups[0].start();
        await until('it is used again', async () => (await shares(gateway, 4)).a > 0);
        await until('it is said', () => /is used again/.test(gateway.log));
        assert.equal(count(gateway.log, /is ejected/g), 1);
        assert.equal(count(gateway.log, /is used again/g), 1);
        assert.match(gateway.log, new RegExp(`service default/s: ${ups[0].url} is ejected`));
        assert.equal((await health())[0].ejected, false);
    });
});

test('while it is half-open, one request at a time probes', async () => {
    const held = [];
    const slow = new Upstream('slow', (req, res) => held.push(res));
    await withUpstreams([slow, 'b'], async ({ gateway, service }) => {
        await service({ maxFails: 1, failTimeout: '2s' });
        await slow.stop();
        await until('it is ejected', async () => {
            await gateway.proxy('/');
            return /is ejected/.test(gateway.log);
        });
        await slow.start();
        const asked = [];
        await until('it is probed', () => {
            asked.push(gateway.proxy('/'));
            return held.length > 0;
        }, 15000, 50);
        for (let i = 0; i < 20; i++) asked.push(gateway.proxy('/'));
        await until('all others are answered', async () => {
            const states = await Promise.all(asked.map((a) => Promise.race([a, null])));
            return states.filter((s) => s === null).length === 1;
        });
        assert.equal(held.length, 1);
        held[0].end('slow');
        const names = (await Promise.all(asked)).map((a) => a.text);
        assert.equal(names.filter((n) => n === 'slow').length, 1);
    });
});

test('when all are ejected, all are tried; the single URL of a service is never kept from requests', async () => {
    await withUpstreams(['a', 'b'], async ({ gateway, ups, service, health }) => {
        await service({ maxFails: 1, failTimeout: '1h', retries: 3 });
        await ups[0].stop();
        await ups[1].stop();
        assert.equal((await gateway.proxy('/')).status, 502);
        await until('both are ejected', async () => (await health()).every((u) => u.ejected));
        await ups[1].start();
        for (let i = 0; i < 6; i++) assert.equal((await gateway.proxy('/')).text, 'b');
        assert.deepEqual((await health()).map((u) => u.ejected), [true, false]);
        await service({ maxFails: 1, failTimeout: '1h', retries: 0 }, [ups[0].url]);
        assert.equal((await gateway.proxy('/')).status, 502);
        await ups[0].start();
        assert.equal((await gateway.proxy('/')).text, 'a');
    });
});

test('maxFails 0 ejects nobody, and failStatuses decides whether statuses count', async () => {
    const broken = new Upstream('broken', (req, res) => res.writeHead(503).end('broken'));
    await withUpstreams([broken, 'b'], async ({ gateway, ups, service, health }) => {
        const statuses = async () => {
            const seen = { 200: 0, 503: 0 };
            for (let i = 0; i < 20; i++) seen[(await gateway.proxy('/')).status]++;
            return seen;
        };
        await service({ failTimeout: '1h' });
        near((await statuses())[503], 10, 1);
        assert.deepEqual((await health()).map((u) => u.fails), [0, 0]);
        await service({ failTimeout: '1h', failStatuses: [502, 503] });
        const seen = await statuses();
        assert.equal(seen[503], 3);
        assert.match(gateway.log, /is ejected for 3600000 ms: 3 failures in a row, last: status 503/);
        // Without maxFails it is used at once.
        await service({ maxFails: 0, failStatuses: [503] });
        near((await statuses())[503], 10, 1);
        await broken.stop();
        await service({ maxFails: 0, retries: 0 });
        const answers = [];
        for (let i = 0; i < 10; i++) answers.push((await gateway.proxy('/')).status);
        near(answers.filter((s) => s === 502).length, 5, 1);
    });
});

test('active checks take a URL out and bring it back, and follow the service', async () => {
    await withUpstreams(['a', 'b'], async ({ gateway, ups, service, health }) => {
        const check = { healthPath: '/check', healthInterval: '50ms', healthTimeout: '500ms', healthyThreshold: 2, unhealthyThreshold: 2 };
        const states = async () => (await health()).map((u) => u.state).join();
        await service(check);
        await until('both are up', async () => (await states()) === 'up,up');
        assert.equal(ups[0].agent, 'dgate-health-check');
        ups[0].healthy = false;
        await until('one is down', async () => (await states()) === 'down,up');
        assert.deepEqual(await shares(gateway, 20), { b: 20 });
        await until('it is said', () => /127\.0\.0\.1:\d+ is down: 2 checks in a row failed, last: status 500/.test(gateway.log));
        ups[0].healthy = true;
        await until('it is up again', async () => (await states()) === 'up,up');
        assert.ok((await shares(gateway, 20)).a >= 8);
        await ups[1].stop();
        await until('the other one is down', async () => (await states()) === 'up,down');
        // All down: all are used.
        ups[0].healthy = false;
        await until('both are down', async () => (await states()) === 'down,down');
        assert.deepEqual(await shares(gateway, 4), { a: 4 });
        // A status that was none is one now.
        await service({ ...check, healthStatuses: [500] });
        await until('500 is fine', async () => (await states()) === 'up,down');
        // Without a path nothing is checked, and nothing is known.
        await service({});
        assert.equal(await states(), 'unknown,unknown');
        const { checks } = ups[0];
        await service(check, [ups[0].url]);
        await until('it is checked', () => ups[0].checks > checks + 3);
        await gateway.admin('DELETE', '/api/v1/route/r');
        await gateway.admin('DELETE', '/api/v1/service/s');
        assert.equal((await gateway.admin('GET', '/api/v1/service-health/s')).status, 404);
        // Another service's checks go on meanwhile; they are this test's clock.
        const last = ups[0].checks;
        await gateway.put('service', { name: 'clock', urls: [ups[0].url], healthPath: '/clock', healthInterval: '50ms' });
        const ticks = ups[0].requests;
        await until('time goes by', () => ups[0].requests > ticks + 6);
        assert.ok(ups[0].checks <= last + 1);
        await service({}, [ups[0].url]);
        assert.equal(await states(), 'unknown');
    });
});

test('checks run once per node, time out, and never more at once than limits.health_checks', async () => {
    const open = new Set();
    let most = 0;
    const silent = new Upstream('silent', (req) => {
        const others = [...open];
        open.add(req.socket);
        req.socket.on('close', () => open.delete(req.socket));
        // One that was reset before this one came may be told of after it.
        setImmediate(() => setImmediate(() => {
            most = Math.max(most, 1 + others.filter((socket) => open.has(socket)).length);
        }));
    });
    await withUpstreams([silent], async ({ gateway, ups, service, health }) => {
        const urls = [...Array(10).keys()].map((i) => `${ups[0].url}/${i}`);
        await service({ healthPath: '/wait', healthInterval: '20ms', healthTimeout: '100ms', unhealthyThreshold: 1 }, urls);
        await until('all are down', async () => (await health()).every((u) => u.state === 'down'));
        assert.match(gateway.log, /is down: 1 checks in a row failed, last: timed out/);
        assert.ok(most <= 3, `${most} at once`);
        assert.equal(most, 3);
    }, { limits: { health_checks: 3 } });
});

test('without control the last word stays, and a new control goes on from there', async () => {
    await withUpstreams(['a', 'b'], async ({ gateway, ups, service, health }) => {
        await service({ healthPath: '/check', healthInterval: '1s', unhealthyThreshold: 1 });
        ups[0].healthy = false;
        await until('one is down', async () => (await health()).map((u) => u.state).join() === 'down,up');
        const [control] = gateway.children('control');
        process.kill(control.pid, 'SIGSTOP');
        assert.deepEqual(await shares(gateway, 20), { b: 20 });
        process.kill(control.pid, 'SIGKILL');
        assert.deepEqual(await shares(gateway, 20), { b: 20 });
        await until('control is back', async () => (await health()).length === 2);
        assert.deepEqual((await health()).map((u) => u.state), ['down', 'up']);
        ups[0].healthy = true;
        await until('it is checked again', async () => (await health())[0].state === 'up');
        assert.ok((await shares(gateway, 20)).a >= 8);
    });
});

test('totalTimeout: 504 with its own text before the head, the connection broken off after it', async () => {
    const slow = new Upstream('slow', (req, res) => {
        if (req.url === '/never') return;
        res.writeHead(200);
        if (req.url === '/quick') res.end('done');
        else res.write('some');
    });
    await withUpstreams([slow], async ({ gateway, service }) => {
        await service({ totalTimeout: '300ms' });
        const before = Date.now();
        const answer = await gateway.proxy('/never');
        assert.equal(answer.status, 504);
        assert.match(answer.json.error, /totalTimeout/);
        assert.ok(Date.now() - before < 5000);
        await assert.rejects(gateway.proxy('/some'), /aborted|ECONNRESET/);
        assert.equal((await gateway.proxy('/quick')).text, 'done');
        await service({ totalTimeout: 0, requestTimeout: '300ms', retries: 0 });
        const own = await gateway.proxy('/never');
        assert.equal(own.status, 504);
        assert.doesNotMatch(own.json.error, /totalTimeout/);
    });
});

test('idleTimeout is between the bytes of the response', async () => {
    const slow = new Upstream('slow', (req, res) => {
        res.writeHead(200);
        res.write('one ');
        if (req.url !== '/dripping') return;
        let n = 0;
        const timer = setInterval(() => {
            res.write('more ');
            if (++n === 8) {
                clearInterval(timer);
                res.end();
            }
        }, 100);
    });
    await withUpstreams([slow], async ({ gateway, service }) => {
        await service({ idleTimeout: '400ms' });
        await assert.rejects(gateway.proxy('/stuck'), /aborted|ECONNRESET/);
        assert.match((await gateway.proxy('/dripping')).text, /^one (more ){8}$/);
    });
});

test('502, 503 and 504 are told apart in the answer and in the log', async () => {
    const silent = net.createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await new Promise((done) => silent.once('listening', done));
    const held = [];
    const slow = new Upstream('slow', (req, res) => held.push(res));
    await withUpstreams([slow], async ({ gateway, ups, service }) => {
        const ask = async () => {
            const answer = await gateway.proxy('/');
            await until('it is logged', () => gateway.log.includes(answer.json.request_id));
            return [answer.status, answer.json.error, gateway.log.split('\n').find((l) => l.includes(answer.json.request_id))];
        };
        await service({ retries: 0 }, [`http://127.0.0.1:${await freePort()}`]);
        const refused = await ask();
        assert.equal(refused[0], 502);
        assert.match(refused[1], /refused/);
        assert.match(refused[2], /Connection refused/);
        await service({ retries: 0 }, ['http://nothing.invalid']);
        const unresolved = await ask();
        assert.equal(unresolved[0], 502);
        assert.match(unresolved[1], /resolved/);
        await service({ retries: 0, requestTimeout: '100ms' }, [`http://127.0.0.1:${silent.address().port}`]);
        const late = await ask();
        assert.equal(late[0], 504);
        assert.match(late[1], /no response within the time limit/);
        await service({ retries: 0 });
        const first = gateway.proxy('/');
        await until('the only connection is in use', () => held.length === 1);
        const full = await ask();
        assert.equal(full[0], 503);
        assert.match(full[1], /too many connections/);
        held[0].end('slow');
        assert.equal((await first).text, 'slow');
    }, { workers: 1, limits: { upstream_connections: 1, upstream_queue: 0 } });
    silent.close();
});

test('fields of a service that make no sense are refused with what is wrong', async () => {
    await withGateway({}, async (gateway) => {
        const base = { name: 's', urls: ['http://a', 'http://b'] };
        for (const [more, text] of [
            [{ balance: 'random' }, /balance: must be round_robin or least_conn or hash, not "random"/],
            [{ hashOn: 'path' }, /hashOn: has no effect without "balance": "hash"/],
            [{ balance: 'hash', hashOn: 'query:x' }, /hashOn: must be ip, path, header:NAME or cookie:NAME/],
            [{ weights: [1] }, /weights: must have as many elements as urls: 2, not 1/],
            [{ weights: [1, 0] }, /weights\[1\]: must be 1 to 1000/],
            [{ weights: '1' }, /weights: expected a list of integers, got a string/],
            [{ failTimeout: 0 }, /failTimeout: must be at least 1ms/],
            [{ healthPath: 'check' }, /healthPath: must begin with '\/'/],
            [{ healthInterval: '1s' }, /healthInterval: has no effect without healthPath/],
            [{ healthPath: '/', healthStatuses: [20] }, /healthStatuses\[0\]: must be 100 to 599/],
        ]) {
            const answer = await gateway.admin('PUT', '/api/v1/service', { ...base, ...more });
            assert.equal(answer.status, 400, JSON.stringify(more));
            assert.match(answer.json.error, text);
        }
        const stored = await gateway.put('service', { ...base, balance: 'hash', hash_on: 'cookie:sid', weights: [2, 3], max_fails: 5, fail_timeout_ms: 1500, health_path: '/up?x=1', health_interval_ms: 2000, healthy_threshold: 1, total_timeout_ms: 9000, idle_timeout_ms: 100 });
        assert.deepEqual(
            [stored.balance, stored.hashOn, stored.weights, stored.maxFails, stored.failTimeout, stored.healthPath, stored.healthInterval, stored.healthyThreshold, stored.totalTimeout, stored.idleTimeout],
            ['hash', 'cookie:sid', [2, 3], 5, 1.5e9, '/up?x=1', 2e9, 1, 9e9, 1e8]);
        assert.deepEqual(await gateway.put('service', stored), stored);
    });
});
