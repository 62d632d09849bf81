/* What the tables of the node segment have in common: a key may be in any slot of the set that its low bits choose. */
#ifndef NODE_NODE_SLOTS_H
#define NODE_NODE_SLOTS_H

#include <stdint.h>

enum {
    NODE_WAYS = 8, /* slots of a set */
    NODE_FREE = 0, /* no key is 0 or 1: see node_segment_key() */
    NODE_BUSY = 1, /* being given to another key */
};

/* The first slot of the set of key in a table of mask + 1 slots. */
static inline uint32_t node_slots_first(uint64_t key, uint32_t mask)
{
    return (uint32_t)key & mask & ~(uint32_t)(NODE_WAYS - 1);
}

#endif
