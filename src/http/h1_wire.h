/* The bytes of an HTTP/1 connection: a socket with a buffer each way that hold memory only while bytes wait in them.
 * What is written is gathered and goes out with one system call when the owner flushes, at the end of its
 * turn; large pieces go out at once, without being copied, behind what was gathered.
 *
 * A broken connection shows as sock.failed. Embedded in the connection, which reads all members.
 */
#ifndef HTTP_H1_WIRE_H
#define HTTP_H1_WIRE_H

#include "http/buf_pool.h"
#include "io/sock.h"

struct h1_wire {
    struct sock sock;
    struct buf_pool *pool; /* borrowed */
    struct buf in;
    struct buf out;
    uint64_t sent; /* bytes written so far */
    bool bulk;     /* the last read filled a block: the next one has a large one */
};

/* Prepares w without a socket; sock_open() or sock_connect() follows. in_max bounds the bytes that wait
 * to be read. */
void h1_wire_init(struct h1_wire *w, struct buf_pool *pool, size_t in_max);

/* Gives the memory back; the socket must be closed. */
void h1_wire_finish(struct h1_wire *w);

/* Reads once, behind what waits in in, which must not be full. */
enum sock_result h1_wire_fill(struct h1_wire *w) __attribute__((warn_unused_result));

/* Drops n bytes from the front of in. */
void h1_wire_consume(struct h1_wire *w, size_t n);

/* The buffer to append to; valid until the next call. */
struct buf *h1_wire_out(struct h1_wire *w);

/* Appends data and then tail, or writes all that waits, data and tail at once when data is large. */
void h1_wire_send(struct h1_wire *w, struct str data, struct str tail);

/* Writes what waits, as far as the socket takes it. */
void h1_wire_flush(struct h1_wire *w);

#endif
