// What a worker with ten modules that do different things comes to hold.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { wrk } from '../lib/measure.mjs';
import { addValue } from '../lib/report.mjs';
import { CONFIGS, startGateway } from '../lib/sides.mjs';

const REQUESTS = 1e6;
const ROUND_SECONDS = 10;
// Requests with an odd number have a JSON body.
const MODULES = [
    'export const requestHandler = (ctx: any) => ctx.response().json({ path: ctx.request().path });',
    'export const requestHandler = (ctx: any) => { const b = ctx.request().readJson(); b.b.push(4); ctx.response().json(b); };',
    'export const requestHandler = async (ctx: any) => { await new Promise((r) => setTimeout(r, 1)); ctx.response().send("late"); };',
    'import { hmac } from "dgate/crypto"; export const requestHandler = (ctx: any) => ctx.response().send(hmac("sha256", "k", ctx.request().path, "hex"));',
    'export const requestHandler = () => new Response("hello", { headers: { "x-a": "b" } });',
    'import { setCache, getCache } from "dgate/storage"; export const requestHandler = (ctx: any) => { setCache("n", (getCache("n") ?? 0) + 1, { ttl: 60 }); ctx.response().send("ok"); };',
    'export const requestHandler = (ctx: any) => ctx.response().send(new URL("http://a/b?c=" + ctx.query().get("y")).searchParams.get("c"));',
    'export const requestHandler = async (ctx: any) => { const { a } = await new Request("http://a", { method: "POST", body: ctx.request().readBody() }).json(); ctx.response().json(a); };',
    'export const requestHandler = (ctx: any) => ctx.response().json(structuredClone({ a: [1, { b: new Date(0) }] }));',
    'export const requestHandler = () => new Response(new ReadableStream({ start(c: any) { c.enqueue(new TextEncoder().encode("x")); c.close(); } }));',
];

export const names = ['module-memory'];

const resident = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

export async function run({ dir, upstream }) {
    const { gateway, url, workers, stop } = await startGateway(join(dir, 'ten'), upstream, 'dgate', { workers: 1 });
    for (const [i, source] of MODULES.entries()) {
        await gateway.module(`m${i}`, source);
        await gateway.put('route', { name: `m${i}`, paths: [`/m${i}/**`], methods: ['*'], modules: [`m${i}`] });
    }
    const [pid] = workers();
    const sizes = [];
    for (let served = 0; served < REQUESTS; ) {
        const { result, text } = await wrk(url, { connections: 32, args: ['-s', join(CONFIGS, 'mixed.lua')] }, ROUND_SECONDS);
        if (result === null) throw new Error(`requests failed:\n${text}`);
        served += result.requests;
        sizes.push(resident(pid));
    }
    if (workers()[0] !== pid) throw new Error('the worker was replaced');
    await stop();
    const show = sizes.map((s) => s.toFixed(0)).join(', ');
    addValue('module-memory', 'worker with ten modules, resident, at the most', Math.max(...sizes), 'MiB', { target: 80, note: `after each ${ROUND_SECONDS} s: ${show}` });
}
