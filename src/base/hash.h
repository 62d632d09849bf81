/* Hashing of bytes into 64 bits, for tables in memory. Not cryptographic. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/str.h"

/* The same bytes under the same seed give the same number, in every process. */
uint64_t hash_bytes(uint64_t seed, struct str bytes);

/* A seed that nobody can guess. */
uint64_t hash_make_seed(void);

#endif
