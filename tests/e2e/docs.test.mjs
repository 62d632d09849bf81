// The examples of the module reference are run: a block "ts example" (or "js example") is a whole module, the blocks "http
// example" that follow it are requests and what they must give. Several modules in a row are on one route, in that
// order, in a namespace of its own that the examples call default. After "example" may stand name=NAME (of the module),
// path=PATTERN (of the route) and moduleApi=….
//
//     GET /path?query          the request line, fields, and after an empty line the body
//     Name: value
//     ---
//     200                      the status, fields that must be there, and after an empty line the whole body; a body
//     Name: value              that ends with "…" is only the beginning
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { Gateway, request } from './lib/gateway.mjs';
import http from 'node:http';

const FILES = ['docs/modules.md', ...readdirSync('docs/modules').sort().map((name) => join('docs/modules', name))].filter((name) =>
    name.endsWith('.md'),
);

function blocksOf(file) {
    const markdown = readFileSync(file, 'utf8');
    return [...markdown.matchAll(/^```(\w+) example\b([^\n]*)\n([\s\S]*?)^```$/gm)].map((match) => ({
        line: markdown.slice(0, match.index).split('\n').length,
        kind: match[1],
        options: Object.fromEntries([...match[2].matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value])),
        text: match[3],
    }));
}

// [{line, modules, requests}]
function examplesOf(file) {
    const found = [];
    let open;
    for (const block of blocksOf(file)) {
        if (block.kind === 'http') {
            assert.ok(open, `${file}:${block.line}: a request without a module before it`);
            open.requests.push(block);
        } else {
            if (open === undefined || open.requests.length > 0) found.push((open = { line: block.line, modules: [], requests: [] }));
            open.modules.push(block);
        }
    }
    return found;
}

function messageOf(lines) {
    const end = lines.indexOf('');
    const head = end < 0 ? lines : lines.slice(0, end);
    const fields = head.slice(1).map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]);
    return { first: head[0], fields, body: end < 0 ? undefined : lines.slice(end + 1).join('\n') };
}

function exchangeOf(block) {
    const lines = block.text.replace(/\n$/, '').split('\n');
    const mark = lines.indexOf('---');
    assert.ok(mark > 0, `line ${block.line}: no "---" between the request and the answer`);
    return { sent: messageOf(lines.slice(0, mark)), expected: messageOf(lines.slice(mark + 1)) };
}

let gateway;
let echo;
let count = 0;

before(async () => {
    echo = http.createServer((req, res) => {
        const chunks = [];
        req.on('data', (chunk) => chunks.push(chunk));
        req.on('end', () => {
            const url = new URL(req.url, 'http://echo');
            const headers = Object.fromEntries(Object.entries(req.headers).filter(([name]) => !/^(x-forwarded|x-real|x-request|x-dgate|connection$|host$)/.test(name)));
            res.setHeader('Content-Type', 'application/json');
            res.end(JSON.stringify({ method: req.method, path: url.pathname, query: Object.fromEntries(url.searchParams), headers, body: Buffer.concat(chunks).toString() }));
        });
    });
    await new Promise((done) => echo.listen(0, '127.0.0.1', done));
    gateway = new Gateway({ workers: 1 });
    await gateway.start();
    await gateway.put('service', { name: 'echo', urls: [`http://127.0.0.1:${echo.address().port}`] });
    await gateway.put('collection', { name: 'users', visibility: 'public' });
    await gateway.put('secret', { name: 'api-key', data: 'c2VjcmV0' });
});
after(async () => {
    await gateway?.remove();
    echo?.closeAllConnections();
    echo?.close();
});

async function upload(example) {
    const host = `example-${++count}.test`;
    const ns = `example-${count}`;
    const modules = [];
    await gateway.put('namespace', { name: ns });
    await gateway.put('service', { name: 'echo', namespace: ns, urls: [`http://127.0.0.1:${echo.address().port}`] });
    await gateway.put('collection', { name: 'users', namespace: ns, visibility: 'private' });
    await gateway.put('secret', { name: 'api-key', namespace: ns, data: 'secret' });
    for (const [i, block] of example.modules.entries()) {
        const { name = `module-${i + 1}`, moduleApi } = block.options;
        modules.push(name);
        await gateway.module(name, block.text, { namespace: ns, moduleType: block.kind === 'ts' ? 'typescript' : 'javascript', ...(moduleApi && { moduleApi }) });
    }
    const handles = example.modules.some((block) => /\brequestHandler\b/.test(block.text));
    await gateway.put('route', {
        name: 'example',
        namespace: ns,
        paths: [example.modules.find((block) => block.options.path)?.options.path ?? '/**'],
        methods: ['*'],
        modules,
        ...(!handles && { service: 'echo' }),
    });
    await gateway.put('domain', { name: 'example', namespace: ns, patterns: [host] });
    return host;
}

async function check(block, host) {
    const { sent, expected } = exchangeOf(block);
    const [method, path] = sent.first.split(' ');
    const headers = { Host: host };
    for (const [name, value] of sent.fields) headers[name] = value;
    const answer = await request(gateway.proxyUrl + path, { method, headers, ...(sent.body !== undefined && { body: sent.body }) });
    const text = answer.text.replaceAll(host.slice(0, host.indexOf('.')), 'default');
    const shown = `line ${block.line}: ${answer.status} ${JSON.stringify(answer.headers)} ${answer.text}`;
    assert.equal(answer.status, Number(expected.first.split(' ')[0]), shown);
    for (const [name, value] of expected.fields) assert.equal([].concat(answer.headers[name] ?? []).join(', '), value, `${name}, ${shown}`);
    if (expected.body?.endsWith('…')) assert.ok(text.startsWith(expected.body.slice(0, -1)), shown);
    else if (expected.body !== undefined) assert.equal(text.trimEnd(), expected.body.trimEnd(), shown);
}

for (const file of FILES)
    test(file, async (t) => {
        for (const example of examplesOf(file))
            await t.test(`line ${example.line}`, async () => {
                assert.ok(example.requests.length > 0, 'an example has at least one request');
                const host = await upload(example);
                for (const block of example.requests) await check(block, host);
            });
    });

test('there are examples', () => {
    assert.ok(FILES.flatMap(examplesOf).length > 0);
});
