// Bodies of every size that a buffer, a window or a read ends at, by every way through the gateway.
import assert from 'node:assert/strict';
import http from 'node:http';
import test, { after, before } from 'node:test';
import { addWays, echoServer, framing, octets, send, WAYS } from './lib/body_ways.mjs';
import { Gateway } from './lib/gateway.mjs';

const KIB = 1 << 10;
const SIZES = [0, 1, 1023, 4095, 4096, 16 * KIB - 1, 16 * KIB, 32 * KIB, 48 * KIB, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1,
    96 * KIB, 128 * KIB, 128 * KIB + 1, 300000, 1 << 20, 3000000];

let gateway;
let echo;

before(async () => {
    gateway = await new Gateway({ workers: 1, limits: { module_cpu_ms: 5000 } }).start();
    echo = await echoServer();
    await addWays(gateway, `http://127.0.0.1:${echo.address().port}/`);
});

after(async () => {
    await gateway?.remove();
    echo?.closeAllConnections();
    echo?.close();
});

Object.entries(WAYS).forEach(([name, { expect }], n) => test(name, async () => {
    const kept = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (const size of SIZES) {
        const data = octets(size);
        const wanted = Buffer.concat([data, Buffer.from(expect)]);
        for (const agent of [false, kept]) {
            for (const chunked of [false, true]) {
                const what = `${size} octets${chunked ? ', chunked' : ''}${agent ? ', on a kept connection' : ''}`;
                const got = await send(`${gateway.proxyUrl}/${n}`, { agent, headers: framing(size, chunked), write: (req) => req.end(data) })
                    .catch((e) => assert.fail(`${what}: ${e.message}`));
                assert.equal(got.status, 200, `${what}: ${got.body.subarray(0, 200)}`);
                assert.ok(got.body.equals(wanted), `${what}: ${got.body.length} octets came back`);
            }
        }
    }
    kept.destroy();
}));
