#include "node/node_rate.h"
#include "node/node_slots.h"
#include "testing.h"

enum { BUCKETS = 64 };

static struct node_rate rate;
static void *memory;

static int setup(void **state)
{
    (void)state;
    memory = calloc(1, node_rate_size(BUCKETS));
    node_rate_attach(&rate, memory, BUCKETS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

static void test_burst_then_rate(void **state)
{
    (void)state;
    const struct node_rate_limit limit = {.period_ns = 100, .burst = 3};
    static const struct {
        uint64_t now;
        uint64_t wait;
    } takes[] = {{1000, 0}, {1000, 0}, {1000, 0}, {1000, 100}, {1050, 50}, {1100, 0},  {1100, 100},
                 {1299, 0}, {1299, 1}, {9000, 0}, {9000, 0},   {9000, 0},  {9000, 100}};
    for (size_t i = 0; i < sizeof(takes) / sizeof(takes[0]); i++)
        assert_int_equal(node_rate_take(&rate, 77, &limit, takes[i].now), takes[i].wait);
}

static void test_keys_do_not_share(void **state)
{
    (void)state;
    const struct node_rate_limit limit = {.period_ns = 100, .burst = 1};
    for (uint64_t key = 2; key < 2 + NODE_WAYS; key++)
        assert_int_equal(node_rate_take(&rate, key * BUCKETS, &limit, 1000), 0);
    for (uint64_t key = 2; key < 2 + NODE_WAYS; key++)
        assert_int_equal(node_rate_take(&rate, key * BUCKETS, &limit, 1000), 100);
}

/* A set that is full gives up the bucket that is nearest to being full again. */
static void test_more_keys_than_slots(void **state)
{
    (void)state;
    const struct node_rate_limit limit = {.period_ns = 100, .burst = 2};
    for (uint64_t i = 0; i < NODE_WAYS; i++)
        assert_int_equal(node_rate_take(&rate, (i + 2) * BUCKETS, &limit, 1000 + i), 0);
    assert_int_equal(node_rate_take(&rate, 99 * BUCKETS, &limit, 1050), 0);
    assert_int_equal(node_rate_take(&rate, 99 * BUCKETS, &limit, 1050), 0);
    assert_int_equal(node_rate_take(&rate, 99 * BUCKETS, &limit, 1050), 100);
    /* The others kept theirs. */
    assert_int_equal(node_rate_take(&rate, (NODE_WAYS + 1) * BUCKETS, &limit, 1050), 0);
    assert_true(node_rate_take(&rate, (NODE_WAYS + 1) * BUCKETS, &limit, 1050) > 0);
    /* The first one begins anew. */
    assert_int_equal(node_rate_take(&rate, 2 * BUCKETS, &limit, 1050), 0);
    assert_int_equal(node_rate_take(&rate, 2 * BUCKETS, &limit, 1050), 0);
}

static void test_large_limits_do_not_overflow(void **state)
{
    (void)state;
    const struct node_rate_limit limit = {.period_ns = 3600ull * 1000000000u, .burst = 1000000};
    const uint64_t year = 365ull * 86400 * 1000000000u;
    for (int i = 0; i < 1000000; i++)
        assert_int_equal(node_rate_take(&rate, 5, &limit, year), 0);
    assert_int_equal(node_rate_take(&rate, 5, &limit, year), limit.period_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_burst_then_rate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_do_not_share, setup, teardown),
        cmocka_unit_test_setup_teardown(test_more_keys_than_slots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_limits_do_not_overflow, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
