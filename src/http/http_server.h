/* The server side of HTTP on accepted connections: hands every request over as an exchange. */
#ifndef HTTP_HTTP_SERVER_H
#define HTTP_HTTP_SERVER_H

#include "codec/http1.h"
#include "http/exchange.h"

struct loop;
struct http_server;
struct sockaddr;

/* Judges connections by their client's address before a request is read. */
struct http_server_gate {
    /* Whether one more of that address is let in. False: it is answered 429, or just closed when many are. */
    bool (*enter)(void *user, const char *address, uint32_t *ticket);
    /* One that was let in is closed; exactly once. */
    void (*leave)(void *user, uint32_t ticket);
    void *user;
};

struct http_server_options {
    struct http1_limits limits;
    uint64_t header_timeout_ms; /* from the first byte of a request to its complete head: 408 */
    /* keep-alive connection without a request; also between bytes of a body, either way */
    uint64_t idle_timeout_ms;
    /* bytes a second that the client has to send of a request's body on average, while it is asked for
     * them; it may be late by idle_timeout_ms: 408, or closed. Not in tunnels; 0: no such limit */
    uint64_t body_rate_min;
    size_t buffer;            /* each way and exchange */
    size_t request_memory;    /* arena limit of one exchange */
    uint32_t connections_max; /* beyond it new ones are answered 503 (a few) or just closed */
    /* bytes of an unread request body that are read and dropped so that the connection can be kept;
     * more: closed */
    uint32_t drain_max;
    /* a client that closed its direction is asked after so long whether it is still there (see
     * docs/decisions/0001-half-close.md); 0: it counts as gone at once */
    uint64_t half_close_probe_ms;
    struct http_server_gate gate; /* enter is NULL: there is none */
    /* every connection begins with a PROXY header, within header_timeout_ms, whose source is the peer
     * then; one that does not is closed */
    bool proxy_protocol;
};

/* A request arrived. The callee becomes the owner of x: it must set x->events and x->user before it
 * returns, and may answer at once. */
typedef void (*http_server_fn)(void *user, struct exchange *x);

/* Counters, for metrics; plain numbers of this server. */
struct http_server_stats {
    uint64_t accepted;
    uint64_t requests;
    uint64_t refused; /* bad requests answered by the server itself */
    uint64_t overloaded;
    uint64_t limited; /* connections that the gate did not let in */
    uint32_t connections;
    uint32_t exchanges;
};

/* Never NULL. */
struct http_server *http_server_create(struct loop *loop, const struct http_server_options *options,
                                       http_server_fn on_request, void *user);

/* Takes over a connected, non-blocking socket. peer is the client's address as accept4() gave it, or NULL: then
 * the socket is asked. */
void http_server_accept(struct http_server *s, int fd, const struct sockaddr *peer);

/* Drains: idle connections are closed at once, the others after their current response ("Connection:
 * close"). done (may be NULL) is called on the loop when no connection is left. */
void http_server_drain(struct http_server *s, void (*done)(void *user), void *user);

/* Each response is the last of its connection from now on ("Connection: close"), and connections without a request stay
 * until http_server_drain(). done as there. */
void http_server_retire(struct http_server *s, void (*done)(void *user), void *user);

/* Closes every connection now and frees s, which may be NULL. What is in flight gets on_reset (SHUTDOWN)
 * and on_done from here. */
void http_server_destroy(struct http_server *s);

void http_server_stats_get(const struct http_server *s, struct http_server_stats *ret);

#endif
