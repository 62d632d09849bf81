#include "server/fake_child.h"
#include "server/roll.h"

struct rolling {
    struct fake_world w;
    struct roll roll;
    int done;
    int failed;
    const struct keeper *who;
    const char *back_to; /* text for another roll after a failure; NULL: none */
};

static void on_done(void *user)
{
    struct rolling *r = user;
    r->done++;
}

static void on_failed(void *user, const struct keeper *k)
{
    struct rolling *r = user;
    r->failed++;
    r->who = k;
    if (r->back_to == NULL)
        return;
    fake_text(&r->w, r->back_to);
    roll_begin(&r->roll);
}

static void setup(struct rolling *r)
{
    *r = (struct rolling){0};
    fake_world_init(&r->w);
    r->roll = (struct roll){.keepers = r->w.keepers,
                            .count = ARRAY_LEN(r->w.keepers),
                            .shared = &r->w.shared,
                            .on_done = on_done,
                            .on_failed = on_failed,
                            .user = r};
    for (size_t i = 0; i < ARRAY_LEN(r->w.keepers); i++)
        keeper_start(&r->w.keepers[i]);
    until(atomic_load(&r->w.pages->control_ready) == 1 &&
          atomic_load(&r->w.pages->worker[0].serves) == 1 &&
          atomic_load(&r->w.pages->worker[1].serves) == 2);
}

/* Steps once; true when condition-like value holds afterwards. */
static bool stepped(struct rolling *r, const int *count)
{
    if (r->roll.active)
        roll_step(&r->roll);
    return *count > 0;
}

static void assert_all_current(const struct rolling *r)
{
    for (size_t i = 0; i < ARRAY_LEN(r->w.keepers); i++) {
        assert_non_null(r->w.keepers[i].now);
        assert_null(r->w.keepers[i].next);
        assert_int_equal(r->w.keepers[i].now->generation, r->w.shared.generation);
    }
}

static void test_everything_is_replaced(void **state)
{
    (void)state;
    struct rolling r;
    setup(&r);
    fake_text(&r.w, "s");
    roll_begin(&r.roll);
    until(stepped(&r, &r.done));
    assert_false(r.roll.active);
    assert_all_current(&r);
    until(!roll_is_settling(&r.roll));
    assert_int_equal(fake_running(&r.w), 3);
    assert_int_equal(r.failed + r.w.emptied, 0);
    fake_world_finish(&r.w);
}

/* Control is first: nothing else is touched when it does not take the text. */
static void test_control_refuses(void **state)
{
    (void)state;
    struct rolling r;
    setup(&r);
    const struct keeper_process *worker = r.w.keepers[1].now;
    r.w.restart = false;
    fake_text(&r.w, "r");
    roll_begin(&r.roll);
    until(stepped(&r, &r.w.emptied));
    assert_int_equal(r.w.status, LAUNCH_EXIT_REFUSED);
    assert_ptr_equal(r.w.keepers[1].now, worker);
    assert_null(r.w.keepers[1].next);
    fake_text(&r.w, "s");
    r.w.shared.generation = worker->generation; /* the text before is back */
    roll_begin(&r.roll);
    until(stepped(&r, &r.done));
    assert_ptr_equal(r.w.keepers[1].now, worker);
    assert_all_current(&r);
    fake_world_finish(&r.w);
}

/* Control is replaced, and what follows gets this text. */
static void roll_up_to_the_workers(struct rolling *r, const char *text)
{
    fake_text(&r->w, "s");
    roll_begin(&r->roll);
    until(stepped(r, (const int[]){r->w.keepers[0].now != NULL &&
                                   r->w.keepers[0].now->generation == r->w.shared.generation}));
    until(atomic_load(&r->w.pages->control_ready) == 1);
    const uint32_t generation = r->w.shared.generation;
    fake_text(&r->w, text);
    r->w.shared.generation = generation;
}

/* A worker that does not start: after some tries the owner is told, and may go back. */
static void test_a_worker_does_not_start(void **state)
{
    (void)state;
    struct rolling r;
    setup(&r);
    const struct keeper_process *worker = r.w.keepers[1].now;
    roll_up_to_the_workers(&r, "x");
    r.back_to = "s";
    until(stepped(&r, &r.failed));
    assert_ptr_equal(r.who, &r.w.keepers[1]);
    assert_ptr_equal(r.w.keepers[1].now, worker);
    until(stepped(&r, &r.done));
    assert_all_current(&r);
    fake_world_finish(&r.w);
}

static void test_a_place_that_is_empty(void **state)
{
    (void)state;
    struct rolling r;
    setup(&r);
    r.w.restart = false;
    child_signal(r.w.keepers[2].now->child, SIGKILL);
    until(r.w.keepers[2].now == NULL);
    fake_text(&r.w, "s");
    roll_begin(&r.roll);
    until(stepped(&r, &r.done));
    assert_all_current(&r);
    fake_world_finish(&r.w);
}

/* One that died and was started again with the current text is not done before it serves. */
static void test_a_worker_dies_meanwhile(void **state)
{
    (void)state;
    struct rolling r;
    setup(&r);
    roll_up_to_the_workers(&r, "h");
    child_signal(r.w.keepers[1].now->child, SIGKILL);
    until(r.w.emptied == 1);
    for (int i = 0; i < 5; i++)
        roll_step(&r.roll);
    assert_int_equal(r.roll.place, 1);
    assert_null(r.w.keepers[2].next);
    const uint32_t generation = r.w.shared.generation;
    fake_text(&r.w, "s");
    r.w.shared.generation = generation;
    child_signal(r.w.keepers[1].now->child, SIGKILL);
    until(stepped(&r, &r.done));
    assert_all_current(&r);
    assert_int_equal(r.failed, 0);
    fake_world_finish(&r.w);
}

/* It is over when none of before accepts connections any more. */
static void test_the_old_ones_accept_for_a_while(void **state)
{
    (void)state;
    struct rolling r;
    setup(&r);
    fake_text(&r.w, "k");
    roll_begin(&r.roll);
    until(stepped(&r, &r.done));
    const struct keeper_process *before = r.w.keepers[1].now;
    r.done = 0;
    until(!roll_is_settling(&r.roll));
    fake_text(&r.w, "s");
    roll_begin(&r.roll);
    until((roll_step(&r.roll), r.w.keepers[0].old != NULL));
    child_signal(r.w.keepers[0].old->child, SIGKILL);
    until((roll_step(&r.roll), r.w.keepers[2].old != NULL));
    assert_all_current(&r);
    roll_step(&r.roll);
    assert_int_equal(r.done, 0);
    assert_ptr_equal(r.w.keepers[1].old, before);
    for (uint32_t i = 1; i <= FAKE_WORKERS; i++)
        atomic_store(&r.w.pages->worker[r.w.keepers[i].old->slot].serves, 0);
    roll_step(&r.roll);
    assert_int_equal(r.done, 1);
    fake_world_finish(&r.w);
}

int main(int argc, char **argv)
{
    fake_child_main(argc, argv);
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_everything_is_replaced),  T(test_control_refuses),
        T(test_a_worker_does_not_start), T(test_a_place_that_is_empty),
        T(test_a_worker_dies_meanwhile), T(test_the_old_ones_accept_for_a_while),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
