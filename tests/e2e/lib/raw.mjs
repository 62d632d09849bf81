// A raw TCP client: what exactly goes over the wire.
import net from 'node:net';

export class Raw {
    static connect(port, host = '127.0.0.1') {
        return new Promise((done, fail) => {
            const socket = net.connect({ port, host, allowHalfOpen: true });
            socket.once('error', fail);
            socket.once('connect', () => done(new Raw(socket)));
        });
    }

    constructor(socket) {
        this.socket = socket;
        this.data = Buffer.alloc(0);
        this.ended = false;
        this.closed = false;
        socket.setNoDelay(true);
        socket.on('data', (chunk) => {
            this.data = Buffer.concat([this.data, chunk]);
        });
        socket.on('end', () => {
            this.ended = true;
        });
        socket.on('error', (error) => {
            this.error = error;
        });
        socket.on('close', () => {
            this.closed = true;
        });
    }

    get text() {
        return this.data.toString('latin1');
    }

    send(text) {
        this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
        return this;
    }

    async wait(what, check, ms = 10000) {
        const end = Date.now() + ms;
        while (!check(this)) {
            if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}; got ${JSON.stringify(this.text.slice(0, 2000))}`);
            await new Promise((done) => setTimeout(done, 5));
        }
        return this;
    }

    // Waits until text matches the pattern.
    see(pattern, ms) {
        return this.wait(`${pattern}`, () => pattern.test(this.text), ms);
    }

    end(ms) {
        return this.wait('the end', () => this.ended || this.closed, ms);
    }

    close() {
        this.socket.destroy();
    }
}
