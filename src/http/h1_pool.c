/* A host (name and port) has its idle connections, the one used last first, since the others may then end by
 * themselves; and a queue of calls for which there is no connection and may not be one more. A call that
 * may have a new connection dials its own.
 */
#include "http/h1_pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hmap.h"
#include "base/mem.h"
#include "http/h1_call.h"
#include "http/h1_client.h"

struct pool {
    struct http_client client;
    struct http_client_options options;
    struct h1_client_shared connections;
    struct h1_call_shared calls;
    struct buf_pool buffers;
    struct hmap hosts;
    struct http_client_stats stats;
    bool closing;
};

struct host {
    struct hmap_node node;
    struct pool *pool;
    struct ilist idle;
    struct ilist queue;
    uint32_t connections; /* all of them, those being made included */
    uint32_t queued;
    uint16_t port;
    struct str name;
    char key[]; /* "name:port" */
};

enum { KEY_MAX = 300 };

static_assert(offsetof(struct pool, client) == 0, "pool_stats() relies on it");

static struct host *host_create(struct pool *p, struct str key, size_t name_len, uint16_t port)
{
    struct host *h = mem_alloc(sizeof(*h) + key.len);
    h->pool = p;
    h->port = port;
    memcpy(h->key, key.p, key.len);
    h->name = (struct str){h->key, name_len};
    ilist_init(&h->idle);
    ilist_init(&h->queue);
    hmap_add(&p->hosts, &h->node, (struct str){h->key, key.len});
    return h;
}

/* NULL when the name is too long to be one. */
static struct host *host_of(struct pool *p, struct str name, uint16_t port)
{
    char key[KEY_MAX] __attribute__((uninitialized));
    if (name.len + 2 > sizeof(key))
        return NULL;
    if (name.len > 0)
        memcpy(key, name.p, name.len);
    /* The port's bytes: the key needs not be text. */
    key[name.len] = (char)(port >> 8);
    key[name.len + 1] = (char)(port & 0xff);
    const struct str k = {key, name.len + 2};
    struct hmap_node *n = hmap_get(&p->hosts, k);
    return n != NULL ? container_of(n, struct host, node) : host_create(p, k, name.len, port);
}

static void attach(struct pool *p, struct h1_client *c, struct h1_call *call, bool reused)
{
    p->stats.active++;
    if (reused)
        p->stats.reused++;
    else
        p->stats.opened++;
    h1_client_use(c, call);
    h1_call_attach(call, c, reused);
}

static void dial(struct host *h, struct h1_call *call)
{
    const struct h1_client_target target = {
        .host = h->name,
        .port = h->port,
        .timeout_ms = call->connect_timeout_ms,
        .place = h,
        .call = call,
    };
    h->connections++;
    call->dialing = h1_client_dial(&h->pool->connections, &target);
}

static struct h1_call *next_queued(struct host *h)
{
    struct ilist_node *n = ilist_pop(&h->queue);
    if (n == NULL)
        return NULL;
    h->queued--;
    return container_of(n, struct h1_call, node);
}

/* A connection less: the next call of the queue may make one. Frees a host that has nothing left. */
static void connection_gone(struct host *h)
{
    assert(h->connections > 0);
    h->connections--;
    if (h->pool->closing)
        return;
    struct h1_call *call = next_queued(h);
    if (call != NULL)
        dial(h, call);
    if (h->connections > 0)
        return;
    assert(ilist_empty(&h->queue) && ilist_empty(&h->idle));
    hmap_remove(&h->pool->hosts, &h->node);
    free(h);
}

/* Events of connections. */

static void on_connected(struct h1_client *c, struct h1_call *call)
{
    struct host *h = h1_client_place(c);
    call->dialing = NULL;
    attach(h->pool, c, call, false);
}

static void on_failed(struct h1_client *c, struct h1_call *call, const struct exchange_reset *why)
{
    struct host *h = h1_client_place(c);
    call->dialing = NULL;
    call->host = NULL;
    connection_gone(h);
    h1_call_fail(call, why->code, why->detail);
}

static void on_free(struct h1_client *c)
{
    struct host *h = h1_client_place(c);
    h->pool->stats.active--;
    struct h1_call *call = next_queued(h);
    if (call != NULL) {
        attach(h->pool, c, call, true);
        return;
    }
    h1_client_idle(c);
    ilist_push_front(&h->idle, h1_client_node(c));
    h->pool->stats.idle++;
    const uint32_t idle_max = h->pool->options.idle_max;
    if (idle_max > 0 && h->pool->stats.idle > idle_max)
        h1_client_close_oldest(&h->pool->connections);
}

static void on_closed(struct h1_client *c, bool was_idle)
{
    struct host *h = h1_client_place(c);
    if (was_idle)
        h->pool->stats.idle--;
    else
        h->pool->stats.active--;
    connection_gone(h);
}

/* Events of calls. */

static void on_forget(struct h1_call *call)
{
    struct host *h = call->host;
    struct h1_client *c = call->dialing;
    call->host = NULL;
    call->dialing = NULL;
    if (c != NULL) {
        h1_client_abandon(c);
        connection_gone(h);
    } else if (ilist_linked(&call->node)) {
        ilist_remove(&call->node);
        h->queued--;
    }
}

/* The interface. */

static void find_place(struct pool *p, struct h1_call *call, const struct http_client_request *r)
{
    struct host *h = host_of(p, r->host, r->port);
    if (h == NULL) {
        h1_call_fail_later(call, EXCHANGE_RESOLVE, "the name is too long");
        return;
    }
    struct ilist_node *n = ilist_pop(&h->idle);
    if (n != NULL) {
        p->stats.idle--;
        attach(p, h1_client_of(n), call, true);
    } else if (h->connections < p->options.connections_max) {
        call->host = h;
        dial(h, call);
    } else if (h->queued < p->options.queue_max) {
        call->host = h;
        h->queued++;
        ilist_push(&h->queue, &call->node);
    } else {
        h1_call_fail_later(call, EXCHANGE_OVERLOADED, NULL);
    }
}

static struct exchange *pool_open(struct http_client *client, const struct http_client_request *r)
{
    struct pool *p = container_of(client, struct pool, client);
    struct h1_call *call = h1_call_create(&p->calls, r);
    if (p->closing)
        h1_call_fail_later(call, EXCHANGE_SHUTDOWN, NULL);
    else if (!call->faulty)
        find_place(p, call, r);
    return &call->x;
}

static void pool_stats(const struct http_client *client, struct http_client_stats *ret)
{
    const struct pool *p = (const struct pool *)(const void *)client;
    *ret = p->stats;
    hmap_for_each (n, &p->hosts)
        ret->waiting += container_of(n, struct host, node)->queued;
}

static void pool_destroy(struct http_client *client)
{
    struct pool *p = container_of(client, struct pool, client);
    p->closing = true;
    while (!ilist_empty(&p->calls.all))
        h1_call_fail(container_of(p->calls.all.head.next, struct h1_call, each), EXCHANGE_SHUTDOWN,
                     NULL);
    h1_client_free_all(&p->connections);
    h1_call_free_spares(&p->calls);
    struct hmap_node *n = NULL;
    while ((n = hmap_any(&p->hosts)) != NULL) {
        hmap_remove(&p->hosts, n);
        free(container_of(n, struct host, node));
    }
    hmap_finish(&p->hosts);
    buf_pool_finish(&p->buffers);
    free(p);
}

static const struct http_client_impl impl = {
    .open = pool_open,
    .stats = pool_stats,
    .destroy = pool_destroy,
};

struct http_client *h1_pool_create(struct loop *loop, const struct http_client_options *options)
{
    struct pool *p = mem_alloc(sizeof(*p));
    assert(options->connections_max > 0 && options->resolver != NULL);
    p->client.impl = &impl;
    p->options = *options;
    p->connections = (struct h1_client_shared){
        .loop = loop,
        .options = &p->options,
        .pool = &p->buffers,
        .on_connected = on_connected,
        .on_failed = on_failed,
        .on_free = on_free,
        .on_closed = on_closed,
    };
    p->calls = (struct h1_call_shared){
        .loop = loop, .options = &p->options, .pool = &p->buffers, .on_forget = on_forget};
    ilist_init(&p->connections.all);
    ilist_init(&p->connections.idle);
    ilist_init(&p->calls.all);
    ilist_init(&p->calls.spares);
    return &p->client;
}
