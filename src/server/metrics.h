/* The server's metrics as text: docs/metrics.md. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "base/buf.h"
#include "server/pages.h"

struct node_segment;

/* Writes all of them, as they are in the pages now. To be called in a child of the supervisor. False when b is full. */
bool metrics_write(struct buf *b, const struct pages *pages, struct node_segment *node,
                   const char *version) __attribute__((warn_unused_result));

#endif
