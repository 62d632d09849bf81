/* One request in the proxy: an object in the arena of the client's exchange, driven by a table of named steps.
 *
 * Events of the two exchanges, the timer and modules note what happened in the object and run the current
 * step, which looks at what is there and either moves on or stays parked. Bytes of bodies do not pass
 * through steps: proxy_upload.c and proxy_reply.c hand them on as they come. Nothing outside proxy/
 * includes this.
 *
 *   [ACCESS] [ADMIT] PATH NAMESPACE [HOST] MATCH [LIMIT] SIZE LINK PREPARE COLLECT MODIFY MODIFIED CHOOSE
 *     with a service:     FETCH FETCHED ATTEMPT AWAIT (PAUSE ATTEMPT AWAIT)* HEAD GATHER REVISE REVISED
 *                         REPLY then RELAY (streamed) or FEED (from memory) or STREAM (through modules)
 *     without:            HANDLE HANDLED ANSWER FEED or STREAM
 *     a failure anywhere: RESCUE RESCUED, then ANSWER or ERROR
 *   CLOSED: nothing is left to do but to wait for the client's exchange to be done.
 */
#ifndef PROXY_PROXY_REQUEST_H
#define PROXY_PROXY_REQUEST_H

#include "base/buf.h"
#include "http/exchange.h"
#include "io/loop.h"
#include "proxy/balance.h"
#include "proxy/proxy_context.h"
#include "proxy/upstream_url.h"
#include "route/router.h"

struct catalog_route;
struct catalog_service;
struct model_service;
struct proxy_modules;
struct script_program;

/* name, function */
#define PROXY_STEPS(X)                                                                             \
    X(ACCESS, proxy_access_client)                                                                 \
    X(ADMIT, proxy_limits_admit)                                                                   \
    X(PATH, proxy_match_path)                                                                      \
    X(NAMESPACE, proxy_match_namespace)                                                            \
    X(HOST, proxy_access_host)                                                                     \
    X(MATCH, proxy_match_route)                                                                    \
    X(LIMIT, proxy_limits_route)                                                                   \
    X(SIZE, proxy_upload_admit)                                                                    \
    X(LINK, proxy_modules_link)                                                                    \
    X(PREPARE, proxy_headers_prepare)                                                              \
    X(COLLECT, proxy_upload_collect)                                                               \
    X(MODIFY, proxy_modules_modify)                                                                \
    X(MODIFIED, proxy_modules_modified)                                                            \
    X(CHOOSE, proxy_match_choose)                                                                  \
    X(FETCH, proxy_modules_fetch)                                                                  \
    X(FETCHED, proxy_modules_fetched)                                                              \
    X(ATTEMPT, proxy_attempt_open)                                                                 \
    X(AWAIT, proxy_attempt_await)                                                                  \
    X(PAUSE, proxy_attempt_pause)                                                                  \
    X(HEAD, proxy_reply_head)                                                                      \
    X(GATHER, proxy_reply_gather)                                                                  \
    X(REVISE, proxy_modules_revise)                                                                \
    X(REVISED, proxy_modules_revised)                                                              \
    X(REPLY, proxy_reply_send)                                                                     \
    X(RELAY, proxy_reply_relay)                                                                    \
    X(HANDLE, proxy_modules_handle)                                                                \
    X(HANDLED, proxy_modules_handled)                                                              \
    X(RESCUE, proxy_modules_rescue)                                                                \
    X(RESCUED, proxy_modules_rescued)                                                              \
    X(ANSWER, proxy_reply_answer)                                                                  \
    X(ERROR, proxy_error_send)                                                                     \
    X(FEED, proxy_reply_feed)                                                                      \
    X(STREAM, proxy_stream_pull)                                                                   \
    X(CLOSED, proxy_request_closed)

enum proxy_step {
#define X(name, function) PROXY_##name,
    PROXY_STEPS(X)
#undef X
        PROXY_STEP_COUNT,
};

/* What a step says: run the (maybe new) step at once, or when something happens. */
enum proxy_turn { PROXY_AGAIN, PROXY_PARKED };

/* Credit that is open towards one side at most; with exchange_room() it bounds what a request holds. */
enum { PROXY_WINDOW = 64 * 1024 };

/* The body from the client. */
struct proxy_upload {
    struct buf kept; /* what came, in full while whole */
    uint64_t received;
    uint64_t max;    /* of received; UINT64_MAX: any */
    size_t sent;     /* bytes of it (or of what replaced it) that the current attempt was given */
    size_t credit;   /* granted and not yet used up */
    bool whole;      /* kept holds everything that came: an attempt can be repeated */
    bool open;       /* the client may be granted credit (not before 100 (Continue)) */
    bool collecting; /* for modules, before an upstream is asked */
    bool collected;  /* kept is all of it, for as long as the request lives */
    bool over_limit; /* it does not fit */
    bool ended;
    bool end_sent;
    bool replaced; /* by a module: replacement is sent, not what came */
    struct str replacement;
    const struct http_fields *trailers; /* valid when ended; may be NULL */
};

/* Which URL of the service the current attempt is at. */
struct proxy_choice {
    bool made;                /* false: none, or fetchUpstream's URL */
    bool counted;             /* as a request in flight */
    bool trying;              /* it was ejected, and ours is the request that shows how it is now */
    uint32_t index;           /* of the URL */
    uint32_t slot;            /* when counted: of node_counts */
    struct balance_set tried; /* URLs that failed this request */
};

/* The current attempt at an upstream, and what is known of the ones before. */
struct proxy_attempt {
    struct exchange *up; /* NULL: none, or it is done */
    const struct upstream_url *url;
    struct upstream_url fetched; /* what url points to when a module chose it */
    struct str target;           /* that the upstream was asked for */
    struct proxy_choice choice;
    uint32_t failures;            /* counted against the retries */
    uint32_t stale;               /* repeats because of stale connections */
    uint32_t infos;               /* 1xx forwarded */
    size_t credit;                /* granted and not yet used up */
    const struct http_head *head; /* of the response, once it came */
    bool ended;
    const struct http_fields *trailers; /* valid when ended; may be NULL */
    bool failed;
    bool timed_out;            /* what failed is our waiting for the head */
    struct exchange_reset why; /* when failed otherwise */
};

/* The response to the client. */
struct proxy_reply {
    struct http_head head; /* as it is to be sent */
    bool gathering;        /* for modules: the upstream's body goes to gathered */
    bool over_limit;
    bool from_memory; /* body is sent, not what the upstream sends */
    bool streams;     /* a module gives the body piece by piece */
    bool tunnel;      /* 101 was sent */
    struct buf gathered;
    struct str body;
    size_t sent;
    uint16_t status; /* that was sent, for the statistics; 0: none, or it was cut short */
};

/* Bodies that modules read or give piece by piece (proxy_stream.c). */
struct proxy_flow {
    bool feeds_request;  /* what comes of the client's body is theirs */
    bool feeds_upstream; /* what comes of the upstream's body is theirs */
    size_t left;         /* bytes of the response's body that they may still give */
    bool finished;       /* they gave all of it, or it failed */
    bool failed;
};

/* Why a request cannot be served as it should. text is for the client, detail for the log and for
 * errorHandler. */
struct proxy_failure {
    uint16_t status;
    const char *text;
    struct str detail;
    const char *limit;      /* of modules, that was passed; NULL: none */
    struct str module;      /* that failed; "": none */
    struct str allow;       /* of 405 */
    uint32_t retry_after_s; /* of 429; else 0 */
    bool unhandled;         /* no errorHandler is asked */
};

/* What the request counts for now: slots of the node's counts, NODE_COUNTS_NONE when for nothing. */
struct proxy_counted {
    uint32_t client;
    uint32_t route;
};

/* For the access log, all 0 when it is off. */
struct proxy_times {
    int64_t begin_wall_ms;
    uint64_t begin_ns;
    uint64_t attempt_ns; /* when the last one began */
    uint64_t head_ns;    /* how long its response's head took; 0: none came */
    uint64_t call_ns;    /* when the last call of a module began */
    uint64_t module_ns;  /* how long they took together */
};

struct proxy_request {
    struct proxy *proxy;
    struct exchange *down; /* the client's */
    enum proxy_step step;
    bool running;  /* the loop over steps is on the stack */
    bool fired;    /* the timer has */
    bool released; /* nothing is held any more */
    struct proxy_counted counted;
    uint64_t began_ms;
    struct proxy_timer *timer;
    struct proxy_timer *total; /* of totalTimeout; NULL: not limited */
    struct loop_task wake;     /* runs the step from the loop */

    struct str id;
    char made_id[PROXY_ID_SIZE];
    struct str client; /* read it with proxy_client_address() */
    bool client_secure;
    struct str method; /* as forwarded */
    struct str path;   /* normalised */
    struct str query;
    bool has_query;

    const struct router *router; /* only until MATCH is over */
    struct catalog_route *route;
    struct catalog_service *service;    /* NULL: none */
    const struct model_service *limits; /* the service's model */
    struct str rest;                    /* of the path, for the upstream */
    struct router_param *params;        /* copied for modules */
    uint32_t param_count;
    struct proxy_modules *modules; /* NULL: the route has none */

    struct http_fields fields; /* of the request as it goes to the upstream */
    bool fields_complete;      /* what depends on the route was added */
    struct proxy_upload upload;
    struct proxy_attempt attempt;
    struct proxy_reply reply;
    struct proxy_flow flow;
    struct proxy_failure failure;
    const char *cut_short; /* why the exchange did not come to its end; NULL: it did */
    struct proxy_times times;
};

/* Begins with a request that the server side handed over; becomes the owner of x. */
void proxy_request_start(struct proxy *p, struct exchange *x);

/* Runs steps until one parks. No effect when called from within. */
void proxy_request_run(struct proxy_request *r);

/* Sets the request's one timer, or gives it back; when it fires, fired is set and the step runs. */
void proxy_request_wait(struct proxy_request *r, uint64_t ms);
void proxy_request_unwait(struct proxy_request *r);

/* Sets the limit of the whole request, once; or takes it back. When it is reached, the request fails with 504, or is
 * aborted after the response's head. */
void proxy_request_deadline_set(struct proxy_request *r, int64_t ns);
void proxy_request_deadline_clear(struct proxy_request *r);

/* A timeout_fn for the pool of timers. */
void proxy_request_on_timer(struct timeout *t);

/* Goes on with a step. */
static inline enum proxy_turn proxy_request_go(struct proxy_request *r, enum proxy_step step)
{
    r->step = step;
    return PROXY_AGAIN;
}

/* Gives up visibly: resets the client's exchange, whatever was sent. */
enum proxy_turn proxy_request_abort(struct proxy_request *r, enum exchange_reset_code code);

/* "AWAIT": for logs. */
const char *proxy_request_step_name(const struct proxy_request *r);

/* The last step. */
enum proxy_turn proxy_request_closed(struct proxy_request *r);

#endif
