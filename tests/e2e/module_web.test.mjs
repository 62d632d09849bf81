// The web-standard globals: the cases of the Web Platform Tests that need no browser, by our own tables.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Gateway } from './lib/gateway.mjs';
import { checkExpressions } from './lib/expressions.mjs';

let gateway;

before(async () => {
    gateway = await new Gateway().start();
});

after(() => gateway?.remove());

const OURS = { node: false }; // where Node.js 18 has something else

test('atob and btoa', async () => {
    const good = { '': '', abcd: 'i\xb7\x1d', ' abcd': 'i\xb7\x1d', 'abcd ': 'i\xb7\x1d', 'abcd===': null, 'ab\tcd': 'i\xb7\x1d', 'ab\u000bcd': null,
        'ab\u3000cd': null, 'ab=': null, 'ab==': 'i', 'ab===': null, abc: 'i\xb7', abcde: null, 'abc=': 'i\xb7', 'abc==': null, '=': null, '==': null,
        '====': null, a: null, 'a=': null, 'A===': null, 'ab==c': null, 'abcd====': null, 'ab\ncd\r\f': 'i\xb7\x1d', 'A': null, '/A': '\xfc', '+/8': '\xfb\xff',
        '-_8': null, 'YQ\0': null, '\ud800': null, '\xe9': null, 'YR': 'a' };
    const rows = Object.entries(good).map(([text, result]) =>
        [`atob(${JSON.stringify(text)})`, result ?? '! InvalidCharacterError', OURS]);
    await checkExpressions(gateway, 'base64', [
        ...rows,
        ['atob(undefined)', '! InvalidCharacterError'], ['atob(null)', '\x9e\xe9e'], ['atob(12)', '\xd7'], ['atob(NaN)', '5\xa3'], ['atob()', '! TypeError'],
        ['atob({ toString() { throw new RangeError(); } })', '! RangeError'],
        ['btoa("")', ''], ['btoa("ab\\xff\\0")', 'YWL/AA=='], ['btoa("a")', 'YQ=='], ['btoa(null)', 'bnVsbA=='], ['btoa(12)', 'MTI='],
        ['btoa("\\u0100")', '! InvalidCharacterError'], ['btoa("\\ud83d\\ude00")', '! InvalidCharacterError'], ['btoa()', '! TypeError'],
        ['(() => { let all = ""; for (let i = 0; i < 256; i++) all += String.fromCharCode(i); return atob(btoa(all)) === all; })()', 'true'],
        ['(() => { try { atob("*"); } catch (e) { return [e instanceof DOMException, e instanceof Error, e.code, DOMException.INVALID_CHARACTER_ERR]; } })()', 'true,true,5,5'],
    ]);
});

test('DOMException', async () => {
    await checkExpressions(gateway, 'domexception', [
        ['[new DOMException().name, new DOMException().message, new DOMException().code]', 'Error,,0'],
        ['[new DOMException("m", "AbortError").name, new DOMException("m", "AbortError").code]', 'AbortError,20'],
        ['[new DOMException("m", "DataCloneError").code, new DOMException("m", "TimeoutError").code, new DOMException("m", "Own").code]', '25,23,0'],
        ['String(new DOMException("m", "AbortError"))', 'AbortError: m'],
        ['Object.prototype.toString.call(new DOMException())', '[object DOMException]'],
        ['typeof new DOMException("m").stack', 'string'],
        ['DOMException()', '! TypeError'],
    ]);
});

test('TextDecoder and TextEncoder', async () => {
    const labels = { 'utf8': 'utf-8', ' UTF-8\n': 'utf-8', 'unicode-1-1-utf-8': 'utf-8', 'utf-16': 'utf-16le', 'ucs-2': 'utf-16le', 'UTF-16BE': 'utf-16be',
        'latin1': 'windows-1252', 'iso-8859-1': 'windows-1252', 'us-ascii': 'windows-1252', 'x-cp1252': 'windows-1252' };
    await checkExpressions(gateway, 'encoding', [
        ...Object.entries(labels).map(([label, name]) => [`new TextDecoder(${JSON.stringify(label)}).encoding`, name, OURS]),
        ...['', 'utf-9', '\u2028utf-8', 'utf-8\u00a0', 'utf-8\0', 'replacement'].map((label) => [`new TextDecoder(${JSON.stringify(label)})`, '! RangeError']),
        ['[new TextDecoder().fatal, new TextDecoder("utf-8", { fatal: 1 }).fatal, new TextDecoder("utf-8", { ignoreBOM: true }).ignoreBOM]', 'false,true,true'],
        // Broken UTF-8: how many U+FFFD there are
        ...[['ff', 1], ['c0', 1], ['c080', 2], ['e080', 2], ['e08080', 3], ['eda080', 3], ['edb080', 3], ['f08080', 3], ['f4908080', 4], ['f8808080', 4],
            ['e28261', 1], ['f09f9861', 1], ['c2', 1], ['e282', 1], ['f09f98', 1], ['80', 1], ['c3c3a4', 1]].map(([hex, n]) =>
            [`new TextDecoder().decode(b('${hex}')).split("\\ufffd").length - 1`, String(n)]),
        ...['ff', 'c080', 'eda080', 'f4908080', 'e282', '80'].map((hex) => [`new TextDecoder('utf-8', { fatal: true }).decode(b('${hex}'))`, '! TypeError']),
        ['new TextDecoder("utf-8", { fatal: true }).decode(b("e282ac"))', '\u20ac'],
        ['(() => { const d = new TextDecoder("utf-8", { fatal: true }); try { d.decode(b("e282"), { stream: false }); } catch { return d.decode(b("e282ac")); } })()', '\u20ac'],
        // Byte order marks
        ['escape(new TextDecoder().decode(b("efbbbf61")))', 'a'], ['escape(new TextDecoder("utf-8", { ignoreBOM: true }).decode(b("efbbbf61")))', '%uFEFFa'],
        ['escape(new TextDecoder().decode(b("efbbbfefbbbf61")))', '%uFEFFa'], ['escape(new TextDecoder("utf-16le").decode(b("fffe6100")))', 'a'],
        ['escape(new TextDecoder("utf-16be").decode(b("feff0061")))', 'a', OURS], ['escape(new TextDecoder("utf-16le").decode(b("feff6100")))', '%uFFFEa'],
        ['(() => { const d = new TextDecoder(); const t = [d.decode(b("efbb"), { stream: true }), d.decode(b("bf61"), { stream: true }), d.decode(b("efbbbf")), d.decode(b("efbbbf62"))]; return escape(t.join("|")); })()', '%7Ca%7C%uFEFF%7Cb'],
        // Streams cut at every place
        ['(() => { const all = b("61c3a4e282acf09f9880ed9fbf"); for (let i = 0; i <= all.length; i++) for (let j = i; j <= all.length; j++) { const d = new TextDecoder("utf-8", { fatal: true }); const t = d.decode(all.subarray(0, i), { stream: true }) + d.decode(all.subarray(i, j), { stream: true }) + d.decode(all.subarray(j)); if (t !== "a\\u00e4\\u20ac\\ud83d\\ude00\\ud7ff") return [i, j, t]; } return "ok"; })()', 'ok'],
        ['(() => { const all = b("61003dd800de62000020"); for (let i = 0; i <= all.length; i++) for (let j = i; j <= all.length; j++) { const d = new TextDecoder("utf-16le", { fatal: true }); const t = d.decode(all.subarray(0, i), { stream: true }) + d.decode(all.subarray(i, j), { stream: true }) + d.decode(all.subarray(j)); if (t !== "a\\ud83d\\ude00b\\u2000") return [i, j, t]; } return "ok"; })()', 'ok'],
        ['(() => { const d = new TextDecoder(); return escape(d.decode(b("f0"), { stream: true }) + "|" + d.decode(b("28"), { stream: true }) + "|" + d.decode()); })()', '%7C%uFFFD%28%7C'],
        ['(() => { const d = new TextDecoder(); return escape(d.decode(b("e282"), { stream: true }) + "|" + d.decode()); })()', '%7C%uFFFD'],
        // UTF-16
        ['escape(new TextDecoder("utf-16le").decode(b("00d86100")))', '%uFFFDa'], ['escape(new TextDecoder("utf-16le").decode(b("00dc")))', '%uFFFD'],
        ['escape(new TextDecoder("utf-16le").decode(b("610062")))', 'a%uFFFD'], ['escape(new TextDecoder("utf-16be").decode(b("d83dde00")))', '%uD83D%uDE00', OURS],
        ['new TextDecoder("utf-16le", { fatal: true }).decode(b("00d8"))', '! TypeError'], ['new TextDecoder("utf-16le", { fatal: true }).decode(b("61"))', '! TypeError'],
        ['new TextDecoder("utf-16be", { fatal: true }).decode(b("dc00"))', '! TypeError', OURS],
        // windows-1252
        ['escape(new TextDecoder("latin1").decode(b("80818d9fa0e4ff")))', '%u20AC%81%8D%u0178%A0%E4%FF', OURS],
        ['new TextDecoder("latin1").decode(Uint8Array.from({ length: 256 }, (_, i) => i)).length', '256'],
        // What it takes
        ['new TextDecoder().decode()', ''], ['new TextDecoder().decode(b("6162").buffer)', 'ab'], ['new TextDecoder().decode(new DataView(b("616263").buffer, 1, 1))', 'b'],
        ['new TextDecoder().decode(new Uint16Array([0x6261]))', 'ab'], ['new TextDecoder().decode("a")', '! TypeError'], ['new TextDecoder().decode({})', '! TypeError'],
        ['new TextEncoder().encode("a\\u00e4\\ud800b\\udc00\\ud83d\\ude00")', '97,195,164,239,191,189,98,239,191,189,240,159,152,128'],
        ['new TextEncoder().encode(undefined).length', '0'], ['new TextEncoder().encode(null).length', '4'], ['new TextEncoder().encoding', 'utf-8'],
        ...[[0, '0,0,'], [1, '1,1,97'], [2, '1,1,97,0'], [3, '2,3,97,195,164'], [6, '2,3,97,195,164,0,0,0'], [7, '4,7,97,195,164,240,159,152,128'], [9, '4,7,97,195,164,240,159,152,128,0,0']].map(([n, result]) =>
            [`(() => { const t = new Uint8Array(${n}); const r = new TextEncoder().encodeInto("a\\u00e4\\ud83d\\ude00", t); return [r.read, r.written, t]; })()`, result]),
        ['new TextEncoder().encodeInto("a", [])', '! TypeError'],
    ], { head: 'const b = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (h) => parseInt(h, 16));' });
});

test('structuredClone', async () => {
    const same = (value) => [`same(${value})`, 'true'];
    await checkExpressions(gateway, 'clone', [
        ...['undefined', 'null', 'true', '""', '"\\ud800"', '-0', 'NaN', '10n', 'new Boolean(false)', 'new String("x")', 'new Number(3)', 'new Date(0)', 'new Date(NaN)',
            '/a\\/b/gi', '[1,,3]', '{ a: [{}], b: undefined }', 'new Map([[1, { a: 2 }]])', 'new Set(["a", [1]])', 'new Uint8Array([1, 2])', 'new Float64Array([0.5])',
            'new Uint8Array([1, 2, 3]).subarray(1)', 'new ArrayBuffer(3)', 'new DataView(new ArrayBuffer(4), 1)'].map(same),
        ['(() => { const a = {}; a.self = a; const c = structuredClone(a); return [c !== a, c.self === c]; })()', 'true,true'],
        ['(() => { const x = {}; const c = structuredClone([x, x]); return [c[0] === c[1], c[0] === x]; })()', 'true,false'],
        ['(() => { const m = new Map(); m.set(m, m); const c = structuredClone(m); return [...c.keys()][0] === c; })()', 'true'],
        ['(() => { const e = structuredClone(new RangeError("m")); return [e instanceof RangeError, e.message, e.name]; })()', 'true,m,RangeError'],
        ['(() => { class A { constructor() { this.x = 1; } } const c = structuredClone(new A()); return [c instanceof A, c.x]; })()', 'false,1'],
        ['(() => { const o = Object.create({ inherited: 1 }, { hidden: { value: 1 }, seen: { get: () => 2, enumerable: true } }); return JSON.stringify(structuredClone(o)); })()', '{"seen":2}'],
        ['structuredClone(() => 0)', '! DataCloneError'], ['structuredClone(Symbol())', '! DataCloneError'], ['structuredClone({ f() {} })', '! DataCloneError'],
        ['structuredClone(new WeakMap())', '! DataCloneError'], ['structuredClone(Promise.resolve())', '! DataCloneError'],
        ['structuredClone({ get a() { throw new EvalError(); } })', '! EvalError'], ['structuredClone()', '! TypeError'],
        ['(() => { const b = new ArrayBuffer(8); const c = structuredClone(b, { transfer: [b] }); return [b.byteLength, c.byteLength]; })()', '0,8'],
        ['structuredClone(1, { transfer: [{}] })', '! DataCloneError', OURS],
    ], { head: `const text = (v) => typeof v === 'object' && v !== null ? Object.prototype.toString.call(v) + (ArrayBuffer.isView(v) ? v.byteLength + ',' + v.byteOffset * 0 + ',' + new Uint8Array(v.buffer, v.byteOffset, v.byteLength) : v instanceof ArrayBuffer ? v.byteLength : v instanceof Map || v instanceof Set ? JSON.stringify([...v]) : v instanceof RegExp || v instanceof Date || v instanceof String || v instanceof Number || v instanceof Boolean ? String(v) : JSON.stringify(v) + Object.keys(v)) : typeof v + String(v) + Object.is(v, -0);
const same = (v) => { const c = structuredClone(v); return (typeof v !== 'object' || v === null || c !== v) && text(c) === text(v); };` });
});

test('structuredClone goes by what a value is, not by its tag', async () => {
    await checkExpressions(gateway, 'slots', [
        ['(() => { class P { constructor() { this.x = 1; } get [Symbol.toStringTag]() { return "P"; } } return JSON.stringify(structuredClone(new P())); })()', '{"x":1}'],
        ['JSON.stringify(structuredClone({ [Symbol.toStringTag]: "Map", a: 1 }))', '{"a":1}'],
        ['(() => { const d = new Date(5); d[Symbol.toStringTag] = "Own"; const c = structuredClone(d); return [c instanceof Date, +c]; })()', 'true,5'],
        ['(() => { const m = new Map([[1, { a: 2 }]]); Object.defineProperty(m, Symbol.toStringTag, { value: "Object" }); return structuredClone(m).get(1).a; })()', '2'],
        ['(() => { const e = new TypeError("m", { cause: { a: 1 } }); e.own = 1; const c = structuredClone(e); return [c instanceof TypeError, c.message, c.cause.a, c.own, c.stack === e.stack]; })()', 'true,m,1,,true', OURS],
        ['(() => { const b = new Uint8Array([1, 2, 3]); const c = structuredClone([b, b.subarray(1), b.buffer]); return [c[0].buffer === c[2], c[1].buffer === c[2], c[1]]; })()', 'true,true,2,3'],
        ['JSON.stringify(structuredClone(JSON.parse(\'{"__proto__":1}\')))', '{"__proto__":1}'],
        ['structuredClone(new Blob(["ab"], { type: "a/b" })).text()', 'ab', OURS],
        ['(() => { const f = structuredClone(new File(["ab"], "n", { lastModified: 3 })); return [f instanceof File, f.name, f.lastModified, f.size]; })()', 'true,n,3,2', OURS],
        ['(() => { const e = structuredClone(new DOMException("m", "AbortError")); return [e instanceof DOMException, e.name, e.message]; })()', 'true,AbortError,m', OURS],
        ...['new Headers()', '(function* () {})()', 'new Map().keys()', 'new Intl.NumberFormat()', 'new URL("http://a")', 'new WeakRef({})', '(function () { return arguments; })()'].map((v) => [`structuredClone(${v})`, '! DataCloneError', OURS]),
        ['(async () => { const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]); const c = structuredClone({ key }).key; return [c instanceof CryptoKey, c !== key, c.type, c.usages, (await crypto.subtle.sign("HMAC", c, new Uint8Array(1))).byteLength]; })()', 'true,true,secret,sign,32', OURS],
        ['(() => { const b = new ArrayBuffer(8); structuredClone(b, { transfer: [b, b] }); })()', '! DataCloneError', OURS],
    ]);
});

test('Event and EventTarget', async () => {
    await checkExpressions(gateway, 'events', [
        ['(() => { const t = new EventTarget(); const seen = []; t.addEventListener("a", () => seen.push(1)); t.addEventListener("a", { handleEvent() { seen.push(2); } }); t.addEventListener("b", () => seen.push(3)); t.dispatchEvent(new Event("a")); return seen; })()', '1,2'],
        ['(() => { const t = new EventTarget(); let n = 0; const f = () => n++; t.addEventListener("a", f); t.addEventListener("a", f); t.dispatchEvent(new Event("a")); t.removeEventListener("a", f); t.dispatchEvent(new Event("a")); return n; })()', '1'],
        ['(() => { const t = new EventTarget(); let n = 0; t.addEventListener("a", () => n++, { once: true }); t.dispatchEvent(new Event("a")); t.dispatchEvent(new Event("a")); return n; })()', '1'],
        ['(() => { const t = new EventTarget(); const c = new AbortController(); let n = 0; t.addEventListener("a", () => n++, { signal: c.signal }); t.dispatchEvent(new Event("a")); c.abort(); t.dispatchEvent(new Event("a")); return n; })()', '1'],
        ['(() => { const t = new EventTarget(); t.addEventListener("a", (e) => e.preventDefault()); return [t.dispatchEvent(new Event("a")), t.dispatchEvent(new Event("a", { cancelable: true }))]; })()', 'true,false'],
        ['(() => { const t = new EventTarget(); const seen = []; t.addEventListener("a", (e) => { seen.push(1); e.stopImmediatePropagation(); }); t.addEventListener("a", () => seen.push(2)); t.dispatchEvent(new Event("a")); return seen; })()', '1'],
        ['(() => { class T extends EventTarget {} const t = new T(); let target; t.addEventListener("a", (e) => { target = e.target; }); t.dispatchEvent(new Event("a")); return target === t; })()', 'true'],
        ['[new Event("x").type, new Event("x").bubbles, new Event("x", { bubbles: true }).bubbles]', 'x,false,true'],
        ['new CustomEvent("x", { detail: 7 }).detail', '7', OURS], ['new Event()', '! TypeError'],
        ['(() => { const t = new EventTarget(); const e = new Event("a"); t.dispatchEvent(e); return [e.target === t, e.currentTarget, e.eventPhase]; })()', 'true,,0', { node: false }], // Node.js 18 leaves currentTarget
        ['new EventTarget().dispatchEvent({ type: "a" })', '! TypeError'], ['new EventTarget().dispatchEvent("a")', '! TypeError'],
        ['Math.abs(new Event("a").timeStamp - performance.now()) < 5000', 'true'], ['new CustomEvent()', '! TypeError', OURS],
        ['(() => { const c = new AbortController(); const trusted = [new Event("a").isTrusted]; c.signal.onabort = (e) => trusted.push(e.isTrusted); c.abort(); c.signal.onabort = (e) => trusted.push(e.isTrusted); c.signal.dispatchEvent(new Event("abort")); return trusted; })()', 'false,true,false'],
        ['(() => { const t = new EventTarget(); const seen = []; const f = () => seen.push("f"); t.addEventListener("a", () => { t.removeEventListener("a", f); t.addEventListener("a", () => seen.push("new")); seen.push(1); }); t.addEventListener("a", f); t.dispatchEvent(new Event("a")); return seen; })()', '1'],
        ['(() => { const t = new EventTarget(); const seen = []; t.addEventListener("a", () => seen.push("bubble")); t.addEventListener("a", () => seen.push("capture"), true); t.dispatchEvent(new Event("a")); t.removeEventListener("a", () => 0); return seen; })()', 'capture,bubble', OURS],
        ['(() => { const t = new EventTarget(); t.addEventListener("a", (e) => e.preventDefault(), { passive: true }); return t.dispatchEvent(new Event("a", { cancelable: true })); })()', 'true', OURS],
        ['(() => { const t = new EventTarget(); const e = new Event("a"); let name; t.addEventListener("a", () => { try { t.dispatchEvent(e); } catch (x) { name = x.name; } }); t.dispatchEvent(e); return name; })()', 'InvalidStateError', OURS],
        ['new EventTarget().addEventListener("a")', '! TypeError'], ['new EventTarget().addEventListener("a", 5)', '! TypeError', OURS], ['new EventTarget().addEventListener("a", null)', 'undefined'],
        ['EventTarget.prototype.dispatchEvent.call({}, new Event("a"))', '! TypeError'], ['[Event.AT_TARGET, new Event("a").AT_TARGET]', '2,2', OURS],
        // An exception of a listener goes to the log, the next one is called.
        ['(() => { const t = new EventTarget(); let n = 0; t.addEventListener("a", () => { throw new Error("x"); }); t.addEventListener("a", () => n++); t.dispatchEvent(new Event("a")); return n; })()', '1', OURS],
    ]);
});

test('AbortController and AbortSignal', async () => {
    await checkExpressions(gateway, 'abort', [
        ['(() => { const c = new AbortController(); const before = [c.signal.aborted, c.signal.reason]; c.abort(); return [...before, c.signal.aborted, c.signal.reason.name, c.signal.reason instanceof DOMException]; })()', 'false,,true,AbortError,true'],
        ['(() => { const c = new AbortController(); c.abort("why"); c.abort("again"); return c.signal.reason; })()', 'why'],
        ['(() => { const c = new AbortController(); c.abort(null); return c.signal.reason; })()', 'null'],
        ['new AbortController().signal === undefined', 'false'], ['(() => { const c = new AbortController(); return c.signal === c.signal; })()', 'true'],
        ['(() => { const c = new AbortController(); const seen = []; c.signal.onabort = (e) => seen.push("on", e.type, e.target === c.signal); c.signal.addEventListener("abort", () => seen.push("listener")); c.abort(); c.abort(); return seen; })()', 'on,abort,true,listener'],
        ['(() => { const c = new AbortController(); let n = 0; c.signal.onabort = () => n++; c.signal.onabort = null; c.abort(); return [n, c.signal.onabort]; })()', '0,'],
        ['AbortSignal.abort().reason.name', 'AbortError'], ['AbortSignal.abort(5).reason', '5'], ['AbortSignal.abort(5).aborted', 'true'],
        ['AbortSignal.abort(new RangeError()).throwIfAborted()', '! RangeError'], ['new AbortController().signal.throwIfAborted()', 'undefined'],
        ['new AbortSignal()', '! TypeError'], ['AbortSignal.timeout(-1)', '! TypeError', OURS], ['AbortSignal.timeout()', '! TypeError', OURS],
        ['(async () => { const s = AbortSignal.timeout(5); const before = s.aborted; await new Promise((done) => s.addEventListener("abort", done)); return [before, s.aborted, s.reason.name]; })()', 'false,true,TimeoutError'],
        ['AbortSignal.any([]).aborted', 'false', OURS], ['AbortSignal.any([AbortSignal.abort(3), AbortSignal.abort(4)]).reason', '3', OURS],
        ['AbortSignal.any(5)', '! TypeError', OURS], ['AbortSignal.any([{}])', '! TypeError', OURS],
        ['(() => { const [a, b] = [new AbortController(), new AbortController()]; const s = AbortSignal.any([a.signal, b.signal]); const seen = []; s.onabort = () => seen.push(s.reason); b.abort("b"); a.abort("a"); return [seen, s.aborted]; })()', 'b,true', OURS],
        ['(() => { const a = new AbortController(); const s = AbortSignal.any([AbortSignal.any([a.signal]), a.signal]); const order = []; a.signal.addEventListener("abort", () => order.push("source", s.aborted)); s.addEventListener("abort", () => order.push("any")); a.abort(); return order; })()', 'source,true,any', OURS],
        ['(() => { const a = new AbortController(); const many = Array.from({ length: 100 }, () => AbortSignal.any([a.signal])); let n = 0; for (const s of many) s.onabort = () => n++; a.abort(); return n; })()', '100', OURS],
        ['Object.prototype.toString.call(new AbortController().signal)', '[object AbortSignal]'],
    ]);
});

test('URL and URLSearchParams', async () => {
    await checkExpressions(gateway, 'params', [
        ...[['""', ''], ['"a=b&a=c"', 'a=b&a=c'], ['"?a=b"', 'a=b'], ['"??a=b"', '%3Fa=b'], ['"a"', 'a='], ['"&a&&"', 'a='], ['"a=b=c"', 'a=b%3Dc'], ['"a=b+c"', 'a=b+c'], ['"a=%2B%20"', 'a=%2B+'],
            ['"a=%zz%"', 'a=%25zz%25'], ['"a=%ff"', 'a=%EF%BF%BD'], ['"a=\\ud83d\\ude00"', 'a=%F0%9F%98%80'], ['[["a", "b"], ["c", "d"]]', 'a=b&c=d'], ['{ a: "1", b: "2" }', 'a=1&b=2'],
            ['new URLSearchParams("x=1")', 'x=1'], ['undefined', ''], ['{ "*-._": "~!\'()" }', '*-._=%7E%21%27%28%29']].map(([init, result]) => [`new URLSearchParams(${init})`, result]),
        ['new URLSearchParams([["a"]])', '! TypeError'], ['(() => { const p = new URLSearchParams("b=1&a=2&b=3"); p.sort(); return p; })()', 'a=2&b=1&b=3'],
        ['(() => { const p = new URLSearchParams("a=1&b=2&a=3"); p.set("a", "x"); p.append("c", "\\n"); p.delete("b"); return [p, p.get("a"), p.get("b"), p.has("c"), p.getAll("a").length]; })()', 'a=x&c=%0A,x,,true,1'],
        ['(() => { const p = new URLSearchParams("a=1&a=2"); return [p.has("a", "2"), p.has("a", "3"), p.size]; })()', 'true,false,2', OURS],
        ['(() => { const u = new URL("http://a/?x=1#h"); u.searchParams.append("y", "a b"); return [u.href, u.search]; })()', 'http://a/?x=1&y=a+b#h,?x=1&y=a+b'],
        ['(() => { const u = new URL("http://a/?x=1"); u.search = "?z=2"; return u.searchParams.get("z"); })()', '2'],
        ['new URL("/p", "nope")', '! TypeError'], ['[...new URLSearchParams("a=1&b=2")].join("|")', 'a,1|b,2'], ['new URL("http://ex\\u00e4mple.com/").host', 'xn--exmple-cua.com'],
        ...['"a\\ud800=\\udc00b"', '{ "a\\ud800": "\\udc00b" }', '[["a\\ud800", "\\udc00b"]]'].map((init) =>
            [`escape([...new URLSearchParams(${init})].join("|"))`, 'a%uFFFD%2C%uFFFDb']),
        ['(() => { const p = new URLSearchParams(); p.append("\\ud800", "\\udc00"); p.set("b", "\\ud83d\\ude00\\ud800"); return escape([[...p].join("|"), p.get("\\ud801"), p.has("\\ufffd", "\\ud802"), p.getAll("\\udfff").length]); })()', '%uFFFD%2C%uFFFD%7Cb%2C%uD83D%uDE00%uFFFD%2C%uFFFD%2Ctrue%2C1', OURS],
        ['(() => { class Own extends URLSearchParams {} const p = new Own([["a", "\\ud800"]]); return [p instanceof Own, p.get("a") === "\\ufffd", new URL("http://a").searchParams instanceof URLSearchParams, URLSearchParams.name, p.append.length]; })()', 'true,true,true,URLSearchParams,2'],
        ['[typeof fetch, typeof Headers]', 'function,function'], ['Object.keys(globalThis).includes("__core-js_shared__")', 'false'],
    ]);
});

test('URLSearchParams are iterated live, and look as WebIDL says', async () => {
    await checkExpressions(gateway, 'iterated', [
        ['(() => { const p = new URLSearchParams("a=1&b=2"); const seen = []; for (const [name, value] of p) { seen.push(name + value); if (name === "a") p.append("c", "3"); if (name === "b") p.delete("a"); } return seen; })()', 'a1,b2', OURS],
        ['(() => { const p = new URLSearchParams("a=1&b=2&c=3"); const seen = []; for (const name of p.keys()) { seen.push(name); p.delete(name); } return [seen, p]; })()', 'a,c,b=2'],
        ['(() => { const u = new URL("http://a/?a=1&b=2&c=3"); const seen = []; for (const value of u.searchParams.values()) { seen.push(value); u.search = "?x=7&y=8"; } return seen; })()', '1,8'],
        ['(() => { const p = new URLSearchParams("a=1&b=2"); const seen = []; p.forEach(function (value, name, all) { seen.push(value, name, all === p, this.x); if (name === "a") p.append("c", "3"); }, { x: 9 }); return seen; })()',
            '1,a,true,9,2,b,true,9,3,c,true,9'],
        ['(() => { const i = new URLSearchParams("a=1").entries(); return [JSON.stringify([i.next(), i.next(), i.next()]), i[Symbol.iterator]() === i, Object.prototype.toString.call(i), Object.keys(Object.getPrototypeOf(i)), Object.hasOwn(Object.getPrototypeOf(i), "constructor")]; })()',
            '[{"value":["a","1"],"done":false},{"done":true},{"done":true}],true,[object URLSearchParams Iterator],next,false'],
        ['(() => { const { next } = new URLSearchParams().keys(); return next.call({}); })()', '! TypeError'],
        ['[URLSearchParams.prototype.entries === URLSearchParams.prototype[Symbol.iterator], URLSearchParams.length, ...["append", "delete", "get", "getAll", "has", "set", "forEach", "sort"].map((n) => URLSearchParams.prototype[n].length)]',
            'true,0,2,1,1,1,1,2,1,0', OURS],
        ...['append("a", "b")', 'delete("a")', 'get("a")', 'getAll("a")', 'has("a")', 'set("a", "b")', 'sort()', 'toString()', 'forEach(() => 0)', 'entries()', 'keys()', 'values()']
            .map((call) => [`Object.create(URLSearchParams.prototype).${call}`, '! TypeError']),
        ['new URLSearchParams().forEach()', '! TypeError'], ['new URLSearchParams().forEach({})', '! TypeError'], ['URLSearchParams()', '! TypeError'],
        ...['get', 'getAll', 'has', 'delete', 'append', 'set'].map((name) => [`new URLSearchParams().${name}()`, '! TypeError']),
        ...['get(Symbol())', 'append("a", Symbol())', 'has({ toString() { throw new TypeError(); } })'].map((call) => [`new URLSearchParams().${call}`, '! TypeError']),
        ...['[1]', '[null]', '[["a", "b"], "c"]', '[{}]', '{ a: Symbol() }', '{ [Symbol()]: "a" }', '{ [Symbol.iterator]: 1 }', 'Symbol()', '[["a", Symbol()]]', 'new String("a=b")'].map((init) => [`new URLSearchParams(${init})`, '! TypeError']),
        ...[['new Map([["a", 1], ["b", [2, 3]]])', 'a=1&b=2%2C3'], ['(function* () { yield ["a", "b"]; yield new Set(["c", "d"]); })()', 'a=b&c=d'], ['new FormData()', ''], ['Object.assign(() => 0, { a: 1 })', 'a=1', OURS], ['{ [Symbol.iterator]: undefined, a: 1 }', '! TypeError', OURS],
            ['{ "\\ud800": 1, a: 2, "\\ufffd": 3 }', '%EF%BF%BD=3&a=2'], ['Object.create({ a: 1 }, { b: { value: 2 }, c: { value: 3, enumerable: true } })', 'c=3'], ['null', 'null=', OURS], ['"\\u00e4%A4"', '%C3%A4%EF%BF%BD=', OURS], ['"%C3\\u00a4"', '%EF%BF%BD%C2%A4=', OURS]]
            .map(([init, result, options]) => [`new URLSearchParams(${init})`, result, options]),
        ['(() => { const p = new URLSearchParams("a=1&a=2&a=1&b=1"); p.delete("a", 1); p.delete("b", undefined); return [p, p.has("a", "1"), p.has("a", undefined)]; })()', 'a=2,false,true', OURS],
        ['(() => { const p = new URLSearchParams("\\ud83d\\ude00=1&\\ufb03=2&z=3&a=4&z=5"); p.sort(); return decodeURIComponent(p); })()', 'a=4&z=3&z=5&\ud83d\ude00=1&\ufb03=2'],
        ['[JSON.stringify(new URLSearchParams("a=1")), JSON.stringify({ u: new URL("http://a?b") })]', '{},{"u":"http://a/?b"}'],
        ['new Response(new URL("http://a/?b=c").searchParams).headers.get("content-type")', 'application/x-www-form-urlencoded;charset=UTF-8'],
        ['new Request("http://a", { method: "POST", body: new URLSearchParams({ a: "\\u00e4 b" }) }).text()', 'a=%C3%A4+b'],
        ['structuredClone(new URLSearchParams("a=1"))', '! DataCloneError', OURS],
    ]);
});

test('URL looks as WebIDL says', async () => {
    const parts = ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'searchParams', 'hash'];
    await checkExpressions(gateway, 'url-looks', [
        ['Object.keys(URL.prototype).sort()', [...parts, 'toJSON', 'toString'].sort().join(), OURS],
        ...parts.map((name) => [`(() => { const { get, set } = Object.getOwnPropertyDescriptor(URL.prototype, "${name}"); return [get.name, set?.name ?? ""]; })()`,
            `get ${name},${name === 'origin' || name === 'searchParams' ? '' : `set ${name}`}`, OURS]),
        ...parts.map((name) => [`Object.create(URL.prototype).${name}`, '! TypeError']), ...['toString()', 'toJSON()'].map((call) => [`Object.create(URL.prototype).${call}`, '! TypeError']),
        ['Object.create(URL.prototype).hash = ""', '! TypeError'], ['new URL("http://a").origin = "x"', '! TypeError', OURS],
        ['(() => { const u = new URL("http://a"); return [Object.keys(u), Object.prototype.toString.call(u), u.searchParams === u.searchParams, u.toJSON(), `${u}`]; })()', ',[object URL],true,http://a/,http://a/', OURS],
        ['Object.keys(URL).sort()', 'canParse,parse', OURS], ['[typeof URL.createObjectURL, URL.parse.length]', 'undefined,1', OURS],
        ...['new URL()', 'new URL(Symbol())', 'new URL("/a", Symbol())', 'URL.canParse(Symbol())', 'new URL("http://a", null)', 'new URL("http://a", "")', 'new URL({ toString() { throw new TypeError(); } })'].map((text) => [text, '! TypeError']),
        ...['URL.parse()', 'URL.parse(Symbol())'].map((text) => [text, '! TypeError', OURS]), ['[URL.parse("/a"), URL.parse("/a", "http://b") instanceof URL, URL.canParse("/a", undefined)]', ',true,false', OURS],
        ['new URL(new URL("/b?c", new URL("https://a.example:8443/x"))).href', 'https://a.example:8443/b?c'], ['new URL({ toString: () => "/a" }, { toString: () => "ws://b" }).href', 'ws://b/a'],
        ['(() => { const u = new URL("http://a"); u.port = 8080; u.pathname = null; u.hash = { toString: () => "h" }; u.search = 1; return u.href; })()', 'http://a:8080/null?1#h'],
        ...[['blob:https://a:8/b', 'https://a:8'], ['blob:http://a/', 'http://a'], ['blob:foo:b', 'null'], ['blob:', 'null'], ['blob:blob:http://a/', 'null'], ['file:///a', 'null'], ['ftp://a:21/', 'ftp://a'], ['foo://a:1', 'null'], ['wss://a:443', 'wss://a']]
            .map(([href, origin]) => [`new URL("${href}").origin`, origin]),
    ]);
});

test('a URL setter that fails changes nothing', async () => {
    await checkExpressions(gateway, 'setters', [
        ...['bad', 'http://', '//x', 'http://xn--/', 'http://\\u200d/'].map((href) =>
            [`(() => { const u = new URL("http://a/b?c=d"); let name; try { u.href = "${href}"; } catch (e) { name = e.name; } return [name, u.href, u.searchParams.get("c")]; })()`, 'TypeError,http://a/b?c=d,d']),
        ...['xn--a', '\\u200d', 'a\\ud800', 'a b'].flatMap((host) => ['host', 'hostname'].map((name) =>
            [`(() => { const u = new URL("http://a:8/b"); u.${name} = "${host}"; return u.href; })()`, 'http://a:8/b'])),
        ['(() => { const u = new URL("http://a:8/b"), p = u.searchParams; u.href = "https://\\ufb00.com/?c=d"; return [u.href, p.get("c"), p === u.searchParams]; })()', 'https://ff.com/?c=d,d,true'],
        ['(() => { const u = new URL("http://a:8/b"); u.host = "\\u2163.com:9"; return u.href; })()', 'http://iv.com:9/b'],
    ]);
});

test('the hosts of URLs are mapped and checked', async () => {
    await checkExpressions(gateway, 'hosts', [
        ...[['\\ufb00.com', 'ff.com'], ['\\u2163.com', 'iv.com'], ['B\\u00dcCHER.example', 'xn--bcher-kva.example'], ['e\\u0301.com', 'xn--9ca.com'], ['fa\\u00df.de', 'xn--fa-hia.de'], ['\\uff11\\uff12\\uff17.0.0.\\u2460', '127.0.0.1'],
            ['XN--Bcher-KVA.example', 'xn--bcher-kva.example'], ['%EF%AC%80.com', 'ff.com'], ['\\u65e5\\u672c\\u3002jp', 'xn--wgv71a.jp'], ['\\u0646\\u0627\\u0645\\u0647\\u200c\\u0627\\u06cc.com', 'xn--mgba3gch31f060k.com']]
            .map(([host, result]) => [`[new URL("http://${host}/").host, new URL("/a", "ws://${host}").host, URL.canParse("ftp://${host}")]`, `${result},${result},true`]),
        ...['xn--', 'xn--a', 'a.xn--.b', '\\u200d', 'a\\u200db', '\\u0301a', 'a.\\u0301', '\\u2100.com', '\\u33c2.com', 'a\\u0378', '\\u{e0001}a', 'xn--\\u00e4']
            .map((host) => [`[(() => { try { return new URL("http://${host}/").href; } catch (e) { return e.name; } })(), URL.canParse("http://${host}"), (URL.parse ?? (() => null))("http://${host}/")]`, 'TypeError,false,']),
        ['[new URL("foo://xn--/").host, new URL("http://a").constructor === URL, URL.name, URL.length, URL.canParse.length]', 'xn--,true,URL,1,1'],
        ['(() => { class Own extends URL {} const u = new Own("http://\\ufb00.com"); return [u.host, u instanceof Own, u instanceof URL]; })()', 'ff.com,true,true'],
        ['URL("http://a")', '! TypeError'], ['URL.canParse()', '! TypeError'],
    ]);
});

test('FormData, Blob and File', async () => {
    await checkExpressions(gateway, 'form', [
        ['(() => { const f = new FormData(); f.append("a", 1); f.append("b", "x"); f.append("a", "2"); return [[...f].join("|"), f.get("a"), f.getAll("a").length, f.has("b"), f.get("none")]; })()', 'a,1|b,x|a,2,1,2,true,'],
        ['(() => { const f = new FormData(); f.append("a", "1"); f.append("b", "2"); f.append("a", "3"); f.set("a", "4"); f.set("c", "5"); f.delete("b"); return [...f].join("|"); })()', 'a,4|c,5'],
        ['(() => { const f = new FormData(); f.append("\\ud800", "\\udc00"); return escape([...f][0].join()); })()', '%uFFFD%2C%uFFFD'],
        ['new FormData().append("a")', '! TypeError'], ['new FormData("x")', '! TypeError'], ['new FormData().append("a", "b", "c")', '! TypeError', OURS],
        ['(() => { const f = new FormData(); f.append("f", new Blob(["x"], { type: "text/plain" })); const v = f.get("f"); return [v.name, v.type, v.size]; })()', 'blob,text/plain,1', OURS],
        ['(() => { const f = new FormData(); f.append("f", new Blob(["x"]), "n.txt"); return f.get("f").name; })()', 'n.txt'],
        ['(() => { const f = new FormData(); f.append("a", "1"); const seen = []; for (const [n] of f) { seen.push(n); if (seen.length < 3) f.append("b", "2"); } return seen; })()', 'a,b,b'],
        ['(() => { const f = new FormData(); f.append("a", "1"); const seen = []; f.forEach((v, n, all) => seen.push(v, n, all === f)); return [seen, [...f.keys()], [...f.values()]]; })()', '1,a,true,a,1'],
        ['new Blob(["a", new Uint8Array([98]), new Uint8Array([99]).buffer, new Blob(["d"])]).text()', 'abcd'], ['new Blob(["abcd"]).slice(1, -1).text()', 'bc'],
        ['new Blob(["abcd"]).slice(-2).size', '2'], ['new Blob(["a"], { type: "Text/HTML" }).type', 'text/html'], ['new Blob(["a"], { type: "te\\u00e4" }).type', ''],
        ['(async () => JSON.stringify(await new Blob(["a\\r\\nb\\rc\\n", "\\r"], { endings: "native" }).text()))()', '"a\\nb\\nc\\n\\n"', OURS], ['new Blob([], { endings: "x" })', '! TypeError'],
        ['new Blob([Symbol()])', '! TypeError'], ['(async () => { let n = 0; for await (const c of new Blob(["abc"]).stream()) n += c.length; return n; })()', '3'],
        // What is read of a Blob is a copy.
        ...['new Response(b).arrayBuffer()', 'new Request("http://a", { method: "POST", body: b }).arrayBuffer()', 'new Response(b).bytes()', 'new Response(b).body.getReader().read().then((r) => r.value)', 'b.arrayBuffer()'].map((how) =>
            [`(async () => { const b = new Blob(["abc"]); new Uint8Array((await ${how}).buffer ?? await ${how})[0] = 90; return b.text(); })()`, 'abc', OURS]),
        ['new Blob("abc")', '! TypeError'], ['(async () => new Uint8Array(await new Blob(["\\u00e4"]).arrayBuffer()))()', '195,164'],
        ['(() => { const f = new File(["x"], "a.txt", { type: "text/plain", lastModified: 7 }); return [f.name, f.type, f.lastModified, f.size, f instanceof Blob]; })()', 'a.txt,text/plain,7,1,true', OURS],
    ]);
});

test('Headers, Request and Response', async () => {
    const located = (url) => `Response.redirect(${url}).headers.get("location")`;
    await checkExpressions(gateway, 'fetching', [
        ...['"ab"', '5', 'null', '["ab"]', '[["a"]]', '[["a", "b", "c"]]', '{ a: Symbol() }'].map((init) => [`new Headers(${init})`, '! TypeError']),
        ...['append("a")', 'set("a")', 'get()', 'has()', 'delete()', 'append("a", Symbol())', 'forEach(5)'].map((call) => [`new Headers().${call}`, '! TypeError']),
        ['(() => { const h = new Headers({ a: undefined }); h.set("b", null); return [...h].join("|"); })()', 'a,undefined|b,null'],
        ['escape(new Headers({ a: "\\u00a0x\\u00a0" }).get("a"))', '%A0x%A0'], ['new Headers({ a: "\\t\\r\\n x \\n" }).get("a")', 'x'],
        ['(() => { const h = new Headers({ a: "1", b: "2" }); const seen = []; h.forEach((v, n) => { seen.push(n); h.delete("b"); h.set("c", "3"); }); return seen; })()', 'a,c'],
        ['(() => { const h = new Headers({ b: "1" }); const seen = []; for (const [n] of h) { seen.push(n); if (n < "d") h.append(n + "x", "1"); if (seen.length > 5) break; } return seen; })()', 'b,bx,bxx,bxxx,bxxxx,bxxxxx'],
        ['(() => { const h = new Headers({ a: "1" }); const [entry] = h; entry[1] = "2"; return [...h]; })()', 'a,1', { node: false }], // Node.js 18.20.4 gives what it has
        ['btoa(Symbol())', '! TypeError'], ['atob(Symbol())', '! TypeError'], ['new Response(Symbol())', '! TypeError'],
        // What a stream gave stays its source's.
        ['(async () => { const own = new Uint8Array([1]); const r = new Response(new ReadableStream({ start(c) { c.enqueue(own); c.close(); } })); new Uint8Array(await r.arrayBuffer())[0] = 9; return own; })()', '1'],
        // Redirects
        [located('"http://[::1]:8080/x"'), 'http://[::1]:8080/x'], [located('"HTTP://EXAMPLE.com/a/../b?y[]=1|2"'), 'http://example.com/b?y[]=1|2'],
        [located('"http://a/\\ud800"'), 'http://a/%EF%BF%BD'], [located('"http://a/\\r\\nb: c"'), 'http://a/b:%20c'], [located('new URL("http://a")'), 'http://a/'],
        [located('"/x?y[]=1|2 \\u00e4%20"'), '/x?y[]=1|2%20%C3%A4%20', OURS], [located('" /a\\r\\n\\ud800 "'), '/a%EF%BF%BD', OURS], [located('"?a=\\"<\\ud83d\\ude00>"'), '?a=%22%3C%F0%9F%98%80%3E', OURS], [located('""'), '', OURS],
        [located('"http://"'), '! TypeError'], [located('"http://a b/"'), '! TypeError'], [located(''), '! TypeError'], [located('"http://a", 200'), '! RangeError'], [located('"http://a", null'), '! RangeError'],
        // Signals
        ['(() => { const r = new Request("http://a"); return [r.signal instanceof AbortSignal, r.signal === r.signal, r.signal.aborted]; })()', 'true,true,false'],
        ['(() => { const c = new AbortController(); const r = new Request("http://a", { signal: c.signal }); const s = r.clone().signal; const t = new Request(r).signal; const own = r.signal !== c.signal; const seen = []; r.signal.onabort = () => seen.push(r.signal.reason); c.abort("x"); return [own, r.signal.reason, s.reason, t.reason, seen]; })()', 'true,x,x,x,x'],
        ['new Request("http://a", { signal: AbortSignal.abort(7) }).signal.reason', '7'], ['new Request("http://a", { signal: null }).signal.aborted', 'false'],
        ['(() => { const c = new AbortController(); const r = new Request(new Request("http://a", { signal: c.signal }), { signal: null }); c.abort(); return r.signal.aborted; })()', 'false'],
        ['fetch(new Request("http://127.0.0.1:1", { signal: AbortSignal.abort(new RangeError("x")) }))', '! RangeError'],
        // Bodies
        ['(() => { const r = new Request("http://a", { method: "POST", body: "x" }); try { new Request(r, { method: "GET" }); } catch (e) { return [e.name, r.bodyUsed]; } })()', 'TypeError,false'],
        ['(async () => { const r = new Response("x"); const p = r.text(); const locked = r.body.locked; let name; try { r.body.getReader(); } catch (e) { name = e.name; } return [locked, name, await p, r.bodyUsed]; })()', 'true,TypeError,x,true'],
    ]);
});

test('the classes and functions look as WebIDL says', async () => {
    const names = ['AbortController', 'AbortSignal', 'Blob', 'ByteLengthQueuingStrategy', 'Crypto', 'CryptoKey', 'CustomEvent', 'DOMException', 'Event', 'EventTarget', 'File', 'FormData', 'Headers',
        'ReadableStream', 'ReadableStreamDefaultReader', 'Request', 'Response', 'SubtleCrypto', 'TextDecoder', 'TextDecoderStream', 'TextEncoder', 'TextEncoderStream', 'TransformStream', 'URL',
        'URLSearchParams', 'WritableStream'];
    const functions = ['atob', 'btoa', 'clearInterval', 'clearTimeout', 'fetch', 'queueMicrotask', 'setInterval', 'setTimeout', 'structuredClone'];
    await checkExpressions(gateway, 'looks', [
        ...[...names, ...functions, 'Buffer'].map((name) => [`${name}.name`, name, OURS]),
        ...names.map((name) => [`Object.prototype.toString.call(${name}.prototype)`, `[object ${name}]`, OURS]),
        ...names.map((name) => [`Object.getOwnPropertyNames(${name}.prototype).filter((n) => n !== "constructor" && !Object.getOwnPropertyDescriptor(${name}.prototype, n).enumerable)`, '', OURS]),
        ['[new Response(), new Headers(), new FormData(), new Blob([]), new Event("a"), new ReadableStream(), new AbortController().signal].map((x) => Object.prototype.toString.call(x) + x.constructor.name).join()',
            ['Response', 'Headers', 'FormData', 'Blob', 'Event', 'ReadableStream', 'AbortSignal'].map((n) => `[object ${n}]${n}`).join()],
        ['Object.prototype.toString.call(crypto.subtle)', '[object SubtleCrypto]'], ['Object.prototype.toString.call(Buffer.from("a"))', '[object Uint8Array]'],
        ['["text", "json", "body", "bodyUsed", "arrayBuffer", "blob", "formData"].filter((n) => !Object.hasOwn(Response.prototype, n) || !Object.hasOwn(Request.prototype, n))', ''],
        ['["contentType" in Response.prototype, Object.getPrototypeOf(Request.prototype) === Object.prototype, Object.keys(Response).sort()]', 'false,true,error,json,redirect'],
        ['Object.getOwnPropertyDescriptor(Headers.prototype, Symbol.toStringTag).value', 'Headers'],
        // What a module puts in the place of one keeps its name.
        ['(() => { const kept = File; globalThis.File = function mine() {}; try { return [File.name, kept.name]; } finally { globalThis.File = kept; } })()', 'mine,File', OURS],
    ]);
});

test('performance, queueMicrotask and what is lazy', async () => {
    await checkExpressions(gateway, 'others', [
        ['(async () => { const t = performance.now(); await new Promise((d) => setTimeout(d, 20)); const p = performance.now() - t; return p >= 19 && p < 15000; })()', 'true'],
        ['Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 15000', 'true'],
        ['(async () => { const seen = []; queueMicrotask(() => seen.push("micro")); seen.push("now"); await null; return seen; })()', 'now,micro'],
        ['(() => { const own = function () {}; globalThis.Blob = own; try { return [Blob === own, typeof File]; } finally { delete globalThis.Blob; } })()', 'true,function', OURS],
        ['["AbortController", "Buffer", "DOMException", "EventTarget", "FormData", "URL", "structuredClone"].map((n) => typeof globalThis[n])', Array(7).fill('function').join()],
        ['["crypto", "performance"].map((n) => Object.prototype.toString.call(globalThis[n]))', '[object Crypto],[object Performance]', OURS],
    ]);
});

test('clearTimeout takes an id as text', async () => {
    await checkExpressions(gateway, 'timers', [
        ['(async () => { let n = 0; clearTimeout(String(setTimeout(() => n++, 1))); clearInterval(); clearTimeout({}); await new Promise((d) => setTimeout(d, 20)); return n; })()', '0', OURS],
    ]);
});

test('Buffer', async () => {
    await checkExpressions(gateway, 'buffers', [
        ['Buffer.from("h\\u00e4\\u20ac").toString("hex")', '68c3a4e282ac'], ['Buffer.from("68c3a4", "hex").toString()', 'h\u00e4'], ['Buffer.from("68c3zz", "hex").length', '2'],
        ['Buffer.from("aGk_Pz8-", "base64").toString("latin1")', 'hi???>'], ['Buffer.from("aGk_Pz8-", "base64url").toString("base64")', 'aGk/Pz8+'], ['Buffer.from("hi???>").toString("base64url")', 'aGk_Pz8-'],
        ['Buffer.from("hi?").toString("base64Url")', 'aGk_', OURS], ['Buffer.from("aG k*\\n=", "base64").toString()', 'hi'], ['Buffer.from("YQ").toString("base64")', 'WVE='],
        ['Buffer.from("a").equals(Buffer.from([97]))', 'true'], ['Buffer.alloc(3, "ab").toString()', 'aba'], ['Buffer.alloc(4, "YWI", "base64url").toString()', 'abab'],
        ['Buffer.concat([Buffer.from("a"), Buffer.from("b")]).toString("utf-8")', 'ab'], ['Buffer.from("abc").toString("utf8", 1, 2)', 'b'], ['Buffer.from("abc").toString("utf8", 2, 1)', ''],
        ['Buffer.from("abc").toString(undefined, -5, 99)', 'abc'], ['Buffer.byteLength("\\u00e4")', '2'], ['Buffer.byteLength("YWI", "base64url")', '2'],
        ['[Buffer.isEncoding("base64url"), Buffer.isEncoding("utf-9"), Buffer.isBuffer(Buffer.alloc(1)), Buffer.isBuffer(new Uint8Array(1))]', 'true,false,true,false'],
        ['Buffer.from("base64url").indexOf("base64url")', '0'], ['JSON.stringify(Buffer.from("a"))', '{"type":"Buffer","data":[97]}'], ['Buffer.from("abc") instanceof Uint8Array', 'true'],
        ['Buffer.from("caf\\u00e9", "latin1").toString("hex")', '636166e9'], ['Buffer.from("a", "utf16le").toString("hex")', '6100'], ['Buffer.from("x", "nope")', '! TypeError'],
        ['Buffer.from(new Uint8Array([1, 2]).buffer).readUInt16BE(0)', '258'], ['Buffer.from(5)', '! TypeError'], ['Buffer.from("a").toString("nope")', '! TypeError'],
        ['(() => { const b = Buffer.alloc(4); b.writeInt32LE(-2); return b.readInt32LE(); })()', '-2'],
    ]);
    await checkExpressions(gateway, 'buffermodule', [['[A.Buffer === Buffer, B === Buffer, typeof A.atob]', 'true,true,function', OURS]],
        { imports: 'import * as A from "node:buffer"; import { Buffer as B } from "buffer";' });
});

test('an exception in an event listener is logged, and the worker goes on', async () => {
    assert.match(gateway.log, /in an event listener/);
});
