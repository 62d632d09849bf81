// Every example of examples/, started with its own config and used as its README says.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import test from 'node:test';
import { Gateway, SERVER, request, until, withUpstream } from './lib/gateway.mjs';

// The example's config is used as it is: only its environment differs.
class Example extends Gateway {
    constructor(name, env) {
        super({}, { command: [SERVER], env: { PORT: '0', ADMIN_PORT: '0', ...env } });
        this.exampleFile = resolve('examples', name, 'dgate.yaml');
    }

    async start() {
        this.child = spawn(SERVER, ['-c', this.exampleFile], {
            cwd: this.dir,
            env: { ...process.env, ...this.options.env },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        this.exited = new Promise((done) => this.child.on('exit', (code, signal) => done((this.exit = { code, signal }))));
        for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (chunk) => (this.log += chunk));
        await until('ready', () => /ready: proxy on \S+:(\d+)/.test(this.log) || this.exit, 30000);
        assert.equal(this.exit, undefined, this.log);
        this.proxyPort = Number(/ready: proxy on \S+:(\d+)/.exec(this.log)[1]);
        return this;
    }
}

async function withExample(name, env, fn) {
    const example = new Example(name, env);
    try {
        await example.start();
        await fn(example);
    } catch (error) {
        error.message += `\n--- log ---\n${example.log.slice(-4000)}`;
        throw error;
    } finally {
        await example.remove();
    }
}

const tested = new Set();
function example(name, fn) {
    tested.add(name);
    test(`example ${name}`, fn);
}

example('ip-hash-load-balancer', async () => {
    await withUpstream((req, res) => res.end('one'), async (first) => {
        await withUpstream((req, res) => res.end('two'), async (second) => {
            await withExample('ip-hash-load-balancer', { BACKEND_1: first, BACKEND_2: second }, async (gateway) => {
                const seen = new Map();
                for (let i = 1; i <= 16; i++) {
                    const localAddress = `127.0.0.${i}`;
                    const answers = new Set();
                    for (let k = 0; k < 3; k++) answers.add((await request(gateway.proxyUrl, { localAddress })).text);
                    assert.equal(answers.size, 1, `${localAddress} always meets the same upstream`);
                    seen.set(localAddress, [...answers][0]);
                }
                assert.deepEqual(new Set(seen.values()), new Set(['one', 'two']));
            });
        });
    });
});

example('url-shortener', async () => {
    await withExample('url-shortener', {}, async (gateway) => {
        const long = 'https://example.com/a/long/path';
        const made = await gateway.proxy(`/?url=${long}`, { method: 'POST' });
        assert.equal(made.status, 201);
        assert.match(made.json.path, /^\/[0-9a-f]{8}$/);
        const followed = await gateway.proxy(made.json.path);
        assert.equal(followed.status, 307);
        assert.equal(followed.headers.location, long);
        assert.equal((await gateway.proxy('/nothere1')).status, 404);
        assert.equal((await gateway.proxy('/?url=nonsense', { method: 'POST' })).status, 400);
    });
});

example('modify-json-response', async () => {
    const upstream = (req, res) => {
        if (req.url === '/items/text') {
            res.setHeader('Content-Type', 'text/plain');
            res.end('plain');
            return;
        }
        res.setHeader('Content-Type', 'application/json');
        res.end(JSON.stringify({ name: 'lamp', internal: 'cost 3' }));
    };
    await withUpstream(upstream, async (BACKEND) => {
        await withExample('modify-json-response', { BACKEND }, async (gateway) => {
            const answer = await gateway.proxy('/items/7');
            assert.deepEqual(answer.json, { name: 'lamp', gateway: { route: 'items', id: '7' } });
            assert.equal(answer.headers['x-modified'], 'yes');
            assert.equal(answer.headers['content-length'], String(answer.bytes.length));
            const plain = await gateway.proxy('/items/text');
            assert.equal(plain.text, 'plain');
            assert.equal(plain.headers['x-modified'], undefined);
        });
    });
});

example('merge-responses', async () => {
    const upstream = (req, res) => {
        res.setHeader('Content-Type', 'application/json');
        if (req.url === '/messages/ada') res.statusCode = 500;
        res.end(JSON.stringify({ '/profile/ada': { name: 'Ada' }, '/orders/ada': [1, 2] }[req.url] ?? {}));
    };
    await withUpstream(upstream, async (BACKEND) => {
        await withExample('merge-responses', { BACKEND }, async (gateway) => {
            const answer = await gateway.proxy('/users/ada');
            assert.deepEqual(answer.json, { user: 'ada', profile: { name: 'Ada' }, orders: [1, 2], messages: null });
        });
    });
});

test('every example has a test', () => {
    const folders = readdirSync('examples', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    assert.deepEqual(new Set(folders.map((entry) => entry.name)), tested);
});
