#include "base/vec.h"

#include "base/mem.h"

enum { FIRST_CAPACITY = 4 };

void *vec_grow(void *v, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return v;
    *cap = *cap == 0 ? FIRST_CAPACITY : *cap * 2;
    return mem_resize(v, *cap, size);
}
