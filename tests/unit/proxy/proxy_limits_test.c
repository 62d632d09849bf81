#include "node/node_counts.h"
#include "node/node_segment.h"
#include "proxy/fixture.h"
#include "proxy/proxy_limits.h"

#define HOUR_NS UINT64_C(3600000000000)

static struct node_segment *node;

static void setup(struct fixture *f, const struct proxy_options *more)
{
    static const struct node_segment_options size = {
        .workers = 2, .rate_buckets = 64, .counts = 64, .upstreams = 8};
    struct proxy_options options = fixture_options;
    struct err e = {0};
    int fd = -1;
    assert_int_equal(node_segment_make(&size, &fd, &node, &e), ERR_OK);
    (void)close(fd);
    options.node = node;
    options.worker = 1;
    if (more != NULL) {
        options.client_rate = more->client_rate;
        options.client_requests_max = more->client_requests_max;
    }
    fixture_init(f, &options);
    fixture_put(f, MODEL_NAMESPACE, "{'name':'default'}");
    fixture_put(f, MODEL_SERVICE, "{'name':'s','urls':['http://up.example'],'retries':0}");
    fixture_put(f, MODEL_MODULE, "{'name':'m','payload':'eA=='}");
}

/* What all counts of our worker are together; nothing else counts. */
static uint32_t counted(void)
{
    struct node_counts *c = node_segment_counts(node);
    uint32_t total = 0;
    for (uint32_t i = 0; i <= c->mask; i++) {
        const _Atomic uint32_t *columns =
            (const _Atomic uint32_t *)(const void *)(c->slots + i * c->stride + sizeof(uint64_t));
        assert_int_equal(columns[0], 0);
        total += columns[1];
    }
    return total;
}

static void teardown(struct fixture *f)
{
    fixture_finish(f);
    assert_int_equal(counted(), 0);
    node_segment_unmap(node);
}

static struct exchange *ask_with(struct fixture *f, const char *field, const char *peer)
{
    return fixture_ask(f, &(struct ask){.target = "/r", .fields = {field}, .peer = peer});
}

/* Served to its end by the upstream. */
static void serve(struct fixture *f, struct exchange *x)
{
    fixture_reply(fixture_up(f), 200, "ok");
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 200);
    assert_true(x->done);
}

static void assert_refused(struct exchange *x, bool rate, const char *retry_after)
{
    assert_error(x, 429, rate ? "too many requests" : "too many requests at the same time");
    assert_field(x, "Retry-After", retry_after);
}

static void test_rate_of_a_route(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL);
    fixture_put(&f, MODEL_ROUTE,
                "{'name':'r','paths':['/r'],'methods':['*'],'service':'s','rateLimit':2,"
                "'ratePeriod':'2h'}");
    fixture_put(&f, MODEL_ROUTE, "{'name':'free','paths':['/free'],'methods':['*'],'service':'s'}");
    for (int i = 0; i < 2; i++)
        serve(&f, fixture_get(&f, "/r"));
    struct exchange *x = fixture_get(&f, "/r");
    fixture_no_up(&f);
    assert_refused(x, true, "3600");
    serve(&f, fixture_get(&f, "/free"));
    assert_int_equal(fixture_stats(&f).limited[PROXY_LIMIT_ROUTE_RATE], 1);
    assert_int_equal(fixture_stats(&f).responses[4], 1);
    teardown(&f);
}

static void test_a_change_of_the_route_keeps_what_was_used(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL);
    for (int i = 0; i < 2; i++) {
        fixture_put(&f, MODEL_ROUTE,
                    "{'name':'r','paths':['/r'],'methods':['*'],'service':'s','rateLimit':1,"
                    "'ratePeriod':'1h'}");
        struct exchange *x = fixture_get(&f, "/r");
        if (i == 0)
            serve(&f, x);
        else
            assert_refused(x, true, "3600");
    }
    teardown(&f);
}

static void test_what_tells_requests_apart(void **state)
{
    (void)state;
    static const struct {
        const char *by;
        const char *field; /* of the second request */
        const char *peer;
        bool apart;
    } rows[] = {
        {"client", NULL, "192.0.2.7", false},
        {"client", NULL, "192.0.2.8", true},
        {"client", "X-Key: b", "192.0.2.7", false},
        {"route", "X-Key: b", "192.0.2.8", false},
        {"header:x-key", "X-Key: a", "192.0.2.8", false},
        {"header:x-key", "X-Key: b", "192.0.2.7", true},
        {"header:x-key", NULL, "192.0.2.7", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char route[256];
        struct fixture f;
        setup(&f, NULL);
        (void)snprintf(route, sizeof(route),
                       "{'name':'r','paths':['/r'],'methods':['*'],'service':'s',"
                       "'maxConcurrent':1,'limitBy':'%s'}",
                       rows[i].by);
        fixture_put(&f, MODEL_ROUTE, route);
        struct exchange *first = ask_with(&f, "X-Key: a", NULL);
        struct exchange *up = fixture_up(&f);
        assert_int_equal(counted(), 1);
        struct exchange *second = ask_with(&f, rows[i].field, rows[i].peer);
        if (rows[i].apart)
            serve(&f, second);
        else
            assert_refused(second, false, "1");
        fixture_reply(up, 200, "ok");
        (void)exchange_mem_run(first);
        assert_int_equal(fixture_status(first), 200);
        teardown(&f);
    }
}

/* Requests without the field are one. */
static void test_header_that_is_missing(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL);
    fixture_put(&f, MODEL_ROUTE,
                "{'name':'r','paths':['/r'],'methods':['*'],'service':'s','maxConcurrent':1,"
                "'limitBy':'header:X-Key'}");
    struct exchange *x = ask_with(&f, NULL, NULL);
    assert_refused(ask_with(&f, "X-Other: 1", NULL), false, "1");
    serve(&f, x);
    teardown(&f);
}

static void test_routes_are_apart(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL);
    fixture_put(&f, MODEL_ROUTE,
                "{'name':'a','paths':['/a'],'methods':['*'],'service':'s','maxConcurrent':1}");
    fixture_put(&f, MODEL_ROUTE,
                "{'name':'b','paths':['/b'],'methods':['*'],'service':'s','maxConcurrent':1}");
    (void)fixture_get(&f, "/a");
    (void)fixture_get(&f, "/b");
    assert_int_equal(counted(), 2);
    assert_refused(fixture_get(&f, "/a"), false, "1");
    teardown(&f);
}

static void do_nothing(struct script_exchange *x, struct script_outcome *o)
{
    (void)x;
    (void)o;
}

/* Before modules: they do not see what is refused. */
static void test_modules_do_not_run(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL);
    fixture_put(&f, MODEL_ROUTE,
                "{'name':'r','paths':['/r'],'methods':['*'],'service':'s','rateLimit':1,"
                "'ratePeriod':'1h','modules':['m']}");
    fake_script.functions[SCRIPT_REQUEST_MODIFIER] = do_nothing;
    serve(&f, fixture_get(&f, "/r"));
    assert_int_equal(fake_script.calls[SCRIPT_REQUEST_MODIFIER], 1);
    assert_refused(fixture_get(&f, "/r"), true, "3600");
    assert_int_equal(fake_script.calls[SCRIPT_REQUEST_MODIFIER], 1);
    teardown(&f);
}

static void test_rate_of_clients(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, &(struct proxy_options){.client_rate = {HOUR_NS, 2}});
    fixture_put(&f, MODEL_ROUTE, "{'name':'r','paths':['/r'],'methods':['*'],'service':'s'}");
    serve(&f, fixture_get(&f, "/r"));
    assert_error(fixture_get(&f, "/nowhere"), 404, "no route has this path");
    assert_refused(fixture_get(&f, "/r"), true, "3600");
    assert_refused(fixture_get(&f, "/nowhere"), true, "3600");
    serve(&f, ask_with(&f, NULL, "192.0.2.99"));
    assert_int_equal(fixture_stats(&f).limited[PROXY_LIMIT_CLIENT_RATE], 2);
    teardown(&f);
}

static void test_requests_of_clients(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, &(struct proxy_options){.client_requests_max = 2});
    fixture_put(&f, MODEL_ROUTE,
                "{'name':'r','paths':['/r'],'methods':['*'],'service':'s','maxConcurrent':1}");
    struct exchange *x = fixture_get(&f, "/r");
    assert_int_equal(counted(), 2); /* for the client and for the route */
    assert_refused(fixture_get(&f, "/r"), false, "1");
    assert_int_equal(counted(), 2); /* one that is refused does not count */
    assert_int_equal(fixture_stats(&f).limited[PROXY_LIMIT_ROUTE_REQUESTS], 1);
    serve(&f, x);
    assert_int_equal(counted(), 0);
    fixture_put(&f, MODEL_ROUTE, "{'name':'r','paths':['/r'],'methods':['*'],'service':'s'}");
    (void)fixture_get(&f, "/r");
    (void)fixture_get(&f, "/r");
    assert_refused(fixture_get(&f, "/r"), false, "1");
    assert_int_equal(fixture_stats(&f).limited[PROXY_LIMIT_CLIENT_REQUESTS], 1);
    teardown(&f);
}

/* A request that is refused for the number takes no token. */
static void test_number_before_rate(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL);
    fixture_put(&f, MODEL_ROUTE,
                "{'name':'r','paths':['/r'],'methods':['*'],'service':'s','maxConcurrent':1,"
                "'rateLimit':2,'ratePeriod':'2h'}");
    struct exchange *x = fixture_get(&f, "/r");
    assert_refused(fixture_get(&f, "/r"), false, "1");
    serve(&f, x);
    serve(&f, fixture_get(&f, "/r"));
    assert_refused(fixture_get(&f, "/r"), true, "3600");
    assert_int_equal(counted(), 0);
    teardown(&f);
}

/* Every way in which a request can end gives back what it counted for, once. */

static struct exchange *begin(struct fixture *f, const char *route)
{
    setup(f, &(struct proxy_options){.client_requests_max = 5});
    fixture_put(f, MODEL_ROUTE, route);
    struct exchange *x = fixture_get(f, "/r");
    return x;
}

#define LIMITED "{'name':'r','paths':['/r'],'methods':['*'],'service':'s','maxConcurrent':1}"

static void test_ends_by_the_client_before_the_head(void **state)
{
    (void)state;
    struct fixture f;
    struct exchange *x = begin(&f, LIMITED);
    assert_int_equal(counted(), 2);
    exchange_mem_reset(x, &(struct exchange_reset){.code = EXCHANGE_PEER_RESET});
    (void)exchange_mem_run(x);
    assert_true(x->done);
    assert_int_equal(counted(), 0);
    (void)fixture_up(&f);
    serve(&f, fixture_get(&f, "/r"));
    teardown(&f);
}

static void test_ends_by_the_client_in_the_body(void **state)
{
    (void)state;
    struct fixture f;
    struct exchange *x = begin(&f, LIMITED);
    struct exchange *up = fixture_up(&f);
    fixture_head(up, 200, 100, NULL);
    exchange_mem_data(up, STR("part"));
    (void)exchange_mem_run(up);
    assert_int_equal(fixture_status(x), 200);
    assert_int_equal(counted(), 2);
    exchange_mem_reset(x, &(struct exchange_reset){.code = EXCHANGE_PEER_CLOSED});
    (void)exchange_mem_run(x);
    assert_int_equal(counted(), 0);
    teardown(&f);
}

static void test_ends_by_the_upstream_in_the_body(void **state)
{
    (void)state;
    struct fixture f;
    struct exchange *x = begin(&f, LIMITED);
    struct exchange *up = fixture_up(&f);
    fixture_head(up, 200, 100, NULL);
    (void)exchange_mem_run(up);
    exchange_mem_reset(up, &(struct exchange_reset){.code = EXCHANGE_PEER_RESET});
    (void)exchange_mem_run(up);
    assert_int_equal(counted(), 0);
    (void)exchange_mem_run(x);
    assert_true(x->done && exchange_mem_sent(x)->reset);
    teardown(&f);
}

static void test_ends_with_an_error(void **state)
{
    (void)state;
    struct fixture f;
    struct exchange *x = begin(&f, LIMITED);
    struct exchange *up = fixture_up(&f);
    exchange_mem_reset(up, &(struct exchange_reset){.code = EXCHANGE_PROTOCOL});
    (void)exchange_mem_run(up);
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 502);
    assert_int_equal(counted(), 0);
    teardown(&f);
}

/* An early response while the client still sends. */
static void test_ends_before_the_request_has(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, &(struct proxy_options){.client_requests_max = 5});
    fixture_put(&f, MODEL_ROUTE, LIMITED);
    struct exchange *x = fixture_ask(
        &f, &(struct ask){.method = "POST", .target = "/r", .body = true, .length = 100});
    assert_int_equal(counted(), 2);
    fixture_reply(fixture_up(&f), 403, "no");
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 403);
    assert_true(x->done);
    assert_int_equal(counted(), 0);
    teardown(&f);
}

static void test_ends_without_a_service(void **state)
{
    (void)state;
    struct fixture f;
    struct exchange *x = begin(&f, "{'name':'r','paths':['/r'],'methods':['*'],'maxConcurrent':1}");
    assert_error(x, 501, "the route has neither a service nor a requestHandler");
    assert_int_equal(counted(), 0);
    teardown(&f);
}

static void test_a_tunnel_counts_until_its_end(void **state)
{
    (void)state;
    static const struct http_head switched = {
        .status = 101, .version = HTTP_1_1, .content_length = -1, .upgrade = {"chat", 4}};
    struct fixture f;
    setup(&f, NULL);
    fixture_put(&f, MODEL_ROUTE, LIMITED);
    struct exchange *x = fixture_ask(&f, &(struct ask){.target = "/r", .upgrade = "chat"});
    struct exchange *up = fixture_up(&f);
    exchange_mem_head(up, &switched);
    (void)exchange_mem_run(up);
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 101);
    assert_int_equal(counted(), 1);
    assert_refused(fixture_get(&f, "/r"), false, "1");
    exchange_mem_reset(x, &(struct exchange_reset){.code = EXCHANGE_PEER_RESET});
    (void)exchange_mem_run(x);
    assert_int_equal(counted(), 0);
    teardown(&f);
}

/* Without limits the node is not even there to be touched. */
static void test_no_limits_need_no_node(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    assert_null(fixture_options.node);
    fixture_put(&f, MODEL_NAMESPACE, "{'name':'default'}");
    fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://up.example']}");
    fixture_put(&f, MODEL_ROUTE, "{'name':'r','paths':['/r'],'methods':['*'],'service':'s'}");
    serve(&f, fixture_get(&f, "/r"));
    fixture_finish(&f);
}

static void test_durations(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL);
    for (int i = 0; i < 3; i++)
        (void)exchange_mem_run(fixture_get(&f, "/nowhere"));
    struct proxy_stats stats = fixture_stats(&f);
    uint64_t sum = 0;
    for (size_t i = 0; i < PROXY_DURATION_CLASSES; i++)
        sum += stats.durations[i];
    assert_int_equal(sum, 3);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate_of_a_route),
        cmocka_unit_test(test_a_change_of_the_route_keeps_what_was_used),
        cmocka_unit_test(test_what_tells_requests_apart),
        cmocka_unit_test(test_header_that_is_missing),
        cmocka_unit_test(test_routes_are_apart),
        cmocka_unit_test(test_modules_do_not_run),
        cmocka_unit_test(test_rate_of_clients),
        cmocka_unit_test(test_requests_of_clients),
        cmocka_unit_test(test_number_before_rate),
        cmocka_unit_test(test_ends_by_the_client_before_the_head),
        cmocka_unit_test(test_ends_by_the_client_in_the_body),
        cmocka_unit_test(test_ends_by_the_upstream_in_the_body),
        cmocka_unit_test(test_ends_with_an_error),
        cmocka_unit_test(test_ends_before_the_request_has),
        cmocka_unit_test(test_ends_without_a_service),
        cmocka_unit_test(test_a_tunnel_counts_until_its_end),
        cmocka_unit_test(test_no_limits_need_no_node),
        cmocka_unit_test(test_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
