#include "proxy/balance.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

struct place {
    int64_t weight;
    int64_t current; /* its claim to the next turn */
    uint64_t hash;   /* of its name */
};

struct balance {
    bool weighted;
    size_t next; /* whose turn it is, without weights */
    size_t n;
    struct place v[];
};

/* Spreads each bit over all others (Stafford's variant 13 of the murmur3 finaliser, as in splitmix64). */
static uint64_t mix(uint64_t h)
{
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

struct balance *balance_create(const struct str *names, const int64_t *weights, size_t n)
{
    assert(n <= BALANCE_MAX);
    struct balance *b = mem_alloc(sizeof(*b) + n * sizeof(b->v[0]));
    b->n = n;
    for (size_t i = 0; i < n; i++) {
        uint64_t repeats = 0;
        for (size_t j = 0; j < i; j++)
            repeats += str_eq(names[j], names[i]);
        b->v[i].hash = mix(hash_bytes(repeats, names[i]));
        b->v[i].weight = weights != NULL ? weights[i] : 1;
        assert(b->v[i].weight > 0);
        b->weighted = b->weighted || b->v[i].weight != b->v[0].weight;
    }
    return b;
}

void balance_destroy(struct balance *b)
{
    free(b);
}

void balance_continue(struct balance *b, const struct balance *old)
{
    assert(b->n == old->n);
    b->next = old->next;
    for (size_t i = 0; i < b->n; i++)
        b->v[i].current = old->v[i].current;
}

size_t balance_after(const struct balance *b, const struct balance_set *among, size_t from)
{
    for (size_t step = 1; step <= b->n; step++) {
        size_t i = from + step < b->n ? from + step : from + step - b->n;
        if (balance_set_has(among, i))
            return i;
    }
    return BALANCE_NONE;
}

static size_t weighted_turn(struct balance *b, const struct balance_set *among)
{
    size_t best = BALANCE_NONE;
    int64_t total = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct place *p = &b->v[i];
        if (!balance_set_has(among, i))
            continue;
        p->current += p->weight;
        total += p->weight;
        if (best == BALANCE_NONE || p->current > b->v[best].current)
            best = i;
    }
    if (best != BALANCE_NONE)
        b->v[best].current -= total;
    return best;
}

size_t balance_turn(struct balance *b, const struct balance_set *among)
{
    if (b->weighted)
        return weighted_turn(b, among);
    if (b->n == 0)
        return BALANCE_NONE;
    size_t i = b->next < b->n ? b->next : 0;
    if (!balance_set_has(among, i))
        i = balance_after(b, among, i);
    if (i != BALANCE_NONE)
        b->next = i + 1;
    return i;
}

size_t balance_least(struct balance *b, const struct balance_set *among, const uint32_t *active)
{
    struct balance_set least = {0};
    size_t best = BALANCE_NONE;
    for (size_t i = 0; i < b->n; i++) {
        if (!balance_set_has(among, i))
            continue;
        int64_t order = best == BALANCE_NONE
                            ? -1
                            : active[i] * b->v[best].weight - active[best] * b->v[i].weight;
        if (order < 0) {
            best = i;
            least = (struct balance_set){0};
        }
        if (order <= 0)
            balance_set_add(&least, i);
    }
    return balance_turn(b, &least);
}

/* A place of weight w draws -ln(u) / w from the key's own random number u in (0, 1): the least one wins, with a probability
 * in proportion to w, whatever the other places are. */
static double draw(const struct place *p, uint64_t key)
{
    uint64_t h = mix(p->hash ^ key);
    double u = ((double)(h >> 11) + 0.5) / 9007199254740992.0; /* of 53 bits */
    return -log(u) / (double)p->weight;
}

size_t balance_hash(const struct balance *b, const struct balance_set *among, struct str key)
{
    uint64_t hash = mix(hash_bytes(0, key));
    size_t best = BALANCE_NONE;
    double least = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (!balance_set_has(among, i))
            continue;
        double drawn = draw(&b->v[i], hash);
        if (best == BALANCE_NONE || drawn < least) {
            best = i;
            least = drawn;
        }
    }
    return best;
}
