/* Token buckets that all workers take from: one number per bucket, the "theoretical arrival time" of the
 * generic cell rate algorithm (ITU-T I.371), changed by compare-and-swap.
 *
 * The table is set-associative: a new key takes the place of the bucket of its set that has been full for
 * longest. When none is full, the one that is nearest to it is given up, so an overfull table errs towards
 * letting requests through.
 */
#ifndef NODE_NODE_RATE_H
#define NODE_NODE_RATE_H

#include <stddef.h>
#include <stdint.h>

struct node_rate_bucket;

/* A view of the shared table. */
struct node_rate {
    struct node_rate_bucket *buckets;
    uint32_t mask;
};

size_t node_rate_size(uint32_t buckets);
void node_rate_attach(struct node_rate *r, void *memory, uint32_t buckets);

/* A token comes back every period_ns (> 0), and at most burst (> 0) are saved; their product is below 2^62. */
struct node_rate_limit {
    uint64_t period_ns;
    uint32_t burst;
};

/* Takes a token at now_ns (now_mono_ns()). 0: it was there; else nanoseconds until one will be. */
uint64_t node_rate_take(struct node_rate *r, uint64_t key, const struct node_rate_limit *limit,
                        uint64_t now_ns);

#endif
