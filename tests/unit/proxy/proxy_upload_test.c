#include "proxy/fixture.h"
#include "proxy/proxy_upload.h"

static void setup(struct fixture *f, const struct proxy_options *options)
{
    fixture_init(f, options);
    fixture_put(f, MODEL_SERVICE, "{'name':'s','urls':['http://a'],'retries':1}");
    fixture_put(f, MODEL_ROUTE, "{'name':'r','paths':['/*'],'methods':['*'],'service':'s'}");
}

/* How the body is announced to the upstream. */
static void test_framing(void **state)
{
    static const struct {
        bool body;
        int64_t length;
        bool no_body;
        int64_t sent_length;
    } rows[] = {
        {false, 0, true, 0},
        {true, 0, false, 0},
        {true, 12, false, 12},
        {true, -1, false, HTTP_LENGTH_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        setup(&f, NULL);
        (void)fixture_ask(
            &f, &(struct ask){.method = "POST", .body = rows[i].body, .length = rows[i].length});
        struct exchange *up = fixture_up(&f);
        const struct http_head *head = exchange_mem_request(up)->head;
        assert_int_equal(head->no_body, rows[i].no_body);
        assert_int_equal(head->content_length, rows[i].sent_length);
        assert_int_equal(up->end_sent, rows[i].no_body);
        fixture_finish(&f);
    }
}

static void test_trailers(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL);
    struct exchange *x =
        fixture_ask(&f, &(struct ask){.method = "POST", .body = true, .length = -1});
    struct exchange *up = fixture_up(&f);
    struct http_field v = {STR("X-Sum"), STR("42"), HTTP_FIELD_OTHER};
    exchange_mem_data(x, STR("abc"));
    exchange_mem_end(x, &(const struct http_fields){.v = &v, .n = 1, .cap = 1});
    (void)exchange_mem_run(x);
    assert_body(up, "abc");
    assert_true(fixture_sent(up)->ended);
    assert_non_null(fixture_sent(up)->trailers);
    assert_str(fixture_sent(up)->trailers->v[0].name, "X-Sum");
    fixture_finish(&f);
}

/* The client gets credit for what the upstream has room for, and no more. */
static void test_back_pressure(void **state)
{
    enum { SIZE = 20000 };
    static char bytes[SIZE];
    (void)state;
    struct fixture f;
    setup(&f, NULL);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)('a' + i % 23);
    struct exchange *x =
        fixture_ask(&f, &(struct ask){.method = "PUT", .body = true, .length = SIZE});
    struct exchange *up = fixture_up(&f);
    assert_int_equal(exchange_mem_credit(x), ROOM);
    for (size_t i = 0; i < SIZE; i += 50)
        exchange_mem_data(x, (struct str){bytes + i, 50});
    exchange_mem_end(x, NULL);

    size_t taken = 0;
    size_t rounds = 0;
    while (fixture_sent(up)->data.len < SIZE) {
        (void)exchange_mem_run(x);
        size_t given = fixture_sent(up)->data.len;
        assert_true(given - taken <= ROOM);
        assert_true(fixture_sent(x)->granted <= given + ROOM);
        size_t n = (rounds % 3) * 400 + 100;
        if (n > given - taken)
            n = given - taken;
        exchange_mem_take(up, n);
        taken += n;
        (void)exchange_mem_run(up);
        assert_true(rounds++ < SIZE);
    }
    (void)exchange_mem_run(x);
    assert_true(fixture_sent(up)->ended);
    assert_memory_equal(fixture_sent(up)->data.base + fixture_sent(up)->data.head, bytes, SIZE);
    fixture_finish(&f);
}

/* Nobody says that there is room again when there always was. */
static void test_upstream_takes_at_once(void **state)
{
    enum { SIZE = 5 * ROOM };
    static const char bytes[SIZE];
    (void)state;
    struct fixture f;
    setup(&f, NULL);
    struct exchange *x =
        fixture_ask(&f, &(struct ask){.method = "PUT", .body = true, .length = SIZE});
    struct exchange *up = fixture_up(&f);
    exchange_mem_take_at_once(up);
    for (size_t i = 0; i < SIZE; i += ROOM)
        exchange_mem_data(x, (struct str){bytes + i, ROOM});
    exchange_mem_end(x, NULL);
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_sent(up)->data.len, SIZE);
    assert_true(fixture_sent(up)->ended);
    fixture_finish(&f);
}

/* An answer before the end of the request is passed on; the upload goes on until the answer has ended. */
static void test_early_response(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL);
    struct exchange *x =
        fixture_ask(&f, &(struct ask){.method = "POST", .body = true, .length = -1});
    struct exchange *up = fixture_up(&f);
    exchange_mem_data(x, STR("1"));
    (void)exchange_mem_run(x);
    fixture_head(up, 200, -1, NULL);
    exchange_mem_data(up, STR("A"));
    (void)exchange_mem_run(up);
    assert_int_equal(fixture_status(x), 200);
    assert_body(x, "A");
    exchange_mem_data(x, STR("2"));
    (void)exchange_mem_run(x);
    assert_body(up, "12");
    exchange_mem_data(up, STR("B"));
    exchange_mem_end(up, NULL);
    (void)exchange_mem_run(up);
    assert_true(up->done && fixture_sent(x)->ended);
    assert_body(x, "AB");
    (void)exchange_mem_run(x);
    assert_true(x->done);
    fixture_finish(&f);
}

/* The same, with the client's bytes arriving between the end of the answer and the last event. */
static void test_data_after_the_response(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL);
    struct exchange *x =
        fixture_ask(&f, &(struct ask){.method = "POST", .body = true, .length = 100});
    struct exchange *up = fixture_up(&f);
    fixture_head(up, 413, 0, NULL);
    exchange_mem_end(up, NULL);
    assert_true(exchange_mem_step(up) && exchange_mem_step(up));
    assert_true(fixture_sent(x)->ended && !up->done);
    exchange_mem_data(x, STR("more"));
    (void)exchange_mem_run(x);
    assert_true(x->done);
    (void)exchange_mem_run(up);
    assert_int_equal(fixture_status(x), 413);
    fixture_finish(&f);
}

/* A client that breaks its body off takes the upstream's request with it. */
static void test_broken_upload(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, NULL);
    struct exchange *x = fixture_ask(&f, &(struct ask){.method = "PUT", .body = true, .length = 9});
    struct exchange *up = fixture_up(&f);
    exchange_mem_data(x, STR("half"));
    exchange_mem_reset(x, &(struct exchange_reset){.code = EXCHANGE_TIMEOUT});
    (void)exchange_mem_run(x);
    assert_true(fixture_sent(up)->reset && !fixture_sent(up)->ended);
    assert_int_equal(fixture_stats(&f).responses[0], 1);
    fixture_finish(&f);
}

static void handler(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    assert_true(x->request_body.collected);
    x->response_status = 200;
    x->response_sent = true;
    assert_true(buf_addf(&x->response_body, "%zu", x->request_body.bytes.len));
}

static void setup_collect(struct fixture *f, const struct proxy_options *options)
{
    fixture_init(f, options);
    fake_script.functions[SCRIPT_REQUEST_HANDLER] = handler;
    fake_script.reads_request_body = true;
    fixture_put(f, MODEL_MODULE, "{'name':'m','payload':'eA==','moduleType':'javascript'}");
    fixture_put(f, MODEL_ROUTE, "{'name':'r','paths':['/*'],'methods':['*'],'modules':['m']}");
}

/* Collecting for modules: up to the limit, announced or not. */
static void test_collect(void **state)
{
    static const struct {
        size_t size;
        bool announced;
        int status;
    } rows[] = {
        {0, true, 200},     {0, false, 200},   {1999, true, 200},  {2000, true, 200},
        {2000, false, 200}, {2001, true, 413}, {2001, false, 413}, {4000, false, 413},
    };
    static char bytes[4000];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        char expected[32];
        setup_collect(&f, NULL);
        struct exchange *x =
            fixture_ask(&f, &(struct ask){.method = "POST",
                                          .body = true,
                                          .length = rows[i].announced ? (int64_t)rows[i].size : -1,
                                          .expect = true});
        for (size_t at = 0; at < rows[i].size; at += 333)
            exchange_mem_data(
                x, (struct str){bytes, rows[i].size - at < 333 ? rows[i].size - at : 333});
        exchange_mem_end(x, NULL);
        (void)exchange_mem_run(x);
        if ((int)fixture_status(x) != rows[i].status)
            fail_msg("row %zu: %u", i, fixture_status(x));
        (void)snprintf(expected, sizeof(expected), "%zu", rows[i].size);
        if (rows[i].status == 200)
            assert_body(x, expected);
        else
            assert_limit_error(x, 413, "the body is larger than a module may read", "body");
        /* A body that is announced as too large is not asked for. */
        assert_int_equal(fixture_sent(x)->continued, !(rows[i].announced && rows[i].status == 413));
        fixture_finish(&f);
    }
}

static void test_collect_time_limit(void **state)
{
    (void)state;
    struct fixture f;
    struct proxy_options options = fixture_options;
    options.request_body_timeout_ms = 20;
    setup_collect(&f, &options);
    struct exchange *x = fixture_ask(&f, &(struct ask){.method = "PUT", .body = true, .length = 9});
    exchange_mem_data(x, STR("half"));
    (void)exchange_mem_run(x);
    fixture_wait(&f, fixture_status(x) != 0);
    assert_error(x, 408, "the body did not come in time");
    fixture_finish(&f);
}

static void test_client_gone_while_collecting(void **state)
{
    (void)state;
    struct fixture f;
    setup_collect(&f, NULL);
    struct exchange *x = fixture_ask(&f, &(struct ask){.method = "PUT", .body = true, .length = 9});
    exchange_mem_data(x, STR("half"));
    exchange_mem_reset(x, &(struct exchange_reset){.code = EXCHANGE_PEER_CLOSED});
    (void)exchange_mem_run(x);
    assert_true(x->done);
    fixture_finish(&f);
}

/* The route's limit, then the service's, then the server's. */
static void test_size_limits(void **state)
{
    static const struct {
        const char *target;
        int64_t length;
        bool good;
    } rows[] = {
        {"/route", 10, true},    {"/route", 11, false}, {"/service", 20, true},
        {"/service", 21, false}, {"/server", 30, true}, {"/server", 31, false},
    };
    (void)state;
    struct proxy_options options = fixture_options;
    options.request_body_max = 30;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int chunked = 0; chunked < 2; chunked++) {
            static const char bytes[31];
            struct fixture f;
            setup(&f, &options);
            fixture_put(&f, MODEL_SERVICE, "{'name':'l','urls':['http://a'],'maxRequestBody':20}");
            fixture_put(&f, MODEL_ROUTE,
                        "{'name':'a','paths':['/route'],'methods':['*'],'service':'l',"
                        "'maxRequestBody':10}");
            fixture_put(&f, MODEL_ROUTE,
                        "{'name':'b','paths':['/service'],'methods':['*'],'service':'l'}");
            struct exchange *x =
                fixture_ask(&f, &(struct ask){.method = "POST",
                                              .target = rows[i].target,
                                              .body = true,
                                              .expect = chunked == 0,
                                              .length = chunked ? -1 : rows[i].length});
            if (chunked == 0 && !rows[i].good) {
                fixture_no_up(&f);
                assert_int_equal(fixture_sent(x)->granted, 0);
                assert_error(x, 413, "the body is larger than this route allows");
                fixture_finish(&f);
                continue;
            }
            struct exchange *up = fixture_up(&f);
            exchange_mem_data(x, (struct str){bytes, (size_t)rows[i].length});
            (void)exchange_mem_run(x);
            assert_int_equal(fixture_sent(up)->reset, !rows[i].good);
            if (!rows[i].good)
                assert_error(x, 413, "the body is larger than this route allows");
            fixture_finish(&f);
        }
    }
}

/* Once the response's head is out, the only way is to break off. */
static void test_size_limit_after_the_head(void **state)
{
    (void)state;
    struct proxy_options options = fixture_options;
    options.request_body_max = 3;
    struct fixture f;
    setup(&f, &options);
    struct exchange *x =
        fixture_ask(&f, &(struct ask){.method = "POST", .body = true, .length = -1});
    struct exchange *up = fixture_up(&f);
    fixture_head(up, 200, -1, NULL);
    (void)exchange_mem_run(up);
    exchange_mem_data(x, STR("1234"));
    (void)exchange_mem_run(x);
    assert_true(fixture_sent(x)->reset && fixture_sent(up)->reset);
    fixture_finish(&f);
}

/* What goes through a tunnel is no body. */
static void test_size_limit_in_a_tunnel(void **state)
{
    (void)state;
    struct proxy_options options = fixture_options;
    options.request_body_max = 3;
    struct fixture f;
    setup(&f, &options);
    struct exchange *x = fixture_ask(&f, &(struct ask){.upgrade = "echo"});
    struct exchange *up = fixture_up(&f);
    exchange_mem_head(up, &(const struct http_head){.status = 101, .upgrade = STR("echo")});
    (void)exchange_mem_run(up);
    exchange_mem_data(x, STR("1234"));
    (void)exchange_mem_run(x);
    assert_body(up, "1234");
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_trailers),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_upstream_takes_at_once),
        cmocka_unit_test(test_early_response),
        cmocka_unit_test(test_data_after_the_response),
        cmocka_unit_test(test_broken_upload),
        cmocka_unit_test(test_collect),
        cmocka_unit_test(test_collect_time_limit),
        cmocka_unit_test(test_client_gone_while_collecting),
        cmocka_unit_test(test_size_limits),
        cmocka_unit_test(test_size_limit_after_the_head),
        cmocka_unit_test(test_size_limit_in_a_tunnel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
