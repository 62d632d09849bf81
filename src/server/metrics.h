/* The server's metrics as text: docs/metrics.md. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "base/buf.h"
#include "node/node_cache.h"
#include "server/pages.h"

/* Writes all of them, as they are in the pages now. To be called in a child of the supervisor. False when b is full. */
bool metrics_write(struct buf *b, const struct pages *pages, const struct node_cache *cache,
                   const char *version) __attribute__((warn_unused_result));

#endif
