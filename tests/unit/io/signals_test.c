#include "io/peer.h"
#include "io/signals.h"

struct seen {
    int calls;
    int signum;
};

static void on_signal(void *user, int signum)
{
    struct seen *s = user;
    s->calls++;
    s->signum = signum;
}

static void test_arrives_on_the_loop(void **state)
{
    (void)state;
    struct seen s = {0};
    struct seen other = {0};
    struct signals *a = signals_watch(loop, SIGUSR1, on_signal, &s);
    struct signals *b = signals_watch(loop, SIGUSR2, on_signal, &other);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(raise(SIGUSR1), 0);
        assert_int_equal(s.calls, i - 1);
        until(s.calls == i);
        assert_int_equal(s.signum, SIGUSR1);
    }
    assert_int_equal(other.calls, 0);
    signals_stop(a);
    signals_stop(b);
    signals_stop(NULL);
}

static void test_stopped_before_it_is_delivered(void **state)
{
    (void)state;
    struct seen s = {0};
    struct signals *a = signals_watch(loop, SIGUSR1, on_signal, &s);
    assert_int_equal(raise(SIGUSR1), 0);
    signals_stop(a);
    peer_turns(3);
    assert_int_equal(s.calls, 0);
}

static void test_does_not_keep_the_loop(void **state)
{
    (void)state;
    struct seen s = {0};
    struct signals *a = signals_watch(loop, SIGUSR1, on_signal, &s);
    timeout_finish(&tick);
    loop_run(loop);
    signals_stop(a);
    timeout_init(&tick, loop, peer_on_tick);
    timeout_set(&tick, PEER_TICK_MS);
}

static void test_ignored(void **state)
{
    (void)state;
    static const int ignored[] = {SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE};
    signals_ignore_operator();
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
        assert_int_equal(raise(ignored[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
        (void)signal(ignored[i], SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_arrives_on_the_loop),
        T(test_stopped_before_it_is_delivered),
        T(test_does_not_keep_the_loop),
        T(test_ignored),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
