/* Requests of a proxy that shares a node segment with others, whom the test plays. */
#include "base/now.h"
#include "node/node_counts.h"
#include "node/node_health.h"
#include "node/node_segment.h"
#include "node/node_upstream.h"
#include "proxy/fixture.h"
#include "proxy/proxy_choice.h"

static struct node_segment *node;

static int setup(void **state)
{
    (void)state;
    const struct node_segment_options options = {
        .workers = 2, .rate_buckets = 8, .counts = 64, .upstreams = 64};
    struct err e = {0};
    int fd = -1;
    assert_int_equal(node_segment_make(&options, &fd, &node, &e), ERR_OK);
    (void)close(fd);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    node_segment_unmap(node);
    return 0;
}

static void begin(struct fixture *f, const char *service)
{
    struct proxy_options options = fixture_options;
    options.node = node;
    options.worker = 1;
    fixture_init(f, &options);
    fixture_put(f, MODEL_SERVICE, service);
    fixture_put(f, MODEL_ROUTE, "{'name':'r','paths':['/*'],'methods':['*'],'service':'s'}");
}

static uint64_t key_of(const char *url)
{
    return node_upstream_key(node, STR("default"), STR("s"), str_of(url));
}

static struct node_health_info info_of(const char *url)
{
    struct node_health_info info;
    node_health_get(node_segment_health(node), key_of(url), &info);
    return info;
}

static void break_off(struct exchange *up, enum exchange_reset_code code)
{
    exchange_mem_reset(up, &(struct exchange_reset){.code = code});
    (void)exchange_mem_run(up);
}

/* A request that comes to that host at once and is answered. */
static void expect_at(struct fixture *f, const char *host)
{
    struct exchange *x = fixture_get(f, "/");
    struct exchange *up = fixture_up(f);
    assert_str(exchange_mem_request(up)->host, host);
    fixture_reply(up, 200, "ok");
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 200);
}

static void test_failures_eject(void **state)
{
    static const struct {
        enum exchange_reset_code code;
        bool counts;
    } rows[] = {
        {EXCHANGE_PEER_CLOSED, true}, {EXCHANGE_PEER_RESET, true},      {EXCHANGE_PROTOCOL, true},
        {EXCHANGE_TIMEOUT, true},     {EXCHANGE_RESOLVE, true},         {EXCHANGE_CONNECT, true},
        {EXCHANGE_OVERLOADED, false}, {EXCHANGE_CONNECT_TIMEOUT, true}, {EXCHANGE_TOO_LARGE, false},
        {EXCHANGE_SHUTDOWN, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        begin(&f, "{'name':'s','urls':['http://a','http://b'],'retries':0,'maxFails':1,"
                  "'failTimeout':'1h'}");
        (void)fixture_get(&f, "/");
        break_off(fixture_up(&f), rows[i].code);
        assert_int_equal(info_of("http://a").fails, rows[i].counts);
        expect_at(&f, "b");
        expect_at(&f, rows[i].counts ? "b" : "a");
        node_health_remove(node_segment_health(node), key_of("http://a"));
        fixture_finish(&f);
    }
}

static void test_fails_are_in_a_row(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, "{'name':'s','urls':['http://a'],'retries':0,'maxFails':2,'failTimeout':'1h'}");
    (void)fixture_get(&f, "/");
    break_off(fixture_up(&f), EXCHANGE_CONNECT);
    assert_int_equal(info_of("http://a").fails, 1);
    expect_at(&f, "a");
    assert_int_equal(info_of("http://a").fails, 0);
    for (int i = 0; i < 2; i++) {
        (void)fixture_get(&f, "/");
        break_off(fixture_up(&f), EXCHANGE_CONNECT);
    }
    assert_true(info_of("http://a").ejected_until_ns > now_mono_ns());
    /* The only one is asked all the same, and is fine again. */
    expect_at(&f, "a");
    assert_int_equal(info_of("http://a").ejected_until_ns, 0);
    fixture_finish(&f);
}

static void test_fail_statuses(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, "{'name':'s','urls':['http://a'],'failStatuses':[503],'failTimeout':'1h'}");
    static const uint16_t statuses[] = {500, 503, 503, 502, 503};
    static const uint32_t fails[] = {0, 1, 2, 0, 1};
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct exchange *x = fixture_get(&f, "/");
        fixture_reply(fixture_up(&f), statuses[i], "x");
        (void)exchange_mem_run(x);
        assert_int_equal(fixture_status(x), statuses[i]); /* passed on, not repeated */
        fixture_no_up(&f);
        assert_int_equal(info_of("http://a").fails, fails[i]);
    }
    fixture_finish(&f);
}

static void test_max_fails_0(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, "{'name':'s','urls':['http://a','http://b'],'retries':0,'maxFails':0,"
              "'failStatuses':[503]}");
    for (int i = 0; i < 6; i++) {
        (void)fixture_get(&f, "/");
        struct exchange *up = fixture_up(&f);
        assert_str(exchange_mem_request(up)->host, i % 2 == 0 ? "a" : "b");
        if (i % 2 == 0)
            break_off(up, EXCHANGE_CONNECT);
        else
            fixture_reply(up, 503, "x");
    }
    assert_int_equal(info_of("http://a").fails, 0);
    assert_int_equal(info_of("http://b").fails, 0);
    fixture_finish(&f);
}

/* Repeats go to healthy URLs that were not tried yet, then to healthy ones again. */
static void test_repeats(void **state)
{
    static const struct {
        const char *service;
        const char *down;
        const char *hosts; /* in their order */
    } rows[] = {
        {"{'name':'s','urls':['http://a','http://b','http://c'],'retries':3}", "", "abca"},
        {"{'name':'s','urls':['http://a','http://b','http://c'],'retries':3}", "b", "acac"},
        {"{'name':'s','urls':['http://a','http://b','http://c'],'retries':3}", "bc",
         "aaab"}, /* three failures eject a too */
        {"{'name':'s','urls':['http://a','http://b','http://c'],'retries':3}", "abc", "abca"},
        {"{'name':'s','urls':['http://a'],'retries':2}", "a", "aaa"},
        {"{'name':'s','urls':['http://a','http://b','http://c'],'retries':2,"
         "'balance':'least_conn'}",
         "", "abc"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        char url[] = "http://?";
        char hosts[8] = {0};
        begin(&f, rows[i].service);
        for (const char *d = rows[i].down; *d != '\0'; d++) {
            url[7] = *d;
            assert_true(node_health_set(node_segment_health(node), key_of(url), NODE_HEALTH_DOWN));
        }
        struct exchange *x = fixture_get(&f, "/");
        struct exchange *up = NULL;
        size_t n = 0;
        while ((up = exchange_mem_client_next(f.client)) != NULL && n < sizeof(hosts) - 1) {
            hosts[n++] = exchange_mem_request(up)->host.p[0];
            break_off(up, EXCHANGE_CONNECT);
        }
        if (strcmp(hosts, rows[i].hosts) != 0)
            fail_msg("row %zu: %s", i, hosts);
        (void)exchange_mem_run(x);
        assert_int_equal(fixture_status(x), 502);
        fixture_finish(&f);
        for (int c = 'a'; c <= 'c'; c++) {
            url[7] = (char)c;
            node_health_remove(node_segment_health(node), key_of(url));
        }
    }
}

/* After its time one request tries an ejected URL; what becomes of that one decides. */
static void test_half_open(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, "{'name':'s','urls':['http://a','http://b'],'retries':1,'maxFails':1,"
              "'failTimeout':'1ms'}");
    struct exchange *x = fixture_get(&f, "/");
    break_off(fixture_up(&f), EXCHANGE_CONNECT);
    fixture_reply(fixture_up(&f), 200, "ok");
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 200);
    uint64_t until_ns = info_of("http://a").ejected_until_ns;
    assert_true(until_ns > 0);
    while (now_mono_ns() <= until_ns)
        ;
    /* The turn is b's (its own was not taken by the repeat), then a's. */
    expect_at(&f, "b");
    (void)fixture_get(&f, "/");
    struct exchange *probe = fixture_up(&f);
    assert_str(exchange_mem_request(probe)->host, "a");
    assert_int_equal(
        node_health_look(node_segment_health(node), key_of("http://a"),
                         &(struct node_health_policy){.max_fails = 1, .probe_ns = UINT32_MAX},
                         now_mono_ns()),
        NODE_HEALTH_AVOID);
    /* Its client goes away: nobody knows, somebody else may try. */
    struct exchange *client = f.requests[f.request_count - 1];
    exchange_mem_reset(client, &(struct exchange_reset){.code = EXCHANGE_PEER_CLOSED});
    (void)exchange_mem_run(client);
    assert_true(fixture_sent(probe)->reset);
    assert_int_equal(
        node_health_look(node_segment_health(node), key_of("http://a"),
                         &(struct node_health_policy){.max_fails = 1, .probe_ns = UINT32_MAX},
                         now_mono_ns()),
        NODE_HEALTH_TRY);
    expect_at(&f, "b");
    expect_at(&f, "a");
    assert_int_equal(info_of("http://a").ejected_until_ns, 0);
    fixture_finish(&f);
}

static void test_all_ejected(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, "{'name':'s','urls':['http://a','http://b']}");
    struct node_health *health = node_segment_health(node);
    assert_true(node_health_set(health, key_of("http://a"), NODE_HEALTH_DOWN));
    expect_at(&f, "b");
    expect_at(&f, "b");
    assert_true(node_health_set(health, key_of("http://b"), NODE_HEALTH_DOWN));
    expect_at(&f, "a");
    expect_at(&f, "b");
    assert_true(node_health_set(health, key_of("http://a"), NODE_HEALTH_UP));
    expect_at(&f, "a");
    expect_at(&f, "a");
    fixture_finish(&f);
}

static uint32_t active_at(const char *url)
{
    return node_counts_sum(node_segment_counts(node), key_of(url));
}

static void test_least_conn_counts_for_the_node(void **state)
{
    struct fixture f;
    uint32_t sum = 0;
    (void)state;
    begin(&f, "{'name':'s','urls':['http://a','http://b'],'balance':'least_conn'}");
    struct node_counts *counts = node_segment_counts(node);
    uint32_t slot = node_counts_add(counts, 0, key_of("http://a"), &sum);
    (void)fixture_get(&f, "/");
    struct exchange *one = fixture_up(&f);
    assert_str(exchange_mem_request(one)->host, "b");
    assert_int_equal(active_at("http://b"), 1);
    node_counts_drop(counts, 0, slot);
    (void)fixture_get(&f, "/");
    struct exchange *two = fixture_up(&f);
    assert_str(exchange_mem_request(two)->host, "a");
    assert_int_equal(active_at("http://a"), 1);
    /* It counts until its response has ended. */
    fixture_head(two, 200, 2, NULL);
    (void)exchange_mem_run(two);
    assert_int_equal(active_at("http://a"), 1);
    exchange_mem_data(two, STR("ok"));
    exchange_mem_end(two, NULL);
    (void)exchange_mem_run(two);
    assert_int_equal(active_at("http://a"), 0);
    /* A client that goes away, and a failure, end it too. */
    struct exchange *client = f.requests[0];
    exchange_mem_reset(client, &(struct exchange_reset){.code = EXCHANGE_PEER_CLOSED});
    (void)exchange_mem_run(client);
    assert_int_equal(active_at("http://b"), 0);
    (void)fixture_get(&f, "/");
    for (int i = 0; i < 4; i++) {
        struct exchange *up = fixture_up(&f);
        assert_int_equal(active_at("http://a") + active_at("http://b"), 1);
        break_off(up, EXCHANGE_PEER_CLOSED);
    }
    assert_int_equal(active_at("http://a") + active_at("http://b"), 0);
    fixture_finish(&f);
}

/* What of a request is hashed. */
static void test_hash_keys(void **state)
{
    static const struct {
        const char *on;
        const char *fields[2];
        const char *key;
    } rows[] = {
        {"", {NULL}, "192.0.2.7"},
        {"ip", {NULL}, "192.0.2.7"},
        {"path", {NULL}, "/a/b"},
        {"header:X-User", {NULL}, "192.0.2.7"},
        {"header:x-user", {"X-User: u1"}, "u1"},
        {"header:X-User", {"x-user:"}, "192.0.2.7"},
        {"header:Host", {NULL}, "example.org:81"},
        {"cookie:id", {NULL}, "192.0.2.7"},
        {"cookie:id", {"Cookie: id=7"}, "7"},
        {"cookie:id", {"Cookie: xid=1; id=7;y=2"}, "7"},
        {"cookie:id", {"Cookie: ID=1; id; id=a=b"}, "a=b"},
        {"cookie:id", {"Cookie: id=; x=1"}, "192.0.2.7"},
        {"cookie:id", {"Cookie: ;;="}, "192.0.2.7"},
        {"cookie:id", {"Cookie: x=1", "Cookie: id=8"}, "8"},
    };
    (void)state;
    const struct http_head head = {.authority = STR("example.org:81")};
    struct exchange down = {.request = &head};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_field v[2];
        struct proxy_request r = {.down = &down, .path = STR("/a/b"), .client = STR("192.0.2.7")};
        fixture_fields(&r.fields, v, rows[i].fields, 2);
        assert_str(proxy_choice_hash_key(&r, str_of(rows[i].on)), rows[i].key);
    }
}

static void test_hash_keeps_to_its_place(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, "{'name':'s','urls':['http://a','http://b','http://c'],'balance':'hash',"
              "'hashOn':'path','retries':1}");
    char host = 0;
    for (int i = 0; i < 3; i++) {
        struct exchange *x = fixture_get(&f, "/x");
        struct exchange *up = fixture_up(&f);
        assert_true(host == 0 || exchange_mem_request(up)->host.p[0] == host);
        host = exchange_mem_request(up)->host.p[0];
        fixture_reply(up, 200, "ok");
        (void)exchange_mem_run(x);
    }
    (void)fixture_get(&f, "/x");
    break_off(fixture_up(&f), EXCHANGE_CONNECT);
    assert_true(exchange_mem_request(fixture_up(&f))->host.p[0] != host);
    fixture_finish(&f);
}

static void test_total_timeout(void **state)
{
    static const char text[] = "the request took longer than the service's totalTimeout";
    struct fixture f;
    (void)state;
    begin(&f, "{'name':'s','urls':['http://a'],'total_timeout_ms':20,'idle_timeout_ms':7,"
              "'maxFails':9}");
    struct exchange *x = fixture_get(&f, "/");
    struct exchange *up = fixture_up(&f);
    assert_int_equal(exchange_mem_request(up)->idle_timeout_ms, 7);
    fixture_wait(&f, fixture_status(x) != 0);
    assert_error(x, 504, text);
    assert_true(fixture_sent(up)->reset);
    assert_int_equal(info_of("http://a").fails, 1);

    /* While the client has to send nobody blames the upstream. */
    x = fixture_ask(&f, &(struct ask){.method = "PUT", .body = true, .length = 5});
    (void)fixture_up(&f);
    fixture_wait(&f, fixture_status(x) != 0);
    assert_error(x, 504, text);
    assert_int_equal(info_of("http://a").fails, 1);

    /* After the head. */
    x = fixture_get(&f, "/");
    up = fixture_up(&f);
    fixture_head(up, 200, 5, NULL);
    (void)exchange_mem_run(up);
    assert_int_equal(fixture_status(x), 200);
    fixture_wait(&f, fixture_sent(x)->reset);
    assert_int_equal(fixture_sent(x)->reset_code, EXCHANGE_TIMEOUT);
    assert_true(fixture_sent(up)->reset);
    (void)exchange_mem_run(x);
    fixture_finish(&f);
}

static void test_total_timeout_spares_tunnels(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, "{'name':'s','urls':['http://a'],'total_timeout_ms':20}");
    struct exchange *x = fixture_ask(&f, &(struct ask){.upgrade = "websocket"});
    struct exchange *up = fixture_up(&f);
    const struct http_head head = {.status = 101,
                                   .version = HTTP_1_1,
                                   .upgrade = STR("websocket"),
                                   .content_length = HTTP_LENGTH_UNKNOWN};
    exchange_mem_head(up, &head);
    (void)exchange_mem_run(up);
    assert_int_equal(fixture_status(x), 101);
    uint64_t from = loop_now_ms(f.loop);
    struct exchange *clock = fixture_get(&f, "/");
    struct exchange *silent = fixture_up(&f);
    fixture_wait(&f, fixture_status(clock) != 0); /* this one's time is up */
    assert_true(loop_now_ms(f.loop) - from >= 20);
    assert_true(fixture_sent(silent)->reset);
    assert_false(fixture_sent(x)->reset);
    fixture_finish(&f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_failures_eject), TEST(test_fails_are_in_a_row),
        TEST(test_fail_statuses),  TEST(test_max_fails_0),
        TEST(test_repeats),        TEST(test_half_open),
        TEST(test_all_ejected),    TEST(test_least_conn_counts_for_the_node),
        TEST(test_hash_keys),      TEST(test_hash_keeps_to_its_place),
        TEST(test_total_timeout),  TEST(test_total_timeout_spares_tunnels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
