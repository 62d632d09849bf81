#include <sys/epoll.h>

#include "io/loop.h"
#include "io/peer.h"

struct noting_task {
    struct loop_task task;
    int runs;
    struct noting_task *then; /* scheduled from within */
};

static void on_task(struct loop_task *t)
{
    struct noting_task *n = container_of(t, struct noting_task, task);
    n->runs++;
    if (n->then != NULL)
        loop_schedule(loop, &n->then->task);
}

static void test_tasks_run_once_at_the_end_of_the_turn(void **state)
{
    (void)state;
    struct noting_task t = {.task.run = on_task};
    loop_schedule(loop, &t.task);
    loop_schedule(loop, &t.task);
    assert_int_equal(t.runs, 0);
    loop_turn(loop, false);
    assert_int_equal(t.runs, 1);
    loop_turn(loop, false);
    assert_int_equal(t.runs, 1);
}

static void test_tasks_of_tasks_run_in_the_next_turn(void **state)
{
    (void)state;
    struct noting_task second = {.task.run = on_task};
    struct noting_task first = {.task.run = on_task, .then = &second};
    struct noting_task itself = {.task.run = on_task};
    itself.then = &itself;
    loop_schedule(loop, &first.task);
    loop_schedule(loop, &itself.task);
    loop_turn(loop, true);
    assert_int_equal(first.runs, 1);
    assert_int_equal(second.runs, 0);
    assert_int_equal(itself.runs, 1);
    loop_turn(loop, true); /* does not wait, though nothing else happens */
    assert_int_equal(second.runs, 1);
    assert_int_equal(itself.runs, 2);
    loop_unschedule(&itself.task);
}

static void test_unscheduled_task_does_not_run_nor_keep_the_loop_busy(void **state)
{
    (void)state;
    struct noting_task t = {.task.run = on_task};
    timeout_clear(&tick);
    timeout_finish(&tick);
    loop_schedule(loop, &t.task);
    loop_unschedule(&t.task);
    loop_unschedule(&t.task);
    loop_run(loop); /* returns: nothing is left */
    assert_int_equal(t.runs, 0);

    /* A loop with nothing but a task runs it. */
    loop_schedule(loop, &t.task);
    loop_run(loop);
    assert_int_equal(t.runs, 1);
    timeout_init(&tick, loop, peer_on_tick);
}

static void on_stop(struct loop_task *t)
{
    on_task(t);
    loop_stop(loop);
}

static void test_stop(void **state)
{
    (void)state;
    struct noting_task t = {.task.run = on_stop};
    loop_schedule(loop, &t.task);
    loop_run(loop);
    assert_int_equal(t.runs, 1);
}

static void on_work(void *user)
{
    *(int *)user += 1;
}

static void on_work_done(void *user)
{
    *(int *)user += 10;
}

static void test_work(void **state)
{
    (void)state;
    int n = 0;
    loop_work(loop, on_work, on_work_done, &n);
    until(n == 11);
}

struct watcher {
    struct loop_watch watch;
    int fires;
    uint32_t events;
    struct watcher *removes; /* another one, from within */
    int fd;
};

static void on_watch(struct loop_watch *w, uint32_t events)
{
    struct watcher *x = container_of(w, struct watcher, watch);
    x->fires++;
    x->events = events;
    if (x->removes != NULL && x->removes->fd >= 0) {
        loop_watch_remove(loop, &x->removes->watch, x->removes->fd, true);
        x->removes->fd = -1;
    }
}

static void test_watch_is_edge_triggered(void **state)
{
    (void)state;
    int fds[2];
    peer_pair(fds);
    struct watcher w = {.watch.fire = on_watch, .fd = fds[1]};
    assert_true(loop_watch_add(loop, &w.watch, fds[1], EPOLLIN));
    peer_turns(2);
    assert_int_equal(w.fires, 0);
    assert_int_equal(send(fds[0], "a", 1, 0), 1);
    until(w.fires == 1);
    peer_turns(3);
    assert_int_equal(w.fires, 1);
    loop_watch_change(loop, &w.watch, fds[1], EPOLLIN | EPOLLOUT);
    until(w.fires == 2);
    assert_true((w.events & EPOLLOUT) != 0);
    loop_watch_remove(loop, &w.watch, fds[1], true);
    assert_int_equal(send(fds[0], "a", 1, 0), 1);
    peer_turns(3);
    assert_int_equal(w.fires, 2);
    assert_false(loop_watch_add(loop, &w.watch, -1, EPOLLIN));
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void test_watch_removed_by_another_in_the_same_turn(void **state)
{
    (void)state;
    int a[2];
    int b[2];
    peer_pair(a);
    peer_pair(b);
    struct watcher wa = {.watch.fire = on_watch, .fd = a[1]};
    struct watcher wb = {.watch.fire = on_watch, .fd = b[1], .removes = &wa};
    wa.removes = &wb;
    assert_true(loop_watch_add(loop, &wa.watch, a[1], EPOLLIN));
    assert_true(loop_watch_add(loop, &wb.watch, b[1], EPOLLIN));
    assert_int_equal(send(a[0], "a", 1, 0), 1);
    assert_int_equal(send(b[0], "a", 1, 0), 1);
    until(wa.fires + wb.fires == 1);
    peer_turns(3);
    assert_int_equal(wa.fires + wb.fires, 1);
    struct watcher *left = wa.fd >= 0 ? &wa : &wb;
    loop_watch_remove(loop, &left->watch, left->fd, false);
    for (int i = 0; i < 2; i++) {
        (void)close(a[i]);
        (void)close(b[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_tasks_run_once_at_the_end_of_the_turn),
        T(test_tasks_of_tasks_run_in_the_next_turn),
        T(test_unscheduled_task_does_not_run_nor_keep_the_loop_busy),
        T(test_stop),
        T(test_work),
        T(test_watch_is_edge_triggered),
        T(test_watch_removed_by_another_in_the_same_turn),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
