#include "http/h1_wire.h"

#include <assert.h>

/* Data from this size on are not copied; reading asks for room of at least READ_MIN. */
enum { DIRECT_MIN = 4096, READ_MIN = 1024 };

static const size_t out_max = SIZE_MAX / 8; /* exchange_room() is what bounds it */

void h1_wire_init(struct h1_wire *w, struct buf_pool *pool, size_t in_max)
{
    *w = (struct h1_wire){.pool = pool, .sock.fd = -1};
    buf_init(&w->in, in_max);
    buf_init(&w->out, out_max);
}

void h1_wire_finish(struct h1_wire *w)
{
    assert(w->sock.fd < 0);
    buf_pool_drop(w->pool, &w->in);
    buf_pool_drop(w->pool, &w->out);
}

enum sock_result h1_wire_fill(struct h1_wire *w)
{
    struct buf *in = &w->in;
    const size_t left = buf_room(in);
    assert(left > 0);
    if (w->bulk)
        buf_pool_take_large(w->pool, in);
    else
        buf_pool_take(w->pool, in);
    char *to = buf_reserve(in, left < READ_MIN ? left : READ_MIN);
    size_t room = in->cap - in->head - in->len;
    if (room > left)
        room = left;
    size_t got = 0;
    const enum sock_result result = sock_read(&w->sock, to, room, &got);
    w->bulk = got >= BUF_POOL_BLOCK;
    if (result == SOCK_OK)
        buf_added(in, got);
    else
        buf_pool_give(w->pool, in);
    return result;
}

void h1_wire_consume(struct h1_wire *w, size_t n)
{
    buf_consume(&w->in, n);
    buf_pool_give(w->pool, &w->in);
}

struct buf *h1_wire_out(struct h1_wire *w)
{
    buf_pool_take(w->pool, &w->out);
    return &w->out;
}

static void append(struct h1_wire *w, struct str s)
{
    if (s.len == 0)
        return;
    const bool added = buf_add(h1_wire_out(w), s);
    assert(added);
    (void)added;
}

/* What is left of s when its first *done bytes were written; *done is reduced by those. */
static struct str unwritten(struct str s, size_t *done)
{
    const size_t n = *done < s.len ? *done : s.len;
    *done -= n;
    return str_skip(s, n);
}

/* struct iovec has no const, though writing does not change what it points to. */
static void *unconst(const char *p)
{
    const union {
        const char *p;
        void *base;
    } u = {.p = p};
    return u.base;
}

static void write_direct(struct h1_wire *w, struct str data, struct str tail)
{
    const struct str parts[3] = {buf_str(&w->out), data, tail};
    struct iovec iov[3];
    int n = 0;
    for (size_t i = 0; i < 3; i++) {
        if (parts[i].len == 0)
            continue;
        iov[n].iov_base = unconst(parts[i].p);
        iov[n++].iov_len = parts[i].len;
    }
    size_t put = 0;
    if (sock_write(&w->sock, iov, n, &put) != SOCK_OK)
        put = 0;
    w->sent += put;
    size_t done = put;
    const struct str left = unwritten(parts[0], &done);
    buf_consume(&w->out, parts[0].len - left.len);
    append(w, unwritten(data, &done));
    append(w, unwritten(tail, &done));
}

void h1_wire_send(struct h1_wire *w, struct str data, struct str tail)
{
    if (data.len >= DIRECT_MIN && w->sock.fd >= 0 && w->sock.writable && !w->sock.failed) {
        write_direct(w, data, tail);
        return;
    }
    append(w, data);
    append(w, tail);
}

void h1_wire_flush(struct h1_wire *w)
{
    while (w->out.len > 0 && w->sock.fd >= 0 && w->sock.writable && !w->sock.failed) {
        struct iovec iov = {.iov_base = w->out.base + w->out.head, .iov_len = w->out.len};
        size_t put = 0;
        if (sock_write(&w->sock, &iov, 1, &put) != SOCK_OK)
            break;
        w->sent += put;
        buf_consume(&w->out, put);
    }
    buf_pool_give(w->pool, &w->out);
}
