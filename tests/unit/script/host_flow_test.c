/* Bodies piece by piece, with the test in the proxy's place. */
#include "script/host_stream.h"
#include "script/script_fixture.h"

/* What the proxy would have been told. */
struct told {
    struct fixture *f;
    bool refuse; /* open() */
    size_t room; /* of the last want() */
    unsigned wants;
    unsigned cancelled;
    char written[8192];
    size_t pieces;
    bool finished;
    char error[512];
    const char *feed_in_want; /* fed from within want(), once; NULL: nothing */
};

static bool on_open(void *user, enum script_side side)
{
    (void)side;
    return !((struct told *)user)->refuse;
}

static void on_want(void *user, enum script_side side, size_t room)
{
    struct told *t = user;
    t->room = room;
    t->wants++;
    const char *text = t->feed_in_want;
    t->feed_in_want = NULL;
    if (text != NULL)
        script_run_feed(t->f->run, side, str_of(text));
}

static void on_cancel(void *user, enum script_side side)
{
    (void)side;
    ((struct told *)user)->cancelled++;
}

static void on_write(void *user, struct str data)
{
    struct told *t = user;
    const size_t used = strlen(t->written);
    assert_false(t->finished);
    t->pieces++;
    (void)snprintf(t->written + used, sizeof(t->written) - used, "%.*s", STR_ARG(data));
}

static void on_finish(void *user, const char *error)
{
    struct told *t = user;
    assert_false(t->finished);
    t->finished = true;
    (void)snprintf(t->error, sizeof(t->error), "%s", error != NULL ? error : "");
}

static const struct script_flow FLOW = {on_open, on_want, on_cancel, on_write, on_finish};

static void begin(struct fixture *f, struct told *t)
{
    fixture_begin(f);
    *t = (struct told){.f = f};
    f->x.flow = &FLOW;
    f->x.flow_user = t;
}

/* A requestHandler of that body, called. */
static void handle(struct fixture *f, struct told *t, const char *body)
{
    char source[2048];
    (void)snprintf(source, sizeof(source),
                   "const enc = (s: string) => new TextEncoder().encode(s);\n"
                   "export const requestHandler = async (ctx: any) => { %s };",
                   body);
    fixture_module(f, source);
    begin(f, t);
    fixture_call(f, SCRIPT_REQUEST_HANDLER);
}

static void gives_a_body_as_it_is_pulled(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    struct told t;
    handle(f, &t,
           "let n = 0; return new Response(new ReadableStream({ pull(c: any) { n++ < 4 ? "
           "c.enqueue(enc('12345')) : c.close(); } }, { highWaterMark: 0 }), { status: 206 });");
    assert_int_equal(f->status, SCRIPT_OK);
    assert_true(f->responded && f->x.flows);
    assert_int_equal(f->x.response_status, 206);
    assert_string_equal(t.written, "");
    script_run_pull(f->run, 8);
    assert_string_equal(t.written, "1234512345");
    assert_false(t.finished);
    script_run_pull(f->run, 100);
    assert_string_equal(t.written, "12345123451234512345");
    assert_true(t.finished);
    assert_string_equal(t.error, "");
    script_run_pull(f->run, 100); /* nothing follows the end */
    fixture_destroy(f);
}

/* A large chunk goes in pieces of 64 KiB at most. */
static void cuts_large_chunks(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    struct told t;
    handle(f, &t,
           "return new Response(new ReadableStream({ start(c: any) { c.enqueue(new "
           "Uint8Array(200000)); c.enqueue(new Uint8Array(0)); c.close(); } }));");
    script_run_pull(f->run, 1);
    assert_int_equal(t.pieces, 1);
    script_run_pull(f->run, 131072);
    assert_int_equal(t.pieces, 3);
    assert_false(t.finished);
    script_run_pull(f->run, 65536);
    assert_int_equal(t.pieces, 4);
    assert_true(t.finished);
    fixture_destroy(f);
}

static void tells_the_stream_that_nobody_wants_it(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    struct told t;
    handle(f, &t,
           "return new Response(new ReadableStream({ pull(c: any) { c.enqueue(enc('1')); }, "
           "cancel(r: any) { console.info('cancelled: ' + r.message); } }));");
    script_run_pull(f->run, 1);
    fixture_end_run(f);
    assert_non_null(strstr(f->log, "cancelled: the client is gone"));
    assert_false(t.finished);
    fixture_destroy(f);
}

/* An error handler begins anew. */
static void discards_a_body_that_a_failure_follows(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    struct told t;
    fixture_module(f, "export const requestHandler = () => new Response(new ReadableStream({ "
                      "cancel() { console.info('cancelled'); } }));\n"
                      "export const errorHandler = () => new Response('sorry');");
    begin(f, &t);
    fixture_call(f, SCRIPT_REQUEST_HANDLER);
    assert_true(f->x.flows);
    fixture_start_call(f, SCRIPT_ERROR_HANDLER, "boom");
    fixture_wait(f);
    assert_false(f->x.flows);
    assert_string_equal(buf_cstr(&f->x.response_body), "sorry");
    assert_non_null(strstr(f->log, "cancelled"));
    fixture_destroy(f);
}

static const struct {
    const char *body;
    const char *error;
} BROKEN[] = {
    {"return new Response(new ReadableStream({ pull() { throw new Error('x'); } }));",
     "m:2:118: Error: x"},
    {"return new Response(new ReadableStream({ start(c: any) { c.error('text'); } }));", "text"},
    {"return new Response(new ReadableStream({ start(c: any) { c.enqueue('text'); } }));",
     "TypeError: a chunk of the body is of type string, expected Uint8Array"},
    {"return new Response(new ReadableStream({ pull(c: any) { for (;;); } }, { highWaterMark: 0 "
     "}));",
     "m: requestHandler used more than its 100 ms of CPU time (limit cpu)"},
    {"return new Response(new ReadableStream({ pull(c: any) { c.enqueue(new Uint8Array(0)); } }, { "
     "highWaterMark: 0 }));",
     "m: requestHandler used more than its 100 ms of CPU time (limit cpu)"},
};

static void breaks_off(void **state)
{
    (void)state;
    struct script_limits limits = fixture_limits();
    limits.cpu_ms = 100;
    struct fixture *f = fixture_create(&limits);
    for (size_t i = 0; i < ARRAY_LEN(BROKEN); i++) {
        struct told t;
        handle(f, &t, BROKEN[i].body);
        assert_int_equal(f->status, SCRIPT_OK);
        script_run_pull(f->run, 100);
        while (!t.finished)
            loop_turn(f->loop, true);
        assert_string_equal(t.error, BROKEN[i].error);
    }
    fixture_destroy(f);
}

static void ends_a_body_that_stands_still(void **state)
{
    (void)state;
    const struct script_limits limits = {.cpu_ms = 100,
                                         .wall_ms = 2000,
                                         .idle_ms = 30,
                                         .heap_bytes = (size_t)1 << 30,
                                         .body_max = 1 << 20,
                                         .timers = 4};
    struct fixture *f = fixture_create(&limits);
    struct told t;
    handle(f, &t, "return new Response(new ReadableStream({}));");
    script_run_pull(f->run, 1);
    while (!t.finished)
        loop_turn(f->loop, true);
    assert_string_equal(t.error, "the body that requestHandler streams did not go on within 30 ms");
    fixture_destroy(f);
}

/* The client's body: fed before, while and after it is waited for. */
static void reads_a_body_as_it_is_fed(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    struct told t;
    fixture_module(f, "export const requestHandler = async (ctx: any) => { const all = []; for "
                      "await (const c of ctx.request().body) all.push(new "
                      "TextDecoder().decode(c)); ctx.response().send(all.join()); };");
    begin(f, &t);
    t.feed_in_want = "one";
    fixture_start_call(f, SCRIPT_REQUEST_HANDLER, "");
    loop_turn(f->loop, false);
    assert_false(f->done);
    assert_int_equal(t.room, HOST_STREAM_WINDOW);
    script_run_feed(f->run, SCRIPT_REQUEST_BODY, STR("two"));
    script_run_feed(f->run, SCRIPT_REQUEST_BODY, STR("three"));
    script_run_feed_end(f->run, SCRIPT_REQUEST_BODY, NULL);
    fixture_wait(f);
    assert_string_equal(buf_cstr(&f->x.response_body), "one,two,three");
    assert_int_equal(t.cancelled, 0);
    fixture_destroy(f);
}

/* What is fed while nobody reads is held, up to the window. */
static void holds_what_is_not_read_yet(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    struct told t;
    fixture_module(f, "export const requestHandler = async (ctx: any) => { const r = "
                      "ctx.request().body.getReader(); const a = await r.read(); await new "
                      "Promise((done) => setTimeout(done, 20)); const b = await r.read(); const c "
                      "= await r.read(); ctx.response().send([a.value.length, b.value.length, "
                      "c.done].join()); };");
    begin(f, &t);
    fixture_start_call(f, SCRIPT_REQUEST_HANDLER, "");
    script_run_feed(f->run, SCRIPT_REQUEST_BODY, STR("one"));
    char *window = mem_alloc(HOST_STREAM_WINDOW);
    script_run_feed(f->run, SCRIPT_REQUEST_BODY, (struct str){window, 1000});
    script_run_feed(f->run, SCRIPT_REQUEST_BODY, (struct str){window, HOST_STREAM_WINDOW - 1000});
    free(window);
    script_run_feed_end(f->run, SCRIPT_REQUEST_BODY, NULL);
    fixture_wait(f);
    assert_string_equal(buf_cstr(&f->x.response_body), "3,65536,true");
    fixture_destroy(f);
}

static void a_body_that_breaks_off_fails_reads(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    struct told t;
    fixture_module(
        f, "export const requestHandler = async (ctx: any) => { const r = "
           "ctx.request().body.getReader(); const out = []; for (let i = 0; i < 2; i++) await "
           "r.read().catch((e: any) => out.push(String(e))); ctx.response().send(out.join()); };");
    begin(f, &t);
    fixture_start_call(f, SCRIPT_REQUEST_HANDLER, "");
    script_run_feed_end(f->run, SCRIPT_REQUEST_BODY, "it broke");
    fixture_wait(f);
    assert_string_equal(buf_cstr(&f->x.response_body), "TypeError: it broke,TypeError: it broke");
    fixture_destroy(f);
}

static void a_run_that_ends_cancels_what_it_reads(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    struct told t;
    fixture_module(f, "export const requestHandler = async (ctx: any) => { const r = "
                      "ctx.request().body.getReader(); if (ctx.query().has('a')) await r.read(); "
                      "await r.cancel(); };");
    begin(f, &t);
    fixture_start_call(f, SCRIPT_REQUEST_HANDLER, "");
    assert_int_equal(t.cancelled, 0);
    fixture_end_run(f);
    assert_int_equal(t.cancelled, 1);

    fixture_begin(f);
    t = (struct told){.f = f};
    f->x.flow = &FLOW;
    f->x.flow_user = &t;
    f->x.query = STR("");
    fixture_call(f, SCRIPT_REQUEST_HANDLER);
    assert_int_equal(f->status, SCRIPT_OK);
    assert_int_equal(t.cancelled, 1);
    fixture_end_run(f);
    assert_int_equal(t.cancelled, 1);

    begin(f, &t);
    t.refuse = true;
    fixture_call(f, SCRIPT_REQUEST_HANDLER);
    assert_non_null(strstr(f->text, "the request body is not available here"));
    fixture_destroy(f);
}

/* From the upstream through a TransformStream, which takes one chunk before it is asked for any. */
static void passes_an_upstream_body_on(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    struct told t;
    fixture_module(f,
                   "export const responseModifier = (ctx: any) => { "
                   "ctx.upstream().setBody(ctx.upstream().body.pipeThrough(new TransformStream({ "
                   "transform(chunk: Uint8Array, c: any) { c.enqueue(chunk.map((b) => b - 32)); } "
                   "}))); };");
    begin(f, &t);
    f->x.has_upstream = true;
    f->x.upstream_status = 200;
    fixture_call(f, SCRIPT_RESPONSE_MODIFIER);
    assert_int_equal(f->status, SCRIPT_OK);
    assert_true(f->x.flows && f->x.upstream_body.taken && !f->x.response_sent);
    assert_int_equal(t.wants, 1);
    script_run_feed(f->run, SCRIPT_UPSTREAM_BODY, STR("abc"));
    assert_string_equal(t.written, "");
    assert_int_equal(t.wants, 1);
    script_run_pull(f->run, 3);
    assert_string_equal(t.written, "ABC");
    script_run_pull(f->run, 10);
    script_run_feed(f->run, SCRIPT_UPSTREAM_BODY, STR("def"));
    script_run_feed_end(f->run, SCRIPT_UPSTREAM_BODY, NULL);
    assert_string_equal(t.written, "ABCDEF");
    assert_true(t.finished);
    fixture_destroy(f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(gives_a_body_as_it_is_pulled),
    cmocka_unit_test(cuts_large_chunks),
    cmocka_unit_test(tells_the_stream_that_nobody_wants_it),
    cmocka_unit_test(discards_a_body_that_a_failure_follows),
    cmocka_unit_test(breaks_off),
    cmocka_unit_test(ends_a_body_that_stands_still),
    cmocka_unit_test(reads_a_body_as_it_is_fed),
    cmocka_unit_test(holds_what_is_not_read_yet),
    cmocka_unit_test(a_body_that_breaks_off_fails_reads),
    cmocka_unit_test(a_run_that_ends_cancels_what_it_reads),
    cmocka_unit_test(passes_an_upstream_body_on),
};

FIXTURE_MAIN(tests)
