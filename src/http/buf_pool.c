#include "http/buf_pool.h"

#include <stdlib.h>

#include "base/mem.h"

void buf_pool_finish(struct buf_pool *p)
{
    while (p->n > 0)
        free(p->blocks[--p->n]);
    while (p->large_n > 0)
        free(p->large[--p->large_n]);
}

void buf_pool_take(struct buf_pool *p, struct buf *b)
{
    if (b->base != NULL)
        return;
    b->base = p->n > 0 ? p->blocks[--p->n] : mem_resize(NULL, BUF_POOL_BLOCK, 1);
    b->cap = BUF_POOL_BLOCK;
    b->head = 0;
}

void buf_pool_take_large(struct buf_pool *p, struct buf *b)
{
    if (b->base != NULL)
        return;
    b->base = p->large_n > 0 ? p->large[--p->large_n] : mem_resize(NULL, BUF_POOL_LARGE, 1);
    b->cap = BUF_POOL_LARGE;
    b->head = 0;
}

void buf_pool_give(struct buf_pool *p, struct buf *b)
{
    if (b->len == 0)
        buf_pool_drop(p, b);
}

void buf_pool_drop(struct buf_pool *p, struct buf *b)
{
    if (MEM_RECYCLE && b->cap == BUF_POOL_BLOCK && p->n < BUF_POOL_KEEP)
        p->blocks[p->n++] = b->base;
    else if (MEM_RECYCLE && b->cap == BUF_POOL_LARGE && p->large_n < BUF_POOL_LARGE_KEEP)
        p->large[p->large_n++] = b->base;
    else
        free(b->base);
    *b = (struct buf){.max = b->max};
}
