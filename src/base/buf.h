/* A growable run of bytes that is born with its maximum. One owner, not thread-safe.
 * Consuming from the front is cheap: bytes move only when room is needed. A thread keeps up to 16 KiB of what
 * small ones released.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/str.h"

struct buf {
    char *base;  /* the allocation, NULL while empty */
    size_t head; /* first unread byte */
    size_t len;  /* unread bytes from head on */
    size_t cap;
    size_t max; /* len never passes it */
};

/* An empty buffer of at most max bytes. Allocates nothing yet. */
void buf_init(struct buf *b, size_t max);

/* As buf_finish(), of a buffer that has memory. */
void buf_release(struct buf *b);

/* Releases the memory and empties b, which keeps its maximum. b may be zeroed. */
static inline void buf_finish(struct buf *b)
{
    if (b->base != NULL)
        buf_release(b);
}

/* The unread bytes; valid until b next changes. */
struct str buf_str(const struct buf *b);

/* The unread bytes as a C string: a NUL follows them. Valid until b next changes. */
const char *buf_cstr(struct buf *b);

/* Appends. False, with b unchanged, when the maximum would be passed. */
bool buf_add(struct buf *b, struct str s) __attribute__((warn_unused_result));
bool buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));
bool buf_vaddf(struct buf *b, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0), warn_unused_result));

/* Makes room for at least n more bytes and returns where to put them (then buf_added()), or NULL
 * past the maximum. */
char *buf_reserve(struct buf *b, size_t n) __attribute__((warn_unused_result));

/* Counts n bytes that were written where buf_reserve() pointed. */
void buf_added(struct buf *b, size_t n);

/* Drops n bytes from the front (n <= len), or all of them. The allocation stays. */
void buf_consume(struct buf *b, size_t n);
void buf_clear(struct buf *b);

/* Bytes that may still be added. */
size_t buf_room(const struct buf *b);

/* Hands the bytes over as a NUL-terminated malloc()ed block that the caller frees; b is empty then.
 * Never NULL. */
char *buf_take(struct buf *b, size_t *ret_len);

#endif
