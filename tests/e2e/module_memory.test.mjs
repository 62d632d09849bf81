// The memory of a worker ends for real while a module allocates: the kernel refuses the process more. Either that request
// gets 5xx with the reason, or the worker is lost, and then: its clients see closed connections, its replacement serves, and
// nothing that was acknowledged is lost. No answer is ever wrong.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import test from 'node:test';
import { until, withGateway } from './lib/gateway.mjs';

const MB = 2 ** 20;
const REPLACED_MS = 2500;
// The limits of modules are out of the way.
const LIMITS = { module_heap_mb: 8192, module_cpu_ms: 60000, module_wall_ms: 60000, hang_cpu_ms: 120000, module_stops_max: 0 };

const KEEPER = `
    import { get, put } from "dgate/storage";
    export const requestHandler = async (ctx: any) => {
        const key = ctx.query().get("key");
        if (ctx.query().get("set")) await put(key, { key, text: key.repeat(50) });
        ctx.response().json(get(key) ?? null);
    };`;

const handler = (body) => `import { createHash } from "dgate/crypto";
    export const requestHandler = async (ctx: any) => { const a: any[] = []; ${body} };`;
const SHAPES = [
    ['objects', 'for (;;) a.push({ a: a.length });'],
    ['strings', 'for (;;) a.push("x".repeat(1e6) + a.length, ("y" + a.length).padEnd(1e6));'],
    ['small strings', 'for (;;) a.push(["x" + a.length].join("y" + a.length));'],
    ['typed arrays', 'for (;;) a.push(new Uint8Array(1e5).fill(1));'],
    ['Maps and closures', 'const m = new Map(); for (;;) { const n = m.size; m.set("key " + n, () => n); }'],
    ['promises', 'for (;;) a.push(new Promise((done) => { a.push(done); }));'],
    ['errors that are caught', 'for (;;) try { for (;;) a.push(new Error(String(a.length)), new Uint8Array(1e4)); } catch {}'],
    ['what the host makes of texts', 'const t = "é".repeat(2e5); for (;;) a.push(new TextEncoder().encode(t), btoa("x".repeat(1e5)), createHash("sha256").update(t).digest("hex"), structuredClone({ t: [t + a.length] }));'],
    ['bodies that are sent', 'for (let n = 1; ; n++) { try { ctx.response().status(200).send(JSON.stringify("x".repeat(n * 1000))); } catch {} a.push(new Uint8Array(n * 1000).fill(2)); }'],
];

function status(pid, name) {
    return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'))[1]) * 1024;
}

// From now on the process gets at most so many more bytes.
function squeeze(pid, resource, bytes) {
    const used = status(pid, resource === 'data' ? 'VmData' : 'VmSize');
    execFileSync('prlimit', ['--pid', String(pid), `--${resource}=${used + bytes}:`]);
}

// Connections that are in use all the time; what is answered must be right, or the connection closed.
class Clients {
    constructor(g) {
        this.served = 0;
        this.lost = 0;
        this.wrong = [];
        this.acknowledged = [];
        this.agent = new http.Agent({ keepAlive: true, maxSockets: 3 });
        this.running = true;
        this.loops = [1, 2, 3].map((n) => this.loop(g, n));
    }

    async loop(g, n) {
        for (let i = 0; this.running; i++) {
            const key = `k${n}-${i}`;
            try {
                const answer = await g.proxy(`/keeper?set=1&key=${key}`, { agent: this.agent });
                if (answer.status >= 500) this.refused = answer.json.error;
                else if (answer.status !== 200 || answer.json.text !== key.repeat(50)) this.wrong.push(`${answer.status} ${answer.text}`);
                else this.served = this.acknowledged.push(key);
            } catch (error) {
                if (!/ECONNRESET|ECONNREFUSED|EPIPE|socket hang up|aborted/.test(error.message)) this.wrong.push(error.message);
                this.lost++;
            }
            await new Promise((done) => setTimeout(done, 5));
        }
    }

    async stop() {
        this.running = false;
        await Promise.all(this.loops);
        this.agent.destroy();
    }
}

async function isServed(g) {
    const answer = await g.proxy('/keeper?key=none');
    return answer.status === 200 && answer.text === 'null';
}

async function exhaust(g, resource, bytes) {
    const [worker] = g.children('worker');
    const clients = new Clients(g);
    try {
        await until('the others are served', () => clients.served > 20);
        squeeze(worker.pid, resource, bytes);
        const answer = await g.proxy('/greedy', { timeout: 60000 }).catch((error) => ({ error }));
        const lostAt = Date.now();
        if (answer.error) {
            assert.match(answer.error.message, /ECONNRESET|socket hang up|aborted/);
            await until('new connections are served', () => isServed(g), 20000, 5);
            const took = Date.now() - lostAt;
            assert.ok(took < REPLACED_MS, `replaced after ${took} ms`);
            assert.notEqual(g.children('worker')[0].pid, worker.pid);
            // SIGILL, SIGTRAP and SIGABRT: the engine, or we, gave up on purpose. SIGSEGV would be a pointer that was not checked.
            await until('the log tells the loss', () => /worker-0 ended with signal [456] /.test(g.log));
        } else {
            assert.ok(answer.status === 500 || answer.status === 503, `${answer.status} ${answer.text.slice(0, 200)}`);
            assert.ok(answer.json.error.length > 0);
        }
        const { served } = clients;
        await until('the others are served on', () => clients.served > served + 20);
        return answer.error ? 'the worker was lost' : `it got ${answer.status}`;
    } finally {
        await clients.stop();
        assert.deepEqual(clients.wrong, []);
        for (const key of clients.acknowledged)
            assert.equal((await g.proxy(`/keeper?key=${key}`)).json?.text, key.repeat(50), key);
    }
}

// With the limits as they are: nothing of the kernel's is in the way, and no connection is lost.
const GREEDY = [
    ['addresses that are not used', 'for (;;) { a.push(new ArrayBuffer(1e6)); await null; }', /^(cpu|heap)$/],
    ['in one go', 'for (;;) a.push(new Uint8Array(1e6).fill(1));', /^(cpu|heap)$/],
    ['a little after each wait', 'for (let i = 0; ; i++) { a.push(new Uint8Array(1e5).fill(1)); if (i % 10 === 0) await new Promise((done) => setTimeout(done, 1)); }', /^heap$/],
    ['arrays after each wait', 'for (;;) { for (let i = 0; i < 200; i++) a.push(new Array(1000).fill(i)); await new Promise((done) => setTimeout(done, 10)); }', /^heap$/],
    ['one that is far too large', 'new Uint8Array(3e9).fill(1);', /^heap$/],
];

test('one after the other, each is stopped as early as the first', async () => {
    await withGateway({ workers: 1, limits: { module_heap_mb: 64, module_stops_max: 0 } }, async (g) => {
        await g.module('grows', `export const requestHandler = async () => { const a = [];
            for (;;) { for (let i = 0; i < 10; i++) a.push(new Uint8Array(1e6).fill(1)); await new Promise((done) => setTimeout(done, 0)); } };`, { moduleType: 'javascript' });
        await g.put('route', { name: 'grows', paths: ['/grows'], methods: ['GET'], modules: ['grows'] });
        const [{ pid }] = g.children('worker');
        for (let i = 0; i < 12; i++) {
            const answer = await g.proxy('/grows');
            assert.equal(answer.status, 503);
            assert.equal(JSON.parse(answer.text).limit, 'heap');
        }
        // 12 x 64 MB, were it to add up, and as much again in between two looks at the memory each time.
        assert.ok(status(pid, 'VmHWM') < 1000 * MB, `${status(pid, 'VmHWM') / MB} MB`);
        await until('the memory is back', () => status(pid, 'VmRSS') < 100 * MB);
        assert.equal(g.children('worker')[0].pid, pid);
    });
});

test('who takes too much memory is stopped, and nobody else notices', async (t) => {
    await withGateway({ workers: 1 }, async (g) => {
        await g.module('reader', 'export const requestHandler = (ctx: any) => ctx.response().json(ctx.request().readBody().byteLength);');
        await g.put('route', { name: 'reader', paths: ['/reader'], methods: ['POST'], modules: ['reader'] });
        await g.module('greedy', `export const requestHandler = async (ctx: any) => {
            const a: any[] = [];
            ${GREEDY.map(([, body], i) => `if (ctx.query().get("how") === "${i}") { ${body} }`).join('\n')}
        };`);
        await g.put('route', { name: 'greedy', paths: ['/greedy'], methods: ['GET'], modules: ['greedy'] });
        const [worker] = g.children('worker');
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        const body = Buffer.alloc(2e6);
        const sockets = new Set();
        let running = true;
        let reads = 0;
        const wrong = [];
        agent.on('free', (socket) => sockets.add(socket));
        const reader = (async () => {
            for (; running; reads++) {
                const answer = await g.proxy('/reader', { method: 'POST', body, agent }).catch((error) => ({ text: error.message }));
                if (answer.text !== '2000000') wrong.push(answer.text);
            }
        })();
        for (const [i, [name, , limit]] of GREEDY.entries()) {
            const answer = await g.proxy(`/greedy?how=${i}`, { timeout: 60000 });
            t.diagnostic(`${name}: ${answer.status} ${answer.json.limit}, resident ${status(worker.pid, 'VmRSS') / MB} MB`);
            assert.ok(answer.status === 500 || answer.status === 503, answer.text);
            assert.match(String(answer.json.limit), limit, name);
            const before = reads;
            await until('the other is served on', () => reads > before + 3);
        }
        await until('the memory is back', () => status(worker.pid, 'VmRSS') < 256 * MB, 30000);
        running = false;
        await reader;
        agent.destroy();
        assert.deepEqual(wrong, []);
        assert.equal(sockets.size, 1, 'its connection was never closed');
        assert.equal(g.children('worker')[0].pid, worker.pid);
    });
});

for (const [name, body] of SHAPES) {
    for (const [resource, bytes] of [['data', 8 * MB], ['data', 100 * MB], ['as', 24 * MB]]) {
        test(`memory ends: ${name}, ${resource} + ${bytes / MB} MB`, async (t) => {
            await withGateway({ workers: 1, limits: LIMITS }, async (g) => {
                await g.module('keeper', KEEPER);
                await g.put('route', { name: 'keeper', paths: ['/keeper'], methods: ['GET'], modules: ['keeper'] });
                await g.module('greedy', handler(body));
                await g.put('route', { name: 'greedy', paths: ['/greedy'], methods: ['GET'], modules: ['greedy'] });
                t.diagnostic(await exhaust(g, resource, bytes));
            });
        });
    }
}
