// Expressions that are evaluated in a module, and in Node.js to see that their expected results are right.
import assert from 'node:assert/strict';
import * as buffer from 'node:buffer';
import { webcrypto } from 'node:crypto';

// What a row comes to: its value as text, or "!" and the name of what it throws.
const SHOW = `async (f) => { try { return String(await f()); } catch (e) { return '! ' + (e?.name ?? e); } }`;

const GLOBALS = { crypto: webcrypto, CryptoKey: webcrypto.CryptoKey, File: buffer.File, Blob: buffer.Blob };

async function inNode(head, text) {
    const names = Object.keys(GLOBALS);
    const run = new Function(...names, `${head}\nreturn (${SHOW})(async () => (${text}));`);
    return await run(...Object.values(GLOBALS));
}

// rows: [expression, result, options?]; {node: false}: Node.js is not asked. imports: lines before them in the module;
// head: declarations, for Node.js too.
export async function checkExpressions(gateway, name, rows, { imports = '', head = '' } = {}) {
    const functions = rows.map(([text]) => `async () => (${text})`).join(',\n');
    await gateway.module(name, `${imports}\n${head}\nconst show = ${SHOW};
export async function requestHandler(ctx) {
    const results = [];
    for (const f of [${functions}]) results.push(await show(f));
    ctx.response().json(results);
}`, { moduleType: 'javascript' });
    await gateway.put('route', { name, paths: [`/${name}`], methods: ['*'], modules: [name] });
    const answer = await gateway.proxy(`/${name}`);
    assert.equal(answer.status, 200, answer.text);
    const wrong = [];
    for (const [i, [text, expected, options]] of rows.entries()) {
        if (answer.json[i] !== expected) wrong.push({ text, expected, actual: answer.json[i] });
        const node = options?.node === false ? expected : await inNode(head, text);
        if (node !== expected) wrong.push({ text, expected, node });
    }
    assert.deepEqual(wrong, []);
}
