// Live change: 1,000 changes of routes, services and modules while other routes are under half of the maximum load. No
// request may fail and no connection may be closed.
import http from 'node:http';
import { join } from 'node:path';
import { load, median, sleep, sorted } from '../lib/measure.mjs';
import { addValue } from '../lib/report.mjs';
import { startGateway } from '../lib/sides.mjs';

const CHANGES = Number(process.env.CHANGES ?? 1000);
const SECONDS = Number(process.env.CHANGE_SECONDS ?? 20);
const CONNECTIONS = 64;

export const names = ['changes'];

function change(i, upstream) {
    const n = i % 50;
    const kinds = [
        ['route', { name: `changing${n}`, paths: [`/changing/${n}/${i}`], methods: ['GET'], service: `changing${n}`, modules: [`changing${n}`] }],
        ['service', { name: `changing${n}`, urls: [`${upstream.url}/${i}`] }],
        ['module', { name: `changing${n}`, payload: Buffer.from(`export const requestModifier = (ctx: any) => { ctx.set("i", ${i}); };`).toString('base64') }],
    ];
    return kinds[i % 3];
}

async function makeChanges(gateway, upstream, first) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const times = [];
    const began = performance.now();
    for (let i = 0; i < CHANGES; i++) {
        await sleep(Math.max(0, began + (i * SECONDS * 1000) / CHANGES - performance.now()));
        const [kind, resource] = change(first + i, upstream);
        const start = performance.now();
        const answer = await gateway.admin('PUT', `/api/v1/${kind}`, resource, { agent });
        if (answer.status !== 200 && answer.status !== 201) throw new Error(`PUT ${kind}: ${answer.status} ${answer.text}`);
        times.push(performance.now() - start);
    }
    agent.destroy();
    return { times, seconds: (performance.now() - began) / 1000 };
}

export async function run({ dir, upstream, wanted }) {
    if (!wanted('changes')) return;
    const { gateway, port, stop } = await startGateway(join(dir, 'dgate-changes'), upstream);
    for (let i = 149; i >= 0; i--) if (i % 3 !== 0) await gateway.put(...change(i, upstream));
    for (let n = 0; n < 50; n++) await gateway.module(`changing${n}`, 'export const requestModifier = () => {};');
    for (let n = 0; n < 50; n++) await gateway.put('service', { name: `changing${n}`, urls: [upstream.url] });

    const windows = (lines) => lines.filter((line) => line.p999 !== undefined);
    const fastest = windows(await load('paced', port, '/up/small', CONNECTIONS, 0, 5, 1000).done);
    const rate = Math.floor(median(fastest.map((w) => w.rps)) / 2);
    const quiet = SECONDS;
    const client = load('paced', port, '/up/small', CONNECTIONS, rate, quiet + SECONDS + 3, 1000);
    await sleep(quiet * 1000);
    const { times, seconds } = await makeChanges(gateway, upstream, 150);
    const lines = await client.done;
    const summary = lines.at(-1);
    const during = windows(lines).filter((w) => w.at >= quiet && w.at < quiet + seconds - 1);
    const without = windows(lines).filter((w) => w.at >= 1 && w.at < quiet - 1);
    const p999 = (list) => median(list.map((w) => w.p999));
    const worst = (list) => Math.max(...list.map((w) => w.p999));
    addValue('changes', `requests that failed during ${CHANGES} changes`, summary.failed, '', { target: 0, note: `${summary.ok} requests at ${rate}/s` });
    addValue('changes', 'connections that were closed', summary.closed, '', { target: 0 });
    addValue('changes', 'p99.9 of 1-second windows without changes, median', p999(without), 'ms', { note: `worst ${worst(without).toFixed(2)} ms` });
    addValue('changes', 'p99.9 of 1-second windows with changes, median', p999(during), 'ms', { note: `worst ${worst(during).toFixed(2)} ms; ${(CHANGES / seconds).toFixed(0)} changes/s` });
    addValue('changes', 'time of a change under this load, median', median(times), 'ms', { note: `p99 ${sorted(times)[Math.floor(times.length * 0.99)].toFixed(1)} ms` });
    await stop();
    if (summary.failed > 0 || summary.closed > 0) throw new Error(`live change: ${JSON.stringify(summary)}`);
}
