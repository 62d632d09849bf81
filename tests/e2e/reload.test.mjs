import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { request, until, withGateway, withUpstream } from './lib/gateway.mjs';
import { Load } from './lib/load.mjs';
import { Raw } from './lib/raw.mjs';
import { echoUpgrade, echoes, openTunnel } from './lib/tunnel.mjs';

const pids = (gateway) => gateway.children(/* control and workers */).filter((c) => !c.role.startsWith('compiler')).map((c) => c.pid);

// Writes the changed configuration, sends SIGHUP and waits for the line that says how it went.
async function reload(gateway, change, pattern = /reloaded: control and 2 workers replaced/) {
    const at = gateway.log.length;
    change?.(gateway.config);
    writeFileSync(gateway.file, JSON.stringify(gateway.config, null, 2));
    gateway.child.kill('SIGHUP');
    await until(`the log says ${pattern}`, () => pattern.test(gateway.log.slice(at)));
    return gateway.log.slice(at);
}

async function addRoute(gateway, url) {
    await gateway.put('service', { name: 's', urls: [url] });
    await gateway.put('route', { name: 'r', paths: ['/*'], methods: ['GET'], service: 's' });
}

test('a reload under load changes what it should and fails no request', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url) => {
        await withGateway({ proxy: { global_headers: { 'X-Version': 'one' } } }, async (gateway) => {
            await addRoute(gateway, url);
            const before = pids(gateway);
            const load = new Load(`${gateway.proxyUrl}/`, { check: (a) => a.status === 200 && a.text === 'ok' });
            const admin = new Load(`${gateway.adminUrl}/api/v1/route`, { kept: 1, fresh: 1 });
            await load.more(100);
            await reload(gateway, (c) => {
                c.proxy.global_headers['X-Version'] = 'two';
            });
            for (let i = 0; i < 20; i++) assert.equal((await gateway.proxy('/')).headers['x-version'], 'two');
            await load.more(100);
            assert.equal((await gateway.admin('GET', '/readyz')).status, 200);
            // The next one waits for what the first replaced, and takes the file as it is then.
            gateway.config.proxy.global_headers['X-Version'] = 'three';
            await reload(gateway, () => {});
            await until('it took effect', async () => (await gateway.proxy('/')).headers['x-version'] === 'three');
            await load.more(100);
            assert.deepEqual(await load.stop(), []);
            assert.deepEqual(await admin.stop(), []);
            await until('the old processes ended', () => pids(gateway).length === 3);
            // Metrics go on: nothing that was counted is lost, and there are no more workers than before.
            const metrics = await until('all are counted', async () => {
                const { text } = await gateway.admin('GET', '/metrics');
                return Number(/^request_count_total (\d+)$/m.exec(text)[1]) >= load.count && text;
            });
            assert.match(metrics, /^dgate_worker_up\{worker="1"\} 1$/m);
            assert.doesNotMatch(metrics, /worker="2"/);
            for (const pid of pids(gateway)) assert.ok(!before.includes(pid));
            assert.doesNotMatch(gateway.log, /starting it again|ended with/);
        });
    });
});

test('writes go on during a reload', async () => {
    await withGateway({}, async (gateway) => {
        let running = true;
        const failures = [];
        const written = [];
        const writer = (async () => {
            for (let i = 0; running; i++) {
                const answer = await gateway.admin('PUT', '/api/v1/namespace', { name: `n${i}` });
                if (answer.status === 201) written.push(`n${i}`);
                else failures.push(answer.text);
            }
        })();
        await until('some are written', () => written.length > 20);
        await reload(gateway, (c) => {
            c.tags = ['two'];
        });
        const during = written.length;
        await until('more are written', () => written.length > during + 20);
        running = false;
        await writer;
        assert.deepEqual(failures, []);
        for (const name of written) assert.equal((await gateway.admin('GET', `/api/v1/namespace/${name}`)).status, 200, name);
    });
});

test('what modules write goes on during a reload', async () => {
    await withGateway({}, async (gateway) => {
        await gateway.put('collection', { name: 'c', visibility: 'public', type: 'document' });
        await gateway.module('m', `
            import { addDocument } from "dgate/state";
            let n = 0;
            export const requestHandler = async (ctx: any) => {
                const id = ctx.request().query.get("client") + "-" + n++ % 10;
                await addDocument({ id, collection: "c", data: { n } });
                ctx.response().send("written");
            };`);
        await gateway.put('route', { name: 'w', paths: ['/w'], methods: ['GET'], modules: ['m'] });
        const load = new Load((i) => `${gateway.proxyUrl}/w?client=${i}`, { kept: 2, fresh: 2, check: (a) => a.text === 'written' });
        await load.more(40);
        await reload(gateway, (c) => {
            c.tags = ['two'];
        });
        await load.more(40);
        assert.deepEqual(await load.stop(), []);
        assert.doesNotMatch(gateway.log, /lost control|not finished/);
    });
});

test('a tunnel lives on in the worker that drains, until the grace is over', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url, upstream) => {
        upstream.on('upgrade', echoUpgrade);
        await withGateway({ limits: { replace_grace_ms: 3000 } }, async (gateway) => {
            await addRoute(gateway, url);
            const tunnel = await openTunnel(gateway.proxyPort);
            await echoes(tunnel, 'before');
            await reload(gateway, (c) => {
                c.log_json = true;
            }, /reloaded/);
            await echoes(tunnel, 'after');
            assert.equal((await gateway.proxy('/')).text, 'ok');
            await until('the other one ended', () => pids(gateway).length === 4);
            // A second reload waits for it.
            const waiting = reload(gateway, (c) => {
                c.log_json = false;
            }, /reloaded/);
            await until('it is said', () => /SIGHUP: waits until/.test(gateway.log));
            gateway.child.kill('SIGHUP');
            await until('and of a third one too', () => /SIGHUP: ignored, one is under way or waiting already/.test(gateway.log));
            await tunnel.end();
            assert.match(gateway.log, /worker-\d \(process \d+\) was replaced 3000 ms ago/);
            await waiting;
            await until('only the new ones are left', () => pids(gateway).length === 3);
            tunnel.close();
        });
    });
});

test('an idle client may use its connection once more, and is told that it ends', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url) => {
        await withGateway({ workers: 1 }, async (gateway) => {
            await addRoute(gateway, url);
            const client = await Raw.connect(gateway.proxyPort);
            client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
            await client.see(/ok$/);
            assert.doesNotMatch(client.text, /connection: close/i);
            await reload(gateway, (c) => {
                c.proxy.merge_slashes = true;
            }, /reloaded/);
            client.data = Buffer.alloc(0);
            client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
            await client.see(/connection: close[^]*ok$/i);
            await client.end();
        });
    });
});

test('a limit and the log level change', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url) => {
        await withGateway({}, async (gateway) => {
            await addRoute(gateway, url);
            const long = `/${'x'.repeat(600)}`;
            assert.equal((await gateway.proxy(long)).status, 200);
            assert.doesNotMatch(gateway.log, / debug /);
            await reload(gateway, (c) => {
                c.limits = { request_line_max: 512 };
                c.log_level = 'debug';
            });
            for (let i = 0; i < 10; i++) assert.equal((await gateway.proxy(long)).status, 414);
            assert.equal((await gateway.proxy('/')).status, 200);
            await until('requests are logged', () => / debug worker-\d proxy: request /.test(gateway.log));
        });
    });
});

test('credentials of the admin API change', async () => {
    const key = (value) => ({ headers: { 'X-DGate-Key': value } });
    const config = (value) => ({ auth_method: 'key', key_auth: { keys: [value] } });
    await withGateway({ admin: config('old-secret') }, async (gateway) => {
        assert.equal((await gateway.admin('GET', '/api/v1/route', undefined, key('old-secret'))).status, 200);
        const log = await reload(gateway, (c) => Object.assign(c.admin, config('new-secret'), { port: 1 }));
        assert.match(log, /admin\.port needs a restart: it stays 0, the file says 1/);
        assert.equal((await gateway.admin('GET', '/api/v1/route', undefined, key('old-secret'))).status, 401);
        assert.equal((await gateway.admin('GET', '/api/v1/route', undefined, key('new-secret'))).status, 200);
        assert.doesNotMatch(gateway.log, /secret/);
    });
});

test('nothing changed, nothing done', async () => {
    await withGateway({}, async (gateway) => {
        const before = pids(gateway);
        await reload(gateway, undefined, /nothing to reload: the configuration has not changed/);
        gateway.child.kill('SIGUSR1');
        assert.equal((await gateway.admin('GET', '/readyz')).status, 200);
        assert.deepEqual(pids(gateway), before);
    });
});

test('a bad file leaves everything as it was', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url) => {
        await withGateway({ proxy: { global_headers: { 'X-Version': 'one' } } }, async (gateway) => {
            await addRoute(gateway, url);
            const before = pids(gateway);
            const rows = [
                ['{\n  "log_level": "loud"\n}', /error supervisor config: \S+dgate\.json:2: .*log_level/],
                ['{\n  "log_level":\n', /error supervisor config: \S+dgate\.json:\d+:/],
                [undefined, /error supervisor config: cannot read \S+dgate\.json/],
            ];
            for (const [text, expected] of rows) {
                if (text === undefined) rmSync(gateway.file);
                else writeFileSync(gateway.file, text);
                const at = gateway.log.length;
                gateway.child.kill('SIGHUP');
                await until('it is refused', () => /not reloaded: everything stays as it was/.test(gateway.log.slice(at)));
                assert.match(gateway.log.slice(at), expected);
            }
            assert.deepEqual(pids(gateway), before);
            assert.equal((await gateway.proxy('/')).headers['x-version'], 'one');
            await reload(gateway, (c) => {
                c.proxy.global_headers['X-Version'] = 'two';
            });
            assert.equal((await gateway.proxy('/')).headers['x-version'], 'two');
        });
    });
});

test('keys that need a restart are named and stay', async () => {
    await withGateway({}, async (gateway) => {
        const { dir } = gateway.config.storage;
        const log = await reload(gateway, (c) => {
            c.workers = 3;
            c.storage = { type: 'memory' };
            c.proxy.port = 1;
            c.admin.host = '127.0.0.2';
            c.test_server = { port: 0 };
            c.limits = { node_counts: 2048 };
        }, /nothing to reload/);
        assert.match(log, /workers needs a restart: it stays 2, the file says 3/);
        assert.match(log, /storage\.type needs a restart: it stays "file", the file says "memory"/);
        assert.match(log, new RegExp(`storage\\.dir needs a restart: it stays "${dir}", the file says "\\.dgate/data"`));
        assert.match(log, /proxy\.port needs a restart: it stays 0, the file says 1/);
        assert.match(log, /admin\.host needs a restart: it stays "127\.0\.0\.1", the file says "127\.0\.0\.2"/);
        assert.match(log, /test_server needs a restart: it stays absent, the file says present/);
        assert.match(log, /limits\.node_counts needs a restart: it stays 16384, the file says 2048/);
        assert.equal((await gateway.admin('GET', '/readyz')).status, 200);
    });
});

test('what is kept must be safe together with what is new', async () => {
    await withGateway({ admin: { host: '0.0.0.0', allow_list: ['127.0.0.1'] } }, async (gateway) => {
        const log = await reload(gateway, (c) => {
            c.admin = { host: '127.0.0.1', port: 0 };
        }, /everything stays as it was/);
        assert.match(log, /with what needs a restart as it is now: .*admin\.host/);
    });
});

test('resources of the file are added by the usual rule', async () => {
    await withUpstream((req, res) => res.end(req.url), async (url) => {
        const service = { name: 's', urls: [url] };
        const route = (name) => ({ name, paths: [`/${name}`], methods: ['GET'], service: 's', strip_path: false });
        await withGateway({ proxy: { init_resources: { services: [service], routes: [route('a')] } } }, async (gateway) => {
            assert.equal((await gateway.proxy('/a')).status, 200);
            // Changed by the API since: the file's text is the same, so it stays.
            await gateway.put('route', { ...route('a'), paths: ['/moved'] });
            await reload(gateway, (c) => c.proxy.init_resources.routes.push(route('b')));
            for (let i = 0; i < 10; i++) {
                assert.equal((await gateway.proxy('/b')).status, 200);
                assert.equal((await gateway.proxy('/moved')).status, 200);
                assert.equal((await gateway.proxy('/a')).status, 404);
            }
        });
    });
});

test('resources that are refused end the reload, not the server', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url) => {
        await withGateway({ proxy: { global_headers: { 'X-Version': 'one' } } }, async (gateway) => {
            await addRoute(gateway, url);
            const workers = gateway.children('worker').map((c) => c.pid);
            const load = new Load(`${gateway.proxyUrl}/`);
            const admin = new Load(`${gateway.adminUrl}/api/v1/route`, { kept: 1, fresh: 1 });
            // Only the state can tell that there is no such service.
            const log = await reload(gateway, (c) => {
                c.proxy.global_headers['X-Version'] = 'two';
                c.proxy.init_resources = { routes: [{ name: 'q', paths: ['/q'], methods: ['GET'], service: 'none' }] };
            }, /the configuration before is in effect again/);
            assert.match(log, /error control state: .*none/);
            assert.match(log, /reload failed: control does not take the new configuration; going back to the one before/);
            await load.more(50);
            assert.deepEqual(await load.stop(), []);
            assert.deepEqual(await admin.stop(), []);
            assert.deepEqual(gateway.children('worker').map((c) => c.pid), workers);
            assert.equal((await gateway.proxy('/')).headers['x-version'], 'one');
            await gateway.put('route', { name: 'r2', paths: ['/two'], methods: ['GET'], service: 's' });
            await reload(gateway, (c) => {
                delete c.proxy.init_resources;
            });
            assert.equal((await gateway.proxy('/')).headers['x-version'], 'two');
        });
    });
});

test('a worker that dies during a reload is replaced by one with the new configuration', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url) => {
        await withGateway({ proxy: { global_headers: { 'X-Version': 'one' } } }, async (gateway) => {
            await addRoute(gateway, url);
            const [victim] = gateway.children('worker');
            process.kill(victim.pid, 'SIGSTOP'); // it serves still, as far as the supervisor knows
            const done = reload(gateway, (c) => {
                c.proxy.global_headers['X-Version'] = 'two';
            });
            process.kill(victim.pid, 'SIGKILL');
            await done;
            for (let i = 0; i < 20; i++) assert.equal((await gateway.proxy('/')).headers['x-version'], 'two');
            await until('three processes', () => pids(gateway).length === 3);
        });
    });
});

test('SIGHUP during a stop is ignored with a line', async () => {
    await withUpstream((req, res) => res.write('early '), async (url) => {
        await withGateway({ limits: { shutdown_grace_ms: 1500 } }, async (gateway) => {
            await addRoute(gateway, url);
            const client = await Raw.connect(gateway.proxyPort);
            client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
            await client.see(/early /);
            gateway.child.kill('SIGTERM');
            await until('it stops', () => /stopping/.test(gateway.log));
            gateway.child.kill('SIGHUP');
            gateway.child.kill('SIGUSR2');
            await until('both are ignored', () =>
                /SIGHUP is ignored: the server stops/.test(gateway.log) && /SIGUSR2 is ignored: the server stops/.test(gateway.log));
            assert.deepEqual(await gateway.exited, { code: 0, signal: null });
            client.close();
        });
    });
});

test('a stop during a reload ends old and new processes', async () => {
    await withUpstream((req, res) => res.end('ok'), async (url, upstream) => {
        upstream.on('upgrade', echoUpgrade);
        await withGateway({ limits: { shutdown_grace_ms: 500 } }, async (gateway) => {
            await addRoute(gateway, url);
            const tunnel = await openTunnel(gateway.proxyPort);
            await reload(gateway, (c) => {
                c.log_json = true;
            }, /reloaded/);
            gateway.child.kill('SIGTERM');
            assert.deepEqual(await gateway.exited, { code: 0, signal: null });
            await assert.rejects(request(`${gateway.proxyUrl}/`, { timeout: 1000 }), { code: 'ECONNREFUSED' });
            tunnel.close();
        });
    });
});
