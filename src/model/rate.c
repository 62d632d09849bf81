#include "model/rate.h"

#include <assert.h>
#include <inttypes.h>

#define LONGEST_NS (UINT64_C(1) << 62)

uint64_t rate_interval_ns(const struct rate *r)
{
    assert(r->requests > 0 && r->requests <= RATE_REQUESTS_MAX && r->period_ns >= r->requests);
    return (uint64_t)r->period_ns / (uint64_t)r->requests;
}

uint32_t rate_burst(const struct rate *r)
{
    int64_t burst = r->burst > 0 ? r->burst : r->requests;
    assert(burst <= RATE_REQUESTS_MAX);
    return (uint32_t)burst;
}

enum err_code rate_check(const struct rate *r, struct err *e)
{
    if (r->requests == 0)
        return ERR_OK;
    uint64_t most = LONGEST_NS / (rate_interval_ns(r) + 1);
    if (rate_burst(r) <= most)
        return ERR_OK;
    return err_set(e, ERR_INVALID, "must be at most %" PRIu64 " with so few requests per period",
                   most);
}
