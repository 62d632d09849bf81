/* A slot is taken by whoever puts NODE_BUSY in place of its key, and written only by that process until the key is there.
 * Text is written before since_ms, and never again while that is set. A process that is killed in between leaves
 * NODE_BUSY: that slot is lost, nothing waits for it.
 */
#include "node/node_switches.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "node/node_slots.h"

struct slot {
    _Atomic uint64_t key;
    _Atomic uint64_t since_ms;  /* 0: it is on */
    _Atomic uint64_t window_ms; /* when the first of kills was */
    _Atomic uint64_t used_ms;
    _Atomic uint32_t kills;
    _Atomic uint32_t count;
    _Atomic uint32_t reason;
    _Atomic uint32_t closing; /* by who switches it off */
    char route[NODE_SWITCHES_ROUTE_SIZE];
    char module[NODE_SWITCHES_MODULE_SIZE];
};

struct node_switches_table {
    _Atomic uint64_t offs; /* how often one was switched off */
    char unused[56];
    struct slot slots[];
};

size_t node_switches_size(uint32_t slots)
{
    return sizeof(struct node_switches_table) + sizeof(struct slot) * slots;
}

void node_switches_attach(struct node_switches *s, void *memory, uint32_t slots)
{
    assert(slots >= NODE_WAYS && (slots & (slots - 1)) == 0);
    s->table = memory;
    s->mask = slots - 1;
}

static struct slot *find(const struct node_switches *s, uint64_t key)
{
    struct slot *set = &s->table->slots[node_slots_first(key, s->mask)];
    for (int i = 0; i < NODE_WAYS; i++)
        if (atomic_load_explicit(&set[i].key, memory_order_acquire) == key)
            return &set[i];
    return NULL;
}

static void begin(struct slot *s, uint64_t key, uint64_t now_ms)
{
    atomic_store(&s->since_ms, 0);
    atomic_store(&s->window_ms, now_ms);
    atomic_store(&s->used_ms, now_ms);
    atomic_store(&s->kills, 0);
    atomic_store(&s->closing, 0);
    atomic_store_explicit(&s->key, key, memory_order_release);
}

/* A free one, else the one that was used longest ago. */
static struct slot *oldest(struct slot *set)
{
    struct slot *found = NULL;
    for (int i = 0; i < NODE_WAYS; i++) {
        const uint64_t key = atomic_load(&set[i].key);
        if (key == NODE_FREE)
            return &set[i];
        if (key != NODE_BUSY &&
            (found == NULL || atomic_load(&set[i].used_ms) < atomic_load(&found->used_ms)))
            found = &set[i];
    }
    return found;
}

/* NULL when all places of the set are being given away just now. */
static struct slot *find_or_add(struct node_switches *s, uint64_t key, uint64_t now_ms)
{
    struct slot *found = find(s, key);
    if (found != NULL)
        return found;
    found = oldest(&s->table->slots[node_slots_first(key, s->mask)]);
    if (found == NULL)
        return NULL;
    uint64_t old = atomic_load(&found->key);
    if (old == NODE_BUSY || !atomic_compare_exchange_strong(&found->key, &old, NODE_BUSY))
        return find(s, key);
    begin(found, key, now_ms);
    return found;
}

static void copy(char *out, size_t size, struct str text)
{
    const size_t n = text.len < size ? text.len : size - 1;
    if (n > 0)
        memcpy(out, text.p, n);
    out[n] = '\0';
}

/* Only one process does it. */
static bool close_slot(struct node_switches *s, struct slot *slot,
                       const struct node_switches_who *who, enum node_switches_reason reason,
                       uint32_t count, uint64_t now_ms)
{
    uint32_t open = 0;
    if (!atomic_compare_exchange_strong(&slot->closing, &open, 1))
        return false;
    copy(slot->route, sizeof(slot->route), who->route);
    copy(slot->module, sizeof(slot->module), who->module);
    atomic_store(&slot->count, count);
    atomic_store(&slot->reason, (uint32_t)reason);
    atomic_store(&slot->used_ms, now_ms);
    atomic_store_explicit(&slot->since_ms, now_ms, memory_order_release);
    atomic_fetch_add(&s->table->offs, 1);
    return true;
}

bool node_switches_kill(struct node_switches *s, const struct node_switches_who *who, uint32_t most,
                        uint64_t window_ms, uint64_t now_ms)
{
    assert(who->key > NODE_BUSY);
    struct slot *slot = most > 0 ? find_or_add(s, who->key, now_ms) : NULL;
    if (slot == NULL)
        return false;
    if (now_ms - atomic_load(&slot->window_ms) > window_ms) {
        atomic_store(&slot->window_ms, now_ms);
        atomic_store(&slot->kills, 0);
    }
    atomic_store(&slot->used_ms, now_ms);
    const uint32_t kills = atomic_fetch_add(&slot->kills, 1) + 1;
    return kills >= most && close_slot(s, slot, who, NODE_SWITCHES_KILLS, kills, now_ms);
}

bool node_switches_off(struct node_switches *s, const struct node_switches_who *who,
                       enum node_switches_reason reason, uint32_t count, uint64_t now_ms)
{
    assert(who->key > NODE_BUSY);
    struct slot *slot = find_or_add(s, who->key, now_ms);
    return slot != NULL && close_slot(s, slot, who, reason, count, now_ms);
}

static bool is_off(const struct slot *slot)
{
    return atomic_load_explicit(&slot->since_ms, memory_order_acquire) != 0;
}

struct str node_switches_route(struct str ns, struct str name, char out[NODE_SWITCHES_ROUTE_SIZE])
{
    (void)snprintf(out, NODE_SWITCHES_ROUTE_SIZE, "%.*s/%.*s", STR_ARG(ns), STR_ARG(name));
    return str_of(out);
}

bool node_switches_are_used(const struct node_switches *s)
{
    return atomic_load_explicit(&s->table->offs, memory_order_acquire) != 0;
}

static bool read_slot(const struct slot *slot, struct node_switches_info *ret)
{
    if (!is_off(slot))
        return false;
    memcpy(ret->route, slot->route, sizeof(ret->route));
    memcpy(ret->module, slot->module, sizeof(ret->module));
    ret->since_ms = atomic_load(&slot->since_ms);
    ret->reason = (enum node_switches_reason)atomic_load(&slot->reason);
    ret->count = atomic_load(&slot->count);
    return true;
}

bool node_switches_get(const struct node_switches *s, uint64_t key, struct node_switches_info *ret)
{
    const struct slot *slot = find(s, key);
    return slot != NULL && read_slot(slot, ret);
}

bool node_switches_at(const struct node_switches *s, uint32_t n, struct node_switches_info *ret)
{
    const struct slot *slot = &s->table->slots[n];
    return atomic_load(&slot->key) > NODE_BUSY && read_slot(slot, ret);
}

/* Only one process does it: whoever puts 0 in place of since_ms. closing goes last, so that nobody writes texts before. */
static bool open_slot(struct slot *slot, struct str route, uint64_t kept, uint64_t now_ms)
{
    const uint64_t key = atomic_load_explicit(&slot->key, memory_order_acquire);
    uint64_t since = atomic_load_explicit(&slot->since_ms, memory_order_acquire);
    if (since == 0 || key <= NODE_BUSY || key == kept || !str_eq(str_of(slot->route), route) ||
        !atomic_compare_exchange_strong(&slot->since_ms, &since, 0))
        return false;
    atomic_store(&slot->kills, 0);
    atomic_store(&slot->window_ms, now_ms);
    atomic_store(&slot->used_ms, now_ms);
    atomic_store_explicit(&slot->closing, 0, memory_order_release);
    return true;
}

uint32_t node_switches_on(struct node_switches *s, struct str route, uint64_t kept, uint64_t now_ms)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i <= s->mask; i++)
        n += open_slot(&s->table->slots[i], route, kept, now_ms) ? 1 : 0;
    return n;
}

uint32_t node_switches_slots(const struct node_switches *s)
{
    return s->mask + 1;
}
