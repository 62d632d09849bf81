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
    "{ const make = (): any => ({ then(done: any) { done(make()); } }); return make(); }",
    "{ const make = (): any => ({ then(done: any) { done(make()); } }); return (async () => { "
    "await "
    "make(); })(); }",
    "{ const loop = (): any => Promise.resolve().then(loop); return Promise.all([1, 2, 3, 4, 5, "
    "6].map(loop)); }",
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
    struct script_limits limits = fixture_limits();
    limits.cpu_ms = 100;
    struct fixture *f = fixture_create(&limits);
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
        assert_string_equal(text,
                            "m: requestHandler used more than its 100 ms of CPU time (limit cpu)");
        assert_int_equal(f->status, SCRIPT_CPU);
        assert_false(f->responded);
        assert_true(used > 0.09 && used < 10.0);
        assert_int_equal(f->limit, SCRIPT_LIMIT_CPU);
        assert_int_equal(script_vm_limit_hits(f->vm, SCRIPT_LIMIT_CPU), i + 1);
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
    struct script_limits limits = fixture_limits();
    limits.cpu_ms = 500;
    struct fixture *f = fixture_create(&limits);
    fixture_module(
        f,
        "export async function requestHandler(ctx: any) {\n  for (let i = 0; i < 4; i++) {\n"
        "    const end = Date.now() + 200; while (Date.now() < end) ;\n"
        "    await new Promise((r) => setTimeout(r, 1));\n  }\n  ctx.response().send('done');\n}");
    assert_string_equal(fixture_handle(f), "done");
    fixture_destroy(f);
}

static void wall_limit_ends_a_wait(void **state)
{
    (void)state;
    struct script_limits limits = fixture_limits();
    limits.wall_ms = 50;
    struct fixture *f = fixture_create(&limits);
    fixture_module(
        f, "export async function requestHandler(ctx: any) { await new Promise((r) => "
           "setTimeout(r, ctx.get('ms') ?? 5000)); ctx.response().send('x'); }\n"
           "export const errorHandler = (ctx: any, e: Error) => ctx.response().send(e.message);");
    assert_string_equal(
        fixture_handle(f),
        "m: the promise of requestHandler did not settle within 50 ms (limit wall)");
    assert_int_equal(f->status, SCRIPT_WALL);
    fixture_start_call(f, SCRIPT_ERROR_HANDLER, f->text);
    assert_int_equal(f->status, SCRIPT_OK);
    fixture_destroy(f);
}

/* What belonged to a call that the wall limit ended does not end the next one. */
static void a_late_end_is_not_taken_for_another(void **state)
{
    (void)state;
    struct script_limits limits = fixture_limits();
    limits.wall_ms = 3000;
    struct fixture *f = fixture_create(&limits);
    fixture_module(f, "export async function requestHandler(ctx: any) { await new Promise((r) => "
                      "setTimeout(r, 4000)); throw new Error('late'); }\n"
                      "export const errorHandler = async (ctx: any, e: Error) => { await new "
                      "Promise((r) => setTimeout(r, 2000)); ctx.response().send('handled'); };");
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
    struct script_limits limits = fixture_limits();
    limits.heap_bytes = (size_t)64 << 20;
    struct fixture *f = fixture_create(&limits);
    fixture_module(
        f,
        HANDLER "{ const all: any[] = []; for (;;) all.push(new Array(1000).fill(all.length)); }");
    assert_string_equal(fixture_handle(f), "m: requestHandler ran while the modules used more than "
                                           "their 64 MB of memory (limit heap)");
    assert_int_equal(f->status, SCRIPT_HEAP);
    assert_int_equal(f->limit, SCRIPT_LIMIT_HEAP);
    while (f->renewals == 0)
        loop_turn(f->loop, true);
    assert_null(f->program);
    fixture_module(f, HANDLER "{ ctx.response().send('in another VM'); }");
    assert_string_equal(fixture_handle(f), "in another VM");
    assert_int_equal(f->renewals, 1);
    assert_false(script_vm_wants_restart(f->vm));
    fixture_destroy(f);
}

static void counts_of_a_request_are_limited(void **state)
{
    (void)state;
    struct script_limits limits = fixture_limits();
    limits.body_max = 100;
    limits.fetches = 2;
    limits.timers = 3;
    struct fixture *f = fixture_create(&limits);
    fixture_module(
        f, HANDLER
        "{ for (let i = 0; i < 3; i++) setTimeout(() => 0, 1000); setTimeout(() => 0, 1000); }");
    assert_non_null(
        strstr(fixture_handle(f), "a request may have 3 timers at once (limit timers)"));
    assert_int_equal(f->limit, SCRIPT_LIMIT_TIMERS);
    fixture_module(f, HANDLER
                   "{ for (let i = 0; i < 30; i++) clearTimeout(setTimeout(() => 0, 1000));\n  "
                   "return Promise.all([1, 2, 3].map(() => fetch('http://127.0.0.1:1/').catch((e) "
                   "=> { if (!/connect/.test(e.message)) throw e; }))); }");
    assert_non_null(strstr(fixture_handle(f), "a request may fetch 2 times (limit fetches)"));
    assert_int_equal(f->limit, SCRIPT_LIMIT_FETCHES);
    fixture_module(f, HANDLER "{ ctx.response().send('x'.repeat(101)); }");
    assert_non_null(strstr(fixture_handle(f), "the body is larger than 100 bytes"));
    fixture_module(f, HANDLER "{ ctx.request().writeBody(new Uint8Array(101)); }");
    assert_non_null(strstr(fixture_handle(f), "the body is larger than 100 bytes"));
    fixture_module(f, HANDLER "{ ctx.response().send('\\u00e4'.repeat(50)); }");
    (void)fixture_handle(f);
    assert_int_equal(f->x.response_body.len, 100);
    fixture_destroy(f);
}

/* Modules that limits end again and again are told of, unless most of their calls are well. */
static void offences_are_counted(void **state)
{
    (void)state;
    struct script_limits limits = fixture_limits();
    limits.cpu_ms = 20;
    limits.stops_max = 3;
    limits.stops_window_ms = 600000;
    struct fixture *f = fixture_create(&limits);
    fixture_module(f, HANDLER "{ if (ctx.request().method === 'GET') for (;;) {} }");
    for (int i = 0; i < 8; i++) {
        fixture_begin(f);
        f->x.method = STR("POST");
        fixture_call(f, SCRIPT_REQUEST_HANDLER);
    }
    for (int i = 0; i < 7; i++)
        (void)fixture_handle(f);
    assert_int_equal(f->offences, 0);
    (void)fixture_handle(f);
    assert_int_equal(f->offences, 1);
    assert_string_equal(f->offender_text, "default api m requestHandler 8");
    assert_true(f->offender == script_program_fingerprint(&f->route, f->list, 1));
    fixture_destroy(f);
}

/* The module whose function runs has its own limits. */
static void modules_have_limits_of_their_own(void **state)
{
    (void)state;
    struct script_limits limits = fixture_limits();
    limits.timers = 5;
    limits.raise_max = 2;
    struct fixture *f = fixture_create(&limits);
    static const char source[] =
        "let n = 0; export const requestModifier = async (ctx: any) => { await null; n = 0; try { "
        "for (;;) { setTimeout(() => 0, 60000); n++; } } catch { ctx.set('n', (ctx.get('n') ?? '') "
        "+ ' ' + n); } };\n"
        "export const requestHandler = (ctx: any) => ctx.response().send(ctx.get('n'));";
    fixture_add(f, "few", "typescript", source);
    fixture_add(f, "many", "typescript", source);
    fixture_add(f, "usual", "typescript", source);
    f->modules[0].limits.timers = 1;
    f->modules[1].limits.timers = 100; /* cut to twice the server's */
    fixture_link(f);
    fixture_begin(f);
    fixture_call(f, SCRIPT_REQUEST_MODIFIER);
    fixture_call(f, SCRIPT_REQUEST_HANDLER);
    assert_string_equal(buf_cstr(&f->x.response_body), " 1 9 0");
    assert_int_equal(script_vm_limit_hits(f->vm, SCRIPT_LIMIT_TIMERS), 1);
    fixture_destroy(f);
}

static void lines_of_the_log_are_limited(void **state)
{
    (void)state;
    struct script_limits limits = fixture_limits();
    limits.log_rate = 2;
    struct fixture *f = fixture_create(&limits);
    fixture_module(f, HANDLER "{ for (let i = 0; i < 100; i++) console.log('line', i); }");
    (void)fixture_handle(f);
    assert_non_null(strstr(f->log, "info m: line 9\n"));
    assert_null(strstr(f->log, "line 20\n"));
    while (strstr(f->log, "lines were dropped (limit log: 2 lines a second)") == NULL)
        loop_turn(f->loop, true);
    assert_true(script_vm_limit_hits(f->vm, SCRIPT_LIMIT_LOG) > 70);
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
    cmocka_unit_test(offences_are_counted),
    cmocka_unit_test(modules_have_limits_of_their_own),
    cmocka_unit_test(lines_of_the_log_are_limited),
    cmocka_unit_test(nothing_evaluates_text),
};

FIXTURE_MAIN(tests)
