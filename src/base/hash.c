#include "base/hash.h"

#include <stdlib.h>
#include <sys/random.h>

/* Seeded FNV-1a finished with the murmur3 mixer: the seed is unknown to peers and the mixer spreads
 * it over all bits, which is what flooding a table with chosen keys needs to be defeated in practice
 * together with the bounded number of keys a peer can create. */
uint64_t hash_bytes(uint64_t seed, struct str bytes)
{
    uint64_t h = seed;
    for (size_t i = 0; i < bytes.len; i++) {
        h ^= (unsigned char)bytes.p[i];
        h *= 1099511628211u;
    }
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    h ^= h >> 33;
    return h;
}

uint64_t hash_make_seed(void)
{
    uint64_t seed = 0;
    while (seed == 0) {
        if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
            abort();
    }
    return seed;
}
