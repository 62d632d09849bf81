#include "io/peer.h"
#include "io/timeout.h"

struct noting_timeout {
    struct timeout timeout;
    int fires;
    uint64_t fired_ms;
    bool finish; /* from within */
    uint64_t again_ms;
};

static void on_timeout(struct timeout *t)
{
    struct noting_timeout *n = container_of(t, struct noting_timeout, timeout);
    assert_false(timeout_is_set(t));
    n->fires++;
    n->fired_ms = loop_now_ms(loop);
    if (n->finish)
        timeout_finish(t);
    else if (n->again_ms > 0)
        timeout_set(t, n->again_ms);
}

static void test_fires_once(void **state)
{
    (void)state;
    struct noting_timeout n = {0};
    timeout_init(&n.timeout, loop, on_timeout);
    assert_false(timeout_is_set(&n.timeout));
    const uint64_t begin = loop_now_ms(loop);
    timeout_set(&n.timeout, 10);
    assert_true(timeout_is_set(&n.timeout));
    until(n.fires == 1);
    assert_true(n.fired_ms - begin >= 10);
    peer_turns(5);
    assert_int_equal(n.fires, 1);
    timeout_set(&n.timeout, 0);
    until(n.fires == 2);
    timeout_finish(&n.timeout);
}

static void test_moves(void **state)
{
    (void)state;
    struct noting_timeout later = {0};
    struct noting_timeout sooner = {0};
    struct noting_timeout cleared = {0};
    timeout_init(&later.timeout, loop, on_timeout);
    timeout_init(&sooner.timeout, loop, on_timeout);
    timeout_init(&cleared.timeout, loop, on_timeout);
    const uint64_t begin = loop_now_ms(loop);
    timeout_set(&later.timeout, 5);
    timeout_set(&later.timeout, 40);
    timeout_set(&sooner.timeout, 60000);
    timeout_set(&sooner.timeout, 5);
    timeout_set(&cleared.timeout, 5);
    timeout_clear(&cleared.timeout);
    assert_false(timeout_is_set(&cleared.timeout));
    until(later.fires == 1);
    assert_true(later.fired_ms - begin >= 40);
    assert_int_equal(sooner.fires, 1);
    assert_true(sooner.fired_ms <= later.fired_ms);
    assert_int_equal(cleared.fires, 0);

    timeout_set(&cleared.timeout, UINT64_MAX); /* for ever, not at once */
    peer_turns(5);
    assert_int_equal(cleared.fires, 0);
    timeout_set(&cleared.timeout, 1);
    until(cleared.fires == 1);
    timeout_finish(&later.timeout);
    timeout_finish(&sooner.timeout);
    timeout_finish(&cleared.timeout);
}

static void test_from_now(void **state)
{
    (void)state;
    struct noting_timeout late = {0};
    struct noting_timeout early = {0};
    timeout_init(&late.timeout, loop, on_timeout);
    timeout_init(&early.timeout, loop, on_timeout);
    const uint64_t begin = loop_now_ms(loop);
    const uint64_t begin_ns = now_mono_ns();
    while (now_mono_ns() - begin_ns < 30 * 1000000ull)
        continue;
    assert_int_equal(loop_now_ms(loop), begin);
    timeout_set(&early.timeout, 20);
    timeout_set_from_now(&late.timeout, 20);
    until(late.fires == 1);
    assert_int_equal(early.fires, 1);
    assert_true(late.fired_ms - begin >= 49);
    timeout_set_from_now(&late.timeout, UINT64_MAX); /* for ever */
    peer_turns(5);
    assert_int_equal(late.fires, 1);
    timeout_finish(&late.timeout);
    timeout_finish(&early.timeout);
}

static void test_from_within(void **state)
{
    (void)state;
    struct noting_timeout again = {.again_ms = 1};
    struct noting_timeout finished = {.finish = true};
    timeout_init(&again.timeout, loop, on_timeout);
    timeout_init(&finished.timeout, loop, on_timeout);
    timeout_set(&again.timeout, 1);
    timeout_set(&finished.timeout, 1);
    until(again.fires == 3 && finished.fires == 1);
    timeout_finish(&again.timeout);
    timeout_finish(&again.timeout);
    peer_turns(3);
    assert_int_equal(again.fires, 3);
    struct timeout zeroed = {0};
    timeout_finish(&zeroed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_fires_once),
        T(test_moves),
        T(test_from_now),
        T(test_from_within),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
