#include "node/node_segment.h"
#include "node/node_upstream.h"
#include "testing.h"

static void test_every_part_counts(void **state)
{
    (void)state;
    const struct node_segment_options options = {
        .workers = 1, .rate_buckets = 8, .counts = 8, .upstreams = 8};
    struct node_segment *s = NULL;
    struct err e = {0};
    int fd = -1;
    assert_int_equal(node_segment_make(&options, &fd, &s, &e), ERR_OK);
    (void)close(fd);
    uint64_t key = node_upstream_key(s, STR("n"), STR("s"), STR("http://u"));
    assert_true(key == node_upstream_key(s, STR("n"), STR("s"), STR("http://u")));
    assert_true(key != node_upstream_key(s, STR("ns"), STR(""), STR("http://u")));
    assert_true(key != node_upstream_key(s, STR("s"), STR("n"), STR("http://u")));
    assert_true(key != node_upstream_key(s, STR("n"), STR("t"), STR("http://u")));
    assert_true(key != node_upstream_key(s, STR("n"), STR("s"), STR("http://v")));
    node_segment_unmap(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_part_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
