/* The shared pages: one header and one page per slot of a worker process (launch_slots()), mapped by supervisor, control and workers. Every member is
 * written by one process and read by the others, without locks: a process may be killed at any point.
 */
#ifndef SERVER_PAGES_H
#define SERVER_PAGES_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/str.h"
#include "proxy/proxy.h"
#include "script/script.h"

enum { PAGES_ROUTE_SIZE = 256, PAGES_MODULE_SIZE = 104, PAGES_FUNCTION_SIZE = 24 };

/* Counters of a worker; they only grow, also when the worker is replaced: server/counters.h. */
#define PAGES_COUNTERS(X)                                                                          \
    X(requests)                                                                                    \
    X(responses_1xx)                                                                               \
    X(responses_2xx)                                                                               \
    X(responses_3xx)                                                                               \
    X(responses_4xx)                                                                               \
    X(responses_5xx)                                                                               \
    X(responses_aborted)                                                                           \
    X(bad_requests)                                                                                \
    X(upstream_errors)                                                                             \
    X(retries)                                                                                     \
    X(module_errors)                                                                               \
    X(module_limit_cpu)                                                                            \
    X(module_limit_wall)                                                                           \
    X(module_limit_heap)                                                                           \
    X(module_limit_body)                                                                           \
    X(module_limit_fetches)                                                                        \
    X(module_limit_timers)                                                                         \
    X(module_limit_log)                                                                            \
    X(limited_client_rate)                                                                         \
    X(limited_client_requests)                                                                     \
    X(limited_client_connections)                                                                  \
    X(limited_route_rate)                                                                          \
    X(limited_route_requests)                                                                      \
    X(connections_accepted)                                                                        \
    X(connections_refused)                                                                         \
    X(duration_ms)

/* What a worker has now. */
#define PAGES_GAUGES(X)                                                                            \
    X(connections_active)                                                                          \
    X(requests_active)

/* What a worker runs. */
struct pages_running {
    uint64_t since_ns;            /* 0: no module */
    uint64_t program;             /* script_program_fingerprint(); 0: not known */
    char route[PAGES_ROUTE_SIZE]; /* "namespace/name" */
    char module[PAGES_MODULE_SIZE];
    char function[PAGES_FUNCTION_SIZE];
};

struct pages_worker {
    _Atomic uint64_t heartbeat_ns; /* now_mono_ns(); 0 while it does not serve (worker) */
    _Atomic uint64_t
        serves; /* the listening socket that it accepts from, plus 1; 0: none (worker) */
    _Atomic uint64_t applied;     /* revision that it serves; 0: none yet, or it is dead (worker) */
    _Atomic uint64_t required;    /* to be loaded before it serves again: see pages_require() */
    _Atomic int64_t pid;          /* (supervisor) */
    _Atomic uint64_t restarts;    /* (supervisor) */
    _Atomic uint64_t kills;       /* because a module hung (supervisor) */
    _Atomic uint64_t running_seq; /* odd while running is being written (worker) */
    _Atomic uint64_t running_since_ns;
    struct pages_running running; /* but for since_ns (worker) */
#define X(name) _Atomic uint64_t name;
    PAGES_COUNTERS(X)
    PAGES_GAUGES(X)
#undef X
    _Atomic uint64_t
        durations[PROXY_DURATION_CLASSES]; /* a histogram; each request is in one class */
};

struct pages {
    _Atomic uint64_t revision;         /* newest that control applied */
    _Atomic uint32_t control_ready;    /* init_resources are in; workers are told */
    _Atomic int64_t started_ms;        /* since 1970 (supervisor) */
    _Atomic uint64_t control_restarts; /* (supervisor) */
    uint32_t layout;                   /* of this version */
    uint32_t slots;
    struct pages_worker worker[];
};

/* Makes and maps pages for that many slots (supervisor), or maps inherited ones: ERR_INVALID when they are not of this
 * layout and number. */
enum err_code pages_make(uint32_t slots, int *fd, struct pages **ret, struct err *e)
    __attribute__((warn_unused_result));
enum err_code pages_map(int fd, uint32_t slots, struct pages **ret, struct err *e)
    __attribute__((warn_unused_result));
void pages_unmap(struct pages *p);

/* Says what the worker runs now; NULL: no module. */
void pages_running_set(struct pages_worker *w, const struct script_place *what);

/* What it runs; all but since_ns is empty when that is being changed just now. */
void pages_running_get(const struct pages_worker *w, struct pages_running *ret);

/* The worker must have loaded this revision, or a later one, before it serves again. */
void pages_require(struct pages_worker *w, uint64_t revision);

/* Whether a worker that is alive accepts from that listening socket as its own. */
bool pages_served(const struct pages *p, uint32_t socket, uint64_t now_ns, uint64_t late_ns);

/* Whether the worker's heartbeat is younger than late_ns. */
bool pages_alive(const struct pages_worker *w, uint64_t now_ns, uint64_t late_ns);

#endif
