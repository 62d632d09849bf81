// A reader of HTTP/1.1 messages that takes only what a gateway may write: anything else is thrown. It shows
// what another program must understand, without a parser that might forgive.

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const FIELD = new RegExp(`^(${TOKEN}): ((?:[!-~\\x80-\\xff](?:[ \\t!-~\\x80-\\xff]*[!-~\\x80-\\xff])?)?)$`);

function readFields(lines) {
    return lines.map((line) => {
        const m = FIELD.exec(line);
        if (!m) throw new Error(`no field line: ${JSON.stringify(line)}`);
        return [m[1].toLowerCase(), m[2]];
    });
}

function values(fields, name) {
    return fields.filter((f) => f[0] === name).map((f) => f[1]);
}

// The chunks at the start of text; null when they are not all there.
function readChunks(text) {
    let body = '';
    for (let at = 0; ;) {
        const m = /^([0-9a-f]{1,15})\r\n/.exec(text.slice(at, at + 17));
        if (!m) {
            if (/^[0-9a-f]{0,15}\r?$/.test(text.slice(at, at + 17))) return null;
            throw new Error(`no chunk: ${JSON.stringify(text.slice(at, at + 20))}`);
        }
        const size = parseInt(m[1], 16);
        at += m[0].length;
        if (size === 0) {
            const end = text.startsWith('\r\n', at) ? at : text.indexOf('\r\n\r\n', at) + 2;
            if (end < 2) return null;
            return { body, trailers: readFields(text.slice(at, end).split('\r\n').slice(0, -1)), used: end + 2 };
        }
        if (text.length < at + size + 2) return null;
        if (text.slice(at + size, at + size + 2) !== '\r\n') throw new Error('no CR LF after a chunk');
        body += text.slice(at, at + size);
        at += size + 2;
    }
}

// One request at the start of text (latin1); null when it is not all there.
export function readRequest(text) {
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const lines = text.slice(0, end).split('\r\n');
    const line = new RegExp(`^(${TOKEN}) ([!-~]+) HTTP/1\\.1$`).exec(lines[0]);
    if (!line) throw new Error(`no request line: ${JSON.stringify(lines[0])}`);
    const fields = readFields(lines.slice(1));
    const request = { method: line[1], target: line[2], fields, body: '', trailers: [], used: end + 4 };
    const lengths = values(fields, 'content-length');
    const codings = values(fields, 'transfer-encoding');
    if (values(fields, 'host').length !== 1) throw new Error('not one Host');
    if (lengths.length + codings.length > 1) throw new Error(`several framings: ${lengths} ${codings}`);
    if (codings.length > 0) {
        if (codings[0] !== 'chunked') throw new Error(`coding ${codings[0]}`);
        const chunks = readChunks(text.slice(request.used));
        if (chunks === null) return null;
        return { ...request, body: chunks.body, trailers: chunks.trailers, used: request.used + chunks.used };
    }
    if (lengths.length > 0) {
        if (!/^(0|[1-9]\d{0,15})$/.test(lengths[0])) throw new Error(`length ${lengths[0]}`);
        const length = Number(lengths[0]);
        if (text.length < request.used + length) return null;
        request.body = text.slice(request.used, request.used + length);
        request.used += length;
    }
    return request;
}

// All responses in text to requests with these methods; what is missing of the last one makes it {incomplete}.
// ended: the connection was ended in an orderly way.
export function readResponses(text, methods, ended) {
    const found = [];
    const infos = [];
    for (let rest = text; rest.length > 0;) {
        const end = rest.indexOf('\r\n\r\n');
        if (end < 0) return [...found, { incomplete: true }];
        const lines = rest.slice(0, end).split('\r\n');
        const line = /^HTTP\/1\.1 ([1-9]\d\d) ([\t -~\x80-\xff]*)$/.exec(lines[0]);
        if (!line) throw new Error(`no status line: ${JSON.stringify(lines[0])}`);
        const fields = readFields(lines.slice(1));
        const response = { status: Number(line[1]), fields, body: '', trailers: [] };
        rest = rest.slice(end + 4);
        if (response.status < 200 && response.status !== 101) {
            infos.push(response);
            continue;
        }
        response.infos = infos.splice(0);
        const method = methods[found.length];
        if (method === undefined) throw new Error('more responses than requests');
        found.push(response);
        const lengths = values(fields, 'content-length');
        const codings = values(fields, 'transfer-encoding');
        if (lengths.length + codings.length > 1) throw new Error('several framings');
        if (method === 'HEAD' || [101, 204, 304].includes(response.status)) continue;
        if (codings.length > 0) {
            const chunks = readChunks(rest);
            if (chunks === null) return found.with?.(-1, { ...response, incomplete: true }) ?? [...found.slice(0, -1), { ...response, incomplete: true }];
            Object.assign(response, { body: chunks.body, trailers: chunks.trailers });
            rest = rest.slice(chunks.used);
        } else if (lengths.length > 0) {
            response.body = rest.slice(0, Number(lengths[0]));
            rest = rest.slice(Number(lengths[0]));
            if (response.body.length < Number(lengths[0])) response.incomplete = true;
        } else {
            response.body = rest;
            response.incomplete = !ended;
            rest = '';
        }
    }
    return found;
}
