#include "proxy/fixture.h"
#include "proxy/proxy_reply.h"

static void setup(struct fixture *f)
{
    fixture_init(f, NULL);
    fixture_put(f, MODEL_SERVICE, "{'name':'s','urls':['http://a'],'retries':1}");
    fixture_put(f, MODEL_ROUTE, "{'name':'r','paths':['/*'],'methods':['*'],'service':'s'}");
}

/* Heads as upstreams send them, and as the client gets them. */
static void test_heads(void **state)
{
    static const struct {
        const char *method;
        int status;
        int64_t length;
        bool no_body;
        const char *body;
    } rows[] = {
        {"GET", 200, 2, false, "ok"},  {"GET", 200, -1, false, "ok"}, {"GET", 200, 0, false, ""},
        {"HEAD", 200, 1234, true, ""}, {"HEAD", 200, -1, true, ""},   {"GET", 204, -1, true, ""},
        {"GET", 304, 77, true, ""},    {"GET", 404, 3, false, "no!"}, {"GET", 500, 3, false, "bad"},
        {"GET", 302, 0, false, ""},    {"GET", 599, 0, false, ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        setup(&f);
        struct exchange *x = fixture_ask(&f, &(struct ask){.method = rows[i].method});
        struct exchange *up = fixture_up(&f);
        exchange_mem_head(up, &(const struct http_head){.status = (uint16_t)rows[i].status,
                                                        .reason = STR("Because"),
                                                        .version = HTTP_1_1,
                                                        .content_length = rows[i].length,
                                                        .no_body = rows[i].no_body});
        exchange_mem_data(up, str_of(rows[i].body));
        exchange_mem_end(up, NULL);
        (void)exchange_mem_run(up);
        (void)exchange_mem_run(x);
        assert_true(x->done && up->done);
        const struct http_head *head = fixture_sent(x)->head;
        assert_int_equal(head->status, rows[i].status);
        assert_str(head->reason, "Because");
        assert_int_equal(head->content_length, rows[i].length);
        assert_int_equal(head->no_body, rows[i].no_body);
        assert_body(x, rows[i].body);
        assert_true(fixture_sent(x)->ended);
        assert_int_equal(fixture_stats(&f).responses[rows[i].status / 100], 1);
        fixture_finish(&f);
    }
}

/* The upstream gets credit for what the client has room for, and no more. */
static void test_back_pressure(void **state)
{
    enum { SIZE = 20000 };
    static char bytes[SIZE];
    (void)state;
    struct fixture f;
    setup(&f);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)('a' + i % 23);
    struct exchange *x = fixture_get(&f, "/");
    struct exchange *up = fixture_up(&f);
    fixture_head(up, 200, SIZE, NULL);
    for (size_t i = 0; i < SIZE; i += 50)
        exchange_mem_data(up, (struct str){bytes + i, 50});
    exchange_mem_end(up, NULL);

    size_t taken = 0;
    for (size_t rounds = 0; !up->done; rounds++) {
        (void)exchange_mem_run(up);
        size_t given = fixture_sent(x)->data.len;
        assert_true(given - taken <= ROOM);
        assert_true(fixture_sent(up)->granted <= given + ROOM);
        size_t n = (rounds % 3) * 400 + 100;
        if (n > given - taken)
            n = given - taken;
        exchange_mem_take(x, n);
        taken += n;
        (void)exchange_mem_run(x);
        assert_true(rounds < SIZE);
    }
    assert_memory_equal(fixture_sent(x)->data.base + fixture_sent(x)->data.head, bytes, SIZE);
    (void)exchange_mem_run(x);
    assert_true(x->done && fixture_sent(x)->ended);
    fixture_finish(&f);
}

static void test_trailers(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    struct exchange *x = fixture_get(&f, "/");
    struct exchange *up = fixture_up(&f);
    struct http_field v = {STR("Grpc-Status"), STR("0"), HTTP_FIELD_OTHER};
    fixture_head(up, 200, -1, NULL);
    exchange_mem_data(up, STR("x"));
    exchange_mem_end(up, &(const struct http_fields){.v = &v, .n = 1, .cap = 1});
    (void)exchange_mem_run(up);
    assert_non_null(fixture_sent(x)->trailers);
    assert_str(fixture_sent(x)->trailers->v[0].value, "0");
    (void)exchange_mem_run(x);
    assert_true(x->done);
    fixture_finish(&f);
}

/* An upstream that breaks off never makes a response that looks whole. */
static void test_broken_response(void **state)
{
    static const enum exchange_reset_code codes[] = {EXCHANGE_PEER_CLOSED, EXCHANGE_PEER_RESET,
                                                     EXCHANGE_PROTOCOL, EXCHANGE_TIMEOUT,
                                                     EXCHANGE_TOO_LARGE};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct fixture f;
        setup(&f);
        struct exchange *x = fixture_get(&f, "/");
        struct exchange *up = fixture_up(&f);
        fixture_head(up, 200, i % 2 == 0 ? 100 : -1, NULL);
        exchange_mem_data(up, STR("half"));
        (void)exchange_mem_run(up);
        exchange_mem_reset(up, &(struct exchange_reset){.code = codes[i]});
        (void)exchange_mem_run(up);
        assert_true(fixture_sent(x)->reset && !fixture_sent(x)->ended);
        (void)exchange_mem_run(x);
        assert_true(x->done);
        fixture_no_up(&f);
        assert_int_equal(fixture_stats(&f).responses[0], 1);
        assert_int_equal(fixture_stats(&f).upstream_errors, 1);
        fixture_finish(&f);
    }
}

static const struct http_head switched = {
    .status = 101, .version = HTTP_1_1, .content_length = -1, .upgrade = {"websocket", 9}};

static struct exchange *open_tunnel(struct fixture *f, struct exchange **up)
{
    struct exchange *x = fixture_ask(f, &(struct ask){.upgrade = "websocket"});
    *up = fixture_up(f);
    assert_str(exchange_mem_request(*up)->head->upgrade, "websocket");
    exchange_mem_head(*up, &switched);
    (void)exchange_mem_run(*up);
    assert_int_equal(fixture_status(x), 101);
    assert_str(fixture_sent(x)->head->upgrade, "websocket");
    return x;
}

static void test_tunnel(void **state)
{
    (void)state;
    for (int client_first = 0; client_first < 2; client_first++) {
        struct fixture f;
        struct exchange *up = NULL;
        setup(&f);
        struct exchange *x = open_tunnel(&f, &up);
        exchange_mem_data(x, STR("ping"));
        exchange_mem_data(up, STR("hello "));
        (void)exchange_mem_run(x);
        (void)exchange_mem_run(up);
        assert_body(up, "ping");
        assert_body(x, "hello ");

        /* One side closes its direction; the other one still speaks. */
        struct exchange *first = client_first ? x : up;
        struct exchange *second = client_first ? up : x;
        exchange_mem_end(first, NULL);
        (void)exchange_mem_run(first);
        assert_true(fixture_sent(second)->ended);
        assert_false(fixture_sent(first)->ended || x->done || up->done);
        exchange_mem_data(second, STR("rest"));
        exchange_mem_end(second, NULL);
        (void)exchange_mem_run(second);
        (void)exchange_mem_run(first);
        (void)exchange_mem_run(second);
        assert_true(x->done && up->done);
        assert_body(x, client_first ? "hello rest" : "hello ");
        assert_body(up, client_first ? "ping" : "pingrest");
        assert_int_equal(fixture_stats(&f).responses[1], 1);
        fixture_finish(&f);
    }
}

static void test_tunnel_back_pressure(void **state)
{
    static char bytes[3 * ROOM];
    (void)state;
    struct fixture f;
    struct exchange *up = NULL;
    setup(&f);
    struct exchange *x = open_tunnel(&f, &up);
    exchange_mem_data(x, (struct str){bytes, sizeof(bytes)});
    exchange_mem_data(up, (struct str){bytes, sizeof(bytes)});
    for (size_t given = ROOM; given <= sizeof(bytes); given += ROOM) {
        (void)exchange_mem_run(x);
        (void)exchange_mem_run(up);
        (void)exchange_mem_run(x);
        assert_int_equal(fixture_sent(up)->data.len, given);
        assert_int_equal(fixture_sent(x)->data.len, given);
        exchange_mem_take(x, ROOM);
        exchange_mem_take(up, ROOM);
    }
    fixture_finish(&f);
}

static void test_tunnel_breaks(void **state)
{
    (void)state;
    struct fixture f;
    struct exchange *up = NULL;
    setup(&f);
    struct exchange *x = open_tunnel(&f, &up);
    exchange_mem_reset(up, &(struct exchange_reset){.code = EXCHANGE_PEER_RESET});
    (void)exchange_mem_run(up);
    assert_true(fixture_sent(x)->reset);
    (void)exchange_mem_run(x);

    x = open_tunnel(&f, &up);
    exchange_mem_end(up, NULL);
    (void)exchange_mem_run(up);
    exchange_mem_reset(x, &(struct exchange_reset){.code = EXCHANGE_PEER_RESET});
    (void)exchange_mem_run(x);
    assert_true(fixture_sent(up)->reset);
    fixture_finish(&f);
}

static void test_upgrade_refused(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    /* The upstream may answer as usual. */
    struct exchange *x = fixture_ask(&f, &(struct ask){.upgrade = "websocket"});
    fixture_reply(fixture_up(&f), 403, "no");
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 403);
    assert_true(x->done);
    /* A switch to what was not offered, or to anything when nothing was, is an error. */
    static const char *const offers[] = {"foo", NULL, "h2c"};
    for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
        x = fixture_ask(&f, &(struct ask){.upgrade = offers[i]});
        struct exchange *up = fixture_up(&f);
        exchange_mem_head(up, &switched);
        (void)exchange_mem_run(up);
        assert_true(fixture_sent(up)->reset);
        assert_error(x, 502, "upstream failed: it switched protocols unasked");
    }
    fixture_finish(&f);
}

/* Many requests at once, their events interleaved in every order that a small generator comes to. */
static void test_interleaved(void **state)
{
    enum { STREAMS = 8, PIECES = 40 };
    (void)state;
    uint32_t random = 1;
    for (int round = 0; round < 50; round++) {
        struct fixture f;
        struct exchange *x[STREAMS];
        struct exchange *up[STREAMS];
        setup(&f);
        for (size_t i = 0; i < STREAMS; i++) {
            x[i] = fixture_ask(&f, &(struct ask){.method = "PUT", .body = true, .length = -1});
            up[i] = fixture_up(&f);
            fixture_head(up[i], 200, -1, NULL);
            for (size_t k = 0; k < PIECES; k++) {
                char piece[100];
                int n = snprintf(piece, sizeof(piece), "%zu:%zu;%*s", i, k, (int)(k * 2), "");
                exchange_mem_data(x[i], (struct str){piece, (size_t)n});
                exchange_mem_data(up[i], (struct str){piece, (size_t)n});
            }
            exchange_mem_end(x[i], NULL);
            exchange_mem_end(up[i], NULL);
        }
        size_t left = STREAMS;
        while (left > 0) {
            random = random * 1664525u + 1013904223u;
            struct exchange *one =
                (random >> 9) % 2 == 0 ? x[(random >> 10) % STREAMS] : up[(random >> 10) % STREAMS];
            if ((random >> 20) % 4 == 0 && !one->done)
                exchange_mem_take(one, (random >> 22) % 700);
            (void)exchange_mem_step(one);
            left = 0;
            for (size_t i = 0; i < STREAMS; i++)
                left += !x[i]->done || !up[i]->done;
        }
        for (size_t i = 0; i < STREAMS; i++) {
            assert_true(fixture_sent(x[i])->ended && !fixture_sent(x[i])->reset);
            struct str got = buf_str(&fixture_sent(x[i])->data);
            size_t at = 0;
            for (size_t k = 0; k < PIECES; k++) {
                char piece[100];
                int n = snprintf(piece, sizeof(piece), "%zu:%zu;%*s", i, k, (int)(k * 2), "");
                assert_true(at + (size_t)n <= got.len);
                assert_memory_equal(got.p + at, piece, (size_t)n);
                at += (size_t)n;
            }
            assert_int_equal(at, got.len);
            /* What the upstream got is a beginning of what was sent: its answer may have ended before. */
            struct str sent = buf_str(&fixture_sent(up[i])->data);
            assert_true(sent.len <= got.len && memcmp(sent.p, got.p, sent.len) == 0);
        }
        assert_int_equal(fixture_stats(&f).responses[2], STREAMS);
        fixture_finish(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),         cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_trailers),      cmocka_unit_test(test_broken_response),
        cmocka_unit_test(test_tunnel),        cmocka_unit_test(test_tunnel_back_pressure),
        cmocka_unit_test(test_tunnel_breaks), cmocka_unit_test(test_upgrade_refused),
        cmocka_unit_test(test_interleaved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
