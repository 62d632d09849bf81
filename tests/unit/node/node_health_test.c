#include "node/node_health.h"
#include "node/node_slots.h"
#include "testing.h"

enum { SLOTS = 16 };

static struct node_health health;
static void *memory;

static const struct node_health_policy policy = {.max_fails = 3, .fail_ns = 1000, .probe_ns = 100};

static int setup(void **state)
{
    (void)state;
    memory = calloc(1, node_health_size(SLOTS));
    node_health_attach(&health, memory, SLOTS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

static enum node_health_change report(bool ok, uint64_t now)
{
    return node_health_report(&health, 7, ok, &policy, now);
}

static bool allows(uint64_t now)
{
    return node_health_allows(&health, 7, &policy, now);
}

static void test_ejected_after_failures_in_a_row(void **state)
{
    (void)state;
    assert_true(allows(1));
    assert_int_equal(report(false, 10), NODE_HEALTH_SAME);
    assert_int_equal(report(false, 10), NODE_HEALTH_SAME);
    assert_int_equal(report(true, 10), NODE_HEALTH_SAME);
    assert_int_equal(report(false, 10), NODE_HEALTH_SAME);
    assert_int_equal(report(false, 10), NODE_HEALTH_SAME);
    assert_true(allows(10));
    assert_int_equal(report(false, 20), NODE_HEALTH_EJECTED);
    assert_false(allows(20));
    assert_false(allows(1019));
    assert_int_equal(report(false, 21), NODE_HEALTH_SAME);
    struct node_health_info info;
    node_health_get(&health, 7, &info);
    assert_int_equal(info.fails, 4);
    assert_int_equal(info.ejected_until_ns, 1021);
}

static void eject(uint64_t now)
{
    for (uint32_t i = 0; i < policy.max_fails; i++)
        (void)report(false, now);
}

static void test_one_probe_at_a_time(void **state)
{
    (void)state;
    eject(0);
    assert_true(allows(1000));
    assert_false(allows(1000));
    assert_false(allows(1099));
    /* Whoever probed never came back. */
    assert_true(allows(1100));
    assert_false(allows(1100));
    assert_int_equal(report(false, 1110), NODE_HEALTH_SAME);
    assert_false(allows(1500));
    assert_true(allows(2110));
    assert_int_equal(report(true, 2111), NODE_HEALTH_RESTORED);
    assert_true(allows(2111));
    assert_true(allows(2111));
    assert_int_equal(report(false, 2112), NODE_HEALTH_SAME);
}

static void test_active_checks(void **state)
{
    (void)state;
    struct node_health_info info;
    node_health_get(&health, 7, &info);
    assert_int_equal(info.probe, NODE_HEALTH_UNKNOWN);
    assert_true(node_health_set(&health, 7, NODE_HEALTH_DOWN));
    assert_false(allows(1));
    assert_int_equal(report(true, 1), NODE_HEALTH_SAME);
    assert_false(allows(1));
    assert_true(node_health_set(&health, 7, NODE_HEALTH_UP));
    assert_true(allows(1));
    eject(1);
    assert_false(allows(2));
    assert_true(node_health_set(&health, 7, NODE_HEALTH_UP));
    assert_true(allows(2));
    node_health_set(&health, 7, NODE_HEALTH_DOWN);
    node_health_remove(&health, 7);
    node_health_remove(&health, 7);
    assert_true(allows(2));
    node_health_get(&health, 7, &info);
    assert_int_equal(info.probe, NODE_HEALTH_UNKNOWN);
}

static void test_never_ejected_without_a_policy(void **state)
{
    (void)state;
    const struct node_health_policy never = {0};
    for (int i = 0; i < 100; i++)
        assert_int_equal(node_health_report(&health, 7, false, &never, 1), NODE_HEALTH_SAME);
    assert_true(node_health_allows(&health, 7, &never, 1));
    /* It was ejected under an earlier version of the service, which had one. */
    eject(1);
    assert_true(node_health_allows(&health, 7, &never, 2));
}

static void test_no_room_counts_as_healthy(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= NODE_WAYS; i++)
        assert_true(node_health_set(&health, i * SLOTS, NODE_HEALTH_DOWN));
    assert_false(node_health_set(&health, 99 * SLOTS, NODE_HEALTH_DOWN));
    assert_true(node_health_allows(&health, 99 * SLOTS, &policy, 1));
    for (uint32_t i = 0; i < policy.max_fails; i++)
        assert_int_equal(node_health_report(&health, 99 * SLOTS, false, &policy, 1),
                         NODE_HEALTH_SAME);
    node_health_remove(&health, 3 * SLOTS);
    assert_true(node_health_set(&health, 99 * SLOTS, NODE_HEALTH_DOWN));
    assert_false(node_health_allows(&health, 99 * SLOTS, &policy, 1));
}

static void test_looking_claims_nothing(void **state)
{
    (void)state;
    assert_int_equal(node_health_look(&health, 7, &policy, 1), NODE_HEALTH_USE);
    assert_true(node_health_claim(&health, 7, &policy, 1));
    eject(0);
    assert_int_equal(node_health_look(&health, 7, &policy, 999), NODE_HEALTH_AVOID);
    assert_int_equal(node_health_look(&health, 7, &policy, 1000), NODE_HEALTH_TRY);
    assert_int_equal(node_health_look(&health, 7, &policy, 1000), NODE_HEALTH_TRY);
    assert_true(node_health_claim(&health, 7, &policy, 1000));
    assert_false(node_health_claim(&health, 7, &policy, 1000));
    assert_int_equal(node_health_look(&health, 7, &policy, 1001), NODE_HEALTH_AVOID);
    node_health_unclaim(&health, 7);
    node_health_unclaim(&health, 8);
    assert_int_equal(node_health_look(&health, 7, &policy, 1001), NODE_HEALTH_TRY);
    assert_true(node_health_set(&health, 7, NODE_HEALTH_DOWN));
    assert_int_equal(node_health_look(&health, 7, &policy, 1001), NODE_HEALTH_AVOID);
}

static void test_marks_notice_what_becomes_known(void **state)
{
    (void)state;
    struct node_health_mark mark = {.key = 7};
    struct node_health_mark other = {.key = 9};
    assert_false(node_health_is_known(&health, &mark));
    assert_false(node_health_is_known(&health, &other));
    (void)report(true, 1); /* of one that never failed nothing is kept */
    assert_false(node_health_is_known(&health, &mark));
    (void)report(false, 1);
    assert_true(node_health_is_known(&health, &mark));
    assert_false(node_health_is_known(&health, &other));
    node_health_remove(&health, 7);
    assert_true(node_health_set(&health, 9, NODE_HEALTH_DOWN));
    assert_false(node_health_is_known(&health, &mark));
    assert_true(node_health_is_known(&health, &other));
}

static void test_past_failures_give_way(void **state)
{
    (void)state;
    struct node_health_info info;
    struct node_health_mark mark = {.key = 99 * SLOTS};
    for (uint64_t i = 2; i <= NODE_WAYS; i++)
        assert_true(node_health_set(&health, i * SLOTS, NODE_HEALTH_UP));
    for (uint32_t i = 0; i < policy.max_fails; i++)
        (void)node_health_report(&health, SLOTS, false, &policy, 5);
    /* It is ejected until 1005. */
    (void)node_health_report(&health, 99 * SLOTS, false, &policy, 1004);
    node_health_get(&health, SLOTS, &info);
    assert_int_equal(info.fails, 3);
    assert_false(node_health_is_known(&health, &mark));
    (void)node_health_report(&health, 99 * SLOTS, false, &policy, 1005);
    node_health_get(&health, SLOTS, &info);
    assert_int_equal(info.fails, 0);
    node_health_get(&health, 99 * SLOTS, &info);
    assert_int_equal(info.fails, 1);
    assert_true(node_health_is_known(&health, &mark));
    for (uint64_t i = 2; i <= NODE_WAYS; i++) {
        node_health_get(&health, i * SLOTS, &info);
        assert_int_equal(info.probe, NODE_HEALTH_UP);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_past_failures_give_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_looking_claims_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_marks_notice_what_becomes_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ejected_after_failures_in_a_row, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_probe_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_active_checks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_never_ejected_without_a_policy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room_counts_as_healthy, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
