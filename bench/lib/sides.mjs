// The programs that are compared: each from a committed configuration in bench/configs, with the same number of workers.
// What they ran with is written to build/bench/.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Gateway, childrenOf, freePort, request, until } from '../../tests/e2e/lib/gateway.mjs';

export const WORKERS = Number(process.env.WORKERS ?? 2);
export const OUT = resolve(process.env.DGATE_BUILD ?? 'build', 'bench');
export const CONFIGS = resolve('bench/configs');
export const SMALL = 'x'.repeat(100);

const SEARCH = `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`;
let verbose = false;
export const setVerbose = (value) => (verbose = value);

function write(name, file, text) {
    writeFileSync(file, text);
    mkdirSync(OUT, { recursive: true });
    writeFileSync(join(OUT, name), text);
    if (verbose) console.log(`--- ${name}\n${text}`);
}

function fill(name, values) {
    return readFileSync(join(CONFIGS, name), 'utf8').replace(/\$\{([A-Z_]+)\}/g, (all, key) => {
        if (values[key] === undefined) throw new Error(`${name}: no value for ${all}`);
        return String(values[key]);
    });
}

// A C program of bench/, compiled when it is older than its source.
export function compile(name) {
    mkdirSync(OUT, { recursive: true });
    const made = spawnSync('make', ['-s', '-f', '-', join(OUT, name)], {
        encoding: 'utf8',
        input: `${join(OUT, name)}: bench/${name}.c\n\tcc -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -o $@ $<\n`,
    });
    if (made.status !== 0) throw new Error(`bench/${name}.c does not compile:\n${made.stderr}`);
    return join(OUT, name);
}

// A program that listens on port, with what is common to all sides.
async function start(name, command, args, { port, path, dir }) {
    const child = spawn(command, args, { cwd: dir, env: { ...process.env, PATH: SEARCH }, stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    let ended = null;
    child.stderr.on('data', (chunk) => (text = (text + chunk).slice(-4000)));
    const exited = new Promise((done) => child.on('exit', () => done((ended = true))));
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    const url = `http://127.0.0.1:${port}`;
    await until(`${name} answers`, async () => {
        if (ended) throw new Error('it ended');
        return path === undefined || (await request(url + path)).status === 200;
    }).catch((error) => {
        throw new Error(`${error.message}\n${text}`);
    });
    return {
        name,
        url,
        port,
        pids: () => [child.pid, ...childrenOf(child.pid).map((c) => c.pid)],
        workers: () => childrenOf(child.pid).map((c) => c.pid),
        stop: async () => {
            child.kill('SIGTERM');
            await exited;
            process.removeListener('exit', kill);
        },
    };
}

async function startNginx(name, config, dir, values, path) {
    mkdirSync(dir, { recursive: true });
    const port = await freePort();
    const file = join(dir, 'nginx.conf');
    const user = process.getuid() === 0 ? 'user root;\n' : '';
    write(config, file, user + fill(config, { DIR: dir, PORT: port, WORKERS, CONFIGS, SMALL, ...values }));
    return start(name, 'nginx', ['-p', dir, '-c', file], { port, path, dir });
}

export async function startUpstream(dir) {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, '10k'), 'y'.repeat(10 * 1024));
    writeFileSync(join(dir, '1m'), 'z'.repeat(1024 * 1024));
    return startNginx('upstream', 'upstream.conf', dir, {}, '/small');
}

export function startProxyNginx(dir, upstream) {
    return startNginx('nginx', 'nginx.conf', dir, { UPSTREAM_PORT: upstream.port }, '/up/small');
}

export function startModulesNginx(dir, upstream) {
    return startNginx('nginx-modules', 'nginx-modules.conf', dir, { UPSTREAM_PORT: upstream.port }, '/njs/json');
}

export async function startHaproxy(dir, upstream) {
    mkdirSync(dir, { recursive: true });
    const port = await freePort();
    const file = join(dir, 'haproxy.cfg');
    write('haproxy.cfg', file, fill('haproxy.cfg', { PORT: port, WORKERS, UPSTREAM_PORT: upstream.port }));
    return start('haproxy', 'haproxy', ['-db', '-f', file], { port, path: '/up/small', dir });
}

// Parses nothing, so it passes the path on as it is: its requests go to the upstream's own paths.
export async function startRelay(dir, upstream) {
    const port = await freePort();
    const side = await start('relay', compile('relay'), [port, upstream.port, WORKERS].map(String), { port, path: '/small', dir });
    return { ...side, direct: true };
}

// Adds routes to dgate.yaml until there are count.
function withRoutes(text, count) {
    const there = (text.match(/service: up/g) ?? []).length;
    const route = (i) => `      - { name: many${i}, paths: ["/many/group-${i % 100}/item-${i}/{id}"], methods: [GET, POST], service: up }`;
    return text.replace(/^admin:/m, `${Array.from({ length: count - there }, (_, i) => route(i)).join('\n')}\n$&`);
}

// options: workers, routes (in all), command (another dgate-server).
export async function startGateway(dir, upstream, name = 'dgate', options = {}) {
    mkdirSync(dir, { recursive: true });
    const gateway = new Gateway({}, { dir, command: options.command, env: { BENCH_WORKERS: String(options.workers ?? WORKERS), BENCH_UPSTREAM: upstream.url } });
    gateway.file = join(dir, 'dgate.yaml');
    const text = readFileSync(join(CONFIGS, 'dgate.yaml'), 'utf8');
    if (options.routes === undefined) write('dgate.yaml', gateway.file, text);
    else writeFileSync(gateway.file, withRoutes(text, options.routes));
    await gateway.startFile();
    const side = {
        name,
        url: gateway.proxyUrl,
        port: gateway.proxyPort,
        gateway,
        pids: () => [gateway.supervisorPid, ...descendants(gateway.supervisorPid)],
        workers: () => gateway.children('worker').map((c) => c.pid),
        stop: () => gateway.stop(),
    };
    await until(`${name} answers`, async () => (await request(`${side.url}/up/small`)).status === 200);
    return side;
}

// The compiler is control's child.
function descendants(pid) {
    return childrenOf(pid).flatMap((c) => [c.pid, ...descendants(c.pid)]);
}

export const module = (name) => readFileSync(join(CONFIGS, 'modules', `${name}.ts`), 'utf8');
