// Proxied requests: the gateway beside nginx, haproxy and the bare relay.
import { join } from 'node:path';
import { compare } from '../lib/measure.mjs';
import { addLoad, addTail } from '../lib/report.mjs';
import { CONFIGS, startGateway, startHaproxy, startProxyNginx, startRelay } from '../lib/sides.mjs';

// target: of the ratio of CPU; tail: also compare p99, which shall be no worse than nginx's.
// parses: not for the relay, which would have to know that the upstream closes too.
const SCENARIOS = [
    { name: 'small', title: 'small GET (100 B), 64 connections', path: '/small', target: 0.8, tail: true },
    { name: 'one', title: 'small GET, 1 connection', path: '/small', load: { connections: 1 } },
    { name: 'thousand', title: 'small GET, 1,000 connections', path: '/small', load: { connections: 1000 } },
    { name: 'close', title: 'new connection per request', path: '/small', load: { args: ['-H', 'Connection: close'] }, target: 0.9, parses: true },
    { name: '10k', title: '10 KB responses', path: '/10k', target: 0.85, tail: true },
    { name: '1m', title: '1 MB responses', path: '/1m', target: 1 },
    { name: 'post', title: '10 KB POST', path: '/post', load: { args: ['-s', join(CONFIGS, 'post.lua')] }, target: 0.85 },
];

export const names = SCENARIOS.map((s) => s.name);

export async function run({ dir, upstream, wanted }) {
    const sides = [
        await startGateway(join(dir, 'dgate'), upstream),
        await startProxyNginx(join(dir, 'nginx'), upstream),
        await startHaproxy(join(dir, 'haproxy'), upstream),
        await startRelay(dir, upstream),
    ];
    for (const s of SCENARIOS.filter((s) => wanted(s.name))) {
        const targets = sides.filter((side) => !s.parses || !side.direct).map((side) => ({ ...side, url: side.url + (side.direct ? '' : '/up') + s.path }));
        const rows = await compare(targets, s.load ?? {}, 'nginx');
        addLoad(s.name, s.title, rows, s.target);
        if (s.tail) addTail(s.name, s.title, rows);
    }
    for (const side of sides) await side.stop();
}
