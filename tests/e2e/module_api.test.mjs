// Every member of what modules can use, by flavour and function: the rows of lib/module_api_table.mjs.
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import test, { after, before } from 'node:test';
import { Gateway, withUpstream } from './lib/gateway.mjs';
import { dgate1, dgate2 } from './lib/module_api_table.mjs';

let gateway;

before(async () => {
    gateway = await new Gateway({ workers: 1, proxy: { module_env: ['DGATE_TEST_SEEN', 'DGATE_TEST_UNSET'] }, limits: { module_cpu_ms: 2000, compile_timeout_ms: 60000 } },
        { env: { DGATE_TEST_SEEN: 'seen', DGATE_TEST_HIDDEN: 'hidden' } }).start();
    await gateway.put('namespace', { name: 'other' });
    await gateway.put('collection', { name: 'tabled' });
    await gateway.put('collection', { name: 'open', namespace: 'other', visibility: 'public' });
    await gateway.put('collection', { name: 'closed', namespace: 'other', visibility: 'private' });
    await gateway.put('document', { id: 'one', collection: 'tabled', data: { v: 1 } });
    await gateway.put('document', { id: 'zero', collection: 'tabled', data: 0 });
    await gateway.put('document', { id: 'o', collection: 'open', namespace: 'other', data: 'public' });
    await gateway.put('document', { id: 'c', collection: 'closed', namespace: 'other', data: 'private' });
});

after(async () => {
    await gateway?.remove();
});

// An upstream with trailers and cookies.
function answer(req, res) {
    req.resume();
    req.on('end', () => {
        res.writeHead(203, { 'X-Up': 'u', 'Content-Type': 'text/plain', Trailer: 'X-T', 'Set-Cookie': ['s=1; Path=/p; Max-Age=5; Secure; HttpOnly; SameSite=Lax', 't=2'] });
        res.write('{"up":');
        res.addTrailers({ 'X-T': 'end' });
        res.end('true}');
    });
}

const IMPORTS = `
import dgate, * as dgateAll from "dgate"; import * as dgateHttp from "dgate/http"; import dgateHttpDefault from "dgate/http";
import * as exp from "dgate/exp"; import * as util from "dgate/util"; import * as crypto from "dgate/crypto";
import * as nodeUtil from "node:util"; import * as nodeUrl from "url"; import * as nodeConsole from "console";
`;

// What each flavour's function does with the results of its rows.
const PARAMETERS = { responseModifier: 'ctx, res', errorHandler: 'ctx, error' };
const GIVE = {
    dgate1: {
        responseModifier: 'ctx.upstream().status(200).writeBody(results); ctx.upstream().headers.set("Content-Type", "application/json");',
        other: 'ctx.response().status(200).send(results);',
    },
    dgate2: {
        responseModifier: 'res.statusCode = 200; res.body = results;',
        other: 'ctx.response.headers = {}; ctx.response.statusCode = 200; ctx.response.body = results;',
    },
};

function source(flavour, name, rows) {
    const steps = rows.map(([expression], i) =>
        `try { const v = ${expression}; out[${i}] = v === undefined ? ["undefined"] : ["value", v]; out[${i}] = JSON.parse(JSON.stringify(out[${i}])); } catch (e) { out[${i}] = ["threw", e.message]; }`);
    const give = GIVE[flavour][name] ?? GIVE[flavour].other;
    const body = `${flavour === 'dgate1' ? 'export ' : ''}async function ${name}(${PARAMETERS[name] ?? 'ctx'}) { const out = []; ${steps.join('\n')}\nconst results = JSON.stringify(out); ${give} }`;
    const fails = name === 'errorHandler' ? `${flavour === 'dgate1' ? 'export ' : ''}function requestHandler() { throw new Error("failed on purpose"); }` : '';
    return `${flavour === 'dgate1' ? IMPORTS : ''}${body}\n${fails}`;
}

function check(row, got) {
    const [expression, expected, kind] = row;
    if (expected instanceof RegExp) {
        assert.equal(got[0], kind ?? 'threw', `${expression}: ${JSON.stringify(got)}`);
        assert.match(got[1], expected, expression);
    } else if (expected === undefined) {
        assert.deepEqual(got, ['undefined'], expression);
    } else {
        assert.deepEqual(got, ['value', expected === 'HOSTNAME' ? hostname() : expected], expression);
    }
}

let count = 0;
for (const [flavour, table] of Object.entries({ dgate1, dgate2 }))
    for (const [name, rows] of Object.entries(table))
        test(`${flavour}: ${name}`, async (t) => {
            await withUpstream(answer, async (url) => {
                const n = ++count;
                await gateway.put('service', { name: 'table', urls: [url], retries: 2, retryTimeout: '1ms', connectTimeout: '2s', requestTimeout: '5s', tags: ['s'] });
                const payloadRaw = source(flavour, name, rows);
                const put = await gateway.admin('PUT', '/api/v1/module', { name: `m${n}`, payloadRaw, moduleType: 'javascript' }, { timeout: 90000 });
                assert.equal(put.status, 201, put.text);
                const service = /Modifier|Upstream/.test(name) ? { service: 'table' } : {};
                await gateway.put('route', { name: `r${n}`, paths: [`/r${n}/{name}/*`], methods: ['*'], modules: [`m${n}`], tags: ['tagged'], ...service });
                const got = await gateway.proxy(`/r${n}/a%20b/rest/x?q=1%202&q=two&empty=&n=7`, {
                    method: 'POST', body: '{"x":[1,2]}',
                    headers: { Host: 'table.test', 'X-One': '1', 'X-Multi': ['a', 'b'], Cookie: 'c1=v1; c2="v 2"', 'Content-Type': 'application/json' },
                });
                assert.equal(got.status, 200, `${got.text}\n${gateway.log.slice(-2000)}`);
                const results = got.json;
                assert.equal(results.length, rows.length);
                for (const [i, row] of rows.entries()) await t.test(row[0], () => check(row, results[i]));
            });
        });
