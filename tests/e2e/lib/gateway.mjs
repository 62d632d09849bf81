// Starts real dgate-server processes for tests: a config in a temporary directory, ports that the kernel picks, and
// helpers that wait for a condition with a deadline.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import http from 'node:http';

process.setMaxListeners(0);

export const BIN = process.env.DGATE_BIN ?? resolve('build/bin');
export const SERVER = join(BIN, 'dgate-server');

export async function until(what, check, ms = 15000, every = 20) {
    const end = Date.now() + ms;
    let last;
    for (;;) {
        try {
            const value = await check();
            if (value) return value;
        } catch (error) {
            last = error;
        }
        if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}${last ? ` (${last.message})` : ''}`);
        await new Promise((done) => setTimeout(done, every));
    }
}

export function temporaryDirectory() {
    return mkdtempSync(join(tmpdir(), 'dgate-e2e-'));
}

// One request on a connection of its own (agent: false) unless options.agent says otherwise.
export function request(url, options = {}) {
    return new Promise((done, fail) => {
        const { body, ...rest } = options;
        // Node frames no body of a DELETE by itself.
        if (body !== undefined) rest.headers = { 'Content-Length': Buffer.byteLength(body), ...rest.headers };
        const req = http.request(url, { agent: false, ...rest }, (res) => {
            const chunks = [];
            res.on('data', (chunk) => chunks.push(chunk));
            res.on('end', () => {
                const bytes = Buffer.concat(chunks);
                const text = bytes.toString();
                done({
                    status: res.statusCode,
                    headers: res.headers,
                    rawHeaders: res.rawHeaders,
                    trailers: res.trailers,
                    bytes,
                    text,
                    get json() {
                        return JSON.parse(text);
                    },
                });
            });
            res.on('error', fail);
            res.on('aborted', () => fail(new Error('aborted')));
        });
        req.on('error', fail);
        req.setTimeout(options.timeout ?? 20000, () => req.destroy(new Error('timeout')));
        req.end(body);
    });
}

// The pids of a process's children.
export function childrenOf(pid) {
    const found = [];
    for (const name of readdirSync('/proc')) {
        if (!/^\d+$/.test(name)) continue;
        try {
            const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
            const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
            if (Number(fields[1]) === pid && fields[0] !== 'Z') {
                const role = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')[2] ?? '';
                found.push({ pid: Number(name), role: role.split(':').slice(0, 2).join(':') });
            }
        } catch {
            // it ended while we looked
        }
    }
    return found;
}

export class Gateway {
    constructor(config, options = {}) {
        this.dir = options.dir ?? temporaryDirectory();
        this.ownsDir = options.dir === undefined;
        this.config = {
            version: 'v1',
            workers: 2,
            storage: { type: 'file', dir: join(this.dir, 'data') },
            ...config,
            proxy: { host: '127.0.0.1', port: 0, ...config?.proxy },
            admin: { host: '127.0.0.1', port: 0, ...config?.admin },
        };
        this.options = options;
        this.log = '';
        this.file = join(this.dir, 'dgate.json');
    }

    async start() {
        writeFileSync(this.file, JSON.stringify(this.config, null, 2));
        return this.startFile();
    }

    // Starts with the file as it is.
    async startFile() {
        const command = this.options.command ?? [SERVER];
        this.child = spawn(command[0], [...command.slice(1), '-c', this.file], {
            cwd: this.dir,
            env: { ...process.env, ...this.options.env },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        process.once('exit', () => this.exit ?? this.child.kill('SIGKILL'));
        this.exited = new Promise((done) => {
            this.child.on('exit', (code, signal) => {
                this.exit = { code, signal };
                done(this.exit);
            });
        });
        for (const stream of [this.child.stdout, this.child.stderr])
            stream.on('data', (chunk) => {
                this.log += chunk;
            });
        await until('the server is ready', () => {
            if (this.exit) throw Object.assign(new Error('it ended'), { fatal: true });
            return /ready: proxy on \S+:(\d+)/.test(this.log) && /admin API on \S+:(\d+)/.test(this.log);
        }, this.options.startMs ?? 20000).catch((error) => {
            throw new Error(`${error.message}\n${this.log}`);
        });
        const last = (pattern) => Number([...this.log.matchAll(pattern)].at(-1)?.[1]);
        this.proxyPort = last(/ready: proxy on \S+:(\d+)/g);
        this.adminPort = last(/admin API on \S+:(\d+)/g);
        if (this.config.test_server)
            this.testPort = await until('the test server is named', () => last(/test server on \S+:(\d+)/g));
        return this;
    }

    get proxyUrl() {
        return `http://127.0.0.1:${this.proxyPort}`;
    }
    get adminUrl() {
        return `http://127.0.0.1:${this.adminPort}`;
    }
    get supervisorPid() {
        return this.child.pid;
    }
    children(role = '') {
        return childrenOf(this.child.pid).filter((c) => c.role.startsWith(role));
    }

    proxy(path, options) {
        return request(this.proxyUrl + path, options);
    }

    async admin(method, path, body, options = {}) {
        const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
        return request(this.adminUrl + path, { method, body: text, ...options });
    }

    // A PUT that must succeed; returns the stored object.
    async put(kind, resource) {
        const answer = await this.admin('PUT', `/api/v1/${kind}`, resource);
        if (answer.status !== 200 && answer.status !== 201)
            throw new Error(`PUT ${kind} ${resource.name}: ${answer.status} ${answer.text}`);
        return answer.json.data;
    }

    module(name, source, more = {}) {
        return this.put('module', { name, payload: Buffer.from(source).toString('base64'), ...more });
    }

    async stop() {
        if (!this.exit) {
            this.child.kill('SIGTERM');
            const timer = setTimeout(() => this.child.kill('SIGKILL'), 30000);
            await this.exited;
            clearTimeout(timer);
        }
        return this.exit;
    }

    // Kills every process of the server at once, as a power switch would.
    async killAll() {
        const pids = [this.child.pid, ...this.children().map((c) => c.pid)];
        for (const pid of pids) {
            try {
                process.kill(pid, 'SIGKILL');
            } catch {
                // already gone
            }
        }
        await this.exited;
    }

    async [Symbol.asyncDispose]() {
        await this.remove();
    }

    async remove() {
        await this.stop();
        if (this.ownsDir) rmSync(this.dir, { recursive: true, force: true });
    }
}

// Runs fn with a started gateway and always removes it; a failure shows the end of the log.
export async function withGateway(config, fn, options) {
    const gateway = new Gateway(config, options);
    try {
        await gateway.start();
        return await fn(gateway);
    } catch (error) {
        error.message += `\n--- log ---\n${gateway.log.slice(-6000)}`;
        throw error;
    } finally {
        await gateway.remove();
    }
}

// A port that nothing listens on now.
export async function freePort() {
    const server = http.createServer();
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address();
    await new Promise((done) => server.close(done));
    return port;
}

// An HTTP upstream in this process; handler as for http.createServer.
export async function withUpstream(handler, fn) {
    const server = http.createServer(handler);
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${server.address().port}`;
    try {
        return await fn(url, server);
    } finally {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
    }
}
