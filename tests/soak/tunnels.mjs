// Part of make soak: TUNNELS (100) open tunnels while CHANGES (10,000) changes of routes, services and modules go by. At the
// end every tunnel must still carry bytes, and the memory of all processes be level. Exits 1 when not.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { Gateway } from '../e2e/lib/gateway.mjs';
import { echoes, echoUpgrade, openTunnel } from '../e2e/lib/tunnel.mjs';

const TUNNELS = Number(process.env.TUNNELS ?? 100);
const CHANGES = Number(process.env.CHANGES ?? 10000);
const GROWTH_KIB = 8 * 1024;

const upstream = http.createServer((req, res) => res.end('plain')).on('upgrade', echoUpgrade);
await new Promise((done) => upstream.listen(0, '127.0.0.1', done));

const gateway = new Gateway();
await gateway.start();
await gateway.put('service', { name: 'up', urls: [`http://127.0.0.1:${upstream.address().port}`] });
await gateway.put('route', { name: 'tunnel', paths: ['/tunnel'], methods: ['GET'], service: 'up' });

const rss = () =>
    gateway.children().map(({ pid, role }) => ({ role, kib: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) }))
        .filter(({ role }) => role.startsWith('worker') || role.startsWith('control'));

async function change(n) {
    const at = n % 50;
    if (n % 100 === 99) return gateway.module('changing', `export const requestHandler = (ctx: any) => ctx.response().send("${n}");`);
    if (n % 3 === 0) return gateway.put('service', { name: `s${at}`, urls: [`http://127.0.0.1:${1 + (n % 60000)}`] });
    if (n % 3 === 1) return gateway.put('route', { name: `r${at}`, paths: [`/r${at}/${n}`], methods: ['GET'], service: 'up' });
    return gateway.admin('DELETE', `/api/v1/route/r${(n - 1) % 50}`);
}

const tunnels = await Promise.all(Array.from({ length: TUNNELS }, () => openTunnel(gateway.proxyPort, '/tunnel')));
const half = Math.floor(CHANGES / 2);
const began = Date.now();
for (let n = 0; n < half; n++) await change(n);
const before = rss();
for (let n = half; n < CHANGES; n++) await change(n);
const seconds = (Date.now() - began) / 1000;
const after = rss();

const failures = [];
await Promise.all(tunnels.map((t, i) => echoes(t, `still here ${i}`).catch((error) => failures.push(error.message))));
for (const [i, { role, kib }] of before.entries()) {
    console.log(`  ${role}: RSS ${kib} -> ${after[i].kib} KiB`);
    if (after[i].kib > kib + GROWTH_KIB) failures.push(`${role}: RSS grows: ${kib} -> ${after[i].kib} KiB`);
}
console.log(`${CHANGES} changes in ${seconds.toFixed(1)} s beside ${TUNNELS} tunnels`);
for (const t of tunnels) t.close();
await gateway.remove();
upstream.close();
upstream.closeAllConnections();
for (const failure of failures.slice(0, 10)) console.log(`- ${failure}`);
console.log(failures.length > 0 ? 'FAILED' : 'tunnels: as expected');
process.exit(failures.length > 0 ? 1 : 0);
