/* One connection of an HTTP/1 client: its requests, one after the other, as exchanges. */
#ifndef HTTP_H1_SERVER_H
#define HTTP_H1_SERVER_H

#include "base/ilist.h"
#include "http/buf_pool.h"
#include "http/http_server.h"

struct h1_server;
struct sockaddr;

/* Refused connections that may wait for their client to read the answer: those beyond the maximum (503), and those
 * that the gate does not let in (429). */
enum { H1_SERVER_REFUSED_MAX = 64 };

/* What all connections of a server share. Owned and, but for the lists, filled by http_server.c. */
struct h1_server_shared {
    struct loop *loop;
    const struct http_server_options *options;
    http_server_fn on_request;
    void *user;
    struct http_server_stats *stats;
    struct buf_pool pool;
    struct ilist connections; /* in the order in which they were accepted */
    struct ilist spares;      /* memory of closed ones, to be used again */
    size_t spare_count;
    uint32_t limited; /* open connections that the gate did not let in */
    bool retired;     /* each response is the last of its connection */
    bool draining;    /* ... and connections without a request are closed; retired is set too */
    void (*on_closed)(struct h1_server_shared *shared); /* one connection less */
};

/* Takes over fd. peer may be NULL: then the socket is asked. If refuse, the client gets a 503. */
void h1_server_open(struct h1_server_shared *shared, int fd, const struct sockaddr *peer,
                    bool refuse);

/* The connection of a node in shared->connections. */
struct h1_server *h1_server_of(struct ilist_node *node);

/* Closes it, if no request has begun, on a later turn; else after the response. shared->draining is set. */
void h1_server_drain(struct h1_server *c);

/* Closes it now and frees it; an exchange gets on_reset (SHUTDOWN) and on_done from here. */
void h1_server_kill(struct h1_server *c);

/* Frees the spares. */
void h1_server_free_spares(struct h1_server_shared *shared);

#endif
