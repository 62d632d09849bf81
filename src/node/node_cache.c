#include "node/node_cache.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/now.h"

enum {
    LINE = 64,
    ALIGN = 8,
    SHARDS_MAX = 16,
    SHARD_BYTES_MIN = 512 * 1024, /* fewer shards rather than smaller ones */
    SLOT_BYTES = 256,             /* of the ring, per slot of the index */
    CHANCES = 8,                  /* records that are written again to make room for one */
    LOCK_WAIT_MS = 20,
    ITEMS_PER_SHARD = 4, /* that the largest item leaves room for */
};

/* At the start of a shard; the index and the ring follow. Offsets are from the ring's start, plus 1; 0: none. */
struct node_cache_shard {
    pthread_mutex_t lock;
    uint32_t head; /* where the next record goes */
    uint32_t tail; /* the oldest record */
    uint32_t used; /* bytes from tail to head, the unused end included */
    _Atomic uint64_t hits;
    _Atomic uint64_t misses;
    _Atomic uint64_t evictions;
    _Atomic uint64_t resets;
    _Atomic uint64_t entries;
    _Atomic uint64_t bytes;
};

struct record {
    uint32_t size; /* of all of it, aligned */
    uint32_t next; /* in its chain */
    uint64_t hash;
    uint64_t expires_ns; /* 0: never */
    uint32_t key_len;
    uint32_t value_len;
    bool live;
    bool was_read;
    char bytes[]; /* key, value */
};

/* A shard whose lock we have. */
struct held {
    struct node_cache_shard *shard;
    uint32_t *slots;
    uint32_t mask;
    char *ring;
    uint32_t capacity;
    char *spare;
};

static uint32_t shard_count(uint64_t bytes)
{
    const uint64_t n = bytes / SHARD_BYTES_MIN;
    return n < 1 ? 1 : n > SHARDS_MAX ? SHARDS_MAX : (uint32_t)n;
}

/* The ring's bytes in each shard. */
static uint32_t ring_size(uint64_t bytes)
{
    const uint64_t each = bytes / shard_count(bytes) / LINE * LINE;
    return each > UINT32_MAX / 2 ? UINT32_MAX / 2 / LINE * LINE : (uint32_t)each;
}

static uint32_t slot_count(uint32_t ring)
{
    uint32_t n = 64;
    while (n < ring / SLOT_BYTES)
        n *= 2;
    return n;
}

static size_t head_size(void)
{
    return (sizeof(struct node_cache_shard) + LINE - 1) / LINE * LINE;
}

static size_t shard_size(uint32_t slots, uint32_t ring)
{
    return head_size() + slots * sizeof(uint32_t) + ring;
}

static struct node_cache view_of(void *memory, uint64_t bytes)
{
    const uint32_t ring = ring_size(bytes);
    return (struct node_cache){
        .memory = memory, .shards = shard_count(bytes), .slots = slot_count(ring), .ring = ring};
}

size_t node_cache_size(uint64_t bytes)
{
    const struct node_cache c = view_of(NULL, bytes);
    return shard_size(c.slots, c.ring) * c.shards;
}

static struct node_cache_shard *shard_at(const struct node_cache *c, uint32_t i)
{
    return (void *)(c->memory + shard_size(c->slots, c->ring) * i);
}

void node_cache_make(void *memory, uint64_t bytes)
{
    pthread_mutexattr_t attributes;
    assert(bytes >= NODE_CACHE_BYTES_MIN);
    if (pthread_mutexattr_init(&attributes) != 0 ||
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) != 0 ||
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) != 0)
        abort();
    const struct node_cache c = view_of(memory, bytes);
    for (uint32_t i = 0; i < c.shards; i++)
        if (pthread_mutex_init(&shard_at(&c, i)->lock, &attributes) != 0)
            abort();
    (void)pthread_mutexattr_destroy(&attributes);
}

size_t node_cache_item_max(const struct node_cache *c)
{
    return c->ring / ITEMS_PER_SHARD - sizeof(struct record) - ALIGN;
}

void node_cache_attach(struct node_cache *c, void *memory, uint64_t bytes)
{
    *c = view_of(memory, bytes);
    c->spare = mem_alloc(node_cache_item_max(c) + sizeof(struct record) + ALIGN);
}

void node_cache_detach(struct node_cache *c)
{
    free(c->spare);
    c->spare = NULL;
}

static struct held parts_of(const struct node_cache *c, struct node_cache_shard *s)
{
    char *at = (char *)s + head_size();
    return (struct held){
        .shard = s,
        .slots = (void *)at,
        .mask = c->slots - 1,
        .ring = at + c->slots * sizeof(uint32_t),
        .capacity = c->ring,
        .spare = c->spare,
    };
}

/* --- the lock --- */

static void empty(const struct held *h)
{
    memset(h->slots, 0, (h->mask + (size_t)1) * sizeof(h->slots[0]));
    h->shard->head = 0;
    h->shard->tail = 0;
    h->shard->used = 0;
    atomic_store(&h->shard->entries, 0);
    atomic_store(&h->shard->bytes, 0);
}

static bool hold(const struct node_cache *c, uint64_t hash, struct held *ret)
{
    /* The low bits choose the slot. */
    struct node_cache_shard *s = shard_at(c, (uint32_t)(hash >> 40) % c->shards);
    int rc = pthread_mutex_trylock(&s->lock);
    if (rc == EBUSY) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOCK_WAIT_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        rc = pthread_mutex_clocklock(&s->lock, CLOCK_MONOTONIC, &until);
    }
    if (rc != 0 && rc != EOWNERDEAD)
        return false;
    *ret = parts_of(c, s);
    if (rc == EOWNERDEAD) {
        empty(ret);
        (void)atomic_fetch_add(&s->resets, 1);
        (void)pthread_mutex_consistent(&s->lock);
    }
    return true;
}

static void release(const struct held *h)
{
    (void)pthread_mutex_unlock(&h->shard->lock);
}

/* --- the index --- */

static struct record *record_at(const struct held *h, uint32_t offset)
{
    return (void *)(h->ring + (offset - 1));
}

static struct str record_key(const struct record *r)
{
    return (struct str){r->bytes, r->key_len};
}

/* What points at key's record, or NULL. */
static uint32_t *link_of(const struct held *h, uint64_t hash, struct str key)
{
    uint32_t *link = &h->slots[hash & h->mask];
    while (*link != 0) {
        struct record *r = record_at(h, *link);
        if (r->hash == hash && str_eq(record_key(r), key))
            return link;
        link = &r->next;
    }
    return NULL;
}

/* Takes it out of the index: its bytes are dead. */
static void drop(const struct held *h, uint32_t *link)
{
    struct record *r = record_at(h, *link);
    *link = r->next;
    r->live = false;
    (void)atomic_fetch_sub(&h->shard->entries, 1);
    (void)atomic_fetch_sub(&h->shard->bytes, (uint64_t)r->key_len + r->value_len);
}

/* --- the ring --- */

/* Whether size bytes fit at the head, or at the start once the end is given up. */
static bool fits(const struct held *h, uint32_t size)
{
    const struct node_cache_shard *s = h->shard;
    if (s->used == 0)
        return size <= h->capacity;
    if (s->head <= s->tail)
        return s->tail - s->head >= size;
    return h->capacity - s->head >= size || s->tail >= size;
}

/* The place of a new record that fits. */
static struct record *append(const struct held *h, uint32_t size, uint32_t *ret_offset)
{
    struct node_cache_shard *s = h->shard;
    if (s->used == 0) {
        s->head = 0;
        s->tail = 0;
    }
    if (h->capacity - s->head < size) { /* the end stays unused */
        if (h->capacity - s->head >= sizeof(struct record))
            *record_at(h, s->head + 1) = (struct record){.size = h->capacity - s->head};
        s->used += h->capacity - s->head;
        s->head = 0;
    }
    *ret_offset = s->head + 1;
    struct record *r = record_at(h, *ret_offset);
    s->used += size;
    s->head = s->head + size == h->capacity ? 0 : s->head + size;
    return r;
}

/* Enters a record that is a copy of from, followed by key and value. */
static void enter(const struct held *h, const struct record *from, struct str key, struct str value)
{
    uint32_t offset = 0;
    struct record *r = append(h, from->size, &offset);
    *r = *from;
    memcpy(r->bytes, key.p, key.len);
    if (value.len > 0)
        memcpy(r->bytes + key.len, value.p, value.len);
    r->live = true;
    r->was_read = false;
    r->next = h->slots[r->hash & h->mask];
    h->slots[r->hash & h->mask] = offset;
    (void)atomic_fetch_add(&h->shard->entries, 1);
    (void)atomic_fetch_add(&h->shard->bytes, (uint64_t)r->key_len + r->value_len);
}

/* Frees the oldest record. True if it is to be kept: it is in h->spare then. */
static bool pop(const struct held *h, uint64_t now_ns, bool may_keep)
{
    struct node_cache_shard *s = h->shard;
    struct record *r = record_at(h, s->tail + 1);
    uint32_t size = h->capacity - s->tail;
    bool keep = false;
    if (size >= sizeof(*r)) {
        const bool valid = r->live && (r->expires_ns == 0 || r->expires_ns > now_ns);
        size = r->size;
        keep = valid && r->was_read && may_keep;
        if (keep)
            memcpy(h->spare, r, size);
        else if (valid)
            (void)atomic_fetch_add(&s->evictions, 1);
        if (r->live)
            drop(h, link_of(h, r->hash, record_key(r)));
    }
    s->used -= size;
    s->tail = s->tail + size == h->capacity ? 0 : s->tail + size;
    return keep;
}

static void make_room(const struct held *h, uint32_t size, uint64_t now_ns)
{
    int chances = CHANCES;
    while (!fits(h, size)) {
        if (!pop(h, now_ns, chances > 0))
            continue;
        chances--;
        const struct record *r = (const void *)h->spare;
        if (fits(h, r->size))
            enter(h, r, record_key(r), (struct str){r->bytes + r->key_len, r->value_len});
        else
            (void)atomic_fetch_add(&h->shard->evictions, 1);
    }
}

/* --- what it is for --- */

enum node_cache_result node_cache_get(struct node_cache *c, uint64_t hash, struct str key,
                                      uint64_t now_ns, struct buf *out)
{
    struct held h;
    if (!hold(c, hash, &h))
        return NODE_CACHE_BUSY;
    enum node_cache_result result = NODE_CACHE_ABSENT;
    uint32_t *link = link_of(&h, hash, key);
    if (link != NULL) {
        struct record *r = record_at(&h, *link);
        if (r->expires_ns != 0 && r->expires_ns <= now_ns) {
            drop(&h, link);
        } else {
            r->was_read = true;
            result = buf_add(out, (struct str){r->bytes + r->key_len, r->value_len})
                         ? NODE_CACHE_OK
                         : NODE_CACHE_TOO_LARGE;
        }
    }
    (void)atomic_fetch_add(result == NODE_CACHE_OK ? &h.shard->hits : &h.shard->misses, 1);
    release(&h);
    return result;
}

enum node_cache_result node_cache_set(struct node_cache *c, uint64_t hash, struct str key,
                                      struct str value, uint64_t expires_ns)
{
    struct held h;
    if (key.len + value.len > node_cache_item_max(c))
        return NODE_CACHE_TOO_LARGE;
    if (!hold(c, hash, &h))
        return NODE_CACHE_BUSY;
    uint32_t *link = link_of(&h, hash, key);
    if (link != NULL)
        drop(&h, link);
    const size_t size = sizeof(struct record) + key.len + value.len;
    const struct record r = {
        .size = (uint32_t)((size + ALIGN - 1) / ALIGN * ALIGN),
        .hash = hash,
        .expires_ns = expires_ns,
        .key_len = (uint32_t)key.len,
        .value_len = (uint32_t)value.len,
    };
    make_room(&h, r.size, now_mono_ns());
    enter(&h, &r, key, value);
    release(&h);
    return NODE_CACHE_OK;
}

enum node_cache_result node_cache_delete(struct node_cache *c, uint64_t hash, struct str key)
{
    struct held h;
    if (!hold(c, hash, &h))
        return NODE_CACHE_BUSY;
    uint32_t *link = link_of(&h, hash, key);
    if (link != NULL)
        drop(&h, link);
    release(&h);
    return link != NULL ? NODE_CACHE_OK : NODE_CACHE_ABSENT;
}

void node_cache_stats_get(const struct node_cache *c, struct node_cache_stats *ret)
{
    *ret = (struct node_cache_stats){0};
    for (uint32_t i = 0; i < c->shards; i++) {
        const struct node_cache_shard *s = shard_at(c, i);
        ret->hits += atomic_load(&s->hits);
        ret->misses += atomic_load(&s->misses);
        ret->evictions += atomic_load(&s->evictions);
        ret->resets += atomic_load(&s->resets);
        ret->entries += atomic_load(&s->entries);
        ret->bytes += atomic_load(&s->bytes);
        ret->capacity += c->ring;
    }
}
