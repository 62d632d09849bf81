// What grows with the number of routes and connections: time of a start, of a change, memory.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { Gateway } from '../../tests/e2e/lib/gateway.mjs';
import { compare, load, median, privateDirty, RUNS, sleep } from '../lib/measure.mjs';
import { addLoad, addValue } from '../lib/report.mjs';
import { CONFIGS, startGateway, startHaproxy, startProxyNginx } from '../lib/sides.mjs';

const ROUTES = 10000;
const IDLE = Number(process.env.IDLE ?? 10000);

export const names = ['routes', 'ready', 'worker', 'idle'];

async function routes(many, dir, upstream) {
    const few = await startGateway(join(dir, 'dgate-few'), upstream);
    const sides = [
        { ...many, name: '10,000 routes', url: `${many.url}/up/small` },
        { ...few, name: '10 routes', url: `${few.url}/up/small` },
    ];
    addLoad('routes', 'small GET with 10,000 routes', await compare(sides, {}, '10 routes'), 1.05);
    const times = [];
    for (let i = 0; i < 20; i++) {
        const began = performance.now();
        await many.gateway.put('route', { name: 'many7', paths: [`/many/changed-${i}`], methods: ['GET'], service: 'up' });
        times.push(performance.now() - began);
    }
    addValue('routes', 'PUT of a route among 10,000', median(times), 'ms', { target: 20, note: `${Math.min(...times).toFixed(1)} to ${Math.max(...times).toFixed(1)} ms` });
    await few.stop();
}

// From exec to the line that says that it is ready: by then every worker serves all routes. They are in the store; the
// configuration has ten of them again.
async function ready(gateway) {
    const times = [];
    copyFileSync(join(CONFIGS, 'dgate.yaml'), gateway.file);
    for (let run = 0; run < RUNS; run++) {
        const again = new Gateway({}, { ...gateway.options, dir: gateway.dir });
        again.file = gateway.file;
        const began = performance.now();
        let took = 0;
        const starting = again.startFile();
        const look = () => (took ||= / ready: proxy /.test(again.log) ? performance.now() - began : 0);
        for (const stream of [again.child.stdout, again.child.stderr]) stream.on('data', look);
        await starting;
        times.push(took);
        const last = await again.proxy('/many/group-89/item-9989/x');
        if (last.text.includes('no route')) throw new Error('ready before the last route was there');
        await again.stop();
    }
    addValue('ready', 'start with 10,000 routes on disk, until ready', median(times), 'ms', { target: 200 });
}

async function worker(dir, upstream) {
    const gateway = await startGateway(join(dir, 'dgate-fresh'), upstream);
    const nginx = await startProxyNginx(join(dir, 'nginx-fresh'), upstream);
    await sleep(1000);
    const largest = (side) => Math.max(...side.workers().map((pid) => privateDirty([pid]))) / 1024;
    addValue('worker', 'worker without modules, private dirty', largest(gateway), 'MiB', { target: 4, note: `nginx: ${largest(nginx).toFixed(1)} MiB with room for 16,384 connections` });
    await gateway.stop();
    await nginx.stop();
}

async function idle(dir, upstream) {
    const starts = [startGateway, startProxyNginx, startHaproxy];
    for (const start of starts) {
        const side = await start(join(dir, `idle-${start.name}`), upstream);
        const before = privateDirty(side.pids());
        const clients = load('idle', side.port, '/up/small', IDLE);
        await clients.ready;
        await sleep(1500);
        const after = privateDirty(side.pids());
        clients.end();
        const summary = (await clients.done).at(-1);
        if (summary.failed > 0 || summary.closed > 0) throw new Error(`${side.name}: idle connections failed: ${JSON.stringify(summary)}`);
        addValue('idle', `idle keep-alive connection, ${side.name}`, (after - before) / IDLE, 'KiB', {
            target: side.name === 'dgate' ? 4 : undefined,
            note: `${IDLE} connections: ${(before / 1024).toFixed(1)} MiB before, ${(after / 1024).toFixed(1)} MiB after, all processes`,
        });
        await side.stop();
    }
}

export async function run({ dir, upstream, wanted }) {
    if (wanted('routes') || wanted('ready')) {
        const many = await startGateway(join(dir, 'dgate-many'), upstream, 'dgate', { routes: ROUTES });
        if (wanted('routes')) await routes(many, dir, upstream);
        await many.stop();
        if (wanted('ready')) await ready(many.gateway);
    }
    if (wanted('worker')) await worker(dir, upstream);
    if (wanted('idle')) await idle(dir, upstream);
}
