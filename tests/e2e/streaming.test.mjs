// Bodies, events, interim responses, trailers and tunnels as they flow through a gateway, over real sockets.
// STREAM_MIB (256) is the size of the large bodies: 2048 shows that nothing depends on it.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import test, { after, before } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { Checker, send } from './lib/flow.mjs';
import { Gateway, until } from './lib/gateway.mjs';
import { Raw } from './lib/raw.mjs';
import { readResponses } from './lib/strict.mjs';
import { answering, RawUpstream, response, stays } from './lib/upstream.mjs';

const MIB = 1 << 20;
const LARGE = Number(process.env.STREAM_MIB ?? 256) * MIB;

let gateway;
const upstreams = [];

before(async () => {
    gateway = await new Gateway({ workers: 1 }).start();
});

after(async () => {
    await gateway?.remove();
    for (const u of upstreams) await u.close();
});

// A raw upstream behind the route /NAME.
async function upstream(name, onData) {
    const up = await RawUpstream.listen(onData);
    upstreams.push(up);
    await gateway.put('service', { name, urls: [up.url], retries: 0 });
    await gateway.put('route', { name, paths: [`/${name}`, `/${name}/**`], methods: ['*'], service: name });
    return up;
}

function memory(what) {
    const [{ pid }] = gateway.children('worker');
    return Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

test('a large upload and a large download arrive whole, in bounded memory', async (t) => {
    const checker = new Checker();
    const up = await RawUpstream.listen(() => {});
    upstreams.push(up);
    up.accept = (socket) => {
        up.connections.push({ socket });
        let head = '';
        socket.on('error', () => {});
        socket.on('data', (chunk) => {
            if (!head.includes('\r\n\r\n')) {
                head += chunk.toString('latin1');
                const end = head.indexOf('\r\n\r\n');
                if (end < 0) return;
                chunk = chunk.subarray(chunk.length - (head.length - end - 4));
                head = head.slice(0, end + 4);
                if (head.startsWith('GET')) {
                    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`);
                    send(socket, LARGE);
                    head = '';
                    return;
                }
            }
            checker.add(chunk);
            if (checker.received === LARGE) {
                head = '';
                socket.write(response(String(checker.wrong)));
            }
        });
    };
    await gateway.put('service', { name: 'large', urls: [up.url], retries: 0 });
    await gateway.put('route', { name: 'large', paths: ['/large'], methods: ['*'], service: 'large' });
    const before = memory('VmHWM');

    const began = Date.now();
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: ${LARGE}\r\n\r\n`);
    await send(client.socket, LARGE);
    await client.see(/\r\n\r\n0$/, 60000);
    assert.equal(checker.received, LARGE);
    const uploaded = Date.now();

    const down = new Checker();
    const socket = net.connect(gateway.proxyPort, '127.0.0.1');
    socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    let head = '';
    await new Promise((done, fail) => {
        socket.on('error', fail);
        socket.on('close', done);
        socket.on('data', (chunk) => {
            if (!head.includes('\r\n\r\n')) {
                const end = chunk.indexOf('\r\n\r\n');
                head += chunk.toString('latin1', 0, end < 0 ? chunk.length : end + 4);
                if (end < 0) return;
                chunk = chunk.subarray(end + 4);
            }
            down.add(chunk);
            if (down.received >= LARGE) done();
        });
    });
    socket.destroy();
    client.close();
    assert.match(head, new RegExp(`content-length: ${LARGE}\\r\\n`, 'i'));
    assert.deepEqual([down.received, down.wrong], [LARGE, 0]);
    const grown = memory('VmHWM') - before;
    t.diagnostic(`${LARGE / MIB} MiB up in ${uploaded - began} ms, down in ${Date.now() - uploaded} ms; the worker grew by ${grown.toFixed(1)} MiB`);
    assert.ok(grown < 16, `the worker grew by ${grown} MiB`);
});

test('large chunked bodies arrive whole, both ways at once', async () => {
    const size = 32 * MIB;
    const echo = http.createServer((req, res) => req.pipe(res)).listen(0, '127.0.0.1');
    await new Promise((done) => echo.once('listening', done));
    await gateway.put('service', { name: 'echo', urls: [`http://127.0.0.1:${echo.address().port}`], retries: 0 });
    await gateway.put('route', { name: 'echo', paths: ['/echo'], methods: ['*'], service: 'echo' });
    const checker = new Checker();
    await new Promise((done, fail) => {
        const req = http.request(`${gateway.proxyUrl}/echo`, { method: 'POST', agent: false }, (res) => {
            assert.equal(res.headers['transfer-encoding'], 'chunked');
            res.on('data', (chunk) => checker.add(chunk));
            res.on('end', done);
            res.on('error', fail);
        });
        req.on('error', fail);
        send(req, size).then(() => req.end());
    });
    assert.deepEqual([checker.received, checker.wrong], [size, 0]);
    echo.closeAllConnections();
    echo.close();
});

test('a client that stops reading stops the upstream, and nothing is lost when it goes on', async () => {
    const size = 128 * MIB;
    let sent;
    let writer;
    await upstream('slowreader', (c) => {
        c.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        writer = c.socket;
        sent = send(c.socket, size);
    });
    const before = memory('VmRSS');
    const socket = net.connect(gateway.proxyPort, '127.0.0.1');
    socket.write('GET /slowreader HTTP/1.1\r\nHost: x\r\n\r\n');
    const checker = new Checker();
    let head = '';
    const first = await new Promise((done) => socket.once('data', done));
    socket.pause();
    const taken = await stays(() => (writer ? writer.bytesWritten - writer.writableLength : 0));
    assert.ok(taken < 64 * MIB, `the upstream got rid of ${taken} octets`);
    assert.ok(memory('VmRSS') - before < 4, 'the worker keeps a window, no more');
    const add = (chunk) => {
        if (head === '') {
            head = chunk.subarray(0, chunk.indexOf('\r\n\r\n') + 4).toString('latin1');
            chunk = chunk.subarray(head.length);
        }
        checker.add(chunk);
    };
    add(first);
    socket.on('data', add);
    socket.resume();
    await until('everything came', () => checker.received === size, 30000);
    assert.equal(checker.wrong, 0);
    await sent;
    socket.destroy();
});

test('an upstream that stops reading stops the client', async () => {
    const size = 128 * MIB;
    const checker = new Checker();
    let head = '';
    let reader;
    const up = await upstream('slowwriter', () => {});
    up.accept = (socket) => {
        up.connections.push({ socket });
        reader = socket;
        socket.once('data', (chunk) => {
            const end = chunk.indexOf('\r\n\r\n') + 4;
            head = chunk.toString('latin1', 0, end);
            checker.add(chunk.subarray(end));
            socket.pause();
            socket.on('data', (more) => {
                checker.add(more);
                if (checker.received === size) socket.write(response('all'));
            });
            socket.pause();
        });
    };
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`PUT /slowwriter HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`);
    const sending = send(client.socket, size);
    await until('the head came', () => head !== '');
    const taken = await stays(() => client.socket.bytesWritten - client.socket.writableLength);
    assert.ok(taken < 64 * MIB, `the client got rid of ${taken} octets`);
    reader.resume();
    await sending;
    await client.see(/\r\n\r\nall$/, 30000);
    assert.deepEqual([checker.received, checker.wrong], [size, 0]);
    client.close();
});

test('what a slow client sends is passed on as it comes', async () => {
    const up = await upstream('drops', (c) => {
        if (c.text.endsWith('0\r\n\r\n')) c.socket.write(response('done'));
    });
    const client = await Raw.connect(gateway.proxyPort);
    client.send('POST /drops HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    await until('the head', () => up.connections[0]?.text.includes('\r\n\r\n'));
    for (const word of ['one', 'two', 'three']) {
        client.send(`${word.length.toString(16)}\r\n${word}\r\n`);
        await until(word, () => up.connections[0].text.endsWith(`${word}\r\n`));
    }
    client.send('0\r\n\r\n');
    await client.see(/\r\n\r\ndone$/);
    assert.equal(up.requests[0].body, 'onetwothree');
    client.close();
});

for (const [name, framing, wrap] of [
    ['chunked', 'Transfer-Encoding: chunked\r\n', (text) => `${text.length.toString(16)}\r\n${text}\r\n`],
    ['closed', '', (text) => text],
])
    test(`each server-sent event is delivered as it comes: ${name}`, async () => {
        const up = await upstream(`events${name}`, (c) => {
            c.socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${framing}\r\n`);
        });
        const client = await Raw.connect(gateway.proxyPort);
        client.send(`GET /events${name} HTTP/1.1\r\nHost: x\r\n\r\n`);
        await client.see(/text\/event-stream[\s\S]*\r\n\r\n/);
        for (const n of [1, 2, 3, 4]) {
            up.connections[0].socket.write(wrap(`data: ${n}\n\n`));
            await client.see(new RegExp(`data: ${n}\n\n`));
        }
        client.close();
        await until('the upstream is let go', () => up.connections[0].closed || up.connections[0].error);
    });

test('trailers are passed on both ways', async () => {
    const up = await upstream('trailers', answering(() => 'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 42\r\nX-Two: 2\r\n\r\n'));
    const client = await Raw.connect(gateway.proxyPort);
    client.send('POST /trailers HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: TE, close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Md5: f00\r\n\r\n');
    await client.end();
    const [answer] = readResponses(client.text, ['POST'], true);
    assert.equal(answer.body, 'abc');
    assert.deepEqual(answer.trailers, [['x-sum', '42'], ['x-two', '2']]);
    const [request] = up.requests;
    assert.equal(request.body, 'hi');
    assert.deepEqual(request.trailers, [['x-md5', 'f00']]);
    assert.deepEqual(request.fields.find((f) => f[0] === 'te'), ['te', 'trailers']);
});

test('interim responses are passed on: several 103, a 100 only to who asked, none to HTTP/1.0', async () => {
    const hints = [1, 2, 3].map((n) => `HTTP/1.1 103 Early Hints\r\nLink: </${n}>\r\n\r\n`).join('');
    const up = await upstream('hints', (c) => c.socket.write(`HTTP/1.1 100 Continue\r\n\r\n${hints}`));
    const client = await Raw.connect(gateway.proxyPort);
    client.send('GET /hints HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await client.see(/<\/3>\r\n\r\n$/);
    assert.doesNotMatch(client.text, /HTTP\/1\.1 100/);
    up.connections[0].socket.write(response('final'));
    await client.end();
    const [answer] = readResponses(client.text, ['GET'], true);
    assert.equal(answer.body, 'final');
    assert.deepEqual(answer.infos.map((i) => [i.status, i.fields[0]]), [1, 2, 3].map((n) => [103, ['link', `</${n}>`]]));

    const old = await Raw.connect(gateway.proxyPort);
    old.send('GET /hints HTTP/1.0\r\n\r\n');
    await until('the second request', () => up.connections.some((c) => (c.text.match(/GET/g) ?? []).length + c.index > 1));
    up.connections.at(-1).socket.write(response('final'));
    await old.end();
    assert.match(old.text, /^HTTP\/1\.1 200 [\s\S]*final$/);

    const expecting = await Raw.connect(gateway.proxyPort);
    expecting.send('POST /hints HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n');
    await expecting.see(/HTTP\/1\.1 100 Continue\r\n\r\n/);
    expecting.send('hi');
    await until('the body', () => up.connections.some((c) => c.text.endsWith('hi')));
    up.connections.find((c) => c.text.endsWith('hi')).socket.write(response('final'));
    await expecting.end();
    assert.equal(expecting.text.match(/HTTP\/1\.1 100/g).length, 1);
});

test('Expect: a final answer without the 100 ends the connection, for the body may come or not', async () => {
    const up = await upstream('unwanted', (c) => c.socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'));
    const client = await Raw.connect(gateway.proxyPort);
    client.send('POST /unwanted HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 40\r\n\r\n');
    await client.see(/^HTTP\/1\.1 403 [\s\S]*\r\n\r\nno$/);
    assert.match(client.text, /connection: close/i);
    client.send('GET /unwanted/smuggled HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.end();
    assert.equal(client.text.match(/HTTP\/1\.1 /g).length, 1);
    assert.equal(up.connections.length, 1);
    assert.doesNotMatch(up.connections[0].text, /smuggled/);
});

test('a flood of interim responses is bounded', async () => {
    await upstream('flood', (c) => {
        const block = 'HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n'.repeat(1000);
        const more = () => {
            while (!c.socket.destroyed && c.socket.write(block));
            if (!c.socket.destroyed) c.socket.once('drain', more);
        };
        more();
    });
    const before = memory('VmRSS');
    const client = await Raw.connect(gateway.proxyPort);
    client.send('GET /flood HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await client.end(20000);
    const [answer] = readResponses(client.text, ['GET'], true);
    assert.equal(answer.status, 502);
    assert.ok(answer.infos.length <= 16, `${answer.infos.length} were passed on`);
    assert.ok(memory('VmRSS') - before < 8);
});

test('a response that comes before the request has ended is passed on, and the upload stopped', async () => {
    const up = await upstream('early', (c) => {
        if (!c.answered) c.socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig');
        c.answered = true;
    });
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: ${64 * MIB}\r\n\r\nbegin`);
    await client.see(/^HTTP\/1\.1 413 [\s\S]*\r\n\r\nbig$/);
    await client.wait('the end', () => client.ended || client.closed);
    await until('the upstream is let go', () => up.connections[0].closed || up.connections[0].ended || up.connections[0].error);
    assert.ok(up.connections[0].text.length < 2 * MIB);
    client.close();
});

test('a response that begins early streams while the request goes on', async () => {
    const up = await upstream('duplex', (c) => {
        if (!c.answered) c.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        c.answered = true;
    });
    const client = await Raw.connect(gateway.proxyPort);
    client.send('POST /duplex HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    await client.see(/\r\n\r\n/);
    for (const n of [1, 2, 3]) {
        client.send(`1\r\n${n}\r\n`);
        await until('it came', () => up.connections[0].text.endsWith(`1\r\n${n}\r\n`));
        up.connections[0].socket.write(`2\r\nr${n}\r\n`);
        await client.see(new RegExp(`2\r\nr${n}\r\n$`));
    }
    client.send('0\r\n\r\n');
    await until('the end came', () => up.connections[0].text.endsWith('0\r\n\r\n'));
    up.connections[0].socket.write('0\r\n\r\n');
    await client.see(/0\r\n\r\n$/);
    client.send('GET /duplex HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('the connection serves on', () => up.requests.length === 2);
    client.close();
});

test('a client that ends its direction after the request is served (docs/decisions/0001)', async () => {
    let answer;
    await upstream('half', answering((r, c) => {
        answer = () => c.socket.write(response('late'));
        return null;
    }));
    const client = await Raw.connect(gateway.proxyPort);
    client.send('GET /half HTTP/1.1\r\nHost: x\r\n\r\n');
    client.socket.end();
    await until('it arrived', () => answer);
    await client.see(/HTTP\/1\.1 100 Continue\r\n\r\n$/); // the probe that finds out who is gone
    answer();
    await client.end();
    assert.match(client.text, /HTTP\/1\.1 200 [\s\S]*\r\n\r\nlate$/);

    const several = await Raw.connect(gateway.proxyPort);
    answer = undefined;
    several.send('GET /half/1 HTTP/1.1\r\nHost: x\r\n\r\nGET /half/2 HTTP/1.1\r\nHost: x\r\n\r\n');
    several.socket.end();
    for (const n of [1, 2]) {
        await until(`request ${n}`, () => answer);
        const now = answer;
        answer = undefined;
        now();
    }
    await several.end();
    assert.equal(several.text.match(/late/g).length, 2);
});

test('a client that ends its direction within the body has gone away', async () => {
    const up = await upstream('cutoff', () => {});
    for (const framing of ['Content-Length: 10', 'Transfer-Encoding: chunked']) {
        const client = await Raw.connect(gateway.proxyPort);
        client.send(`POST /cutoff HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n3\r\nab`);
        const n = up.connections.length;
        await until('it arrived', () => up.connections.length > n || up.connections.at(-1)?.text.includes('ab'));
        client.socket.end();
        await until('the upstream is aborted', () => up.connections.at(-1).error || up.connections.at(-1).closed);
        assert.equal(up.requests.length, 0);
        client.close();
    }
});

test('pipelined requests with bodies, split anywhere, are answered in order', async () => {
    const up = await upstream('pipe', answering((r) => response(`${r.target}=${r.body}`)));
    const n = 30;
    let text = '';
    for (let i = 0; i < n; i++) {
        const body = 'b'.repeat(i * 37);
        text += i % 2 === 0
            ? `POST /pipe/${i} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
            : `POST /pipe/${i} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    }
    const client = await Raw.connect(gateway.proxyPort);
    for (let at = 0, size = 1; at < text.length; at += size, size = (size * 7) % 1009 + 1) {
        client.send(text.slice(at, at + size));
        await new Promise(setImmediate);
    }
    const answers = () => readResponses(client.text, Array(n).fill('POST'), false);
    await client.wait('all answers', () => answers().filter((a) => !a.incomplete).length === n);
    assert.deepEqual(answers().map((a) => a.body), Array.from({ length: n }, (_, i) => `/pipe/${i}=${'b'.repeat(i * 37)}`));
    assert.equal(up.requests.length, n);
    client.close();
});

test('a body is passed on as it is encoded', async () => {
    const zipped = gzipSync(randomBytes(100000));
    const up = await upstream('encoded', answering((r) => `HTTP/1.1 200 OK\r\nContent-Encoding: ${r.target.slice(9)}\r\nContent-Length: ${zipped.length}\r\nETag: "x"\r\n\r\n${zipped.toString('latin1')}`));
    for (const coding of ['gzip', 'br', 'gzip,zstd']) {
        const answer = await gateway.proxy(`/encoded/${coding}`, { headers: { 'Accept-Encoding': 'gzip;q=0.5, br, x-own' }, method: 'POST', body: zipped });
        assert.equal(answer.headers['content-encoding'], coding);
        assert.equal(answer.headers.etag, '"x"');
        assert.ok(answer.bytes.equals(zipped));
    }
    for (const r of up.requests) {
        assert.deepEqual(r.fields.find((f) => f[0] === 'accept-encoding'), ['accept-encoding', 'gzip;q=0.5, br, x-own']);
        assert.ok(Buffer.from(r.body, 'latin1').equals(zipped));
    }
});

const UPGRADE = 'Connection: Upgrade\r\nUpgrade: echo\r\n\r\n';

test('Upgrade: nothing passes before the 101, then what was sent early comes first', async () => {
    const up = await upstream('tunnel', () => {});
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`GET /tunnel HTTP/1.1\r\nHost: x\r\n${UPGRADE}early GET /tunnel/smuggled HTTP/1.1\r\nHost: x\r\n\r\n`);
    await until('the head', () => up.connections[0]?.text.endsWith('\r\n\r\n'));
    await stays(() => up.connections[0].text.length, 200);
    assert.doesNotMatch(up.connections[0].text, /early/);
    const { socket } = up.connections[0];
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nfirst words');
    await client.see(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\nfirst words$/);
    await until('what was early', () => up.connections[0].text.endsWith('early GET /tunnel/smuggled HTTP/1.1\r\nHost: x\r\n\r\n'));
    assert.equal(up.connections.length, 1);
    for (const word of ['ping', '\0\xff\r\n\r\n', 'x'.repeat(300000)]) {
        client.send(word);
        await until('it came', () => up.connections[0].text.endsWith(word));
        socket.write(Buffer.from(word, 'latin1'));
        await client.wait('it came back', () => client.text.endsWith(word));
    }
    // Each direction ends by itself.
    client.socket.end();
    await until('the end is passed on', () => up.connections[0].ended);
    socket.write('last');
    await client.see(/last$/);
    socket.end();
    await client.end();
});

test('Upgrade: the upstream may end its direction first, and a reset is passed on', async () => {
    const up = await upstream('tunnelend', (c) => {
        if (c.text.endsWith('\r\n\r\n')) {
            c.socket.write('HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nbye');
            c.socket.end();
        }
    });
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`GET /tunnelend HTTP/1.1\r\nHost: x\r\n${UPGRADE}`);
    await client.wait('the end', () => client.ended);
    assert.match(client.text, /bye$/);
    client.send('still here');
    await until('it came', () => up.connections[0].text.endsWith('still here'));
    up.connections[0].socket.resetAndDestroy();
    await client.wait('the reset', () => {
        client.send('x');
        return client.closed;
    });
});

test('Upgrade: an answer that is no 101 is an ordinary one, and what follows an ordinary request', async () => {
    const up = await upstream('noswitch', answering((r) => (r.target === '/noswitch' ? 'HTTP/1.1 426 Upgrade Required\r\nUpgrade: other\r\nContent-Length: 2\r\n\r\nno' : response('next'))));
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`GET /noswitch HTTP/1.1\r\nHost: x\r\n${UPGRADE}GET /noswitch/next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await client.end();
    const answers = readResponses(client.text, ['GET', 'GET'], true);
    assert.deepEqual(answers.map((a) => [a.status, a.body]), [[426, 'no'], [200, 'next']]);
    assert.deepEqual(up.requests.map((r) => r.target), ['/noswitch', '/noswitch/next']);

    // Behind such a request it is the routes that decide, as for any other.
    const blocked = await Raw.connect(gateway.proxyPort);
    blocked.send(`GET /noswitch HTTP/1.1\r\nHost: x\r\n${UPGRADE}GET /nobody HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await blocked.end();
    assert.deepEqual(readResponses(blocked.text, ['GET', 'GET'], true).map((a) => a.status), [426, 404]);
});

test('Upgrade: a 101 with another protocol than was offered is a 502', async () => {
    await upstream('otherswitch', answering(() => 'HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\nEVIL'));
    const client = await Raw.connect(gateway.proxyPort);
    client.send(`GET /otherswitch HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: echo\r\n\r\n`);
    await client.end();
    assert.match(client.text, /^HTTP\/1\.1 502 /);
    assert.doesNotMatch(client.text, /EVIL/);
});

test('WebSocket clients and servers: text, binary, large messages, ping, close codes, refusals', async () => {
    const server = http.createServer();
    const sockets = new WebSocketServer({ server, path: '/ws', handleProtocols: () => 'v2', perMessageDeflate: true });
    sockets.on('connection', (ws) => {
        ws.on('message', (data, binary) => {
            if (!binary && data.toString() === 'end') ws.close(4001, 'as asked');
            else ws.send(data, { binary });
        });
    });
    server.listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    await gateway.put('service', { name: 'ws', urls: [`http://127.0.0.1:${server.address().port}`] });
    await gateway.put('route', { name: 'ws', paths: ['/ws', '/ws/**'], methods: ['GET'], service: 'ws' });
    const ws = new WebSocket(`ws://127.0.0.1:${gateway.proxyPort}/ws`, ['v1', 'v2']);
    await new Promise((done, fail) => ws.once('open', done).once('error', fail));
    assert.equal(ws.protocol, 'v2');
    assert.match(ws.extensions, /permessage-deflate/);
    const next = () => new Promise((done) => ws.once('message', (data, binary) => done([data, binary])));
    for (const message of ['hello', 'caf\u00e9', 'x'.repeat(500000), Buffer.from([0, 255, 13, 10]), randomBytes(2 * MIB)]) {
        ws.send(message);
        const [data, binary] = await next();
        assert.equal(binary, Buffer.isBuffer(message));
        assert.ok(Buffer.from(message).equals(data));
    }
    const pong = new Promise((done) => ws.once('pong', done));
    ws.ping('p');
    assert.equal((await pong).toString(), 'p');
    const closed = new Promise((done) => ws.once('close', (code, reason) => done([code, reason.toString()])));
    ws.send('end');
    assert.deepEqual(await closed, [4001, 'as asked']);

    const refused = new WebSocket(`ws://127.0.0.1:${gateway.proxyPort}/ws/elsewhere`);
    const error = await new Promise((done) => refused.once('error', done));
    assert.match(error.message, /400/);
    const many = await Promise.all(Array.from({ length: 20 }, async (_, i) => {
        const one = new WebSocket(`ws://127.0.0.1:${gateway.proxyPort}/ws`);
        await new Promise((done) => one.once('open', done));
        one.send(`n${i}`);
        const [data] = await new Promise((done) => one.once('message', (d) => done([d])));
        one.terminate();
        return data.toString();
    }));
    assert.deepEqual(many, Array.from({ length: 20 }, (_, i) => `n${i}`));
    await until('the server sees that they left', () => sockets.clients.size === 0);
    sockets.close();
    server.closeAllConnections();
    server.close();
});
