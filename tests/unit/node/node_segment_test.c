#include "node/node_counts.h"
#include "node/node_health.h"
#include "node/node_rate.h"
#include "node/node_segment.h"
#include "testing.h"

static const struct node_segment_options OPTIONS = {
    .workers = 3, .rate_buckets = 1000, .counts = 100, .upstreams = 1};

static void test_two_mappings(void **state)
{
    (void)state;
    struct node_segment *a = NULL;
    struct node_segment *b = NULL;
    struct err e = {0};
    int fd = -1;
    assert_int_equal(node_segment_make(&OPTIONS, &fd, &a, &e), ERR_OK);
    assert_int_equal(node_segment_map(fd, &b, &e), ERR_OK);
    (void)close(fd);

    uint64_t key = node_segment_key(a, 'r', STR("one"), STR("two"));
    assert_true(key == node_segment_key(b, 'r', STR("one"), STR("two")));
    assert_true(key != node_segment_key(a, 's', STR("one"), STR("two")));
    assert_true(key != node_segment_key(a, 'r', STR("onet"), STR("wo")));
    assert_true(key != node_segment_key(a, 'r', STR("two"), STR("one")));

    const struct node_rate_limit once = {.period_ns = 1000, .burst = 1};
    assert_int_equal(node_rate_take(node_segment_rate(a), key, &once, 5000), 0);
    assert_int_equal(node_rate_take(node_segment_rate(b), key, &once, 5000), 1000);
    uint32_t sum = 0;
    assert_int_not_equal(node_counts_add(node_segment_counts(a), 0, key, &sum), NODE_COUNTS_NONE);
    assert_int_not_equal(node_counts_add(node_segment_counts(b), 2, key, &sum), NODE_COUNTS_NONE);
    assert_int_equal(sum, 2);
    assert_true(node_health_set(node_segment_health(a), key, NODE_HEALTH_DOWN));
    struct node_health_info info;
    node_health_get(node_segment_health(b), key, &info);
    assert_int_equal(info.probe, NODE_HEALTH_DOWN);

    node_segment_unmap(a);
    assert_int_equal(node_counts_sum(node_segment_counts(b), key), 2);
    node_segment_unmap(b);
    node_segment_unmap(NULL);
}

static void test_what_is_no_segment(void **state)
{
    (void)state;
    struct node_segment *s = NULL;
    struct err e = {0};
    assert_int_equal(node_segment_map(-1, &s, &e), ERR_INVALID);
    int fd = -1;
    assert_int_equal(node_segment_make(&OPTIONS, &fd, &s, &e), ERR_OK);
    node_segment_unmap(s);
    s = NULL;
    static const struct {
        off_t at;
        uint32_t value;
    } damages[] = {{0, 0}, {8, 99}, {16, 0xffffffff}, {20, 4096}};
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        uint32_t good = 0;
        assert_int_equal(pread(fd, &good, 4, damages[i].at), 4);
        assert_int_equal(pwrite(fd, &damages[i].value, 4, damages[i].at), 4);
        assert_int_equal(node_segment_map(fd, &s, &e), ERR_INVALID);
        assert_null(s);
        assert_int_equal(pwrite(fd, &good, 4, damages[i].at), 4);
    }
    assert_int_equal(node_segment_map(fd, &s, &e), ERR_OK);
    node_segment_unmap(s);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_mappings),
        cmocka_unit_test(test_what_is_no_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
