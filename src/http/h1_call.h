/* One exchange with an upstream: the client side of exchange.h over HTTP/1. It is born waiting for a connection,
 * with what is sent gathered beside it, gets one from h1_pool.c, and gives it back when the response ended.
 */
#ifndef HTTP_H1_CALL_H
#define HTTP_H1_CALL_H

#include "base/ilist.h"
#include "http/h1_body.h"
#include "http/http_client.h"
#include "io/timeout.h"

struct h1_client;
struct h1_call;

/* What all calls of a pool share. Owned by h1_pool.c. */
struct h1_call_shared {
    struct loop *loop;
    const struct http_client_options *options;
    struct buf_pool *pool;
    struct ilist all;
    struct ilist spares; /* memory of past calls, to be used again */
    size_t spare_count;
    /* A call that has no connection yet ended: it is to be forgotten. */
    void (*on_forget)(struct h1_call *call);
};

/* h1_pool.c reads x, each, faulty and connect_timeout_ms, and uses node, host and dialing; the rest is private. */
struct h1_call {
    struct exchange x;
    struct ilist_node node; /* in the host's queue, while neither dialing nor attached */
    void *host;             /* while not attached */
    struct h1_client *dialing;
    struct ilist_node each; /* in shared->all */
    uint64_t connect_timeout_ms;
    uint64_t idle_timeout_ms;

    struct h1_call_shared *shared;
    struct h1_client *client;
    struct h1_wire *wire; /* the connection's, or staging */
    struct h1_wire staging;
    struct loop_task task;
    struct timeout timer;
    uint8_t step;
    uint8_t wait;
    uint32_t reads; /* left in this turn */
    uint64_t sent_before;
    bool running;
    bool progress;
    bool reused;   /* the connection was used before */
    bool answered; /* a byte of a response came */
    bool eof;      /* the upstream ended its direction */
    bool body_ended;
    bool tunnel;
    bool shut;
    bool want_room;
    bool faulty;
    enum exchange_reset_code fault;
    const char *fault_detail;
    size_t credit;
    struct str method; /* as far as it matters for the response */
    struct http1_reader reader;
    struct http1_head head;
    struct http1_body body;
    struct h1_body_out out;
};

/* A new call that waits for a connection, at most r->connect_timeout_ms. */
struct h1_call *h1_call_create(struct h1_call_shared *shared, const struct http_client_request *r);

/* Gives it a connection; reused if that was used before. */
void h1_call_attach(struct h1_call *c, struct h1_client *client, bool reused);

/* Its connection's socket became ready. */
void h1_call_ready(struct h1_call *c);

/* Fails it, with its events from here; or on a later turn. */
void h1_call_fail(struct h1_call *c, enum exchange_reset_code code, const char *detail);
void h1_call_fail_later(struct h1_call *c, enum exchange_reset_code code, const char *detail);

/* Frees the spares. */
void h1_call_free_spares(struct h1_call_shared *shared);

#endif
