import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { until, withGateway, withUpstream } from './lib/gateway.mjs';
import { metrics, parse } from './lib/metrics.mjs';
import { Raw } from './lib/raw.mjs';

// Waits until the workers have told of what happened; they do so every 20 ms.
const told = (gateway, what, check) => until(what, async () => {
    const now = await metrics(gateway);
    return check(now) && now;
});

async function withRoutes(config, fn) {
    await withUpstream((req, res) => {
        if (req.url === '/cut') {
            res.writeHead(200, { 'Content-Length': 10 });
            res.write('half', () => res.destroy());
            return undefined;
        }
        if (req.url === '/slow') return setTimeout(() => res.end('slow'), 120);
        if (req.url === '/teapot') res.statusCode = 418;
        return res.end('ok');
    }, (url) => withGateway(config, async (gateway) => {
        await gateway.put('service', { name: 's', urls: [url], retries: 0 });
        await gateway.put('service', { name: 'gone', urls: ['http://127.0.0.1:1'], retries: 2 });
        await gateway.put('route', { name: 'r', paths: ['/**'], methods: ['*'], service: 's' });
        await gateway.put('route', { name: 'gone', paths: ['/gone'], methods: ['*'], service: 'gone' });
        await gateway.put('route', {
            name: 'limited', paths: ['/limited'], methods: ['*'], service: 's', rateLimit: 1, ratePeriod: '1h' });
        await gateway.module('broken', 'export const requestModifier = () => { throw new Error("no"); };');
        await gateway.put('route', {
            name: 'broken', paths: ['/broken'], methods: ['*'], service: 's', modules: ['broken'] });
        await fn(gateway);
    }));
}

test('the parser refuses what the format does not have', () => {
    const head = '# HELP a_total x\n# TYPE a_total counter\n';
    parse(`${head}a_total 1\n`);
    parse(`${head}a_total{l="x\\\\y\\"z\\n"} 1\n`);
    for (const text of [
        `${head}a_total 1`, `${head}b_total 1\n`, 'a_total 1\n', `${head}a_total{l="x} 1\n`, `${head}a_total{l="\\t"} 1\n`,
        `${head}a_total 1\na_total 1\n`, `${head}a_total -1\n`, `${head}a_total one\n`, `${head}a_total  1\n`, `${head}\n`,
        '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 0\nh_count 1\n',
        '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 0\nh_count 1\n',
    ])
        assert.throws(() => parse(text), undefined, JSON.stringify(text));
});

test('what happens is counted', async () => {
    await withRoutes({}, async (gateway) => {
        const before = await metrics(gateway);
        assert.equal(before.value('request_count_total'), 0);
        for (const [path, status] of [
            ['/', 200], ['/', 200], ['/slow', 200], ['/teapot', 418], ['/gone', 502], ['/broken', 500],
            ['/limited', 200], ['/limited', 429], ['/limited', 429]])
            assert.equal((await gateway.proxy(path)).status, status, path);
        await assert.rejects(gateway.proxy('/cut'));
        const bad = await Raw.connect(gateway.proxyPort);
        await bad.send('nonsense\r\n\r\n').end();
        bad.close();
        const m = await told(gateway, 'ten requests', (now) =>
            now.value('request_duration_milliseconds', 'count') === 10 && now.value('dgate_bad_requests_total') === 1 &&
            now.sum('dgate_connections_active') === 0);
        assert.equal(m.value('request_count_total'), 10);
        assert.equal(m.value('dgate_responses_total', 'class="2xx"'), 4);
        assert.equal(m.value('dgate_responses_total', 'class="3xx"'), 0);
        assert.equal(m.value('dgate_responses_total', 'class="4xx"'), 3);
        assert.equal(m.value('dgate_responses_total', 'class="5xx"'), 2);
        assert.equal(m.value('dgate_responses_total', 'class="aborted"'), 1);
        assert.equal(m.value('dgate_limit_hits_total', 'limit="route_rate"'), 2);
        assert.equal(m.sum('dgate_limit_hits_total'), 2);
        assert.equal(m.value('dgate_retries_total'), 2);
        assert.ok(m.value('error_count_total', 'error_value="upstream"') >= 2);
        assert.equal(m.value('error_count_total', 'error_value="module"'), 1);
        assert.equal(m.value('dgate_connections_accepted_total'), 11);
        assert.equal(m.value('dgate_connections_refused_total'), 0);
        const fast = m.value('request_duration_milliseconds', 'bucket le="100"');
        assert.ok(fast < 10, 'the slow one took more than 100 ms');
        assert.ok(m.value('request_duration_milliseconds', 'sum') >= 110);
    });
});

test('limits of clients are told apart', async () => {
    const config = { proxy: { rate_limit: { requests: 2, period: '1h' }, max_connections_per_client: 2 } };
    await withRoutes(config, async (gateway) => {
        const two = [await Raw.connect(gateway.proxyPort), await Raw.connect(gateway.proxyPort)];
        for (const client of two) await client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n').see(/ok$/);
        assert.equal((await gateway.proxy('/')).status, 429);
        two[0].close();
        await until('a connection is free', async () => (await gateway.proxy('/')).json.error === 'too many requests');
        const m = await told(gateway, 'both limits', (now) => now.value('dgate_limit_hits_total', 'limit="client_rate"') === 1);
        assert.ok(m.value('dgate_limit_hits_total', 'limit="client_connections"') >= 1);
        two[1].close();
    });
});

test('gauges tell what is now, of each worker', async () => {
    await withRoutes({ tags: ['x'] }, async (gateway) => {
        const clients = [];
        for (let i = 0; i < 3; i++) clients.push(await Raw.connect(gateway.proxyPort));
        const m = await told(gateway, 'three connections', (now) => now.sum('dgate_connections_active') === 3);
        assert.equal(m.sum('dgate_worker_up'), 2);
        assert.equal(m.sum('dgate_requests_active'), 0);
        for (const client of clients) client.close();
        await told(gateway, 'no connection', (now) => now.sum('dgate_connections_active') === 0);

        const revision = m.value('dgate_state_revision');
        assert.equal(revision, (await gateway.admin('GET', '/changelog')).json.count);
        await gateway.put('namespace', { name: 'more' });
        const after = await told(gateway, 'all workers have it', (now) =>
            ['0', '1'].every((i) => now.value('dgate_worker_state_revision', `worker="${i}"`) === revision + 1));
        assert.equal(after.value('dgate_state_revision'), revision + 1);

        const started = m.value('dgate_start_time_seconds');
        assert.ok(started <= Date.now() / 1000 && started > Date.now() / 1000 - 60);
        assert.equal(m.families.get('dgate_build_info').samples[`version="${(await gateway.admin('GET', '/healthz')).json.version}"`], 1);
        for (const process of ['supervisor', 'control', 'worker-0', 'worker-1'])
            assert.ok(m.value('dgate_process_resident_memory_bytes', `process="${process}"`) > 1e6, process);
        for (const { pid, role } of gateway.children('worker')) {
            const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
            const shown = m.value('dgate_process_resident_memory_bytes', `process="${role.replace(':', '-')}"`);
            assert.ok(Math.abs(shown / 4096 - pages) < pages, `${role}: ${shown} and ${pages} pages`);
        }
    });
});

test('counters never go backwards when a worker or control is killed', async () => {
    await withRoutes({}, async (gateway) => {
        for (let i = 0; i < 30; i++) assert.equal((await gateway.proxy('/')).status, 200);
        let last = await told(gateway, 'thirty requests', (now) => now.value('request_duration_milliseconds', 'count') === 30);
        const check = async () => {
            const now = await metrics(gateway);
            for (const [name, family] of last.families) {
                if (family.type === 'gauge') continue;
                for (const [key, value] of Object.entries(family.samples))
                    assert.ok(now.value(name, key) >= value, `${name}{${key}} was ${value} and is ${now.value(name, key)}`);
            }
            last = now;
            return now;
        };
        let killed = 0;
        for (const victim of gateway.children('worker')) {
            process.kill(victim.pid, 'SIGKILL');
            killed++;
            await until('another worker serves', async () => {
                await check();
                return last.sum('dgate_worker_restarts_total') === killed && last.sum('dgate_worker_up') === 2;
            });
            assert.equal(gateway.children('worker').some((w) => w.pid === victim.pid), false);
        }
        assert.equal(last.value('request_count_total'), 30);
        assert.equal(last.value('request_duration_milliseconds', 'count'), 30);
        for (let i = 0; i < 5; i++) assert.equal((await gateway.proxy('/')).status, 200);
        await until('they count on', async () => (await check()).value('request_count_total') === 35);

        const [control] = gateway.children('control');
        process.kill(control.pid, 'SIGKILL');
        await until('control is back', () => gateway.children('control').some((c) => c.pid !== control.pid));
        await until('it answers', async () => (await gateway.admin('GET', '/readyz')).status === 200);
        await check();
        assert.equal(last.value('dgate_control_restarts_total'), 1);
        assert.equal(last.value('request_count_total'), 35);
    });
});

test('metrics are for those who may use the admin API', async () => {
    await withGateway({ admin: { auth_method: 'key', key_auth: { keys: ['k'] } } }, async (gateway) => {
        assert.equal((await gateway.admin('GET', '/metrics')).status, 401);
        await metrics(gateway, { headers: { 'X-DGate-Key': 'k' } });
    });
    await withGateway({ admin: { allow_list: ['192.0.2.1'] } }, async (gateway) => {
        assert.equal((await gateway.admin('GET', '/metrics')).status, 403);
    });
});

test('disable_metrics', async () => {
    await withGateway({ disable_metrics: true }, async (gateway) => {
        const answer = await gateway.admin('GET', '/metrics');
        assert.equal(answer.status, 404);
        assert.match(answer.json.error, /disable_metrics is set/);
    });
});
