// Feeds the same octets to Node's HTTP server (in this process, strict) and to our parser (http1_reader), and
// compares what they make of them: which requests, with which method, target, fields and body, and whether the
// rest is refused. A difference must be one that DECIDED explains; any other one fails.
//
//     node tests/fuzz/differential.mjs READER SECONDS [SEED]       or --one READER 'JSON string'
//
// READER is the program of http1_reader.c. Inputs are the rows of tests/http1/requests.table, mutated and joined.
import { spawn } from 'node:child_process';
import http from 'node:http';
import { Duplex } from 'node:stream';
import { readTable, requestMacros } from '../e2e/lib/table.mjs';

const LENGTH_IN_TRAILERS = /\r\n0+[ \t]*(;[^\r\n]*)?\r\n[^]*content-length:/i;

// Differences that were looked at. kind: "stricter" (we refuse with that error, Node takes it), "laxer" (we take it, Node
// refuses with that code), "differs" (both take it, that part differs) or "any"; id: a pattern; when: what else must hold.
const DECIDED = [
    // Ours is right: what Node takes is forbidden, or may be refused and is safer so.
    { kind: 'stricter', id: /^bare_lf$/, why: 'RFC 9112 2.2: LF alone as a line end is a MAY; CVE-2022-32214 shows what it costs' },
    { kind: 'stricter', id: /^bare_cr$/, why: 'RFC 9112 2.2: a bare CR is invalid' },
    { kind: 'stricter', id: /^obs_fold$/, why: 'RFC 9112 5.2: a server refuses obs-fold or replaces it; refusing cannot be misread' },
    { kind: 'stricter', id: /^bad_request_line$/, why: 'RFC 9112 2.2, 3: one empty line before, single spaces; more leniency is a MAY' },
    { kind: 'stricter', id: /^bad_version$/, why: 'RFC 9110 15.6.6: neither HTTP/0.9 nor HTTP/2 is spoken here' },
    { kind: 'stricter', id: /^bad_target$/, why: 'RFC 9112 3.2: fragments, user information, other schemes and authorities that are none are no request-target' },
    { kind: 'stricter', id: /^bad_method$/, why: 'RFC 9112 2.2: nothing but an empty line may come before the method' },
    { kind: 'stricter', id: /^no_host$/, why: 'RFC 9112 3.2: 400 (Node 18 does not ask for it)' },
    { kind: 'stricter', id: /^several_hosts$/, why: 'RFC 9112 3.2: 400; Node takes the first' },
    { kind: 'stricter', id: /^bad_host$/, why: 'RFC 9112 3.2: 400 for an invalid value' },
    { kind: 'stricter', id: /^bad_expect$/, why: 'RFC 9110 10.1.1: 417 for an expectation that is not known' },
    { kind: 'stricter', id: /^bad_connection$/, why: 'RFC 9110 7.6.1: tokens' },
    { kind: 'stricter', id: /^bad_field_value$/, why: 'RFC 9110 5.5: CR, LF and NUL are refused, and other controls may be' },
    { kind: 'stricter', id: /^bad_field_name$/, why: 'RFC 9110 5.1: a token, and no space before the colon' },
    { kind: 'stricter', id: /^transfer_encoding_in_1_0$/, why: 'RFC 9112 6.1: to be treated as faulty framing' },
    { kind: 'stricter', id: /^bad_transfer_encoding$/, why: 'RFC 9112 6.1, 6.3 item 4: chunked once, alone' },
    { kind: 'stricter', id: /^unknown_transfer_encoding$/, why: 'RFC 9112 6.1: 501; Node leaves the other coding to the application' },
    { kind: 'stricter', id: /^length_and_encoding$/, why: 'RFC 9112 6.3 item 3: ought to be handled as an error' },
    { kind: 'stricter', id: /^bad_chunk_size$/, why: 'RFC 9112 7.1: hexadecimal digits only; 16 are enough' },
    { kind: 'stricter', id: /^bad_chunk_end$/, why: 'RFC 9112 7.1: CR LF after the data (Node 18 takes any two octets)' },
    { kind: 'stricter', id: /^bad_chunk_extension$/, why: 'RFC 9112 7.1.1: no control characters' },
    { kind: 'stricter', id: /^(too_many_fields|chunk_overhead|head_too_large|line_too_long)$/, why: 'limits differ' },
    // Node is stricter, and we need not be.
    { kind: 'stricter', id: /^incomplete$/, when: (c) => c.node.tunnel, why: 'RFC 9110 9.3.6: content of CONNECT has no meaning; we wait for its end and then refuse, Node tunnels at once' },
    { kind: 'differs', id: /^body$/, when: (c) => c.ours.method === 'CONNECT', why: 'RFC 9110 9.3.6: content of CONNECT has no meaning; what Content-Length delimits is not the tunnel\'s for us, all of it is for Node' },
    { kind: 'laxer', id: /^HPE_INVALID_METHOD$/, when: (c) => !http.METHODS.includes(c.ours.method), why: 'RFC 9110 9.1: any token is a method; Node knows a list' },
    { kind: 'laxer', id: /^HPE_INVALID_CONTENT_LENGTH$/, when: (c, text) => /content-length:[ \t]*\d+ *\t[ \t]*\r\n/i.test(text), why: 'RFC 9112 5.1: OWS after a value may be a tab' },
    { kind: 'stricter', id: /^closed$/, when: (c, text) => /connection:[^\r\n]*close|HTTP\/1\.0/i.test(text), why: 'RFC 9112 9.6: close ends the connection whatever else is named; Node overlooks it in some lists' },
    { kind: 'laxer', id: /^HPE_INVALID_CONTENT_LENGTH$|^HPE_UNEXPECTED_CONTENT_LENGTH$|^HPE_INVALID_TRANSFER_ENCODING$/, when: (c) => c.node !== undefined, why: 'RFC 9110 6.5.1: in trailers they mean nothing, and are dropped' },
    { kind: 'laxer', id: /^HPE_CLOSED_CONNECTION$|^nothing$/, when: (c, text) => /proxy-connection:/i.test(text), why: 'RFC 9112 C.2.2: Proxy-Connection is of no standard, and means nothing' },
    { kind: 'laxer', id: /^HPE_CLOSED_CONNECTION$|^nothing$/, when: (c, text) => /\r\n0+(;[^\r\n]*)?\r\n[^]*connection:[^\r\n]*close/i.test(text), why: 'RFC 9110 6.5.1: Connection in trailers means nothing' },
    { kind: 'laxer', id: /^HPE_INVALID_URL$/, when: (c) => /[\x80-\xff]/.test(c.ours.target), why: 'octets beyond ASCII are encoded in the path (RFC 3986 2.1), as browsers do for those who forgot it' },
    { kind: 'laxer', id: /^nothing$/, when: (c, text) => /upgrade:/i.test(text), why: 'Node stops reading after an Upgrade that nobody takes; RFC 9110 7.8: a server may ignore it, and the connection goes on' },
    { kind: 'laxer', id: /^HPE_STRICT$/, when: (c, text) => /\r\n[0-9a-f]+;[^\r\n]*\r\n/i.test(text), why: 'RFC 9112 7.1.1: unknown extensions are ignored; we neither read them nor pass them on' },
    { kind: 'any', id: /^HPE_|^body$|^method$|^target$|^fields$|^nothing$|^closed$|^incomplete$|^bad_/, when: (c, text) => process.version.startsWith('v18.') && LENGTH_IN_TRAILERS.test(text), why: 'RFC 9110 6.5.1: in trailers it means nothing; Node 18 takes it for the length of the next request (later versions do not)' },
    { kind: 'laxer', id: /^HPE_HEADER_OVERFLOW$|^HPE_CHUNK_EXTENSIONS_OVERFLOW$/, why: 'limits differ' },
];

const TOKENS = ['\r', '\n', '\r\n', '\r\n\r\n', ' ', '\t', '\0', '\x0b', '\x7f', '\x80', '\xff', ':', ';', ',', '"', '#', '?', '/', '@', '0', '1', '3', 'a', 'f', '-', '+', '_', 'x',
    'Content-Length: 3\r\n', 'Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n', 'transfer-encoding: identity\r\n', 'Host: b\r\n', 'Connection: close\r\n', 'Connection: keep-alive\r\n',
    'Expect: 100-continue\r\n', 'Upgrade: websocket\r\n', 'Trailer: X\r\n', 'X: y\r\n', ' chunked', 'chunked', '0\r\n\r\n', '3\r\nabc\r\n', ';a=b', ';a="b"', 'HTTP/1.0', 'HTTP/1.1', 'http://h/', '*',
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi'];

function random(seed) {
    let x = seed | 1;
    return (n) => {
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        return (x >>> 0) % n;
    };
}

function mutate(text, pick, other) {
    const at = pick(text.length + 1);
    const lines = text.split('\r\n');
    const line = pick(lines.length);
    switch (pick(9)) {
    case 0: return text.slice(0, at) + text.slice(at + 1 + pick(3));
    case 1: return text.slice(0, at) + TOKENS[pick(TOKENS.length)] + text.slice(at);
    case 2: return text.slice(0, at) + TOKENS[pick(TOKENS.length)] + text.slice(at + 1);
    case 3: return text.slice(0, at) + String.fromCharCode(pick(256)) + text.slice(at + 1);
    case 4: return [...lines.slice(0, line + 1), ...lines.slice(line)].join('\r\n');
    case 5: return [...lines.slice(0, line), lines[pick(lines.length)], ...lines.slice(line)].join('\r\n');
    case 6: return [...lines.slice(0, line), TOKENS[pick(TOKENS.length)].trim(), ...lines.slice(line)].join('\r\n');
    case 7: return text + other;
    default: return [...lines.slice(0, line), lines[line].replace(/[a-z]/gi, (c) => (pick(2) ? c.toUpperCase() : c.toLowerCase())), ...lines.slice(line + 1)].join('\r\n');
    }
}

// Our side: a process that answers in the order of what it is given.
class Reader {
    constructor(program) {
        this.child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
        this.waiting = [];
        this.text = '';
        this.child.stdout.setEncoding('latin1').on('data', (chunk) => {
            const lines = (this.text + chunk).split('\n');
            this.text = lines.pop();
            for (const line of lines) this.waiting.shift().done(JSON.parse(line));
        });
        this.child.on('exit', (code) => this.waiting.forEach((w) => w.fail(new Error(`the reader ended with ${code}`))));
    }

    read(bytes) {
        const size = Buffer.alloc(4);
        size.writeUInt32BE(bytes.length);
        this.child.stdin.write(Buffer.concat([size, bytes]));
        return new Promise((done, fail) => this.waiting.push({ done, fail }));
    }
}

// Node's side. Requests are kept in the order in which their heads came.
const server = http.createServer({ insecureHTTPParser: false, keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 });
function note(req, res, expect) {
    const seen = { req, method: req.method, url: req.url, raw: req.rawHeaders, body: '', expect };
    req.socket.seen.push(seen);
    req.on('data', (chunk) => (seen.body += chunk.toString('latin1')));
    req.on('error', () => {});
    req.on('end', () => res.end());
}
server.on('request', (req, res) => note(req, res));
server.on('checkContinue', (req, res) => note(req, res));
server.on('checkExpectation', (req, res) => note(req, res, 'expect'));
server.on('clientError', (error, socket) => {
    socket.code ??= error.code; // not destroyed, so that what came before is told of
});
server.on('connect', (req, socket) => {
    socket.seen.push({ req, method: 'CONNECT', url: req.url, raw: req.rawHeaders, body: '', tunnel: true });
});

const turn = () => new Promise(setImmediate);

async function askNode(bytes) {
    const socket = new Duplex({ read() {}, write(chunk, encoding, done) { socket.answers += chunk.toString('latin1'); done(); } });
    socket.seen = [];
    socket.answers = '';
    socket.setTimeout = socket.setNoDelay = socket.setKeepAlive = () => socket;
    socket.on('error', () => {});
    server.emit('connection', socket);
    socket.push(bytes);
    for (let before = -1; before !== socket.answers.length;) {
        before = socket.answers.length;
        await turn();
        await turn();
    }
    for (const seen of socket.seen) {
        for (let chunk; (chunk = seen.req.read()) !== null;) seen.body += chunk.toString('latin1');
        seen.complete = seen.req.complete || seen.tunnel;
        seen.trailers = seen.req.rawTrailers;
    }
    if (!socket.destroyed) socket.push(null);
    await turn();
    await turn();
    socket.destroy();
    for (const seen of socket.seen) delete seen.req;
    return socket;
}

const pairs = (raw) => Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i], raw[2 * i + 1].replace(/^[ \t]+|[ \t]+$/g, '')]);
const CONNECTION = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'expect', 'proxy-authorization']);
const NO_TRAILERS = new Set([...CONNECTION, 'authorization', 'cookie', 'set-cookie', 'content-type', 'content-encoding', 'content-range', 'proxy-authenticate']);

// What our parser should say of a request that Node took: fields of the connection taken out, the target in origin-form.
function expected(seen) {
    const fields = pairs(seen.raw);
    const named = fields.filter((f) => f[0].toLowerCase() === 'connection').flatMap((f) => f[1].split(',')).map((s) => s.trim().toLowerCase());
    const gone = new Set([...CONNECTION, ...named]);
    const absolute = /^https?:\/\/([^/?]*)(.*)$/i.exec(seen.url);
    let target = seen.url;
    if (absolute) {
        target = absolute[2];
        if (target === '') target = seen.method === 'OPTIONS' ? '*' : '/';
        if (target.startsWith('?')) target = `/${target}`;
    }
    return {
        method: seen.method,
        target,
        authority: seen.method === 'CONNECT' ? seen.url : absolute?.[1] ?? fields.find((f) => f[0].toLowerCase() === 'host')?.[1] ?? '',
        fields: fields.filter((f) => !gone.has(f[0].toLowerCase())),
        trailers: pairs(seen.trailers).filter((f) => !NO_TRAILERS.has(f[0].toLowerCase())),
        body: seen.body,
    };
}

// The first difference, as {kind, id, ours, node}; null when both say the same.
function compare(ours, node) {
    for (let i = 0; ; i++) {
        const mine = ours.requests[i];
        const seen = node.seen[i]?.complete && !node.seen[i].expect ? node.seen[i] : undefined;
        if (mine === undefined && seen === undefined) return null;
        if (seen === undefined) {
            const code = node.seen[i]?.expect ?? node.code ?? (/ (4\d\d) /.exec(node.answers)?.[1] || 'nothing');
            return { kind: 'laxer', id: code, ours: mine, node: node.seen[i] };
        }
        if (mine === undefined) {
            if (ours.end === 'closed') return { kind: 'stricter', id: 'closed', node: seen };
            return { kind: 'stricter', id: ours.end.replace('http1.', ''), node: seen };
        }
        const wanted = expected(seen);
        for (const part of ['method', 'target', 'authority', 'fields', 'trailers', 'body'])
            if (JSON.stringify(mine[part]) !== JSON.stringify(wanted[part])) return { kind: 'differs', id: part, ours: mine, node: wanted };
        if (seen.tunnel) return null;
    }
}

const decided = (c, text) => DECIDED.find((d) => (d.kind === c.kind || d.kind === 'any') && d.id.test(c.id) && (d.when?.(c, text) ?? true));

async function check(reader, text) {
    const bytes = Buffer.from(text, 'latin1');
    const [ours, node] = await Promise.all([reader.read(bytes), askNode(bytes)]);
    const difference = compare(ours, node);
    return { ours, node, difference };
}

function tell(text, { ours, node, difference }) {
    console.log(`differential: undecided: ${difference.kind} ${difference.id}`);
    console.log(`  input ${JSON.stringify(text)}`);
    console.log(`  ours  ${JSON.stringify(ours)}`);
    console.log(`  node  ${JSON.stringify({ requests: node.seen, code: node.code, answers: node.answers.slice(0, 60) })}`);
}

const [first, ...rest] = process.argv.slice(2);
if (first === '--one') {
    const text = JSON.parse(rest[1]);
    const reader = new Reader(rest[0]);
    const result = await check(reader, text);
    if (result.difference === null) console.log('differential: no difference', JSON.stringify(result.ours));
    else tell(text, result);
    process.exit(0);
}

const seconds = Number(rest[0] ?? 10);
const seed = Number(rest[1] ?? 1);
const pick = random(seed * 2654435761);
const reader = new Reader(first);
const rows = readTable('requests.table', requestMacros).map((row) => ({ ...row, bytes: row.bytes.replace('{END}', '') })).filter((row) => row.bytes.length < 1000);
const accepted = rows.filter((row) => row.outcome.startsWith('ok')).map((row) => row.bytes);
const seeds = rows.map((row) => row.bytes);
// Mostly what is accepted: most mutations make it something else soon enough.
const pickSeed = () => (pick(4) > 0 ? accepted[pick(accepted.length)] : seeds[pick(seeds.length)]);
const counts = {};
const unknown = new Map();
let runs = 0;
const until = Date.now() + seconds * 1000;
const one = async (text) => {
    const result = await check(reader, text);
    runs++;
    const c = result.difference;
    const name = c === null ? (result.ours.requests.length > 0 ? 'same, accepted' : 'same, refused') : `${c.kind} ${c.id}`;
    counts[name] = (counts[name] ?? 0) + 1;
    if (c === null || decided(c, text)) return;
    if (!unknown.has(name)) tell(text, result);
    unknown.set(name, (unknown.get(name) ?? 0) + 1);
};
for (const text of seeds) await one(text);
while (Date.now() < until && unknown.size < 8) {
    const batch = Array.from({ length: 50 }, () => {
        let text = pickSeed();
        for (let n = 1 + pick(4); n > 0; n--) text = mutate(text, pick, pickSeed());
        return one(text);
    });
    await Promise.all(batch);
}
reader.child.stdin.end();
if (unknown.size > 0) {
    console.log(`differential: FAILED, seed ${seed}: differences that nobody decided: ${[...unknown.keys()].join('; ')}`);
    process.exit(1);
}
if ((counts['same, accepted'] ?? 0) < runs / 100) {
    console.log(`differential: FAILED: hardly anything was accepted: ${JSON.stringify(counts)}`);
    process.exit(1);
}
console.log(`differential: ok, ${runs} inputs in ${seconds} s, seed ${seed}: ${JSON.stringify(counts)}`);
process.exit(0);
