/* Request-lifetime memory: many small allocations, one release.
 *
 * An arena has one owner and is not thread-safe. What it hands out stays valid until
 * arena_finish(). Running into the limit is an ordinary failure (NULL), so that one request cannot
 * eat the process; running out of system memory aborts. A thread keeps up to 512 KiB of what was
 * released. Under AddressSanitizer every allocation is its own malloc, so that overruns are seen.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    size_t used;                /* bytes handed out, at most limit */
    size_t limit;
};

/* An empty arena that will hand out at most limit bytes. Allocates nothing yet. */
void arena_init(struct arena *a, size_t limit);

/* Releases everything. a may be zeroed; it can be initialised again. */
void arena_finish(struct arena *a);

/* Zeroed, aligned for any type. Returns NULL when the limit would be passed. size must not be 0. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((warn_unused_result));

/* As arena_alloc(), but not zeroed: for what is written before it is read. */
void *arena_take(struct arena *a, size_t size) __attribute__((warn_unused_result));

/* Copies s and adds a NUL that the result's length does not count. False past the limit; *ret is
 * untouched then. */
bool arena_copy(struct arena *a, struct str s, struct str *ret) __attribute__((warn_unused_result));

/* A formatted copy, as arena_copy(). */
bool arena_printf(struct arena *a, struct str *ret, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), warn_unused_result));

#endif
