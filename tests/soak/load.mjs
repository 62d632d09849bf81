// Load over keep-alive connections, paced: requests leave on a schedule, whatever the answers take. Run as a process of its
// own; prints one JSON line a second, and at the end a summary.
// Arguments: JSON {port, connections, rate (per second, 0: as fast as answers come), seconds, mix: [{request, status, ends, contains}]}
import net from 'node:net';

const options = JSON.parse(process.argv[2]);
const end = Date.now() + options.seconds * 1000;
const totals = { sent: 0, ok: 0, unexpected: 0, resets: 0 };
let second = { ok: 0, latencies: [] };
const problems = [];
const mix = options.mix.map((m) => ({ ...m, bytes: Buffer.from(m.request, 'latin1'), start: `HTTP/1.1 ${m.status} ` }));
const expected = (m, text) => text.startsWith(m.start) && text.endsWith(m.ends ?? '') && text.includes(m.contains ?? '');
let turn = 0;

function problem(what) {
    if (problems.length < 50) problems.push({ at: Date.now(), what });
}

class Connection {
    constructor() {
        this.open();
    }

    open() {
        this.pending = null;
        this.buffer = '';
        this.socket = net.connect(options.port, '127.0.0.1');
        this.socket.setNoDelay(true);
        this.ready = false;
        this.socket.on('connect', () => {
            this.ready = true;
            if (options.rate === 0) this.send();
        });
        this.socket.on('data', (chunk) => this.receive(chunk));
        this.socket.on('error', () => {});
        this.socket.on('close', () => {
            if (this.pending) {
                totals.resets++;
                problem('closed while waiting for a response');
            }
            if (Date.now() < end) setTimeout(() => this.open(), 5);
        });
    }

    get idle() {
        return this.ready && this.pending === null;
    }

    send() {
        if (Date.now() >= end) return;
        this.pending = mix[turn++ % mix.length];
        this.since = performance.now();
        totals.sent++;
        this.socket.write(this.pending.bytes);
    }

    receive(chunk) {
        this.buffer += chunk.toString('latin1');
        const head = this.buffer.indexOf('\r\n\r\n');
        if (head < 0) return;
        const length = /\r\ncontent-length: *(\d+)/i.exec(this.buffer.slice(0, head));
        if (length === null) {
            totals.unexpected++;
            problem(`no content-length: ${JSON.stringify(this.buffer.slice(0, 120))}`);
            this.pending = null;
            this.socket.destroy();
            return;
        }
        if (this.buffer.length < head + 4 + Number(length[1])) return;
        if (this.pending && expected(this.pending, this.buffer)) {
            totals.ok++;
            second.ok++;
        } else {
            totals.unexpected++;
            problem(`unexpected: ${JSON.stringify(this.buffer.slice(0, 120))}`);
        }
        second.latencies.push(performance.now() - this.since);
        this.buffer = '';
        this.pending = null;
        if (options.rate === 0) this.send();
    }
}

const connections = Array.from({ length: options.connections }, () => new Connection());
let due = 0;
let last = performance.now();
let next = 0;
if (options.rate > 0)
    setInterval(() => {
        const now = performance.now();
        due = Math.min(due + ((now - last) / 1000) * options.rate, options.connections);
        last = now;
        for (let i = 0; i < connections.length && due >= 1; i++) {
            const connection = connections[next++ % connections.length];
            if (!connection.idle) continue;
            connection.send();
            due--;
        }
    }, 1);

setInterval(() => {
    const sorted = second.latencies.sort((a, b) => a - b);
    const at = (q) => (sorted.length ? Number(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))].toFixed(2)) : 0);
    console.log(JSON.stringify({ second: true, ok: second.ok, p50: at(0.5), p99: at(0.99), max: at(1) }));
    second = { ok: 0, latencies: [] };
    if (Date.now() >= end + 1000) {
        console.log(JSON.stringify({ summary: true, ...totals, problems }));
        process.exit(0);
    }
}, 1000);
