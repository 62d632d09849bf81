/* "Did you mean": the known word that is nearest to an unknown one. */
#ifndef MODEL_NEAREST_H
#define MODEL_NEAREST_H

#include <stddef.h>

#include "base/str.h"

struct nearest {
    struct str wanted;
    const char *best; /* NULL while nothing is near enough; borrowed from nearest_offer() */
    size_t distance;
};

/* Begins a search for wanted, which must outlive it. */
void nearest_init(struct nearest *n, struct str wanted);

/* Offers a known word. Case and underscores do not count as differences. */
void nearest_offer(struct nearest *n, const char *word);

#endif
