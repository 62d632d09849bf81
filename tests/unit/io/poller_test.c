#include "io/peer.h"
#include "io/poller.h"

struct seen {
    int calls;
    int events;
    struct poller *destroys;
};

static void on_poll(void *user, int events)
{
    struct seen *s = user;
    s->calls++;
    s->events = events;
    poller_destroy(s->destroys);
    s->destroys = NULL;
}

static void test_level_triggered(void **state)
{
    (void)state;
    int fds[2];
    peer_pair(fds);
    struct seen s = {0};
    struct poller *p = poller_create(loop, fds[1], on_poll, &s);
    peer_turns(2);
    poller_watch(p, POLLER_READ);
    peer_turns(2);
    assert_int_equal(s.calls, 0);
    assert_int_equal(send(fds[0], "a", 1, 0), 1);
    until(s.calls >= 3);
    assert_int_equal(s.events, POLLER_READ);
    poller_watch(p, POLLER_WRITE);
    s.calls = 0;
    until(s.calls >= 2);
    assert_int_equal(s.events, POLLER_WRITE);
    poller_watch(p, 0);
    s.calls = 0;
    peer_turns(3);
    assert_int_equal(s.calls, 0);
    poller_watch(p, POLLER_HANGUP);
    peer_turns(3);
    assert_int_equal(s.calls, 0);
    (void)close(fds[0]);
    until(s.calls > 0);
    assert_true((s.events & POLLER_HANGUP) != 0);
    poller_destroy(p);
    (void)close(fds[1]);
    poller_destroy(NULL);
}

static void test_destroyed_from_within(void **state)
{
    (void)state;
    int fds[2];
    peer_pair(fds);
    struct seen s = {0};
    s.destroys = poller_create(loop, fds[1], on_poll, &s);
    poller_watch(s.destroys, POLLER_WRITE);
    until(s.calls == 1);
    peer_turns(3);
    assert_int_equal(s.calls, 1);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void test_an_error_shows_as_all_that_was_asked_for_while_it_lasts(void **state)
{
    (void)state;
    int fds[2];
    peer_pair(fds);
    struct seen s = {0};
    struct poller *p = poller_create(loop, fds[1], on_poll, &s);
    poller_watch(p, POLLER_READ);
    struct peer other;
    peer_init(&other, fds[0]);
    peer_abort(&other);
    peer_finish(&other);
    until(s.calls >= 3);
    assert_true((s.events & POLLER_READ) != 0);
    poller_destroy(p);
    (void)close(fds[1]);
}

static void test_keeps_the_loop_or_not(void **state)
{
    (void)state;
    int fds[2];
    peer_pair(fds);
    struct seen s = {0};
    struct poller *p = poller_create(loop, fds[1], on_poll, &s);
    poller_watch(p, POLLER_READ);
    poller_keep_loop(p, false);
    timeout_finish(&tick);
    loop_run(loop);
    timeout_init(&tick, loop, peer_on_tick);
    poller_keep_loop(p, true);
    poller_destroy(p);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_level_triggered),
        T(test_destroyed_from_within),
        T(test_an_error_shows_as_all_that_was_asked_for_while_it_lasts),
        T(test_keeps_the_loop_or_not),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
