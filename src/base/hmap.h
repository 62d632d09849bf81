/* Intrusive hash map keyed by bytes: the node is a member of the object, which keeps the key's bytes
 * alive and unchanged while it is in the map. Keys are hashed with a per-process random seed, so a
 * peer that chooses keys cannot choose collisions. One owner, not thread-safe.
 */
#ifndef BASE_HMAP_H
#define BASE_HMAP_H

#include "base/container.h"
#include "base/str.h"

struct hmap_node {
    struct hmap_node *next;
    struct str key;
    uint64_t hash;
};

struct hmap {
    struct hmap_node **buckets;
    size_t size; /* number of buckets, 0 or a power of two */
    size_t count;
    size_t empty; /* so many buckets at the front hold nothing */
};

/* An empty map; allocates nothing yet. A zeroed map is the same. */
void hmap_init(struct hmap *m);

/* Releases the buckets; the objects stay their owner's. */
void hmap_finish(struct hmap *m);

/* The node with that key, or NULL. */
struct hmap_node *hmap_get(const struct hmap *m, struct str key);

/* Adds n under key, which must not be in the map yet (asserted). */
void hmap_add(struct hmap *m, struct hmap_node *n, struct str key);

/* Takes n, which must be in the map, out. */
void hmap_remove(struct hmap *m, struct hmap_node *n);

/* Any node, or NULL when empty: to empty a map, which takes time proportional to its size. */
struct hmap_node *hmap_any(struct hmap *m);

/* Iteration in no particular order; the map must not change meanwhile. */
struct hmap_node *hmap_first(const struct hmap *m);
struct hmap_node *hmap_next(const struct hmap *m, const struct hmap_node *n);
/* NOLINTBEGIN(bugprone-macro-parentheses): a declared name cannot have parentheses */
#define hmap_for_each(n, m)                                                                        \
    for (struct hmap_node *n = hmap_first(m); (n) != NULL; (n) = hmap_next((m), (n)))
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
