import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import http from 'node:http';
import test, { after, before } from 'node:test';
import { temporaryDirectory, until, withGateway } from './lib/gateway.mjs';
import { Raw } from './lib/raw.mjs';

let upstream;
let url;

before(async () => {
    upstream = http.createServer((req, res) => {
        if (req.url === '/silent') return;
        req.resume();
        req.on('end', () => res.end('hello'));
    });
    await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${upstream.address().port}`;
});

after(() => {
    upstream.closeAllConnections();
    upstream.close();
});

function withLog(format, fn, { limits, workers = 1, file } = {}) {
    const path = file ?? join(temporaryDirectory(), 'access.log');
    return withGateway({ workers, limits, proxy: { access_log: format, access_log_file: path } }, async (gateway) => {
        await gateway.put('service', { name: 'up', urls: [url], retries: 0 });
        await gateway.put('route', { name: 'all', paths: ['/**'], methods: ['*'], service: 'up' });
        const lines = () => (existsSync(path) ? readFileSync(path, 'latin1').split('\n').slice(0, -1) : []);
        const line = (id) => until(`the line of ${id}`, () => lines().find((l) => l.includes(`"${id}"`)));
        return fn(gateway, { path, lines, line });
    });
}

const withId = (id, more) => ({ headers: { 'X-Request-Id': id, 'User-Agent': 'agent/1', Referer: 'http://r/', Host: 'h.test:8' }, ...more });

test('json: a line has everything', () =>
    withLog('json', async (gateway, log) => {
        const from = Date.now();
        const answer = await gateway.proxy('/a?b=c', withId('id-1', { method: 'POST', body: 'four' }));
        assert.equal(answer.text, 'hello');
        const line = JSON.parse(await log.line('id-1'));
        assert.ok(Date.parse(line.time) >= from - 1000 && Date.parse(line.time) <= Date.now());
        assert.ok(line.duration_ms > 0 && line.upstream_ms > 0 && line.upstream_ms <= line.duration_ms);
        for (const key of ['time', 'duration_ms', 'upstream_ms']) delete line[key];
        assert.deepEqual(line, {
            client: '127.0.0.1', method: 'POST', host: 'h.test:8', target: '/a?b=c', protocol: 'HTTP/1.1', status: 200,
            response_bytes: 5, request_bytes: 4, upstream: url, module_ms: null, retries: 0, namespace: 'default', route: 'all',
            service: 'up', request_id: 'id-1', error: null, user_agent: 'agent/1', referer: 'http://r/',
        });
        assert.equal((await gateway.proxy('/a', withId('id-2', { method: 'HEAD' }))).status, 200);
        assert.equal(JSON.parse(await log.line('id-2')).response_bytes, 0);
        assert.equal(log.lines().length, 2);
    }));

test('json: modules, retries, errors, clients that go away', () =>
    withLog('json', async (gateway, log) => {
        await gateway.module('slow', 'export const requestHandler = async (ctx) => { await new Promise((r) => setTimeout(r, 30)); ctx.response().status(201).send("made"); };');
        await gateway.put('route', { name: 'made', paths: ['/made'], methods: ['GET'], modules: ['slow'] });
        await gateway.proxy('/made'); // the first call waits for the modules' engine
        assert.equal((await gateway.proxy('/made', withId('m-1'))).status, 201);
        const made = JSON.parse(await log.line('m-1'));
        assert.ok(made.module_ms >= 25, `${made.module_ms}`);
        assert.deepEqual([made.status, made.response_bytes, made.upstream, made.service, made.route], [201, 4, null, null, 'made']);

        await gateway.put('service', { name: 'dead', urls: ['http://127.0.0.1:1'], retries: 2 });
        await gateway.put('route', { name: 'dead', paths: ['/dead'], methods: ['GET'], service: 'dead' });
        assert.equal((await gateway.proxy('/dead', withId('d-1'))).status, 502);
        const dead = JSON.parse(await log.line('d-1'));
        assert.deepEqual([dead.status, dead.retries, dead.upstream, dead.upstream_ms], [502, 2, 'http://127.0.0.1:1', null]);
        assert.match(dead.error, /refused/);

        const client = await Raw.connect(gateway.proxyPort);
        client.send('GET /silent HTTP/1.1\r\nHost: h\r\nX-Request-Id: gone-1\r\n\r\n');
        await until('it is on its way', async () => (await new Promise((done) => upstream.getConnections((_, n) => done(n)))) > 0);
        client.socket.resetAndDestroy();
        const gone = JSON.parse(await log.line('gone-1'));
        assert.equal(gone.status, null);
        assert.match(gone.error, /peer/);
    }));

test('text: nothing that a client sends forges a line', () =>
    withLog('text', async (gateway, log) => {
        const client = await Raw.connect(gateway.proxyPort);
        client.send('GET /a"b\\c HTTP/1.1\r\nHost: h\r\nX-Request-Id: t-1\r\nUser-Agent: x" 200 0 "-" \xc3\xa4\tb\r\nConnection: close\r\n\r\n');
        await client.end();
        const plain = await gateway.proxy('/ok?x=1', withId('t-2'));
        assert.equal(plain.status, 200);
        assert.match(await log.line('t-2'), /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/ok\?x=1 HTTP\/1\.1" 200 5 "http:\/\/r\/" "agent\/1" host="h\.test:8" request_bytes=0 duration_ms=\d+\.\d{3} upstream="[^"]+" upstream_ms=\d+\.\d{3} module_ms=- retries=0 namespace="default" route="all" service="up" request_id="t-2" error="-"$/);
        const forged = await log.line('t-1');
        assert.match(forged, /"GET \/a\\x22b\\x5Cc HTTP\/1\.1" 400 /);
        assert.match(forged, /"x\\x22 200 0 \\x22-\\x22 \\xC3\\xA4\\x09b"/);
    }));

test('many requests in several workers: one whole line each', () =>
    withLog('json', async (gateway, log) => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
        const count = 600;
        await Promise.all(Array.from({ length: count }, (_, i) => gateway.proxy(`/${'x'.repeat(i)}`, { agent, headers: { 'X-Request-Id': `n-${i}` } })));
        agent.destroy();
        await until('all lines', () => log.lines().length === count);
        const ids = log.lines().map((line) => JSON.parse(line).request_id);
        assert.equal(new Set(ids).size, count);
    }, { workers: 2 }));

test('a reader that does not read stops no request; dropped lines are counted', () => {
    const file = join(temporaryDirectory(), 'pipe');
    execFileSync('mkfifo', [file]);
    const reader = spawn('sh', ['-c', `exec 3<>"${file}"; echo open; read line; exec cat <&3 >/dev/null`], { stdio: ['pipe', 'pipe', 'inherit'] });
    return new Promise((done) => reader.stdout.once('data', done))
        .then(() => withLog('json', async (gateway) => {
            const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
            const long = `/${'x'.repeat(900)}`;
            for (let i = 0; i < 40; i++) {
                const began = Date.now();
                const all = await Promise.all(Array.from({ length: 10 }, () => gateway.proxy(long, { agent })));
                assert.ok(all.every((answer) => answer.status === 200) && Date.now() - began < 2000);
            }
            agent.destroy();
            reader.stdin.write('go\n');
            await until('the drop is told', () => /lines of the access log were dropped/.test(gateway.log));
        }, { file, limits: { access_log_buffer: 16384 } }))
        .finally(() => reader.kill());
});

test('SIGUSR1 opens the file anew', async () => {
    await withLog('text', async (gateway, { path, line, lines }) => {
        await gateway.proxy('/a', withId('before-1'));
        await line('before-1');
        renameSync(path, `${path}.1`);
        await gateway.proxy('/b', withId('before-2'));
        await until('the renamed file has it', () => readFileSync(`${path}.1`, 'latin1').includes('"before-2"'));
        process.kill(gateway.supervisorPid, 'SIGUSR1');
        await until('the file is there again', () => existsSync(path));
        await gateway.proxy('/c', withId('after-1'));
        await line('after-1');
        assert.equal(lines().length, 1);
        assert.equal(gateway.exit, undefined);
    });
});

test('a file that cannot be opened stops the start', async () => {
    await assert.rejects(withLog('text', () => {}, { file: '/no/such/dir/a.log' }), /cannot open the access log \/no\/such\/dir\/a\.log/);
});

test('standard output by default, and nothing when it is off', async () => {
    for (const format of ['json', 'off'])
        await withLog(format, async (gateway) => {
            await gateway.proxy('/a', withId('out-1'));
            if (format === 'json') await until('the line', () => /"request_id":"out-1"/.test(gateway.log));
            await gateway.stop();
            assert.equal(/"request_id":"out-1"/.test(gateway.log), format === 'json');
        }, { file: '' });
});
