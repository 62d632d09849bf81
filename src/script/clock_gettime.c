/* The C library's clock_gettime(), which the engine asks for the thread's processor time at every entry into JavaScript: a
 * system call that costs as much as the call itself. Here that clock is asked once a millisecond; in between, what has
 * passed of real time counts as if it were the thread's, so that the answer is less than a millisecond too large, and stands
 * still where the clock turns out to be behind it. All other clocks are the library's. See
 * docs/decisions/0006-processor-time.md.
 */
#include "script/clock_gettime.h"

#include <dlfcn.h>
#include <string.h>
#include <time.h>

enum { NS_PER_S = 1000000000, FRESH_NS = 1000000 };

typedef int (*clock_function)(clockid_t id, struct timespec *ret);

static clock_function library(void)
{
    static _Atomic(clock_function) known;
    clock_function f = known;
    if (f == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "clock_gettime");
        memcpy(&f, &symbol, sizeof(f));
        known = f;
    }
    return f;
}

static int64_t read_ns(clockid_t id)
{
    struct timespec t = {0};
    (void)library()(id, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

uint64_t clock_gettime_thread_ns(void)
{
    static _Thread_local int64_t
        used_ns; /* at the monotonic time at_ns; that is 0 before the first time */
    static _Thread_local int64_t at_ns;
    static _Thread_local int64_t told_ns;
    const int64_t now = read_ns(CLOCK_MONOTONIC);
    if (at_ns == 0 || now - at_ns >= FRESH_NS) {
        used_ns = read_ns(CLOCK_THREAD_CPUTIME_ID);
        at_ns = now;
    }
    const int64_t ns = used_ns + (now - at_ns);
    told_ns = told_ns > ns ? told_ns : ns;
    return (uint64_t)told_ns;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the library's names are reserved ones */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *ret)
{
    if (id != CLOCK_THREAD_CPUTIME_ID)
        return library()(id, ret);
    const uint64_t ns = clock_gettime_thread_ns();
    ret->tv_sec = (time_t)(ns / NS_PER_S);
    ret->tv_nsec = (long)(ns % NS_PER_S);
    return 0;
}
