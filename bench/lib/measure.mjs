// Numbers: CPU time and memory of processes from /proc, rates and latencies from wrk, medians.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { compile } from './sides.mjs';

export const RUNS = Number(process.env.RUNS ?? 7);
export const RUN_SECONDS = Number(process.env.RUN_SECONDS ?? 5);
let voidRuns = 0;
export const countVoidRuns = () => voidRuns;
const VOID_MAX = 3; // void runs of one side and scenario that are repeated
const TICK_US = 1e6 / Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout);

export const sorted = (list) => [...list].sort((a, b) => a - b);
export function median(list) {
    const s = sorted(list);
    const middle = Math.floor(s.length / 2);
    return s.length % 2 ? s[middle] : (s[middle - 1] + s[middle]) / 2;
}
export const spread = (list) => [Math.min(...list), Math.max(...list)];
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// User and system time by process, in microseconds.
function cpuByPid(pids) {
    const found = new Map();
    for (const pid of pids) {
        try {
            const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
            const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
            found.set(pid, (Number(fields[11]) + Number(fields[12])) * TICK_US);
        } catch {
            // it ended while we looked
        }
    }
    return found;
}

// KiB.
export function privateDirty(pids) {
    return pids.reduce((sum, pid) => sum + Number(/Private_Dirty:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]), 0);
}

function parseWrk(text) {
    const time = (percentile) => {
        const [, n, unit] = new RegExp(`\\n +${percentile}% +([\\d.]+)(us|ms|s|m) *\\n`).exec(text);
        return Number(n) * { us: 0.001, ms: 1, s: 1000, m: 60000 }[unit];
    };
    const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
    if (requests === 0 || /Non-2xx|Socket errors/.test(text)) return null;
    return { requests, rps: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1]), p50: time(50), p99: time(99) };
}

// result is null when requests failed.
export async function wrk(url, { connections = 64, args = [] }, seconds) {
    const child = spawn('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', ...args, url], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.stderr.on('data', (chunk) => (text += chunk));
    await once(child, 'close');
    return { result: parseWrk(text), text };
}

// One run of a side: {url, pids()} under load. A run with errors or other answers than 2xx is void, and repeated.
async function measureOnce(side, load) {
    for (let i = 0; ; i++) {
        const before = cpuByPid(side.pids());
        const { result, text } = await wrk(side.url, load, RUN_SECONDS);
        const after = cpuByPid(side.pids());
        let used = 0;
        for (const [pid, us] of after) used += us - (before.get(pid) ?? 0);
        if (result !== null) return { ...result, cpu: used / result.requests };
        if (i === VOID_MAX) throw new Error(`${side.name}, ${side.url}: ${VOID_MAX + 1} void runs, the last:\n${text}`);
        voidRuns++;
        console.error(`${side.name}, ${side.url}: void run, repeated\n${text}`);
    }
}

// Measures the sides in turn, in an order that rotates. Returns, per side, medians with spread and the ratio of CPU to that
// of the side that base names: the median of the ratios of each round, which have seen the same disturbances.
export async function compare(sides, load, base) {
    const rounds = [];
    for (const side of sides) await wrk(side.url, load, 1); // connections to the upstream, compiled modules
    for (let run = 0; run < RUNS; run++) {
        const round = {};
        for (let i = 0; i < sides.length; i++) {
            const side = sides[(i + run) % sides.length];
            round[side.name] = await measureOnce(side, load);
        }
        rounds.push(round);
    }
    return sides.map(({ name }) => {
        const of = (key) => rounds.map((round) => round[name][key]);
        const ratios = rounds.map((round) => round[name].cpu / round[base].cpu);
        return {
            side: name,
            rps: median(of('rps')),
            rpsSpread: spread(of('rps')),
            p50: median(of('p50')),
            p99: median(of('p99')),
            p99Spread: spread(of('p99')),
            cpu: median(of('cpu')),
            cpuSpread: spread(of('cpu')),
            base,
            ratio: median(ratios),
            ratioSpread: spread(ratios),
            rounds: Object.fromEntries(sides.map((side) => [side.name, rounds.map((round) => round[side.name].cpu)])),
        };
    });
}

// bench/load.c. done gives what it printed, line by line parsed; lines grows while it runs.
export function load(...args) {
    const child = spawn(compile('load'), args.map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
    process.once('exit', () => child.kill('SIGKILL'));
    const lines = [];
    const watchers = [];
    let rest = '';
    child.stdout.on('data', (chunk) => {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop();
        for (const part of parts) lines.push(part === 'ready' ? part : JSON.parse(part));
        for (const watcher of watchers) watcher();
    });
    const done = once(child, 'close').then(([code]) => {
        if (code !== 0) throw new Error(`load ${args.join(' ')} ended with ${code}`);
        return lines;
    });
    const ready = Promise.race([new Promise((go) => watchers.push(() => lines.includes('ready') && go())), done]);
    return { lines, done, ready, end: () => child.stdin.end() };
}
