import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import test, { after, before } from 'node:test';
import { join } from 'node:path';
import { Gateway, SERVER, temporaryDirectory } from './lib/gateway.mjs';

let gateway;

const USER = {
    type: 'object',
    required: ['name'],
    properties: { name: { type: 'string', minLength: 1 }, age: { type: 'integer' }, mail: { type: 'string', format: 'email' } },
    additionalProperties: false,
};

before(async () => {
    gateway = await new Gateway({ limits: { validate_timeout_ms: 60000, compile_timeout_ms: 60000, schema_max: 4000 } }).start();
});

after(() => gateway?.remove());

const put = (kind, body) => gateway.admin('PUT', `/api/v1/${kind}`, body);

async function refused(kind, body) {
    const answer = await put(kind, body);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.json.success, false);
    return answer.json;
}

test('documents of a collection with a schema must fit it', async () => {
    const made = await gateway.put('collection', { name: 'users', schema: USER });
    assert.deepEqual(made.schema, USER);
    await gateway.put('document', { id: '1', collection: 'users', data: { name: 'Ada', age: 36, mail: 'a@b.example' } });
    const one = await refused('document', { id: '7', collection: 'users', data: { name: 'Bob', age: 'x' } });
    assert.match(one.error, /document default\/users\/7: data\/age must be integer/);
    const all = await refused('document', { id: '7', collection: 'users', data: { age: 1.5, mail: 'no', extra: 1 } });
    const texts = all.errors.map((e) => e.error ?? e.message ?? e.text ?? JSON.stringify(e)).join('\n');
    for (const part of ["must have required property 'name'", 'data/age must be integer', 'data/mail must match format "email"', 'must NOT have additional properties: "extra"'])
        assert.ok(texts.includes(part), `${part} in ${texts}`);
    assert.equal((await gateway.admin('GET', '/api/v1/document/7?collection=users')).status, 404);
});

test('what exists stays when a schema changes; what is written next is checked', async () => {
    await gateway.put('collection', { name: 'grows' });
    await gateway.put('document', { id: 'old', collection: 'grows', data: { n: 'text' } });
    await gateway.put('collection', { name: 'grows', schema: { properties: { n: { type: 'number' } } } });
    assert.deepEqual((await gateway.admin('GET', '/api/v1/document/old?collection=grows')).json.data.data, { n: 'text' });
    await refused('document', { id: 'old', collection: 'grows', data: { n: 'text' } });
    await gateway.put('document', { id: 'old', collection: 'grows', data: { n: 1 } });
    await gateway.put('collection', { name: 'grows', schema: null });
    await gateway.put('document', { id: 'old', collection: 'grows', data: { n: 'text' } });
});

test('both dialects; another one is refused', async () => {
    const tuple = (word) => ({ type: 'array', [word]: [{ type: 'string' }, { type: 'number' }] });
    await gateway.put('collection', { name: 'd7', schema: { $schema: 'http://json-schema.org/draft-07/schema#', ...tuple('items') } });
    await gateway.put('collection', { name: 'd20', schema: { $schema: 'https://json-schema.org/draft/2020-12/schema', ...tuple('prefixItems') } });
    for (const collection of ['d7', 'd20']) {
        await gateway.put('document', { id: '1', collection, data: ['a', 1] });
        await refused('document', { id: '1', collection, data: [1, 1] });
    }
    const other = await refused('collection', { name: 'd4', schema: { $schema: 'http://json-schema.org/draft-04/schema#' } });
    assert.match(other.error, /collection default\/d4: schema: \$schema must be/);
});

for (const [what, schema, reason] of [
    ['a wrong type', { properties: { age: { type: 'integr' } } }, /collection default\/bad: schema\/properties\/age\/type must be/],
    ['a reference to nothing', { $ref: '#/definitions/none' }, /collection default\/bad: schema: can't resolve reference #\/definitions\/none/],
    ['a bad pattern', { pattern: '(' }, /collection default\/bad: schema\/pattern must match format "regex"|collection default\/bad: schema: Invalid regular expression/],
    ['no schema at all', 'text', /collection default\/bad: schema/],
    ['a schema from elsewhere', { $ref: 'http://example.com/x.json' }, /can't resolve reference/],
    ['one that is too large', { description: 'x'.repeat(5000) }, /limits\.schema_max/],
])
    test(`an invalid schema is refused: ${what}`, async () => {
        const answer = await refused('collection', { name: 'bad', schema });
        assert.match(answer.error, reason);
        assert.equal((await gateway.admin('GET', '/api/v1/collection/bad')).status, 404);
    });

test('a schema that takes too long is stopped, and only that', async () => {
    await gateway.put('collection', { name: 'slow', schema: { type: 'string', pattern: '^(a+)+$' } });
    await gateway.put('document', { id: 'fast', collection: 'slow', data: 'aaa' });
    const answer = await put('document', { id: 'slow', collection: 'slow', data: `${'a'.repeat(40)}!` });
    // The engine gives up on such an expression, or the process is stopped.
    assert.ok(answer.status === 400 || answer.status === 504, answer.text);
    assert.match(answer.json.error, /document default\/slow\/slow: /);
    await gateway.put('document', { id: 'fast', collection: 'slow', data: 'aaaa' });
});

test('modules are held to it, too', async () => {
    await gateway.module('writer', `
        import { addDocument, addCollection } from "dgate/state";
        export async function requestHandler(ctx: any) {
            try {
                if (ctx.request().query.get("what") === "collection") await addCollection({ name: "frommodule", schema: { type: 1 } });
                else await addDocument({ id: "m", collection: "users", data: { name: 5 } });
                ctx.response().send("stored");
            } catch (e: any) { ctx.response().status(400).send(e.message); }
        }`);
    await gateway.put('route', { name: 'writer', paths: ['/writer'], methods: ['GET'], modules: ['writer'] });
    assert.match((await gateway.proxy('/writer')).text, /document default\/users\/m: data\/name must be string/);
    assert.match((await gateway.proxy('/writer?what=collection')).text, /collection default\/frommodule: schema\/type must be/);
});

test('resources of the configuration are held to it by the start and by --check', async () => {
    const dir = temporaryDirectory();
    const config = (age) => ({
        version: 'v1',
        storage: { type: 'memory' },
        admin: { port: 0 },
        proxy: {
            port: 0,
            init_resources: {
                collections: [{ name: 'users', namespace: 'default', schema: USER }],
                documents: [
                    { id: '1', namespace: 'default', collection: 'users', data: { name: 'Ada' } },
                    { id: '2', namespace: 'default', collection: 'users', data: { name: 'Bob', age } },
                ],
            },
        },
    });
    const file = join(dir, 'dgate.json');
    const run = (age, ...args) => {
        writeFileSync(file, JSON.stringify(config(age)));
        const done = spawnSync(SERVER, [...args, '-c', file], { cwd: dir, encoding: 'utf8', timeout: 30000 });
        return { status: done.status, text: done.stdout + done.stderr };
    };
    assert.equal(run(3, '--check').status, 0);
    for (const args of [['--check'], []]) {
        const bad = run('x', ...args);
        assert.notEqual(bad.status, 0);
        assert.match(bad.text, /document default\/users\/2: data\/age must be integer/);
    }
});
