/* Values that modules keep for a while, shared by all workers: byte strings under byte keys, in a few shards of fixed
 * size.
 *
 * A shard is a hash index over a ring of records. New records are written at its head; to make room the oldest go
 * from its tail, but one that was read since it was written is written again at the head (the "second chance"
 * of the CLOCK algorithm). A record that is replaced or deleted keeps its bytes until the tail comes by.
 *
 * Each shard has a robust mutex: when its owner is killed, the next one learns of it and empties the shard, so that
 * nothing half-written is ever seen. When the owner is stopped, others wait LOCK_WAIT_MS and go on without the cache.
 */
#ifndef NODE_NODE_CACHE_H
#define NODE_NODE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct node_cache_shard;

/* A view of the shared memory. */
struct node_cache {
    char *memory;
    uint32_t shards;
    uint32_t slots; /* of the index of each */
    uint32_t ring;  /* bytes of the ring of each */
    char *spare;    /* own memory: a record on its way from tail to head */
};

enum { NODE_CACHE_BYTES_MIN = 64 * 1024 };

/* For about bytes (at least NODE_CACHE_BYTES_MIN) of memory in all. */
size_t node_cache_size(uint64_t bytes);

/* node_cache_make() once, over zeroed memory; node_cache_attach() in each process; node_cache_detach() frees what the
 * view has of its own. */
void node_cache_make(void *memory, uint64_t bytes);
void node_cache_attach(struct node_cache *c, void *memory, uint64_t bytes);
void node_cache_detach(struct node_cache *c);

/* The largest sum of a key's and a value's bytes. */
size_t node_cache_item_max(const struct node_cache *c);

enum node_cache_result {
    NODE_CACHE_OK,
    NODE_CACHE_ABSENT,    /* get, delete */
    NODE_CACHE_TOO_LARGE, /* set: past node_cache_item_max(); get: past out's maximum */
    NODE_CACHE_BUSY,      /* its shard is held by a process that does not run */
};

/* Appends the value that key has at now_ns (now_mono_ns()). */
enum node_cache_result node_cache_get(struct node_cache *c, uint64_t hash, struct str key,
                                      uint64_t now_ns, struct buf *out);

/* Keeps a value until expires_ns (0: until there is no room). hash is that of key, the same in all processes. */
enum node_cache_result node_cache_set(struct node_cache *c, uint64_t hash, struct str key,
                                      struct str value, uint64_t expires_ns);
enum node_cache_result node_cache_delete(struct node_cache *c, uint64_t hash, struct str key);

/* Sums over the shards; may be a little out of step with each other. */
struct node_cache_stats {
    uint64_t hits;
    uint64_t misses;
    uint64_t evictions; /* of values that had not expired */
    uint64_t resets;    /* shards emptied because a process died in the middle of an update */
    uint64_t entries;
    uint64_t bytes; /* of keys and values that are there */
    uint64_t capacity;
};
void node_cache_stats_get(const struct node_cache *c, struct node_cache_stats *ret);

#endif
