// Bodies of any length whose every octet is known from its offset, made and checked without keeping them.
import { randomBytes } from 'node:crypto';

const PERIOD = 65521; // a prime: no block size hides a shift
const ONCE = randomBytes(PERIOD);
const PATTERN = Buffer.concat([ONCE, ONCE, ONCE, ONCE, ONCE]);
const PIECE = 4 * PERIOD;

// Writes the octets from..to as fast as the stream takes them; wrap(chunk) may frame each piece.
export function send(stream, to, wrap = (chunk) => chunk) {
    return new Promise((done) => {
        let at = 0;
        const more = () => {
            while (at < to && !stream.destroyed) {
                const from = at % PERIOD;
                const n = Math.min(PIECE, to - at);
                at += n;
                if (!stream.write(wrap(PATTERN.subarray(from, from + n)))) return stream.once('drain', more);
            }
            done(at);
        };
        stream.once('close', () => done(at));
        more();
    });
}

// Checks what comes: add() every chunk, then look at received and wrong.
export class Checker {
    received = 0;
    wrong = 0;

    add(chunk) {
        for (let at = 0; at < chunk.length;) {
            const from = this.received % PERIOD;
            const n = Math.min(PIECE, chunk.length - at);
            if (chunk.compare(PATTERN, from, from + n, at, at + n) !== 0) this.wrong++;
            at += n;
            this.received += n;
        }
    }
}
