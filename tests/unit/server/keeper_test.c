#include "server/fake_child.h"
#include "server/keeper.h"

static uint64_t serves(const struct fake_world *w, uint32_t slot)
{
    return atomic_load(&w->pages->worker[slot].serves);
}

/* Makes the world, with the first worker in its place. */
static struct keeper *serving_worker(struct fake_world *w)
{
    fake_world_init(w);
    struct keeper *k = &w->keepers[1];
    keeper_start(k);
    until(serves(w, 0) == 1);
    return k;
}

static void test_a_death(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w);
    struct keeper *k = &w.keepers[2];
    keeper_start(k);
    until(serves(&w, 1) == 2);
    atomic_store(&w.pages->worker[1].heartbeat_ns, 5);
    const pid_t first = child_pid(k->now->child);
    assert_int_equal(atomic_load(&w.pages->worker[1].pid), first);
    child_signal(k->now->child, SIGKILL);
    until(w.emptied == 1);
    assert_int_equal(w.signum, SIGKILL);
    assert_int_equal(atomic_load(&w.pages->worker[1].heartbeat_ns), 0);
    assert_int_equal(atomic_load(&w.pages->worker[1].restarts), 1);
    until(serves(&w, 1) == 2);
    assert_true(child_pid(k->now->child) != first);
    /* The owner may have other plans. */
    w.restart = false;
    child_signal(k->now->child, SIGKILL);
    until(w.emptied == 2);
    assert_null(k->now);
    assert_false(timeout_is_set(&k->restart));
    fake_world_finish(&w);
}

static void test_back_off(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w);
    fake_text(&w, "x");
    keeper_start(&w.keepers[1]);
    until(w.emptied == 3);
    assert_int_equal(w.status, 5);
    assert_true(timeout_is_set(&w.keepers[1].restart));
    assert_null(w.keepers[1].now);
    until(w.emptied == 4);
    fake_world_finish(&w);
}

static void test_a_worker_is_replaced(void **state)
{
    (void)state;
    struct fake_world w;
    struct keeper *k = serving_worker(&w);
    struct keeper_process *first = k->now;
    for (uint32_t round = 0; round < 2; round++) {
        const uint32_t slot = round == 0 ? FAKE_WORKERS : 0; /* each time the other one */
        fake_text(&w, "s");
        keeper_replace(k);
        assert_ptr_equal(k->now, first);
        assert_int_equal(k->next->slot, slot);
        assert_int_equal(keeper_running(k), 2);
        until(keeper_advance(k));
        assert_int_equal(k->now->slot, slot);
        assert_int_equal(k->now->generation, w.shared.generation);
        assert_int_equal(serves(&w, slot), 1);
        assert_ptr_equal(k->old, first);
        until(k->old == NULL);
        assert_int_equal(serves(&w, round == 0 ? 0 : FAKE_WORKERS), 0);
        first = k->now;
    }
    assert_int_equal(w.emptied, 0);
    assert_false(keeper_advance(k));
    fake_world_finish(&w);
}

static void test_the_grace_of_one_that_does_not_end(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w);
    struct keeper *k = &w.keepers[1];
    fake_text(&w, "k");
    w.shared.drain_ms = 30;
    keeper_start(k);
    until(serves(&w, 0) == 1);
    fake_text(&w, "s");
    keeper_replace(k);
    until(keeper_advance(k));
    until(k->old == NULL);
    assert_non_null(k->now);
    assert_int_equal(w.emptied, 0);
    assert_int_equal(atomic_load(&w.pages->worker[0].restarts), 0);
    fake_world_finish(&w);
}

static void test_a_next_one_that_dies_or_is_given_up(void **state)
{
    (void)state;
    struct fake_world w;
    struct keeper *k = serving_worker(&w);
    const struct keeper_process *first = k->now;
    fake_text(&w, "x");
    keeper_replace(k);
    until(k->next == NULL);
    fake_text(&w, "h");
    keeper_replace(k);
    peer_turns(5);
    assert_false(keeper_advance(k));
    keeper_give_up(k);
    until(k->next == NULL);
    assert_ptr_equal(k->now, first);
    assert_int_equal(w.emptied, 0);
    fake_world_finish(&w);
}

/* The one that serves dies meanwhile: the next one is in its place, whether it serves yet or not. */
static void test_now_dies_while_next_starts(void **state)
{
    (void)state;
    struct fake_world w;
    struct keeper *k = serving_worker(&w);
    fake_text(&w, "s");
    keeper_replace(k);
    const struct keeper_process *next = k->next;
    child_signal(k->now->child, SIGKILL);
    until(k->now == next);
    assert_null(k->next);
    assert_int_equal(w.emptied, 0);
    fake_world_finish(&w);
}

/* There are never two of control. */
static void test_control_is_replaced(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w);
    struct keeper *k = &w.keepers[0];
    keeper_start(k);
    until(atomic_load(&w.pages->control_ready) == 1);
    const pid_t first = child_pid(k->now->child);
    fake_text(&w, "s");
    keeper_replace(k);
    assert_null(k->now);
    keeper_replace(k); /* no effect while the old one ends */
    until(k->now != NULL);
    assert_null(k->old);
    assert_int_equal(kill(first, 0), -1);
    assert_int_equal(k->now->generation, w.shared.generation);
    assert_int_equal(w.emptied, 0);
    fake_world_finish(&w);
}

static void test_adopted_ones(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w);
    struct keeper *k = &w.keepers[1];
    struct err e = {0};
    pid_t pids[2];
    for (size_t i = 0; i < 2; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            (void)pause();
            _exit(0);
        }
    }
    const struct keeper_process drains = {.slot = 2, .foreign_page = true};
    const struct keeper_process serving = {.slot = 0, .generation = 1};
    assert_int_equal(keeper_adopt(k, &drains, pids[0], true, &e), ERR_OK);
    assert_int_equal(keeper_adopt(k, &serving, pids[1], false, &e), ERR_OK);
    assert_int_equal(keeper_adopt(k, &serving, getppid(), false, &e), ERR_NOT_FOUND);
    assert_int_equal(keeper_running(k), 2);
    assert_true(timeout_is_set(&k->grace));
    (void)kill(pids[0], SIGTERM);
    until(k->old == NULL);
    (void)kill(pids[1], SIGTERM);
    until(w.emptied == 1);
    assert_int_equal(w.signum, SIGTERM);
    until(serves(&w, 0) == 1); /* one of ours is in its place */
    fake_world_finish(&w);
}

static void test_a_hang(void **state)
{
    (void)state;
    struct fake_world w;
    struct keeper *k = serving_worker(&w);
    const uint64_t second = 1000000000;
    atomic_store(&w.pages->worker[0].heartbeat_ns, 10 * second);
    w.shared.hang_cpu_ms = 0;
    keeper_watch(k, 10 * second);
    assert_int_equal(k->now->late_cpu_ns, 0);
    keeper_watch(k, 20 * second);
    assert_true(k->now->late_cpu_ns > 0);
    atomic_store(&w.pages->worker[0].heartbeat_ns, 20 * second);
    keeper_watch(k, 20 * second);
    assert_int_equal(k->now->late_cpu_ns, 0);
    keeper_watch(k, 30 * second);
    keeper_watch(k, 30 * second);
    until(w.emptied == 1);
    assert_int_equal(w.signum, SIGKILL);
    fake_world_finish(&w);
}

int main(int argc, char **argv)
{
    fake_child_main(argc, argv);
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_a_death),
        T(test_back_off),
        T(test_a_worker_is_replaced),
        T(test_the_grace_of_one_that_does_not_end),
        T(test_a_next_one_that_dies_or_is_given_up),
        T(test_now_dies_while_next_starts),
        T(test_control_is_replaced),
        T(test_adopted_ones),
        T(test_a_hang),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
