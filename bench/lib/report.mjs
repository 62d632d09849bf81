// Results as text while they come, then as JSON and as the tables of docs/performance.md.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { dirname, join } from 'node:path';
import { OUT, WORKERS } from './sides.mjs';
import { countVoidRuns, median, RUNS, RUN_SECONDS } from './measure.mjs';

const results = { loads: [], values: [] };
const number = (n) => (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2));
const range = ([low, high]) => `${number(low)}–${number(high)}`;

// The rows of a scenario under load (compare() in measure.mjs); target: the ratio that dgate shall have at most.
export function addLoad(scenario, title, rows, target) {
    results.loads.push({ scenario, title, target, rows });
    console.log(`${title}${target ? ` (target: ${target.toFixed(2)})` : ''}`);
    for (const r of rows)
        console.log(
            `  ${r.side.padEnd(14)} ${r.rps.toFixed(0).padStart(7)} req/s  p50 ${number(r.p50)} ms  p99 ${number(r.p99)} ms (${range(r.p99Spread)})  ` +
                `CPU ${number(r.cpu)} us (${range(r.cpuSpread)})  ratio ${r.ratio.toFixed(2)} (${range(r.ratioSpread)})`,
        );
}

// A single number: list has one value per run.
export function addValue(scenario, what, value, unit, { target, note = '' } = {}) {
    results.values.push({ scenario, what, value, unit, target, note });
    console.log(`${what}: ${number(value)} ${unit}${target === undefined ? '' : ` (target: at most ${target})`}${note ? `; ${note}` : ''}`);
}

// Two sides of a comparison, round by round: row is that of the side in question, as compare() gives it.
function addRounds(scenario, what, row, other, combine, unit, target) {
    const list = row.rounds[row.side].map((cpu, i) => combine(cpu, row.rounds[other][i]));
    const spread = range([Math.min(...list), Math.max(...list)]);
    addValue(scenario, what, median(list), unit, { target, note: `${spread}, ${list.length} rounds` });
}

// CPU per request of a side as a ratio to that of another, or as what it takes more, in microseconds.
export function addRatio(scenario, what, row, other, target) {
    addRounds(scenario, what, row, other, (a, b) => a / b, '', target);
}
export function addDifference(scenario, what, row, other, target) {
    addRounds(scenario, what, row, other, (a, b) => a - b, 'us', target);
}

// How dgate's p99 compares with that of the base: the latency of a machine that load and upstream share.
export function addTail(scenario, what, rows) {
    const [dgate, base] = [rows[0], rows.find((r) => r.side === rows[0].base)];
    addValue(scenario, `${what}: p99, ${dgate.side} / ${base.side}`, dgate.p99 / base.p99, '', { target: 1, note: `${number(dgate.p99)} ms, ${number(base.p99)} ms` });
}

function run(command, args, pattern) {
    try {
        return pattern.exec(execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }))?.[0] ?? '?';
    } catch (error) {
        return pattern.exec(String(error.stdout) + String(error.stderr))?.[0] ?? 'not installed';
    }
}

const installed = (name) => run('dpkg-query', ['-W', '-f', '${Version}', name], /\S+/);

export function machine() {
    const cpu = /model name\s*: (.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? os.arch();
    return {
        date: new Date().toISOString().slice(0, 10),
        commit: run('git', ['rev-parse', '--short', 'HEAD'], /\S+/),
        cpu,
        cores: os.cpus().length,
        kernel: os.release().split('-')[0],
        memoryMb: Math.round(os.totalmem() / 2 ** 20),
        workers: WORKERS,
        runs: RUNS,
        runSeconds: RUN_SECONDS,
        versions: Object.fromEntries(['nginx', 'libnginx-mod-http-lua', 'libnginx-mod-http-js', 'haproxy', 'wrk'].map((name) => [name, installed(name)])),
        load: os.loadavg()[0],
        voidRuns: countVoidRuns(),
    };
}

function loadTable({ title, rows, target }) {
    const lines = rows.map(
        (r) =>
            `| ${title} | ${r.side} | ${r.rps.toFixed(0)} | ${number(r.p50)} | ${number(r.p99)} | ${number(r.cpu)} (${range(r.cpuSpread)}) | ` +
            `${r.ratio.toFixed(2)} (${range(r.ratioSpread)})${r === rows[0] && target ? `, target ${target.toFixed(2)}` : ''} |`,
    );
    return lines.join('\n');
}

function markdown(about) {
    const versions = Object.entries(about.versions).map(([name, version]) => `${name} ${version}`).join(', ');
    const out = [
        `${about.date}, commit ${about.commit}: ${about.cores} cores (${about.cpu}), ${about.memoryMb} MiB, Linux ${about.kernel}; ${versions}; ` +
            `${about.workers} workers, RUNS=${about.runs} RUN_SECONDS=${about.runSeconds}; ${about.voidRuns} void runs, repeated; load average at the end ${about.load.toFixed(1)}.`,
    ];
    if (results.loads.length > 0)
        out.push(
            '| scenario | side | requests/s | p50 ms | p99 ms | CPU µs per request | ratio |\n|---|---|---|---|---|---|---|\n' +
                results.loads.map(loadTable).join('\n'),
        );
    if (results.values.length > 0)
        out.push(
            '| what | value | target | |\n|---|---|---|---|\n' +
                results.values.map((v) => `| ${v.what} | ${number(v.value)} ${v.unit} | ${v.target === undefined ? '' : `${v.target} ${v.unit}`} | ${v.note} |`).join('\n'),
        );
    return `${out.join('\n\n')}\n`;
}

export function writeResults() {
    const about = machine();
    const file = join(dirname(OUT), 'bench.json');
    mkdirSync(OUT, { recursive: true });
    console.log(`void runs, repeated: ${about.voidRuns}; load average: ${about.load.toFixed(1)}`);
    writeFileSync(file, JSON.stringify({ about, ...results }, null, 2));
    writeFileSync(file.replace(/json$/, 'md'), markdown(about));
    console.log(`results: ${file}, ${file.replace(/json$/, 'md')}; configurations: ${OUT}`);
}
