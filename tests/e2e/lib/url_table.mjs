// URLs to compare parsers by: a table, and what a generator makes of pieces.

export const BASES = [null, 'http://a.example/b/c?d#e', 'https://user:pass@h.example:8443/x/y/', 'ws://127.0.0.1:8080', 'http://a/b//c/', 'file:///tmp/x/y', 'ftp://f.example/a',
    'foo://h/p/q?r', 'foo:/p/q', 'mailto:a@b.example', 'blob:https://a.example/id', 'data:text/plain,x#y', 'HTTP://UP.Example:80/A', 'http://[::1]:81/x', 'nope', ''];

const SCHEMES = ['http://', 'https://', 'ws://', 'wss://', 'HTTP://', 'hTTps://', 'ftp://', 'file://', 'foo://', 'http:', 'https:/', 'http:///', 'http:\\\\', 'ws:', 'foo:', 'foo:/', '//', 'htt p://', '1ttp://',
    'http+x://', 'javascript:', 'about:', 'blob:http://', 'blob:foo:', 'http', '://', ' http://', 'ht\ttp://'];
const HOSTS = ['a', 'a.example', 'A.Example', 'a.example.', '.a', 'a..b', 'a_b.c-d', '-a', 'a-', 'xn--a', 'xn--exmple-cua.com', 'sub.xn--exmple-cua.com', 'axn--b', '1.example', 'example.1', 'a.1b', 'a.0x1', '0x7f.1', '0x',
    'a.0x', '127.0.0.1', '127.1', '127.0.0.1.', '127.0.0.01', '256.0.0.1', '1.2.3.4.5', '1.2.3', '0.0.0.0', '255.255.255.255', '4294967295', '4294967296', '09.1.1.1', '[::1]', '[::]', '[1:2:3:4:5:6:7:8]',
    '[::ffff:1.2.3.4]', '[1::G]', '[::1', '::1', '[1:0:0:2::3]', 'a b', 'a%20b', 'a%2eb', 'a%41b', 'a%', 'a<b', 'a>b', 'a^b', 'a|b', 'a"b', "a'b", 'a`b', 'a{b}', 'a!b', 'a$b', 'a&b', 'a(b)', 'a*b', 'a+b', 'a,b', 'a;b', 'a=b', 'a~b',
    'a@b', 'u:p@a', 'u@a', ':@a', '@a', 'u:@a', ':p@a', 'u%40:p%3a@a', 'u:p:q@a', 'a@b@c', '', 'localhost', 'LOCALHOST', 'ex\u00e4mple.com', '\u65e5\u672c.jp', '\uff41.com', 'a\u00adb', 'a\u3002b',
    'a\\b', 'a\tb', 'a\nb', '%', '%61', 'C:', 'c|', 'a\0b', 'a\x7fb', 'a\x80b'];
const PORTS = ['', ':', ':80', ':443', ':21', ':8080', ':0', ':00', ':080', ':1', ':65535', ':65536', ':99999', ':6553', ':65534', ':60000', ':59999', ':70000', ':800', ':4430', ':44', ':8', ':a', ':8a', ':-1', ': 8', ':8 '];
const PATHS = ['', '/', '/b', '/b/', '/b/c', '//', '//b', '/.', '/..', '/./', '/../', '/b/.', '/b/..', '/b/../c', '/b/./c', '/../../b', '/%2e', '/%2E/', '/%2e%2E/b', '/.%2e/b', '/b/%2e.', '/...', '/b/..c', '/.b', '/b.', '/b..',
    '/%2f', '/%', '/%zz', '/%41', '/a b', '/a"b', '/a<b', '/a>b', '/a`b', '/a{b}', "/a'b", '/a|b', '/a\\b', '/..\\b', '/a[b]', '/a;b=c', '/a@b', '/a:b', '/a!$&()*+,b', '/a~b', '/\u00e4', '/\ud83d\ude00', '/\ud800',
    '/a\tb', '/a\x00b', '/a\x7fb', '\\b', 'b', '.', '..', './b', '../b', '/C:/x', '/c|/x', '/C|', '/b/C:/../..', '/.%', '/%2', '/b%2e', '/b%2e/c', ' ', '/ ', '/b  '];
const QUERIES = ['', '?', '?c', '?c=1', '?c=1&d=2', '??', '?c=/../d', '?c=/./', '?a b', '?a"b', "?a'b", '?a<b>', '?a`b', '?a{b}|^', '?a\\b', '?a[b]', '?%', '?%zz', '?\u00e4', '?\ud800', '?a+b%20c', '?=', '?&', '?a\tb', '?a\x7f', '?:@/?;,$!*()~'];
const FRAGMENTS = ['', '#', '#e', '#e#f', '#?e', '#/../', '#a b', '#a"b', '#a<b>', '#a`b', "#a'b", '#a{b}|^', '#a\\b', '#a[b]', '#%', '#\u00e4', '#\udc00', '#a\tb', '#a\x7f', '#!:@/?;,$&()*+~='];
const CHARACTERS = [...Array(128).keys()].map((c) => String.fromCharCode(c)).concat(['\u00e4', '\u3002', '\u200d', '\ufeff', '\ud83d\ude00', '\ud800', '%2e', '%2E', '%00', '..', './', '//', 'xn--', '[', ']:1', '@', ':80', '\\']);

// The same numbers each time (mulberry32).
export function random(seed) {
    return (below) => {
        seed = (seed + 0x6d2b79f5) | 0;
        let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) % below;
    };
}

// [text, base] of the table: each piece once among ordinary ones, with and without a base.
export function urlTable() {
    const texts = [...SCHEMES.map((s) => `${s}a.example/b?c#d`), ...SCHEMES.map((s) => `${s}`), ...HOSTS.flatMap((h) => [`http://${h}/b`, `http://${h}`, `wss://${h}:8080?c`, `foo://${h}/b`, `file://${h}/b`]),
        ...PORTS.flatMap((p) => ['http', 'https', 'ws', 'wss', 'ftp', 'foo'].map((s) => `${s}://a.example${p}/b`)), ...PORTS.flatMap((p) => [`http://a.example${p}`, `http://127.0.0.1${p}?c`]),
        ...PATHS.flatMap((p) => [p, `http://a.example${p}`, `https://a.example${p}?c`, `foo://a${p}`, `foo:${p}`, `file://${p}#d`, `${p}?c#d`]),
        ...QUERIES.flatMap((q) => [q, `http://a${q}`, `http://a/b${q}#d`, `foo:b${q}`, `foo://a/b${q}`, `/b${q}`]),
        ...FRAGMENTS.flatMap((f) => [f, `http://a${f}`, `http://a/b?c${f}`, `foo:b${f}`, `foo://a/b${f}`, `/b${f}`, `?c${f}`])];
    const few = ['', '/b', '//b.example/c', '?c', '#d', 'c/d', '../c', 'http://b.example/', 'http:c', '/\\b', '\\b', '//', '/..', '/b/../c', ' /b ', 'c:d', '/?', '?#', 'foo:x', 'http:', '/b\u00e4', '?\'', '//[::1]/x', '/.//b', '//C:/x', '/C|/..'];
    return [...texts.map((text) => [text, null]), ...texts.map((text, i) => [text, BASES[1 + (i % (BASES.length - 1))]]), ...texts.map((text) => [text, BASES[1]]),
        ...few.flatMap((text) => BASES.map((base) => [text, base]))];
}

// count rows: pieces put together, and one character changed in every other one.
export function generatedUrls(count, seed) {
    const next = random(seed);
    const pick = (list) => list[next(list.length)];
    // The first ones are plain.
    const often = (list, plain) => list[next(2) === 0 ? next(Math.min(plain, list.length)) : next(list.length)];
    return Array.from({ length: count }, () => {
        let text = next(5) === 0 ? '' : often(SCHEMES, 4) + often(HOSTS, 2) + (next(2) === 0 ? '' : pick(PORTS));
        text += often(PATHS, 5) + often(QUERIES, 5) + often(FRAGMENTS, 3);
        if (next(2) === 0) {
            const at = next(text.length + 1);
            text = text.slice(0, at) + pick(CHARACTERS) + text.slice(at + next(2));
        }
        return [text, next(3) > 0 ? null : pick(BASES)];
    });
}

const URLS = ['http://a.example/b/c?d=1#e', 'https://u:p@a.example:8443/', 'ws://127.0.0.1', 'file:///tmp/x', 'foo://h/p?q#r', 'foo://h', 'foo:/p', 'mailto:a@b', 'https://a:80/', 'http://[::1]:81/x', 'http://xn--exmple-cua.com:1/', 'foo://', 'web+x:/.//p'];
const VALUES = {
    href: ['http://b.example/x', 'nope', '', 'foo:x', ' https://B:443/../y '],
    protocol: ['http', 'https', 'https:', 'HTTPS', 'ws', 'wss:', 'ftp', 'file', 'foo', 'foo:bar', 'http:x', '', ':', '1x', 'htt p', 'h\u00e4', 'javascript'],
    username: ['', 'x', 'x y', 'a:b', '@/?#[]', '\u00e4', '\ud800', "'", '%', 'a\tb'],
    password: ['', 'x', 'x y', 'a:b', '@/?#[]', '\u00e4', '%'],
    host: [...HOSTS, ...HOSTS.map((h) => `${h}:81`), ...PORTS.map((p) => `b.example${p}`), 'b/c', 'b?c', 'b#c', 'b:81/c', 'b:80x', '/b', '\\b'],
    hostname: [...HOSTS, 'b.example:81', 'b/c', 'b?c', 'b#c', ':81', '/b', '\\b'],
    port: ['', ...PORTS, ...PORTS.map((p) => p.slice(1)), '80/x', '81?x', '81\\', '\t82', '8\t2', '1.5', '1e3'],
    pathname: [...PATHS, '/b?c', '/b#d', 'b?c', '?', '#', ''],
    search: [...QUERIES, ...QUERIES.map((q) => q.slice(1)), '#', 'a#b', '?a#b'],
    hash: [...FRAGMENTS, ...FRAGMENTS.map((f) => f.slice(1)), '##'],
};

// [href, part, value]
export function setterTable() {
    return Object.entries(VALUES).flatMap(([name, values]) => values.flatMap((value) => URLS.map((href) => [href, name, value])));
}

const INITS = ['', '?', '??', 'a', 'a=', '=a', '=', '&', '&&a&&', 'a=b', '?a=b&c=d', 'a=b=c', 'a&b&a', 'a=1&b=2&a=3', 'a+b=c+d', '+', '%2B', '%20', '%', '%%', '%2', '%zz', '%41', '%00', '%C3%A4', '%c3%a4', '%C3', '%C3%', '%C3a', '%C3%41',
    '%E2%82%AC', '%E2%82', '%E2%82a', '%F0%9F%98%80', '%F0%9F%98', '%F0%9Fa', '%ED%A0%80', '%C0%80', '%E0%80%80', '%F4%90%80%80', '%F8%88%80%80%80', '%FF%FE', '%80', '\u00e4', '\u00e4%A4', '%C3\u00a4', '\u00e4%FF+%41', '\ud83d\ude00', '\ud800',
    '\udc00=\ud800', '\ud83d%', '%EF%BB%BFa', '\ufeffa=%FF', '%FE%FF', '#', 'a#b', 'a;b', 'a=b?c', ' a = b ', 'a\tb\nc', "!'()*-._~", '"<>`{}|\\^[]@:/?,$', '\0\x01\x7f\x80\xff', '\u2028', 'z=1&y=2&\ufffd=3&\ud83d\ude00=4&a=5&z=0', 'aa&a&aaa&A&\u00e4', null,
    [], [['a', 'b']], [['a', 'b'], ['a', 'c']], [['a']], [['a', 'b', 'c']], ['ab'], [[]], [['', '']], [[1, null]], [['\ud800', '%41+']], { a: 'b' }, { a: 1, b: null }, { '': '' }, { b: '2', a: '1' }, { '\ud800': '\udc00 ' }, {}, 12, true];
const CALLS = [[], [['get', 'a'], ['getAll', 'a'], ['has', 'a'], ['get', 'b'], ['get', '']], [['append', 'a', 'x y'], ['append', 'n', '&=%+\u00e4\ud800']], [['set', 'a', 'n'], ['set', 'new', '']], [['delete', 'a']], [['sort']],
    [['sort'], ['append', 'a', '0'], ['sort'], ['set', 'a', '1'], ['delete', 'z'], ['toString']], [['get'], ['a']], [['append', 'a']], [['set', 'a']], [['delete', 'none'], ['getAll', 'none']], [['append', null, 1], ['get', 'null'], ['has', 'undefined']]];

// [init, calls]; null is the parameters of a URL.
export function paramsTable(count, seed) {
    const next = random(seed);
    const pieces = ['a', 'b', '=', '&', '+', '%', '%4', '%41', '%C3', '%A4', '%E2', '%82', '%AC', '%F0%9F', '%98%80', '%ED', '%A0', '\u00e4', '\ud83d', '\ude00', '%00', '~', '*', ' ', '?'];
    const made = Array.from({ length: count }, () => Array.from({ length: 1 + next(10) }, () => pieces[next(pieces.length)]).join(''));
    return [...INITS.flatMap((init) => CALLS.map((calls) => [init, calls])), ...made.map((init, i) => [init, CALLS[i % CALLS.length]])];
}

// [href, steps]: changes of a URL and of its parameters by turns. A step is a call, or a part and what it is set to.
export function linkedTable() {
    const steps = [['append', 'x', 'y z'], ['search', '?s=1&t'], ['search', ''], ['search', '?'], ['set', 's', '\u00e4'], ['delete', 's'], ['delete', 'x'], ['sort'], ['hash', '#h'], ['hash', ''], ['pathname', '/new'], ['href', 'https://n.example:81/?h=1#i'],
        ['href', 'nope'], ['hostname', 'b.example'], ['search', "?q=it's"], ['protocol', 'ws']];
    const hrefs = ['http://a.example/', 'http://a.example/p?a=1&a=2#f', 'foo://h?x#y', 'http://xn--exmple-cua.com/?%zz', 'http://a/?', 'foo:opaque?a=b#c'];
    return hrefs.flatMap((href) => steps.flatMap((first) => steps.map((second) => [href, [first, second, ['append', 'z', '1']]])));
}
