/* HTTP requests of modules: redirects are followed, bodies decoded, requests repeated where that is safe. Plain http goes
 * over our own client, https and what goes through a proxy over libcurl. Connections are kept and shared by all modules of
 * the process, and are not those of the gateway to its upstreams.
 */
#ifndef SCRIPT_FETCH_H
#define SCRIPT_FETCH_H

#include "base/buf.h"
#include "base/err.h"
#include "codec/http1.h"

struct fetch;
struct fetch_pool;
struct loop;
struct resolver;

struct fetch_options {
    struct resolver *resolver;   /* borrowed; must outlive the pool */
    struct http1_limits limits;  /* of a response's head */
    uint64_t connect_timeout_ms; /* name, connection, waiting for one of connections_max */
    uint64_t idle_timeout_ms;    /* until the response's head, and between bytes of its body */
    uint64_t keepalive_ms;       /* a connection without a request */
    uint32_t connections_max;    /* per host and port */
    uint32_t queue_max;          /* fetches that wait for one of them */
    uint32_t idle_max;           /* connections without a request, of all hosts */
    bool refuse_private;         /* connect to no address that ip_address_is_private() names */
};

enum fetch_redirect { FETCH_FOLLOW, FETCH_ERROR, FETCH_MANUAL };

/* What is asked for; all of it in memory that lives as long as the fetch: fetch_arena() or static. */
struct fetch_request {
    struct str url;
    struct str method;
    struct http_fields fields; /* those of framing and connection are left out */
    bool has_body;             /* it is in fetch_body() */
    enum fetch_redirect redirect;
};

/* The last response's head; valid during the event. */
struct fetch_response {
    uint16_t status;
    struct str reason;
    struct str url; /* after redirects */
    bool redirected;
    bool empty;                /* no body follows */
    struct http_fields fields; /* without Content-Encoding if the body is decoded */
    int64_t content_length;    /* as announced; HTTP_LENGTH_UNKNOWN, as of a body that is decoded */
};

/* They come from the loop, never from within a call of the owner; but fetch_read() may lead to them from within
 * one of them. After on_end or on_failed the fetch is gone. */
struct fetch_events {
    void (*on_head)(void *user, const struct fetch_response *r);
    void (*on_data)(void *user, struct str data); /* decoded; never more than was asked for */
    void (*on_end)(void *user);
    void (*on_failed)(void *user, const char *text);
};

/* Options are copied. */
struct fetch_pool *fetch_pool_create(struct loop *loop, const struct fetch_options *options);

/* Every fetch must have ended. p may be NULL. */
void fetch_pool_destroy(struct fetch_pool *p);

/* A fetch that is not begun: its memory and the body to send (of at most body_max bytes) are filled by the caller. */
struct fetch *fetch_create(struct fetch_pool *p, size_t body_max, const struct fetch_events *events,
                           void *user);
struct arena *fetch_arena(struct fetch *f);
struct buf *fetch_body(struct fetch *f);

/* Begins it. On failure nothing was sent, and f is still to be given up with fetch_cancel(). */
enum err_code fetch_start(struct fetch *f, const struct fetch_request *request, struct err *e)
    __attribute__((warn_unused_result));

/* Asks for n bytes more of the body; 0 were asked for at first. */
void fetch_read(struct fetch *f, size_t n);

/* Drops it: no event follows. */
void fetch_cancel(struct fetch *f);

#endif
