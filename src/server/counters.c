#include "server/counters.h"

static uint64_t load(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void store(_Atomic uint64_t *value, uint64_t n)
{
    atomic_store_explicit(value, n, memory_order_relaxed);
}

void counters_begin(struct counters *c, struct pages_worker *page)
{
#define X(name) c->name = load(&page->name);
    PAGES_COUNTERS(X)
#undef X
#define X(name) store(&page->name, 0);
    PAGES_GAUGES(X)
#undef X
    for (size_t i = 0; i < PROXY_DURATION_CLASSES; i++)
        c->durations[i] = load(&page->durations[i]);
}

void counters_publish(const struct counters *c, struct pages_worker *page,
                      const struct proxy_stats *p, const struct http_server_stats *h)
{
    const struct counters now = {
        .requests = p->requests,
        .responses_1xx = p->responses[1],
        .responses_2xx = p->responses[2],
        .responses_3xx = p->responses[3],
        .responses_4xx = p->responses[4],
        .responses_5xx = p->responses[5],
        .responses_aborted = p->responses[0],
        .bad_requests = h->refused,
        .upstream_errors = p->upstream_errors,
        .retries = p->retries,
        .module_errors = p->module_errors,
        .module_limit_cpu = p->module_limits[SCRIPT_LIMIT_CPU],
        .module_limit_wall = p->module_limits[SCRIPT_LIMIT_WALL],
        .module_limit_heap = p->module_limits[SCRIPT_LIMIT_HEAP],
        .module_limit_body = p->module_limits[SCRIPT_LIMIT_BODY],
        .module_limit_fetches = p->module_limits[SCRIPT_LIMIT_FETCHES],
        .module_limit_timers = p->module_limits[SCRIPT_LIMIT_TIMERS],
        .module_limit_log = p->module_limits[SCRIPT_LIMIT_LOG],
        .limited_client_rate = p->limited[PROXY_LIMIT_CLIENT_RATE],
        .limited_client_requests = p->limited[PROXY_LIMIT_CLIENT_REQUESTS],
        .limited_client_connections = h->limited,
        .limited_route_rate = p->limited[PROXY_LIMIT_ROUTE_RATE],
        .limited_route_requests = p->limited[PROXY_LIMIT_ROUTE_REQUESTS],
        .connections_accepted = h->accepted,
        .connections_refused = h->overloaded,
        .duration_ms = p->duration_ms,
    };
#define X(name) store(&page->name, c->name + now.name);
    PAGES_COUNTERS(X)
#undef X
    store(&page->connections_active, h->connections);
    store(&page->requests_active, p->active);
    for (size_t i = 0; i < PROXY_DURATION_CLASSES; i++)
        store(&page->durations[i], c->durations[i] + p->durations[i]);
}
