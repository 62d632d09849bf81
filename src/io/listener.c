/* Accepting goes on until nothing waits or the burst is used up; then the rest waits for the next turn, so that
 * connections that exist are served in between. Out of descriptors, one that was kept in reserve is
 * given up to accept and close what waits: else the queue would stay readable and its clients hang.
 */
#include "io/listener.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/timeout.h"

enum { COMPLAIN_EVERY_MS = 1000, RETRY_MS = 10 };

struct listener {
    struct loop *loop;
    struct loop_watch watch;
    struct loop_task task; /* the burst was used up, or it was just started */
    struct timeout retry;  /* accepting failed for lack of something */
    int fd;
    int reserve;
    uint32_t burst;
    listener_fn on_accept;
    void *user;
    bool started;
    uint64_t complained_ms;
    uint64_t dropped; /* since the last complaint */
};

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

/* All addresses of both families. */
static bool is_any(const struct listener_address *a)
{
    return a->path.len == 0 && (a->host.len == 0 || str_eq(a->host, STR("*")));
}

static int open_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Resolves the address; *len is what bind() wants. */
static enum err_code to_address(const struct listener_address *a, union address *ret,
                                socklen_t *len, struct err *e)
{
    char host[INET6_ADDRSTRLEN + 1] = {0};
    *ret = (union address){0};
    if (a->path.len > 0) {
        if (a->path.len >= sizeof(ret->un.sun_path))
            return err_set(e, ERR_INVALID, "%.*s: the path of a socket has at most %zu bytes",
                           STR_ARG(a->path), sizeof(ret->un.sun_path) - 1);
        ret->un.sun_family = AF_UNIX;
        memcpy(ret->un.sun_path, a->path.p, a->path.len);
        *len = sizeof(ret->un);
        return ERR_OK;
    }
    if (is_any(a)) {
        ret->in6 = (struct sockaddr_in6){
            .sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_addr = in6addr_any};
        *len = sizeof(ret->in6);
        return ERR_OK;
    }
    if (str_eq_nocase(a->host, STR("localhost")))
        memcpy(host, "127.0.0.1", 9);
    else if (a->host.len < sizeof(host))
        memcpy(host, a->host.p, a->host.len);
    if (inet_pton(AF_INET, host, &ret->in.sin_addr) == 1) {
        ret->in.sin_family = AF_INET;
        ret->in.sin_port = htons(a->port);
        *len = sizeof(ret->in);
        return ERR_OK;
    }
    if (inet_pton(AF_INET6, host, &ret->in6.sin6_addr) == 1) {
        ret->in6.sin6_family = AF_INET6;
        ret->in6.sin6_port = htons(a->port);
        *len = sizeof(ret->in6);
        return ERR_OK;
    }
    return err_set(e, ERR_INVALID, "%.*s is not an IP address", STR_ARG(a->host));
}

/* Removes a Unix socket that nobody listens on any more. */
static void remove_abandoned(const union address *address)
{
    struct stat st;
    if (stat(address->un.sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, &address->any, sizeof(address->un)) != 0 && errno == ECONNREFUSED)
        (void)unlink(address->un.sun_path);
    (void)close(fd);
}

static void set_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

static const char *reason(int error)
{
    static const struct {
        int error;
        const char *text;
    } reasons[] = {
        {EADDRINUSE, "address already in use"}, {EADDRNOTAVAIL, "this machine has no such address"},
        {EACCES, "permission denied"},          {EMFILE, "too many open files"},
        {ENOENT, "no such directory"},
    };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].error == error)
            return reasons[i].text;
    return strerrordesc_np(error);
}

static bool bind_address(int fd, const struct listener_address *a, const union address *address,
                         socklen_t len)
{
    if (address->any.sa_family == AF_UNIX) {
        remove_abandoned(address);
    } else {
        set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        if (a->reuseport)
            set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (address->any.sa_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, is_any(a) ? 0 : 1);
    return bind(fd, &address->any, len) == 0 && listen(fd, LISTENER_BACKLOG) == 0;
}

static enum err_code fail(const struct listener_address *a, int error, struct err *e)
{
    const enum err_code code = err_from_errno(error);
    if (a->path.len > 0)
        return err_set(e, code, "%.*s: %s", STR_ARG(a->path), reason(error));
    const struct str host = a->host.len > 0 ? a->host : STR("*");
    const bool v6 = str_contains(host, STR(":"));
    return err_set(e, code, "%s%.*s%s:%u: %s", v6 ? "[" : "", STR_ARG(host), v6 ? "]" : "", a->port,
                   reason(error));
}

enum err_code listener_bind(const struct listener_address *a, int *ret, struct err *e)
{
    union address address;
    socklen_t len = 0;
    enum err_code code = to_address(a, &address, &len, e);
    if (code != ERR_OK)
        return code;
    int fd = open_socket(address.any.sa_family);
    if (fd < 0 && errno == EAFNOSUPPORT && is_any(a)) {
        /* A kernel without IPv6: all addresses are those of IPv4. */
        address = (union address){.in = {.sin_family = AF_INET, .sin_port = htons(a->port)}};
        len = sizeof(address.in);
        fd = open_socket(AF_INET);
    }
    if (fd < 0)
        return fail(a, errno, e);
    if (!bind_address(fd, a, &address, len)) {
        code = fail(a, errno, e);
        (void)close(fd);
        return code;
    }
    *ret = fd;
    return ERR_OK;
}

/* At most one line a second, however many are dropped. */
static void complain(struct listener *l, int error)
{
    const uint64_t now = loop_now_ms(l->loop);
    if (l->complained_ms != 0 && now - l->complained_ms < COMPLAIN_EVERY_MS)
        return;
    l->complained_ms = now;
    log_warn("io", "cannot accept: %s; %llu connections were dropped", reason(error),
             (unsigned long long)l->dropped);
    l->dropped = 0;
}

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Gives up the reserve to drop one connection. */
static bool drop_one(struct listener *l)
{
    if (l->reserve < 0)
        return false;
    (void)close(l->reserve);
    const int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        (void)close(fd);
        l->dropped++;
    }
    l->reserve = open_reserve();
    return fd >= 0;
}

/* False: nothing more now. */
static bool accept_one(struct listener *l)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    peer.ss_family = AF_UNSPEC;
    const int fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        l->on_accept(l->user, fd, (const struct sockaddr *)&peer);
        return true;
    }
    const int error = errno;
    switch (error) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE: {
        const bool dropped = drop_one(l);
        complain(l, error);
        if (!dropped)
            timeout_set(&l->retry, RETRY_MS);
        return dropped;
    }
    case ENOBUFS:
    case ENOMEM:
        complain(l, error);
        timeout_set(&l->retry, RETRY_MS);
        return false;
    default:
        return true; /* that connection is gone already (accept(2) lists the errors), or EINTR */
    }
}

static void accept_some(struct listener *l)
{
    for (uint32_t i = 0; i < l->burst && l->started; i++)
        if (!accept_one(l))
            return;
    if (l->started)
        loop_schedule(l->loop, &l->task);
}

static void on_watch(struct loop_watch *w, uint32_t events)
{
    (void)events;
    accept_some(container_of(w, struct listener, watch));
}

static void on_task(struct loop_task *t)
{
    accept_some(container_of(t, struct listener, task));
}

static void on_retry(struct timeout *t)
{
    accept_some(container_of(t, struct listener, retry));
}

struct listener *listener_create(struct loop *loop, int fd, uint32_t burst, listener_fn on_accept,
                                 void *user)
{
    struct listener *l = mem_alloc(sizeof(*l));
    assert(burst > 0);
    l->loop = loop;
    l->fd = fd;
    l->burst = burst;
    l->on_accept = on_accept;
    l->user = user;
    l->watch.fire = on_watch;
    l->task.run = on_task;
    timeout_init(&l->retry, loop, on_retry);
    l->reserve = open_reserve();
    return l;
}

void listener_start(struct listener *l)
{
    if (l->started)
        return;
    if (!loop_watch_add(l->loop, &l->watch, l->fd, EPOLLIN)) {
        log_error("io", "cannot watch a listening socket: %s", reason(errno));
        return;
    }
    l->started = true;
}

void listener_stop(struct listener *l)
{
    if (!l->started)
        return;
    l->started = false;
    loop_watch_remove(l->loop, &l->watch, l->fd, true);
    loop_unschedule(&l->task);
    timeout_clear(&l->retry);
}

bool listener_is_started(const struct listener *l)
{
    return l->started;
}

void listener_drain(struct listener *l)
{
    listener_start(l);
    for (uint32_t i = 0; i < LISTENER_BACKLOG && accept_one(l); i++)
        continue;
    listener_stop(l);
}

void listener_destroy(struct listener *l)
{
    if (l == NULL)
        return;
    listener_stop(l);
    timeout_finish(&l->retry);
    if (l->reserve >= 0)
        (void)close(l->reserve);
    free(l);
}
