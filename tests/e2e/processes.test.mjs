import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { Gateway, SERVER, request, temporaryDirectory, until, withGateway, withUpstream } from './lib/gateway.mjs';
import { Raw } from './lib/raw.mjs';

const run = (args, options) => spawnSync(SERVER, args, { encoding: 'utf8', timeout: 20000, ...options });

test('--version and --help', () => {
    assert.match(run(['--version']).stdout, /^dgate-server \d+\.\d+\.\d+\n$/);
    assert.match(run(['--help']).stdout, /usage: dgate-server/);
    assert.equal(run(['--nonsense']).status, 1);
    assert.equal(run(['extra']).status, 1);
});

test('a port in use is one clear line and exit 1', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    const port = server.address().port;
    const dir = temporaryDirectory();
    const file = join(dir, 'c.json');
    for (const config of [
        { proxy: { host: '127.0.0.1', port }, admin: { port: 0 } },
        { proxy: { host: '127.0.0.1', port: 0 }, admin: { port } },
    ]) {
        writeFileSync(file, JSON.stringify({ version: 'v1', storage: { type: 'memory' }, ...config }));
        const result = run(['-c', file]);
        assert.equal(result.status, 1);
        assert.match(result.stderr, new RegExp(`^dgate-server: .*127\\.0\\.0\\.1:${port}.*in use\\n$`));
    }
    server.close();
    rmSync(dir, { recursive: true });
});

test('a second server on the same port is refused although both share ports among workers', async () => {
    await withGateway({}, async (gateway) => {
        const dir = temporaryDirectory();
        const file = join(dir, 'c.json');
        writeFileSync(file, JSON.stringify({
            storage: { type: 'memory' }, proxy: { host: '127.0.0.1', port: gateway.proxyPort }, admin: { port: 0 } }));
        const result = run(['-c', file]);
        assert.equal(result.status, 1);
        assert.match(result.stderr, /in use/);
        rmSync(dir, { recursive: true });
    });
});

test('a second server on the same storage is refused and names the owner', async () => {
    await withGateway({}, async (gateway) => {
        const dir = temporaryDirectory();
        const file = join(dir, 'c.json');
        writeFileSync(file, JSON.stringify({
            storage: gateway.config.storage, proxy: { host: '127.0.0.1', port: 0 }, admin: { port: 0 } }));
        const result = run(['-c', file]);
        assert.equal(result.status, 1);
        assert.match(result.stderr, new RegExp(`storage: .*${gateway.supervisorPid}`));
        rmSync(dir, { recursive: true });
    });
});

test('SIGTERM finishes what is in flight and exits 0', async () => {
    let release;
    await withUpstream((req, res) => {
        release ??= () => res.end('late'); // of the first: later ones only knock
        res.writeHead(200);
        res.write('early ');
    }, async (url) => {
        await withGateway({}, async (gateway) => {
            await gateway.put('service', { name: 's', urls: [url] });
            await gateway.put('route', { name: 'r', paths: ['/'], methods: ['GET'], service: 's' });
            const client = await Raw.connect(gateway.proxyPort);
            client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
            await client.see(/early /);
            gateway.child.kill('SIGTERM');
            await until('no new connections', async () => {
                try {
                    await request(`${gateway.proxyUrl}/`, { timeout: 500 });
                    return false;
                } catch (error) {
                    return error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET';
                }
            });
            assert.equal(gateway.exit, undefined);
            release();
            await client.see(/late/);
            await client.end();
            assert.deepEqual(await gateway.exited, { code: 0, signal: null });
        });
    });
});

test('the grace period bounds a stop', async () => {
    await withUpstream(() => {}, async (url) => {
        await withGateway({ limits: { shutdown_grace_ms: 300 } }, async (gateway) => {
            await gateway.put('service', { name: 's', urls: [url] });
            await gateway.put('route', { name: 'r', paths: ['/'], methods: ['GET'], service: 's' });
            const client = await Raw.connect(gateway.proxyPort);
            client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
            await until('it is in flight', () => client.socket.bytesWritten > 0);
            await new Promise((done) => setTimeout(done, 50));
            const start = Date.now();
            gateway.child.kill('SIGTERM');
            assert.deepEqual(await gateway.exited, { code: 0, signal: null });
            assert.ok(Date.now() - start < 5000);
            client.close();
        });
    });
});

test('a worker that dies is replaced, and loses only its own connections', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url) => {
        await withGateway({}, async (gateway) => {
            await gateway.put('service', { name: 's', urls: [url] });
            await gateway.put('route', { name: 'r', paths: ['/'], methods: ['GET'], service: 's' });
            const clients = [];
            for (let i = 0; i < 16; i++) {
                const client = await Raw.connect(gateway.proxyPort);
                client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
                await client.see(/ok$/);
                clients.push(client);
            }
            const [victim] = gateway.children('worker');
            process.kill(victim.pid, 'SIGKILL');
            await until('a new worker', () => {
                const workers = gateway.children('worker');
                return workers.length === 2 && workers.every((w) => w.pid !== victim.pid);
            });
            await until('it is logged', () => /worker-\d+ ended with signal 9/.test(gateway.log));
            await until('its connections closed', () => clients.some((c) => c.closed || c.ended));
            const alive = clients.filter((c) => !c.closed && !c.ended);
            assert.ok(alive.length > 0);
            for (const client of alive) {
                client.data = Buffer.alloc(0);
                client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
                await client.see(/ok$/);
            }
            for (let i = 0; i < 20; i++) assert.equal((await gateway.proxy('/')).text, 'ok');
            for (const client of clients) client.close();
        });
    });
});

test('control dying leaves the workers serving, and it comes back', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url) => {
        await withGateway({}, async (gateway) => {
            await gateway.put('service', { name: 's', urls: [url] });
            await gateway.put('route', { name: 'r', paths: ['/'], methods: ['GET'], service: 's' });
            const [control] = gateway.children('control');
            process.kill(control.pid, 'SIGKILL');
            for (let i = 0; i < 20; i++) assert.equal((await gateway.proxy('/')).text, 'ok');
            await until('a new control', () => gateway.children('control').some((c) => c.pid !== control.pid));
            await until('it is ready', async () => (await gateway.admin('GET', '/readyz')).status === 200);
            await gateway.put('route', { name: 'r2', paths: ['/two'], methods: ['GET'], service: 's' });
            for (let i = 0; i < 20; i++) assert.equal((await gateway.proxy('/two')).status, 200);
        });
    });
});

test('a stopped worker delays nobody', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url) => {
        await withGateway({}, async (gateway) => {
            await gateway.put('service', { name: 's', urls: [url] });
            await gateway.put('route', { name: 'r', paths: ['/'], methods: ['GET'], service: 's' });
            const [victim] = gateway.children('worker');
            process.kill(victim.pid, 'SIGSTOP');
            try {
                const slow = [];
                for (let i = 0; i < 60; i++) {
                    const start = Date.now();
                    assert.equal((await gateway.proxy('/')).text, 'ok');
                    if (Date.now() - start > 400) slow.push(Date.now() - start);
                }
                assert.deepEqual(slow, []);
                const start = Date.now();
                await gateway.put('route', { name: 'r2', paths: ['/two'], methods: ['GET'], service: 's' });
                assert.ok(Date.now() - start < 2000);
            } finally {
                process.kill(victim.pid, 'SIGCONT');
            }
            for (let i = 0; i < 40; i++) assert.equal((await gateway.proxy('/two')).text, 'ok');
        });
    });
});

test('restarts back off when a worker keeps dying', async () => {
    await withGateway({ workers: 1 }, async (gateway) => {
        for (let i = 0; i < 3; i++) {
            const worker = await until('a worker', () => gateway.children('worker')[0]);
            process.kill(worker.pid, 'SIGKILL');
            await until('it is gone', () => gateway.children('worker')[0]?.pid !== worker.pid);
        }
        await until('back-off is logged', () => /starting it again in \d+ ms/.test(gateway.log));
        await until('it serves again', async () => (await gateway.proxy('/')).status === 404);
    });
});

test('without a configuration file it runs with defaults and says so', async () => {
    const dir = temporaryDirectory();
    const gateway = new Gateway({}, { dir });
    const child = spawnSync(SERVER, ['--check'], { cwd: dir, encoding: 'utf8', env: { ...process.env, DG_CONFIG_PATH: '' } });
    assert.equal(child.status, 0);
    assert.match(child.stdout, /built-in defaults: ok/);
    assert.equal(gateway.exit, undefined);
    rmSync(dir, { recursive: true });
});
