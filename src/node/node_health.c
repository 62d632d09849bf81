#include "node/node_health.h"

#include <assert.h>
#include <stdatomic.h>

#include "node/node_slots.h"

struct node_health_slot {
    _Atomic uint64_t key;
    _Atomic uint64_t ejected_until_ns;
    _Atomic uint64_t probed_at_ns; /* when a request was let through to try; 0: none is out */
    _Atomic uint32_t fails;
    _Atomic uint32_t probe;
    char unused[32];
};

struct node_health_table {
    _Atomic uint64_t changes; /* keys that were added so far */
    char unused[56];
    struct node_health_slot slots[];
};

static_assert(sizeof(struct node_health_slot) == 64, "an upstream is one cache line");
static_assert(sizeof(struct node_health_table) == 64, "and so is what they share");

size_t node_health_size(uint32_t slots)
{
    return sizeof(struct node_health_table) + sizeof(struct node_health_slot) * slots;
}

void node_health_attach(struct node_health *h, void *memory, uint32_t slots)
{
    assert(slots >= NODE_WAYS && (slots & (slots - 1)) == 0);
    h->table = memory;
    h->mask = slots - 1;
}

static struct node_health_slot *find(const struct node_health *h, uint64_t key)
{
    struct node_health_slot *set = &h->table->slots[node_slots_first(key, h->mask)];
    for (int i = 0; i < NODE_WAYS; i++)
        if (atomic_load_explicit(&set[i].key, memory_order_acquire) == key)
            return &set[i];
    return NULL;
}

static void clear(struct node_health_slot *s)
{
    atomic_store(&s->ejected_until_ns, 0);
    atomic_store(&s->probed_at_ns, 0);
    atomic_store(&s->fails, 0);
    atomic_store(&s->probe, NODE_HEALTH_UNKNOWN);
}

/* Gives a slot of a full set to key, of an upstream of which only past failures are known: it may have gone since. */
static struct node_health_slot *replace(struct node_health_slot *set, uint64_t key, uint64_t now_ns)
{
    for (int i = 0; i < NODE_WAYS; i++) {
        uint64_t old = atomic_load(&set[i].key);
        if (old == NODE_BUSY || atomic_load(&set[i].probe) != NODE_HEALTH_UNKNOWN ||
            atomic_load(&set[i].ejected_until_ns) > now_ns ||
            !atomic_compare_exchange_strong(&set[i].key, &old, NODE_BUSY))
            continue;
        clear(&set[i]);
        atomic_store(&set[i].key, key);
        return &set[i];
    }
    return NULL;
}

/* NULL when the set is full. All callers look at the slots in the same order, so two that add the same key at once
 * meet at the same free slot. */
static struct node_health_slot *find_or_add(struct node_health *h, uint64_t key, uint64_t now_ns)
{
    struct node_health_slot *s = find(h, key);
    if (s != NULL)
        return s;
    struct node_health_slot *set = &h->table->slots[node_slots_first(key, h->mask)];
    for (int i = 0; i < NODE_WAYS; i++) {
        uint64_t found = NODE_FREE;
        if (atomic_compare_exchange_strong(&set[i].key, &found, key) || found == key) {
            atomic_fetch_add(&h->table->changes, 1);
            return &set[i];
        }
    }
    s = replace(set, key, now_ns);
    if (s != NULL)
        atomic_fetch_add(&h->table->changes, 1);
    return s;
}

bool node_health_is_known(const struct node_health *h, struct node_health_mark *m)
{
    /* Starts at 1 in marks, so that a zeroed mark is looked at. */
    uint64_t changes = atomic_load_explicit(&h->table->changes, memory_order_acquire) + 1;
    if (changes != m->changes) {
        m->changes = changes;
        m->known = find(h, m->key) != NULL;
    }
    return m->known;
}

static bool is_tried(uint64_t probed, const struct node_health_policy *policy, uint64_t now_ns)
{
    return probed != 0 && now_ns < probed + policy->probe_ns;
}

static enum node_health_use look(const struct node_health_slot *s,
                                 const struct node_health_policy *policy, uint64_t now_ns)
{
    if (atomic_load_explicit(&s->probe, memory_order_relaxed) == NODE_HEALTH_DOWN)
        return NODE_HEALTH_AVOID;
    uint64_t until = atomic_load_explicit(&s->ejected_until_ns, memory_order_relaxed);
    if (until == 0 || policy->max_fails == 0)
        return NODE_HEALTH_USE;
    uint64_t probed = atomic_load_explicit(&s->probed_at_ns, memory_order_relaxed);
    return until > now_ns || is_tried(probed, policy, now_ns) ? NODE_HEALTH_AVOID : NODE_HEALTH_TRY;
}

enum node_health_use node_health_look(const struct node_health *h, uint64_t key,
                                      const struct node_health_policy *policy, uint64_t now_ns)
{
    const struct node_health_slot *s = find(h, key);
    return s == NULL ? NODE_HEALTH_USE : look(s, policy, now_ns);
}

static bool claim(struct node_health_slot *s, const struct node_health_policy *policy,
                  uint64_t now_ns)
{
    uint64_t probed = atomic_load(&s->probed_at_ns);
    return !is_tried(probed, policy, now_ns) &&
           atomic_compare_exchange_strong(&s->probed_at_ns, &probed, now_ns);
}

bool node_health_claim(struct node_health *h, uint64_t key, const struct node_health_policy *policy,
                       uint64_t now_ns)
{
    struct node_health_slot *s = find(h, key);
    return s == NULL || claim(s, policy, now_ns);
}

void node_health_unclaim(struct node_health *h, uint64_t key)
{
    struct node_health_slot *s = find(h, key);
    if (s != NULL)
        atomic_store(&s->probed_at_ns, 0);
}

bool node_health_allows(struct node_health *h, uint64_t key,
                        const struct node_health_policy *policy, uint64_t now_ns)
{
    struct node_health_slot *s = find(h, key);
    if (s == NULL)
        return true;
    enum node_health_use use = look(s, policy, now_ns);
    return use == NODE_HEALTH_USE || (use == NODE_HEALTH_TRY && claim(s, policy, now_ns));
}

static enum node_health_change restore(struct node_health_slot *s)
{
    if (atomic_load_explicit(&s->fails, memory_order_relaxed) != 0)
        atomic_store_explicit(&s->fails, 0, memory_order_relaxed);
    if (atomic_load_explicit(&s->ejected_until_ns, memory_order_relaxed) == 0)
        return NODE_HEALTH_SAME;
    atomic_store(&s->probed_at_ns, 0);
    return atomic_exchange(&s->ejected_until_ns, 0) != 0 ? NODE_HEALTH_RESTORED : NODE_HEALTH_SAME;
}

static enum node_health_change fail(struct node_health_slot *s,
                                    const struct node_health_policy *policy, uint64_t now_ns)
{
    uint32_t fails = atomic_load(&s->fails);
    while (fails < UINT32_MAX && !atomic_compare_exchange_weak(&s->fails, &fails, fails + 1))
        ;
    if (policy->max_fails == 0 || fails + 1 < policy->max_fails)
        return NODE_HEALTH_SAME;
    uint64_t before = atomic_exchange(&s->ejected_until_ns, now_ns + policy->fail_ns);
    atomic_store(&s->probed_at_ns, 0);
    return before == 0 ? NODE_HEALTH_EJECTED : NODE_HEALTH_SAME;
}

enum node_health_change node_health_report(struct node_health *h, uint64_t key, bool ok,
                                           const struct node_health_policy *policy, uint64_t now_ns)
{
    /* Of an upstream that never failed nothing is kept. */
    struct node_health_slot *s = ok ? find(h, key) : find_or_add(h, key, now_ns);
    if (s == NULL)
        return NODE_HEALTH_SAME;
    return ok ? restore(s) : fail(s, policy, now_ns);
}

bool node_health_set(struct node_health *h, uint64_t key, enum node_health_probe probe)
{
    struct node_health_slot *s = find_or_add(h, key, 0);
    if (s == NULL)
        return false;
    atomic_store(&s->probe, (uint32_t)probe);
    if (probe == NODE_HEALTH_UP)
        (void)restore(s);
    return true;
}

void node_health_get(const struct node_health *h, uint64_t key, struct node_health_info *ret)
{
    const struct node_health_slot *s = find(h, key);
    *ret = (struct node_health_info){0};
    if (s == NULL)
        return;
    uint32_t probe = atomic_load(&s->probe);
    ret->probe = probe <= NODE_HEALTH_DOWN ? (enum node_health_probe)probe : NODE_HEALTH_UNKNOWN;
    ret->fails = atomic_load(&s->fails);
    ret->ejected_until_ns = atomic_load(&s->ejected_until_ns);
}

void node_health_remove(struct node_health *h, uint64_t key)
{
    struct node_health_slot *s = find(h, key);
    if (s == NULL)
        return;
    clear(s);
    atomic_store_explicit(&s->key, NODE_FREE, memory_order_release);
}
