/* One connection to an upstream over HTTP/1: made (name resolved, addresses tried in turn), then used by one call
 * after the other, watched while idle.
 */
#ifndef HTTP_H1_CLIENT_H
#define HTTP_H1_CLIENT_H

#include "base/ilist.h"
#include "base/str.h"
#include "http/exchange.h"
#include "http/h1_wire.h"

struct h1_call;
struct h1_client;
struct http_client_options;

/* What all connections of a pool share. Owned by h1_pool.c. The events come from the loop or from
 * h1_client_release(). */
struct h1_client_shared {
    struct loop *loop;
    const struct http_client_options *options;
    struct buf_pool *pool;
    struct ilist all;
    struct ilist idle; /* those that nobody uses, for the longest time first */
    void (*on_connected)(struct h1_client *c, struct h1_call *call);
    /* It is closed already and will be freed; *why is valid during the event. */
    void (*on_failed)(struct h1_client *c, struct h1_call *call, const struct exchange_reset *why);
    void (*on_free)(struct h1_client *c); /* its call ended, it can take another */
    void (*on_closed)(struct h1_client *c, bool was_idle);
};

struct h1_client_target {
    struct str host; /* copied */
    uint16_t port;
    uint64_t timeout_ms;  /* each address gets its share; 0: no limit */
    void *place;          /* the pool's */
    struct h1_call *call; /* for whom */
};

/* Starts to connect. */
struct h1_client *h1_client_dial(struct h1_client_shared *shared,
                                 const struct h1_client_target *target);

void *h1_client_place(const struct h1_client *c);
struct h1_wire *h1_client_wire(struct h1_client *c);
const struct exchange_peer *h1_client_peer(const struct h1_client *c);

/* The node by which the pool keeps idle ones, and back. */
struct ilist_node *h1_client_node(struct h1_client *c);
struct h1_client *h1_client_of(struct ilist_node *node);

/* Lets call use it; the call is attached. */
void h1_client_use(struct h1_client *c, struct h1_call *call);

enum h1_client_fate { H1_CLIENT_REUSE, H1_CLIENT_CLOSE, H1_CLIENT_ABORT };

/* Its call is over. Calls on_free, or closes it (ABORT: with a reset) and calls on_closed. */
void h1_client_release(struct h1_client *c, enum h1_client_fate fate);

/* Nobody uses it: closed when anything comes, or after the keep-alive timeout. */
void h1_client_idle(struct h1_client *c);

/* Closes the one that has been idle for the longest time, if any. */
void h1_client_close_oldest(struct h1_client_shared *shared);

/* Stops connecting, or closes an idle one; no event follows. It is freed on a later turn. */
void h1_client_abandon(struct h1_client *c);

/* Closes and frees all at once. No call may be attached. */
void h1_client_free_all(struct h1_client_shared *shared);

#endif
