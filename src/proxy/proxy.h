/* The life of a request: match -> modules -> upstream -> response. Above http/ exchanges only.
 * docs/proxy.md says what happens to a request; proxy_request.h how it is done.
 */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include "http/exchange.h"
#include "node/node_rate.h"
#include "proxy/access_record.h"
#include "script/script.h"

struct catalog;
struct http_client;
struct line_writer;
struct loop;
struct model_strings;
struct node_segment;
struct proxy;

struct proxy_header {
    struct str name;
    struct str value;
};

struct proxy_options {
    struct node_segment *node;      /* limits, counts and health of the node; borrowed */
    uint32_t worker;                /* whose column of the counts is ours */
    struct line_writer *access_log; /* borrowed; NULL: none */
    enum access_record_format access_format;
    bool x_forwarded_headers; /* send X-Forwarded-* and X-Real-IP */
    bool merge_slashes;
    uint64_t x_forwarded_for_depth; /* trusted proxies in front of us, each of which appends */
    /* Borrowed; NULL or empty: no such rule. */
    const struct model_strings *allow_list; /* addresses and blocks of clients: 403 for others */
    const struct model_strings *allowed_domains; /* patterns of hosts: 403 for others */
    const struct model_strings *redirect_https;  /* patterns of hosts: plain requests get 307 */
    bool strict; /* a host without namespace: the connection is closed, not answered 404 */
    /* Set on the responses of routes with a service; borrowed, as all strs here. Ones that are no legal
     * fields are left out. */
    const struct proxy_header *global_headers;
    size_t global_header_count;
    const char *const *tags; /* X-DGate-Tags to upstreams */
    size_t tag_count;
    uint64_t connect_timeout_ms; /* defaults of services that set none; 0: none */
    uint64_t request_timeout_ms; /* until the response's head; 0: none */
    uint64_t request_body_max;   /* where neither route nor service says; 0: any */
    uint32_t retries_max;
    size_t module_memory; /* for what modules add to a request and its response, bodies apart */
    size_t collect_max;   /* body collected for a module: 413 (request), 502 (response) past it */
    size_t replay_max;    /* request body kept so that an attempt can be repeated */
    uint64_t request_body_timeout_ms; /* between bytes of a body that is collected; 0: none */
    /* Of every client; they need the node. */
    struct node_rate_limit client_rate; /* period_ns is 0: none */
    uint32_t client_requests_max;       /* at the same time; 0: no limit */
    /* For tools: told why a request failed, or why the body that a module gives broke off. True: it is not logged. NULL: all
     * is logged only. */
    bool (*failed)(void *user, const struct exchange *down, struct str why);
    void *failed_user;
};

/* The limits that refuse requests with 429: symbol, name in metrics. */
#define PROXY_LIMITS(X)                                                                            \
    X(CLIENT_RATE, client_rate)                                                                    \
    X(CLIENT_REQUESTS, client_requests)                                                            \
    X(ROUTE_RATE, route_rate)                                                                      \
    X(ROUTE_REQUESTS, route_requests)

enum proxy_limit {
#define X(symbol, name) PROXY_LIMIT_##symbol,
    PROXY_LIMITS(X)
#undef X
        PROXY_LIMIT_COUNT,
};

/* Upper bounds of the classes of the histogram of durations, in milliseconds; one class more is for what is above. */
#define PROXY_DURATION_BOUNDS(X)                                                                   \
    X(0)                                                                                           \
    X(5)                                                                                           \
    X(10) X(25) X(50) X(75) X(100) X(250) X(500) X(750) X(1000) X(2500) X(5000) X(7500) X(10000)

enum {
#define X(ms) PROXY_DURATION_TO_##ms,
    PROXY_DURATION_BOUNDS(X)
#undef X
        PROXY_DURATION_ABOVE,
    PROXY_DURATION_CLASSES
};

struct proxy_stats {
    uint64_t requests;
    uint64_t responses[6]; /* by class: [2] is 2xx; [0] those that were reset */
    uint64_t upstream_errors;
    uint64_t retries;
    uint64_t module_errors;
    uint64_t module_limits[SCRIPT_LIMIT_COUNT]; /* how often modules passed them */
    uint64_t limited[PROXY_LIMIT_COUNT];        /* refusals */
    uint64_t durations[PROXY_DURATION_CLASSES]; /* requests that ended, each in one class */
    uint64_t duration_ms;                       /* of all of them together */
    uint32_t active;
};

/* Everything is borrowed but the options, which are copied. Never NULL. */
struct proxy *proxy_create(struct loop *loop, struct catalog *catalog, struct http_client *client,
                           const struct proxy_options *options);

/* When no request is active any more: after the server side was destroyed, before the client side is. */
void proxy_destroy(struct proxy *p);

/* An http_server_fn: user is the struct proxy. */
void proxy_handle(void *user, struct exchange *x);

void proxy_stats_get(const struct proxy *p, struct proxy_stats *ret);

#endif
