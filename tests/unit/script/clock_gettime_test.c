#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/container.h"
#include "script/clock_gettime.h"
#include "testing.h"

enum { TIMES = 2000, WAIT_MS = 30, WAITS = 100 };

static double ms_of(const struct timespec *t)
{
    return (double)t->tv_sec * 1e3 + (double)t->tv_nsec / 1e6;
}

static double told_ms(clockid_t id)
{
    struct timespec t = {0};
    assert_int_equal(clock_gettime(id, &t), 0);
    assert_in_range(t.tv_nsec, 0, 999999999);
    return ms_of(&t);
}

static double real_ms(clockid_t id)
{
    struct timespec t = {0};
    assert_int_equal(syscall(SYS_clock_gettime, id, &t), 0);
    return ms_of(&t);
}

static void processor_time_is_told_to_the_millisecond(void **state)
{
    (void)state;
    const double began = real_ms(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < TIMES || real_ms(CLOCK_THREAD_CPUTIME_ID) < began + 20; i++) {
        const double before = real_ms(CLOCK_THREAD_CPUTIME_ID);
        const double told = told_ms(CLOCK_THREAD_CPUTIME_ID);
        assert_true(told >= before - 0.001);
        assert_true(told <= real_ms(CLOCK_THREAD_CPUTIME_ID) + 1);
        assert_true((double)clock_gettime_thread_ns() / 1e6 >= before - 0.001);
    }
}

static void waiting_is_not_processor_time(void **state)
{
    (void)state;
    const double before = told_ms(CLOCK_THREAD_CPUTIME_ID);
    assert_int_equal(poll(NULL, 0, WAIT_MS), 0);
    assert_true(told_ms(CLOCK_THREAD_CPUTIME_ID) < before + WAIT_MS / 2.0);
}

/* Short waits within the millisecond in which the clock is not asked. */
static void processor_time_never_goes_back(void **state)
{
    (void)state;
    const struct timespec wait = {.tv_nsec = 300000};
    double last = 0;
    for (int i = 0; i < WAITS; i++) {
        assert_int_equal(ppoll(NULL, 0, &wait, NULL), 0);
        const double told = told_ms(CLOCK_THREAD_CPUTIME_ID);
        assert_true(told >= last);
        last = told;
    }
}

static void other_clocks_are_the_systems(void **state)
{
    (void)state;
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_PROCESS_CPUTIME_ID};
    for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
        const double before = real_ms(clocks[i]);
        const double told = told_ms(clocks[i]);
        assert_true(told >= before && told <= real_ms(clocks[i]));
    }
    struct timespec t;
    assert_int_equal(clock_gettime(12345, &t), -1);
    assert_int_equal(errno, EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processor_time_is_told_to_the_millisecond),
        cmocka_unit_test(waiting_is_not_processor_time),
        cmocka_unit_test(processor_time_never_goes_back),
        cmocka_unit_test(other_clocks_are_the_systems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
