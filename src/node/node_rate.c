#include "node/node_rate.h"

#include <assert.h>
#include <stdatomic.h>

#include "node/node_slots.h"

struct node_rate_bucket {
    _Atomic uint64_t key;
    _Atomic uint64_t full_at_ns; /* when all tokens are back */
};

static_assert(sizeof(struct node_rate_bucket) * NODE_WAYS == 128, "a set is two cache lines");

size_t node_rate_size(uint32_t buckets)
{
    return sizeof(struct node_rate_bucket) * buckets;
}

void node_rate_attach(struct node_rate *r, void *memory, uint32_t buckets)
{
    assert(buckets >= NODE_WAYS && (buckets & (buckets - 1)) == 0);
    r->buckets = memory;
    r->mask = buckets - 1;
}

/* The bucket of key, made if need be. */
static struct node_rate_bucket *bucket_of(struct node_rate *r, uint64_t key)
{
    struct node_rate_bucket *set = &r->buckets[node_slots_first(key, r->mask)];
    struct node_rate_bucket *oldest = set;
    for (int i = 0; i < NODE_WAYS; i++) {
        if (atomic_load_explicit(&set[i].key, memory_order_relaxed) == key)
            return &set[i];
        if (atomic_load_explicit(&set[i].full_at_ns, memory_order_relaxed) <
            atomic_load_explicit(&oldest->full_at_ns, memory_order_relaxed))
            oldest = &set[i];
    }
    /* Two workers may do this at once: the later key stays, the other one's token is not counted. */
    atomic_store_explicit(&oldest->key, key, memory_order_relaxed);
    atomic_store_explicit(&oldest->full_at_ns, 0, memory_order_relaxed);
    return oldest;
}

uint64_t node_rate_take(struct node_rate *r, uint64_t key, const struct node_rate_limit *limit,
                        uint64_t now_ns)
{
    assert(limit->period_ns > 0 && limit->burst > 0 &&
           limit->period_ns < (UINT64_C(1) << 62) / limit->burst);
    struct node_rate_bucket *b = bucket_of(r, key);
    uint64_t capacity_ns = limit->period_ns * limit->burst;
    uint64_t old = atomic_load_explicit(&b->full_at_ns, memory_order_relaxed);
    for (;;) {
        uint64_t next = (old > now_ns ? old : now_ns) + limit->period_ns;
        if (next - now_ns > capacity_ns)
            return next - now_ns - capacity_ns;
        if (atomic_compare_exchange_weak_explicit(&b->full_at_ns, &old, next, memory_order_relaxed,
                                                  memory_order_relaxed))
            return 0;
    }
}
