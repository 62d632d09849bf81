/* One exchange: a request and its response, seen from one side, over any version of HTTP, or in memory.
 *
 * It has two directions, each a head followed by bytes and an end (maybe with trailers), which close
 * independently. On the server side (made by http_server.c, or exchange_mem.c in memory) the request
 * is received and the response sent; on the client side (opened by http_client_open()) the reverse.
 * Nothing above http/ sees a socket, a connection or keep-alive: which bytes delimit a message,
 * hop-by-hop fields and when a connection ends is the business of the implementation.
 *
 * Receiving is pulled: the owner grants credit and gets at most that many bytes of body. Sending is
 * pushed, within exchange_room(): more is accepted and buffered whole (for bodies that are in memory
 * anyway), but who streams waits for on_room.
 *
 * A switch to a tunnel (101 after Upgrade, 2xx after CONNECT) needs nothing special: after a head with
 * that status both directions carry raw bytes, and an end is a half-close. The request's direction, which
 * had ended with its head, is open again then (end_received or end_sent is false).
 *
 * Life: the owner sets events and user, uses the exchange, and gets on_done exactly once, as the last
 * event, after which the pointer must not be used. The end of the response leads there (what is left
 * of the request is nobody's business then; a tunnel needs both ends), or a reset by either side. No
 * event is called from within a call of the owner: they come from the loop (in memory: from the test).
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "base/arena.h"
#include "codec/http_head.h"

struct exchange;

/* Why an exchange ended before its time. code, text for logs, status a gateway answers for a failed upstream */
#define EXCHANGE_RESETS(X)                                                                         \
    X(CANCELED, "canceled by us", 502)                                                             \
    X(PEER_CLOSED, "the peer closed the connection", 502)                                          \
    X(PEER_RESET, "the peer reset the connection", 502)                                            \
    X(PROTOCOL, "the peer violated the protocol", 502)                                             \
    X(TIMEOUT, "timed out between bytes", 504)                                                     \
    X(RESOLVE, "the host name could not be resolved", 502)                                         \
    X(CONNECT, "the connection was refused or failed", 502)                                        \
    X(CONNECT_TIMEOUT, "connecting timed out", 504)                                                \
    X(OVERLOADED, "too many connections and waiting requests", 503)                                \
    X(TOO_LARGE, "a limit was passed", 502)                                                        \
    X(SHUTDOWN, "shutting down", 503)

enum exchange_reset_code {
#define X(name, text, status) EXCHANGE_##name,
    EXCHANGE_RESETS(X)
#undef X
};

struct exchange_reset {
    enum exchange_reset_code code;
    /* Client side: nothing of the request reached the peer, because no connection came about or the
     * pooled one had been closed before: repeating it is safe whatever the method. What the owner
     * sent of the body is lost all the same. */
    bool unsent;
    /* Client side: the connection was a pooled one and not a byte of a response came: likely the peer
     * closed it as idle, so that an idempotent request may be repeated without counting it a failure. */
    bool stale;
    const char *detail; /* more for the log, or NULL; static or valid during the event */
};

/* Any may be NULL: nothing is to happen then. */
struct exchange_events {
    /* Client side: a 1xx response but 101; several may come. head is valid during the event. */
    void (*on_info)(struct exchange *x, const struct http_head *head);
    /* Client side: the response's head; valid until on_done. */
    void (*on_head)(struct exchange *x, const struct http_head *head);
    /* Body (or tunnel) bytes, never more than was granted; valid during the event. */
    void (*on_data)(struct exchange *x, struct str data);
    /* The peer's direction ended. trailers (may be NULL) are valid until on_done. Not for a request whose
     * head has no_body: end_received is true from the start there. Needs no credit. */
    void (*on_end)(struct exchange *x, const struct http_fields *trailers);
    /* exchange_room() became large again, after a send had left less than half of it. */
    void (*on_room)(struct exchange *x);
    /* The peer, the transport or a limit ended it early; not for exchange_reset() by the owner. */
    void (*on_reset)(struct exchange *x, const struct exchange_reset *why);
    /* The last event; see above. */
    void (*on_done)(struct exchange *x);
};

/* What an implementation provides; the functions below check the state and call it. */
struct exchange_impl {
    void (*grant)(struct exchange *x, size_t n);
    void (*send_info)(struct exchange *x, const struct http_head *head);
    void (*send_head)(struct exchange *x, const struct http_head *head);
    void (*send_data)(struct exchange *x, struct str data);
    void (*send_end)(struct exchange *x, const struct http_fields *trailers);
    size_t (*room)(const struct exchange *x);
    void (*reset)(struct exchange *x, enum exchange_reset_code code);
};

/* Addresses of the two ends, numeric, without port; "" when there are none (in memory). */
struct exchange_peer {
    char address[48];
    uint16_t port;
};

/* The public part; implementations embed it. Owners read, and set only events and user. */
struct exchange {
    const struct exchange_impl *impl;
    const struct exchange_events *events;
    void *user;
    struct arena arena; /* lives as long as the exchange; owners may allocate from it */
    const struct http_head
        *request; /* server side: the received head, valid until on_done; client: NULL */
    struct exchange_peer peer;
    uint64_t body_sent; /* bytes that the owner sent of its body, or into the tunnel */
    bool secure;        /* over TLS */
    bool head_sent;     /* final head */
    bool end_sent;
    bool end_received;
    bool reset_done; /* by either side: only on_done may still come */
    bool done;
};

/* For an owner that is interested in nothing more of it: no event follows. */
void exchange_forget(struct exchange *x);

/* Allows n more bytes of body to be delivered. The first grant of a request that has expect_continue makes the
 * server side send 100 (Continue), unless the final head was sent. */
void exchange_grant(struct exchange *x, size_t n);

/* Server side: sends a 1xx response (not 101), before the final head. */
void exchange_send_info(struct exchange *x, const struct http_head *head);

/* Server side: sends the final head (or 101), once. Everything is copied. With head->no_body the end
 * still has to be sent. A content_length that is known must be kept to: ending earlier or later resets. */
void exchange_send_head(struct exchange *x, const struct http_head *head);

/* Sends bytes of body, after the head (client side: the request's head was sent when it was opened). What cannot be
 * written at once is copied. Data for a message without body (HEAD, 204, 304) is dropped. */
void exchange_send_data(struct exchange *x, struct str data);

/* Ends our direction; trailers may be NULL, and are dropped where the peer's version has none. */
void exchange_send_end(struct exchange *x, const struct http_fields *trailers);

/* How many bytes may be sent before the buffer is as full as it should get. */
size_t exchange_room(const struct exchange *x);

/* Ends it at once, in both directions, visibly incomplete to the peer (connection closed, RST_STREAM). Only
 * on_done follows. No effect after a reset. */
void exchange_reset(struct exchange *x, enum exchange_reset_code code);

/* A short name and text of a code ("CONNECT_TIMEOUT"), and the status a gateway answers. */
const char *exchange_reset_name(enum exchange_reset_code code);
const char *exchange_reset_text(enum exchange_reset_code code);
uint16_t exchange_reset_status(enum exchange_reset_code code);

/* The value of Date (RFC 9110 section 5.6.7), valid until it is asked for in another second. */
struct str exchange_date(void);

/* Server side: sends a whole response with that body and type, if no head was sent yet: for errors and small answers.
 * extra may be NULL. */
void exchange_respond(struct exchange *x, uint16_t status, const struct http_fields *extra,
                      struct str content_type, struct str body);

#endif
