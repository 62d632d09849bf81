#include "io/sock.h"

#include <assert.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WATCH_IN = EPOLLIN | EPOLLRDHUP, WATCH_BOTH = EPOLLIN | EPOLLRDHUP | EPOLLOUT };

static void on_watch(struct loop_watch *w, uint32_t events)
{
    struct sock *s = container_of(w, struct sock, watch);
    /* EPOLLHUP alone is no failure: it also says that both directions were ended. */
    if ((events & EPOLLERR) != 0)
        s->failed = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0)
        s->closed = true;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0)
        s->readable = true;
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
        s->writable = true;
    s->on_ready(s);
}

static void set_nodelay(int fd)
{
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* not for Unix sockets */
}

static bool start(struct sock *s, uint32_t events)
{
    s->watch.fire = on_watch;
    if (loop_watch_add(s->loop, &s->watch, s->fd, events))
        return true;
    const int error = errno;
    (void)close(s->fd);
    s->fd = -1;
    errno = error;
    return false;
}

bool sock_open(struct sock *s, struct loop *l, int fd, void (*on_ready)(struct sock *s))
{
    *s = (struct sock){.loop = l, .on_ready = on_ready, .fd = fd, .writable = true};
    return start(s, WATCH_IN);
}

bool sock_connect(struct sock *s, struct loop *l, const struct sockaddr *address, socklen_t len,
                  void (*on_ready)(struct sock *s))
{
    *s = (struct sock){.loop = l, .on_ready = on_ready, .wants_out = true, .connecting = true};
    s->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return false;
    set_nodelay(s->fd);
    if (connect(s->fd, address, len) != 0 && errno != EINPROGRESS) {
        const int error = errno;
        (void)close(s->fd);
        s->fd = -1;
        errno = error;
        return false;
    }
    return start(s, WATCH_BOTH);
}

int sock_connected(struct sock *s)
{
    if (!s->connecting)
        return 0;
    if (!s->writable && !s->failed)
        return EINPROGRESS;
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        return errno;
    if (error == 0)
        s->connecting = false;
    return error;
}

/* recv() and send() without being cancellation points (pthreads(7)), which in a process with threads, as the JavaScript
 * engine has, costs four atomic operations per pair. */
static ssize_t receive(int fd, void *to, size_t size)
{
    return syscall(SYS_recvfrom, fd, to, size, 0, NULL, NULL);
}

static ssize_t transmit(int fd, struct iovec *iov, int n)
{
    if (n == 1)
        return syscall(SYS_sendto, fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL, NULL, 0);
    const struct msghdr m = {.msg_iov = iov, .msg_iovlen = (size_t)n};
    return syscall(SYS_sendmsg, fd, &m, MSG_NOSIGNAL);
}

/* A short read has emptied the socket: what comes later makes a new edge. Not so when the peer's end
 * is known already, since that edge is over. */
enum sock_result sock_read(struct sock *s, void *to, size_t size, size_t *got)
{
    assert(s->fd >= 0 && size > 0);
    ssize_t n = 0;
    do
        n = receive(s->fd, to, size);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        *got = (size_t)n;
        if (*got < size && !s->closed && !s->failed)
            s->readable = false;
        return SOCK_OK;
    }
    if (n == 0) {
        s->readable = false;
        s->closed = true;
        return SOCK_EOF;
    }
    if (errno == EAGAIN) {
        s->readable = false;
        return SOCK_AGAIN;
    }
    s->failed = true;
    return SOCK_ERROR;
}

/* Interest in EPOLLOUT begins with the first write that did not fit. */
static void wait_writable(struct sock *s)
{
    s->writable = false;
    if (s->wants_out)
        return;
    s->wants_out = true;
    loop_watch_change(s->loop, &s->watch, s->fd, WATCH_BOTH);
}

enum sock_result sock_write(struct sock *s, struct iovec *iov, int n, size_t *put)
{
    assert(s->fd >= 0 && n > 0);
    size_t asked = 0;
    for (int i = 0; i < n; i++)
        asked += iov[i].iov_len;
    ssize_t sent = 0;
    do
        sent = transmit(s->fd, iov, n);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        *put = (size_t)sent;
        if (*put < asked)
            wait_writable(s);
        return SOCK_OK;
    }
    if (errno == EAGAIN) {
        wait_writable(s);
        return SOCK_AGAIN;
    }
    s->failed = true;
    s->readable =
        true; /* what came before may still be read, then reading tells of the failure too */
    return SOCK_ERROR;
}

void sock_shutdown(struct sock *s)
{
    if (s->fd >= 0)
        (void)shutdown(s->fd, SHUT_WR);
}

/* tcpi_bytes_acked counts the SYN as one byte on the side that connects. */
bool sock_unacked_since(const struct sock *s, uint64_t before)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    if (s->fd < 0 || getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return false;
    if (len < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof(info.tcpi_bytes_acked))
        return false;
    return info.tcpi_bytes_acked <= before + 1;
}

void sock_close(struct sock *s)
{
    if (s->fd < 0)
        return;
    loop_watch_remove(s->loop, &s->watch, s->fd, false);
    (void)close(s->fd);
    s->fd = -1;
    s->readable = false;
    s->writable = false;
}

void sock_abort(struct sock *s)
{
    if (s->fd < 0)
        return;
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    sock_close(s);
}
