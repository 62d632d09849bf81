/* The five functions, in every form that modules write them, and how their calls end. */
#include "script/script_fixture.h"

#define HANDLER "export function requestHandler(ctx: any) "

static void answers_at_once(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f, HANDLER "{ ctx.response().status(201).send('hi ' + ctx.pathParam('id')); }");
    assert_string_equal(fixture_handle(f), "hi 42");
    assert_int_equal(f->status, SCRIPT_OK);
    assert_true(f->responded);
    assert_int_equal(f->x.response_status, 201);
    assert_string_equal(fixture_header(&f->x.response_fields, "content-type"),
                        "text/plain; charset=utf-8");
    assert_string_equal(f->running, "requestHandler");
    fixture_destroy(f);
}

/* Each function in one form; what it does shows in the exchange. */
struct form {
    enum script_function function;
    const char *type;
    const char *source;
    const char *text; /* of the outcome */
};

#define AWAIT "await new Promise((r) => setTimeout(r, 1)); "

static const struct form FORMS[] = {
    {SCRIPT_FETCH_UPSTREAM, "typescript",
     "export const fetchUpstream = (ctx: any): string => 'http://a/' + ctx.pathParam('id');",
     "http://a/42"},
    {SCRIPT_FETCH_UPSTREAM, "typescript",
     "export async function fetchUpstream(ctx: any) { " AWAIT
     "return 'b:80/' + ctx.pathParam('id'); }",
     "http://b:80/42"},
    {SCRIPT_FETCH_UPSTREAM, "javascript",
     "export function fetchUpstream(ctx) { return Promise.resolve('https://c'); }", "https://c"},
    {SCRIPT_FETCH_UPSTREAM, "javascript",
     "function fetchUpstream() { return new URL('http://d/x/../y'); }", "http://d/y"},
    {SCRIPT_FETCH_UPSTREAM, "javascript",
     "exports.fetchUpstream = () => ({ then(f) { f('http://e'); } });", "http://e"},
    {SCRIPT_FETCH_UPSTREAM, "typescript",
     "namespace N { export const a = 'http://f'; }\nnamespace N { export const b = a + '/g'; }\n"
     "function fetchUpstreamUrl(ctx: any) { return ctx.request.path && N.b; }",
     "http://f/g"},
    {SCRIPT_REQUEST_MODIFIER, "typescript",
     "export function requestModifier(ctx: any) { ctx.request().headers.set('X-Seen', 'yes'); }",
     ""},
    {SCRIPT_REQUEST_MODIFIER, "typescript",
     "export const requestModifier = async (ctx: any) => { " AWAIT
     "ctx.request().headers.set('X-Seen', 'yes'); };",
     ""},
    {SCRIPT_REQUEST_MODIFIER, "javascript",
     "const requestModifier = (ctx) => Promise.resolve().then(() => "
     "ctx.request().headers.set('X-Seen', 'yes'));",
     ""},
    {SCRIPT_REQUEST_MODIFIER, "javascript",
     "module.exports = { async requestModifier(ctx) { " AWAIT
     "ctx.request().headers.set('X-Seen', 'yes'); } };",
     ""},
    {SCRIPT_RESPONSE_MODIFIER, "typescript",
     "export function responseModifier(ctx: any) { ctx.upstream().headers.set('X-Seen', 'yes'); }",
     ""},
    {SCRIPT_RESPONSE_MODIFIER, "javascript",
     "async function responseModifier(ctx) { const b = await ctx.upstream().readJson();"
     " ctx.upstream().headers.set('X-Seen', b.ok); }",
     ""},
    {SCRIPT_ERROR_HANDLER, "typescript",
     "export function errorHandler(ctx: any, e: Error) { "
     "ctx.response().status(503).send(e.message); }",
     ""},
    {SCRIPT_ERROR_HANDLER, "javascript",
     "export async function errorHandler(ctx, e) { " AWAIT
     "ctx.response().status(503).send(e.message); }",
     ""},
    {SCRIPT_REQUEST_HANDLER, "typescript",
     "export async function requestHandler(ctx: any): Promise<void> { " AWAIT
     "ctx.response().status(503).send('sorry'); }",
     ""},
    {SCRIPT_REQUEST_HANDLER, "javascript",
     "exports.requestHandler = function (ctx) { return new Promise((resolve) => {"
     " ctx.response().status(503).send('sorry'); resolve(); }); };",
     ""},
};

static void run_form(struct fixture *f, const struct form *form)
{
    fixture_drop_program(f);
    fixture_add(f, "m", form->type, form->source);
    fixture_link(f);
    for (unsigned i = 0; i < SCRIPT_FUNCTION_COUNT; i++)
        assert_int_equal(script_program_has(f->program, (enum script_function)i),
                         i == form->function);
    fixture_begin(f);
    f->x.has_upstream = form->function == SCRIPT_RESPONSE_MODIFIER;
    f->x.upstream_body = (struct script_body){.collected = true, .bytes = STR("{\"ok\":\"yes\"}")};
    fixture_start_call(f, form->function, "sorry");
    fixture_wait(f);
    assert_string_equal(f->text, form->text);
    assert_int_equal(f->status, SCRIPT_OK);
    if (form->function == SCRIPT_REQUEST_MODIFIER)
        assert_string_equal(fixture_header(&f->x.request_fields, "x-seen"), "yes");
    if (form->function == SCRIPT_RESPONSE_MODIFIER)
        assert_string_equal(fixture_header(&f->x.upstream_fields, "x-seen"), "yes");
    const bool responds =
        form->function == SCRIPT_ERROR_HANDLER || form->function == SCRIPT_REQUEST_HANDLER;
    assert_int_equal(f->responded, responds);
    if (responds) {
        assert_string_equal(buf_cstr(&f->x.response_body), "sorry");
        assert_int_equal(f->x.response_status, 503);
    }
}

static void runs_every_form(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    for (size_t i = 0; i < ARRAY_LEN(FORMS); i++) {
        print_message("form %zu\n", i);
        run_form(f, &FORMS[i]);
    }
    fixture_destroy(f);
}

/* Which column of an expression the engine names may change with its versions: only the line is compared. */
static void assert_error(const struct fixture *f, const char *place, const char *message)
{
    const size_t len = strlen(f->text);
    const size_t end = strlen(message);
    if (strncmp(f->text, place, strlen(place)) != 0 || len < end ||
        strcmp(f->text + len - end, message) != 0) {
        print_error("%s\n", f->text);
        fail();
    }
}

static void names_the_place_of_an_error(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f, "interface Big {\n  a: string;\n}\n" HANDLER
                      "{\n  const x: any = null;\n  x.a.b;\n}");
    (void)fixture_handle(f);
    assert_error(f, "m:6:", ": TypeError: null is not an object (evaluating 'x.a')");
    assert_int_equal(f->status, SCRIPT_THREW);
    fixture_module(f, "export async function requestHandler(ctx: any) {\n  " AWAIT
                      "\n  throw new RangeError('far');\n}");
    (void)fixture_handle(f);
    assert_error(f, "m:3:", ": RangeError: far");
    fixture_module(f, "import { fail } from 'dgate';\n" HANDLER "{\n  fail('no such user');\n}");
    (void)fixture_handle(f);
    assert_error(f, "m:3:", ": no such user");
    fixture_module(f, HANDLER "{ throw 'just text'; }");
    assert_string_equal(fixture_handle(f), "just text");
    fixture_module(f, HANDLER "{ return Promise.reject({ code: 5 }); }");
    assert_string_equal(fixture_handle(f), "{\"code\":5}");
    fixture_module(f, HANDLER "{ const e: any = new Error('x'); Object.defineProperty(e, 'stack', "
                              "{ get() { throw 1 } }); throw e; }");
    assert_string_equal(fixture_handle(f), "an error that cannot be shown");
    fixture_module(f, "export function fetchUpstream() { return null; }");
    fixture_begin(f);
    fixture_call(f, SCRIPT_FETCH_UPSTREAM);
    assert_int_equal(f->status, SCRIPT_THREW);
    assert_string_equal(f->text, "fetchUpstream returned an invalid URL");
    fixture_destroy(f);
}

static void endless_recursion_is_an_error(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f,
                   "function r(n: number): number { return r(n + 1) + 1; }\n" HANDLER "{ r(0); }");
    (void)fixture_handle(f);
    assert_error(f, "m:1:", ": RangeError: Maximum call stack size exceeded.");
    fixture_destroy(f);
}

static void discards_a_failed_response(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f, HANDLER "{ ctx.response().headers.set('X-A', '1'); "
                              "ctx.response().send('half'); throw new Error('late'); }\n"
                              "export function errorHandler(ctx: any, e: Error) { "
                              "ctx.response().status(500).send('failed: ' + e.message); }");
    (void)fixture_handle(f);
    assert_error(f, "m:1:", ": Error: late");
    assert_false(f->responded);
    fixture_start_call(f, SCRIPT_ERROR_HANDLER, "late");
    assert_true(f->responded);
    assert_string_equal(buf_cstr(&f->x.response_body), "failed: late");
    assert_int_equal(f->x.response_status, 500);
    assert_string_equal(fixture_header(&f->x.response_fields, "x-a"), "");
    fixture_destroy(f);
}

static void interleaves_requests(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f,
        "let n = 0;\nexport async function requestHandler(ctx: any) { const mine = ++n;\n"
        "  ctx.set('mine', mine); await new Promise((r) => setTimeout(r, mine === 1 ? 300 : 1));\n"
        "  ctx.response().send(`${ctx.get('mine')} of ${n}, ${ctx.get('none')}`); }");
    fixture_begin(f);
    struct fixture *g = mem_alloc(sizeof(*g));
    *g = *f;
    g->run = NULL;
    fixture_begin(g);
    fixture_start_call(f, SCRIPT_REQUEST_HANDLER, "");
    fixture_start_call(g, SCRIPT_REQUEST_HANDLER, "");
    assert_false(f->done);
    fixture_wait(g);
    assert_false(f->done);
    fixture_wait(f);
    assert_string_equal(buf_cstr(&f->x.response_body), "1 of 2, null");
    assert_string_equal(buf_cstr(&g->x.response_body), "2 of 2, null");
    fixture_end_run(g);
    free(g);
    fixture_destroy(f);
}

static void ends_while_something_is_pending(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f, "import { getDocument } from 'dgate/state';\n"
           "export async function requestHandler(ctx: any) { setInterval(() => ctx.id, 1);\n"
           " fetch('http://127.0.0.1:1/').catch(() => 0); await getDocument('a', 'b'); "
           "ctx.response().send('x'); }");
    fixture_begin(f);
    fixture_start_call(f, SCRIPT_REQUEST_HANDLER, "");
    for (int i = 0; i < 5; i++)
        loop_turn(f->loop, true);
    assert_false(f->done);
    assert_int_equal(f->question_count, 1);
    fixture_end_run(f);
    f->questions[0].done(f->questions[0].user, STR("null"), NULL); /* nobody is there any more */
    for (int i = 0; i < 20; i++)
        loop_turn(f->loop, false);
    assert_false(f->done);
    fixture_destroy(f);
}

static void destroy_when_done(void *user, const struct script_outcome *outcome)
{
    struct fixture *f = user;
    assert_string_equal(outcome->text.p, "http://x");
    fixture_end_run(f);
    f->done = true;
    assert_string_equal(outcome->text.p, "http://x");
}

static void may_be_destroyed_in_done(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    const char *const sources[] = {"export const fetchUpstream = () => 'http://x';",
                                   "export const fetchUpstream = async () => { " AWAIT
                                   "return 'http://x'; };"};
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        fixture_module(f, sources[i]);
        fixture_begin(f);
        f->done = false;
        script_run_call(f->run, SCRIPT_FETCH_UPSTREAM, STR(""), destroy_when_done, f);
        fixture_wait(f);
    }
    fixture_destroy(f);
}

static void keeps_no_ctx_of_an_ended_request(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f,
                   "let old: any;\n" HANDLER "{ let said = 'first';\n"
                   "  if (old) try { old.request().method; } catch (e: any) { said = e.message; }\n"
                   "  old = ctx; ctx.response().send(said); }");
    assert_string_equal(fixture_handle(f), "first");
    assert_string_equal(fixture_handle(f), "the request is over");
    /* What was read while it ran is not given any more, either; what is the module's own is. */
    fixture_module(
        f,
        "let old: any;\nconst read: [string, (c: any) => unknown][] = [\n"
        "  ['pathParam', (c) => c.pathParam('id')], ['pathParams', (c) => c.pathParams().id],\n"
        "  ['query', (c) => c.query().get('a')], ['request().query', (c) => "
        "c.request().query.get('a')],\n"
        "  ['route', (c) => c.route().name], ['namespace', (c) => c.namespace().name],\n"
        "  ['own', (c) => (c.set('k', 1), c.response().locals, "
        "c.get('k'))]];\n" HANDLER "{ const of = old ?? ctx; old = ctx;\n"
        "  const said = read.map(([name, f]) => { try { return name + ' ' + f(of); }\n"
        "    catch (e: any) { return e.message === 'the request is over' ? '-' : e.message; } });\n"
        "  ctx.response().send([...said, ctx.query().get('a')].join()); read.forEach(([, f]) => "
        "f(ctx)); }");
    assert_string_equal(fixture_handle(f),
                        "pathParam 42,pathParams 42,query 1,request().query 1,route api,"
                        "namespace default,own 1,1");
    assert_string_equal(fixture_handle(f), "-,-,-,-,-,-,own 1,1");
    fixture_destroy(f);
}

static void reports_rejections_that_nobody_handles(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f, HANDLER "{ Promise.reject(new Error('lost')); ctx.response().send('ok'); }");
    assert_string_equal(fixture_handle(f), "ok");
    assert_non_null(strstr(f->log, "error m: unhandled rejection: Error: lost at "));
    assert_non_null(strstr(f->log, "(m:1:"));
    fixture_destroy(f);
}

/* It may not be taken for nothing: a request that a module wanted to refuse would go on. */
static void refuses_what_only_looks_like_a_response(void **state)
{
    (void)state;
    static const char *const names[] = {"requestModifier", "responseModifier", "errorHandler",
                                        "requestHandler"};
    static const enum script_function functions[] = {SCRIPT_REQUEST_MODIFIER,
                                                     SCRIPT_RESPONSE_MODIFIER, SCRIPT_ERROR_HANDLER,
                                                     SCRIPT_REQUEST_HANDLER};
    static const char *const returned[] = {
        "new Proxy(new Response('denied', { status: 403 }), {})",
        "Object.create(Response.prototype)",
        "Promise.resolve(Object.setPrototypeOf(() => 0, Response.prototype))",
    };
    struct fixture *f = fixture_create(NULL);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (size_t k = 0; k < ARRAY_LEN(returned); k++) {
            char source[256];
            (void)snprintf(source, sizeof(source),
                           "export function %s(ctx: any): any { return %s; }", names[i],
                           returned[k]);
            fixture_module(f, source);
            fixture_begin(f);
            fixture_call(f, functions[i]);
            assert_int_equal(f->status, SCRIPT_THREW);
            assert_memory_equal(f->text, "what was returned inherits from Response.prototype", 50);
        }
    }
    fixture_module(f, "export const requestModifier = (ctx: any): any => ({ status: 403 });");
    fixture_begin(f);
    fixture_call(f, SCRIPT_REQUEST_MODIFIER);
    assert_int_equal(f->status, SCRIPT_OK);
    fixture_destroy(f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(refuses_what_only_looks_like_a_response),
    cmocka_unit_test(answers_at_once),
    cmocka_unit_test(runs_every_form),
    cmocka_unit_test(names_the_place_of_an_error),
    cmocka_unit_test(endless_recursion_is_an_error),
    cmocka_unit_test(discards_a_failed_response),
    cmocka_unit_test(interleaves_requests),
    cmocka_unit_test(ends_while_something_is_pending),
    cmocka_unit_test(may_be_destroyed_in_done),
    cmocka_unit_test(keeps_no_ctx_of_an_ended_request),
    cmocka_unit_test(reports_rejections_that_nobody_handles),
};

FIXTURE_MAIN(tests)
