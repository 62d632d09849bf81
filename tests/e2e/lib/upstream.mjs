// An upstream of raw sockets: what exactly arrives, and when.
import net from 'node:net';
import { readRequest } from './strict.mjs';

export class RawUpstream {
    // onData(connection) runs after bytes came: connection has socket, text (latin1), ended, closed, error.
    static async listen(onData, options = {}) {
        const up = new RawUpstream();
        up.connections = [];
        up.onData = onData;
        up.server = net.createServer({ allowHalfOpen: true, ...options }, (socket) => up.accept(socket)).listen(0, '127.0.0.1');
        await new Promise((done) => up.server.once('listening', done));
        return up;
    }

    accept(socket) {
        const c = { socket, text: '', ended: false, closed: false, error: null, index: this.connections.length };
        this.connections.push(c);
        socket.setNoDelay(true);
        socket.on('error', (error) => (c.error = error));
        socket.on('end', () => (c.ended = true));
        socket.on('close', () => (c.closed = true));
        socket.on('data', (chunk) => {
            c.text += chunk.toString('latin1');
            this.onData(c, chunk);
        });
    }

    get url() {
        return `http://127.0.0.1:${this.server.address().port}`;
    }

    // The requests that have arrived completely, over all connections.
    get requests() {
        return this.connections.flatMap((c) => {
            const found = [];
            for (let rest = c.text, r; (r = readRequest(rest)) !== null; rest = rest.slice(r.used)) found.push(r);
            return found;
        });
    }

    close() {
        for (const c of this.connections) c.socket.destroy();
        return new Promise((done) => this.server.close(done));
    }
}

// Answers every complete request with what respond(request, connection) returns; null: nothing.
export function answering(respond) {
    return (c) => {
        c.rest = (c.rest ?? '') + c.text.slice(c.seen ?? 0);
        c.seen = c.text.length;
        for (let r; (r = readRequest(c.rest)) !== null;) {
            c.rest = c.rest.slice(r.used);
            const text = respond(r, c);
            if (text !== null && text !== undefined) c.socket.write(Buffer.from(text, 'latin1'));
        }
    };
}

export function response(body = '', more = '') {
    return `HTTP/1.1 200 OK\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
}

// Whether value() stays the same for a while: nothing moves any more.
export async function stays(value, ms = 300) {
    let last = value();
    for (let since = Date.now(); Date.now() - since < ms;) {
        await new Promise((done) => setTimeout(done, 20));
        if (value() !== last) {
            last = value();
            since = Date.now();
        }
    }
    return last;
}
