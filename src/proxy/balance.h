/* Which of several places is next: the policies by themselves, over indexes. Who is healthy and who was tried already is
 * the caller's business, who says among which places to choose.
 */
#ifndef PROXY_BALANCE_H
#define PROXY_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum { BALANCE_MAX = 256 };

/* No place. */
#define BALANCE_NONE SIZE_MAX

/* Indexes of places. */
struct balance_set {
    uint64_t bits[BALANCE_MAX / 64];
};

static inline bool balance_set_has(const struct balance_set *s, size_t i)
{
    return (s->bits[i / 64] >> (i % 64) & 1) != 0;
}

static inline void balance_set_add(struct balance_set *s, size_t i)
{
    s->bits[i / 64] |= (uint64_t)1 << (i % 64);
}

static inline void balance_set_remove(struct balance_set *s, size_t i)
{
    s->bits[i / 64] &= ~((uint64_t)1 << (i % 64));
}

struct balance;

/* n places (0 to BALANCE_MAX) by their names; weights (1 to 1000) may be NULL: all the same. Hashing sees the names only,
 * so that every process and every server of the same places decides alike; a name given twice is two places. */
struct balance *balance_create(const struct str *names, const int64_t *weights, size_t n);

/* NULL is allowed. */
void balance_destroy(struct balance *b);

/* Goes on with the turns of old, which has the same places and weights. */
void balance_continue(struct balance *b, const struct balance *old);

/* The next in turn: smooth weighted round robin, which spreads the turns of a heavy place evenly. BALANCE_NONE when
 * among is empty, as below. */
size_t balance_turn(struct balance *b, const struct balance_set *among);

/* The one of which active[i] / weight is least; the next in turn of several. */
size_t balance_least(struct balance *b, const struct balance_set *among, const uint32_t *active);

/* The one that the key belongs to: weighted rendezvous hashing. When a place goes, only the keys it had go elsewhere;
 * each in proportion to the weights. */
size_t balance_hash(const struct balance *b, const struct balance_set *among, struct str key);

/* The next one behind index from, in the order of places; turns do not move. */
size_t balance_after(const struct balance *b, const struct balance_set *among, size_t from);

#endif
