/* Happy path: map the pages, follow control until a state is loaded, then accept from our own listening socket and beat. A
 * sibling whose heartbeat is late may be stopped or dead while the kernel goes on queueing connections on its socket: then
 * we accept from that one too.
 *
 * SIGTERM: the queue of our own socket is taken over once more, then nothing is accepted, and the process ends when the last
 * exchange has.
 *
 * LAUNCH_SIGNAL_RETIRE: a new process accepts from our socket by now. Each response is the last of its connection; who sends
 * nothing for RETIRE_IDLE_MS is closed, since a client that uses a connection just when it is closed may lose its request.
 */
#include "server/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/now.h"
#include "http/http_client.h"
#include "http/http_server.h"
#include "io/line_writer.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "io/signals.h"
#include "io/timeout.h"
#include "model/rate.h"
#include "node/node_counts.h"
#include "node/node_segment.h"
#include "node/node_switches.h"
#include "proxy/catalog.h"
#include "proxy/proxy.h"
#include "server/client_gate.h"
#include "server/counters.h"
#include "server/http_setup.h"
#include "server/module_cache.h"
#include "server/pages.h"
#include "server/replica.h"
#include "server/script_setup.h"

enum {
    BEAT_MS = 20,
    SIBLING_LATE_MS = 60,
    DRAIN_AFTER_MS = 20,
    RETIRE_IDLE_MS = 2000,
    ALONE_MS = 2000,
    RECYCLE_MS =
        5000, /* what is in flight when the modules used too much memory may take so long */
};

struct worker {
    struct loop *loop;
    struct launch *launch;
    uint32_t index; /* of our listening socket */
    uint32_t slot;
    struct pages *pages;
    struct pages_worker *page;
    struct counters counters;
    struct node_segment *node;
    struct client_gate gate;
    struct module_cache cache;
    struct catalog *catalog;
    struct replica *replica;
    struct script_vm *vm;
    struct resolver *resolver;
    struct http_client *client;
    struct http_server *http;
    struct proxy *proxy;
    struct line_writer *access_log; /* NULL: off */
    struct listener *listeners[LAUNCH_WORKERS_MAX];
    struct timeout beat;
    struct timeout recycled;
    struct timeout drain;
    struct signals *term;
    struct signals *retire;
    struct signals *reopen;
    struct proxy_header *global_headers;
    const char **tags;
    bool serving;
    bool stopping;
    bool retired;
    uint64_t log_second; /* module log lines are counted per second */
    int64_t log_lines;
};

static void publish_counters(struct worker *w)
{
    struct proxy_stats p;
    struct http_server_stats h;
    proxy_stats_get(w->proxy, &p);
    http_server_stats_get(w->http, &h);
    counters_publish(&w->counters, w->page, &p, &h);
}

static void tell_dropped_lines(struct worker *w)
{
    const int64_t most = w->launch->config->limits.module_log_lines;
    const uint64_t second = loop_now_ms(w->loop) / 1000;
    if (second == w->log_second)
        return;
    if (w->log_lines > most)
        log_warn("module", "%lld lines of modules dropped (limits.module_log_lines)",
                 (long long)(w->log_lines - most));
    w->log_second = second;
    w->log_lines = 0;
}

/* Accepts for siblings that do not. */
static void watch_siblings(struct worker *w, uint64_t now)
{
    for (uint32_t i = 0; i < w->launch->workers; i++) {
        if (i == w->index)
            continue;
        if (pages_served(w->pages, i, now, SIBLING_LATE_MS * 1000000ull))
            listener_stop(w->listeners[i]);
        else
            listener_start(w->listeners[i]);
    }
}

static void on_drained(void *user)
{
    struct worker *w = user;
    loop_stop(w->loop);
}

static void stop(struct worker *w)
{
    if (w->stopping)
        return;
    w->stopping = true;
    for (uint32_t i = 0; i < w->launch->workers; i++)
        listener_stop(w->listeners[i]);
    atomic_store(&w->page->serves, 0); /* seen, none is accepted any more */
    timeout_set(&w->drain, DRAIN_AFTER_MS);
}

static void on_retire(void *user, int signum)
{
    (void)signum;
    struct worker *w = user;
    if (w->stopping)
        return;
    stop(w);
    w->retired = true;
    http_server_retire(w->http, on_drained, w);
    timeout_set(&w->drain, RETIRE_IDLE_MS);
}

/* What was accepted last has had a turn to bring its request. */
static void on_drain(struct timeout *t)
{
    struct worker *w = container_of(t, struct worker, drain);
    http_server_drain(w->http, on_drained, w);
}

/* The whole server stops: what waits in the queues is taken over, then the port is given up. One that was replaced leaves
 * the queues to the others. */
static void close_sockets(struct worker *w)
{
    for (uint32_t i = 0; i < w->launch->workers; i++) {
        if (w->serving && !w->retired)
            listener_drain(w->listeners[i]);
        listener_destroy(w->listeners[i]);
        w->listeners[i] = NULL;
        (void)close(LAUNCH_FD_PROXY + (int)i);
    }
}

/* The memory did not come back with a new VM: a fresh process takes our place, and siblings our connections until then. */
static void recycle(struct worker *w)
{
    log_warn("worker", "the modules use more than limits.module_heap_mb: this worker is replaced");
    atomic_store(&w->page->heartbeat_ns, 0);
    timeout_set(&w->recycled, RECYCLE_MS);
    stop(w);
}

static void on_recycled(struct timeout *t)
{
    struct worker *w = container_of(t, struct worker, recycled);
    loop_stop(w->loop);
}

static void on_beat(struct timeout *t)
{
    struct worker *w = container_of(t, struct worker, beat);
    uint64_t now = now_mono_ns();
    publish_counters(w);
    tell_dropped_lines(w);
    timeout_set(&w->beat, BEAT_MS);
    if (timeout_is_set(&w->recycled))
        return;
    atomic_store_explicit(&w->page->heartbeat_ns, now, memory_order_release);
    if (w->stopping)
        return;
    watch_siblings(w, now);
    if (script_vm_wants_restart(w->vm))
        recycle(w);
}

static void on_socket(void *user, int fd, const struct sockaddr *peer)
{
    struct worker *w = user;
    http_server_accept(w->http, fd, peer);
}

static void on_request(void *user, struct exchange *x)
{
    struct worker *w = user;
    if (replica_catch_up(w->replica)) {
        proxy_handle(w->proxy, x);
        return;
    }
    exchange_forget(x);
    exchange_respond(x, 503, NULL, STR("application/json"),
                     STR("{\"error\":\"the state cannot be read\"}\n"));
}

/* Control counts us as serving once it sees a heartbeat: what it applied before it did must be loaded. */
static void on_loaded(void *user)
{
    struct worker *w = user;
    if (w->stopping)
        return;
    atomic_store(&w->page->heartbeat_ns, now_mono_ns());
    pages_require(w->page, atomic_load(&w->pages->revision));
    w->serving = true;
    listener_start(w->listeners[w->index]);
    atomic_store(&w->page->serves, (uint64_t)w->index + 1);
    timeout_set(&w->beat, BEAT_MS);
}

static void on_term(void *user, int signum)
{
    (void)signum;
    struct worker *w = user;
    stop(w);
    if (w->listeners[0] != NULL)
        close_sockets(w);
}

static void script_log(void *user, enum log_level level, const struct script_place *from,
                       struct str text)
{
    struct worker *w = user;
    const struct config *c = w->launch->config;
    if (level < c->proxy.console_log_level)
        return;
    tell_dropped_lines(w);
    if (++w->log_lines > c->limits.module_log_lines)
        return;
    const struct log_field fields[] = {{"namespace", from->ns},
                                       {"name", from->module},
                                       {"route", from->route},
                                       {"function", from->function}};
    log_write_fields(level, "module", text, fields, from->route.len > 0 ? 4 : 2);
}

static void script_running(void *user, const struct script_place *what)
{
    struct worker *w = user;
    pages_running_set(w->page, what);
}

/* Its modules are ended by limits again and again. */
static void script_offend(void *user, const struct script_place *who, uint32_t stops)
{
    struct worker *w = user;
    char route[NODE_SWITCHES_ROUTE_SIZE];
    const struct node_switches_who switched = {
        who->program, node_switches_route(who->ns, who->route, route), who->module};
    if (node_switches_off(node_segment_switches(w->node), &switched, NODE_SWITCHES_STOPS, stops,
                          (uint64_t)now_wall_ms())) {
        log_error("worker",
                  "the modules of route %s are switched off: limits ended %u calls of module %.*s, "
                  "at least half of all; change the module or the route to switch them on",
                  route, (unsigned)stops, STR_ARG(who->module));
    }
}

static void script_renewed(void *user)
{
    struct worker *w = user;
    catalog_relink(w->catalog);
}

static void script_state(void *user, const struct script_state_request *request,
                         script_state_done done, void *done_user)
{
    struct worker *w = user;
    replica_state(w->replica, request, done, done_user);
}

static bool script_state_now(void *user, const struct script_state_request *request,
                             struct buf *out, struct err *e)
{
    struct worker *w = user;
    return replica_state_now(w->replica, request, out, e);
}

static bool script_cache_get(void *user, struct str ns, struct str key, struct buf *out)
{
    struct worker *w = user;
    return module_cache_get(&w->cache, ns, key, out);
}

static bool script_cache_set(void *user, struct str ns, struct str key, struct str value,
                             double ttl_s, struct err *e)
{
    struct worker *w = user;
    return module_cache_set(&w->cache, ns, key, value, ttl_s, e);
}

static bool script_cache_delete(void *user, struct str ns, struct str key)
{
    struct worker *w = user;
    return module_cache_delete(&w->cache, ns, key);
}

static void open_http(struct worker *w)
{
    const struct config_limits *l = &w->launch->config->limits;
    struct http_server_options server = http_setup_server(l);
    server.proxy_protocol = w->launch->config->proxy.proxy_protocol == CONFIG_PROXY_PROTOCOL_ON;
    w->gate = (struct client_gate){
        .node = w->node,
        .worker = w->slot,
        .connections_max = (uint32_t)w->launch->config->proxy.max_connections_per_client,
    };
    if (w->gate.connections_max > 0)
        server.gate = client_gate_for_server(&w->gate);
    w->http = http_server_create(w->loop, &server, on_request, w);
    w->resolver = http_setup_resolver(w->loop);
    struct http_client_options client = http_setup_client(l, w->resolver);
    client.refuse_private = w->launch->config->proxy.disable_private_ips;
    w->client = http_client_create(w->loop, &client);
}

static void open_scripts(struct worker *w)
{
    const struct config_limits *l = &w->launch->config->limits;
    const struct script_limits limits = script_setup_limits(l);
    w->cache = (struct module_cache){.node = w->node, .value_max = (size_t)l->cache_value_max};
    const struct fetch_options fetch = http_setup_fetch(w->launch->config, w->resolver);
    struct script_host host = {.user = w,
                               .environment = &w->launch->config->proxy.module_env,
                               .state = script_state,
                               .state_now = script_state_now,
                               .cache_get = script_cache_get,
                               .cache_set = script_cache_set,
                               .cache_delete = script_cache_delete,
                               .log = script_log,
                               .running = script_running,
                               .offend = script_offend,
                               .renewed = script_renewed,
                               .fetch = &fetch};
    w->vm = script_vm_create(w->loop, &limits, &host);
}

/* The supervisor opened the file before: what fails here is rare, and requests are served nevertheless. */
static void on_reopen(void *user, int signum)
{
    struct worker *w = user;
    struct err e = {0};
    (void)signum;
    if (w->access_log != NULL && line_writer_reopen(w->access_log, &e) != ERR_OK)
        log_error("worker", "%s: the old file is used on", e.msg);
}

static void open_access_log(struct worker *w)
{
    const struct config *c = w->launch->config;
    struct err e = {0};
    if (c->proxy.access_log != CONFIG_ACCESS_LOG_OFF &&
        http_setup_access_log(w->loop, c, &w->access_log, &e) != ERR_OK)
        log_error("worker", "%s", e.msg);
}

static void open_proxy(struct worker *w)
{
    const struct config *c = w->launch->config;
    struct catalog_options catalog = {.default_namespace = !c->disable_default_namespace,
                                      .node = w->node};
    w->catalog = catalog_create(w->vm, &catalog);
    w->global_headers = mem_calloc(c->proxy.global_headers.n + 1, sizeof(*w->global_headers));
    for (size_t i = 0; i < c->proxy.global_headers.n; i++) {
        w->global_headers[i].name = str_of(c->proxy.global_headers.v[i].name);
        w->global_headers[i].value = str_of(c->proxy.global_headers.v[i].value);
    }
    w->tags = mem_calloc(c->tags.n + 1, sizeof(*w->tags));
    for (size_t i = 0; i < c->tags.n; i++)
        w->tags[i] = c->tags.v[i];
    struct proxy_options options = http_setup_proxy(c);
    options.node = w->node;
    options.worker = w->slot;
    options.access_log = w->access_log;
    options.access_format =
        c->proxy.access_log == CONFIG_ACCESS_LOG_JSON ? ACCESS_RECORD_JSON : ACCESS_RECORD_TEXT;
    options.allow_list = &c->proxy.allow_list;
    options.allowed_domains = &c->proxy.allowed_domains;
    options.redirect_https = &c->proxy.redirect_https;
    options.strict = c->proxy.strict_mode;
    options.x_forwarded_for_depth = (uint64_t)c->proxy.x_forwarded_for_depth;
    options.global_headers = w->global_headers;
    options.global_header_count = c->proxy.global_headers.n;
    options.tags = w->tags;
    options.tag_count = c->tags.n;
    options.client_requests_max = (uint32_t)c->proxy.max_requests_per_client;
    struct rate rate = {c->proxy.rate_limit.requests, c->proxy.rate_limit.period_ms * 1000000,
                        c->proxy.rate_limit.burst};
    if (rate.requests > 0)
        options.client_rate = (struct node_rate_limit){rate_interval_ns(&rate), rate_burst(&rate)};
    w->proxy = proxy_create(w->loop, w->catalog, w->client, &options);
}

static void open_replica(struct worker *w)
{
    const uint32_t burst = (uint32_t)w->launch->config->limits.accept_burst;
    for (uint32_t i = 0; i < w->launch->workers; i++)
        w->listeners[i] = listener_create(w->loop, LAUNCH_FD_PROXY + (int)i, burst, on_socket, w);
    struct replica_options options = {
        .launch = w->launch,
        .slot = w->slot,
        .pages = w->pages,
        .catalog = w->catalog,
        .node = w->node,
        .alone_ms = ALONE_MS,
        .on_loaded = on_loaded,
        .user = w,
    };
    w->replica = replica_create(w->loop, &options);
}

static void finish(struct worker *w)
{
    publish_counters(w);
    atomic_store(&w->page->heartbeat_ns, 0);
    for (uint32_t i = 0; i < w->launch->workers; i++)
        listener_destroy(w->listeners[i]);
    timeout_finish(&w->beat);
    timeout_finish(&w->recycled);
    timeout_finish(&w->drain);
    signals_stop(w->term);
    signals_stop(w->retire);
    signals_stop(w->reopen);
    http_server_destroy(w->http);
    proxy_destroy(w->proxy);
    line_writer_destroy(w->access_log);
    http_client_destroy(w->client);
    replica_destroy(w->replica);
    catalog_destroy(w->catalog);
    script_vm_destroy(w->vm);
    resolver_destroy(w->resolver);
    free(w->global_headers);
    free(w->tags);
    pages_unmap(w->pages);
    node_segment_unmap(w->node);
    loop_destroy(w->loop);
}

int worker_run(struct launch *l, const struct launch_seat *seat)
{
    struct worker w = {
        .launch = l, .index = seat->index, .slot = seat->slot, .loop = loop_create()};
    struct err e = {0};
    if (pages_map(LAUNCH_FD_PAGES, launch_slots(l), &w.pages, &e) != ERR_OK ||
        node_segment_map(LAUNCH_FD_NODE, &w.node, &e) != ERR_OK) {
        log_error("worker", "%s", e.msg);
        loop_destroy(w.loop);
        return EXIT_FAILURE;
    }
    w.page = &w.pages->worker[w.slot];
    counters_begin(&w.counters, w.page);
    node_counts_forget(node_segment_counts(w.node), w.slot);
    timeout_init(&w.beat, w.loop, on_beat);
    timeout_init(&w.recycled, w.loop, on_recycled);
    timeout_init(&w.drain, w.loop, on_drain);
    w.term = signals_watch(w.loop, SIGTERM, on_term, &w);
    w.retire = signals_watch(w.loop, LAUNCH_SIGNAL_RETIRE, on_retire, &w);
    w.reopen = signals_watch(w.loop, LAUNCH_SIGNAL_REOPEN, on_reopen, &w);
    open_http(&w);
    open_scripts(&w);
    open_access_log(&w);
    open_proxy(&w);
    open_replica(&w);
    loop_run(w.loop);
    finish(&w);
    return EXIT_SUCCESS;
}
