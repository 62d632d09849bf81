/* Timers and microtasks, and dgate's asyncSleep and retry. */
#include "script/script_fixture.h"

struct ordered {
    const char *body; /* with note(text), and resolve() at the end */
    const char *notes;
};

static const struct ordered ORDERED[] = {
    {"setTimeout(note, 20, 'c'); setTimeout(note, 1, 'b', 'ignored'); note('a'); "
     "setTimeout(resolve, 40);",
     "a,b,c"},
    {"setImmediate(() => { note('immediate'); resolve(); }); queueMicrotask(() => note('micro')); "
     "Promise.resolve().then(() => note('promise')); note('now');",
     "now,micro,promise,immediate"},
    {"let n = 0; const t = setInterval(() => { note(++n); if (n === 3) { clearInterval(t); "
     "setTimeout(resolve, 10); } }, 1);",
     "1,2,3"},
    {"const t = setTimeout(() => note('never'), 1); clearTimeout(t); clearTimeout(t); "
     "clearTimeout(undefined); clearTimeout(99999); setTimeout(resolve, 10);",
     ""},
    {"const t = setInterval(() => note('never'), 1); clearInterval(t); setTimeout(resolve, 5);",
     ""},
    {"setTimeout(() => { throw new Error('in a timer'); }, 1); setTimeout(() => { note('still'); "
     "resolve(); }, 5);",
     "still"},
    {"const start = Date.now(); asyncSleep('20ms').then(() => asyncSleep(0.01)).then(() => { "
     "note(Date.now() - start >= 25); resolve(); });",
     "true"},
    {"const until = Date.now() + 60; while (Date.now() < until); const start = Date.now(); "
     "setTimeout(() => { note(Date.now() - start >= 19); resolve(); }, 20);",
     "true"},
    {"asyncSleep(0).then(() => asyncSleep(-1)).then(() => asyncSleep('0')).then(() => { note('at "
     "once'); resolve(); });",
     "at once"},
    {"for (const d of [true, 'x', '1', '', '5 ms']) try { asyncSleep(d); note('slept'); } catch "
     "(e: any) { note(e.name); } resolve();",
     "TypeError,TypeError,TypeError,TypeError,TypeError"},
    {"note(retry(5, (i: number) => i === 3 && 'third')); note(retry(2, () => false)); resolve();",
     "third,"},
    {"for (const f of [() => retry(0, () => 1), () => (retry as any)(1), () => retry(1, () => "
     "fail('own'))]) try { f(); } catch (e: any) { note(e.message); } resolve();",
     "num must be greater than 0,retry() requires a callback as a second argument,own"},
    {"try { (setTimeout as any)('text'); } catch (e: any) { note(e.name); } resolve();",
     "TypeError"},
};

static void run_in_order(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    for (size_t i = 0; i < ARRAY_LEN(ORDERED); i++) {
        char source[1024];
        (void)snprintf(source, sizeof(source),
                       "import { asyncSleep, fail, retry } from 'dgate';\nexport async function "
                       "requestHandler(ctx: any) {\n  const notes: any[] = []; const note = (x: "
                       "any) => notes.push(x);\n"
                       "  await new Promise<void>((resolve) => { %s });\n  "
                       "ctx.response().send(notes.join()); }",
                       ORDERED[i].body);
        fixture_module(f, source);
        assert_string_equal(fixture_handle(f), ORDERED[i].notes);
    }
    assert_non_null(strstr(f->log, "in a setTimeout() callback: Error: in a timer at m:4:"));
    fixture_destroy(f);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(run_in_order)};

FIXTURE_MAIN(tests)
