#include "node/node_upstream.h"

#include "base/hash.h"
#include "node/node_segment.h"

uint64_t node_upstream_key(const struct node_segment *s, struct str ns, struct str service,
                           struct str url)
{
    const uint64_t parts[2] = {hash_bytes(ns.len, ns), hash_bytes(service.len, service)};
    return node_segment_key(s, 'u', (struct str){(const char *)parts, sizeof(parts)}, url);
}
