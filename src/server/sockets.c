#include "server/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/container.h"
#include "io/ipc.h"
#include "io/listener.h"

void sockets_init(struct sockets *s)
{
    for (size_t i = 0; i < ARRAY_LEN(s->fds); i++)
        s->fds[i] = i == STDOUT_FILENO || i == STDERR_FILENO ? (int)i : -1;
}

/* The port that the system picked where 0 was asked for. */
static bool bound_port(int fd, int64_t *port, struct err *e)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t len = sizeof(address);
    if (getsockname(fd, &address.any, &len) != 0) {
        (void)err_set(e, ERR_IO, "getsockname: %s", strerror(errno));
        return false;
    }
    *port = ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
    return true;
}

static bool bind_one(struct sockets *s, int number, const char *host, int64_t *port, bool shared,
                     struct err *e)
{
    struct listener_address address = {
        .host = str_of(host), .port = (uint16_t)*port, .reuseport = shared};
    return listener_bind(&address, &s->fds[number], e) == ERR_OK &&
           bound_port(s->fds[number], port, e);
}

/* SO_REUSEPORT would let a second server share the port in silence, so the port is tried alone first. */
static bool bind_proxy(struct sockets *s, struct launch *l, struct err *e)
{
    const char *host = l->config->proxy.host;
    int64_t port = l->config->proxy.port;
    if (!bind_one(s, LAUNCH_FD_PROXY, host, &port, false, e))
        return false;
    (void)close(s->fds[LAUNCH_FD_PROXY]);
    for (uint32_t i = 0; i < l->workers; i++) {
        if (!bind_one(s, LAUNCH_FD_PROXY + (int)i, host, &port, true, e)) {
            err_context(e, "proxy");
            return false;
        }
    }
    l->proxy_port = port;
    return true;
}

enum err_code sockets_bind(struct sockets *s, struct launch *l, struct err *e)
{
    const struct config *c = l->config;
    if (!bind_proxy(s, l, e))
        return e->code;
    l->admin_port = c->admin.port;
    if (c->admin.enabled &&
        !bind_one(s, LAUNCH_FD_ADMIN, c->admin.host, &l->admin_port, false, e)) {
        err_context(e, "admin");
        return e->code;
    }
    l->test_port = c->test_server.port;
    if (c->test_server.enabled &&
        !bind_one(s, LAUNCH_FD_TEST, c->test_server.host, &l->test_port, false, e)) {
        err_context(e, "test_server");
        return e->code;
    }
    s->fds[LAUNCH_FD_CONTROL] = ipc_listen(l->address, sizeof(l->address), &l->address_len, e);
    return s->fds[LAUNCH_FD_CONTROL] < 0 ? e->code : ERR_OK;
}

size_t sockets_for(const struct sockets *s, enum launch_role role, uint32_t workers, int *fds)
{
    size_t count = LAUNCH_FD_PROXY + (role == LAUNCH_WORKER ? workers : 0);
    memcpy(fds, s->fds, count * sizeof(fds[0]));
    if (role == LAUNCH_WORKER) {
        fds[LAUNCH_FD_CONTROL] = -1;
        fds[LAUNCH_FD_LOCK] = -1;
        fds[LAUNCH_FD_ADMIN] = -1;
        fds[LAUNCH_FD_TEST] = -1;
    }
    return count;
}

void sockets_stop_listening(struct sockets *s)
{
    for (size_t i = LAUNCH_FD_ADMIN; i < ARRAY_LEN(s->fds); i++) {
        if (i == LAUNCH_FD_NODE)
            continue;
        if (s->fds[i] >= 0)
            (void)close(s->fds[i]);
        s->fds[i] = -1;
    }
}
