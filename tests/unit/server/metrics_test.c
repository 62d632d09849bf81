#include "node/node_cache.h"
#include "node/node_segment.h"
#include "server/metrics.h"
#include "testing.h"

static struct pages *pages;
static struct buf text;
static struct node_segment *node;

static int setup(void **state)
{
    (void)state;
    struct err e = {0};
    int fd = -1;
    assert_int_equal(pages_make(4, &fd, &pages, &e), ERR_OK);
    (void)close(fd);
    buf_init(&text, 1 << 20);
    const struct node_segment_options options = {
        .workers = 4, .rate_buckets = 16, .counts = 16, .upstreams = 16, .switches = 16};
    assert_int_equal(node_segment_make(&options, &fd, &node, &e), ERR_OK);
    (void)close(fd);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pages_unmap(pages);
    buf_finish(&text);
    node_segment_unmap(node);
    return 0;
}

static void write_all(void)
{
    buf_clear(&text);
    assert_true(metrics_write(&text, pages, node, "1.2.3"));
}

/* Whether that line is there, whole. */
static void assert_line(const char *line)
{
    char whole[256];
    (void)snprintf(whole, sizeof(whole), "\n%s\n", line);
    if (!str_contains(buf_str(&text), str_of(whole)))
        fail_msg("there is no line %s in\n%s", line, buf_cstr(&text));
}

static void test_the_cache(void **state)
{
    (void)state;
    struct buf value;
    buf_init(&value, 10);
    assert_int_equal(node_cache_set(node_segment_cache(node), 9, STR("key"), STR("value"), 0),
                     NODE_CACHE_OK);
    assert_int_equal(node_cache_get(node_segment_cache(node), 9, STR("key"), 1, &value),
                     NODE_CACHE_OK);
    assert_int_equal(node_cache_get(node_segment_cache(node), 9, STR("kez"), 1, &value),
                     NODE_CACHE_ABSENT);
    assert_int_equal(node_cache_get(node_segment_cache(node), 8, STR("key"), 1, &value),
                     NODE_CACHE_ABSENT);
    buf_finish(&value);
    write_all();
    assert_line("dgate_cache_hits_total 1");
    assert_line("dgate_cache_misses_total 2");
    assert_line("dgate_cache_evictions_total 0");
    assert_line("dgate_cache_entries 1");
    assert_line("dgate_cache_bytes 8");
}

static void test_sums_over_workers(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct pages_worker *w = &pages->worker[i];
        atomic_store(&w->heartbeat_ns, 1);
        atomic_store(&w->requests, 10 + i);
        atomic_store(&w->responses_1xx, 1);
        atomic_store(&w->responses_aborted, 2);
        atomic_store(&w->limited_client_rate, 1 + i);
        atomic_store(&w->limited_route_requests, 5);
        atomic_store(&w->upstream_errors, 4);
        atomic_store(&w->durations[0], 1);
        atomic_store(&w->durations[2], 2);
        atomic_store(&w->durations[PROXY_DURATION_CLASSES - 1], 3);
        atomic_store(&w->duration_ms, 50);
    }
    write_all();
    assert_line("# TYPE request_count_total counter");
    assert_line("request_count_total 21");
    assert_line("dgate_responses_total{class=\"1xx\"} 2");
    assert_line("dgate_responses_total{class=\"2xx\"} 0");
    assert_line("dgate_responses_total{class=\"aborted\"} 4");
    assert_line("dgate_limit_hits_total{limit=\"client_rate\"} 3");
    assert_line("dgate_limit_hits_total{limit=\"client_requests\"} 0");
    assert_line("dgate_limit_hits_total{limit=\"route_requests\"} 10");
    assert_line("error_count_total{error_value=\"upstream\"} 8");
    assert_line("# TYPE request_duration_milliseconds histogram");
    assert_line("request_duration_milliseconds_bucket{le=\"0\"} 2");
    assert_line("request_duration_milliseconds_bucket{le=\"5\"} 2");
    assert_line("request_duration_milliseconds_bucket{le=\"10\"} 6");
    assert_line("request_duration_milliseconds_bucket{le=\"10000\"} 6");
    assert_line("request_duration_milliseconds_bucket{le=\"+Inf\"} 12");
    assert_line("request_duration_milliseconds_sum 100");
    assert_line("request_duration_milliseconds_count 12");
}

static void test_each_worker(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct pages_worker *w = &pages->worker[i];
        atomic_store(&w->connections_active, 3);
        atomic_store(&w->requests_active, 2);
        atomic_store(&w->applied, 9);
        atomic_store(&w->restarts, i);
    }
    atomic_store(&pages->worker[0].heartbeat_ns, 1); /* the other one is dead */
    write_all();
    assert_line("dgate_worker_up{worker=\"0\"} 1");
    assert_line("dgate_worker_up{worker=\"1\"} 0");
    assert_line("dgate_connections_active{worker=\"0\"} 3");
    assert_line("dgate_connections_active{worker=\"1\"} 0");
    assert_line("dgate_requests_active{worker=\"0\"} 2");
    assert_line("dgate_requests_active{worker=\"1\"} 0");
    assert_line("dgate_worker_state_revision{worker=\"0\"} 9");
    assert_line("dgate_worker_restarts_total{worker=\"0\"} 0");
    assert_line("dgate_worker_restarts_total{worker=\"1\"} 1");
}

/* Two processes of worker 0 at once: one drains. They are one worker to who looks at it. */
static void test_a_worker_that_is_replaced(void **state)
{
    (void)state;
    for (uint32_t slot = 0; slot < 4; slot += 2) {
        struct pages_worker *w = &pages->worker[slot];
        atomic_store(&w->heartbeat_ns, 1);
        atomic_store(&w->requests, 10);
        atomic_store(&w->connections_active, 3 + slot);
        atomic_store(&w->applied, 7 + slot);
        atomic_store(&w->restarts, 1);
        atomic_store(&w->pid, getpid());
    }
    write_all();
    assert_line("request_count_total 20");
    assert_line("dgate_worker_up{worker=\"0\"} 1");
    assert_line("dgate_worker_up{worker=\"1\"} 0");
    assert_line("dgate_connections_active{worker=\"0\"} 8");
    assert_line("dgate_worker_state_revision{worker=\"0\"} 9");
    assert_line("dgate_worker_restarts_total{worker=\"0\"} 2");
    assert_false(str_contains(buf_str(&text), STR("worker=\"2\"")));
    assert_false(str_contains(buf_str(&text), STR("worker-2")));
    /* The first one has ended: what it counted stays. */
    atomic_store(&pages->worker[0].heartbeat_ns, 0);
    write_all();
    assert_line("request_count_total 20");
    assert_line("dgate_worker_up{worker=\"0\"} 1");
    assert_line("dgate_connections_active{worker=\"0\"} 5");
}

static void test_the_server(void **state)
{
    (void)state;
    atomic_store(&pages->started_ms, 1700000000007);
    atomic_store(&pages->control_restarts, 2);
    atomic_store(&pages->revision, 77);
    atomic_store(&pages->worker[0].pid, getpid());
    write_all();
    assert_line("dgate_build_info{version=\"1.2.3\"} 1");
    assert_line("dgate_start_time_seconds 1700000000.007");
    assert_line("dgate_control_restarts_total 2");
    assert_line("dgate_state_revision 77");
    struct str all = buf_str(&text);
    assert_true(str_contains(all, STR("resident_memory_bytes{process=\"control\"} ")));
    assert_true(str_contains(all, STR("resident_memory_bytes{process=\"worker-0\"} ")));
    assert_false(str_contains(all, STR("resident_memory_bytes{process=\"worker-1\"} ")));
    assert_int_equal(all.p[all.len - 1], '\n');
}

static void test_no_room(void **state)
{
    (void)state;
    write_all();
    size_t whole = text.len;
    for (size_t max = 0; max < whole - 100; max += 13) {
        struct buf small;
        buf_init(&small, max);
        assert_false(metrics_write(&small, pages, node, "1.2.3"));
        buf_finish(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_sums_over_workers), T(test_each_worker), T(test_a_worker_that_is_replaced),
        T(test_the_server),        T(test_no_room),     T(test_the_cache),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
