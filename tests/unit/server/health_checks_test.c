/* The checks of services in a store that the test writes, against upstreams that it plays. */
#include "base/log.h"
#include "base/now.h"
#include "cluster/engine.h"
#include "codec/json.h"
#include "http/exchange_mem.h"
#include "io/peer.h"
#include "model/model.h"
#include "node/node_health.h"
#include "node/node_segment.h"
#include "node/node_upstream.h"
#include "server/health_checks.h"
#include "store/store.h"
#include "store/store_temp.h"

static char dir[STORE_TEMP_SIZE];
static struct store *store;
static struct http_client *client;
static struct node_segment *node;
static struct health_checks *checks;

static void open_checks(uint32_t active_max)
{
    const struct health_checks_options options = {
        .store = store, .client = client, .node = node, .active_max = active_max};
    checks = health_checks_create(loop, &options);
}

static int setup(void **state)
{
    const struct node_segment_options options = {
        .workers = 1, .rate_buckets = 8, .counts = 8, .upstreams = 64};
    struct err e = {0};
    int fd = -1;
    (void)peer_loop_setup(state);
    log_configure(&(struct log_setup){.level = LOG_OFF});
    store_temp_create(dir);
    assert_int_equal(store_open(dir, STORE_READ_WRITE, 1 << 26, &store, &e), ERR_OK);
    assert_int_equal(node_segment_make(&options, &fd, &node, &e), ERR_OK);
    (void)close(fd);
    client = exchange_mem_client_create(1000);
    checks = NULL;
    return 0;
}

static int teardown(void **state)
{
    health_checks_destroy(checks);
    http_client_destroy(client);
    node_segment_unmap(node);
    store_close(store);
    store_temp_remove(dir);
    return peer_loop_teardown(state);
}

/* Writes a service (JSON with ' for "; NULL: deletes it), as an engine would, and tells the checks. */
static void write_service(const char *name, const char *text)
{
    char key[64];
    char value[2048] = "revision";
    size_t len = STORE_U64_SIZE;
    struct store_write *w = NULL;
    struct err e = {0};
    size_t key_len = (size_t)snprintf(key, sizeof(key), "service%cdefault%c%s", 0, 0, name);
    const struct str k = {key, key_len};
    assert_int_equal(store_write_begin(store, &w, &e), ERR_OK);
    for (; text != NULL && *text != '\0'; text++)
        value[len++] = *text == '\'' ? '"' : *text;
    if (text != NULL)
        assert_int_equal(store_put(w, STORE_RESOURCES, k, (struct str){value, len}, &e), ERR_OK);
    else
        assert_int_equal(store_delete(w, STORE_RESOURCES, k, &e), ERR_OK);
    assert_int_equal(store_write_commit(w, &e), ERR_OK);
    const struct engine_key keys[] = {{STORE_DOCUMENTS, k}, {STORE_RESOURCES, k}};
    if (checks != NULL)
        health_checks_applied(checks, &(struct engine_applied){.keys = keys, .key_count = 2});
}

#define SERVICE(more)                                                                              \
    "{'name':'s','namespace':'default','healthPath':'/up?x','healthInterval':10000000," more "}"

static struct node_health_info info_of(const char *url)
{
    struct node_health_info info;
    node_health_get(node_segment_health(node),
                    node_upstream_key(node, STR("default"), STR("s"), str_of(url)), &info);
    return info;
}

static enum node_health_probe probe_of(const char *url)
{
    return info_of(url).probe;
}

/* A check that waits for its answer; those that were given up before anybody took them are passed over. */
static struct exchange *take_check(void)
{
    struct exchange *x = exchange_mem_client_next(client);
    while (x != NULL && exchange_mem_sent(x)->reset)
        x = exchange_mem_client_next(client);
    return x;
}

static struct exchange *next_check(void)
{
    struct exchange *x = NULL;
    until((x = take_check()) != NULL);
    return x;
}

static void answer(struct exchange *x, uint16_t status)
{
    const struct http_head head = {.status = status, .version = HTTP_1_1, .content_length = 2};
    exchange_mem_head(x, &head);
    exchange_mem_data(x, STR("ok"));
    exchange_mem_end(x, NULL);
    (void)exchange_mem_run(x);
    assert_true(x->done);
}

static void fail_check(struct exchange *x)
{
    exchange_mem_reset(x, &(struct exchange_reset){.code = EXCHANGE_CONNECT, .detail = "refused"});
    (void)exchange_mem_run(x);
}

static void test_what_is_asked(void **state)
{
    (void)state;
    write_service("s", SERVICE("'urls':['http://[::1]:81/base?q'],'healthTimeout':7000000000"));
    open_checks(4);
    struct exchange *x = next_check();
    const struct http_client_request *to = exchange_mem_request(x);
    assert_str(to->host, "::1");
    assert_int_equal(to->port, 81);
    assert_int_equal(to->connect_timeout_ms, 7000);
    assert_str(to->head->method, "GET");
    assert_str(to->head->authority, "[::1]:81");
    assert_str(to->head->target, "/up?x");
    assert_true(to->head->no_body);
    const struct http_field *agent = http_head_find(&to->head->fields, HTTP_FIELD_USER_AGENT);
    assert_non_null(agent);
    assert_str(agent->value, "dgate-health-check");
}

static void test_thresholds(void **state)
{
    static const struct {
        uint16_t status; /* 0: the connection fails */
        enum node_health_probe after;
    } rows[] = {
        {503, NODE_HEALTH_UNKNOWN}, {0, NODE_HEALTH_UNKNOWN}, {200, NODE_HEALTH_UP},
        {0, NODE_HEALTH_UP},        {400, NODE_HEALTH_UP},    {302, NODE_HEALTH_UP},
        {0, NODE_HEALTH_UP},        {0, NODE_HEALTH_UP},      {400, NODE_HEALTH_DOWN},
        {200, NODE_HEALTH_DOWN},    {500, NODE_HEALTH_DOWN},  {399, NODE_HEALTH_DOWN},
        {204, NODE_HEALTH_UP},
    };
    (void)state;
    open_checks(4);
    write_service("s", SERVICE("'urls':['http://a']"));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct exchange *x = next_check();
        if (rows[i].status == 0)
            fail_check(x);
        else
            answer(x, rows[i].status);
        if (probe_of("http://a") != rows[i].after)
            fail_msg("row %zu: %d", i, (int)probe_of("http://a"));
    }
}

static void test_statuses(void **state)
{
    (void)state;
    open_checks(4);
    write_service("s", SERVICE("'urls':['http://a'],'healthStatuses':[404],"
                               "'unhealthyThreshold':1,'healthyThreshold':1"));
    answer(next_check(), 200);
    assert_int_equal(probe_of("http://a"), NODE_HEALTH_DOWN);
    answer(next_check(), 404);
    assert_int_equal(probe_of("http://a"), NODE_HEALTH_UP);
    /* A protocol that was not asked for leads nowhere. */
    struct exchange *x = next_check();
    exchange_mem_head(x, &(struct http_head){.status = 101, .version = HTTP_1_1});
    (void)exchange_mem_run(x);
    assert_true(x->done);
    assert_int_equal(probe_of("http://a"), NODE_HEALTH_DOWN);
}

static void test_timeout(void **state)
{
    (void)state;
    open_checks(4);
    write_service("s", SERVICE("'urls':['http://a'],'healthTimeout':10000000,"
                               "'unhealthyThreshold':1"));
    struct exchange *x = next_check();
    until(probe_of("http://a") == NODE_HEALTH_DOWN);
    assert_true(exchange_mem_sent(x)->reset);
    /* After the head it is only the end of this check. */
    for (int i = 0; i < 2; i++) {
        x = next_check();
        exchange_mem_head(
            x, &(struct http_head){.status = 200, .version = HTTP_1_1, .content_length = 1});
        (void)exchange_mem_run(x);
        until(exchange_mem_sent(x)->reset);
    }
    assert_int_equal(probe_of("http://a"), NODE_HEALTH_UP);
}

static void test_no_more_at_once(void **state)
{
    (void)state;
    open_checks(2);
    write_service("s", SERVICE("'urls':['http://a','http://b','http://c','http://a']"));
    struct exchange *one = next_check();
    struct exchange *two = next_check();
    const uint64_t begin = now_mono_ns();
    until(now_mono_ns() - begin > 50000000); /* all are due by now */
    assert_null(exchange_mem_client_next(client));
    answer(one, 200);
    struct exchange *three = next_check();
    answer(two, 200);
    answer(three, 200);
    assert_int_equal(probe_of("http://a"), NODE_HEALTH_UP);
    assert_int_equal(probe_of("http://b"), NODE_HEALTH_UP);
    assert_int_equal(probe_of("http://c"), NODE_HEALTH_UP);
}

static void test_changes_are_followed(void **state)
{
    (void)state;
    open_checks(4);
    write_service("s", SERVICE("'urls':['http://a'],'unhealthyThreshold':2"));
    answer(next_check(), 500);
    struct exchange *x = next_check();
    /* The URL stays: what was counted too; the check in flight is given up. */
    write_service("s", SERVICE("'urls':['http://b','http://a'],'unhealthyThreshold':2"));
    assert_true(exchange_mem_sent(x)->reset);
    while (probe_of("http://a") != NODE_HEALTH_DOWN) {
        x = next_check();
        answer(x, str_eq(exchange_mem_request(x)->host, STR("a")) ? 500 : 200);
    }
    write_service("s", SERVICE("'urls':['http://b']"));
    assert_int_equal(probe_of("http://a"), NODE_HEALTH_UNKNOWN);
    until(probe_of("http://b") == NODE_HEALTH_UP || (answer(next_check(), 200), false));
    write_service("s", "{'name':'s','namespace':'default','urls':['http://b']}");
    assert_int_equal(probe_of("http://b"), NODE_HEALTH_UNKNOWN);
    /* What requests found goes with the URL too, and with the service. */
    const struct node_health_policy policy = {.max_fails = 1, .fail_ns = 1, .probe_ns = 1};
    uint64_t key = node_upstream_key(node, STR("default"), STR("s"), STR("http://b"));
    (void)node_health_report(node_segment_health(node), key, false, &policy, 1);
    assert_int_equal(info_of("http://b").fails, 1);
    write_service("s", NULL);
    assert_int_equal(info_of("http://b").fails, 0);
    write_service("s", SERVICE("'urls':['http://b']"));
    answer(next_check(), 200);
    assert_int_equal(probe_of("http://b"), NODE_HEALTH_UP);
}

static void test_everything_is_read_again(void **state)
{
    (void)state;
    write_service("s", SERVICE("'urls':['http://a'],'unhealthyThreshold':1"));
    open_checks(4);
    answer(next_check(), 500);
    assert_int_equal(probe_of("http://a"), NODE_HEALTH_DOWN);
    struct health_checks *told = checks;
    checks = NULL;
    write_service("s", SERVICE("'urls':['http://b']"));
    checks = told;
    health_checks_applied(checks, &(struct engine_applied){.reset = true});
    assert_int_equal(probe_of("http://a"), NODE_HEALTH_UNKNOWN);
    answer(next_check(), 200);
    until(probe_of("http://b") == NODE_HEALTH_UP);
    checks = NULL;
    write_service("s", NULL);
    checks = told;
    const struct engine_key prefix = {STORE_RESOURCES, STR("service\0default\0")};
    health_checks_applied(checks, &(struct engine_applied){.keys = &prefix, .key_count = 1});
    assert_int_equal(probe_of("http://b"), NODE_HEALTH_UNKNOWN);
}

static void test_the_last_word_stays(void **state)
{
    (void)state;
    write_service("s", SERVICE("'urls':['http://a'],'unhealthyThreshold':1"));
    open_checks(4);
    answer(next_check(), 500);
    (void)next_check();
    health_checks_destroy(checks);
    checks = NULL;
    assert_int_equal(probe_of("http://a"), NODE_HEALTH_DOWN);
    /* The next control needs as many successes as this one would have. */
    open_checks(4);
    answer(next_check(), 200);
    assert_int_equal(probe_of("http://a"), NODE_HEALTH_DOWN);
    answer(next_check(), 200);
    assert_int_equal(probe_of("http://a"), NODE_HEALTH_UP);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_asked),
        TEST(test_thresholds),
        TEST(test_statuses),
        TEST(test_timeout),
        TEST(test_no_more_at_once),
        TEST(test_changes_are_followed),
        TEST(test_everything_is_read_again),
        TEST(test_the_last_word_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
