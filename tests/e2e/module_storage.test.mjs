import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Gateway, until } from './lib/gateway.mjs';

let gateway;

// Each request names a function of dgate/storage or dgate/state and its arguments; the answer is what it gave.
const CALLS = `
    import * as storage from "dgate/storage";
    import * as state from "dgate/state";
    export async function requestHandler(ctx: any) {
        const { from = "storage", call, args = [] } = JSON.parse(new TextDecoder().decode(ctx.request().readBody()));
        try {
            const given = ({ storage, state } as any)[from][call](...args);
            ctx.response().json({ sync: !(given instanceof Promise), value: (await given) ?? null });
        } catch (e: any) {
            ctx.response().status(500).json({ error: e.message });
        }
    }`;

async function install(g, ns = 'default') {
    if (ns !== 'default') {
        await g.put('namespace', { name: ns });
        await g.put('domain', { name: ns, namespace: ns, patterns: [`${ns}.test`], priority: 9 });
    }
    await g.put('module', { name: 'calls', namespace: ns, payload: Buffer.from(CALLS).toString('base64') });
    await g.put('route', { name: 'calls', namespace: ns, paths: ['/calls'], methods: ['POST'], modules: ['calls'] });
}

async function call(name, ...args) {
    return callIn('default', 'storage', name, ...args);
}

async function callIn(ns, from, name, ...args) {
    const res = await gateway.proxy('/calls', {
        method: 'POST',
        headers: ns === 'default' ? {} : { Host: `${ns}.test` },
        body: JSON.stringify({ from, call: name, args }),
    });
    if (res.status !== 200) throw new Error(res.json?.error ?? `${res.status} ${res.text}`);
    return res.json.value;
}

before(async () => {
    gateway = await new Gateway({
        workers: 2,
        limits: { compile_timeout_ms: 60000, storage_value_max: 5000, storage_entries: 40, storage_bytes: 20000, cache_value_max: 1000 },
    }).start();
    await install(gateway);
    await install(gateway, 'other');
});

after(() => gateway?.remove());

test('the cache: values, expiry, deletion, namespaces', async () => {
    assert.equal(await call('getCache', 'a'), null);
    for (const value of ['text', 1.5, true, { deep: [1, { two: 'ü' }] }, [], '']) {
        await call('setCache', 'a', value);
        assert.deepEqual(await call('getCache', 'a'), value);
    }
    assert.equal(await callIn('other', 'storage', 'getCache', 'a'), null);
    assert.equal(await call('deleteCache', 'a'), true);
    assert.equal(await call('deleteCache', 'a'), false);
    assert.equal(await call('getCache', 'a'), null);
    await call('setCache', 'short', 1, { ttl: 0.05 });
    await call('setCache', 'long', 2, { ttl: 600 });
    await until('it expired', async () => (await call('getCache', 'short')) === null);
    assert.equal(await call('getCache', 'long'), 2);
    await call('setCache', 'long', 3, { ttl: 0 });
    assert.equal(await call('getCache', 'long'), null);
    await assert.rejects(call('getCache', ''), /cache id cannot be empty/);
    await assert.rejects(call('setCache', 'x', 1, { ttl: -1 }), /TTL cannot be negative/);
    await assert.rejects(call('setCache', 'x', 'v'.repeat(1000)), /limits\.cache_value_max/);
    await assert.rejects(call('setCache', 'k'.repeat(600), 1), /more than 512/);
});

test('the cache is shared by the workers, and counted', async () => {
    await call('setCache', 'everywhere', 'yes');
    for (let i = 0; i < 20; i++) assert.equal(await call('getCache', 'everywhere'), 'yes');
    const metrics = (await gateway.admin('GET', '/metrics')).text;
    assert.ok(Number(/^dgate_cache_hits_total (\d+)$/m.exec(metrics)[1]) >= 20);
    assert.ok(Number(/^dgate_cache_entries (\d+)$/m.exec(metrics)[1]) >= 1);
});

test('the replicated store: put, get, read, delete', async () => {
    assert.equal(await call('get', 'k'), null);
    assert.equal(await call('put', 'k', { n: [1, 'ä'] }), null);
    assert.deepEqual(await call('get', 'k'), { n: [1, 'ä'] });
    assert.deepEqual(await call('read', 'k'), { n: [1, 'ä'] });
    assert.equal(await callIn('other', 'storage', 'get', 'k'), null);
    assert.equal(await call('delete', 'k'), true);
    assert.equal(await call('delete', 'k'), false);
    assert.equal(await call('read', 'k'), null);
    await assert.rejects(call('put', '', 1), /key/);
    await assert.rejects(call('put', 'k', null), /null cannot be stored/);
    await assert.rejects(call('get', 'k'.repeat(256)), /1 to 255 bytes/);
    await assert.rejects(call('put', 'bad\u0001key', 1), /control characters/);
    await assert.rejects(call('put', 'k', 1, { ttl: -1 }), /TTL/);
    await assert.rejects(call('put', 'k', 'v'.repeat(5000)), /default\/k.*limits\.storage_value_max/);
});

test('numbers of any size come back as they are', async () => {
    await gateway.put('collection', { name: 'numbers', visibility: 'public' });
    for (const n of [2 ** 53, 9.2e18, 2 ** 63, -(2 ** 63), 9.3e18, 1e19, -1e19, 2 ** 64, 999999999999999900000, 1e21, 1.5e300]) {
        await call('put', 'big', { n });
        assert.deepEqual(await call('get', 'big'), { n });
        assert.deepEqual(await call('read', 'big'), { n });
        assert.equal(await call('compareAndSet', 'big', { n }, n), true);
        assert.equal(await call('compareAndSet', 'big', n, n), true);
        assert.equal(await call('increment', 'big', n), n + n);
        const { data } = await callIn('default', 'state', 'addDocument', { id: 'big', collection: 'numbers', data: { n } });
        assert.deepEqual(data, { n });
        assert.deepEqual((await callIn('default', 'state', 'getDocument', 'big', 'numbers')).data, { n });
        const put = await gateway.admin('PUT', '/api/v1/document/big?collection=numbers', { n });
        assert.ok(put.status < 300, put.text);
        assert.deepEqual((await gateway.admin('GET', '/api/v1/document/big?collection=numbers')).json.data.data, { n });
    }
    await call('delete', 'big');
});

test('what cannot be stored is refused by name', async () => {
    const nested = (depth) => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    const rows = [
        ['nul', 'a\0b', /NUL character$/],
        ['in_key', { 'a\0b': 1 }, /NUL character$/],
        ['half', '\ud800', /invalid Unicode/],
        ['deep', nested(2001), /nested too deep$/],
        ['deeper', nested(2048), /nested too deep$/],
    ];
    for (const [key, value, reason] of rows) {
        const named = (what) => (error) => error.message.startsWith(`${what}: `) && reason.test(error.message);
        const entry = named(`storage key default/${key}`);
        await assert.rejects(call('put', key, value), entry);
        await assert.rejects(call('compareAndSet', key, null, value), entry);
        const document = { id: key, collection: 'numbers', data: value };
        await assert.rejects(callIn('default', 'state', 'addDocument', document), named(`document default/numbers/${key}`));
        const collection = { name: key, schema: { const: value } };
        await assert.rejects(callIn('default', 'state', 'addCollection', collection), named(`collection default/${key}`));
    }
    await assert.rejects(call('compareAndSet', 'nul', '\0', 1), /storage key default\/nul: a string has a NUL/);
    await assert.rejects(callIn('other', 'storage', 'put', 'nul', '\0'), /^Error: storage key other\/nul: /);
    await assert.rejects(call('put', 'a\0b', 1), /control characters/);
    await assert.rejects(call('get', '\ud800'), /UTF-8/);
    const deepest = nested(2000);
    await call('put', 'deep', deepest);
    assert.equal(JSON.stringify(await call('read', 'deep')), JSON.stringify(deepest));
    await call('delete', 'deep');
    await callIn('default', 'state', 'addDocument', { id: 'deep', collection: 'numbers', data: deepest });
    const { data } = await callIn('default', 'state', 'getDocument', 'deep', 'numbers');
    assert.equal(JSON.stringify(data), JSON.stringify(deepest));
    const url = '/api/v1/document/deep?collection=numbers';
    assert.equal((await gateway.admin('PUT', url, JSON.stringify(deepest))).status, 200);
    assert.equal((await gateway.admin('PUT', url, JSON.stringify(nested(2001)))).status, 400);
    assert.equal((await gateway.admin('GET', '/api/v1/changelog?limit=1')).json.data[0].name, 'deep');
});

test('what has a ttl is gone after it', async () => {
    await call('put', 'soon', 1, { ttl: 0.2 });
    assert.equal(await call('get', 'soon'), 1);
    await until('it expired', async () => (await call('get', 'soon')) === null);
    assert.equal(await call('read', 'soon'), null);
    assert.deepEqual(await call('list', { prefix: 'soon' }), []);
    assert.equal(await call('delete', 'soon'), false);
});

test('list by prefix, in pages', async () => {
    for (const k of ['p/1', 'p/2', 'p/3', 'q/1']) await call('put', k, k);
    const all = await call('list', { prefix: 'p/' });
    assert.deepEqual(all, ['p/1', 'p/2', 'p/3'].map((key) => ({ key, value: key })));
    assert.deepEqual((await call('list', { prefix: 'p/', limit: 2 })).map((e) => e.key), ['p/1', 'p/2']);
    assert.deepEqual((await call('list', { prefix: 'p/', after: 'p/2' })).map((e) => e.key), ['p/3']);
    assert.deepEqual(await call('list', { prefix: 'p/', limit: 0 }), []);
    await assert.rejects(call('list', { limit: 1001 }), /limit must be/);
    for (const { key } of await call('list')) await call('delete', key);
    assert.deepEqual(await call('list'), []);
});

test('compareAndSet', async () => {
    assert.equal(await call('compareAndSet', 'c', null, 1), true);
    assert.equal(await call('compareAndSet', 'c', null, 2), false);
    assert.equal(await call('compareAndSet', 'c', 5, 2), false);
    assert.equal(await call('compareAndSet', 'c', 1, { a: 1, b: 2 }), true);
    assert.equal(await call('compareAndSet', 'c', { b: 2, a: 1 }, 'x'), true);
    assert.equal(await call('get', 'c'), 'x');
    assert.equal(await call('compareAndSet', 'c', 'x', null), true);
    assert.equal(await call('get', 'c'), null);
    const won = await Promise.all(Array.from({ length: 20 }, (_, i) => call('compareAndSet', 'lock', null, i)));
    assert.equal(won.filter(Boolean).length, 1);
    assert.equal(await call('get', 'lock'), won.indexOf(true));
    await call('delete', 'lock');
});

test('50 increments at once from both workers give exactly 50', async () => {
    const sums = await Promise.all(Array.from({ length: 50 }, () => call('increment', 'n')));
    assert.deepEqual(sums.sort((a, b) => a - b), Array.from({ length: 50 }, (_, i) => i + 1));
    assert.equal(await call('get', 'n'), 50);
    assert.equal(await call('increment', 'n', -0.5), 49.5);
    await call('put', 'n', 'text');
    await assert.rejects(call('increment', 'n'), /default\/n does not hold a number/);
    await call('put', 'n', 1.7e308);
    await assert.rejects(call('increment', 'n', 1.7e308), /not a number/);
    await call('delete', 'n');
});

test('a namespace has a bounded number of entries and bytes', async () => {
    const kept = [];
    await assert.rejects(async () => {
        for (let i = 0; i < 50; i++) {
            await call('put', `full/${i}`, i);
            kept.push(i);
        }
    }, /limits\.storage_entries/);
    assert.equal(kept.length, 40);
    await call('put', 'full/0', 'again');
    for (const i of kept) await call('delete', `full/${i}`);
    let bytes = 0;
    await assert.rejects(async () => {
        for (let i = 0; i < 30; i++) {
            await call('put', `big/${i}`, 'v'.repeat(1500));
            bytes += 1500;
        }
    }, /limits\.storage_bytes/);
    assert.ok(bytes <= 20000 && bytes > 17000, `${bytes}`);
    for (const { key } of await call('list')) await call('delete', key);
});

test('entries are no resources, not in the change log, and go with their namespace', async () => {
    const logged = async () => {
        const { count, data } = (await gateway.admin('GET', '/api/v1/changelog?limit=3')).json;
        const { latest } = (await gateway.admin('GET', '/changelog')).json;
        assert.equal(data[0].id, latest);
        assert.equal(data.length, 3);
        assert.ok(data[0].revision > data[1].revision && data[1].revision > data[2].revision);
        return { count, latest };
    };
    const before = await logged();
    for (let i = 0; i < 5; i++) await callIn('other', 'storage', 'put', 'mine', 1);
    assert.deepEqual(await logged(), before);
    assert.equal(await callIn('other', 'storage', 'get', 'mine'), 1);
    for (const [kind, name] of [['route', 'calls'], ['module', 'calls'], ['domain', 'other'], ['namespace', 'other']])
        assert.equal((await gateway.admin('DELETE', `/api/v1/${kind}`, kind === 'namespace' ? { name } : { name, namespace: 'other' })).status, 200);
    await install(gateway, 'other');
    assert.equal(await callIn('other', 'storage', 'get', 'mine'), null);
    assert.equal(await callIn('other', 'storage', 'read', 'mine'), null);
});

test('the two workers are asked, and see what the other wrote at once', async () => {
    await gateway.module('who', `
        import * as storage from "dgate/storage";
        let own = 0;
        const me = Math.random();
        export async function requestHandler(ctx: any) {
            const before = storage.get("seen") as number | null;
            const sum = await storage.increment("seen");
            ctx.response().json({ me, own: ++own, before, sum, after: storage.get("seen") });
        }`);
    await gateway.put('route', { name: 'who', paths: ['/who'], methods: ['GET'], modules: ['who'] });
    const seen = new Map();
    let last = 0;
    await until('both workers answered', async () => {
        const { me, own, before, sum, after: then } = (await gateway.proxy('/who')).json;
        assert.equal(before ?? 0, last);
        assert.equal(sum, last + 1);
        assert.equal(then, sum);
        last = sum;
        seen.set(me, own);
        return seen.size === 2 && last > 20;
    });
    assert.equal([...seen.values()].reduce((a, b) => a + b), last);
    await call('delete', 'seen');
});

test('a secret of the own namespace', async () => {
    await gateway.put('secret', { name: 'key', data: 's3cret' });
    assert.equal(await callIn('default', 'state', 'getSecret', 'key'), 's3cret');
    assert.equal(await callIn('default', 'state', 'getSecret', 'none'), null);
    assert.equal(await callIn('other', 'state', 'getSecret', 'key'), null);
    await gateway.put('secret', { name: 'key', data: 'changed' });
    assert.equal(await callIn('default', 'state', 'getSecret', 'key'), 'changed');
    await assert.rejects(callIn('default', 'state', 'getSecret'), /secret name is required/);
    assert.ok(!gateway.log.includes('s3cret'));
});

test('documents: pages, visibility, errors that name the object', async () => {
    const own = (name, ...args) => callIn('default', 'state', name, ...args);
    await gateway.put('collection', { name: 'open', namespace: 'other', visibility: 'public' });
    await gateway.put('collection', { name: 'shut', namespace: 'other', visibility: 'private' });
    for (const collection of ['open', 'shut'])
        for (let i = 0; i < 3; i++) await gateway.put('document', { id: `d${i}`, namespace: 'other', collection, data: i });
    assert.equal((await own('getDocument', 'd1', 'open', 'other')).data, 1);
    assert.equal((await own('getDocument', 'd1', 'other/open')).data, 1);
    assert.deepEqual((await own('getDocuments', { collection: 'other/open', offset: 1, limit: 1 })).map((d) => d.id), ['d1']);
    assert.equal((await own('getCollection', 'open', 'other')).name, 'open');
    await assert.rejects(own('getCollection', 'none'), /collection default\/none: not found/);
    for (const [name, ...args] of [['getDocument', 'd1', 'other/shut'], ['getDocuments', { collection: 'shut', namespace: 'other' }], ['getCollection', 'other/shut']])
        await assert.rejects(own(name, ...args), /collection other\/shut is private/);
    assert.equal((await callIn('other', 'state', 'getDocuments', { collection: 'shut' })).length, 3);
    await assert.rejects(own('getDocument', 'd1', 'none'), /collection default\/none: not found/);
    await assert.rejects(own('getDocuments', {}), /collection name is required/);
    await assert.rejects(own('addDocument', { id: 'x', collection: 'open', namespace: 'other', data: 1 }), /default may not write to namespace other/);
});

test('what was awaited survives the death of every process', async () => {
    const home = new Gateway({ workers: 2, limits: { compile_timeout_ms: 60000 } });
    try {
        await home.start();
        await install(home);
        const send = async (name, ...args) => {
            const { status, json } = await home.proxy('/calls', { method: 'POST', body: JSON.stringify({ call: name, args }) });
            assert.equal(status, 200, JSON.stringify(json));
            return json.value;
        };
        let killed = false;
        const acknowledged = { n: 0 };
        const writers = Array.from({ length: 4 }, async () => {
            try {
                for (;;) {
                    const sum = await send('increment', 'n');
                    await send('put', `seen/${sum}`, sum);
                    acknowledged.n = Math.max(acknowledged.n, sum);
                }
            } catch (error) {
                if (!killed) throw error;
            }
        });
        await until('some were written', () => acknowledged.n > 30);
        killed = true;
        await home.killAll();
        await Promise.all(writers);
        const last = acknowledged.n;
        home.exit = undefined;
        home.log = '';
        await home.start();
        const n = await send('get', 'n');
        assert.ok(n >= last && n <= last + 8, `${n}, acknowledged ${last}`);
        assert.equal(await send('get', `seen/${last}`), last);
        assert.equal(await send('increment', 'n'), n + 1);
        assert.equal(await send('getCache', 'n'), null);
    } finally {
        await home.remove();
    }
});
