// What a module does to its own request is written to memory that the host reads before it does anything else for a
// request and when JavaScript has returned (src/script/outbox.h). Short ASCII texts go this way; what does
// not fit, or has to be refused, goes by a call. Each function tells whether it took what it was given.

import { isCurrent } from "./current";
import { host, type Side } from "./host";

const enum Command {
    Field,
    Answer,
}

const HEADER = 8;
const NAME_MAX = 255;
const TEXT_MAX = 256;

const memory = host.outbox();
const owner = new Float64Array(memory, 0, 1);
const used = new Uint32Array(memory, 8, 1);
const bodyMax = new Uint32Array(memory, 12, 1); // of the module that runs
const bytes = new Uint8Array(memory, 16);
const SIZE = bytes.length;

const TOKEN = new Uint8Array(256);
for (const c of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") TOKEN[c.charCodeAt(0)] = 1;

// Where the next command goes; -1: not into the outbox.
function begin(handle: number, length: number): number {
    const at = used[0] as number;
    if (length > SIZE - HEADER - at || !isCurrent(handle)) return -1;
    owner[0] = handle;
    return at;
}

function putLength(at: number, length: number): void {
    bytes[at + 4] = length;
    bytes[at + 5] = length >> 8;
    bytes[at + 6] = 0;
    bytes[at + 7] = 0;
}

function putToken(at: number, text: string): boolean {
    for (let i = 0; i < text.length; i++) {
        const c = text.charCodeAt(i);
        if (c > 127 || TOKEN[c] === 0) return false;
        bytes[at + i] = c;
    }
    return true;
}

function putVisible(at: number, text: string): boolean {
    for (let i = 0; i < text.length; i++) {
        const c = text.charCodeAt(i);
        if (c < 32 || c > 126) return false;
        bytes[at + i] = c;
    }
    return true;
}

function putAscii(at: number, text: string): boolean {
    for (let i = 0; i < text.length; i++) {
        const c = text.charCodeAt(i);
        if (c > 127) return false;
        bytes[at + i] = c;
    }
    return true;
}

export function postField(handle: number, side: Side, name: string, value: string): boolean {
    const { length } = name;
    if (length === 0 || length > NAME_MAX || value.length > TEXT_MAX) return false;
    const at = begin(handle, length + value.length);
    if (at < 0) return false;
    const from = at + HEADER;
    if (!putToken(from, name) || !putVisible(from + length, value)) return false;
    bytes[at] = Command.Field;
    bytes[at + 1] = side;
    bytes[at + 2] = length;
    putLength(at, value.length);
    used[0] = from + length + value.length;
    return true;
}

export function postAnswer(handle: number, status: number, isJson: boolean, text: string): boolean {
    if (text.length > (bodyMax[0] as number)) return false;
    const at = begin(handle, text.length);
    if (at < 0 || !putAscii(at + HEADER, text)) return false;
    bytes[at] = Command.Answer;
    bytes[at + 1] = isJson ? 1 : 0;
    bytes[at + 2] = status;
    bytes[at + 3] = status >> 8;
    putLength(at, text.length);
    used[0] = at + HEADER + text.length;
    return true;
}
