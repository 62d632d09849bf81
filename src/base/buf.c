#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { FIRST_CAPACITY = 256, SPARES_MAX = 64 };

/* First allocations that buffers of this thread have given back. */
static _Thread_local struct {
    char *v[SPARES_MAX];
    size_t n;
} spares;

void buf_init(struct buf *b, size_t max)
{
    assert(max <= SIZE_MAX / 4);
    *b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
    if (MEM_RECYCLE && b->cap == FIRST_CAPACITY && spares.n < SPARES_MAX)
        spares.v[spares.n++] = b->base;
    else
        free(b->base);
    *b = (struct buf){.max = b->max};
}

struct str buf_str(const struct buf *b)
{
    if (b->len == 0)
        return (struct str){"", 0};
    return (struct str){b->base + b->head, b->len};
}

static void make_room(struct buf *b, size_t n)
{
    if (n <= b->cap - b->head - b->len)
        return;
    if (b->head > 0) {
        memmove(b->base, b->base + b->head, b->len);
        b->head = 0;
    }
    if (n <= b->cap - b->len)
        return;
    if (b->cap == 0 && n <= FIRST_CAPACITY && spares.n > 0) {
        b->base = spares.v[--spares.n];
        b->cap = FIRST_CAPACITY;
        return;
    }
    size_t cap = b->cap == 0 ? FIRST_CAPACITY : b->cap;
    while (cap < b->len + n)
        cap *= 2;
    b->base = mem_resize(b->base, cap, 1);
    b->cap = cap;
}

const char *buf_cstr(struct buf *b)
{
    make_room(b, 1);
    b->base[b->head + b->len] = '\0';
    return b->base + b->head;
}

char *buf_reserve(struct buf *b, size_t n)
{
    assert(b->len <= b->max);
    if (n > b->max - b->len)
        return NULL;
    make_room(b, n > 0 ? n : 1);
    return b->base + b->head + b->len;
}

void buf_added(struct buf *b, size_t n)
{
    assert(n <= b->cap - b->head - b->len && n <= b->max - b->len);
    b->len += n;
}

bool buf_add(struct buf *b, struct str s)
{
    char *to = buf_reserve(b, s.len);
    if (to == NULL)
        return false;
    if (s.len > 0)
        memcpy(to, s.p, s.len);
    b->len += s.len;
    return true;
}

bool buf_vaddf(struct buf *b, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    assert(n >= 0);
    if ((size_t)n > b->max - b->len)
        return false;
    make_room(b, (size_t)n + 1);
    (void)vsnprintf(b->base + b->head + b->len, (size_t)n + 1, fmt, args);
    b->len += (size_t)n;
    return true;
}

bool buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    bool ok = buf_vaddf(b, fmt, args);
    va_end(args);
    return ok;
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    b->len -= n;
    b->head = b->len == 0 ? 0 : b->head + n;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->head = 0;
}

size_t buf_room(const struct buf *b)
{
    return b->max - b->len;
}

char *buf_take(struct buf *b, size_t *ret_len)
{
    (void)buf_cstr(b);
    if (b->head > 0)
        memmove(b->base, b->base + b->head, b->len + 1);
    char *p = b->base;
    if (ret_len != NULL)
        *ret_len = b->len;
    *b = (struct buf){.max = b->max};
    return p;
}
