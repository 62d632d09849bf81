/* A worker's counters in its page. They go on from what the worker before it had counted, so that their sums never go
 * backwards.
 */
#ifndef SERVER_COUNTERS_H
#define SERVER_COUNTERS_H

#include "http/http_server.h"
#include "server/pages.h"

/* What the page had when this worker began. */
struct counters {
#define X(name) uint64_t name;
    PAGES_COUNTERS(X)
#undef X
    uint64_t durations[PROXY_DURATION_CLASSES];
};

/* Before the first counters_publish(); the page's gauges are zero then. */
void counters_begin(struct counters *c, struct pages_worker *page);

/* Writes what was counted since into the page. */
void counters_publish(const struct counters *c, struct pages_worker *page,
                      const struct proxy_stats *p, const struct http_server_stats *h);

#endif
