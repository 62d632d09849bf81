import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Gateway, withGateway } from './lib/gateway.mjs';

let gateway;
before(async () => {
    gateway = await new Gateway({}).start();
});
after(() => gateway?.remove());

const put = (kind, body) => gateway.admin('PUT', `/api/v1/${kind}`, body);
const get = (path) => gateway.admin('GET', `/api/v1/${path}`);
const del = (path, body) => gateway.admin('DELETE', `/api/v1/${path}`, body);

const SAMPLES = {
    namespace: { name: 'n1', tags: ['a'] },
    domain: { name: 'd1', patterns: ['*.test'], priority: 3 },
    service: { name: 's1', urls: ['http://127.0.0.1:1'] },
    route: { name: 'r1', paths: ['/a'], methods: ['GET'], service: 's1' },
    module: { name: 'm1', payload: Buffer.from('export const requestHandler = () => {};').toString('base64') },
    collection: { name: 'c1', visibility: 'public', type: 'document' },
    secret: { name: 'k1', data: 'hidden' },
};

test('every kind: PUT creates and replaces, GET one, GET list, DELETE', async () => {
    for (const [kind, sample] of Object.entries(SAMPLES)) {
        const created = await put(kind, sample);
        assert.equal(created.status, 201, `${kind}: ${created.text}`);
        assert.equal(created.json.success, true);
        assert.equal(created.json.status_code, 201);
        assert.equal(created.json.data.name, sample.name);
        assert.equal((await put(kind, sample)).status, 200);
        const one = await get(`${kind}/${sample.name}`);
        assert.equal(one.status, 200);
        assert.deepEqual({ ...one.json.data, updatedAt: 0 }, { ...created.json.data, updatedAt: 0 });
        const list = await get(kind);
        assert.ok(list.json.data.some((r) => r.name === sample.name));
        assert.equal(list.json.count, list.json.data.length);
        if (kind !== 'namespace') assert.equal((await get(`${kind}/default/${sample.name}`)).status, 200);
    }
    const document = await gateway.admin('PUT', '/api/v1/document/x?collection=c1', { a: 1 });
    assert.equal(document.status, 201);
    assert.deepEqual(document.json.data.data, { a: 1 });
    assert.match(document.json.data.createdAt, /^\d{4}-/);
    assert.equal((await get('document/x?collection=c1')).json.data.id, 'x');
    assert.equal((await get('document?collection=c1')).json.count, 1);
    assert.equal((await get('secret/k1')).json.data.data, '**redacted**');
    assert.doesNotMatch((await get('changelog')).text, /hidden/);
    assert.equal((await del('document/x?collection=c1')).status, 200);
    assert.equal((await del('document/x?collection=c1')).status, 404);
    for (const [kind, sample] of Object.entries(SAMPLES).reverse()) {
        const gone = await del(kind, { name: sample.name });
        assert.equal(gone.status, 200, `${kind}: ${gone.text}`);
        assert.equal(gone.json.data, null);
        assert.equal((await get(`${kind}/${sample.name}`)).status, 404);
        assert.equal((await del(`${kind}/${sample.name}`)).status, 404);
    }
});

test('wrong input: 400 with the path of every problem, and no trace', async () => {
    const before = await gateway.admin('GET', '/changelog');
    const answer = await put('route', { name: 'bad', paths: ['x', '/{'], methods: ['GET', 'FROB'], servise: 's' });
    assert.equal(answer.status, 400);
    assert.equal(answer.json.success, false);
    const paths = answer.json.errors.map((e) => e.path);
    for (const path of ['paths[0]', 'methods[1]', 'servise']) assert.ok(paths.includes(path), `${path} in ${paths}`);
    for (const [kind, body, expected] of [
        ['service', { name: 's' }, /urls/],
        ['service', { name: 's', urls: ['nowhere'] }, /urls\[0\]/],
        ['service', { name: 's', urls: ['http://x'], retries: -1 }, /retries/],
        ['route', { name: 'r', paths: ['/a'], methods: ['GET'], service: 'absent' }, /absent/],
        ['route', { name: 'r', paths: ['/a'], methods: ['GET'], modules: ['absent'] }, /absent/],
        ['route', { name: 'r', paths: ['/{a'], methods: ['GET'] }, /paths\[0\]/],
        ['route', { name: 'r', namespace: 'absent', paths: ['/a'], methods: ['GET'] }, /absent/],
        ['domain', { name: 'd', patterns: ['/(/'] }, /patterns\[0\]/],
        ['module', { name: 'm', payload: '!!!' }, /payload/],
        ['secret', { name: 'k' }, /data/],
        ['collection', { name: 'c', visibility: 'odd' }, /visibility/],
        ['route', '{"name":', /line 1/],
        ['route', '[]', /object/],
    ]) {
        const refused = await put(kind, body);
        assert.equal(refused.status, 400, `${kind} ${JSON.stringify(body)}: ${refused.text}`);
        assert.match(refused.text, expected);
    }
    assert.deepEqual((await gateway.admin('GET', '/changelog')).json, before.json);
});

test('duplicates and deletes of what is in use are refused, naming the users', async () => {
    await put('service', { name: 'used', urls: ['http://127.0.0.1:1'] });
    await put('route', { name: 'user', paths: ['/u/{x}'], methods: ['GET'], service: 'used' });
    const twin = await put('route', { name: 'twin', paths: ['/u/{y}'], methods: ['GET'] });
    assert.ok(twin.status === 400 || twin.status === 409);
    assert.match(twin.text, /user/);
    assert.equal((await put('route', { name: 'twin', paths: ['/u/{y}'], methods: ['POST'] })).status, 201);
    const used = await del('service', { name: 'used' });
    assert.ok(used.status === 400 || used.status === 409);
    assert.match(used.text, /user/);
    const namespace = await del('namespace', { name: 'default' });
    assert.ok(namespace.status === 400 || namespace.status === 409);
    for (const name of ['user', 'twin']) assert.equal((await del('route', { name })).status, 200);
    assert.equal((await del('service', { name: 'used' })).status, 200);
});

test('lists page, and bad numbers are refused', async () => {
    for (let i = 0; i < 7; i++) await put('secret', { name: `p${i}`, data: 'x' });
    const page = await get('secret?limit=3&offset=2');
    assert.deepEqual(page.json.data.map((s) => s.name), ['p2', 'p3', 'p4']);
    assert.equal(page.json.count, 7);
    for (const query of ['limit=x', 'limit=0', 'offset=-1', 'limit=100000']) assert.equal((await get(`secret?${query}`)).status, 400, query);
});

test('information endpoints', async () => {
    const root = await gateway.admin('GET', '/');
    assert.match(root.text, /DGate Admin API/);
    assert.ok(root.headers['x-dgate-changehash']);
    assert.equal((await gateway.admin('GET', '/healthz')).json.status, 'ok');
    assert.equal((await gateway.admin('GET', '/readyz')).status, 200);
    const log = (await gateway.admin('GET', '/changelog')).json;
    assert.ok(log.count > 0 && log.hash && log.latest);
    const entries = (await get('changelog?limit=5')).json.data;
    assert.equal(entries.length, 5);
    assert.ok(entries[0].revision > entries[1].revision);
});

test('unknown paths and wrong methods are JSON', async () => {
    const unknown = await gateway.admin('GET', '/api/v1/nothing');
    assert.equal(unknown.status, 404);
    assert.equal(unknown.json.success, false);
    const wrong = await gateway.admin('POST', '/api/v1/route', {});
    assert.equal(wrong.status, 405);
    assert.ok(wrong.headers.allow.includes('PUT'));
    assert.equal(wrong.json.status, 405);
});

test('a body past the limit is 413', async () => {
    const answer = await gateway.admin('PUT', '/api/v1/secret', { name: 'big', data: 'x'.repeat(17 * 1024 * 1024) }).catch((error) => error);
    assert.ok(answer.status === 413 || /ECONNRESET|EPIPE/.test(answer.code), String(answer.status ?? answer));
});

test('a value past the limits of a change is refused and leaves no trace', async () => {
    const answer = await put('secret', { name: 'large', data: 'x'.repeat(1200 * 1024) });
    assert.ok(answer.status === 413 || answer.status === 400, String(answer.status));
    assert.equal((await get('secret/large')).status, 404);
});

test('sources, compiled forms and documents are limited by the configuration', async () => {
    const limits = { document_max: 100, module_source_max: 2048, module_compiled_max: 1500 };
    await withGateway({ limits, proxy: {} }, async (g) => {
        await g.put('collection', { name: 'c' });
        const document = (data) => g.admin('PUT', '/api/v1/document', { id: 'd', collection: 'c', data });
        assert.equal((await document('x'.repeat(90))).status, 201);
        assert.equal((await document('x'.repeat(100))).json.errors[0].error, 'it has more than 100 bytes (limits.document_max)');
        assert.equal((await g.admin('GET', '/api/v1/document/d?collection=c')).json.data.data.length, 90);
        const module = (payloadRaw) => g.admin('PUT', '/api/v1/module', { name: 'm', payloadRaw });
        assert.match((await module('x'.repeat(3000))).text, /limits\.module_source_max/);
        assert.match((await module(`export const requestHandler = () => "${'x'.repeat(1900)}";`)).text, /limits\.module_compiled_max/);
    });
});

test('concurrent writes of one resource are all answered and one wins', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => put('service', { name: 'race', urls: [`http://127.0.0.1:${i + 1}`] })));
    assert.ok(answers.every((a) => a.status === 200 || a.status === 201), answers.map((a) => a.status).join());
    assert.equal(answers.filter((a) => a.status === 201).length, 1);
});
