// Modules that write a body again and again: limit "body" is about each of them, not about what they replaced.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Gateway, withUpstream } from './lib/gateway.mjs';

const MIB = 1 << 20;

let gateway;

before(async () => {
    // The memory is for AddressSanitizer's build, which holds what was released for a while.
    gateway = await new Gateway({ workers: 1, limits: { module_cpu_ms: 5000, module_heap_mb: 1024 } }).start();
});

after(async () => {
    await gateway?.remove();
});

function echo(req, res) {
    const chunks = [];
    req.on('data', (chunk) => chunks.push(chunk));
    req.on('end', () => res.end(Buffer.concat(chunks)));
}

let count = 0;

// What comes back of a body through modules with these sources, between the client and an upstream that echoes.
async function pass(sources, body) {
    return withUpstream(echo, async (url) => {
        const n = ++count;
        const modules = sources.map((_, i) => `m${n}x${i}`);
        await gateway.put('service', { name: `s${n}`, urls: [url] });
        for (const [i, source] of sources.entries()) await gateway.module(modules[i], source, { moduleType: source.includes('export') ? 'typescript' : 'javascript' });
        await gateway.put('route', { name: `r${n}`, paths: [`/r${n}`], methods: ['*'], service: `s${n}`, modules });
        const response = await fetch(`${gateway.proxyUrl}/r${n}`, { method: 'POST', body });
        return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
    });
}

async function check(sources, body, wanted) {
    const got = await pass(sources, body);
    assert.equal(got.status, 200, `${got.body.subarray(0, 300)}`);
    assert.equal(got.body.length, wanted.length);
    assert.ok(got.body.equals(wanted));
}

const ADDED = Buffer.concat([Buffer.from('start'), Buffer.alloc(100 * 1000, 'x')]);

test('res.body += in a loop', () =>
    check(['function responseModifier(ctx, res) { for (let i = 0; i < 1000; i++) res.body += "x".repeat(100); }'], 'start', ADDED));

test('ctx.request.body += in a loop', () =>
    check(['function requestModifier(ctx) { for (let i = 0; i < 1000; i++) ctx.request.body += "x".repeat(100); }'], 'start', ADDED));

test('upstream().writeBody() in a loop', () =>
    check(['export function responseModifier(ctx: any) { const d = new Uint8Array(100000); for (let i = 0; i < 1000; i++) ctx.upstream().writeBody(d.fill(i)); }'],
        'start', Buffer.alloc(100000, 999 & 255)));

test('request().writeBody() of large bodies', () =>
    check(['export function requestModifier(ctx: any) { for (let i = 0; i < 4; i++) ctx.request().writeBody(new Uint8Array(7 << 20).fill(i)); }'],
        'start', Buffer.alloc(7 * MIB, 3)));

test('the body of before is there after one that is too large', () =>
    check([`export function requestModifier(ctx: any) { const r = ctx.request(); r.writeBody("kept");
        try { r.writeBody(new Uint8Array((8 << 20) + 1)); } catch (e: any) { r.writeBody(new TextDecoder().decode(r.readBody()) + ": " + e.message); } }`],
    'start', Buffer.from('kept: the body is larger than 8388608 bytes (limit body)')));

const CHAIN = Array.from({ length: 4 }, () => `
    export async function requestModifier(ctx: any) { const b = new Uint8Array(ctx.request().readBody()); b[0]++; ctx.request().writeBody(b); }
    export async function responseModifier(ctx: any) { const u = ctx.upstream(); const b = new Uint8Array(await u.readBody()); b[1]++; u.writeBody(b); }`);

for (const size of [4 * MIB + 1, 8 * MIB - 1, 8 * MIB]) {
    test(`a chain of four that each write both bodies: ${size} octets`, () => {
        const wanted = Buffer.alloc(size, 7);
        wanted[0] += CHAIN.length;
        wanted[1] += CHAIN.length;
        return check(CHAIN, Buffer.alloc(size, 7), wanted);
    });
}

test('a streamed answer in place of an upstream\'s body, which is read meanwhile', () =>
    check([`let u: any;
        export function responseModifier(ctx: any) { u = ctx.upstream(); throw new Error("no"); }
        export function errorHandler() { let n = 0;
            return new Response(new ReadableStream({ async pull(c) {
                await new Promise((done) => setTimeout(done, 5));
                c.enqueue(new Uint8Array(await u.readBody()));
                if (++n === 3) c.close(); } })); }`],
    Buffer.alloc(MIB, 'u'), Buffer.alloc(3 * MIB, 'u')));

// It writes between the pieces that are sent, and what it writes is never seen.
test('a module that goes on after its function has returned', () =>
    check([`const again = (write: () => void) => { let n = 0; const id = setInterval(() => { try { write(); } catch {} if (++n === 100) clearInterval(id); }, 1); };
        export function requestModifier(ctx: any) { const r = ctx.request(); r.writeBody(new Uint8Array(8 << 20).fill(1)); again(() => r.writeBody(new Uint8Array(4 << 20).fill(9))); }
        export function responseModifier(ctx: any) { const u = ctx.upstream(); u.writeBody(new Uint8Array(8 << 20).fill(2)); again(() => u.writeBody(new Uint8Array(4 << 20).fill(9))); }`],
    'start', Buffer.alloc(8 * MIB, 2)));
