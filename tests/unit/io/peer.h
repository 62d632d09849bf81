/* What tests on the loop share: a loop that is turned until a condition holds, and sockets that play the other side. */
#ifndef UNIT_IO_PEER_H
#define UNIT_IO_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/container.h"
#include "base/now.h"
#include "io/loop.h"
#include "io/timeout.h"
#include "testing.h"

enum { PEER_DEADLINE_MS = 10000, PEER_LATE_TURNS = 200, PEER_TICK_MS = 2 };

static struct loop *loop;
static struct timeout tick;

static inline void peer_on_tick(struct timeout *t)
{
    timeout_set(t, PEER_TICK_MS);
}

static inline int peer_loop_setup(void **state)
{
    (void)state;
    loop = loop_create();
    timeout_init(&tick, loop, peer_on_tick);
    timeout_set(&tick, PEER_TICK_MS);
    return 0;
}

static inline int peer_loop_teardown(void **state)
{
    (void)state;
    timeout_finish(&tick);
    loop_destroy(loop);
    loop = NULL;
    return 0;
}

/* Turns the loop until condition holds; fails the test after the deadline. A machine that stood still meanwhile gets
 * some more turns. */
#define until(condition)                                                                           \
    do {                                                                                           \
        const uint64_t until_end = now_mono_ns() + PEER_DEADLINE_MS * 1000000ULL;                  \
        int until_late = 0;                                                                        \
        while (!(condition)) {                                                                     \
            until_late += now_mono_ns() > until_end;                                               \
            if (until_late > PEER_LATE_TURNS)                                                      \
                fail_msg("timed out waiting for %s", #condition);                                  \
            loop_turn(loop, true);                                                                 \
        }                                                                                          \
    } while (0)

/* Turns the loop n times; for what must not happen. */
static inline void peer_turns(int n)
{
    for (int i = 0; i < n; i++)
        loop_turn(loop, true);
}

/* The other end of a connection, used with plain system calls. */
struct peer {
    int fd;
    struct buf got;
    bool eof;
    int error;
};

static inline void peer_init(struct peer *p, int fd)
{
    *p = (struct peer){.fd = fd};
    buf_init(&p->got, 1 << 28);
}

static inline void peer_finish(struct peer *p)
{
    if (p->fd >= 0)
        (void)close(p->fd);
    p->fd = -1;
    buf_finish(&p->got);
}

/* Two connected, non-blocking TCP sockets. */
static inline void peer_pair(int fds[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(l >= 0);
    assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(l, 1), 0);
    assert_int_equal(getsockname(l, (struct sockaddr *)&a, &len), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fds[0], (struct sockaddr *)&a, sizeof(a)), 0);
    fds[1] = accept4(l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(fds[1] >= 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    (void)close(l);
}

/* Reads what is there; at most max bytes. True when anything changed. */
static inline bool peer_read(struct peer *p, size_t max)
{
    static char bytes[65536];
    if (p->eof || p->error != 0 || p->fd < 0)
        return false;
    ssize_t n = recv(p->fd, bytes, max < sizeof(bytes) ? max : sizeof(bytes), 0);
    if (n > 0)
        assert_true(buf_add(&p->got, (struct str){bytes, (size_t)n}));
    else if (n == 0)
        p->eof = true;
    else if (errno != EAGAIN)
        p->error = errno;
    return n >= 0 || errno != EAGAIN;
}

static inline bool peer_has(struct peer *p, const char *text)
{
    while (peer_read(p, SIZE_MAX))
        ;
    return str_contains(buf_str(&p->got), str_of(text));
}

static inline bool peer_closed(struct peer *p)
{
    while (peer_read(p, SIZE_MAX))
        ;
    return p->eof || p->error != 0;
}

/* Writes all of it, turning the loop when the socket is full. */
static inline void peer_write(struct peer *p, struct str s)
{
    while (s.len > 0) {
        ssize_t n = send(p->fd, s.p, s.len, MSG_NOSIGNAL);
        if (n > 0)
            s = str_skip(s, (size_t)n);
        else if (errno == EAGAIN)
            loop_turn(loop, true);
        else
            fail_msg("send: %s", strerrordesc_np(errno));
    }
}

static inline void peer_text(struct peer *p, const char *text)
{
    peer_write(p, str_of(text));
}

/* Closes so that the other side gets a reset. */
static inline void peer_abort(struct peer *p)
{
    const struct linger now = {.l_onoff = 1};
    (void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    (void)close(p->fd);
    p->fd = -1;
}

#endif
