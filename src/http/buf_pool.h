/* Blocks of memory for buffers that are mostly empty: a connection holds one only while bytes wait in it, and the
 * one that was used last, still in the processor's cache, is used next. Large blocks are for bodies that come faster than
 * they are read. One owner, not thread-safe.
 * Under AddressSanitizer nothing is recycled.
 */
#ifndef HTTP_BUF_POOL_H
#define HTTP_BUF_POOL_H

#include "base/buf.h"

enum {
    BUF_POOL_BLOCK = 16384,
    BUF_POOL_KEEP = 128,
    /* Half of what limits.exchange_buffer usually is: one is read while the one before is being written. */
    BUF_POOL_LARGE = 32768,
    BUF_POOL_LARGE_KEEP = 4,
};

struct buf_pool {
    char *blocks[BUF_POOL_KEEP];
    char *large[BUF_POOL_LARGE_KEEP];
    size_t n;
    size_t large_n;
};

/* Frees what is kept; a zeroed pool is an empty one. */
void buf_pool_finish(struct buf_pool *p);

/* Gives b, if it has no memory yet, a block; its maximum stays. */
void buf_pool_take(struct buf_pool *p, struct buf *b);

/* The same with a large block. */
void buf_pool_take_large(struct buf_pool *p, struct buf *b);

/* Takes b's memory back if it holds no bytes; b stays usable. */
void buf_pool_give(struct buf_pool *p, struct buf *b);

/* As buf_finish(), keeping the block. */
void buf_pool_drop(struct buf_pool *p, struct buf *b);

#endif
