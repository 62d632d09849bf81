#include "proxy/fixture.h"
#include "proxy/proxy_match.h"

/* A service whose upstream tells nothing, and routes in two namespaces. */
static void setup(struct fixture *f)
{
    fixture_init(f, NULL);
    fixture_put(f, MODEL_NAMESPACE, "{'name':'default'}");
    fixture_put(f, MODEL_NAMESPACE, "{'name':'other'}");
    fixture_put(f, MODEL_DOMAIN,
                "{'name':'d','namespace':'other','patterns':['*.other.example','::1']}");
    fixture_put(f, MODEL_SERVICE, "{'name':'s','urls':['http://up.example:81']}");
    fixture_put(f, MODEL_SERVICE,
                "{'name':'s','namespace':'other','urls':['http://other.up.example']}");
    fixture_put(f, MODEL_ROUTE,
                "{'name':'a','paths':['/a'],'methods':['GET','POST'],'service':'s'}");
    fixture_put(f, MODEL_ROUTE,
                "{'name':'b','namespace':'other','paths':['/*'],'methods':['*'],'service':'s'}");
    fixture_put(f, MODEL_ROUTE, "{'name':'none','paths':['/none'],'methods':['GET']}");
}

static void test_errors(void **state)
{
    static const struct {
        struct ask ask;
        int status;
        const char *text;
        const char *allow;
    } rows[] = {
        {{.target = "/b"}, 404, "no route has this path", NULL},
        {{.target = "/a/"}, 404, "no route has this path", NULL},
        {{.target = "/a", .method = "PUT"},
         405,
         "the route does not allow this method",
         "GET, HEAD, POST"},
        {{.target = "/a", .method = "OPTIONS"},
         405,
         "the route does not allow this method",
         "GET, HEAD, POST"},
        {{.target = "/%00"}, 400, "the path is not valid", NULL},
        {{.target = "/a%"}, 400, "the path is not valid", NULL},
        {{.target = "/a%5Cb"}, 400, "the path is not valid", NULL},
        {{.target = "*", .method = "OPTIONS"}, 400, "the path is not valid", NULL},
        {{.target = "up:443", .method = "CONNECT"}, 400, "the path is not valid", NULL},
        {{.target = "/none"}, 501, "the route has neither a service nor a requestHandler", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        setup(&f);
        struct exchange *x = fixture_ask(&f, &rows[i].ask);
        fixture_no_up(&f);
        if ((int)fixture_status(x) != rows[i].status)
            fail_msg("row %zu: %u", i, fixture_status(x));
        assert_error(x, rows[i].status, rows[i].text);
        assert_field(x, "Allow", rows[i].allow);
        struct proxy_stats stats = fixture_stats(&f);
        assert_int_equal(stats.requests, 1);
        assert_int_equal(stats.responses[rows[i].status / 100], 1);
        fixture_finish(&f);
    }
}

static void test_hosts(void **state)
{
    static const struct {
        const char *host;
        const char *upstream; /* NULL: 404 */
    } rows[] = {
        {"example.org", "up.example"},
        {"example.org:8080", "up.example"},
        {"-", "up.example"},
        {"x.other.example", "other.up.example"},
        {"X.Other.Example:8080", "other.up.example"},
        {"[::1]", "other.up.example"},
        {"[::1]:80", "other.up.example"},
        {"other.example", "up.example"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        setup(&f);
        (void)fixture_ask(&f, &(struct ask){.target = "/a", .host = rows[i].host});
        struct exchange *up = fixture_up(&f);
        assert_str(exchange_mem_request(up)->host, rows[i].upstream);
        fixture_finish(&f);
    }
}

static void test_default_with_a_domain(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    fixture_put(&f, MODEL_DOMAIN, "{'name':'own','patterns':['own.example']}");
    assert_error(fixture_get(&f, "/a"), 404, "no namespace serves this host");
    (void)fixture_ask(&f, &(struct ask){.target = "/a", .host = "own.example"});
    (void)fixture_up(&f);
    fixture_finish(&f);
}

/* The path is normalised once: what routing sees is what the upstream gets. */
static void test_paths(void **state)
{
    static const struct {
        const char *target;
        const char *sent;
    } rows[] = {
        {"/%61", "/a"}, {"/x/../a", "/a"}, {"/x/%2e%2e/a", "/a"}, {"/./a?x=/../y", "/a?x=/../y"},
        {"/a?", "/a?"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        setup(&f);
        (void)fixture_get(&f, rows[i].target);
        assert_str(exchange_mem_request(fixture_up(&f))->head->target, rows[i].sent);
        fixture_finish(&f);
    }
}

static void test_strip(void **state)
{
    static const struct {
        const char *pattern;
        const char *url;
        const char *target;
        const char *sent;
    } rows[] = {
        {"/api/*", "http://u", "/api/x/y?q=1", "/x/y?q=1"},
        {"/api/*", "http://u", "/api/", "/"},
        {"/api/*", "http://u/base", "/api/x/", "/base/x/"},
        {"/api/*", "http://u/base/", "/api/x%2Fy", "/base/x%2Fy"},
        {"/api/**", "http://u/base", "/api", "/base"},
        {"/api/**", "http://u/base/", "/api", "/base/"},
        {"/{v}/*", "http://u", "/1/x", "/x"},
        {"/exact", "http://u/base", "/exact", "/base"},
        {"/exact", "http://u", "/exact?q", "/?q"},
        {"/{id}", "http://u/all", "/7?q=1", "/all?q=1"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        char json[512];
        fixture_init(&f, NULL);
        (void)snprintf(json, sizeof(json), "{'name':'s','urls':['%s']}", rows[i].url);
        fixture_put(&f, MODEL_SERVICE, json);
        (void)snprintf(json, sizeof(json),
                       "{'name':'r','paths':['%s'],'methods':['GET'],'service':'s',"
                       "'stripPath':true}",
                       rows[i].pattern);
        fixture_put(&f, MODEL_ROUTE, json);
        (void)fixture_get(&f, rows[i].target);
        struct exchange *up = fixture_up(&f);
        if (!str_eq(exchange_mem_request(up)->head->target, str_of(rows[i].sent)))
            fail_msg("row %zu: %.*s", i, STR_ARG(exchange_mem_request(up)->head->target));
        fixture_finish(&f);
    }
}

static void test_round_robin(void **state)
{
    static const char *const expected[] = {"a", "b", "c", "a"};
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://a','http://b:8080','http://c']}");
    fixture_put(&f, MODEL_ROUTE, "{'name':'r','paths':['/'],'methods':['GET'],'service':'s'}");
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        (void)fixture_get(&f, "/");
        const struct http_client_request *to = exchange_mem_request(fixture_up(&f));
        assert_str(to->host, expected[i]);
        assert_int_equal(to->port, i == 1 ? 8080 : 80);
        assert_int_equal(to->connect_timeout_ms, fixture_options.connect_timeout_ms);
    }
    fixture_finish(&f);
}

static void test_missing_service(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_put(&f, MODEL_ROUTE, "{'name':'r','paths':['/'],'methods':['GET'],'service':'s'}");
    assert_error(fixture_get(&f, "/"), 503, "the service of this route does not exist");
    fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://a']}");
    (void)fixture_get(&f, "/");
    (void)fixture_up(&f);
    fixture_finish(&f);
}

/* A request without memory for an object is refused, not served badly. */
static void test_no_memory(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const struct http_head head = {
        .method = STR("GET"), .target = STR("/a"), .version = HTTP_1_1, .no_body = true};
    for (size_t limit = 0; limit < 8192; limit += 64) {
        struct exchange *x = exchange_mem_create(&head, ROOM);
        x->arena.limit = x->arena.used + limit;
        proxy_handle(f.proxy, x);
        struct exchange *up = exchange_mem_client_next(f.client);
        if (up == NULL) {
            (void)exchange_mem_run(x);
            assert_int_equal(fixture_status(x), 503);
        } else {
            fixture_reply(up, 200, "x");
            (void)exchange_mem_run(x);
            assert_true(fixture_status(x) == 200 || fixture_status(x) == 503);
        }
        assert_true(x->done);
        exchange_mem_destroy(x);
    }
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_default_with_a_domain),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_strip),
        cmocka_unit_test(test_round_robin),
        cmocka_unit_test(test_missing_service),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
