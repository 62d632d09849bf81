/* What the compiler makes of sources, and what it refuses. */
#include <sys/wait.h>

#include "script/script_fixture.h"

struct refused {
    const char *type;
    const char *source;
    int line;
    int column;
    const char *text; /* that the problem's begins with */
};

static const struct refused REFUSED[] = {
    {"typescript", "const a = 1;\nconst b = ;\n", 2, 11, "Expression expected."},
    {"typescript", "export function f( {\n", 2, 1, "'}' expected."},
    {"javascript", "export function f(a: string) {}", 1, 22,
     "Type annotations can only be used in TypeScript"},
    {"javascript", "interface A {}", 1, 11,
     "'interface' declarations can only be used in TypeScript"},
    {"typescript", "let x = 1;\nlet x = 2;", 2, 1, "'x'"},
    {"typescript", "import { sleep } from 'dgate';", 1, 10,
     "sleep() would block the worker: use \"await asyncSleep"},
    {"typescript", "import * as d from 'dgate';\nd.sleep(1);", 2, 3, "sleep() would block"},
    {"javascript", "const { sleep } = require('dgate');", 1, 9, "sleep() would block"},
    {"typescript", "import x from 'dgate/nope';", 1, 15,
     "there is no \"dgate/nope\"; there are \"dgate\", \"dgate/http\""},
    {"typescript", "import fs from 'node:fs';", 1, 16, "there is no \"node:fs\""},
    {"typescript", "export const f = () => import('./x');", 1, 24, "import() is not available"},
    {"javascript", "const n = 'x';\nrequire(n);", 2, 1, "require() takes one literal string"},
    {"typescript", "eval('1');", 1, 1, "eval() is not available"},
    {"javascript", "new Function('return 1');", 1, 5, "Function() is not available"},
    {"typescript", "export {};\nawait 1;", 2, 1, "Top-level 'await' expressions"},
    {"javascript", "var a = 08;", 1, 9, "Decimals with leading zeros"},
    {"typescript", "export const a = 1;\nconst b = [/(a/s];", 2, 15, "')' expected."},
    {"javascript", "export const a = 1;\nconst b = [/[b-a]/s];", 2, 12,
     "Invalid regular expression: range out of order in character class"},
    {"typescript", "const a = [\n1, /a/ss];", 2, 8, "Duplicate regular expression flag."},
    {"javascript", "const a = [\n1, /a/ss];", 2, 4, "Invalid flags"},
    {"typescript", "function f() { break; }", 1, 16, "Jump target cannot cross"},
    {"typescript", "class A { constructor() {} get a(b) { return b; } }", 1, 32,
     "A 'get' accessor"},
};

static void refuses_with_the_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++) {
        const struct refused *r = &REFUSED[i];
        json_t *answer = fixture_answer("m", r->type, r->source);
        assert_true(json_is_false(json_object_get(answer, "ok")));
        assert_int_equal(json_integer_value(json_object_get(answer, "id")), 7);
        const json_t *first = json_array_get(json_object_get(answer, "problems"), 0);
        const char *text = json_string_value(json_object_get(first, "text"));
        const long long line = json_integer_value(json_object_get(first, "line"));
        const long long column = json_integer_value(json_object_get(first, "column"));
        if (line != r->line || column != r->column || strstr(text, r->text) == NULL)
            print_error("%zu: %lld:%lld %s\n", i, line, column, text);
        assert_int_equal(line, r->line);
        assert_int_equal(column, r->column);
        assert_non_null(strstr(text, r->text));
        json_decref(answer);
    }
}

static const char *const TAKEN[] = {
    "const a = [/a.b/s, /(?<y>\\d+)/, /a/d, /[a]/v, /(?<=a)b/, /\\p{L}/u];",
    "const a = [/\\p{L}/, /\\1(a)/, /[\\1]/, /\\k/];",
    "function log(): void {}\nif (!log()) log();",
    "export async function f() { return { then() { } }; }",
    "const t = { then: (a: any) => a('k') };\nexport async function f() { return await t; }",
    "const t = { then: 1 as any as () => void };\nexport async function* f() { yield t; }",
    "function d(a: number) { return a; }\n@d class A { @d p = 1; @d m(@d x: any) { return x; } }",
    "const name = () => 'k';\nclass A { [name()] = 1; }",
    "const name = () => 'k';\ninterface B { [name()]: 1; }\ntype C = { [name()]: 1 };",
    "const a = { b: 1, b: 2, get c() { return 1; }, get c() { return 2; }, c: 3 };",
    "function f(a?: number, b: number) {}\ntry { f(); } catch (e: Error) { }\nif (f());",
    "function isA(a: any): b is string { return true; }",
    "interface A { [k: 'a' | 'b']: 1; }\nlet u: unique symbol;",
    "const a = 1 satisfies string;\nlet b = f() as const;\ndeclare function f(): any;",
};

/* What is no error of syntax: types, and what only a target older than the engine lacks. */
static void takes_what_the_engine_runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TAKEN); i++)
        json_decref(fixture_compile("m", "typescript", TAKEN[i]));
}

static void keeps_regular_expressions(void **state)
{
    (void)state;
    static const char *const types[] = {"typescript", "javascript"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        json_t *c = fixture_compile("m", types[i], "f(/(?<y>.)(?<=[\\w--\\d])/dsv);");
        assert_non_null(
            strstr(json_string_value(json_object_get(c, "js")), "f(/(?<y>.)(?<=[\\w--\\d])/dsv);"));
        json_decref(c);
    }
}

static void reports_all_problems_in_order(void **state)
{
    (void)state;
    json_t *answer = fixture_answer("m", "typescript", "const a = ;\nconst b = ;\nconst c = ;");
    const json_t *problems = json_object_get(answer, "problems");
    assert_int_equal(json_array_size(problems), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(json_integer_value(json_object_get(json_array_get(problems, i), "line")),
                         i + 1);
    json_decref(answer);
}

/* Sources and whether they may read the body of the request, of the response. */
struct reader {
    const char *source;
    bool request;
    bool response;
};

static const struct reader READERS[] = {
    {"export const requestHandler = (ctx: any) => ctx.response().send('x');", false, false},
    {"export const requestModifier = (ctx: any) => ctx.request().readJson();", true, false},
    {"export const responseModifier = async (ctx: any) => { await ctx.upstream().readBody(); };",
     false, true},
    {"export const f = (ctx: any) => { const r = ctx.request(); return r.readBody(); };", true,
     false},
    {"export const f = (ctx: any) => { const r = ctx.upstream()!; r.writeJson(r.readJson()); };",
     false, true},
    {"export const f = (ctx: any) => { const { readBody } = ctx.request(); };", true, true},
    {"export const f = (r: any) => r.readBody();", true, true},
    {"export const f = (ctx: any, k: string) => ctx.request()[k]();", true, false},
    {"export const f = (o: any, k: string) => o[k];", true, true},
    {"export const f = (o: any) => { for (let i = 0; i < 3; i++) o[i] = o[o.length - 1]; };", false,
     false},
    {"const table: any = { a: 1 };\nexport const f = (k: string) => table[k];", false, false},
    {"const name = 'readBody';\nexport const f = (r: any) => r[name]();", true, true},
    {"export const f = (r: any) => Reflect.get(r, 'x');", true, true},
    {"export const f = (ctx: any) => ctx.request().writeBody('x');", false, false},
    {"export const f = async () => (await fetch('http://x')).json();", false, false},
    {"export const f = (list: any) => list.at(0).readBody();", true, true},
    {"export const f = (ctx: any) => ctx.response().json(ctx.request());", false, false},
    {"function requestHandler(ctx) { ctx.json({ a: ctx.request.path }); }", false, false},
    {"function requestHandler(ctx) { ctx.json(ctx.request); }", true, false},
    {"function requestHandler(c) { c.json(c['request']); }", true, false},
    {"function requestHandler(ctx) { return { ...ctx.request }; }", true, false},
    {"function requestHandler(ctx) { for (const k in ctx.request) ctx.write(k); }", true, false},
    {"function requestHandler(ctx) { const r = ctx.request; ctx.write(r.path); }", false, false},
    {"function requestHandler(ctx) { const r = ctx.request; ctx.json(r); }", true, false},
    {"function requestHandler(ctx) { let r = ctx.request; ctx.json(r); }", true, false},
    {"function requestHandler(ctx) { const { path } = ctx.request; ctx.write(path); }", false,
     false},
    {"function requestHandler(ctx) { const { path, ...rest } = ctx.request; }", true, true},
    {"function requestHandler(ctx) { const { request } = ctx; ctx.json(request); }", true, false},
    {"const requestHandler = (c) => c.write(JSON.stringify(c));", true, true},
    {"function log(c) { c.write(c.request.path); }\nfunction requestHandler(x) { log(x); }", false,
     false},
    {"function log(c) { c.write(JSON.stringify(c)); }\nfunction requestHandler(x) { log(x); }",
     true, true},
    {"function requestHandler(x) { unknown(x); }", true, true},
    {"function requestHandler() { arguments[0].json(arguments[0]); }", true, true},
    {"function responseModifier(ctx, res) { res.headers.a = '1'; }", false, false},
    {"function responseModifier(ctx, res) { ctx.write(JSON.stringify(res)); }", false, true},
    {"function responseModifier(ctx) { const r = ctx.response; r.body += 'x'; }", false, true},
    {"function errorHandler(ctx) { ctx.response = { body: 'x' }; }", false, false},
    {"function requestModifier(ctx) { ctx.request = { path: '/' }; }", false, false},
};

static void tells_who_may_read_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(READERS); i++) {
        json_t *c = fixture_compile("m", "typescript", READERS[i].source);
        if (json_is_true(json_object_get(c, "readsRequestBody")) != READERS[i].request ||
            json_is_true(json_object_get(c, "readsResponseBody")) != READERS[i].response)
            print_error("%zu: %s\n", i, READERS[i].source);
        assert_int_equal(json_is_true(json_object_get(c, "readsRequestBody")), READERS[i].request);
        assert_int_equal(json_is_true(json_object_get(c, "readsResponseBody")),
                         READERS[i].response);
        json_decref(c);
    }
}

static bool has(const json_t *compiled, const char *list, const char *text)
{
    size_t i = 0;
    const json_t *v = NULL;
    json_array_foreach(json_object_get(compiled, list), i, v)
    {
        if (strcmp(json_string_value(v), text) == 0)
            return true;
    }
    return false;
}

static void lists_imports_and_exports(void **state)
{
    (void)state;
    json_t *c = fixture_compile(
        "m", "typescript",
        "import type { A } from './types';\nimport { B } from './unused-value';\n"
        "import { c } from \"./c\";\nimport d = require('d');\nexport * from './e';\n"
        "export const requestHandler = (x: B) => c(d);\nexport default 1;\n"
        "function local() {}\nexport { local as renamed };");
    assert_int_equal(json_array_size(json_object_get(c, "imports")), 3);
    assert_true(has(c, "imports", "./c") && has(c, "imports", "d") && has(c, "imports", "./e"));
    assert_true(has(c, "exports", "requestHandler") && has(c, "exports", "default"));
    assert_true(has(c, "exports", "renamed") && has(c, "exports", "*"));
    assert_string_equal(json_string_value(json_object_get(c, "flavour")), "dgate1");
    json_decref(c);
    c = fixture_compile(
        "m", "javascript",
        "exports.errorHandler = 1; module.exports.a = 2;\nconst x = require('./x');");
    assert_true(has(c, "exports", "errorHandler") && has(c, "exports", "a") &&
                has(c, "imports", "./x"));
    json_decref(c);
    c = fixture_compile("m", "typescript",
                        "import { a } from './gr\u00f6\u00dfe';\nimport { b } from '\\u0062\"';\n"
                        "export const x = [a, b, require( `d`)];");
    assert_true(has(c, "imports", "./gr\u00f6\u00dfe") && has(c, "imports", "b\""));
    assert_true(has(c, "imports", "d"));
    json_decref(c);
    c = fixture_compile("m", "javascript",
                        "function requestHandler(ctx) { ctx.json({}); }\nfunction other() {}");
    assert_true(has(c, "exports", "requestHandler") && !has(c, "exports", "other"));
    assert_string_equal(json_string_value(json_object_get(c, "flavour")), "dgate2");
    json_decref(c);
    /* A namespace of TypeScript's makes it no module. */
    c = fixture_compile("m", "typescript",
                        "namespace N { export const a = 1; }\n"
                        "function requestHandler(ctx: any) { ctx.json(N.a); }");
    assert_true(has(c, "exports", "requestHandler") && !has(c, "exports", "a"));
    assert_string_equal(json_string_value(json_object_get(c, "flavour")), "dgate2");
    json_decref(c);
}

/* async would hide its awaits from the runtime's count. */
static void lowers_async_functions(void **state)
{
    (void)state;
    const char *const types[] = {"typescript", "javascript"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        json_t *c = fixture_compile("m", types[i],
                                    "export async function* g() { yield 1; }\n"
                                    "export const requestHandler = async (ctx) => { for await "
                                    "(const x of g()) await x; };");
        const char *js = json_string_value(json_object_get(c, "js"));
        assert_null(strstr(js, " async "));
        assert_null(strstr(js, " await "));
        assert_non_null(json_string_value(json_object_get(c, "map")));
        assert_null(strstr(js, "sourceMappingURL"));
        json_decref(c);
    }
}

static void survives_any_source(void **state)
{
    (void)state;
    char *deep = mem_alloc(200001);
    memset(deep, '(', 200000);
    json_t *answer = fixture_answer("m", "typescript", deep);
    assert_true(json_is_false(json_object_get(answer, "ok")));
    json_decref(answer);
    memset(deep, 'x', 200000);
    json_decref(fixture_compile("m", "javascript", deep));
    free(deep);
    json_decref(fixture_compile("m", "typescript", ""));
    json_decref(
        fixture_compile("m", "javascript", "#!/usr/bin/env node\nvar a = '\\u2028\xc3\xa4';"));
    json_decref(fixture_compile("m", "typescript", "/* nothing */"));
}

static void a_second_compiler_ends_with_its_socket(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        const struct compiler_options options = {.memory_bytes = (size_t)512 << 20};
        _exit(compiler_serve(ends[1], &options));
    }
    (void)close(ends[1]);
    const uint32_t too_large = htole32(COMPILER_FRAME_MAX + 1U);
    assert_int_equal(send(ends[0], &too_large, sizeof(too_large), 0), sizeof(too_large));
    char byte = 0;
    assert_int_equal(recv(ends[0], &byte, 1, 0), 0);
    (void)close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(refuses_with_the_place),
    cmocka_unit_test(takes_what_the_engine_runs),
    cmocka_unit_test(keeps_regular_expressions),
    cmocka_unit_test(reports_all_problems_in_order),
    cmocka_unit_test(tells_who_may_read_bodies),
    cmocka_unit_test(lists_imports_and_exports),
    cmocka_unit_test(lowers_async_functions),
    cmocka_unit_test(survives_any_source),
    cmocka_unit_test(a_second_compiler_ends_with_its_socket),
};

FIXTURE_MAIN(tests)
