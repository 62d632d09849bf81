#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The C library keeps what is freed up to this size at hand for malloc(), but not for calloc(), which is what the compiler
 * would make of malloc() and memset(). */
enum { KEPT_MAX = 1024 };

void *mem_alloc(size_t size)
{
    if (size > KEPT_MAX)
        return mem_calloc(1, size);
    assert(size > 0);
    void *p = malloc(size);
    if (p == NULL)
        abort();
    explicit_bzero(p, size);
    return p;
}

void *mem_calloc(size_t count, size_t size)
{
    assert(count > 0 && size > 0);
    void *p = calloc(count, size);
    if (p == NULL)
        abort();
    return p;
}

void *mem_resize(void *p, size_t count, size_t size)
{
    assert(count > 0 && size > 0);
    void *q = reallocarray(p, count, size);
    if (q == NULL)
        abort();
    return q;
}

char *mem_dup(const void *p, size_t size)
{
    assert(p != NULL || size == 0);
    char *copy = malloc(size + 1);
    if (copy == NULL)
        abort();
    if (size > 0)
        memcpy(copy, p, size);
    copy[size] = '\0';
    return copy;
}

char *mem_strdup(const char *s)
{
    return mem_dup(s, strlen(s));
}
