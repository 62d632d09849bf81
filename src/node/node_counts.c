/* A key is only replaced in a slot whose columns are all zero. Whoever replaces it puts NODE_BUSY there first and looks
 * at the columns again; whoever counts looks at the key again after counting. One of the two sees the other. A
 * process that is killed in between leaves NODE_BUSY: that slot is not used again, nothing waits for it.
 */
#include "node/node_counts.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "node/node_slots.h"

enum { LINE = 64 };

struct slot {
    _Atomic uint64_t key;
    _Atomic uint32_t column[]; /* one per worker */
};

static size_t stride_of(uint32_t workers)
{
    size_t size = sizeof(struct slot) + workers * sizeof(_Atomic uint32_t);
    return (size + LINE - 1) / LINE * LINE;
}

size_t node_counts_size(uint32_t slots, uint32_t workers)
{
    return stride_of(workers) * slots;
}

void node_counts_attach(struct node_counts *c, void *memory, uint32_t slots, uint32_t workers)
{
    assert(slots >= NODE_WAYS && (slots & (slots - 1)) == 0);
    c->slots = memory;
    c->stride = stride_of(workers);
    c->mask = slots - 1;
    c->workers = workers;
}

static struct slot *slot_at(const struct node_counts *c, uint32_t i)
{
    return (struct slot *)(void *)(c->slots + c->stride * i);
}

static uint32_t sum_of(const struct node_counts *c, const struct slot *s)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < c->workers; i++)
        sum += atomic_load(&s->column[i]);
    return sum;
}

static uint32_t find(const struct node_counts *c, uint64_t key)
{
    uint32_t first = node_slots_first(key, c->mask);
    for (uint32_t i = first; i < first + NODE_WAYS; i++)
        if (atomic_load(&slot_at(c, i)->key) == key)
            return i;
    return NODE_COUNTS_NONE;
}

/* Gives a slot that counts nothing to key. */
static bool claim(const struct node_counts *c, struct slot *s, uint64_t key)
{
    uint64_t old = atomic_load(&s->key);
    if (old == NODE_BUSY || sum_of(c, s) != 0 ||
        !atomic_compare_exchange_strong(&s->key, &old, NODE_BUSY))
        return false;
    bool unused = sum_of(c, s) == 0;
    atomic_store(&s->key, unused ? key : old);
    return unused;
}

static uint32_t find_or_claim(const struct node_counts *c, uint64_t key)
{
    uint32_t found = find(c, key);
    if (found != NODE_COUNTS_NONE)
        return found;
    uint32_t first = node_slots_first(key, c->mask);
    for (uint32_t i = first; i < first + NODE_WAYS; i++)
        if (claim(c, slot_at(c, i), key))
            return i;
    return find(c, key);
}

uint32_t node_counts_add(struct node_counts *c, uint32_t worker, uint64_t key, uint32_t *sum)
{
    assert(worker < c->workers && key > NODE_BUSY);
    *sum = 1;
    for (int tries = 0; tries < NODE_WAYS; tries++) {
        uint32_t i = find_or_claim(c, key);
        if (i == NODE_COUNTS_NONE)
            return NODE_COUNTS_NONE;
        struct slot *s = slot_at(c, i);
        atomic_fetch_add(&s->column[worker], 1);
        if (atomic_load(&s->key) == key) {
            *sum = sum_of(c, s);
            return i;
        }
        atomic_fetch_sub(&s->column[worker], 1);
    }
    return NODE_COUNTS_NONE;
}

void node_counts_drop(struct node_counts *c, uint32_t worker, uint32_t slot)
{
    if (slot == NODE_COUNTS_NONE)
        return;
    assert(worker < c->workers && slot <= c->mask);
    atomic_fetch_sub(&slot_at(c, slot)->column[worker], 1);
}

uint32_t node_counts_sum(const struct node_counts *c, uint64_t key)
{
    uint32_t i = find(c, key);
    return i == NODE_COUNTS_NONE ? 0 : sum_of(c, slot_at(c, i));
}

void node_counts_forget(struct node_counts *c, uint32_t worker)
{
    assert(worker < c->workers);
    for (uint32_t i = 0; i <= c->mask; i++)
        atomic_store(&slot_at(c, i)->column[worker], 0);
}
