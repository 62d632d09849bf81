// Errors point at the source: module, line and column, in the log, in errorHandler and in answers to PUTs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { Gateway, SERVER, temporaryDirectory, until } from './lib/gateway.mjs';

let gateway;

before(async () => {
    gateway = await new Gateway({ workers: 1, limits: { compile_timeout_ms: 60000 } }).start();
});

after(async () => {
    await gateway?.remove();
});

let count = 0;
// A route over modules [name, source, more fields]; returns what an errorHandler is told when it is asked for.
async function told(modules) {
    const n = ++count;
    await gateway.module('teller', 'export const errorHandler = (ctx: any, error: Error) => ctx.response().status(500).send(error.message);');
    for (const [name, source, more] of modules) await gateway.module(name, source, more);
    await gateway.put('route', { name: `r${n}`, paths: [`/r${n}`], methods: ['*'], modules: [...modules.map((m) => m[0]), 'teller'] });
    return (await gateway.proxy(`/r${n}`)).text;
}

const TYPED = ['interface A {', '    b: string;', '}', '', 'const unused: A = { b: "" };'].join('\n');

for (const name of ['plain', 'named.ts', 'dir/deep.ts'])
    test(`an exception in module ${name}`, async () => {
        assert.equal(await told([[name, `${TYPED}\nexport function requestHandler(ctx: any): void {\n    const a: A = ctx.nothing.here;\n}`]]),
            `${name}:7:29: TypeError: undefined is not an object (evaluating 'ctx.nothing.here')`);
    });

test('an exception in an imported library names the library', async () => {
    const text = await told([
        ['lib.ts', `${TYPED}\nexport function check(value: number): number {\n    if (value > 1)\n        throw new RangeError("too much");\n    return value;\n}`],
        ['user', 'import { check } from "./lib";\nexport const requestHandler = () => { check(2); };'],
    ]);
    assert.match(text, /^lib\.ts:8:\d+: RangeError: too much$/);
});

test('async functions, before and after an await, and in a loop', async () => {
    for (const [body, line] of [
        ['\n    throw new Error("here");', 2],
        ['\n    await null;\n    throw new Error("here");', 3],
        ['\n    for (const x of [1, 2]) {\n        await null;\n        if (x === 2)\n            throw new Error("here");\n    }', 5],
        ['\n    try {\n        await Promise.reject(new Error("first"));\n    } catch {\n        throw new Error("here");\n    }', 5],
    ])
        assert.match(await told([['asynchronous.ts', `export async function requestHandler(ctx: any): Promise<void> {${body}\n}`]]), new RegExp(`^asynchronous\\.ts:${line}:\\d+: Error: here$`));
});

test('a script is JavaScript as it was written', async () => {
    assert.match(await told([['script.js', '// first\nfunction requestHandler(ctx) {\n    ctx.setStatus(1);\n}', { moduleType: 'javascript' }]]), /^script\.js:3:\d+: RangeError: 1 is not a status/);
});

test('what is thrown may be anything', async () => {
    for (const [thrown, text] of [['"text"', 'text'], ['null', 'null'], ['{ a: 1 }', '{"a":1}'], ['undefined', 'undefined']])
        assert.equal(await told([['thrower', `export const requestHandler = () => { throw ${thrown}; };`]]), text);
});

test('a text with a NUL comes whole, and its line of the log is clean', async () => {
    for (const thrown of ['throw new Error("first part\\u0000second part")', 'return Promise.reject(new Error("first part\\u0000second part"))'])
        assert.match(await told([['nul.ts', `export const requestHandler = (): any => { ${thrown}; };`]]), /^nul\.ts:1:\d+: Error: first part\0second part$/);
    await until('the line', () => /nul\.ts:1:\d+: Error: first part\\u0000second part/.test(gateway.log));
    assert.ok(!gateway.log.includes('\0'));
});

test('a stack overflow in a function of the runtime library names who called it', async () => {
    const overflow = 'let o: any = {};\nfor (let i = 0; i < 1e5; i++) o = { o };\n';
    assert.match(await told([['deep.ts', `${overflow}export const requestHandler = () => {\n    structuredClone(o);\n};`, { limits: { cpu: '1s' } }]]),
        /^deep\.ts:4:\d+: RangeError: Maximum call stack size exceeded\.$/);
});

test('top-level code and what is exported are checked when the route links its modules', async () => {
    await gateway.module('top.ts', 'const a = 1;\nthrow new Error("at once");\nexport const requestHandler = () => a;');
    await gateway.put('route', { name: 'top', paths: ['/top'], methods: ['*'], modules: ['top.ts'] });
    assert.equal((await gateway.proxy('/top')).status, 500);
    await until('the place', () => /top\.ts:2:\d+: Error: at once/.test(gateway.log));
    await gateway.module('top.ts', 'export const requestHandler = 5;');
    assert.equal((await gateway.proxy('/top')).status, 500);
    await until('the name', () => /top\.ts: requestHandler is exported but is not a function/.test(gateway.log));
});

test('a rejection that nothing handles is logged with its place', async () => {
    await gateway.module('lost.ts', 'type T = string;\nexport function requestHandler(ctx: any) {\n    void Promise.reject(new Error("nobody waits"));\n    ctx.response().send("fine" as T);\n}');
    await gateway.put('route', { name: 'lost', paths: ['/lost'], methods: ['*'], modules: ['lost.ts'] });
    assert.equal((await gateway.proxy('/lost')).text, 'fine');
    await until('the rejection', () => /unhandled rejection.*nobody waits/.test(gateway.log) && /lost\.ts:3:\d+/.test(gateway.log));
});

test('all compile errors of a module come back, with line and column', async () => {
    const answer = await gateway.admin('PUT', '/api/v1/module', {
        name: 'wrong.ts',
        payloadRaw: 'import { a } from "dgate/nothing";\nconst f = eval("1");\nexport const fetchUpstream = () => "";\nexport const fetchUpstreamUrl = () => "";\nimport("./later");\n',
    });
    assert.equal(answer.status, 400);
    const texts = answer.json.errors.map((e) => e.error).join('\n');
    assert.match(texts, /line 1, column 19: there is no "dgate\/nothing"; there are "dgate"/);
    assert.match(texts, /line 2, column 11: eval\(\) is not available in modules/);
    assert.match(texts, /two names of one function/);
    assert.match(texts, /line 5, column 1: import\(\) is not available/);
});

test('a NUL in a source is refused with its place, an escaped one in a name too', async () => {
    const upload = (source) => gateway.admin('PUT', '/api/v1/module', { name: 'nul', payload: Buffer.from(source).toString('base64') });
    for (const [source, error] of [
        ['const a = 1;\nconst b = "a\0b";', 'line 2, column 13: a NUL character (U+0000) is not allowed in a source; in a string, write \\0 instead'],
        ['\0', 'line 1, column 1: a NUL character (U+0000) is not allowed in a source; in a string, write \\0 instead'],
        ['import "./a\\0b";', 'line 1, column 8: the name of a module has no NUL character (U+0000)'],
    ]) {
        const answer = await upload(source);
        assert.equal(answer.status, 400, answer.text);
        assert.equal(answer.json.errors[0].error, error);
    }
    const taken = await upload('const a = "\\0";\nexport { a as "b\\0c" };');
    assert.equal(taken.status, 201, taken.text);
});

test('chains are checked when a route, a module or all together are put', async () => {
    await gateway.module('a', 'import { x } from "./b";\nexport const requestHandler = () => x;');
    const alone = await gateway.admin('PUT', '/api/v1/route', { name: 'chain', paths: ['/chain'], methods: ['*'], modules: ['a', 'teller'] });
    assert.equal(alone.status, 400);
    assert.equal(alone.json.errors[0].path, 'modules[0]');
    assert.equal(alone.json.errors[0].error, 'route default/chain: module "a" (1:19) imports "./b", which is not one of the route\'s modules; it has "teller"');
    await gateway.module('b', 'export const x = 1;');
    await gateway.put('route', { name: 'chain', paths: ['/chain'], methods: ['*'], modules: ['a', 'b'] });
    const changed = await gateway.admin('PUT', '/api/v1/module', { name: 'b', payloadRaw: 'import "../c"; import "dgate/http"; import "node:url"; export const x = 1;' });
    assert.equal(changed.status, 400);
    assert.match(changed.text, /route default\/chain: module \\"b\\" \(1:8\) imports \\"..\/c\\", which is not one of the route's modules; it has \\"a\\"/);
    const gone = await gateway.admin('DELETE', '/api/v1/module/b');
    assert.ok(gone.status >= 400);
    assert.match(gone.text, /still used by route default\/chain/);

    await gateway.module('chain/größe.ts', 'export const x = 1; export const requestHandler = (ctx: any) => ctx.response().send("library");');
    await gateway.module('chain/main', 'import { x } from "./größe.js";\nexport const requestHandler = (ctx: any) => ctx.response().send(`${x}`);');
    const unlisted = await gateway.admin('PUT', '/api/v1/route', { name: 'big', paths: ['/big'], methods: ['*'], modules: ['chain/main'] });
    assert.equal(unlisted.json.errors[0].error, 'route default/big: module "chain/main" (1:19) imports "./größe.js", which is not one of the route\'s modules; it has no other');
    await gateway.put('route', { name: 'big', paths: ['/big'], methods: ['*'], modules: ['chain/größe.ts', 'chain/main'] });
    assert.equal((await gateway.proxy('/big')).text, '1');

    await gateway.module('one', 'export const fetchUpstream = () => "";');
    await gateway.module('two', 'function fetchUpstreamUrl() { return null; }');
    const both = await gateway.admin('PUT', '/api/v1/route', { name: 'both', paths: ['/both'], methods: ['*'], modules: ['one', 'two'] });
    assert.equal(both.status, 400);
    assert.match(both.text, /route default\/both: modules \\"one\\" and \\"two\\" both export fetchUpstream: only one module of a route may choose the upstream/);
});

test('--check finds conflicts and missing imports of init_resources', () => {
    const dir = temporaryDirectory();
    const file = join(dir, 'dgate.json');
    const module = (name, payloadRaw) => ({ name, namespace: 'default', payloadRaw });
    writeFileSync(file, JSON.stringify({
        version: 'v1',
        storage: { type: 'memory' },
        limits: { compile_timeout_ms: 60000 },
        proxy: {
            host: '127.0.0.1', port: 0,
            init_resources: {
                namespaces: [{ name: 'default' }],
                modules: [module('one', 'import "./absent"; export const fetchUpstream = () => "";'), module('two', 'export const fetchUpstream = () => "";')],
                routes: [{ name: 'r', namespace: 'default', paths: ['/'], methods: ['GET'], modules: ['one', 'two'] }],
            },
        },
        admin: { host: '127.0.0.1', port: 0 },
    }));
    const run = spawnSync(SERVER, ['--check', '-c', file], { cwd: dir, encoding: 'utf8', timeout: 120000 });
    const text = run.stdout + run.stderr;
    assert.notEqual(run.status, 0, text);
    assert.match(text, /module "one" \(1:8\) imports "\.\/absent"/);
    assert.match(text, /modules "one" and "two" both export fetchUpstream/);
});
