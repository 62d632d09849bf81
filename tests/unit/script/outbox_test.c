#include "script/outbox.h"
#include "script_fixture.h"

#define HANDLER  "export const requestHandler = (ctx: any) => "
#define MODIFIER "export const requestModifier = (ctx: any) => "

static void what_was_written_is_read_back(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f, HANDLER
        "{ const h = ctx.request().headers; h.set('X-A', 'one'); h.set('x-a', ' two ');\n"
        "  h.add('X-A', 'three'); h.set('X-B', 4);\n"
        "  ctx.response().send([h.values('X-A').join(), h.get('X-B'), h.has('X-C')].join(' ')); }");
    assert_string_equal(fixture_handle(f), "two,three 4 false");
    assert_string_equal(fixture_header(&f->x.request_fields, "X-B"), "4");
    assert_string_equal(fixture_header(&f->x.response_fields, "Content-Type"),
                        "text/plain; charset=utf-8");
    fixture_destroy(f);
}

static void what_does_not_fit_goes_by_a_call(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f, MODIFIER
        "{ const h = ctx.request().headers;\n"
        "  h.set('X-Long', 'v'.repeat(5000)); h.set('X-Text', 'gr\\u00fcn');\n"
        "  h.set('X-Wide', '\\u00fc\\u0142');\n"
        "  for (let i = 0; i < 2000; i++) h.set('X-Many', 'number ' + i + '.'.repeat(200)); }");
    fixture_begin(f);
    fixture_call(f, SCRIPT_REQUEST_MODIFIER);
    assert_int_equal(f->status, SCRIPT_OK);
    assert_int_equal(strlen(fixture_header(&f->x.request_fields, "X-Long")), FIXTURE_TEXT - 1);
    assert_string_equal(fixture_header(&f->x.request_fields, "X-Text"), "gr\xFCn");
    assert_string_equal(fixture_header(&f->x.request_fields, "X-Wide"), "\xC3\xBC\xC5\x82");
    assert_memory_equal(fixture_header(&f->x.request_fields, "X-Many"), "number 1999.", 12);
    assert_int_equal(f->x.request_fields.n, 4);

    fixture_module(f, HANDLER "{ ctx.response().json({ a: 'x'.repeat(20000) }); }");
    assert_int_equal(strlen(fixture_handle(f)), 20008);
    fixture_module(f, HANDLER "{ ctx.response().json({ a: 'gr\\u00fcn' }); }");
    assert_string_equal(fixture_handle(f), "{\"a\":\"gr\xC3\xBCn\"}");
    assert_string_equal(fixture_header(&f->x.response_fields, "Content-Type"), "application/json");
    fixture_destroy(f);
}

static void answers_are_in_order(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f, HANDLER
        "{ ctx.response().status(201).json({ a: 1 }).send('|').status(404).send('\\u00e4');\n"
        "  ctx.response().headers.set('X-After', 'yes'); }");
    assert_string_equal(fixture_handle(f), "{\"a\":1}|\xC3\xA4");
    assert_true(f->responded);
    assert_int_equal(f->x.response_status, 201);
    assert_string_equal(fixture_header(&f->x.response_fields, "Content-Type"), "application/json");
    assert_string_equal(fixture_header(&f->x.response_fields, "X-After"), "yes");
    fixture_destroy(f);
}

static void what_is_refused_says_why(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f, HANDLER
        "{ const h = ctx.response().headers, said: string[] = [];\n"
        "  for (const [n, v] of [['a b', 'x'], ['', 'x'], ['X-A', 'a\\nb'], ['X-A', 'a\\u0000']])\n"
        "    try { h.set(n, v); } catch (e: any) { said.push(e.message); }\n"
        "  h.set('Content-Length', '7'); h.set('Connection', 'close');\n"
        "  ctx.response().send(said.join('; ')); }");
    assert_string_equal(
        fixture_handle(f),
        "\"a b\" is not a header name; \"\" is not a header name; "
        "a header value has control characters; a header value has control characters");
    assert_int_equal(f->x.response_fields.n, 1); /* Content-Type */
    fixture_destroy(f);
}

/* A module that replaces what the runtime library uses only harms itself. */
static void patched_strings_do_no_harm(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f,
        "let n = 0;\n"
        "String.prototype.charCodeAt = function () { return n++ % 3 === 0 ? 10 : 65; };\n" HANDLER
        "{ ctx.response().headers.set('X-A', 'value'); ctx.response().send('text'); }");
    assert_int_equal(strlen(fixture_handle(f)), 4);
    for (uint32_t i = 0; i < f->x.response_fields.n; i++) {
        assert_true(http_head_is_token(f->x.response_fields.v[i].name));
        assert_true(http_head_is_value(f->x.response_fields.v[i].value));
    }
    fixture_destroy(f);
}

/* ctx of another request: never into the outbox of the one at hand. */
static void another_request_is_not_touched(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f,
        "let first: any;\n" HANDLER "{ const mine = first ?? (first = ctx);\n"
        "  try { mine.response().headers.set('X-Of', 'the first'); ctx.response().send('set'); }\n"
        "  catch (e: any) { ctx.response().send(e.message); } }");
    assert_string_equal(fixture_handle(f), "set");
    assert_string_equal(fixture_handle(f), "the request is over");
    assert_string_equal(fixture_header(&f->x.response_fields, "X-Of"), "");
    fixture_destroy(f);
}

static void full_headers_end_the_call(void **state)
{
    static const char *const FILLING[] = {
        "for (let i = 0; i < 3; i++) ctx.request().headers.set('X-' + i, 'v');",
        "return new Response('denied', { status: 401, headers: { 'www-authenticate': 'Bearer' } "
        "});",
        "ctx.response().status(401).json({ denied: 'for want of a token that is long enough' });",
    };
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(FILLING); i++) {
        const bool is_later = i >= ARRAY_LEN(FILLING);
        char source[512];
        (void)snprintf(source, sizeof(source),
                       "export const requestModifier = %s(ctx: any) => { %s %s };",
                       is_later ? "async " : "",
                       is_later ? "await new Promise((done) => setTimeout(done, 1));" : "",
                       FILLING[i % ARRAY_LEN(FILLING)]);
        struct fixture *f = fixture_create(NULL);
        fixture_module(f, source);
        fixture_begin(f);
        arena_finish(&f->arena);
        arena_init(&f->arena, 16);
        fixture_call(f, SCRIPT_REQUEST_MODIFIER);
        if (f->status != SCRIPT_THREW)
            fail_msg("%s", source);
        assert_string_equal(
            f->text,
            "the headers (limits.module_request_memory) or the body (limit body) are too large");
        fixture_destroy(f);
    }
}

int main(void)
{
    fixture_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(what_does_not_fit_goes_by_a_call),
        cmocka_unit_test(answers_are_in_order),
        cmocka_unit_test(what_is_refused_says_why),
        cmocka_unit_test(patched_strings_do_no_harm),
        cmocka_unit_test(another_request_is_not_touched),
        cmocka_unit_test(full_headers_end_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
