#include "io/ipc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/poller.h"

enum { HEADER_SIZE = 5, READ_SIZE = 64 * 1024, READS_PER_TURN = 16 };

struct ipc {
    struct loop *loop;
    struct poller *poller;
    int fd;
    struct buf in;
    struct buf out;
    struct ipc_options options;
    const struct ipc_events *events;
    void *user;
    struct loop_task failed; /* reports a failure found while sending */
    const char *failure;
    bool in_callback;
    bool closed;
};

static void release(struct ipc *i)
{
    buf_finish(&i->in);
    buf_finish(&i->out);
    free(i);
}

void ipc_close(struct ipc *i)
{
    if (i == NULL || i->closed)
        return;
    i->closed = true;
    loop_unschedule(&i->failed);
    poller_destroy(i->poller);
    (void)close(i->fd);
    if (!i->in_callback)
        release(i);
}

static void fail(struct ipc *i, const char *text)
{
    const struct ipc_events *events = i->events;
    void *user = i->user;
    ipc_close(i);
    events->on_closed(user, text);
}

static void on_failed(struct loop_task *t)
{
    struct ipc *i = container_of(t, struct ipc, failed);
    fail(i, i->failure);
}

static void fail_later(struct ipc *i, const char *text)
{
    if (i->failure != NULL)
        return;
    i->failure = text;
    loop_schedule(i->loop, &i->failed);
}

static void watch(struct ipc *i)
{
    poller_watch(i->poller, i->out.len > 0 ? POLLER_READ | POLLER_WRITE : POLLER_READ);
}

static void flush(struct ipc *i)
{
    while (i->out.len > 0) {
        struct str s = buf_str(&i->out);
        ssize_t n = send(i->fd, s.p, s.len, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            if (errno != EAGAIN)
                fail_later(i, strerror(errno));
            break;
        }
        buf_consume(&i->out, (size_t)n);
    }
    watch(i);
}

static uint32_t read_length(struct str s)
{
    uint32_t n = 0;
    for (size_t k = 0; k < 4; k++)
        n |= (uint32_t)(unsigned char)s.p[k] << (8 * k);
    return n;
}

/* Hands over every whole frame that is in the buffer. False when the link was closed meanwhile. */
static bool deliver(struct ipc *i)
{
    while (i->in.len >= HEADER_SIZE) {
        struct str s = buf_str(&i->in);
        uint32_t len = read_length(s);
        if (len > i->options.frame_max) {
            fail(i, "a message is too large");
            return false;
        }
        if (s.len - HEADER_SIZE < len)
            return true;
        i->events->on_message(i->user, (uint8_t)s.p[4],
                              str_slice(s, HEADER_SIZE, HEADER_SIZE + len));
        if (i->closed)
            return false;
        buf_consume(&i->in, HEADER_SIZE + len);
    }
    return true;
}

static void on_readable(struct ipc *i)
{
    for (int turn = 0; turn < READS_PER_TURN; turn++) {
        char *to = buf_reserve(&i->in, READ_SIZE);
        if (to == NULL) {
            fail(i, "a message is too large");
            return;
        }
        ssize_t n = recv(i->fd, to, READ_SIZE, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            fail(i, n == 0 ? "closed by the peer" : strerror(errno));
            return;
        }
        buf_added(&i->in, (size_t)n);
        if (!deliver(i) || (size_t)n < READ_SIZE)
            return;
    }
}

static void on_ready(void *user, int events)
{
    struct ipc *i = user;
    i->in_callback = true;
    if ((events & POLLER_WRITE) != 0)
        flush(i);
    if ((events & POLLER_READ) != 0)
        on_readable(i);
    i->in_callback = false;
    if (i->closed)
        release(i);
}

struct ipc *ipc_create(struct loop *l, int fd, const struct ipc_options *options,
                       const struct ipc_events *events, void *user)
{
    struct ipc *i = mem_alloc(sizeof(*i));
    i->loop = l;
    i->fd = fd;
    i->options = *options;
    i->events = events;
    i->user = user;
    i->failed.run = on_failed;
    buf_init(&i->in, options->frame_max + HEADER_SIZE + READ_SIZE);
    buf_init(&i->out, options->backlog_max);
    i->poller = poller_create(l, fd, on_ready, i);
    watch(i);
    return i;
}

void ipc_send(struct ipc *i, uint8_t type, struct str payload)
{
    if (i->closed || i->failure != NULL)
        return;
    if (payload.len > i->options.frame_max || buf_room(&i->out) < payload.len + HEADER_SIZE) {
        fail_later(i, "the peer does not keep up, or a message is too large");
        return;
    }
    char head[HEADER_SIZE];
    for (size_t k = 0; k < 4; k++)
        head[k] = (char)(unsigned char)(payload.len >> (8 * k));
    head[4] = (char)type;
    bool ok = buf_add(&i->out, (struct str){head, sizeof(head)}) && buf_add(&i->out, payload);
    if (ok)
        flush(i);
}

int ipc_connect(struct str address, struct err *e)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (address.len > sizeof(sa.sun_path)) {
        (void)err_set(e, ERR_INTERNAL, "the address of control is too long");
        return -1;
    }
    memcpy(sa.sun_path, address.p, address.len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + address.len);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, size) == 0)
        return fd;
    (void)err_set(e, ERR_IO, "cannot connect to control: %s", strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

int ipc_listen(char *address, size_t size, size_t *len, struct err *e)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    socklen_t salen = sizeof(sa);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa_family_t)) == 0 &&
              listen(fd, SOMAXCONN) == 0 && getsockname(fd, (struct sockaddr *)&sa, &salen) == 0;
    size_t n = ok ? salen - offsetof(struct sockaddr_un, sun_path) : 0;
    if (!ok || n > size) {
        (void)err_set(e, ERR_IO, "cannot make the socket of control: %s", strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        return -1;
    }
    memcpy(address, sa.sun_path, n);
    *len = n;
    return fd;
}

int ipc_accept(int listen_fd)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return -1;
    struct ucred cred = {0};
    socklen_t len = sizeof(cred);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
        (cred.uid == getuid() || cred.uid == 0))
        return fd;
    (void)close(fd);
    return -1;
}

static bool take(struct ipc_reader *r, size_t n, struct str *ret)
{
    if (r->bad || n > r->rest.len) {
        r->bad = true;
        return false;
    }
    *ret = str_slice(r->rest, 0, n);
    r->rest = str_skip(r->rest, n);
    return true;
}

uint64_t ipc_read_u64(struct ipc_reader *r)
{
    struct str s = {0};
    uint64_t n = 0;
    if (!take(r, 8, &s))
        return 0;
    memcpy(&n, s.p, sizeof(n));
    return le64toh(n);
}

uint8_t ipc_read_u8(struct ipc_reader *r)
{
    struct str s = {0};
    return take(r, 1, &s) ? (uint8_t)s.p[0] : 0;
}

struct str ipc_read_bytes(struct ipc_reader *r)
{
    struct str s = {"", 0};
    uint64_t n = ipc_read_u64(r);
    if (!r->bad)
        (void)take(r, n, &s);
    return s;
}

bool ipc_write_u64(struct buf *b, uint64_t n)
{
    uint64_t le = htole64(n);
    char bytes[8];
    memcpy(bytes, &le, sizeof(le));
    return buf_add(b, (struct str){bytes, sizeof(bytes)});
}

bool ipc_write_u8(struct buf *b, uint8_t n)
{
    char byte = (char)n;
    return buf_add(b, (struct str){&byte, 1});
}

bool ipc_write_bytes(struct buf *b, struct str s)
{
    return ipc_write_u64(b, s.len) && buf_add(b, s);
}
