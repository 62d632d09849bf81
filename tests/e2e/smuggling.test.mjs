// The tables of tests/http1/ through a real gateway: what is refused must not reach the upstream, what is accepted
// must reach it as exactly one request, and a response must reach the client whose request it answers.
import assert from 'node:assert/strict';
import net from 'node:net';
import test, { after, before } from 'node:test';
import { Gateway, until } from './lib/gateway.mjs';
import { Raw } from './lib/raw.mjs';
import { readRequest, readResponses } from './lib/strict.mjs';
import { decode, readTable, requestMacros, responseMacros } from './lib/table.mjs';

const NEXT = 'GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

let gateway;
let upstream;
// What the upstream received: a text for each connection, read strictly.
let connections = [];
// What it answers with instead of an empty 200: (request, socket) => true when it did.
let answer = null;

function serve(socket) {
    const c = { socket, text: '', requests: [], rest: '', wrong: null, ended: false };
    connections.push(c);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('end', () => (c.ended = true));
    socket.on('close', () => (c.ended = true));
    socket.on('data', (chunk) => {
        c.text += chunk.toString('latin1');
        c.rest += chunk.toString('latin1');
        try {
            for (let r; (r = readRequest(c.rest)) !== null; c.rest = c.rest.slice(r.used)) {
                c.requests.push(r);
                if (!answer?.(r, c)) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
            }
        } catch (error) {
            c.wrong = error;
            socket.destroy();
        }
    });
}

// Begins anew, without the connections that the gateway keeps.
function forget() {
    for (const c of connections) c.socket.destroy();
    connections = [];
}

const received = () => connections.flatMap((c) => c.requests);

before(async () => {
    upstream = net.createServer({ allowHalfOpen: true }, serve).listen(0, '127.0.0.1');
    await new Promise((done) => upstream.once('listening', done));
    gateway = await new Gateway({ workers: 1 }).start();
    await gateway.put('service', { name: 'up', urls: [`http://127.0.0.1:${upstream.address().port}`], retries: 0 });
    await gateway.put('route', { name: 'all', paths: ['/**', '/'], methods: ['*'], service: 'up', preserveHost: true });
});

after(async () => {
    await gateway?.remove();
    forget();
    upstream?.close();
});

// Sends text, then waits until the gateway has ended the connection.
async function exchange(text, methods) {
    const client = await Raw.connect(gateway.proxyPort);
    client.send(text);
    await client.end();
    const responses = readResponses(client.text, methods, client.ended && !client.error);
    client.close();
    return responses;
}

async function checkRefused(row, status) {
    const [response, ...more] = await exchange(row.bytes + NEXT, ['GET']);
    assert.equal(response?.status, status, 'the status');
    assert.deepEqual(more, [], 'the connection must be closed');
    assert.deepEqual(received(), [], 'the upstream must see no request');
    const begun = connections.filter((c) => c.text !== '');
    // A body that goes wrong after its head was passed on: the upstream's request must be cut off.
    if (begun.length > 0) {
        assert.match(row.raw, /CHUNKED/);
        await until('the upstream sees the abort', () => begun.every((c) => c.ended));
    }
}

// What "ok ..." says, and what a gateway is to do with it.
function expectation(outcome) {
    const tokens = outcome.split(' ');
    const [, method, authority, target] = tokens;
    const options = tokens.slice(4);
    const find = (mark) => options.filter((o) => o.startsWith(mark)).map((o) => decode(o.slice(mark.length)));
    return {
        method, target, authority: authority === '-' ? '' : authority,
        body: find('=')[0] ?? '',
        trailers: find('+').map((t) => [t.slice(0, t.indexOf(':')).toLowerCase(), t.slice(t.indexOf(':') + 1)]),
        closes: options.includes('close'),
        answered: options.find((o) => o.startsWith('!')),
    };
}

async function checkAccepted(row) {
    const wanted = expectation(row.outcome);
    const [first, rest] = row.bytes.split('{END}');
    const methods = [wanted.method, ...(rest === undefined ? [] : ['GET']), 'GET'];
    const responses = await exchange(first + (rest ?? '') + NEXT, methods);
    const status = wanted.answered ? Number(wanted.answered.slice(1)) : 200;
    assert.equal(responses[0].status, status, 'the status');
    assert.equal(responses.length, wanted.closes ? 1 : methods.length, 'the number of responses');
    const targets = [...(wanted.answered ? [] : [wanted.target]), ...Array(responses.length - 1).fill('/next')];
    assert.deepEqual(received().map((r) => r.target), targets, 'the requests');
    assert.deepEqual(connections.map((c) => c.rest).join(''), '', 'nothing else is sent');
    if (wanted.answered) return;
    const request = received()[0];
    const host = request.fields.find((f) => f[0] === 'host')[1];
    assert.equal(request.method, wanted.method);
    if (wanted.authority !== '') assert.equal(host, wanted.authority, 'Host is rewritten to the authority');
    assert.equal(request.body, wanted.body);
    assert.deepEqual(request.trailers, wanted.trailers);
    assert.equal(request.fields.find((f) => f[0] === 'upgrade'), undefined, 'no Upgrade');
}

// Runs check for every row and tells of all that do not hold.
async function checkRows(name, rows, check) {
    const wrong = [];
    for (const row of rows) {
        forget();
        try {
            await check(row);
            for (const c of connections) if (c.wrong) throw c.wrong;
        } catch (error) {
            wrong.push(`${name}:${row.line} ${row.outcome} | ${row.raw}: ${error.message}`);
        }
    }
    assert.equal(wrong.join('\n'), '');
}

test('requests: what is refused is never seen, what is accepted is seen once', async () => {
    const rows = readTable('requests.table', requestMacros);
    await checkRows('requests.table', rows, (row) => {
        const refused = /^(\d{3}) /.exec(row.outcome);
        return refused ? checkRefused(row, Number(refused[1])) : checkAccepted(row);
    });
});

test('requests: so it is when they come byte by byte', async () => {
    const rows = readTable('requests.table', requestMacros).filter((row) => row.bytes.length < 120 && row.line % 5 === 0);
    await checkRows('requests.table', rows, async (row) => {
        const client = await Raw.connect(gateway.proxyPort);
        for (const octet of row.bytes.replace('{END}', '') + NEXT) {
            client.send(octet);
            await new Promise(setImmediate);
        }
        await client.end();
        client.close();
        const refused = /^\d{3} /.test(row.outcome);
        const wanted = expectation(row.outcome);
        assert.match(client.text, new RegExp(`^HTTP/1\\.1 ${refused ? row.outcome.slice(0, 3) : wanted.answered?.slice(1) ?? '200'} `));
        const targets = received().map((r) => r.target);
        if (refused) assert.deepEqual(targets, []);
        else if (!wanted.answered) assert.equal(targets[0], wanted.target);
    });
});

test('trailers of requests may say no more than heads: what is ours is dropped', async () => {
    forget();
    await exchange(`${decode(requestMacros.CHUNKED, requestMacros)}0\r\nX-Forwarded-For: 6.6.6.6\r\nX_Real_IP: 6.6.6.6\r\nX-DGate-Route: evil\r\nX-Sum: 1\r\n\r\n${NEXT}`, ['POST', 'GET']);
    assert.deepEqual(received()[0].trailers, [['x-sum', '1']]);
    await exchange(`${decode(requestMacros.CHUNKED, requestMacros)}0\r\nX_Request_Id: evil\r\n\r\n${NEXT}`, ['POST', 'GET']);
    assert.deepEqual(received()[2].trailers, []);
});

test('paths: upstreams see the normal form, and nothing of those that have none', async () => {
    const rows = readTable('paths.table').filter((row) => /^\/[!-~\x80-\xff]*$/.test(row.bytes) && !row.bytes.includes('#'));
    assert.ok(rows.length > 60);
    await checkRows('paths.table', rows, async (row) => {
        const [target] = row.outcome.split(' -> ');
        // "?" begins the query.
        const [path, query] = row.bytes.split('?');
        if (query !== undefined) return;
        const [response] = await exchange(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, ['GET']);
        assert.equal(response.status, target === '400' ? 400 : 200);
        assert.deepEqual(received().map((r) => r.target), target === '400' ? [] : [target]);
    });
});

async function checkResponse(row) {
    const method = row.bytes.startsWith('{HEAD}') ? 'HEAD' : 'GET';
    const fin = row.bytes.endsWith('{FIN}');
    const bytes = row.bytes.replace(/\{(HEAD|FIN|END)\}/g, '');
    answer = (request, c) => {
        if (request.target !== '/row') {
            c.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext');
            return true;
        }
        c.socket.write(Buffer.from(bytes, 'latin1'));
        if (fin) c.socket.end();
        return true;
    };
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`${method} /row HTTP/1.1\r\nHost: a\r\n\r\n`);
    const [kind, ...tokens] = row.outcome.split(' ');
    if (kind === 'cut') {
        // libuv tells of a reset that comes together with data as an end.
        await client.wait('the abort', () => client.closed || client.ended);
        const [response] = readResponses(client.text, [method], true);
        assert.ok(client.text === '' || response.incomplete, 'what was cut must not look complete');
        client.close();
    } else {
        const done = (responses) => responses.length > 0 && responses.every((r) => !r.incomplete);
        await client.wait('a response', () => done(readResponses(client.text, [method], false)));
        client.send(NEXT);
        await client.end();
        const [response, next] = readResponses(client.text, [method, 'GET'], true);
        assert.equal(response.status, Number(kind === 'ok' ? tokens[0] : 502));
        assert.equal(next.body, 'next', 'the next request gets its own response');
        if (kind === 'ok') {
            const body = tokens.find((t) => t.startsWith('='));
            assert.equal(response.body, body?.slice(1) ?? '');
            const trailers = tokens.filter((t) => t.startsWith('+')).map((t) => t.slice(1).toLowerCase());
            assert.deepEqual(response.trailers.map((t) => t.join(':')), trailers);
            const used = connections.find((c) => c.requests.some((r) => r.target === '/row'));
            const reused = used.requests.some((r) => r.target === '/next');
            assert.equal(reused, !tokens.includes('close'), 'whether the connection is used again');
        }
    }
    const other = await exchange(NEXT, ['GET']);
    assert.equal(other[0].body, 'next');
}

test('responses: an upstream that is wrong is a 502 or an abort, and never answers another request', async () => {
    await checkRows('responses.table', readTable('responses.table', responseMacros), checkResponse);
    answer = null;
});

test('responses: what follows a response that just fills a read answers no other request', async () => {
    const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL';
    // Reads are of 16 KiB, or what is left of a block of that size.
    for (const size of [16384, 16384 - 1, 16384 + 1, 2 * 16384, 3 * 16384, 65536]) {
        const head = `HTTP/1.1 200 OK\r\nX-Size: ${size}\r\nContent-Length: `;
        const length = size - head.length - 4 - 5;
        const message = `${head}${length}\r\n\r\n`;
        forget();
        answer = (request, c) => {
            if (request.target === '/row') c.socket.write(message + 'b'.repeat(size - message.length) + evil);
            else c.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext');
            return true;
        };
        assert.equal(message.length + length, size);
        const client = await Raw.connect(gateway.proxyPort);
        client.send(`GET /row HTTP/1.1\r\nHost: a\r\n\r\n${NEXT}`);
        await client.end();
        const responses = readResponses(client.text, ['GET', 'GET'], true);
        assert.equal(responses[0].body.length, length);
        assert.equal(responses[1].body, 'next', `a response of ${size} octets`);
        client.close();
    }
    answer = null;
});
