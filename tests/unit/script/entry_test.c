/* The limits on CPU time, wall time and memory, and that the program works after each. */
#include <time.h>

#include "script/script_fixture.h"

#define HANDLER "export function requestHandler(ctx: any) "

/* Every one of them runs for ever, and ends by the CPU limit. */
static const char *const ENDLESS[] = {
    "{ for (;;) {} }",
    "{ for (;;) { try { for (;;) {} } catch {} } }",
    "{ const loop = (): any => Promise.resolve().then(loop); return loop(); }",
    "{ const loop = (): any => { queueMicrotask(loop); }; loop(); }",
    "{ return (async () => { for (;;) await 0; })(); }",
    "{ return (async () => { for (;;) try { await 0; } catch {} })(); }",
    "{ const g = endlessly(); return (async () => { for await (const x of g); })(); }",
    "{ setTimeout(() => { for (;;) {} }, 1); return new Promise(() => 0); }",
    "{ return new Promise((r) => setTimeout(r, 1)).then(() => { for (;;) {} }); }",
    "{ ctx.response().send('x'); (async () => { for (;;) await null; })(); }",
    "{ let s = 'x'; for (;;) JSON.parse(JSON.stringify({ s })); }",
};

static double cpu_seconds(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void cpu_limit_stops_every_loop(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    for (size_t i = 0; i < ARRAY_LEN(ENDLESS); i++) {
        char source[1024];
        (void)snprintf(source, sizeof(source),
                       HANDLER "{ if (ctx.request().method === 'GET') return endless(ctx); "
                               "ctx.response().send('fine'); }\n"
                               "async function* endlessly() { for (;;) yield 1; }\n"
                               "function endless(ctx: any): any %s",
                       ENDLESS[i]);
        fixture_module(f, source);
        const double before = cpu_seconds();
        const char *text = fixture_handle(f);
        const double used = cpu_seconds() - before;
        print_message("%zu: %.0f ms\n", i, used * 1000);
        assert_string_equal(text, "requestHandler used more than its 100 ms of CPU time");
        assert_int_equal(f->status, SCRIPT_CPU);
        assert_false(f->responded);
        assert_true(used > 0.09 && used < 1.0);
        fixture_begin(f);
        f->x.method = STR("POST");
        fixture_call(f, SCRIPT_REQUEST_HANDLER);
        assert_string_equal(f->text, "");
        assert_int_equal(f->status, SCRIPT_OK);
        assert_string_equal(buf_cstr(&f->x.response_body), "fine");
    }
    fixture_destroy(f);
}

/* The limit is on one entry, not on a request: waiting costs nothing. */
static void time_between_entries_does_not_count(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f,
        "export async function requestHandler(ctx: any) {\n  for (let i = 0; i < 4; i++) {\n"
        "    const end = Date.now() + 40; while (Date.now() < end) ;\n"
        "    await new Promise((r) => setTimeout(r, 1));\n  }\n  ctx.response().send('done');\n}");
    assert_string_equal(fixture_handle(f), "done");
    fixture_destroy(f);
}

static void wall_limit_ends_a_wait(void **state)
{
    (void)state;
    const struct script_limits limits = {.cpu_ms = 100,
                                         .wall_ms = 50,
                                         .heap_bytes = (size_t)1 << 30,
                                         .body_max = 1 << 20,
                                         .fetches = 32,
                                         .timers = 64};
    struct fixture *f = fixture_create(&limits);
    fixture_module(
        f, "export async function requestHandler(ctx: any) { await new Promise((r) => "
           "setTimeout(r, ctx.get('ms') ?? 5000)); ctx.response().send('x'); }\n"
           "export const errorHandler = (ctx: any, e: Error) => ctx.response().send(e.message);");
    assert_string_equal(fixture_handle(f),
                        "the promise of requestHandler did not settle within 50 ms");
    assert_int_equal(f->status, SCRIPT_WALL);
    fixture_start_call(f, SCRIPT_ERROR_HANDLER, f->text);
    assert_int_equal(f->status, SCRIPT_OK);
    fixture_destroy(f);
}

/* What belonged to a call that the wall limit ended does not end the next one. */
static void a_late_end_is_not_taken_for_another(void **state)
{
    (void)state;
    const struct script_limits limits = {.cpu_ms = 100,
                                         .wall_ms = 50,
                                         .heap_bytes = (size_t)1 << 30,
                                         .body_max = 1 << 20,
                                         .fetches = 32,
                                         .timers = 64};
    struct fixture *f = fixture_create(&limits);
    fixture_module(f, "export async function requestHandler(ctx: any) { await new Promise((r) => "
                      "setTimeout(r, 70)); throw new Error('late'); }\n"
                      "export const errorHandler = async (ctx: any, e: Error) => { await new "
                      "Promise((r) => setTimeout(r, 40)); ctx.response().send('handled'); };");
    (void)fixture_handle(f);
    assert_int_equal(f->status, SCRIPT_WALL);
    fixture_call(f, SCRIPT_ERROR_HANDLER);
    assert_int_equal(f->status, SCRIPT_OK);
    assert_string_equal(buf_cstr(&f->x.response_body), "handled");
    fixture_destroy(f);
}

static void heap_limit_stops_growth(void **state)
{
    (void)state;
    const struct script_limits limits = {.cpu_ms = 5000,
                                         .wall_ms = 5000,
                                         .heap_bytes = (size_t)64 << 20,
                                         .body_max = 1 << 20,
                                         .fetches = 32,
                                         .timers = 64};
    struct fixture *f = fixture_create(&limits);
    fixture_module(
        f,
        HANDLER "{ if (ctx.request().method !== 'GET') return ctx.response().send('fine');\n"
                "  const all: any[] = []; for (;;) all.push(new Array(1000).fill(all.length)); }");
    assert_false(script_vm_wants_restart(f->vm));
    assert_string_equal(fixture_handle(f),
                        "requestHandler made the modules use more than their 64 MB of memory");
    assert_int_equal(f->status, SCRIPT_HEAP);
    assert_true(script_vm_wants_restart(f->vm));
    fixture_begin(f);
    f->x.method = STR("POST");
    fixture_call(f, SCRIPT_REQUEST_HANDLER);
    assert_string_equal(buf_cstr(&f->x.response_body), "fine");
    fixture_destroy(f);
}

static void counts_of_a_request_are_limited(void **state)
{
    (void)state;
    const struct script_limits limits = {.cpu_ms = 1000,
                                         .wall_ms = 2000,
                                         .heap_bytes = (size_t)1 << 30,
                                         .body_max = 100,
                                         .fetches = 2,
                                         .timers = 3};
    struct fixture *f = fixture_create(&limits);
    fixture_module(
        f, HANDLER
        "{ for (let i = 0; i < 3; i++) setTimeout(() => 0, 1000); setTimeout(() => 0, 1000); }");
    assert_non_null(strstr(fixture_handle(f), "a request may have 3 timers at once"));
    fixture_module(f, HANDLER
                   "{ for (let i = 0; i < 30; i++) clearTimeout(setTimeout(() => 0, 1000));\n  "
                   "return Promise.all([1, 2, 3].map(() => fetch('http://127.0.0.1:1/').catch((e) "
                   "=> { if (!/connect/.test(e.message)) throw e; }))); }");
    assert_non_null(strstr(fixture_handle(f), "a request may fetch 2 times"));
    fixture_module(f, HANDLER "{ ctx.response().send('x'.repeat(101)); }");
    assert_non_null(strstr(fixture_handle(f), "the body is larger than 100 bytes"));
    fixture_module(f, HANDLER "{ ctx.request().writeBody(new Uint8Array(101)); }");
    assert_non_null(strstr(fixture_handle(f), "the body is larger than 100 bytes"));
    fixture_module(f, HANDLER "{ ctx.response().send('\\u00e4'.repeat(50)); }");
    (void)fixture_handle(f);
    assert_int_equal(f->x.response_body.len, 100);
    fixture_destroy(f);
}

static void nothing_evaluates_text(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f,
        HANDLER "{ const tried: string[] = []; const g = globalThis as any;\n"
                "  for (const make of [() => g['ev' + 'al']('1'), () => (() => "
                "0).constructor('return 1')(), () => (function* () {}).constructor('yield 1')(),\n"
                "    () => new g['Func' + 'tion']('return 1')(), () => g.WebAssembly.x, () => "
                "g.Atomics.wait, () => new g.SharedArrayBuffer(1)])\n"
                "    try { tried.push('worked ' + make()); } catch { tried.push('no'); }\n  "
                "ctx.response().send(tried.join()); }");
    assert_string_equal(fixture_handle(f), "no,no,no,no,no,no,no");
    fixture_module(f, HANDLER "{ try { (Promise.prototype as any).then = () => 0; } catch (e: any) "
                              "{ ctx.response().send(e.name); } }");
    assert_string_equal(fixture_handle(f), "TypeError");
    fixture_destroy(f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(cpu_limit_stops_every_loop),
    cmocka_unit_test(time_between_entries_does_not_count),
    cmocka_unit_test(wall_limit_ends_a_wait),
    cmocka_unit_test(a_late_end_is_not_taken_for_another),
    cmocka_unit_test(heap_limit_stops_growth),
    cmocka_unit_test(counts_of_a_request_are_limited),
    cmocka_unit_test(nothing_evaluates_text),
};

FIXTURE_MAIN(tests)
