// Reads the tables of tests/http1/, which say there how they are written.
import { readFileSync } from 'node:fs';

const FOLDER = new URL('../../http1/', import.meta.url);
const ESCAPES = { r: '\r', n: '\n', t: '\t', 0: '\0', '\\': '\\' };

// Escapes and words in braces to a string of octets (latin1).
export function decode(text, macros = {}) {
    return text.replace(/\\(?:x([0-9a-f]{2})|(.))|\{(?:FIELD\*(\d+)|(.)\*(\d+)|(\w+))\}/gi, (all, hex, escape, fields, octet, times, word) => {
        if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
        if (escape !== undefined) return ESCAPES[escape];
        if (fields !== undefined) return 'F: x\r\n'.repeat(Number(fields));
        if (octet !== undefined) return octet.repeat(Number(times));
        return macros[word] === undefined ? all : decode(macros[word], macros);
    });
}

// Rows as {line, outcome, raw, bytes, source}; {END}, {FIN} and {HEAD} are still in bytes.
export function readTable(name, macros) {
    return readFileSync(new URL(name, FOLDER), 'utf8').split('\n').flatMap((text, i) => {
        if (text === '' || text.startsWith('#')) return [];
        const [outcome, raw, source] = text.split(' | ');
        return [{ line: i + 1, outcome, raw, bytes: raw === '(empty)' ? '' : decode(raw, macros), source }];
    });
}

export const requestMacros = {
    GET: 'GET / HTTP/1.1\\r\\nHost: a\\r\\n',
    POST: 'POST / HTTP/1.1\\r\\nHost: a\\r\\n',
    CHUNKED: '{POST}Transfer-Encoding: chunked\\r\\n\\r\\n',
};

export const responseMacros = {
    OK: 'HTTP/1.1 200 OK\\r\\n',
    CHUNKED: '{OK}Transfer-Encoding: chunked\\r\\n\\r\\n',
};
