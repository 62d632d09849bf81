// A new connection and one request every so often, each timed from connect() to the end of the response. A process of its own.
// Arguments: JSON {port, everyMs, seconds, slowMs}
import net from 'node:net';

const options = JSON.parse(process.argv[2]);
const end = Date.now() + options.seconds * 1000;
const times = [];
const slow = [];
let failed = 0;

function probe() {
    const start = performance.now();
    const at = Date.now();
    let text = '';
    const socket = net.connect(options.port, '127.0.0.1', () =>
        socket.write('GET /proxy/small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'));
    socket.on('data', (chunk) => (text += chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
        const took = performance.now() - start;
        if (!text.startsWith('HTTP/1.1 200')) {
            failed++;
            slow.push({ at, took, text: text.slice(0, 100) });
            return;
        }
        times.push(took);
        if (took > options.slowMs) slow.push({ at, took });
    });
}

const timer = setInterval(() => {
    if (Date.now() < end) return probe();
    clearInterval(timer);
    setTimeout(() => {
        times.sort((a, b) => a - b);
        const at = (q) => times[Math.floor((times.length - 1) * q)];
        console.log(JSON.stringify({ count: times.length, failed, p50: at(0.5), p99: at(0.99), max: at(1), slow: slow.slice(0, 20), slowCount: slow.length }));
        process.exit(0);
    }, 3000);
}, options.everyMs);
