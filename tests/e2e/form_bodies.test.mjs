// Forms as bodies: what js/runtime/web/form_data.ts writes and reads, bundled with a host of Node.js.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { build } from 'esbuild';

globalThis.dgateHost = {
    encode: (text) => new Uint8Array(Buffer.from(text)).buffer,
    decode: (bytes) => Buffer.from(bytes.buffer ?? bytes, bytes.byteOffset, bytes.byteLength).toString(),
    encodeBytes: (bytes) => Buffer.from(bytes).toString('hex'),
    randomBytes: (n) => new Uint8Array(randomBytes(n)).buffer,
    findBytes: (all, wanted, from) => Buffer.from(all.buffer, all.byteOffset, all.byteLength).indexOf(wanted, from),
};
// Node.js 18 lacks them; the engine has them.
String.prototype.toWellFormed ??= function () { return Buffer.from(String(this)).toString(); };
Array.prototype.with ??= function (i, value) { const copy = [...this]; copy[i] = value; return copy; };

const { outputFiles } = await build({
    stdin: { contents: 'export * from "./js/runtime/web/form_data"; export * from "./js/runtime/web/blob";', resolveDir: '.' },
    bundle: true, format: 'esm', write: false, logLevel: 'silent',
});
const { FormData, File, Blob, formDataToBytes, parseFormData } =
    await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);

const latin1 = (bytes) => Buffer.from(bytes).toString('latin1');
const show = async (form) => {
    const out = [];
    for (const [name, value] of form)
        out.push(typeof value === 'string' ? [name, value] : [name, value.name, value.type, await value.text()]);
    return out;
};
const parse = (text, boundary = 'B') => parseFormData(Buffer.from(text), `multipart/form-data; boundary=${boundary}`);
const part = (head, body, boundary = 'B') => `--${boundary}\r\n${head}\r\n\r\n${body}\r\n`;
const field = (name, value) => part(`Content-Disposition: form-data; name="${name}"`, value);

test('a form is written as the HTML standard says', () => {
    const form = new FormData();
    form.append('a"\r\nb\n', 'x\ny\rz\r\n');
    form.append('f', new File(['\u00e4'], 'q"\n.txt', { type: 'text/plain' }));
    form.append('g', new Blob([new Uint8Array([0, 255])]));
    const { bytes, contentType } = formDataToBytes(form);
    const boundary = /^multipart\/form-data; boundary=(\S{20,70})$/.exec(contentType)[1];
    assert.equal(latin1(bytes), [
        `--${boundary}`, 'Content-Disposition: form-data; name="a%22%0D%0Ab%0D%0A"', '', 'x\r\ny\r\nz\r\n',
        `--${boundary}`, 'Content-Disposition: form-data; name="f"; filename="q%22%0A.txt"', 'Content-Type: text/plain', '', '\xc3\xa4',
        `--${boundary}`, 'Content-Disposition: form-data; name="g"; filename="blob"', 'Content-Type: application/octet-stream', '', '\0\xff',
        `--${boundary}--`, '',
    ].join('\r\n'));
});

test('what was written is read again', async () => {
    const form = new FormData();
    form.append('a', '');
    form.append('\u00e4"', '\u20ac\r\n--x');
    form.append('f', new File(['--\r\n'], 'n.bin', { type: 'application/x' }));
    form.append('e', new File([], ''));
    const { bytes, contentType } = formDataToBytes(form);
    assert.deepEqual(await show(parseFormData(bytes, contentType)), [
        ['a', ''], ['\u00e4"', '\u20ac\r\n--x'], ['f', 'n.bin', 'application/x', '--\r\n'], ['e', '', 'application/octet-stream', '']]);
    const empty = formDataToBytes(new FormData());
    assert.deepEqual(await show(parseFormData(empty.bytes, empty.contentType)), []);
});

test('what clients send is read', async () => {
    assert.deepEqual(await show(parse(`${field('a', '1')}${field('a', '2')}--B--`)), [['a', '1'], ['a', '2']]);
    assert.deepEqual(await show(parse(`preamble\r\n${field('a', '1')}--B--\r\nepilogue`)), [['a', '1']]);
    assert.deepEqual(await show(parse(`\r\n${field('a', '')}--B--\r\n`)), [['a', '']]);
    assert.deepEqual(await show(parse(`${part('content-disposition: FORM-DATA; NAME=a;filename=b.txt\r\nX-Other: 1', 'x')}--B--`)), [['a', 'b.txt', 'text/plain', 'x']]);
    assert.deepEqual(await show(parse(`${part('Content-Disposition: form-data; filename="n=1; name=x"; name="a"', 'x')}--B--`)), [['a', 'n=1; name=x', 'text/plain', 'x']]);
    assert.deepEqual(await show(parse(`${field('%22%0D%0A%41', '\ufeffx\r\n--Bx')}--B--`.replace('--Bx', '-- B'))), [['"\r\n%41', 'x\r\n-- B']]);
    assert.deepEqual(await show(parse(`${part('Content-Disposition: form-data; name="a"; filename="C:\\\\x\\\\"', 'x')}--B--`)), [['a', 'C:\\\\x\\\\', 'text/plain', 'x']]);
    const quoted = `--B c\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B c--`;
    assert.deepEqual(await show(parse(quoted, '"B c"')), [['a', '1']]);
});

test('what is not a form is refused', () => {
    for (const [text, why] of [
        ['', /boundary is not there/], ['x', /boundary is not there/], ['--C--', /boundary is not there/], ['--B', /line end/], ['--Bx\r\n', /line end/],
        [field('a', '1'), /last boundary/], [`${field('a', '1')}--B`, /line end/], ['--B\r\nX: 1\r\n', /last boundary/],
        [`${part('Content-Type: text/plain', 'x')}--B--`, /no name/], [`${part('Content-Disposition: attachment; name="a"', 'x')}--B--`, /no name/],
        [`${part('Content-Disposition: form-data; filename="name=x"', 'x')}--B--`, /no name/], [`${part('nonsense', 'x')}--B--`, /not a field/],
    ]) assert.throws(() => parse(text), { name: 'TypeError', message: why }, text);
    for (const type of ['', 'text/plain', 'multipart/form-data', 'multipart/form-data; boundary=', `multipart/form-data; boundary=${'x'.repeat(71)}`, 'multipart/mixed; boundary=B'])
        assert.throws(() => parseFormData(Buffer.from('--B--'), type), TypeError, type);
});

test('an urlencoded form is read', async () => {
    const read = (text) => show(parseFormData(Buffer.from(text), 'Application/X-WWW-Form-Urlencoded; charset=utf-8'));
    assert.deepEqual(await read('a=1&b=%C3%A4+%2B&a=&c'), [['a', '1'], ['b', '\u00e4 +'], ['a', ''], ['c', '']]);
    assert.deepEqual(await read('?a=1'), [['?a', '1']]);
    assert.deepEqual(await read(''), []);
});
