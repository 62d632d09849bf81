#include "proxy/fixture.h"
#include "proxy/proxy_headers.h"

static const struct proxy_header globals[] = {
    {{"X-Global", 8}, {"g", 1}},
    {{"Server", 6}, {"gate", 4}},
    {{"X Bad", 5}, {"x", 1}},
};
static const char *const tags[] = {"eu", "canary"};

static void setup(struct fixture *f, bool globals_too)
{
    struct proxy_options options = fixture_options;
    if (globals_too) {
        options.global_headers = globals;
        options.global_header_count = ARRAY_LEN(globals);
        options.tags = tags;
        options.tag_count = ARRAY_LEN(tags);
    }
    fixture_init(f, &options);
    fixture_put(f, MODEL_SERVICE, "{'name':'s','urls':['http://up.example:81']}");
    fixture_put(f, MODEL_SERVICE,
                "{'name':'quiet','urls':['http://up.example'],'hideDGateHeaders':true,"
                "'disableQueryParams':true}");
    fixture_put(f, MODEL_ROUTE, "{'name':'r','paths':['/r'],'methods':['*'],'service':'s'}");
    fixture_put(f, MODEL_ROUTE,
                "{'name':'keep','paths':['/keep'],'methods':['*'],'service':'s',"
                "'preserveHost':true}");
    fixture_put(f, MODEL_ROUTE,
                "{'name':'quiet','paths':['/quiet'],'methods':['*'],'service':'quiet'}");
}

/* What a client sends, and what of it the upstream gets. */
static void test_request(void **state)
{
    static const struct {
        const char *sent;
        const char *name;
        const char *expected; /* NULL: nothing */
    } rows[] = {
        {"User-Agent: x/1", "User-Agent", "x/1"},
        {"Accept-Encoding: gzip", "Accept-Encoding", "gzip"},
        {"Cookie: a=b", "cookie", "a=b"},
        {"Authorization: Basic eA==", "Authorization", "Basic eA=="},
        {"X-Forwarded-For: 10.0.0.1, 10.0.0.2", "X-Forwarded-For", "192.0.2.7"},
        {"x-real-ip: 10.0.0.1", "X-Real-IP", "192.0.2.7"},
        {"X-Forwarded-Host: evil.example", "X-Forwarded-Host", "example.org"},
        {"X-Forwarded-Proto: https", "X-Forwarded-Proto", "http"},
        {"Forwarded: for=10.0.0.1", "Forwarded", NULL},
        {"Proxy-Authorization: Basic eA==", "Proxy-Authorization", NULL},
        {"Expect: 100-continue", "Expect", NULL},
        {"X-DGate-Route: evil", "X-DGate-Route", "r"},
        {"x-dgate-anything: evil", "X-DGate-Anything", NULL},
        {"X-DGate-Service: evil", "X-DGate-Service", "s"},
        /* What CGI would take for ours. */
        {"X_Forwarded_For: 10.0.0.1", "X_Forwarded_For", NULL},
        {"X-Forwarded_Host: evil.example", "X-Forwarded_Host", NULL},
        {"x_real_ip: 10.0.0.1", "x_real_ip", NULL},
        {"X_Request_Id: 1", "X_Request_Id", NULL},
        {"Proxy_Authorization: Basic eA==", "Proxy_Authorization", NULL},
        {"X_DGate_Route: evil", "X_DGate_Route", NULL},
        {"X-DGate_A_name_that_is_long_enough: evil", "X-DGate_A_name_that_is_long_enough", NULL},
        {"X_Other: 1", "X_Other", "1"},
        {"X_Forwarded_For_a_name_that_only_begins_so: 1",
         "X_Forwarded_For_a_name_that_only_begins_so", "1"},
        {"Via: 1.0 before", "Via", "1.0 before|1.1 dgate"},
        {"X-Request-Id: client-chosen", "X-Request-Id", "client-chosen"},
        {"X-Other: 1", "X-DGate-Namespace", "default"},
        {"X-Other: 1", "X-DGate-Tags", "eu|canary"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        setup(&f, true);
        (void)fixture_ask(&f, &(struct ask){.target = "/r", .fields = {rows[i].sent}});
        struct exchange *up = fixture_up(&f);
        assert_field(up, rows[i].name, rows[i].expected);
        assert_field(up, "Host", NULL);
        assert_str(exchange_mem_request(up)->head->authority, "up.example:81");
        fixture_finish(&f);
    }
}

static void test_request_variants(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);

    (void)fixture_ask(&f, &(struct ask){.target = "/keep", .host = "me.example:8080"});
    struct exchange *up = fixture_up(&f);
    assert_str(exchange_mem_request(up)->head->authority, "me.example:8080");
    assert_field(up, "X-Forwarded-Host", "me.example:8080");

    (void)fixture_ask(&f, &(struct ask){.target = "/keep", .host = "-", .version = HTTP_1_0});
    up = fixture_up(&f);
    assert_str(exchange_mem_request(up)->head->authority, "up.example:81");
    assert_field(up, "X-Forwarded-Host", NULL);
    assert_field(up, "Via", "1.0 dgate");

    (void)fixture_ask(&f, &(struct ask){.target = "/quiet?a=b", .secure = true});
    up = fixture_up(&f);
    assert_str(exchange_mem_request(up)->head->target, "/quiet");
    assert_field(up, "X-Forwarded-Proto", "https");
    assert_field(up, "X-DGate-Route", NULL);
    assert_field(up, "X-DGate-Tags", NULL);
    assert_field(up, "Via", "1.1 dgate");

    (void)fixture_ask(&f, &(struct ask){.target = "/r", .te_trailers = true});
    up = fixture_up(&f);
    assert_true(exchange_mem_request(up)->head->te_trailers);
    assert_int_equal(strlen(fixture_field(up, "X-Request-Id")), 32);
    fixture_finish(&f);
}

static void test_without_forwarded(void **state)
{
    (void)state;
    struct fixture f;
    struct proxy_options options = fixture_options;
    options.x_forwarded_headers = false;
    fixture_init(&f, &options);
    fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://up.example']}");
    fixture_put(&f, MODEL_ROUTE, "{'name':'r','paths':['/r'],'methods':['*'],'service':'s'}");
    (void)fixture_ask(&f, &(struct ask){.target = "/r",
                                        .fields = {"X-Forwarded-For: 10.0.0.1",
                                                   "X-Real-IP: 10.0.0.1", "Forwarded: for=x"}});
    struct exchange *up = fixture_up(&f);
    assert_field(up, "X-Forwarded-For", NULL);
    assert_field(up, "X-Real-IP", NULL);
    assert_field(up, "X-Forwarded-Proto", NULL);
    assert_field(up, "Forwarded", NULL);
    fixture_finish(&f);
}

static void test_ids(void **state)
{
    static const char *const bad[] = {"X-Request-Id: a b", "X-Request-Id: ", "X-Request-Id: \"x\"",
                                      "X-Request-Id: caf\xc3\xa9"};
    (void)state;
    struct fixture f;
    setup(&f, false);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct exchange *x = fixture_ask(&f, &(struct ask){.target = "/r", .fields = {bad[i]}});
        struct exchange *up = fixture_up(&f);
        assert_int_equal(strlen(fixture_field(up, "X-Request-Id")), 32);
        static const char *const fields[8] = {"X-Request-Id: upstream-chosen"};
        fixture_head(up, 200, 0, fields);
        exchange_mem_end(up, NULL);
        (void)exchange_mem_run(up);
        assert_string_equal(fixture_field(x, "X-Request-Id"), fixture_field(up, "X-Request-Id"));
    }
    fixture_finish(&f);
}

static void test_response(void **state)
{
    static const char *const fields[8] = {
        "Content-Type: text/css", "Server: upstream",          "Set-Cookie: a=1", "Set-Cookie: b=2",
        "Via: 1.0 inner",         "Proxy-Authenticate: Basic", "X-DGate-Else: 1"};
    (void)state;
    struct fixture f;
    setup(&f, true);
    struct exchange *x = fixture_get(&f, "/r");
    struct exchange *up = fixture_up(&f);
    fixture_head(up, 203, 2, fields);
    exchange_mem_data(up, STR("ok"));
    exchange_mem_end(up, NULL);
    (void)exchange_mem_run(up);
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 203);
    assert_int_equal(fixture_sent(x)->head->content_length, 2);
    assert_body(x, "ok");
    assert_true(fixture_sent(x)->ended && x->done);
    assert_field(x, "Content-Type", "text/css");
    assert_field(x, "Set-Cookie", "a=1|b=2");
    assert_field(x, "Server", "gate");
    assert_field(x, "X-Global", "g");
    assert_field(x, "X Bad", NULL);
    assert_field(x, "Via", "1.0 inner|1.1 dgate");
    assert_field(x, "Proxy-Authenticate", NULL);
    assert_field(x, "X-DGate-Else", "1");

    x = fixture_get(&f, "/quiet");
    fixture_reply(fixture_up(&f), 200, "");
    assert_field(x, "Via", NULL);
    fixture_finish(&f);
}

/* Global headers are on what a service's route answers, and on nothing else. */
static void test_global_headers_on_errors(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, true);
    struct exchange *x = fixture_get(&f, "/r");
    struct exchange *up = fixture_up(&f);
    exchange_mem_reset(up, &(struct exchange_reset){.code = EXCHANGE_PROTOCOL});
    (void)exchange_mem_run(up);
    assert_error(x, 502, "upstream failed: the peer violated the protocol");
    assert_field(x, "X-Global", "g");
    x = fixture_get(&f, "/nowhere");
    assert_error(x, 404, "no route has this path");
    assert_field(x, "X-Global", NULL);
    fixture_finish(&f);
}

static void test_upgrade(void **state)
{
    static const struct {
        const char *offer;
        bool body;
        const char *passed;
    } rows[] = {
        {"websocket", false, "websocket"},
        {"foo/2, bar", false, "foo/2, bar"},
        {"h2c", false, ""},
        {"websocket, h2c", false, ""},
        {"HTTP/2.0", false, ""},
        {"TLS/1.0", false, ""},
        {"websocket", true, ""},
        {"", false, ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct http_head head = {.upgrade = str_of(rows[i].offer), .no_body = !rows[i].body};
        assert_str(proxy_headers_upgrade(&head), rows[i].passed);
    }
}

static void test_clean(void **state)
{
    (void)state;
    struct http_field v[] = {
        {STR("Content-Length"), STR("3"), HTTP_FIELD_CONTENT_LENGTH},
        {STR("X-A"), STR("1"), HTTP_FIELD_OTHER},
        {STR("transfer-encoding"), STR("chunked"), HTTP_FIELD_TRANSFER_ENCODING},
        {STR("Host"), STR("evil"), HTTP_FIELD_HOST},
        {STR("X-B"), STR(""), HTTP_FIELD_OTHER},
    };
    struct http_fields fs = {.v = v, .n = ARRAY_LEN(v), .cap = ARRAY_LEN(v)};
    assert_true(proxy_headers_clean(&fs));
    assert_int_equal(fs.n, 2);
    assert_str(fs.v[0].name, "X-A");
    assert_str(fs.v[1].name, "X-B");
    v[1].value = STR("a\r\nX: y");
    assert_false(proxy_headers_clean(&fs));
    v[1] = (struct http_field){STR("X A"), STR("1"), HTTP_FIELD_OTHER};
    assert_false(proxy_headers_clean(&fs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),           cmocka_unit_test(test_request_variants),
        cmocka_unit_test(test_without_forwarded), cmocka_unit_test(test_ids),
        cmocka_unit_test(test_response),          cmocka_unit_test(test_global_headers_on_errors),
        cmocka_unit_test(test_upgrade),           cmocka_unit_test(test_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
