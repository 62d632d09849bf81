/* ctx, and the request, the response and the upstream as objects: texts, numbers, header fields and bodies. */
#include "script/script_fixture.h"

#define HANDLER          "export function requestHandler(ctx: any) "
#define JSON(expression) HANDLER "{ ctx.response().json(" expression "); }"

struct said {
    const char *expression;
    const char *json;
};

static const struct said SAID[] = {
    {"ctx.id", "\"req-1\""},
    {"ctx", "{\"id\":\"req-1\"}"},
    {"ctx.request().method", "\"GET\""},
    {"ctx.request().path", "\"/things/42\""},
    {"[ctx.request().host, ctx.request().proto, ctx.request().remoteAddress, "
     "ctx.request().contentLength]",
     "[\"example.com\",\"HTTP/1.1\",\"10.0.0.7\",-1]"},
    {"[ctx.query().get('a'), ctx.query().get('b'), ctx.query().get('c'), ctx.query().has('b'), "
     "ctx.query().getAll('a')]",
     "[\"1\",\"x y\",\"\",true,[\"1\",\"2\"]]"},
    {"ctx.query().encode()", "\"a=1&a=2&b=x+y\""},
    {"(() => { const q = ctx.query(); q.set('a', 'n'); q.add('z', '&'); q.del('b'); return "
     "q.encode(); })()",
     "\"a=n&z=%26\""},
    {"[ctx.pathParam('id'), ctx.pathParam('none'), ctx.pathParams()]",
     "[\"42\",\"\",{\"id\":\"42\"}]"},
    {"ctx.request() === ctx.request() && ctx.response() === ctx.response()", "true"},
    {"ctx.upstream()", "null"},
    {"ctx.route()", "{\"name\":\"api\",\"namespace\":\"default\",\"paths\":[\"/things/"
                    "{id}\"],\"methods\":[\"GET\"],\"preserveHost\":false,"
                    "\"stripPath\":false,\"service\":\"backend\",\"modules\":[],\"tags\":[]}"},
    {"[ctx.route().getName(), ctx.service().name, ctx.service().retries, ctx.service().urls, "
     "ctx.namespace()]",
     "[\"api\",\"backend\",2,[\"http://127.0.0.1:1\"],{\"name\":\"default\"}]"},
    {"[ctx.get('k'), ctx.set('k', { a: 1 }), ctx.get('k')]", "[null,null,{\"a\":1}]"},
    {"(() => { const r = ctx.request(); r.method = 'PUT'; return [r.method, new Date(0), { toJSON: "
     "() => 'own' }]; })()",
     "[\"PUT\",\"1970-01-01T00:00:00.000Z\",\"own\"]"},
    {"ctx.request().headers.get('host')", "\"example.com\""},
    {"(() => { const h = ctx.request().headers; h.set('X-A', 1); h.add('x-a', '2'); h.add('X-B', "
     "null); h.set('Connection', 'close');"
     " h.set('Host', 'evil'); return [h.get('X-a'), h.values('x-A'), h.has('x-b'), h.get('none'), "
     "h.has('none'), h, h.clone().get('x-a'), [...h]]; })()",
     "[\"1\",[\"1\",\"2\"],true,\"\",false,{\"x-a\":[\"1\",\"2\"],\"x-b\":[\"\"]},\"1, "
     "2\",[[\"x-a\",\"1\"],[\"x-a\",\"2\"],[\"x-b\",\"\"]]]"},
    {"(() => { const h = ctx.request().headers; const bad = []; for (const [n, v] of [['a b', "
     "'x'], ['a', 'x\\r\\ny: z'], ['', 'x'], ['a', '\\0']])"
     " try { h.set(n, v); bad.push('set'); } catch (e) { bad.push(e.name); } return bad; })()",
     "[\"Error\",\"Error\",\"Error\",\"Error\"]"},
    {"ctx.response().headersSent", "false"},
    {"(() => { const r = ctx.response(); r.locals.a = 1; return [r.locals, r.statusCode, "
     "r.status(299) === r]; })()",
     "[{\"a\":1},200,true]"},
    {"(() => { const out = []; for (const s of [199, 1000, 'x', 200.5]) try { "
     "ctx.response().status(s); } catch (e) { out.push(e.name); } return out; })()",
     "[\"RangeError\",\"RangeError\",\"RangeError\",\"RangeError\"]"},
    {"(() => { const out = []; for (const d of [1, {}, true]) try { ctx.response().send(d); } "
     "catch (e) { out.push(e.message); } return out; })()",
     "[\"invalid type number, expected (string, ArrayBuffer or a view of one)\",\"invalid type "
     "object, expected (string, ArrayBuffer or a view of one)\","
     "\"invalid type boolean, expected (string, ArrayBuffer or a view of one)\"]"},
};

static void says_what_is_there(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    for (size_t i = 0; i < ARRAY_LEN(SAID); i++) {
        char source[2048];
        (void)snprintf(source, sizeof(source), JSON("%s"), SAID[i].expression);
        fixture_module(f, source);
        assert_string_equal(fixture_handle(f), SAID[i].json);
        assert_string_equal(fixture_header(&f->x.response_fields, "content-type"),
                            "application/json");
    }
    fixture_destroy(f);
}

static void decodes_the_path(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f, HANDLER "{ ctx.response().send(ctx.request().path); }");
    fixture_begin(f);
    f->x.path = STR("/a%20b/%C3%A4%2F");
    fixture_call(f, SCRIPT_REQUEST_HANDLER);
    assert_string_equal(buf_cstr(&f->x.response_body), "/a b/\xc3\xa4/");
    fixture_destroy(f);
}

/* Each byte is a character, whether they are text or not, and a character a byte. */
static void header_values_may_be_any_bytes(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f, HANDLER
                   "{ const h = ctx.request().headers; for (const [n, v] of h.entries()) h.add(n + "
                   "'2', v); ctx.response().send([h.get('l').length, h.values('u')[0].length, "
                   "h.get('l').charCodeAt(0)].join()); }");
    fixture_begin(f);
    assert_true(http_head_add(&f->x.request_fields, &f->arena, STR("L"), STR("\xe4\xf6")));
    assert_true(
        http_head_add(&f->x.request_fields, &f->arena, STR("U"), STR("\xc3\xa4\xe2\x82\xac")));
    fixture_call(f, SCRIPT_REQUEST_HANDLER);
    assert_string_equal(buf_cstr(&f->x.response_body), "2,5,228");
    assert_string_equal(fixture_header(&f->x.request_fields, "l2"), "\xe4\xf6");
    assert_string_equal(fixture_header(&f->x.request_fields, "u2"), "\xc3\xa4\xe2\x82\xac");
    fixture_destroy(f);
}

static void changes_what_is_forwarded(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f, "export function requestModifier(ctx: any) { const r = ctx.request(); const "
                      "b = r.readJson();\n"
                      "  b.n++; r.writeJson(b); if (r.readJson().n !== 2) throw 1; "
                      "r.headers.del('Drop'); r.headers.set('Content-Length', '999'); }");
    fixture_begin(f);
    assert_true(http_head_add(&f->x.request_fields, &f->arena, STR("drop"), STR("x")));
    f->x.request_body = (struct script_body){.collected = true,
                                             .bytes = STR("{\"n\":1,\"s\":\"\xf0\x9f\x98\x80\"}")};
    fixture_call(f, SCRIPT_REQUEST_MODIFIER);
    assert_string_equal(f->text, "");
    assert_true(f->x.request_body.replaced);
    assert_true(str_eq(f->x.request_body.bytes, STR("{\"n\":2,\"s\":\"\xf0\x9f\x98\x80\"}")));
    assert_int_equal(f->x.request_fields.n, 1);
    assert_string_equal(fixture_header(&f->x.request_fields, "content-type"), "application/json");
    fixture_destroy(f);
}

/* All 256 octets, and what is not UTF-8, go through unchanged. */
static void bodies_are_binary_safe(void **state)
{
    (void)state;
    char octets[256];
    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = (char)i;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f, "export function requestModifier(ctx: any) { const b = ctx.request().readBody();\n"
           "  if (!(b instanceof ArrayBuffer)) throw 'no buffer';\n"
           "  const all = new Uint8Array(1024); all.set(new Uint8Array(b), 100);\n"
           "  ctx.request().writeBody(all.subarray(100, 356)); ctx.response().send(new DataView(b, "
           "250)); ctx.response().send(b); }");
    fixture_begin(f);
    f->x.request_body = (struct script_body){.collected = true, .bytes = {octets, sizeof(octets)}};
    fixture_call(f, SCRIPT_REQUEST_MODIFIER);
    assert_string_equal(f->text, "");
    assert_int_equal(f->x.request_body.bytes.len, 256);
    assert_memory_equal(f->x.request_body.bytes.p, octets, 256);
    assert_int_equal(f->x.response_body.len, 262);
    assert_memory_equal(buf_cstr(&f->x.response_body) + 6, octets, 256);
    fixture_destroy(f);
}

/* Only what is written last counts against the limit, which is body_max bytes (1 MiB) for each side. */
static void a_body_can_be_written_again_and_again(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f, "export function requestModifier(ctx: any) { const r = ctx.request();\n"
           "  for (let i = 0; i < 40; i++) r.writeBody(new Uint8Array(1 << 20).fill(i));\n"
           "  const kept = new Uint8Array(r.readBody());\n"
           "  let text = ''; for (const more of [(1 << 20) + 1, 3e6])\n"
           "    try { r.writeBody('x'.repeat(more)); } catch (e: any) { text += e.message; }\n"
           "  if (new Uint8Array(r.readBody())[0] !== 39) throw new Error('changed');\n"
           "  r.writeBody(''); if (r.readBody().byteLength !== 0) throw new Error('left');\n"
           "  for (let i = 0; i < 100; i++) r.writeBody(new TextDecoder().decode(r.readBody()) + "
           "'abc');\n"
           "  if (kept.some((b) => b !== 39)) throw new Error('overwritten');\n"
           "  ctx.response().send(text); }");
    fixture_begin(f);
    fixture_call(f, SCRIPT_REQUEST_MODIFIER);
    assert_string_equal(f->text, "");
    assert_string_equal(buf_cstr(&f->x.response_body),
                        "the body is larger than 1048576 bytes (limit body)"
                        "the body is larger than 1048576 bytes (limit body)");
    assert_int_equal(f->x.request_body.bytes.len, 300);
    assert_memory_equal(f->x.request_body.bytes.p, "abcabc", 6);
    fixture_destroy(f);
}

static void the_upstreams_body_can_be_written_again_and_again(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f,
                   "export async function responseModifier(ctx: any) { const u = ctx.upstream();\n"
                   "  for (let i = 0; i < 40; i++) u.writeBody(new Uint8Array(1 << 20).fill(i));\n"
                   "  u.writeBody((await u.readBody()).slice(1)); }");
    fixture_begin(f);
    f->x.has_upstream = true;
    f->x.upstream_body = (struct script_body){.collected = true, .bytes = STR("x")};
    fixture_call(f, SCRIPT_RESPONSE_MODIFIER);
    assert_string_equal(f->text, "");
    assert_int_equal(f->x.upstream_body.bytes.len, (1 << 20) - 1);
    assert_int_equal(f->x.upstream_body.bytes.p[0], 39);
    fixture_destroy(f);
}

static void a_body_that_was_not_collected_cannot_be_read(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f, HANDLER
        "{ try { ctx.request().readBody(); } catch (e: any) { ctx.response().send(e.message); } }");
    assert_string_equal(fixture_handle(f), "the request body is not available here");
    fixture_module(
        f, HANDLER
        "{ ctx.request().writeBody('own'); ctx.response().send(ctx.request().readBody()); }");
    assert_string_equal(fixture_handle(f), "own");
    fixture_destroy(f);
}

static void the_upstream_is_live(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(
        f, "export async function responseModifier(ctx: any) { const u = ctx.upstream();\n"
           "  const seen = [u.statusCode, u.statusText, u.protocol, u.contentLength, "
           "u.headers.get('content-length'), u.query().get('q'), u.cookie()[0].path,\n"
           "    u.trailer.get('t'), await u.readJson(), (await u.readBody()).byteLength];\n"
           "  u.status(418).headers.set('X-Seen', JSON.stringify(seen)); u.writeJson({ b: 2 }); }");
    fixture_begin(f);
    f->x.has_upstream = true;
    f->x.upstream_status = 200;
    f->x.upstream_reason = STR("OK");
    f->x.upstream_proto = STR("HTTP/1.1");
    f->x.upstream_query = STR("q=7");
    f->x.upstream_length = 7;
    f->x.upstream_body = (struct script_body){.collected = true, .bytes = STR("{\"a\":1}")};
    assert_true(http_head_add(&f->x.upstream_fields, &f->arena, STR("Set-Cookie"),
                              STR("s=1; Path=/p; HttpOnly")));
    assert_true(http_head_add(&f->x.upstream_trailers, &f->arena, STR("T"), STR("end")));
    fixture_call(f, SCRIPT_RESPONSE_MODIFIER);
    assert_string_equal(f->text, "");
    assert_string_equal(fixture_header(&f->x.upstream_fields, "x-seen"),
                        "[200,\"200 OK\",\"HTTP/1.1\",7,\"7\",\"7\",\"/p\",\"end\",{\"a\":1},7]");
    assert_int_equal(f->x.upstream_status, 418);
    assert_true(f->x.upstream_body.replaced);
    assert_true(str_eq(f->x.upstream_body.bytes, STR("{\"b\":2}")));
    fixture_destroy(f);
}

static void the_upstream_redirects(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f, "export const responseModifier = (ctx: any) => { "
                      "ctx.upstream().redirectPermanent('other'); };");
    fixture_begin(f);
    f->x.has_upstream = true;
    fixture_call(f, SCRIPT_RESPONSE_MODIFIER);
    assert_int_equal(f->x.upstream_status, 301);
    assert_string_equal(fixture_header(&f->x.upstream_fields, "location"), "/things/other");
    assert_true(f->x.upstream_body.replaced && f->x.upstream_body.bytes.len == 0);

    fixture_begin(f);
    f->x.path = STR("/%C3%A4%20b/c");
    f->x.has_upstream = true;
    fixture_call(f, SCRIPT_RESPONSE_MODIFIER);
    assert_string_equal(fixture_header(&f->x.upstream_fields, "location"), "/%C3%A4%20b/other");
    fixture_destroy(f);
}

struct sent {
    const char *statement;
    int status;
    const char *type;
    const char *body;
};

static const struct sent SENT[] = {
    {"r.send('plain')", 200, "text/plain; charset=utf-8", "plain"},
    {"r.send('  <!DOCTYPE HTML><p>')", 200, "text/html; charset=utf-8", "  <!DOCTYPE HTML><p>"},
    {"r.send('<HTML>')", 200, "text/html; charset=utf-8", "<HTML>"},
    {"r.send(new Uint8Array([1, 2, 3]))", 200, "application/octet-stream", "\1\2\3"},
    {"r.send(new Uint8Array([104, 105]).buffer)", 200, "text/plain; charset=utf-8", "hi"},
    {"r.headers.set('Content-Type', 'text/css'); r.send('a{}')", 200, "text/css", "a{}"},
    {"r.status(204).end()", 204, "", ""},
    {"r.status(201).json([1])", 201, "application/json", "[1]"},
    {"r.status(202).send('a').send('b'); r.end()", 202, "text/plain; charset=utf-8", "ab"},
    {"r.redirect('/x')", 307, "text/html; charset=utf-8",
     "<a href=\"/x\">Temporary Redirect</a>.\n\n"},
    {"r.redirectPermanent('../y?a=\"1\"')", 301, "text/html; charset=utf-8",
     "<a href=\"/y?a=%221%22\">Moved Permanently</a>.\n\n"},
    {"r.send('\\ud800x')", 200, "text/plain; charset=utf-8", "\xef\xbf\xbdx"},
};

static void sends(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    for (size_t i = 0; i < ARRAY_LEN(SENT); i++) {
        char source[512];
        (void)snprintf(source, sizeof(source),
                       HANDLER "{ const r = ctx.response(); %s; if (!r.headersSent) throw 1; }",
                       SENT[i].statement);
        fixture_module(f, source);
        assert_string_equal(fixture_handle(f), SENT[i].body);
        assert_int_equal(f->x.response_status, SENT[i].status);
        assert_string_equal(fixture_header(&f->x.response_fields, "content-type"), SENT[i].type);
    }
    fixture_destroy(f);
}

static void cookies_go_both_ways(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f, HANDLER
                   "{ const r = ctx.response();\n"
                   "  r.cookie('a', 'b c', { path: '/', maxAge: 60, httpOnly: true, secure: true, "
                   "sameSite: 'lax', domain: 'x.y', expires: new Date(0) });\n"
                   "  r.cookie('plain', 1); let bad = ''; try { r.cookie('x', 'a;b'); } catch (e: "
                   "any) { bad = e.name; }\n"
                   "  r.json([r.getCookies().map((c: any) => c.name + '=' + c.value), "
                   "r.getCookie('two').value, r.getCookie('none'), bad]); }");
    fixture_begin(f);
    assert_true(
        http_head_add(&f->x.request_fields, &f->arena, STR("Cookie"), STR("one=1; two=\"2 2\"")));
    fixture_call(f, SCRIPT_REQUEST_HANDLER);
    assert_string_equal(f->text, "");
    assert_string_equal(buf_cstr(&f->x.response_body),
                        "[[\"one=1\",\"two=2 2\"],\"2 2\",null,\"TypeError\"]");
    assert_int_equal(f->x.response_fields.n, 3);
    assert_string_equal(fixture_header(&f->x.response_fields, "set-cookie"),
                        "a=\"b c\"; Path=/; Domain=x.y; Expires=Thu, 01 Jan 1970 00:00:00 GMT; "
                        "Max-Age=60; HttpOnly; Secure; SameSite=Lax");
    fixture_destroy(f);
}

/* DGate 2's ctx: what it writes is checked and normalised, and nothing changes when it is wrong. */
static void scripts_rewrite_the_target(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    static const struct {
        const char *write;
        const char *method;
        const char *path;
        const char *query;
        bool path_written;
        bool query_written;
    } rows[] = {
        {"ctx.request.method = 'PUT'", "PUT", "/things/42", "a=1&b=x%20y&a=2", false, false},
        {"ctx.request.method = 'a b'", "GET", "/things/42", "a=1&b=x%20y&a=2", false, false},
        {"ctx.request.method = 'HEAD'", "GET", "/things/42", "a=1&b=x%20y&a=2", false, false},
        {"ctx.request.method = 'CONNECT'", "GET", "/things/42", "a=1&b=x%20y&a=2", false, false},
        {"ctx.request.path = '/a//../b c/%2e'", "GET", "/a/b%20c/", "a=1&b=x%20y&a=2", true, false},
        {"ctx.request.path = 'a'", "GET", "/things/42", "a=1&b=x%20y&a=2", false, false},
        {"ctx.request.path = '/a%00'", "GET", "/things/42", "a=1&b=x%20y&a=2", false, false},
        {"ctx.request.path = '/a?b'", "GET", "/things/42", "a=1&b=x%20y&a=2", false, false},
        {"ctx.request.query.a = '\u00e9'", "GET", "/things/42", "a=%C3%A9&b=x%20y", false, true},
        {"ctx.request.query.z = ' '", "GET", "/things/42", "a=1&b=x%20y&a=2&z=+", false, true},
        {"delete ctx.request.query.a", "GET", "/things/42", "b=x%20y", false, true},
        {"ctx.request.query = {}", "GET", "/things/42", "", false, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char source[256];
        (void)snprintf(source, sizeof(source), "function requestModifier(ctx) { %s; }",
                       rows[i].write);
        fixture_module(f, source);
        fixture_begin(f);
        fixture_call(f, SCRIPT_REQUEST_MODIFIER);
        assert_true(str_eq(f->x.method, str_of(rows[i].method)));
        assert_true(str_eq(f->x.path, str_of(rows[i].path)));
        assert_true(str_eq(f->x.query, str_of(rows[i].query)));
        assert_int_equal(f->x.path_written, rows[i].path_written);
        assert_int_equal(f->x.query_written, rows[i].query_written);
    }
    fixture_destroy(f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(says_what_is_there),
    cmocka_unit_test(decodes_the_path),
    cmocka_unit_test(header_values_may_be_any_bytes),
    cmocka_unit_test(changes_what_is_forwarded),
    cmocka_unit_test(bodies_are_binary_safe),
    cmocka_unit_test(a_body_can_be_written_again_and_again),
    cmocka_unit_test(the_upstreams_body_can_be_written_again_and_again),
    cmocka_unit_test(a_body_that_was_not_collected_cannot_be_read),
    cmocka_unit_test(the_upstream_is_live),
    cmocka_unit_test(the_upstream_redirects),
    cmocka_unit_test(sends),
    cmocka_unit_test(cookies_go_both_ways),
    cmocka_unit_test(scripts_rewrite_the_target),
};

FIXTURE_MAIN(tests)
