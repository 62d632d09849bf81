// Bodies of random sizes, sent and taken in random pieces with random pauses by client and upstream, by every way through
// the gateway: none is lost, changed or left standing.   BODIES_SECONDS (60), BODIES_CLIENTS (16), BODIES_SEED
import http from 'node:http';
import { addWays, echoServer, framing, octets, send, WAYS } from '../e2e/lib/body_ways.mjs';
import { Gateway } from '../e2e/lib/gateway.mjs';

const SECONDS = Number(process.env.BODIES_SECONDS ?? 60);
const CLIENTS = Number(process.env.BODIES_CLIENTS ?? 16);
const SEED = Number(process.env.BODIES_SEED ?? Date.now() % 1e6);

// The same seed asks for the same; what happens at the same time still differs.
let state = SEED;
function random(below) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
}

const pause = () => new Promise((done) => (random(2) ? setImmediate(done) : setTimeout(done, random(8))));

function anySize() {
    return [random(2000), random(70000), random(400000), (random(8) + 1) << 16, random(30) << 14, random(3000000)][random(6)];
}

async function writeInPieces(stream, data) {
    const slow = random(3) === 0;
    const closed = new Promise((done) => stream.once('close', done));
    for (let at = 0; at < data.length && !stream.destroyed;) {
        const n = [random(1000) + 1, 1 << 14, 1 << 16, random(200000) + 1, data.length][random(5)];
        const taken = stream.write(data.subarray(at, at + n));
        at += n;
        if (!taken) await Promise.race([closed, new Promise((done) => stream.once('drain', done))]);
        if (slow) await pause();
    }
    stream.end();
}

async function readInPieces(stream) {
    const chunks = [];
    const slow = random(3) === 0;
    if (slow) await pause();
    for await (const chunk of stream) {
        chunks.push(chunk);
        if (slow && random(3) === 0) await pause();
    }
    return Buffer.concat(chunks);
}

const gateway = await new Gateway({ workers: 1, limits: { module_cpu_ms: 5000 } }).start();
const echo = await echoServer(readInPieces, (res, data) => {
    if (random(2)) res.setHeader('content-length', data.length);
    return writeInPieces(res, data);
});
await addWays(gateway, `http://127.0.0.1:${echo.address().port}/`);

const names = Object.keys(WAYS);
const agent = new http.Agent({ keepAlive: true });
const end = Date.now() + SECONDS * 1000;
const failures = [];
let good = 0;

async function client() {
    while (Date.now() < end && failures.length < 10) {
        const n = random(names.length);
        const data = octets(anySize());
        const chunked = random(2) === 1;
        const wanted = Buffer.concat([data, Buffer.from(WAYS[names[n]].expect)]);
        const fail = (why) => failures.push(`${names[n]}, ${data.length} octets${chunked ? ', chunked' : ''}: ${why}`);
        try {
            const got = await send(`${gateway.proxyUrl}/${n}`, {
                agent: random(3) ? agent : false,
                headers: framing(data.length, chunked),
                write: (req) => writeInPieces(req, data),
                read: readInPieces,
            });
            if (got.status === 200 && got.body.equals(wanted)) good++;
            else fail(`${got.status}, ${got.body.length} octets: ${got.body.subarray(0, 150)}`);
        } catch (e) {
            fail(e.message);
        }
    }
}

await Promise.all(Array.from({ length: CLIENTS }, client));
agent.destroy();
await gateway.remove();
echo.closeAllConnections();
echo.close();
console.log(`bodies (BODIES_SEED=${SEED}): ${good} came back as sent`);
if (failures.length > 0) {
    console.log(`FAILED:\n${failures.join('\n')}`);
    process.exit(1);
}
