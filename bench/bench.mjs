// make bench: the gateway beside nginx's proxy_pass, on the same upstream in the same run, alternating. Prints, as medians over
// the runs: requests/s, p50, p99, and CPU microseconds per request of all processes of each side (user + system, from
// /proc), with the ratio to nginx. RUNS (7) and RUN_SECONDS (5) change its length.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Gateway, childrenOf, request, temporaryDirectory, until } from '../tests/e2e/lib/gateway.mjs';
import { freePort, runNginx, startNginx } from '../tests/soak/nginx.mjs';

const RUNS = Number(process.env.RUNS ?? 7);
const RUN_SECONDS = Number(process.env.RUN_SECONDS ?? 5);
const WORKERS = 2;
const TICK_US = 1e6 / Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout);

const SCENARIOS = [
    { name: 'small GET, 64 connections', path: '/up/small', connections: 64 },
    { name: '10 KB GET, 64 connections', path: '/up/large', connections: 64 },
    { name: 'small GET, 1 connection', path: '/up/small', connections: 1 },
    { name: 'new connection per request', path: '/up/small', connections: 64, close: true },
];

function cpuUs(pids) {
    let ticks = 0;
    for (const pid of pids) {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        ticks += Number(fields[11]) + Number(fields[12]);
    }
    return ticks * TICK_US;
}

const tree = (pid) => [pid, ...childrenOf(pid).map((c) => c.pid)];

function wrk(url, scenario) {
    const args = ['-t1', `-c${scenario.connections}`, `-d${RUN_SECONDS}s`, '--latency'];
    if (scenario.close) args.push('-H', 'Connection: close');
    const { stdout } = spawnSync('wrk', [...args, url], { encoding: 'utf8' });
    const requests = Number(/(\d+) requests in/.exec(stdout)[1]);
    const errors = /Non-2xx|Socket errors: (?!connect 0, read 0, write 0, timeout 0)/.test(stdout) && !scenario.close;
    const latency = (p) => /([\d.]+)(us|ms|s)/.exec(new RegExp(`\\n +${p}% +(\\S+)`).exec(stdout)[1]);
    const ms = ([, n, unit]) => Number(n) * { us: 0.001, ms: 1, s: 1000 }[unit];
    return { requests, errors, rps: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]), p50: ms(latency(50)), p99: ms(latency(99)), text: stdout };
}

function measure(side, scenario) {
    const pids = tree(side.pid);
    const before = cpuUs(pids);
    const result = wrk(side.url + scenario.path, scenario);
    if (result.errors) throw new Error(`${side.name}, ${scenario.name}: a run with errors is void\n${result.text}`);
    return { ...result, cpu: (cpuUs(pids) - before) / result.requests };
}

const sorted = (list) => [...list].sort((a, b) => a - b);
const median = (list) => sorted(list)[Math.floor(list.length / 2)];
const spread = (list) => `${sorted(list)[0].toFixed(2)}-${sorted(list).at(-1).toFixed(2)}`;

const dir = temporaryDirectory();
const upstream = await startNginx(join(dir, 'upstream'));
const gateway = new Gateway({ workers: WORKERS }, { dir });
await gateway.start();
await gateway.put('service', { name: 'up', urls: [upstream.url] });
await gateway.put('route', { name: 'up', paths: ['/up/**'], methods: ['*'], service: 'up', stripPath: true });
for (let i = 1; i < 10; i++) await gateway.put('route', { name: `r${i}`, paths: [`/other/${i}/**`], methods: ['GET'], service: 'up' });

const port = await freePort();
const config = `
    upstream up { server 127.0.0.1:${upstream.port}; keepalive 64; keepalive_requests 1000000000; }
    server {
        listen 127.0.0.1:${port} reuseport backlog=4096;
        location /up/ {
            proxy_pass http://up/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-Host $host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Request-Id $request_id;
        }
    }`;
const nginx = await runNginx(join(dir, 'proxy'), config, WORKERS);
const sides = [
    { name: 'dgate', url: gateway.proxyUrl, pid: gateway.supervisorPid },
    { name: 'nginx', url: `http://127.0.0.1:${port}`, pid: nginx.child.pid },
];
for (const side of sides) await until(`${side.name} answers`, async () => (await request(`${side.url}/up/small`)).status === 200);
console.log(`nginx's proxy configuration:\n${config}\n`);

for (const scenario of SCENARIOS) {
    const results = new Map(sides.map((side) => [side.name, []]));
    for (let run = 0; run < RUNS; run++)
        for (const side of run % 2 ? [...sides].reverse() : sides) results.get(side.name).push(measure(side, scenario));
    const base = median(results.get('nginx').map((r) => r.cpu));
    console.log(scenario.name);
    for (const [name, list] of results) {
        const cpu = list.map((r) => r.cpu);
        const of = (key) => median(list.map((r) => r[key]));
        console.log(`  ${name.padEnd(6)} ${of('rps').toFixed(0).padStart(7)} req/s  p50 ${of('p50').toFixed(2)} ms  p99 ${of('p99').toFixed(2)} ms  CPU ${median(cpu).toFixed(1)} us/request (${spread(cpu)})  ratio ${(median(cpu) / base).toFixed(2)}`);
    }
}
await gateway.stop();
nginx.stop();
upstream.stop();
rmSync(dir, { recursive: true, force: true });
process.exit(0);
