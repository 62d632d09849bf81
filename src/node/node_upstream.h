/* The key under which a URL of a service is counted and judged in the node segment: the same in the workers, the
 * active checks and the admin API. */
#ifndef NODE_NODE_UPSTREAM_H
#define NODE_NODE_UPSTREAM_H

#include "base/str.h"

struct node_segment;

/* url as the service has it. */
uint64_t node_upstream_key(const struct node_segment *s, struct str ns, struct str service,
                           struct str url);

#endif
