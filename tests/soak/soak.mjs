// make soak: SECONDS (300) at half of the maximum rate with 64 connections of mixed load, admin writes every 100 ms, one
// worker killed and one stopped per minute, nginx as the upstream. At the end every process is killed at once, and
// after a restart every acknowledged write must be there. Exits 1 when anything is not as it must be.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Gateway, temporaryDirectory } from '../e2e/lib/gateway.mjs';
import { startNginx } from './nginx.mjs';

const SECONDS = Number(process.env.SECONDS ?? 300);
const STOPPED_MS = 5000;
const CONNECTIONS = Number(process.env.CONNECTIONS ?? 64);
const here = (name) => resolve('tests/soak', name);

function run(script, options) {
    const child = spawn(process.execPath, [here(script), JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = [];
    let rest = '';
    child.stdout.on('data', (chunk) => {
        rest += chunk;
        const parts = rest.split('\n');
        rest = parts.pop();
        for (const part of parts) lines.push({ at: Date.now(), ...JSON.parse(part) });
    });
    const done = new Promise((resolved) => child.on('exit', () => resolved(lines)));
    return { lines, done };
}

const get = (path) => `GET ${path} HTTP/1.1\r\nHost: soak.test\r\nX-Soak: 1\r\n\r\n`;
const body = 'x'.repeat(1000);
const MIX = [
    { request: get('/proxy/small'), status: 200, ends: '\r\n\r\nhello' },
    { request: get('/proxy/small'), status: 200, ends: '\r\n\r\nhello' },
    { request: get('/proxy/large'), status: 200, ends: `\r\n\r\n${'y'.repeat(10240)}` },
    { request: `POST /proxy/small HTTP/1.1\r\nHost: soak.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`, status: 200, ends: 'hello' },
    { request: get('/handler/7'), status: 200, ends: '{"id":"7"}' },
    { request: get('/modified/json'), status: 200, contains: '"added":true' },
    { request: get('/nowhere'), status: 404 },
];

function sample(gateway) {
    const at = Date.now();
    const list = [{ pid: gateway.supervisorPid, role: 'supervisor' }, ...gateway.children()];
    return list.flatMap(({ pid, role }) => {
        try {
            const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
            return [{ at, pid, role, rss, fds: readdirSync(`/proc/${pid}/fd`).length }];
        } catch {
            return [];
        }
    });
}

async function setUp(gateway, upstream) {
    await gateway.put('service', { name: 'up', urls: [upstream] });
    await gateway.put('collection', { name: 'soak', visibility: 'public', type: 'document' });
    await gateway.put('route', { name: 'proxy', paths: ['/proxy/**'], methods: ['*'], service: 'up', stripPath: true });
    await gateway.module('handler', 'export const requestHandler = (ctx: any) => ctx.response().json({ id: ctx.pathParam("id") });');
    await gateway.put('route', { name: 'handler', paths: ['/handler/{id}'], methods: ['GET'], modules: ['handler'] });
    await gateway.module('modify', `
        export const responseModifier = async (ctx: any) => {
            const body = await ctx.upstream().readJson();
            ctx.upstream().writeJson({ ...body, added: true });
        };`);
    await gateway.put('route', { name: 'modify', paths: ['/modified/**'], methods: ['GET'], service: 'up', modules: ['modify'], stripPath: true });
}

const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];

// Workers count together, since a killed one starts small and makes its VM with the first module: the largest of them in
// memory, and all of them in descriptors.
function checkLevel(samples, failures) {
    const start = samples[0]?.at ?? 0;
    const end = samples.at(-1)?.at ?? 0;
    const third = (end - start) / 3;
    for (const role of ['supervisor', 'control', 'worker']) {
        const typical = (from, to, key, join) => {
            const byTime = new Map();
            for (const s of samples)
                if (s.role.startsWith(role) && s.at >= from && s.at <= to) byTime.set(s.at, join(byTime.get(s.at) ?? 0, s[key]));
            return median([...byTime.values()]) ?? 0;
        };
        const thirds = (key, join) => [typical(start + third, start + 2 * third, key, join), typical(end - third, end, key, join)];
        const rss = thirds('rss', Math.max);
        const fds = thirds('fds', (x, y) => x + y);
        console.log(`  ${role}: RSS ${rss.join(' -> ')} KiB, descriptors ${fds.join(' -> ')}`);
        if (rss[1] > rss[0] * 1.1 + 2048) failures.push(`${role}: RSS grows: ${rss.join(' -> ')} KiB`);
        if (fds[1] > fds[0] + CONNECTIONS) failures.push(`${role}: descriptors grow: ${fds.join(' -> ')}`);
    }
}

async function adminWrites(gateway, state) {
    while (!state.stop) {
        const n = state.next++;
        const started = Date.now();
        try {
            const document = await gateway.admin('PUT', `/api/v1/document/d${n % 500}?collection=soak`, { n });
            if (document.status === 200 || document.status === 201) state.documents.set(`d${n % 500}`, n);
            else state.failures.push(`PUT document: ${document.status} ${document.text}`);
            if (n % 5 === 0) {
                const name = `extra${n % 50}`;
                const route = await gateway.admin('PUT', '/api/v1/route', { name, paths: [`/extra/${name}/${n}`], methods: ['GET'], service: 'up' });
                if (route.status === 200 || route.status === 201) state.routes.set(name, `/extra/${name}/${n}`);
                else state.failures.push(`PUT route: ${route.status} ${route.text}`);
            }
            state.slowest = Math.max(state.slowest, Date.now() - started);
        } catch (error) {
            state.failures.push(`admin: ${error.message}`);
        }
        await new Promise((done) => setTimeout(done, Math.max(0, 100 - (Date.now() - started))));
    }
}

async function disturb(gateway, state, events) {
    const minute = Math.min(60, SECONDS / 2) * 1000;
    let next = Date.now() + minute / 3;
    while (!state.stop) {
        await new Promise((done) => setTimeout(done, 200));
        if (Date.now() < next) continue;
        const [first] = gateway.children('worker');
        process.kill(first.pid, 'SIGKILL');
        events.push({ at: Date.now(), kind: 'kill' });
        await new Promise((done) => setTimeout(done, minute / 3));
        if (state.stop) return;
        const workers = gateway.children('worker');
        const stopped = workers[workers.length - 1];
        process.kill(stopped.pid, 'SIGSTOP');
        events.push({ at: Date.now(), kind: 'stop' });
        await new Promise((done) => setTimeout(done, STOPPED_MS));
        process.kill(stopped.pid, 'SIGCONT');
        next = Date.now() + minute / 3;
    }
}

const dir = temporaryDirectory();
const nginx = await startNginx(join(dir, 'nginx'));
const gateway = new Gateway({}, { dir });
await gateway.start();
await setUp(gateway, nginx.url);

console.log('measuring the maximum rate (10 s)');
const maximum = (await run('load.mjs', { port: gateway.proxyPort, connections: CONNECTIONS, rate: 0, seconds: 10, mix: MIX }).done);
const best = median(maximum.filter((l) => l.second).slice(2, -1).map((l) => l.ok));
const rate = Math.floor(best / 2);
console.log(`maximum ${best}/s with this generator on the same cores; running ${SECONDS} s at ${rate}/s`);

const state = { stop: false, next: 0, documents: new Map(), routes: new Map(), failures: [], slowest: 0 };
const events = [];
const samples = [];
const load = run('load.mjs', { port: gateway.proxyPort, connections: CONNECTIONS, rate, seconds: SECONDS, mix: MIX });
const probe = run('probe.mjs', { port: gateway.proxyPort, everyMs: 50, seconds: SECONDS, slowMs: 200 });
const writes = adminWrites(gateway, state);
const disturbance = disturb(gateway, state, events);
const sampler = setInterval(() => samples.push(...sample(gateway)), 2000);
const [loadLines, probeLines] = await Promise.all([load.done, probe.done]);
state.stop = true;
clearInterval(sampler);
await Promise.all([writes, disturbance]);

const failures = state.failures;
const summary = loadLines.at(-1);
const probed = probeLines.at(-1);
console.log('load:', JSON.stringify({ ...summary, problems: summary.problems.length }));
console.log('new connections:', JSON.stringify(probed));
console.log(`admin writes: ${state.next}, slowest ${state.slowest} ms; kills ${events.filter((e) => e.kind === 'kill').length}, stops ${events.filter((e) => e.kind === 'stop').length}`);
const kills = events.filter((e) => e.kind === 'kill');
for (const p of summary.problems)
    if (!kills.some((k) => p.at >= k.at - 50 && p.at <= k.at + 1500)) failures.push(`load, away from any kill: ${p.what}`);
if (summary.resets > kills.length * CONNECTIONS) failures.push(`more connections lost than killed workers had: ${summary.resets}`);
if (summary.unexpected > 0) failures.push(`${summary.unexpected} unexpected responses: ${summary.problems.find((p) => p.what.startsWith('unexpected'))?.what}`);
// A connection that a worker had just accepted ends with it, or waits until it goes on. Half of the maximum is all that one of
// two workers can do, so that there is a queue until the killed one is back.
const stops = events.filter((e) => e.kind === 'stop');
const near = (s, list, after, most) => list.some((e) => s.at >= e.at - 200 && s.at <= e.at + after && s.took < most);
const unexplained = probed.slow.filter((s) => !near(s, kills, 500, 500) && !near(s, stops, 50, STOPPED_MS + 200));
if (unexplained.length > 0) failures.push(`new connections slower than 200 ms or failed: ${JSON.stringify(unexplained)}`);
checkLevel(samples, failures);

await gateway.killAll();
const again = new Gateway(gateway.config, { dir });
await again.start();
let missing = 0;
for (const [id, n] of state.documents) {
    const answer = await again.admin('GET', `/api/v1/document/${id}?collection=soak`);
    if (answer.status !== 200 || answer.json.data.data.n !== n) missing++;
}
for (const [name, path] of state.routes) {
    const answer = await again.admin('GET', `/api/v1/route/${name}`);
    if (answer.status !== 200 || answer.json.data.paths[0] !== path) missing++;
}
console.log(`after kill -9 of everything: ${state.documents.size + state.routes.size} acknowledged writes, ${missing} missing`);
if (missing > 0) failures.push(`${missing} acknowledged writes are missing after kill -9`);
await again.stop();
nginx.stop();
writeFileSync(join(dir, 'log'), gateway.log);
writeFileSync(join(dir, 'samples.json'), JSON.stringify(samples));
spawnSync('rm', ['-rf', join(dir, 'data'), join(dir, 'nginx')]);
if (failures.length > 0) {
    console.log(`FAILED (log: ${join(dir, 'log')})`);
    for (const failure of failures.slice(0, 12)) console.log(`- ${failure}`);
    process.exit(1);
}
console.log('soak: all as expected');
process.exit(0);
