#include "proxy/fixture.h"
#include "proxy/proxy_attempt.h"

static void setup(struct fixture *f, const struct proxy_options *options, const char *service)
{
    fixture_init(f, options);
    fixture_put(f, MODEL_SERVICE, service);
    fixture_put(f, MODEL_ROUTE, "{'name':'r','paths':['/*'],'methods':['*'],'service':'s'}");
}

static const char two_urls[] = "{'name':'s','urls':['http://a','http://b'],'retries':2}";

static void break_off(struct exchange *up, struct exchange_reset why)
{
    exchange_mem_reset(up, &why);
    (void)exchange_mem_run(up);
}

enum body { NONE, EMPTY, SMALL, LARGE };

/* Which failures are tried again, with which method and body. Bodies are sent before the failure: SMALL fits
 * into replay_max, LARGE does not. */
static void test_retries(void **state)
{
    static const struct {
        struct exchange_reset why;
        const char *method;
        enum body body;
        bool repeated;
        bool counted;
        int status; /* when not repeated */
    } rows[] = {
        {{.code = EXCHANGE_CONNECT, .unsent = true}, "GET", NONE, true, true, 0},
        {{.code = EXCHANGE_CONNECT, .unsent = true}, "POST", NONE, true, true, 0},
        {{.code = EXCHANGE_CONNECT, .unsent = true}, "POST", EMPTY, true, true, 0},
        {{.code = EXCHANGE_CONNECT, .unsent = true}, "POST", SMALL, true, true, 0},
        {{.code = EXCHANGE_CONNECT, .unsent = true}, "POST", LARGE, false, true, 502},
        {{.code = EXCHANGE_CONNECT, .unsent = true}, "PATCH", SMALL, true, true, 0},
        {{.code = EXCHANGE_RESOLVE, .unsent = true}, "GET", NONE, true, true, 0},
        {{.code = EXCHANGE_CONNECT_TIMEOUT, .unsent = true}, "POST", SMALL, true, true, 0},
        {{.code = EXCHANGE_OVERLOADED, .unsent = true}, "GET", NONE, true, true, 0},
        {{.code = EXCHANGE_PEER_CLOSED}, "GET", NONE, true, true, 0},
        {{.code = EXCHANGE_PEER_RESET}, "HEAD", NONE, true, true, 0},
        {{.code = EXCHANGE_PEER_RESET}, "PUT", SMALL, true, true, 0},
        {{.code = EXCHANGE_PEER_RESET}, "DELETE", NONE, true, true, 0},
        {{.code = EXCHANGE_PEER_RESET}, "OPTIONS", NONE, true, true, 0},
        {{.code = EXCHANGE_PEER_RESET}, "PUT", LARGE, false, true, 502},
        {{.code = EXCHANGE_TIMEOUT}, "GET", NONE, true, true, 0},
        {{.code = EXCHANGE_PEER_CLOSED}, "POST", NONE, false, true, 502},
        {{.code = EXCHANGE_PEER_CLOSED}, "POST", SMALL, false, true, 502},
        {{.code = EXCHANGE_PEER_RESET}, "PATCH", NONE, false, true, 502},
        {{.code = EXCHANGE_PEER_RESET}, "FETCH", NONE, false, true, 502},
        {{.code = EXCHANGE_TIMEOUT}, "POST", NONE, false, true, 504},
        {{.code = EXCHANGE_PROTOCOL}, "GET", NONE, false, true, 502},
        {{.code = EXCHANGE_TOO_LARGE}, "GET", NONE, false, true, 502},
        {{.code = EXCHANGE_SHUTDOWN}, "GET", NONE, false, true, 503},
        {{.code = EXCHANGE_PEER_CLOSED, .stale = true}, "GET", NONE, true, false, 0},
        {{.code = EXCHANGE_PEER_CLOSED, .stale = true}, "PUT", SMALL, true, false, 0},
        {{.code = EXCHANGE_PEER_CLOSED, .stale = true}, "POST", SMALL, false, true, 502},
        {{.code = EXCHANGE_PEER_CLOSED, .stale = true, .unsent = true},
         "POST",
         SMALL,
         true,
         false,
         0},
        {{.code = EXCHANGE_PEER_CLOSED, .stale = true, .unsent = true},
         "POST",
         LARGE,
         false,
         true,
         502},
    };
    static char bytes[900];
    (void)state;
    memset(bytes, 'x', sizeof(bytes));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        size_t size = rows[i].body == SMALL ? 300 : rows[i].body == LARGE ? sizeof(bytes) : 0;
        setup(&f, NULL, two_urls);
        struct exchange *x = fixture_ask(&f, &(struct ask){.method = rows[i].method,
                                                           .body = rows[i].body != NONE,
                                                           .length = (int64_t)size});
        struct exchange *up = fixture_up(&f);
        assert_str(exchange_mem_request(up)->host, "a");
        if (rows[i].body != NONE) {
            exchange_mem_data(x, (struct str){bytes, size / 2});
            exchange_mem_data(x, (struct str){bytes, size - size / 2});
            exchange_mem_end(x, NULL);
            (void)exchange_mem_run(x);
            assert_int_equal(fixture_sent(up)->data.len, size);
        }
        break_off(up, rows[i].why);
        struct exchange *again = exchange_mem_client_next(f.client);
        if ((again != NULL) != rows[i].repeated)
            fail_msg("row %zu: %s", i, again != NULL ? "repeated" : "given up");
        struct proxy_stats stats = fixture_stats(&f);
        assert_int_equal(stats.retries, rows[i].repeated && rows[i].counted);
        assert_int_equal(stats.upstream_errors, rows[i].counted);
        if (again == NULL) {
            (void)exchange_mem_run(x);
            assert_int_equal(fixture_status(x), rows[i].status);
        } else {
            /* Another URL, unless the connection was only stale; and all of the body again. */
            assert_str(exchange_mem_request(again)->host, rows[i].counted ? "b" : "a");
            assert_str(exchange_mem_request(again)->head->method, rows[i].method);
            assert_int_equal(fixture_sent(again)->data.len, size);
            assert_true(fixture_sent(again)->ended);
            fixture_reply(again, 200, "ok");
            (void)exchange_mem_run(x);
            assert_int_equal(fixture_status(x), 200);
        }
        assert_true(x->done);
        fixture_finish(&f);
    }
}

static void test_retries_are_limited(void **state)
{
    static const struct {
        const char *service;
        uint32_t retries_max;
        unsigned attempts;
    } rows[] = {
        {"{'name':'s','urls':['http://a'],'retries':2}", 3, 3},
        {"{'name':'s','urls':['http://a'],'retries':0}", 3, 1},
        {"{'name':'s','urls':['http://a'],'retries':9}", 3, 4},
        {"{'name':'s','urls':['http://a'],'retries':9}", 0, 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        struct proxy_options options = fixture_options;
        options.retries_max = rows[i].retries_max;
        setup(&f, &options, rows[i].service);
        struct exchange *x = fixture_get(&f, "/");
        unsigned attempts = 0;
        for (struct exchange *up; (up = exchange_mem_client_next(f.client)) != NULL; attempts++)
            break_off(up, (struct exchange_reset){.code = EXCHANGE_CONNECT, .unsent = true});
        assert_int_equal(attempts, rows[i].attempts);
        assert_error(x, 502, "upstream failed: the connection was refused or failed");
        assert_int_equal(fixture_stats(&f).upstream_errors, rows[i].attempts);
        fixture_finish(&f);
    }
}

/* A pool full of dead connections does not go on for ever. */
static void test_stale_is_limited(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL, "{'name':'s','urls':['http://a'],'retries':1}");
    struct exchange *x = fixture_get(&f, "/");
    unsigned attempts = 0;
    for (struct exchange *up; (up = exchange_mem_client_next(f.client)) != NULL; attempts++)
        break_off(up, (struct exchange_reset){
                          .code = EXCHANGE_PEER_CLOSED, .stale = true, .unsent = true});
    assert_int_equal(attempts, 5); /* the first, three for nothing, one retry */
    assert_error(x, 502, "upstream failed: the peer closed the connection");
    fixture_finish(&f);
}

/* A body of which only a part came is sent again, and goes on. */
static void test_retry_in_the_middle_of_a_body(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL, two_urls);
    struct exchange *x =
        fixture_ask(&f, &(struct ask){.method = "PUT", .body = true, .length = -1});
    struct exchange *up = fixture_up(&f);
    exchange_mem_data(x, STR("one "));
    (void)exchange_mem_run(x);
    assert_body(up, "one ");
    assert_int_equal(exchange_mem_request(up)->head->content_length, HTTP_LENGTH_UNKNOWN);
    break_off(up, (struct exchange_reset){.code = EXCHANGE_PEER_RESET});
    exchange_mem_data(x, STR("two "));
    (void)exchange_mem_run(x);
    up = fixture_up(&f);
    assert_body(up, "one two ");
    exchange_mem_data(x, STR("three"));
    exchange_mem_end(x, NULL);
    (void)exchange_mem_run(x);
    assert_body(up, "one two three");
    assert_true(fixture_sent(up)->ended);
    fixture_reply(up, 201, "");
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 201);
    fixture_finish(&f);
}

static void test_pause(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL, "{'name':'s','urls':['http://a'],'retries':1,'retryTimeout':20000000}");
    struct exchange *x = fixture_ask(&f, &(struct ask){.method = "PUT", .body = true, .length = 8});
    struct exchange *up = fixture_up(&f);
    uint64_t from = loop_now_ms(f.loop);
    break_off(up, (struct exchange_reset){.code = EXCHANGE_CONNECT, .unsent = true});
    fixture_no_up(&f);
    exchange_mem_data(x, STR("in pause")); /* was granted before */
    exchange_mem_end(x, NULL);
    (void)exchange_mem_run(x);
    up = NULL;
    fixture_wait(&f, (up = exchange_mem_client_next(f.client)) != NULL);
    assert_in_range(loop_now_ms(f.loop) - from, 20, 5000);
    assert_body(up, "in pause");
    fixture_reply(up, 200, "");
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 200);
    fixture_finish(&f);
}

static void test_time_limit(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL,
          "{'name':'s','urls':['http://a'],'retries':0,'requestTimeout':20000000,"
          "'connectTimeout':7000000}");
    struct exchange *x = fixture_get(&f, "/");
    struct exchange *up = fixture_up(&f);
    assert_int_equal(exchange_mem_request(up)->connect_timeout_ms, 7);
    fixture_wait(&f, fixture_status(x) != 0);
    assert_true(fixture_sent(up)->reset);
    assert_error(x, 504, "upstream failed: no response within the time limit");
    (void)exchange_mem_run(up);
    assert_true(up->done);
    fixture_finish(&f);
}

/* The limit is the upstream's: it does not run out while the client has to send. */
static void test_time_limit_and_slow_clients(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL, "{'name':'s','urls':['http://a'],'retries':0,'requestTimeout':10000000}");
    struct exchange *x =
        fixture_ask(&f, &(struct ask){.method = "PUT", .body = true, .length = -1});
    struct exchange *up = fixture_up(&f);
    uint64_t from = loop_now_ms(f.loop);
    fixture_wait(&f, loop_now_ms(f.loop) - from > 60);
    assert_int_equal(fixture_status(x), 0);
    exchange_mem_end(x, NULL);
    (void)exchange_mem_run(x);
    fixture_wait(&f, fixture_status(x) != 0);
    assert_int_equal(fixture_status(x), 504);
    assert_true(fixture_sent(up)->reset);
    fixture_finish(&f);
}

/* Nor after the head: a response may last. */
static void test_no_time_limit_for_bodies(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL, "{'name':'s','urls':['http://a'],'requestTimeout':5000000}");
    struct exchange *x = fixture_get(&f, "/");
    struct exchange *up = fixture_up(&f);
    fixture_head(up, 200, -1, NULL);
    (void)exchange_mem_run(up);
    uint64_t from = loop_now_ms(f.loop);
    while (loop_now_ms(f.loop) - from < 30)
        loop_turn(f.loop, false);
    exchange_mem_data(up, STR("late"));
    exchange_mem_end(up, NULL);
    (void)exchange_mem_run(up);
    (void)exchange_mem_run(x);
    assert_body(x, "late");
    assert_true(x->done && fixture_sent(x)->ended);
    fixture_finish(&f);
}

/* 100 of the upstream opens the client's body; so does its silence. */
static void test_continue(void **state)
{
    static const struct http_head go_on = {.status = 100};
    (void)state;
    struct fixture f;
    setup(&f, NULL, two_urls);
    for (int silent = 0; silent < 2; silent++) {
        struct exchange *x = fixture_ask(
            &f, &(struct ask){.method = "POST", .body = true, .length = 4, .expect = true});
        struct exchange *up = fixture_up(&f);
        assert_true(exchange_mem_request(up)->head->expect_continue);
        assert_int_equal(exchange_mem_credit(x), 0);
        exchange_mem_data(x, STR("body"));
        exchange_mem_end(x, NULL);
        (void)exchange_mem_run(x);
        assert_int_equal(fixture_sent(up)->data.len, 0);
        if (silent) {
            uint64_t from = loop_now_ms(f.loop);
            fixture_wait(&f, fixture_sent(x)->continued);
            assert_in_range(loop_now_ms(f.loop) - from, 1000, 5000);
        } else {
            exchange_mem_info(up, &go_on);
            (void)exchange_mem_run(up);
        }
        assert_true(fixture_sent(x)->continued);
        assert_int_equal(fixture_sent(x)->info_count, 0);
        (void)exchange_mem_run(x);
        assert_body(up, "body");
        fixture_reply(up, 200, "ok");
        (void)exchange_mem_run(x);
        assert_int_equal(fixture_status(x), 200);
    }
    fixture_finish(&f);
}

/* A final head instead of 100: the body is not asked for. */
static void test_expectation_refused(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL, two_urls);
    struct exchange *x =
        fixture_ask(&f, &(struct ask){.method = "POST", .body = true, .length = 4, .expect = true});
    struct exchange *up = fixture_up(&f);
    fixture_reply(up, 401, "no");
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 401);
    assert_body(x, "no");
    assert_false(fixture_sent(x)->continued);
    assert_int_equal(fixture_sent(x)->granted, 0);
    assert_true(x->done);
    fixture_finish(&f);
}

static void test_infos(void **state)
{
    struct http_field link = {STR("Link"), STR("</x>; rel=preload"), HTTP_FIELD_OTHER};
    const struct http_head hints = {.status = 103, .fields = {.v = &link, .n = 1}};
    (void)state;
    for (int old = 0; old < 2; old++) {
        struct fixture f;
        setup(&f, NULL, two_urls);
        struct exchange *x = fixture_ask(&f, &(struct ask){.version = old ? HTTP_1_0 : HTTP_1_1});
        struct exchange *up = fixture_up(&f);
        exchange_mem_info(up, &hints);
        exchange_mem_info(up, &(const struct http_head){.status = 102});
        fixture_reply(up, 200, "ok");
        (void)exchange_mem_run(x);
        assert_int_equal(fixture_sent(x)->info_count, old ? 0 : 2);
        if (!old) {
            assert_int_equal(fixture_sent(x)->infos[0]->status, 103);
            assert_str(fixture_sent(x)->infos[0]->fields.v[0].value, "</x>; rel=preload");
        }
        assert_int_equal(fixture_status(x), 200);
        fixture_finish(&f);
    }
}

static void test_client_gone(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL, "{'name':'s','urls':['http://a'],'retries':1,'retryTimeout':60000000000}");
    const struct exchange_reset gone = {.code = EXCHANGE_PEER_CLOSED};

    /* While waiting for the head. */
    struct exchange *x = fixture_get(&f, "/");
    struct exchange *up = fixture_up(&f);
    exchange_mem_reset(x, &gone);
    (void)exchange_mem_run(x);
    assert_true(x->done && fixture_sent(up)->reset);
    fixture_head(up, 200, 0, NULL); /* too late */
    exchange_mem_end(up, NULL);
    (void)exchange_mem_run(up);

    /* While pausing. */
    x = fixture_get(&f, "/");
    up = fixture_up(&f);
    break_off(up, (struct exchange_reset){.code = EXCHANGE_CONNECT, .unsent = true});
    exchange_mem_reset(x, &gone);
    (void)exchange_mem_run(x);
    assert_true(x->done);
    fixture_turn(&f);
    fixture_no_up(&f);

    /* While the body streams. */
    x = fixture_get(&f, "/");
    up = fixture_up(&f);
    fixture_head(up, 200, 10, NULL);
    exchange_mem_data(up, STR("half"));
    (void)exchange_mem_run(up);
    exchange_mem_reset(x, &gone);
    (void)exchange_mem_run(x);
    assert_true(x->done && fixture_sent(up)->reset);
    assert_int_equal(fixture_sent(up)->reset_code, EXCHANGE_CANCELED);
    struct proxy_stats stats = fixture_stats(&f);
    assert_int_equal(stats.responses[0], 3);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retries),
        cmocka_unit_test(test_retries_are_limited),
        cmocka_unit_test(test_stale_is_limited),
        cmocka_unit_test(test_retry_in_the_middle_of_a_body),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_time_limit),
        cmocka_unit_test(test_time_limit_and_slow_clients),
        cmocka_unit_test(test_no_time_limit_for_bodies),
        cmocka_unit_test(test_continue),
        cmocka_unit_test(test_expectation_refused),
        cmocka_unit_test(test_infos),
        cmocka_unit_test(test_client_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
