/* A rate limit as routes and the configuration have it: requests per period, and how many may come at once. */
#ifndef MODEL_RATE_H
#define MODEL_RATE_H

#include <stdint.h>

#include "base/err.h"

enum { RATE_REQUESTS_MAX = 1000 * 1000 };

struct rate {
    int64_t requests; /* per period, 1 to RATE_REQUESTS_MAX; 0: no limit */
    int64_t period_ns;
    int64_t burst; /* 0: as many as requests */
};

/* The time after which one request more is allowed. There must be a limit. */
uint64_t rate_interval_ns(const struct rate *r);
uint32_t rate_burst(const struct rate *r);

/* Whether a full burst comes back within 2^62 ns (146 years), as node/node_rate.h needs it; ERR_INVALID with a
 * sentence about the burst otherwise. */
enum err_code rate_check(const struct rate *r, struct err *e) __attribute__((warn_unused_result));

#endif
