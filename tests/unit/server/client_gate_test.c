#include "node/node_counts.h"
#include "node/node_segment.h"
#include "server/client_gate.h"
#include "testing.h"

static void test_over_all_workers(void **state)
{
    (void)state;
    static const struct node_segment_options size = {
        .workers = 2, .rate_buckets = 8, .counts = 64, .upstreams = 8};
    struct node_segment *node = NULL;
    struct err e = {0};
    int fd = -1;
    uint32_t tickets[4];
    assert_int_equal(node_segment_make(&size, &fd, &node, &e), ERR_OK);
    (void)close(fd);
    struct client_gate gates[2] = {{node, 0, 2}, {node, 1, 2}};
    struct http_server_gate a = client_gate_for_server(&gates[0]);
    struct http_server_gate b = client_gate_for_server(&gates[1]);
    assert_true(a.enter(a.user, "192.0.2.1", &tickets[0]));
    assert_true(b.enter(b.user, "192.0.2.1", &tickets[1]));
    assert_false(a.enter(a.user, "192.0.2.1", &tickets[3]));
    assert_false(b.enter(b.user, "192.0.2.1", &tickets[3]));
    assert_true(a.enter(a.user, "192.0.2.2", &tickets[2]));
    a.leave(a.user, tickets[0]);
    assert_true(b.enter(b.user, "192.0.2.1", &tickets[3]));
    assert_false(a.enter(a.user, "192.0.2.1", &tickets[0]));

    /* A worker that is killed gives nothing back by itself: the one in its place does. */
    node_counts_forget(node_segment_counts(node), 1);
    assert_true(a.enter(a.user, "192.0.2.1", &tickets[0]));
    assert_true(a.enter(a.user, "192.0.2.1", &tickets[1]));
    assert_false(a.enter(a.user, "192.0.2.1", &tickets[3]));
    node_segment_unmap(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_over_all_workers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
