/* How the modules of a route are linked and chained. */
#include "import_chains.h"
#include "script/script_fixture.h"

static const char *link_error(struct fixture *f)
{
    static struct err e;
    e = (struct err){0};
    assert_int_equal(fixture_try_link(f, &e), ERR_INVALID);
    return e.msg;
}

static const char *link_stopped(struct fixture *f)
{
    static struct err e;
    e = (struct err){0};
    assert_int_equal(script_limit_of_link(fixture_try_link(f, &e)), SCRIPT_LIMIT_CPU);
    return e.msg;
}

static void links_modules_by_name(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_add(
        f, "main", "typescript",
        "import { shout } from './lib/text.js';\nimport twice from 'twice';\nimport * as all "
        "from './lib/text.ts';\n"
        "export const requestHandler = (ctx: any) => ctx.response().send(twice(shout('a')) "
        "+ all.shout('b'));");
    fixture_add(f, "lib/text.ts", "typescript",
                "import { mark } from './mark';\nexport const shout = (s: string) => "
                "s.toUpperCase() + mark;");
    fixture_add(f, "lib/mark", "javascript", "exports.mark = '!';");
    fixture_add(f, "twice", "javascript", "module.exports = (s) => s + s;");
    fixture_link(f);
    assert_string_equal(fixture_handle(f), "A!A!B!");
    fixture_destroy(f);
}

static void circular_imports_work(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_add(f, "entry", "typescript",
                "import { even } from './a';\nexport const requestHandler = (ctx: any) => "
                "ctx.response().send(String(even(10)));");
    fixture_add(f, "a", "typescript",
                "import { odd } from './b';\nexport function even(n: number): boolean { return n "
                "=== 0 || odd(n - 1); }");
    fixture_add(f, "b", "typescript",
                "import { even } from './a';\nexport function odd(n: number): boolean { return n "
                "!== 0 && even(n - 1); }");
    fixture_link(f);
    assert_string_equal(fixture_handle(f), "true");
    fixture_drop_program(f);
    fixture_add(
        f, "x", "typescript",
        "import './y';\nexport const requestHandler = (ctx: any) => ctx.response().send('x');");
    fixture_add(
        f, "y", "typescript",
        "import './x';\nexport const requestHandler = (ctx: any) => ctx.response().send('y');");
    fixture_link(f);
    assert_string_equal(fixture_handle(f), "x");
    fixture_destroy(f);
}

static void a_library_is_not_in_the_chain(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_add(f, "lib", "typescript",
                "export const requestModifier = (ctx: any) => ctx.request().headers.add('Seen', "
                "'lib');\nexport const x = 1;");
    fixture_add(f, "entry", "typescript",
                "import { x } from 'lib';\nexport const requestModifier = (ctx: any) => "
                "ctx.request().headers.add('Seen', 'entry' + x);");
    fixture_link(f);
    fixture_begin(f);
    fixture_call(f, SCRIPT_REQUEST_MODIFIER);
    assert_int_equal(f->x.request_fields.n, 1);
    assert_string_equal(fixture_header(&f->x.request_fields, "seen"), "entry1");
    fixture_destroy(f);
}

static void assert_seen(struct fixture *f, const char *expected)
{
    char seen[16] = "";
    for (uint32_t i = 0; i < f->x.request_fields.n; i++) {
        const struct str v = f->x.request_fields.v[i].value;
        (void)snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%.*s", STR_ARG(v));
    }
    assert_string_equal(seen, expected);
}

/* A module that imports others, all named by a letter, and notes its name. */
static void add_importer(struct fixture *f, char letter, const char *imports, size_t count)
{
    const char name[] = {letter, '\0'};
    struct buf source;
    buf_init(&source, 1024);
    for (size_t i = 0; i < count; i++)
        (void)!buf_addf(&source, "import './%c';\n", imports[i]);
    (void)!buf_addf(&source,
                    "export const requestModifier = (ctx: any) => "
                    "ctx.request().headers.add('Seen', '%c');",
                    letter);
    fixture_add(f, name, "typescript", buf_cstr(&source));
    buf_finish(&source);
}

static void calls_what_is_no_library(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    for (size_t i = 0; i < ARRAY_LEN(IMPORT_CHAINS); i++) {
        const char *rest = IMPORT_CHAINS[i].modules;
        fixture_drop_program(f);
        while (*rest != '\0') {
            const size_t len = strcspn(rest, " ");
            add_importer(f, rest[0], rest + 2, len > 2 ? len - 2 : 0);
            rest += len + (rest[len] == ' ');
        }
        fixture_link(f);
        fixture_begin(f);
        fixture_call(f, SCRIPT_REQUEST_MODIFIER);
        assert_seen(f, IMPORT_CHAINS[i].called);
    }
    fixture_destroy(f);
}

/* A module may be called as a built-in one; what imports that name does not mean it. */
static void a_built_in_name_is_no_import(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_add(f, "dgate", "javascript",
                "exports.requestModifier = (ctx) => ctx.request().headers.add('Seen', 'd');");
    fixture_add(f, "a", "typescript",
                "import { fail } from 'dgate';\nexport const requestModifier = (ctx: any) => "
                "ctx.request().headers.add('Seen', fail ? 'a' : '');");
    fixture_link(f);
    fixture_begin(f);
    fixture_call(f, SCRIPT_REQUEST_MODIFIER);
    assert_seen(f, "da");
    fixture_destroy(f);
}

/* Modules a, b, c that note their name; b is asynchronous. */
static void add_chain(struct fixture *f, const char *function, const char *body_of_b)
{
    static const char *const names[] = {"a", "b", "c"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char source[1024];
        (void)snprintf(
            source, sizeof(source),
            "export %s function %s(ctx: any) { %s ctx.request().headers.add('Seen', '%s'); %s }",
            i == 1 ? "async" : "", function,
            i == 1 ? "await new Promise((r) => setTimeout(r, 1));" : "", names[i],
            i == 1 ? body_of_b : "");
        fixture_add(f, names[i], "typescript", source);
    }
    fixture_link(f);
}

struct chain_case {
    enum script_function function;
    const char *name;
    const char *body_of_b;
    const char *seen;
    bool responded;
};

static const struct chain_case CHAINS[] = {
    {SCRIPT_REQUEST_MODIFIER, "requestModifier", "", "abc", false},
    {SCRIPT_REQUEST_MODIFIER, "requestModifier", "ctx.response().status(401).send('no');", "ab",
     true},
    {SCRIPT_RESPONSE_MODIFIER, "responseModifier", "", "cba", false},
    {SCRIPT_REQUEST_HANDLER, "requestHandler", "", "abc", false},
    {SCRIPT_REQUEST_HANDLER, "requestHandler", "ctx.response().json({});", "ab", true},
    {SCRIPT_ERROR_HANDLER, "errorHandler", "", "cba", false},
    {SCRIPT_ERROR_HANDLER, "errorHandler", "ctx.response().status(500).end();", "cb", true},
    {SCRIPT_FETCH_UPSTREAM, "fetchUpstream", "", "a", false},
};

static void chains_run_in_their_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CHAINS); i++) {
        struct fixture *f = fixture_create(NULL);
        add_chain(f, CHAINS[i].name, CHAINS[i].body_of_b);
        fixture_begin(f);
        fixture_call(f, CHAINS[i].function);
        assert_seen(f, CHAINS[i].seen);
        assert_int_equal(f->responded, CHAINS[i].responded);
        assert_int_equal(f->status,
                         CHAINS[i].function == SCRIPT_FETCH_UPSTREAM ? SCRIPT_THREW : SCRIPT_OK);
        fixture_destroy(f);
    }
}

static void a_failure_ends_the_chain(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    add_chain(f, "requestModifier", "throw new Error('denied');");
    fixture_begin(f);
    fixture_call(f, SCRIPT_REQUEST_MODIFIER);
    assert_int_equal(f->status, SCRIPT_THREW);
    assert_non_null(strstr(f->text, ": Error: denied"));
    assert_seen(f, "ab");
    fixture_destroy(f);
}

static void explains_what_cannot_be_linked(void **state)
{
    (void)state;
    struct script_limits limits = fixture_limits();
    limits.cpu_ms = 500;
    struct fixture *f = fixture_create(&limits);
    fixture_add(f, "main", "typescript",
                "\nimport { x } from './gone';\nexport const requestHandler = () => x;");
    assert_string_equal(link_error(f),
                        "main:2:19: \"./gone\" is not a module of this route (it has \"main\")");
    fixture_drop_program(f);
    fixture_add(f, "main", "typescript", "\n\nconst x: any = undefined;\nx.y();");
    const char *text = link_error(f);
    assert_memory_equal(text, "main:4:", 7);
    assert_non_null(strstr(text, ": TypeError: undefined is not an object (evaluating 'x.y')"));
    fixture_drop_program(f);
    fixture_add(f, "main", "javascript", "exports.requestHandler = 'no function';");
    assert_string_equal(link_error(f), "main: requestHandler is exported but is not a function");
    fixture_drop_program(f);
    fixture_add(f, "main", "javascript", "for (;;) {}");
    assert_string_equal(link_stopped(f),
                        "main: (top-level code) used more than its 500 ms of CPU time (limit cpu)");
    fixture_drop_program(f);
    fixture_add(f, "main", "javascript", "require('./lib.js'); require('./lib/loop');");
    fixture_add(f, "lib.ts", "javascript", "");
    fixture_add(f, "lib/loop", "javascript", "for (;;) {}");
    assert_string_equal(
        link_stopped(f),
        "lib/loop: (top-level code) used more than its 500 ms of CPU time (limit cpu)");
    fixture_drop_program(f);
    fixture_add(f, "a", "javascript", "require('./lib');\n(async () => { for (;;) await 0; })();");
    fixture_add(f, "lib", "javascript", "");
    fixture_add(f, "b", "javascript", "");
    assert_string_equal(link_stopped(f),
                        "a: (top-level code) used more than its 500 ms of CPU time (limit cpu)");
    fixture_drop_program(f);
    fixture_add(f, "main", "javascript", "throw new Error('a\\0b');");
    assert_string_equal(link_error(f), "main:1:16: Error: a\\u0000b");
    fixture_drop_program(f);
    fixture_add(f, "main", "javascript", "setTimeout(() => 1, 1);");
    assert_non_null(
        strstr(link_error(f), "setTimeout() is not available while a module is loaded"));
    fixture_drop_program(f);
    fixture_add(f, "bare", "javascript", "exports.x = 1;");
    json_decref(f->modules[0].compiled);
    f->modules[0].compiled = json_null();
    assert_string_equal(link_error(f), "bare: the module has no compiled form");
    fixture_destroy(f);
}

static void tells_what_is_read(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_add(f, "entry", "typescript",
                "import { body } from 'lib';\nexport const requestModifier = (ctx: any) => "
                "body(ctx.request());");
    fixture_add(f, "lib", "typescript", "export const body = (r: any) => r.readJson();");
    fixture_link(f);
    assert_true(script_program_reads_request_body(f->program));
    assert_true(script_program_reads_response_body(f->program));
    fixture_module(f, "export const requestModifier = (ctx: any) => ctx.request().method;");
    assert_false(script_program_reads_request_body(f->program));
    assert_false(script_program_reads_response_body(f->program));
    fixture_destroy(f);
}

static void builtins_have_default_exports(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_add(
        f, "main", "typescript",
        "import dgate, { crypto } from 'dgate';\nimport http, { fetch as f } from 'dgate/http';\n"
        "import * as state from 'dgate/state';\nimport { format } from 'node:util';\nimport { URL "
        "as U } from 'url';\n"
        "import con from 'console';\n"
        "export const requestHandler = (ctx: any) => ctx.response().json([dgate.crypto === crypto, "
        "http.fetch === f, f === fetch,\n"
        "  typeof state.getDocument, typeof dgate.state.addDocument, format('%s-%d', 'a', 1), U "
        "=== URL, typeof con.log]);");
    fixture_link(f);
    assert_string_equal(fixture_handle(f),
                        "[true,true,true,\"function\",\"function\",\"a-1\",true,\"function\"]");
    fixture_destroy(f);
}

static void namespaces_share_nothing(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_add(f, "m", "javascript",
                "globalThis.count = (globalThis.count || 0) + 1; function requestHandler(ctx) { "
                "ctx.response().send(count + ' ' + ctx.namespace().name); }");
    fixture_link(f);
    assert_string_equal(fixture_handle(f), "1 default");
    struct script_program *first = script_program_ref(f->program);
    fixture_end_run(f);
    script_program_unref(f->program);
    free(f->route.ns);
    f->route.ns = mem_strdup("other");
    fixture_link(f);
    assert_string_equal(fixture_handle(f), "1 other");
    script_program_unref(first);
    fixture_destroy(f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(links_modules_by_name),
    cmocka_unit_test(circular_imports_work),
    cmocka_unit_test(a_library_is_not_in_the_chain),
    cmocka_unit_test(calls_what_is_no_library),
    cmocka_unit_test(a_built_in_name_is_no_import),
    cmocka_unit_test(chains_run_in_their_order),
    cmocka_unit_test(a_failure_ends_the_chain),
    cmocka_unit_test(explains_what_cannot_be_linked),
    cmocka_unit_test(tells_what_is_read),
    cmocka_unit_test(builtins_have_default_exports),
    cmocka_unit_test(namespaces_share_nothing),
};

FIXTURE_MAIN(tests)
