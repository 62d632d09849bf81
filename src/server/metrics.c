#include "server/metrics.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/container.h"
#include "codec/metrics_text.h"
#include "io/child.h"
#include "node/node_cache.h"
#include "node/node_segment.h"
#include "node/node_switches.h"
#include "server/launch.h"

enum { NUMBER_SIZE = 16, PROCESS_SIZE = 24, MS_PER_SECOND = 1000 };

/* Counters that are summed over the workers; rows of one family follow each other. */
struct counter {
    const char *family;
    const char *help;                /* of the first row of a family */
    struct metrics_text_label label; /* name is NULL: none */
    size_t offset;                   /* in struct pages_worker */
};

#define OF(member) offsetof(struct pages_worker, member)
#define LABEL(name, text)                                                                          \
    {                                                                                              \
        (name),                                                                                    \
        {                                                                                          \
            (text), sizeof(text) - 1                                                               \
        }                                                                                          \
    }
#define NONE                                                                                       \
    {                                                                                              \
        NULL,                                                                                      \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }

static const struct counter counters[] = {
    {"request_count_total", "Requests that reached the proxy.", NONE, OF(requests)},
    {"dgate_responses_total",
     "Requests that ended, by the class of the status that was sent; aborted: the client went "
     "away, "
     "or the response was cut short.",
     LABEL("class", "1xx"), OF(responses_1xx)},
    {"dgate_responses_total", NULL, LABEL("class", "2xx"), OF(responses_2xx)},
    {"dgate_responses_total", NULL, LABEL("class", "3xx"), OF(responses_3xx)},
    {"dgate_responses_total", NULL, LABEL("class", "4xx"), OF(responses_4xx)},
    {"dgate_responses_total", NULL, LABEL("class", "5xx"), OF(responses_5xx)},
    {"dgate_responses_total", NULL, LABEL("class", "aborted"), OF(responses_aborted)},
    {"dgate_bad_requests_total",
     "Requests that are not HTTP, or pass its limits: answered before they reached the proxy.",
     NONE, OF(bad_requests)},
    {"error_count_total", "Failures, by what failed.", LABEL("error_value", "upstream"),
     OF(upstream_errors)},
    {"error_count_total", NULL, LABEL("error_value", "module"), OF(module_errors)},
    {"dgate_retries_total", "Repeated attempts at upstreams.", NONE, OF(retries)},
    {"dgate_limit_hits_total", "Requests and connections refused with 429, by the limit.",
     LABEL("limit", "client_rate"), OF(limited_client_rate)},
    {"dgate_limit_hits_total", NULL, LABEL("limit", "client_requests"),
     OF(limited_client_requests)},
    {"dgate_limit_hits_total", NULL, LABEL("limit", "client_connections"),
     OF(limited_client_connections)},
    {"dgate_limit_hits_total", NULL, LABEL("limit", "route_rate"), OF(limited_route_rate)},
    {"dgate_limit_hits_total", NULL, LABEL("limit", "route_requests"), OF(limited_route_requests)},
    {"dgate_module_limit_hits_total", "Limits that modules passed; log: lines that were dropped.",
     LABEL("limit", "cpu"), OF(module_limit_cpu)},
    {"dgate_module_limit_hits_total", NULL, LABEL("limit", "wall"), OF(module_limit_wall)},
    {"dgate_module_limit_hits_total", NULL, LABEL("limit", "heap"), OF(module_limit_heap)},
    {"dgate_module_limit_hits_total", NULL, LABEL("limit", "body"), OF(module_limit_body)},
    {"dgate_module_limit_hits_total", NULL, LABEL("limit", "fetches"), OF(module_limit_fetches)},
    {"dgate_module_limit_hits_total", NULL, LABEL("limit", "timers"), OF(module_limit_timers)},
    {"dgate_module_limit_hits_total", NULL, LABEL("limit", "log"), OF(module_limit_log)},
    {"dgate_connections_accepted_total", "Connections of clients that were accepted.", NONE,
     OF(connections_accepted)},
    {"dgate_connections_refused_total",
     "Accepted connections beyond limits.client_connections of their worker.", NONE,
     OF(connections_refused)},
};

static uint64_t member(const struct pages_worker *w, size_t offset)
{
    const _Atomic uint64_t *value =
        (const _Atomic uint64_t *)(const void *)((const char *)w + offset);
    return atomic_load_explicit(value, memory_order_relaxed);
}

static uint64_t sum(const struct pages *pages, size_t offset)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < pages->slots; i++)
        total += member(&pages->worker[i], offset);
    return total;
}

static bool write_counters(struct buf *b, const struct pages *pages)
{
    bool ok = true;
    for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
        const struct counter *c = &counters[i];
        if (c->help != NULL)
            ok = ok && metrics_text_family(b, c->family, METRICS_TEXT_COUNTER, c->help);
        ok = ok && metrics_text_sample(b, c->family, c->label.name != NULL ? &c->label : NULL,
                                       sum(pages, c->offset));
    }
    return ok;
}

static bool write_durations(struct buf *b, const struct pages *pages)
{
    static const char name[] = "request_duration_milliseconds";
    static const uint32_t bounds[] = {
#define X(ms) (ms),
        PROXY_DURATION_BOUNDS(X)
#undef X
    };
    uint64_t counts[PROXY_DURATION_CLASSES];
    for (size_t i = 0; i < PROXY_DURATION_CLASSES; i++)
        counts[i] = sum(pages, OF(durations) + i * sizeof(uint64_t));
    const struct metrics_text_histogram h = {
        .bounds = bounds,
        .bound_count = ARRAY_LEN(bounds),
        .counts = counts,
        .sum = sum(pages, OF(duration_ms)),
    };
    return metrics_text_family(b, name, METRICS_TEXT_HISTOGRAM,
                               "From a request's head to the end of its response, in whole "
                               "milliseconds; tunnels too.") &&
           metrics_text_histogram(b, name, &h);
}

/* A worker has several slots: while it is replaced two of them live. */
static uint32_t workers_of(const struct pages *pages)
{
    return pages->slots / LAUNCH_SLOTS_PER_WORKER;
}

static bool lives(const struct pages_worker *w)
{
    return atomic_load(&w->heartbeat_ns) != 0;
}

/* What each worker has; what a dead one had last is not there any more. */
static const struct worker_family {
    const char *name;
    enum metrics_text_kind kind;
    const char *help;
    size_t offset;
    bool of_the_living;
    bool highest; /* of its slots; else their sum */
} worker_families[] = {
    {"dgate_connections_active", METRICS_TEXT_GAUGE, "Open connections of clients.",
     OF(connections_active), true, false},
    {"dgate_requests_active", METRICS_TEXT_GAUGE, "Requests in flight.", OF(requests_active), true,
     false},
    {"dgate_worker_state_revision", METRICS_TEXT_GAUGE,
     "Revision of the state that the worker serves; 0: none yet.", OF(applied), true, true},
    {"dgate_worker_kills_total", METRICS_TEXT_COUNTER,
     "How often the worker was killed because it hung.", OF(kills), false, false},
    {"dgate_worker_restarts_total", METRICS_TEXT_COUNTER, "How often the worker was started again.",
     OF(restarts), false, false},
};

static uint64_t of_worker(const struct pages *pages, uint32_t worker, const struct worker_family *f)
{
    uint64_t total = 0;
    for (uint32_t i = worker; i < pages->slots; i += workers_of(pages)) {
        const struct pages_worker *w = &pages->worker[i];
        const uint64_t n = f->of_the_living && !lives(w) ? 0 : member(w, f->offset);
        if (!f->highest)
            total += n;
        else if (n > total)
            total = n;
    }
    return total;
}

static bool write_worker_family(struct buf *b, const struct pages *pages,
                                const struct worker_family *f)
{
    bool ok = metrics_text_family(b, f->name, f->kind, f->help);
    for (uint32_t i = 0; i < workers_of(pages); i++) {
        char number[NUMBER_SIZE];
        (void)snprintf(number, sizeof(number), "%u", (unsigned)i);
        const struct metrics_text_label label = {"worker", str_of(number)};
        ok = ok && metrics_text_sample(b, f->name, &label, of_worker(pages, i, f));
    }
    return ok;
}

static bool write_up(struct buf *b, const struct pages *pages)
{
    static const char name[] = "dgate_worker_up";
    bool ok = metrics_text_family(b, name, METRICS_TEXT_GAUGE, "1: the worker serves requests.");
    for (uint32_t i = 0; i < workers_of(pages); i++) {
        char number[NUMBER_SIZE];
        (void)snprintf(number, sizeof(number), "%u", (unsigned)i);
        const struct metrics_text_label label = {"worker", str_of(number)};
        bool up = false;
        for (uint32_t slot = i; slot < pages->slots; slot += workers_of(pages))
            up = up || lives(&pages->worker[slot]);
        ok = ok && metrics_text_sample(b, name, &label, up);
    }
    return ok;
}

static uint64_t memory_of(pid_t pid)
{
    return pid > 0 ? child_memory_bytes(pid, CHILD_RESIDENT) : 0;
}

static bool write_memory_of(struct buf *b, const char *process, uint64_t bytes)
{
    const struct metrics_text_label label = {"process", str_of(process)};
    return bytes == 0 ||
           metrics_text_sample(b, "dgate_process_resident_memory_bytes", &label, bytes);
}

static bool write_memory(struct buf *b, const struct pages *pages)
{
    bool ok = metrics_text_family(b, "dgate_process_resident_memory_bytes", METRICS_TEXT_GAUGE,
                                  "Resident memory of each process of the server.") &&
              write_memory_of(b, "supervisor", memory_of(getppid())) &&
              write_memory_of(b, "control", memory_of(getpid()));
    for (uint32_t i = 0; i < workers_of(pages); i++) {
        char name[PROCESS_SIZE];
        uint64_t bytes = 0;
        (void)snprintf(name, sizeof(name), "worker-%u", (unsigned)i);
        for (uint32_t slot = i; slot < pages->slots; slot += workers_of(pages))
            bytes += memory_of((pid_t)atomic_load(&pages->worker[slot].pid));
        ok = ok && write_memory_of(b, name, bytes);
    }
    return ok;
}

static bool write_server(struct buf *b, const struct pages *pages, const char *version)
{
    const struct metrics_text_label label = {"version", str_of(version)};
    return metrics_text_family(b, "dgate_build_info", METRICS_TEXT_GAUGE,
                               "1, with the version of the server.") &&
           metrics_text_sample(b, "dgate_build_info", &label, 1) &&
           metrics_text_family(b, "dgate_start_time_seconds", METRICS_TEXT_GAUGE,
                               "When the server was started, in seconds since 1970.") &&
           metrics_text_decimal(b, "dgate_start_time_seconds",
                                (uint64_t)atomic_load(&pages->started_ms)) &&
           metrics_text_family(b, "dgate_control_restarts_total", METRICS_TEXT_COUNTER,
                               "How often the control process was started again.") &&
           metrics_text_sample(b, "dgate_control_restarts_total", NULL,
                               atomic_load(&pages->control_restarts)) &&
           metrics_text_family(b, "dgate_state_revision", METRICS_TEXT_GAUGE,
                               "Revision of the state: the number of its last change.") &&
           metrics_text_sample(b, "dgate_state_revision", NULL, atomic_load(&pages->revision));
}

static bool write_cache(struct buf *b, struct node_segment *node)
{
    struct node_cache_stats s;
    if (node == NULL)
        return true;
    node_cache_stats_get(node_segment_cache(node), &s);
    const struct {
        const char *name;
        enum metrics_text_kind kind;
        const char *help;
        uint64_t value;
    } families[] = {
        {"dgate_cache_hits_total", METRICS_TEXT_COUNTER, "getCache() that found a value.", s.hits},
        {"dgate_cache_misses_total", METRICS_TEXT_COUNTER, "getCache() that found none.", s.misses},
        {"dgate_cache_evictions_total", METRICS_TEXT_COUNTER,
         "Values that had to make room before they expired.", s.evictions},
        {"dgate_cache_entries", METRICS_TEXT_GAUGE, "Values in the cache.", s.entries},
        {"dgate_cache_bytes", METRICS_TEXT_GAUGE, "Keys and values in the cache.", s.bytes},
    };
    bool ok = true;
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        ok = ok && metrics_text_family(b, families[i].name, families[i].kind, families[i].help) &&
             metrics_text_sample(b, families[i].name, NULL, families[i].value);
    return ok;
}

/* One sample for each route that is switched off: there are as many as an operator has to look at. */
static bool write_switches(struct buf *b, struct node_segment *node)
{
    static const char name[] = "dgate_module_switched_off";
    bool ok = true;
    uint64_t count = 0;
    const struct node_switches *s = node != NULL ? node_segment_switches(node) : NULL;
    for (uint32_t i = 0; s != NULL && i < node_switches_slots(s); i++) {
        struct node_switches_info info;
        if (!node_switches_at(s, i, &info))
            continue;
        if (count++ == 0) {
            ok = ok && metrics_text_family(b, name, METRICS_TEXT_GAUGE,
                                           "Since when the modules of a route are switched off, in "
                                           "seconds since 1970.");
        }
        const struct metrics_text_label label = {"route", str_of(info.route)};
        ok = ok && metrics_text_sample(b, name, &label, info.since_ms / MS_PER_SECOND);
    }
    return ok &&
           metrics_text_family(b, "dgate_routes_switched_off", METRICS_TEXT_GAUGE,
                               "Routes whose modules are switched off.") &&
           metrics_text_sample(b, "dgate_routes_switched_off", NULL, count);
}

bool metrics_write(struct buf *b, const struct pages *pages, struct node_segment *node,
                   const char *version)
{
    bool ok = write_server(b, pages, version) && write_counters(b, pages) &&
              write_durations(b, pages) && write_up(b, pages);
    for (size_t i = 0; i < ARRAY_LEN(worker_families); i++)
        ok = ok && write_worker_family(b, pages, &worker_families[i]);
    return ok && write_cache(b, node) && write_switches(b, node) && write_memory(b, pages);
}
