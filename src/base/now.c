#include "base/now.h"

#include <stdio.h>
#include <time.h>

static struct timespec read_clock(clockid_t id)
{
    struct timespec ts = {0};
    (void)clock_gettime(id, &ts);
    return ts;
}

uint64_t now_mono_ns(void)
{
    struct timespec ts = read_clock(CLOCK_MONOTONIC);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int64_t now_wall_ms(void)
{
    struct timespec ts = read_clock(CLOCK_REALTIME);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void now_rfc3339(int64_t wall_ms, char out[NOW_RFC3339_SIZE])
{
    int64_t ms = wall_ms % 1000;
    time_t seconds = (time_t)(wall_ms / 1000);
    if (ms < 0) { /* before 1970: count from the second that began last */
        ms += 1000;
        seconds--;
    }
    struct tm tm;
    (void)gmtime_r(&seconds, &tm);
    size_t n = strftime(out, NOW_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out + n, NOW_RFC3339_SIZE - n, ".%03dZ", (int)ms);
}
