/* console, the text classes, URL and the other globals. */
#include "script/script_fixture.h"

struct global {
    const char *expression;
    const char *result;
};

static const struct global GLOBALS[] = {
    {"new TextEncoder().encode('a\\u00e4\\u{1F600}\\ud800').join()",
     "97,195,164,240,159,152,128,239,191,189"},
    {"new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 97, 0, 0xc3, 0xa4]))",
     "a\\0\xc3\xa4"},
    {"new TextDecoder().decode(new Uint8Array([0xff, 97, 0xe2, 0x82, 98, 0xf0, 0x9f]))",
     "\xef\xbf\xbd"
     "a\xef\xbf\xbd"
     "b\xef\xbf\xbd"},
    {"(() => { try { return new TextDecoder('utf-8', { fatal: true }).decode(new "
     "Uint8Array([0xff])); } catch (e: any) { return e.name; } })()",
     "TypeError"},
    {"(() => { const d = new TextDecoder(); return d.decode(new Uint8Array([0xe2, 0x82]), { "
     "stream: true }) + '|' + d.decode(new Uint8Array([0xac])); })()",
     "|\xe2\x82\xac"},
    {"(() => { try { new TextDecoder('koi8-r'); } catch (e: any) { return e.name; } })()",
     "RangeError"},
    {"new TextDecoder('utf-16le').decode(new Uint8Array([0xac, 0x20, 0x3d, 0xd8, 0, 0xde, 0, 0xdc, "
     "1]))",
     "\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd"},
    {"new TextDecoder('utf-16be').decode(new Uint8Array([0x20, 0xac]))", "\xe2\x82\xac"},
    {"new TextDecoder('latin1').decode(new Uint8Array([0x80, 0xe9]))", "\xe2\x82\xac\xc3\xa9"},
    {"new TextDecoder('utf-16le').decode(new Uint8Array(0))", ""},
    {"btoa('a\\u00ff') + atob(' YW Jj ') + atob('YQ')", "Yf8=abca"},
    {"['a', '****', 'YQ='].map((s) => { try { return atob(s); } catch (e: any) { return e.name; } "
     "}).join()",
     "InvalidCharacterError,InvalidCharacterError,InvalidCharacterError"},
    {"(() => { const f = new FormData(); f.append('a', 'b'); return [...f].join(); })()", "a,b"},
    {"performance.now() > 0", "true"},
    {"new URL('../b?x=1#f', 'http://User@EXAMPLE.com:80/a/c').href",
     "http://User@example.com/b?x=1#f"},
    {"new URLSearchParams('a=1&a=2&b=%20').getAll('a').join() + new URLSearchParams({ x: 'y z' })",
     "1,2x=y+z"},
    {"JSON.stringify([process.env, typeof require, typeof globalThis.dgateHost, typeof "
     "structuredClone])",
     "[{},\"function\",\"undefined\",\"function\"]"},
    {"(() => { const h = new Headers({ B: '1', a: '2' }); h.append('b', '3'); return "
     "JSON.stringify([...h]) + h.get('B') + h.get('none'); })()",
     "[[\"a\",\"2\"],[\"b\",\"1, 3\"]]1, 3null"},
    {"(() => { try { new Headers({ 'a b': '1' }); } catch (e: any) { return e.name; } })()",
     "TypeError"},
};

static void globals_work(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    for (size_t i = 0; i < ARRAY_LEN(GLOBALS); i++) {
        char source[1024];
        (void)snprintf(source, sizeof(source),
                       "declare const globalThis: any, process: any, require: any, "
                       "structuredClone: any, FormData: any, performance: any;\nexport function "
                       "requestHandler(ctx: any) { "
                       "ctx.response().send(String(%s).replace('\\0', '\\\\0')); }",
                       GLOBALS[i].expression);
        fixture_module(f, source);
        assert_string_equal(fixture_handle(f), GLOBALS[i].result);
    }
    fixture_destroy(f);
}

static void console_writes_lines(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f,
        "export function requestHandler(ctx: any) {\n"
        "  console.log('a %s %d %j %%', 'b', 3.5, { c: 1 }, [2], null, undefined, 5n, () => 0);\n"
        "  console.info({ m: new Map([[1, 2]]) }); console.debug('d'); console.warn('w'); "
        "console.assert(true, 'no'); console.assert(false, 'yes');\n"
        "  const o: any = { a: 1 }; o.o = { o }; console.error(o); "
        "console.log('x'.repeat(10000));\n}");
    (void)fixture_handle(f);
    const char *expected = "info m: a b 3.5 {\"c\":1} % [2] null undefined 5n [Function ]\ninfo m: "
                           "{\"m\":{\"Map\":[[1,2]]}}\n"
                           "debug m: d\nwarn m: w\nerror m: assertion failed yes\nerror m: ";
    assert_memory_equal(f->log, expected, strlen(expected));
    assert_true(strlen(f->log) < 5000);
    fixture_destroy(f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(globals_work),
    cmocka_unit_test(console_writes_lines),
};

FIXTURE_MAIN(tests)
