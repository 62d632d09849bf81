/* The client side of HTTP: opens exchanges with upstreams. An interface with two implementations: h1_pool.c (a
 * pool of connections per process) and exchange_mem.c (in memory, for tests).
 */
#ifndef HTTP_HTTP_CLIENT_H
#define HTTP_HTTP_CLIENT_H

#include "codec/http1.h"
#include "http/exchange.h"

struct loop;
struct http_client;
struct resolver;

struct http_client_request {
    struct str host; /* name or address, without brackets */
    uint16_t port;
    /* method, authority, target, fields, content_length, no_body, expect_continue, upgrade; copied */
    const struct http_head *head;
    uint64_t connect_timeout_ms; /* resolve + connect + waiting in the queue; 0: none */
    uint64_t idle_timeout_ms;    /* instead of the client's; 0: the client's */
    const struct exchange_events *events;
    void *user;
};

struct http_client_stats {
    uint64_t opened; /* connections */
    uint64_t reused;
    uint32_t active;
    uint32_t idle;
    uint32_t waiting;
};

/* What an implementation provides; struct http_client is its first member. */
struct http_client_impl {
    struct exchange *(*open)(struct http_client *c, const struct http_client_request *r);
    void (*stats)(const struct http_client *c, struct http_client_stats *ret);
    void (*destroy)(struct http_client *c);
};

struct http_client {
    const struct http_client_impl *impl;
};

struct http_client_options {
    struct http1_limits limits;
    uint64_t
        idle_timeout_ms;   /* between bytes of a response once its head came, and while sending */
    uint64_t keepalive_ms; /* a pooled connection without a request */
    size_t buffer;         /* each way and exchange */
    size_t request_memory;
    uint32_t connections_max;  /* per host and port */
    uint32_t queue_max;        /* exchanges that wait for one of them */
    uint32_t idle_max;         /* connections without a request, of all hosts; 0: any */
    bool refuse_private;       /* connect to no address that ip_address_is_private() names */
    struct resolver *resolver; /* borrowed; must outlive the client */
};

/* A client with a pool of HTTP/1 connections. Never NULL. */
struct http_client *http_client_create(struct loop *loop,
                                       const struct http_client_options *options);

/* Opens an exchange: never NULL; failures come as on_reset on a later turn. If the head has a body it is
 * sent with exchange_send_data() and ended with exchange_send_end(); a head with no_body needs no
 * end. The exchange is done when the response ended, whether or not the request was sent whole. */
struct exchange *http_client_open(struct http_client *c, const struct http_client_request *r);

void http_client_stats_get(const struct http_client *c, struct http_client_stats *ret);

/* Resets what is in flight (SHUTDOWN: on_reset and on_done are called from here), closes everything and
 * frees c, which may be NULL. */
void http_client_destroy(struct http_client *c);

#endif
