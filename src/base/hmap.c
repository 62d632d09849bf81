#include "base/hmap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum { FIRST_SIZE = 8 };

static uint64_t hash_key(struct str key)
{
    static uint64_t seed;
    if (seed == 0)
        seed = hash_make_seed();
    return hash_bytes(seed, key);
}

void hmap_init(struct hmap *m)
{
    *m = (struct hmap){0};
}

void hmap_finish(struct hmap *m)
{
    free(m->buckets);
    *m = (struct hmap){0};
}

struct hmap_node *hmap_get(const struct hmap *m, struct str key)
{
    if (m->count == 0)
        return NULL;
    uint64_t hash = hash_key(key);
    struct hmap_node *n = m->buckets[hash & (m->size - 1)];
    while (n != NULL && (n->hash != hash || !str_eq(n->key, key)))
        n = n->next;
    return n;
}

static void link_node(struct hmap *m, struct hmap_node *n)
{
    const size_t at = n->hash & (m->size - 1);
    n->next = m->buckets[at];
    m->buckets[at] = n;
    if (at < m->empty)
        m->empty = at;
}

static void grow(struct hmap *m)
{
    struct hmap old = *m;
    m->size = old.size == 0 ? FIRST_SIZE : old.size * 2;
    m->buckets = mem_calloc(m->size, sizeof(struct hmap_node *));
    m->empty = 0;
    for (size_t i = 0; i < old.size; i++) {
        while (old.buckets[i] != NULL) {
            struct hmap_node *n = old.buckets[i];
            old.buckets[i] = n->next;
            link_node(m, n);
        }
    }
    free(old.buckets);
}

void hmap_add(struct hmap *m, struct hmap_node *n, struct str key)
{
    assert(hmap_get(m, key) == NULL);
    if (m->count >= m->size)
        grow(m);
    n->key = key;
    n->hash = hash_key(key);
    link_node(m, n);
    m->count++;
}

void hmap_remove(struct hmap *m, struct hmap_node *n)
{
    assert(m->count > 0);
    struct hmap_node **p = &m->buckets[n->hash & (m->size - 1)];
    while (*p != n) {
        assert(*p != NULL);
        p = &(*p)->next;
    }
    *p = n->next;
    n->next = NULL;
    m->count--;
}

static struct hmap_node *first_from(const struct hmap *m, size_t bucket)
{
    for (size_t i = bucket; i < m->size; i++) {
        if (m->buckets[i] != NULL)
            return m->buckets[i];
    }
    return NULL;
}

struct hmap_node *hmap_first(const struct hmap *m)
{
    return first_from(m, 0);
}

struct hmap_node *hmap_any(struct hmap *m)
{
    struct hmap_node *n = first_from(m, m->empty);
    m->empty = n != NULL ? n->hash & (m->size - 1) : m->size;
    return n;
}

struct hmap_node *hmap_next(const struct hmap *m, const struct hmap_node *n)
{
    if (n->next != NULL)
        return n->next;
    return first_from(m, (n->hash & (m->size - 1)) + 1);
}
