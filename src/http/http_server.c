#include "http/http_server.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/h1_server.h"
#include "io/loop.h"

struct http_server {
    struct h1_server_shared shared;
    struct http_server_options options;
    struct http_server_stats stats;
    struct loop_task drained;
    void (*on_drained)(void *user);
    void *drained_user;
};

static void on_drained(struct loop_task *t)
{
    struct http_server *s = container_of(t, struct http_server, drained);
    void (*done)(void *user) = s->on_drained;
    s->on_drained = NULL;
    if (done != NULL)
        done(s->drained_user);
}

static void check_drained(struct http_server *s)
{
    if (s->shared.retired && s->on_drained != NULL && s->stats.connections == 0)
        loop_schedule(s->shared.loop, &s->drained);
}

static void on_closed(struct h1_server_shared *shared)
{
    check_drained(container_of(shared, struct http_server, shared));
}

struct http_server *http_server_create(struct loop *loop, const struct http_server_options *options,
                                       http_server_fn on_request, void *user)
{
    struct http_server *s = mem_alloc(sizeof(*s));
    s->options = *options;
    s->drained.run = on_drained;
    s->shared = (struct h1_server_shared){
        .loop = loop,
        .options = &s->options,
        .on_request = on_request,
        .user = user,
        .stats = &s->stats,
        .on_closed = on_closed,
    };
    ilist_init(&s->shared.connections);
    ilist_init(&s->shared.spares);
    return s;
}

void http_server_accept(struct http_server *s, int fd, const struct sockaddr *peer)
{
    s->stats.accepted++;
    const bool refuse = s->stats.connections >= s->options.connections_max;
    if (refuse)
        s->stats.overloaded++;
    if (refuse && s->stats.connections - s->options.connections_max >= H1_SERVER_REFUSED_MAX) {
        (void)close(fd);
        return;
    }
    h1_server_open(&s->shared, fd, peer, refuse);
}

void http_server_retire(struct http_server *s, void (*done)(void *user), void *user)
{
    s->shared.retired = true;
    s->on_drained = done;
    s->drained_user = user;
    check_drained(s);
}

void http_server_drain(struct http_server *s, void (*done)(void *user), void *user)
{
    s->shared.draining = true;
    http_server_retire(s, done, user);
    ilist_for_each (n, &s->shared.connections)
        h1_server_drain(h1_server_of(n));
}

void http_server_destroy(struct http_server *s)
{
    if (s == NULL)
        return;
    s->on_drained = NULL;
    while (!ilist_empty(&s->shared.connections))
        h1_server_kill(h1_server_of(s->shared.connections.head.next));
    h1_server_free_spares(&s->shared);
    loop_unschedule(&s->drained);
    buf_pool_finish(&s->shared.pool);
    free(s);
}

void http_server_stats_get(const struct http_server *s, struct http_server_stats *ret)
{
    *ret = s->stats;
}
