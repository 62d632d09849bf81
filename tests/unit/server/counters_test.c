#include "base/container.h"
#include "server/counters.h"
#include "testing.h"

static const struct proxy_stats some = {
    .requests = 100,
    .responses = {1, 2, 3, 4, 5, 6},
    .upstream_errors = 7,
    .retries = 8,
    .module_errors = 9,
    .limited = {10, 11, 12, 13},
    .durations = {[0] = 20, [PROXY_DURATION_CLASSES - 1] = 21},
    .duration_ms = 300000,
    .active = 14,
};
static const struct http_server_stats some_http = {.accepted = 30,
                                                   .requests = 100,
                                                   .refused = 31,
                                                   .overloaded = 32,
                                                   .limited = 33,
                                                   .connections = 34};

static void test_every_counter_has_its_place(void **state)
{
    (void)state;
    static struct pages_worker page;
    struct counters c;
    counters_begin(&c, &page);
    counters_publish(&c, &page, &some, &some_http);
    const struct {
        uint64_t got;
        uint64_t expected;
    } rows[] = {
        {page.requests, 100},
        {page.responses_1xx, 2},
        {page.responses_2xx, 3},
        {page.responses_3xx, 4},
        {page.responses_4xx, 5},
        {page.responses_5xx, 6},
        {page.responses_aborted, 1},
        {page.bad_requests, 31},
        {page.upstream_errors, 7},
        {page.retries, 8},
        {page.module_errors, 9},
        {page.limited_client_rate, 10},
        {page.limited_client_requests, 11},
        {page.limited_client_connections, 33},
        {page.limited_route_rate, 12},
        {page.limited_route_requests, 13},
        {page.connections_accepted, 30},
        {page.connections_refused, 32},
        {page.connections_active, 34},
        {page.requests_active, 14},
        {page.duration_ms, 300000},
        {page.durations[0], 20},
        {page.durations[PROXY_DURATION_CLASSES - 1], 21},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].got != rows[i].expected)
            fail_msg("row %zu: %llu", i, (unsigned long long)rows[i].got);
    }
}

/* A worker that takes the place of another one begins with zeroes of its own. */
static void test_a_replacement_goes_on(void **state)
{
    (void)state;
    static struct pages_worker page;
    static const struct proxy_stats nothing;
    static const struct http_server_stats nothing_http;
    struct counters c;
    counters_begin(&c, &page);
    counters_publish(&c, &page, &some, &some_http);
    counters_publish(&c, &page, &some, &some_http); /* what is published is no addition */
    assert_int_equal(page.requests, 100);

    counters_begin(&c, &page);
    assert_int_equal(page.requests, 100);
    assert_int_equal(page.connections_active, 0);
    assert_int_equal(page.requests_active, 0);
    counters_publish(&c, &page, &nothing, &nothing_http);
    assert_int_equal(page.requests, 100);
    assert_int_equal(page.durations[0], 20);
    counters_publish(&c, &page, &some, &some_http);
    assert_int_equal(page.requests, 200);
    assert_int_equal(page.limited_client_connections, 66);
    assert_int_equal(page.durations[0], 40);
    assert_int_equal(page.duration_ms, 600000);
    assert_int_equal(page.requests_active, 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_counter_has_its_place),
        cmocka_unit_test(test_a_replacement_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
