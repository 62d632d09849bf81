/* A connected (or connecting) non-blocking stream socket on the loop. No buffers and no requests in between: the
 * owner reads and writes when it likes, and is told when that became possible.
 *
 * Readiness is edge-triggered: the flags readable and writable stay set until a call finds nothing more
 * to do, and on_ready is called once when one of them, or closed or failed, becomes set. An owner that
 * stops early (its share of this turn is used up, or it wants no more now) must come back by itself.
 *
 * Embedded in the owner's object, who reads fd, readable, writable, closed, failed.
 */
#ifndef IO_SOCK_H
#define IO_SOCK_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "base/err.h"
#include "io/loop.h"

struct sock {
    struct loop *loop;
    struct loop_watch watch;
    void (*on_ready)(struct sock *s);
    int fd; /* -1: none */
    bool readable;
    bool writable;
    bool closed; /* the peer ended its direction; bytes may be left to read */
    bool failed; /* the connection is broken in both directions; bytes may be left to read */
    bool wants_out;
    bool connecting;
};

enum sock_result {
    SOCK_OK,
    SOCK_AGAIN, /* nothing now; on_ready will tell */
    SOCK_EOF,   /* reading: the peer ended its direction */
    SOCK_ERROR, /* broken; errno says how */
};

/* Takes over fd: connected, non-blocking; accepted ones have TCP_NODELAY from their listener. It is
 * writable at first, and on_ready comes if there is something to read. On failure fd is closed, s->fd is -1 and errno is set. */
bool sock_open(struct sock *s, struct loop *l, int fd, void (*on_ready)(struct sock *s))
    __attribute__((warn_unused_result));

/* Starts to connect, without Nagle's algorithm; on_ready comes when it is decided: sock_connected() tells. False: failed at once. */
bool sock_connect(struct sock *s, struct loop *l, const struct sockaddr *address, socklen_t len,
                  void (*on_ready)(struct sock *s)) __attribute__((warn_unused_result));

/* 0: connected; EINPROGRESS: not yet; else the errno of the failure. */
int sock_connected(struct sock *s);

/* Reads once; *got is set with SOCK_OK and is > 0 then. size > 0. */
enum sock_result sock_read(struct sock *s, void *to, size_t size, size_t *got)
    __attribute__((warn_unused_result));

/* Writes once; *put may be less than asked for with SOCK_OK; writable is false then. */
enum sock_result sock_write(struct sock *s, struct iovec *iov, int n, size_t *put)
    __attribute__((warn_unused_result));

/* Ends our direction. */
void sock_shutdown(struct sock *s);

/* Whether the peer's kernel acknowledged nothing of what was written after the first before bytes of the
 * connection's life; false when that cannot be known. */
bool sock_unacked_since(const struct sock *s, uint64_t before);

/* Closes at once; no event follows, s's memory may be released. No effect when it has no socket. */
void sock_close(struct sock *s);

/* As sock_close(), so that a TCP peer gets a reset. */
void sock_abort(struct sock *s);

#endif
