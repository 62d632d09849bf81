// The state survives: restarts, kill -9 of everything at any moment; init_resources.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import test from 'node:test';
import { Gateway, temporaryDirectory, withGateway, withUpstream } from './lib/gateway.mjs';

test('acknowledged writes survive kill -9 of every process at any moment', async () => {
    const dir = temporaryDirectory();
    try {
        const acknowledged = new Map();
        let n = 0;
        for (let round = 0; round < 6; round++) {
            const gateway = await new Gateway({}, { dir }).start();
            if (round === 0) await gateway.put('collection', { name: 'c' });
            for (const [id, value] of acknowledged) {
                const answer = await gateway.admin('GET', `/api/v1/document/${id}?collection=c`);
                assert.equal(answer.status, 200, `${id} after round ${round}`);
                assert.ok(answer.json.data.data.value >= value);
            }
            let stop = false;
            const writers = Array.from({ length: 4 }, async () => {
                while (!stop) {
                    const value = n++;
                    const id = `d${value % 37}`;
                    try {
                        const answer = await gateway.admin('PUT', `/api/v1/document/${id}?collection=c`, { value });
                        if (answer.status < 300) acknowledged.set(id, Math.max(acknowledged.get(id) ?? -1, value));
                    } catch {
                        return;
                    }
                }
            });
            await new Promise((done) => setTimeout(done, 150 + 67 * round));
            await gateway.killAll();
            stop = true;
            await Promise.all(writers);
        }
        assert.ok(acknowledged.size > 10);
        const gateway = await new Gateway({}, { dir }).start();
        for (const [id] of acknowledged) assert.equal((await gateway.admin('GET', `/api/v1/document/${id}?collection=c`)).status, 200);
        await gateway.stop();
    } finally {
        rmSync(dir, { recursive: true, force: true });
    }
});

test('a restart serves routes and modules again', async () => {
    const dir = temporaryDirectory();
    try {
        const first = await new Gateway({}, { dir }).start();
        await first.module('m', 'export const requestHandler = (ctx: any) => ctx.response().send("still here");');
        await first.put('route', { name: 'r', paths: ['/r'], methods: ['GET'], modules: ['m'] });
        assert.deepEqual(await first.stop(), { code: 0, signal: null });
        const second = await new Gateway({}, { dir }).start();
        assert.equal((await second.proxy('/r')).text, 'still here');
        await second.stop();
    } finally {
        rmSync(dir, { recursive: true, force: true });
    }
});

test('memory storage starts empty every time', async () => {
    for (let i = 0; i < 2; i++)
        await withGateway({ storage: { type: 'memory' } }, async (gateway) => {
            assert.equal((await gateway.admin('GET', '/api/v1/route')).json.count, 0);
            await gateway.put('route', { name: 'r', paths: ['/'], methods: ['GET'] });
        });
});

test('init_resources are applied when new or changed, and never undo the admin API', async () => {
    const dir = temporaryDirectory();
    const config = (path) => ({
        proxy: {
            init_resources: {
                namespaces: [{ name: 'default' }],
                modules: [{ name: 'm', namespace: 'default', payloadRaw: 'export const requestHandler = (ctx: any) => ctx.response().send("${not} a variable");' }],
                routes: [{ name: 'r', namespace: 'default', paths: [path], methods: ['GET'], modules: ['m'] }],
            },
        },
    });
    try {
        let gateway = await new Gateway(config('/a'), { dir }).start();
        assert.equal((await gateway.proxy('/a')).text, '${not} a variable');
        await gateway.put('route', { name: 'r', paths: ['/b'], methods: ['GET'], modules: ['m'] });
        await gateway.stop();
        gateway = await new Gateway(config('/a'), { dir }).start();
        assert.equal((await gateway.proxy('/b')).status, 200);
        assert.equal((await gateway.proxy('/a')).status, 404);
        await gateway.stop();
        gateway = await new Gateway(config('/c'), { dir }).start();
        assert.equal((await gateway.proxy('/c')).status, 200);
        assert.equal((await gateway.proxy('/b')).status, 404);
        await gateway.stop();
    } finally {
        rmSync(dir, { recursive: true, force: true });
    }
});

test('an error in init_resources stops the start, names all problems and changes nothing', async () => {
    const dir = temporaryDirectory();
    try {
        const bad = new Gateway({
            proxy: {
                init_resources: {
                    namespaces: [{ name: 'default' }, { name: 'made' }],
                    modules: [{ name: 'm', namespace: 'default', payloadRaw: 'export const = ;' }],
                    routes: [{ name: 'r', namespace: 'default', paths: ['/x'], methods: ['GET'], service: 'absent' }],
                },
            },
        }, { dir });
        await assert.rejects(bad.start());
        assert.deepEqual(await bad.exited, { code: 1, signal: null });
        assert.match(bad.log, /line 1, column/);
        assert.match(bad.log, /absent/);
        const good = await new Gateway({}, { dir }).start();
        assert.equal((await good.admin('GET', '/api/v1/namespace/made')).status, 404);
        await good.stop();
    } finally {
        rmSync(dir, { recursive: true, force: true });
    }
});

test('domains choose the namespace, by priority', async () => {
    await withUpstream((req, res) => res.end(req.headers['x-dgate-namespace']), async (url) => {
        await withGateway({}, async (gateway) => {
            for (const ns of ['one', 'two']) {
                await gateway.put('namespace', { name: ns });
                await gateway.put('service', { name: 's', namespace: ns, urls: [url] });
                await gateway.put('route', { name: 'r', namespace: ns, paths: ['/'], methods: ['GET'], service: 's' });
            }
            await gateway.put('domain', { name: 'd1', namespace: 'one', patterns: ['*.example.com', '/^x[0-9]+$/'] });
            await gateway.put('domain', { name: 'd2', namespace: 'two', patterns: ['a.b.example.com'], priority: 5 });
            const at = async (Host) => (await gateway.proxy('/', { headers: { Host } })).text;
            assert.equal(await at('deep.c.example.com:80'), 'one');
            assert.equal(await at('a.b.example.com'), 'two');
            assert.equal(await at('X12'), 'one');
            assert.match(await at('other.test'), /"status":404/);
        });
    });
});
