/* The floor of every proxy: accepts, takes an upstream connection, copies bytes both ways. It parses nothing and times
 * nothing. An upstream connection belongs to one client connection, and goes back to a pool with its end.
 *
 *     relay PORT UPSTREAM_PORT WORKERS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BUFFER = 65536, EVENTS = 128, POOL_MAX = 1024, WORKERS_MAX = 64 };

/* One direction's source, and what could not be written to it yet. */
struct end {
    int fd;
    struct end *other;
    char *held;
    size_t held_at, held_len;
    bool is_upstream, readable, eof;
};

static int epoll_fd;
static int pool[POOL_MAX];
static int pool_count;
static struct sockaddr_in upstream;
static char buffer[BUFFER];
static struct end *doomed[EVENTS * 2]; /* freed after the turn: events may still name them */
static int doomed_count;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(struct end *e)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = e};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, e->fd, &ev) != 0 &&
        (errno != EEXIST || epoll_ctl(epoll_fd, EPOLL_CTL_MOD, e->fd, &ev) != 0))
        fail("epoll_ctl");
}

static void set_nodelay(int fd)
{
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* A pooled connection that has nothing to say, or a new one. */
static int take_upstream(void)
{
    while (pool_count > 0) {
        const int fd = pool[--pool_count];
        char c;
        if (recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN)
            return fd;
        (void)close(fd);
    }
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    set_nodelay(fd);
    if (connect(fd, (const struct sockaddr *)&upstream, sizeof(upstream)) != 0 &&
        errno != EINPROGRESS) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void give_upstream(struct end *e)
{
    const bool clean = !e->eof && e->held_len == 0 && pool_count < POOL_MAX;
    struct epoll_event ev = {0};
    if (clean && epoll_ctl(epoll_fd, EPOLL_CTL_MOD, e->fd, &ev) == 0)
        pool[pool_count++] = e->fd;
    else
        (void)close(e->fd);
}

static void end_pair(struct end *e)
{
    struct end *client = e->is_upstream ? e->other : e;
    if (client->fd < 0)
        return;
    give_upstream(client->other);
    (void)close(client->fd);
    client->fd = client->other->fd = -1;
    doomed[doomed_count++] = client;
    doomed[doomed_count++] = client->other;
}

static void free_doomed(void)
{
    while (doomed_count > 0) {
        struct end *e = doomed[--doomed_count];
        free(e->held);
        free(e);
    }
}

/* Writes what is held for e; false when some of it is left. */
static bool flush(struct end *e)
{
    while (e->held_len > 0) {
        const ssize_t n = send(e->fd, e->held + e->held_at, e->held_len, MSG_NOSIGNAL);
        if (n < 0)
            return false;
        e->held_at += (size_t)n;
        e->held_len -= (size_t)n;
    }
    return true;
}

static void hold(struct end *e, const char *data, size_t len)
{
    if (e->held == NULL && (e->held = malloc(BUFFER)) == NULL)
        fail("malloc");
    memcpy(e->held, data, len);
    e->held_at = 0;
    e->held_len = len;
}

/* Copies from e to its other end until there is nothing more, or the other end is full. */
static void copy(struct end *e)
{
    while (e->readable && e->other->held_len == 0) {
        const ssize_t n = recv(e->fd, buffer, BUFFER, 0);
        if (n <= 0) {
            e->readable = false;
            if (n == 0 || errno != EAGAIN) {
                e->eof = true;
                end_pair(e);
            }
            return;
        }
        if (n < BUFFER)
            e->readable = false;
        ssize_t put = send(e->other->fd, buffer, (size_t)n, MSG_NOSIGNAL);
        if (put < 0 && errno != EAGAIN) {
            end_pair(e);
            return;
        }
        if (put < 0)
            put = 0;
        if (put < n)
            hold(e->other, buffer + put, (size_t)(n - put));
    }
}

static void on_event(struct end *e, uint32_t events)
{
    if (e->fd < 0)
        return;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        e->readable = true;
    if ((events & EPOLLOUT) != 0 && e->held_len > 0 && flush(e))
        copy(e->other);
    if (e->fd >= 0)
        copy(e);
}

static void on_accept(int listener)
{
    for (;;) {
        const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        const int up = take_upstream();
        if (up < 0) {
            (void)close(fd);
            continue;
        }
        struct end *client = calloc(1, sizeof(*client));
        struct end *server = calloc(1, sizeof(*server));
        if (client == NULL || server == NULL)
            fail("calloc");
        *client = (struct end){.fd = fd, .other = server};
        *server = (struct end){.fd = up, .other = client, .is_upstream = true};
        watch(server);
        watch(client);
    }
}

static int listen_on(uint16_t port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 4096) != 0)
        fail("listen");
    set_nodelay(fd); /* accepted sockets inherit it */
    return fd;
}

static void work(uint16_t port)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int listener = listen_on(port);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event listening = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &listening) != 0)
        fail("epoll");
    for (;;) {
        struct epoll_event events[EVENTS];
        const int n = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL)
                on_accept(listener);
            else
                on_event(events[i].data.ptr, events[i].events);
        }
        free_doomed();
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: relay PORT UPSTREAM_PORT WORKERS\n");
        return 2;
    }
    const uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
    upstream = (struct sockaddr_in){.sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10))};
    upstream.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const unsigned long workers = strtoul(argv[3], NULL, 10);
    for (unsigned long i = 0; i < workers && i < WORKERS_MAX; i++) {
        const pid_t pid = fork();
        if (pid < 0)
            fail("fork");
        if (pid == 0)
            work(port);
    }
    (void)wait(NULL);
    return 1;
}
