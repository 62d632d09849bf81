/* Headers, Request and Response as the Fetch standard has them: cases of the Web Platform Tests that need no browser. */
#include "script/script_fixture.h"

struct expression {
    const char *code; /* an expression, awaited; as text it is */
    const char *text; /* or "! " and an error */
};

static const struct expression CASES[] = {
    /* headers-basic, headers-combine, headers-normalize, headers-errors */
    {"[...new Headers({ b: '2', A: '1' })].join('|')", "a,1|b,2"},
    {"[...new Headers([['a', '1'], ['a', '2']])].join('|')", "a,1, 2"},
    {"new Headers({ a: ' \\t x \\t ' }).get('A')", "x"},
    {"new Headers().get('a')", "null"},
    {"(() => { const h = new Headers({ a: '1' }); h.append('A', '2'); h.set('a', '3'); "
     "h.delete('b'); return h.get('a') + h.has('A'); })()",
     "3true"},
    {"(() => { const h = new Headers(); h.append('Set-Cookie', 'a=b'); h.append('set-cookie', "
     "'c=d'); return h.getSetCookie().length + [...h].join('|'); })()",
     "2set-cookie,a=b|set-cookie,c=d"},
    {"new Headers([['a']])", "! TypeError"},
    {"new Headers({ 'a b': '1' })", "! TypeError"},
    {"new Headers({ a: 'x\\ny' })", "! TypeError"},
    {"new Headers(new Headers({ a: '1' })).get('a')", "1"},
    /* response-init, response-static-json, -redirect, -error, response-clone, response-consume */
    {"(() => { const r = new Response(); return [r.status, r.statusText, r.ok, r.type, r.url, "
     "r.redirected, r.body, r.bodyUsed].join(); })()",
     "200,,true,default,,false,,false"},
    {"new Response('', { status: 199 })", "! RangeError"},
    {"new Response('', { status: 600 })", "! RangeError"},
    {"new Response('', { statusText: 'a\\n' })", "! TypeError"},
    {"new Response('x', { status: 204 })", "! TypeError"},
    {"new Response(null, { status: 304 }).status", "304"},
    {"new Response('a').headers.get('content-type')", "text/plain;charset=UTF-8"},
    {"new Response('a', { headers: { 'content-type': 'x/y' } }).headers.get('content-type')",
     "x/y"},
    {"new Response(new URLSearchParams('a=b')).headers.get('content-type')",
     "application/x-www-form-urlencoded;charset=UTF-8"},
    {"new Response(new Uint8Array(1)).headers.get('content-type')", "null"},
    {"Response.json({ a: [1] }).text()", "{\"a\":[1]}"},
    {"Response.json({}, { status: 201, headers: { 'content-type': 'x/y' } }).headers.get('content-"
     "type')",
     "x/y"},
    {"Response.json(undefined)", "! TypeError"},
    /* A byte order mark is no part of a text, whatever the body was made of; of bytes it is. */
    {"(async () => { const out = []; const t = '\\ufeff\\ufeff1'; for (const make of [(b) => new "
     "Response(b), (b) => new Request('http://a/', { method: 'POST', body: b })]) for (const b of "
     "[t, "
     "new TextEncoder().encode(t), new Blob([t])]) out.push((await make(b).text()).length); "
     "out.push((await new Blob([t]).text()).length); return out.join(''); })()",
     "2222222"},
    {"new Response('\\ufeff{\"a\":1}').json().then((v) => v.a)", "1"},
    {"new Response('\\ufeff').arrayBuffer().then((b) => b.byteLength)", "3"},
    {"Response.json(1n)", "! TypeError"},
    {"Response.json({}, { status: 204 })", "! TypeError"},
    {"(() => { const r = Response.redirect('http://a/b c', 301); return r.status + "
     "r.headers.get('location'); })()",
     "301http://a/b%20c"},
    {"Response.redirect('/a', 200)", "! RangeError"},
    {"(() => { const r = Response.error(); return r.type + r.status; })()", "error0"},
    {"(async () => { const r = new Response('abc'); const c = r.clone(); return (await r.text()) + "
     "(await c.text()) + r.bodyUsed; })()",
     "abcabctrue"},
    {"(async () => { const r = new Response('abc'); await r.text(); r.clone(); })()",
     "! TypeError: body already used"},
    {"(async () => { const r = new Response('abc'); await r.text(); await r.json(); })()",
     "! TypeError: body already used"},
    {"(async () => { const r = new Response(null); await r.text(); return r.bodyUsed + (await "
     "r.text()); })()",
     "false"},
    {"(async () => { const r = new Response('{\"a\":1}'); return (await r.json()).a; })()", "1"},
    {"new Response('x').json()", "! SyntaxError"},
    {"(async () => { const b = await new Response('\\u00e4').bytes(); return b instanceof "
     "Uint8Array && b.join(); })()",
     "195,164"},
    {"(async () => { const b = await new Response(new Uint8Array([1, 2, 3]).subarray(1)"
     ").arrayBuffer(); return b instanceof ArrayBuffer && b.byteLength; })()",
     "2"},
    {"new Response(new Uint8Array([0xef, 0xbb, 0xbf, 65])).text()", "A"},
    {"new Response(new Uint8Array([65, 0xff])).text()", "A\xef\xbf\xbd"},
    {"(async () => { const a = new Uint8Array([65]); const r = new Response(a); a[0] = 66; return "
     "r.text(); })()",
     "A"},
    {"Response.prototype.text.call({})", "! TypeError"},
    {"String(new Response())", "[object Response]"},
    /* response-stream-*, response-from-stream */
    {"(async () => { const r = new Response('abc'); const s = r.body.getReader(); const { value } "
     "= "
     "await s.read(); return new TextDecoder().decode(value) + (await s.read()).done + "
     "r.bodyUsed; })()",
     "abctruetrue"},
    {"(() => { const r = new Response('abc'); return r.body === r.body && r.body instanceof "
     "ReadableStream && !r.bodyUsed; })()",
     "true"},
    {"(async () => { const r = new Response('abc'); r.body.getReader(); await r.text(); })()",
     "! TypeError"},
    {"(async () => { const s = new ReadableStream({ start(c) { c.enqueue(new "
     "TextEncoder().encode('a')); c.enqueue(new TextEncoder().encode('b')); c.close(); } }); const "
     "r = new Response(s); const c = r.clone(); return (await r.text()) + (await c.text()); })()",
     "abab"},
    {"(() => { const s = new ReadableStream(); s.getReader(); new Response(s); })()",
     "! TypeError"},
    {"(async () => { const s = new ReadableStream({ pull(c) { c.close(); } }); const r = "
     "s.getReader(); await r.read(); r.releaseLock(); new Response(s); })()",
     "! TypeError"},
    {"new Response(new ReadableStream({ start(c) { c.enqueue('text'); } })).text()", "! TypeError"},
    {"new Response(new ReadableStream({ start(c) { c.error(new RangeError('own')); } })).text()",
     "! RangeError: own"},
    {"new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)); } })).text()",
     "! TypeError: the body is larger than 1048576 bytes (limits.module_body_max)"},
    /* request-init-*, request-clone, request-consume, request-headers */
    {"(() => { const r = new Request('http://a/b?c#d'); return [r.url, r.method, r.redirect, "
     "r.body, r.signal].join(); })()",
     "http://a/b?c#d,GET,follow,,[object AbortSignal]"},
    {"new Request('/relative')", "! TypeError"},
    {"new Request('http://u:p@a/')", "! TypeError"},
    {"new Request('http://a', { method: 'post' }).method", "POST"},
    {"new Request('http://a', { method: 'patch' }).method", "patch"},
    {"new Request('http://a', { method: 'TRACE' })", "! TypeError"},
    {"new Request('http://a', { method: 'a b' })", "! TypeError"},
    {"new Request('http://a', { body: 'x' })", "! TypeError"},
    {"new Request('http://a', { redirect: 'maybe' })", "! TypeError"},
    {"new Request('http://a', { signal: {} })", "! TypeError"},
    {"new Request('http://a', { method: 'POST', body: 'x' }).headers.get('content-type')",
     "text/plain;charset=UTF-8"},
    {"(async () => { const r = new Request('http://a', { method: 'POST', body: 'x', headers: { a: "
     "'1' } }); const n = new Request(r, { headers: { b: '2' } }); return [await n.text(), "
     "r.bodyUsed, n.method, n.headers.get('a'), n.headers.get('b')].join(); })()",
     "x,true,POST,,2"},
    {"(async () => { const r = new Request('http://a', { method: 'POST', body: 'x' }); const c = "
     "r.clone(); return (await c.text()) + (await r.text()) + c.method; })()",
     "xxPOST"},
    {"(async () => { const r = new Request('http://a', { method: 'POST', body: 'x' }); await "
     "r.text(); new Request(r); })()",
     "! TypeError: body already used"},
    {"new Request('http://a', { method: 'POST', body: new ReadableStream({ start(c) { c.close(); } "
     "}) }).text()",
     ""},
    /* TextEncoderStream, TextDecoderStream */
    {"(async () => { let out = ''; const s = new ReadableStream({ start(c) { "
     "c.enqueue('a\\ud83d'); "
     "c.enqueue('\\ude00'); c.close(); } }).pipeThrough(new TextEncoderStream()); for await (const "
     "b "
     "of s) out += b.join() + ' '; return out; })()",
     "97 240,159,152,128 "},
    {"(async () => { let out = ''; const s = new ReadableStream({ start(c) { c.enqueue(new "
     "Uint8Array([195])); c.enqueue(new Uint8Array([164, 65])); c.close(); } }).pipeThrough(new "
     "TextDecoderStream()); for await (const t of s) out += '[' + t + ']'; return out; })()",
     "[\xc3\xa4"
     "A]"},
    {"(async () => { const s = new ReadableStream({ start(c) { c.enqueue(new Uint8Array([255])); "
     "c.close(); "
     "} }).pipeThrough(new TextDecoderStream('utf-8', { fatal: true })); for await (const t of s); "
     "})()",
     "! TypeError"},
};

static void behaves_as_the_standard_says(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    unsigned wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        char source[1024];
        (void)snprintf(source, sizeof(source),
                       "export async function requestHandler(ctx) { try { "
                       "ctx.response().send(String(await (%s))); } catch (e) { "
                       "ctx.response().send('! ' + e); } }",
                       CASES[i].code);
        fixture_drop_program(f);
        fixture_add(f, "m", "javascript", source);
        fixture_link(f);
        const char *text = fixture_handle(f);
        const char *want = CASES[i].text;
        const size_t len = want[0] == '!' ? strlen(want) : strlen(text) + strlen(want);
        if (strncmp(text, want, len) == 0)
            continue;
        print_error("%s\nis %s\nand not %s\n", CASES[i].code, text, want);
        wrong++;
    }
    assert_int_equal(wrong, 0);
    fixture_destroy(f);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(behaves_as_the_standard_says)};

FIXTURE_MAIN(tests)
