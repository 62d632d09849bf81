/* The node segment: what all workers of a server and its control share beyond the state, in tables of fixed
 * size without locks. A process may be killed at any point and leaves nothing held. Made by the
 * supervisor, inherited as a descriptor; lost when the server stops.
 */
#ifndef NODE_NODE_SEGMENT_H
#define NODE_NODE_SEGMENT_H

#include "base/err.h"
#include "base/str.h"

struct node_counts;
struct node_health;
struct node_rate;
struct node_segment;
struct node_switches;

struct node_segment_options {
    uint32_t workers;
    uint32_t rate_buckets; /* rounded up to a power of two, as the others */
    uint32_t counts;
    uint32_t upstreams;
    uint32_t switches;
};

/* Makes and maps a segment (supervisor); *fd is close-on-exec. */
enum err_code node_segment_make(const struct node_segment_options *options, int *fd,
                                struct node_segment **ret, struct err *e)
    __attribute__((warn_unused_result));

/* Maps an inherited one. ERR_INVALID when it is none of this version. */
enum err_code node_segment_map(int fd, struct node_segment **ret, struct err *e)
    __attribute__((warn_unused_result));

/* NULL is allowed. */
void node_segment_unmap(struct node_segment *s);

/* The key of parts that belong together: the same in all processes that share the segment. kind keeps
 * things of different kinds with the same parts apart. */
uint64_t node_segment_key(const struct node_segment *s, char kind, struct str a, struct str b);

/* Borrowed from s. */
struct node_rate *node_segment_rate(struct node_segment *s);
struct node_counts *node_segment_counts(struct node_segment *s);
struct node_health *node_segment_health(struct node_segment *s);
struct node_switches *node_segment_switches(struct node_segment *s);

#endif
