#include "http/h1_client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/ip_address.h"
#include "http/h1_call.h"
#include "io/resolver.h"
#include "io/timeout.h"

static_assert(sizeof((struct exchange_peer){0}.address) >= INET6_ADDRSTRLEN, "for any address");

enum state { STATE_DIALING, STATE_BUSY, STATE_IDLE, STATE_CLOSED };

/* What is needed only until the connection stands. */
struct dial {
    struct h1_client *client;
    struct resolver_query query;
    struct resolver_answer answer;
    uint32_t next; /* address to try */
    uint16_t port;
    uint64_t timeout_ms;
    bool timed_out; /* the last one failed for that */
    char detail[RESOLVER_TEXT_SIZE + 80];
};

struct h1_client {
    struct h1_wire wire;
    struct ilist_node node; /* the pool's */
    struct ilist_node each; /* in shared->all */
    struct ilist_node rest; /* in shared->idle */
    struct h1_client_shared *shared;
    void *place;
    struct h1_call *call;
    struct loop_task task; /* frees it */
    struct timeout timer;
    enum state state;
    struct dial *dial;
    struct exchange_peer peer;
};

static void try_next(struct h1_client *c);

static void end_dial(struct h1_client *c)
{
    if (c->dial == NULL)
        return;
    resolver_cancel(&c->dial->query);
    free(c->dial);
    c->dial = NULL;
}

static void free_now(struct h1_client *c)
{
    end_dial(c);
    loop_unschedule(&c->task);
    timeout_finish(&c->timer);
    h1_wire_finish(&c->wire);
    ilist_remove(&c->node);
    ilist_remove(&c->rest);
    ilist_remove(&c->each);
    free(c);
}

static void on_task(struct loop_task *t)
{
    free_now(container_of(t, struct h1_client, task));
}

static void close_it(struct h1_client *c, bool abort)
{
    assert(c->state != STATE_CLOSED);
    if (abort)
        sock_abort(&c->wire.sock);
    else
        sock_close(&c->wire.sock);
    timeout_clear(&c->timer);
    ilist_remove(&c->node);
    ilist_remove(&c->rest);
    c->call = NULL;
    c->state = STATE_CLOSED;
    loop_schedule(c->shared->loop, &c->task);
}

/* Connecting. */

static void fail(struct h1_client *c, enum exchange_reset_code code, const char *detail)
{
    const struct exchange_reset why = {.code = code, .detail = detail};
    struct h1_call *call = c->call;
    close_it(c, false);
    c->shared->on_failed(c, call, &why);
}

static void note_failure(struct h1_client *c, const char *reason)
{
    struct dial *d = c->dial;
    char address[RESOLVER_TEXT_SIZE];
    assert(d->next > 0);
    resolver_address_text(&d->answer.v[d->next - 1], address);
    (void)snprintf(d->detail, sizeof(d->detail), "%s: %s", address, reason);
}

static void connected(struct h1_client *c)
{
    const union resolver_address *a = &c->dial->answer.v[c->dial->next - 1];
    resolver_address_host(a, c->peer.address);
    c->peer.port = c->dial->port;
    timeout_clear(&c->timer);
    end_dial(c);
    c->shared->on_connected(c, c->call);
}

static void on_dialing(struct h1_client *c)
{
    const int error = sock_connected(&c->wire.sock);
    if (error == EINPROGRESS)
        return;
    if (error == 0) {
        connected(c);
        return;
    }
    sock_close(&c->wire.sock);
    c->dial->timed_out = error == ETIMEDOUT;
    note_failure(c, strerrordesc_np(error));
    try_next(c);
}

/* Something came on a connection that nobody waits on: the upstream's end, or bytes that belong to no
 * response; either way it is of no more use. */
static void on_idle_ready(struct h1_client *c)
{
    if (!c->wire.sock.readable || h1_wire_fill(&c->wire) == SOCK_AGAIN)
        return;
    close_it(c, false);
    c->shared->on_closed(c, true);
}

static void on_ready(struct sock *s)
{
    struct h1_client *c = container_of(s, struct h1_client, wire.sock);
    if (c->state == STATE_DIALING)
        on_dialing(c);
    else if (c->state == STATE_BUSY)
        h1_call_ready(c->call);
    else
        on_idle_ready(c);
}

static void set_port(union resolver_address *a, uint16_t port)
{
    if (a->any.sa_family == AF_INET)
        a->in.sin_port = htons(port);
    else
        a->in6.sin6_port = htons(port);
}

static bool is_refused(const struct h1_client *c, const union resolver_address *a)
{
    struct ip_address ip;
    return c->shared->options->refuse_private && ip_address_of_socket(&a->any, &ip) &&
           ip_address_is_private(&ip);
}

static void try_next(struct h1_client *c)
{
    struct dial *d = c->dial;
    while (d->next < d->answer.n) {
        union resolver_address *a = &d->answer.v[d->next++];
        if (is_refused(c, a)) {
            note_failure(c, "a private address (proxy.client_transport.disable_private_ips)");
            continue;
        }
        set_port(a, d->port);
        if (sock_connect(&c->wire.sock, c->shared->loop, &a->any, resolver_address_size(a),
                         on_ready)) {
            if (d->timeout_ms > 0)
                timeout_set(&c->timer, d->timeout_ms / d->answer.n + 1);
            return;
        }
        note_failure(c, strerrordesc_np(errno));
    }
    fail(c, d->timed_out ? EXCHANGE_CONNECT_TIMEOUT : EXCHANGE_CONNECT, d->detail);
}

static void on_resolved(struct resolver_query *q, const struct resolver_answer *answer,
                        const char *error)
{
    struct dial *d = container_of(q, struct dial, query);
    if (answer == NULL) {
        fail(d->client, EXCHANGE_RESOLVE, error);
        return;
    }
    d->answer = *answer;
    try_next(d->client);
}

static void on_timer(struct timeout *t)
{
    struct h1_client *c = container_of(t, struct h1_client, timer);
    if (c->state == STATE_DIALING) {
        sock_close(&c->wire.sock);
        c->dial->timed_out = true;
        note_failure(c, "timed out");
        try_next(c);
        return;
    }
    assert(c->state == STATE_IDLE);
    close_it(c, false);
    c->shared->on_closed(c, true);
}

/* Known addresses are tried from the task too, so that a failure is not told from within our caller. */
static void on_start(struct loop_task *t)
{
    struct h1_client *c = container_of(t, struct h1_client, task);
    c->task.run = on_task;
    try_next(c);
}

struct h1_client *h1_client_dial(struct h1_client_shared *shared,
                                 const struct h1_client_target *target)
{
    struct h1_client *c = mem_alloc(sizeof(*c));
    struct dial *d = mem_alloc(sizeof(*d));
    c->shared = shared;
    c->place = target->place;
    c->call = target->call;
    c->dial = d;
    c->state = STATE_DIALING;
    c->task.run = on_task;
    h1_wire_init(&c->wire, shared->pool,
                 2 * (size_t)BUF_POOL_BLOCK + shared->options->limits.head_max);
    timeout_init(&c->timer, shared->loop, on_timer);
    ilist_push(&shared->all, &c->each);
    d->client = c;
    d->port = target->port;
    d->timeout_ms = target->timeout_ms;
    d->query.done = on_resolved;
    struct resolver *resolver = shared->options->resolver;
    if (resolver_lookup(resolver, target->host, &d->answer)) {
        c->task.run = on_start;
        loop_schedule(shared->loop, &c->task);
    } else {
        resolver_ask(resolver, &d->query, target->host);
    }
    return c;
}

void *h1_client_place(const struct h1_client *c)
{
    return c->place;
}

struct h1_wire *h1_client_wire(struct h1_client *c)
{
    return &c->wire;
}

const struct exchange_peer *h1_client_peer(const struct h1_client *c)
{
    return &c->peer;
}

struct ilist_node *h1_client_node(struct h1_client *c)
{
    return &c->node;
}

struct h1_client *h1_client_of(struct ilist_node *node)
{
    return container_of(node, struct h1_client, node);
}

void h1_client_use(struct h1_client *c, struct h1_call *call)
{
    assert(c->state != STATE_CLOSED && (c->call == NULL || c->call == call));
    timeout_clear(&c->timer);
    ilist_remove(&c->rest);
    c->call = call;
    c->state = STATE_BUSY;
}

void h1_client_release(struct h1_client *c, enum h1_client_fate fate)
{
    assert(c->state == STATE_BUSY);
    c->call = NULL;
    if (fate == H1_CLIENT_REUSE) {
        c->shared->on_free(c);
        return;
    }
    close_it(c, fate == H1_CLIENT_ABORT);
    c->shared->on_closed(c, false);
}

void h1_client_idle(struct h1_client *c)
{
    assert(c->state == STATE_BUSY && c->call == NULL);
    c->state = STATE_IDLE;
    ilist_push(&c->shared->idle, &c->rest);
    timeout_set(&c->timer, c->shared->options->keepalive_ms);
}

void h1_client_close_oldest(struct h1_client_shared *shared)
{
    struct ilist_node *n = ilist_pop(&shared->idle);
    if (n == NULL)
        return;
    struct h1_client *c = container_of(n, struct h1_client, rest);
    close_it(c, false);
    shared->on_closed(c, true);
}

void h1_client_abandon(struct h1_client *c)
{
    end_dial(c);
    c->task.run = on_task;
    close_it(c, false);
}

void h1_client_free_all(struct h1_client_shared *shared)
{
    struct ilist_node *n = NULL;
    while ((n = ilist_pop(&shared->all)) != NULL) {
        struct h1_client *c = container_of(n, struct h1_client, each);
        assert(c->call == NULL);
        sock_close(&c->wire.sock);
        free_now(c);
    }
}
