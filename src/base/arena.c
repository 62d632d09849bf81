#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CHUNK_SIZE = 4096 - 64, SPARE_MAX = 128 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

static_assert(sizeof(struct arena_chunk) % alignof(max_align_t) == 0, "bytes[] must be aligned");

static size_t round_up(size_t size)
{
    size_t mask = alignof(max_align_t) - 1;
    return (size + mask) & ~mask;
}

/* Chunks of CHUNK_SIZE that arenas of this thread have given back: the next request takes one that is still in the
 * processor's cache, without malloc(). */
static _Thread_local struct {
    struct arena_chunk *first;
    unsigned n;
} spare;

static struct arena_chunk *take_spare(size_t size)
{
    struct arena_chunk *c = size == CHUNK_SIZE ? spare.first : NULL;
    if (c == NULL)
        return NULL;
    spare.first = c->next;
    spare.n--;
    return c;
}

static void chunk_free(struct arena_chunk *c)
{
    if (c->size != CHUNK_SIZE || !MEM_RECYCLE || spare.n == SPARE_MAX) {
        free(c);
        return;
    }
    c->next = spare.first;
    spare.first = c;
    spare.n++;
}

static struct arena_chunk *chunk_create(size_t size, struct arena_chunk *next)
{
    struct arena_chunk *c = take_spare(size);
    if (c == NULL)
        c = malloc(sizeof(*c) + size);
    if (c == NULL)
        abort();
    *c = (struct arena_chunk){.next = next, .size = size};
    return c;
}

void arena_init(struct arena *a, size_t limit)
{
    assert(limit <= SIZE_MAX / 2);
    *a = (struct arena){.limit = limit};
}

void arena_finish(struct arena *a)
{
    while (a->chunks != NULL) {
        struct arena_chunk *c = a->chunks;
        a->chunks = c->next;
        chunk_free(c);
    }
    a->used = 0;
}

static struct arena_chunk *__attribute__((noinline)) add_chunk(struct arena *a, size_t size)
{
    const bool own = !MEM_RECYCLE || size > CHUNK_SIZE;
    a->chunks = chunk_create(own ? size : CHUNK_SIZE, a->chunks);
    return a->chunks;
}

void *arena_take(struct arena *a, size_t size)
{
    assert(size > 0);
    const size_t rounded = round_up(size);
    if (size > a->limit || rounded > a->limit - a->used)
        return NULL;
    struct arena_chunk *c = a->chunks;
    if (!MEM_RECYCLE || c == NULL || rounded > c->size - c->used)
        c = add_chunk(a, MEM_RECYCLE ? rounded : size);
    void *p = c->bytes + c->used;
    c->used += rounded;
    a->used += rounded;
    return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
    void *p = arena_take(a, size);
    if (p != NULL)
        memset(p, 0, size);
    return p;
}

bool arena_copy(struct arena *a, struct str s, struct str *ret)
{
    char *p = arena_take(a, s.len + 1);
    if (p == NULL)
        return false;
    if (s.len > 0)
        memcpy(p, s.p, s.len);
    p[s.len] = '\0';
    *ret = (struct str){p, s.len};
    return true;
}

bool arena_printf(struct arena *a, struct str *ret, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(n >= 0);
    char *p = arena_take(a, (size_t)n + 1);
    if (p == NULL)
        return false;
    va_start(args, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, args);
    va_end(args);
    *ret = (struct str){p, (size_t)n};
    return true;
}
