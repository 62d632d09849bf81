/* Happy path: open the store, make the engine and the path of changes, apply the configuration's resources, then let the
 * workers in and become ready. The admin API answers from the start (/readyz says 503 until then).
 *
 * SIGTERM: the admin API drains, then the engine finishes what is pending, then the loop ends. LAUNCH_SIGNAL_RETIRE: the
 * same, but a client that keeps its connection has RETIRE_IDLE_MS to use it once more; new ones wait in the queue of the
 * listening socket for the control that follows, and workers keep what their modules write until that one is there.
 */
#include "server/control.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/container.h"
#include "base/mem.h"
#include "change/change.h"
#include "cluster/local.h"
#include "http/http_client.h"
#include "http/http_server.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "io/signals.h"
#include "io/timeout.h"
#include "node/node_segment.h"
#include "server/change_setup.h"
#include "server/compile_pool.h"
#include "server/health_checks.h"
#include "server/http_setup.h"
#include "server/init_resources.h"
#include "server/links.h"
#include "server/metrics.h"
#include "server/module_calls.h"
#include "server/test_server.h"
#include "server/version.h"

enum {
    ADMIN_CONNECTIONS_MAX = 1024,
    ADMIN_DRAIN_MAX = 64 * 1024,
    RETIRE_IDLE_MS = 200,
    PAUSE_MS = 2000, /* for writes of modules, once retired */
};

struct control {
    struct loop *loop;
    struct launch *launch;
    struct pages *pages;
    struct node_segment *node;
    struct resolver *resolver;
    struct http_client *client; /* of health checks */
    struct health_checks *health;
    struct store *store;
    struct engine *engine;
    struct change_sink *changes;
    struct links *links;
    struct compile_pool *compilers;
    struct admin *admin;
    struct http_server *admin_http;
    struct listener *admin_listener;
    struct test_server *test_server;
    struct signals *term;
    struct signals *retire;
    struct timeout idle; /* of the admin API, once retired */
    struct timeout pause;
    bool ready;
    bool stopping;
    bool retired;
    int status;
};

static void compile(void *user, const struct model_module *m, struct str source,
                    change_compiled_fn done, void *done_user)
{
    struct control *c = user;
    compile_pool_submit(c->compilers, m, source, done, done_user);
}

static void publish(void *user, const struct engine_applied *applied)
{
    struct control *c = user;
    links_publish(c->links, applied);
}

static void when_served(void *user, uint64_t revision, void (*done)(void *done_user),
                        void *done_user)
{
    struct control *c = user;
    links_when_served(c->links, revision, done, done_user);
}

static void on_applied(void *user, const struct engine_applied *applied)
{
    struct control *c = user;
    change_on_applied(c->changes, applied);
    health_checks_applied(c->health, applied);
}

static void on_call(void *user, struct links_call *call, uint64_t op, struct str ns,
                    struct str module, struct str args)
{
    struct control *c = user;
    module_calls_run(c->changes, call, op, ns, module, args);
}

static bool is_ready(void *user)
{
    const struct control *c = user;
    return c->ready && !c->stopping;
}

static bool write_metrics(void *user, struct buf *out)
{
    const struct control *c = user;
    return metrics_write(out, c->pages, c->node, version_text());
}

static void on_engine_closed(void *user)
{
    struct control *c = user;
    c->engine = NULL;
    loop_stop(c->loop);
}

static void on_paused(void *user)
{
    struct control *c = user;
    timeout_clear(&c->pause);
    engine_close(c->engine, on_engine_closed, c);
}

static void on_pause_over(struct timeout *t)
{
    struct control *c = container_of(t, struct control, pause);
    log_warn("state", "some writes of modules were not finished in %d ms", PAUSE_MS);
    links_pause(c->links, NULL, NULL);
    on_paused(c);
}

static void on_admin_drained(void *user)
{
    struct control *c = user;
    timeout_clear(&c->idle);
    if (!c->retired) {
        on_paused(c);
        return;
    }
    timeout_set(&c->pause, PAUSE_MS);
    links_pause(c->links, on_paused, c);
}

static void close_doors(struct control *c)
{
    c->stopping = true;
    if (c->test_server != NULL)
        test_server_stop(c->test_server);
    if (c->admin_http == NULL)
        return;
    listener_destroy(c->admin_listener);
    c->admin_listener = NULL;
    (void)close(LAUNCH_FD_ADMIN);
}

static void stop(struct control *c)
{
    if (c->stopping)
        return;
    close_doors(c);
    if (c->admin_http == NULL)
        on_admin_drained(c);
    else
        http_server_drain(c->admin_http, on_admin_drained, c);
}

static void on_retire(void *user, int signum)
{
    (void)signum;
    struct control *c = user;
    if (c->stopping)
        return;
    c->retired = true;
    close_doors(c);
    if (c->admin_http == NULL) {
        on_admin_drained(c);
        return;
    }
    http_server_retire(c->admin_http, on_admin_drained, c);
    timeout_set(&c->idle, RETIRE_IDLE_MS);
}

static void on_idle(struct timeout *t)
{
    struct control *c = container_of(t, struct control, idle);
    http_server_drain(c->admin_http, on_admin_drained, c);
}

static void on_term(void *user, int signum)
{
    (void)signum;
    stop(user);
}

static void on_initialised(void *user, const struct err *e)
{
    struct control *c = user;
    if (c->stopping)
        return;
    if (e != NULL) {
        log_error("state", "the configuration's resources are refused: %s", e->msg);
        c->status = LAUNCH_EXIT_REFUSED;
        stop(c);
        return;
    }
    struct engine_status status = {0};
    engine_status_get(c->engine, &status);
    links_open(c->links, status.revision);
    atomic_store(&c->pages->revision, status.revision);
    atomic_store(&c->pages->control_ready, 1);
    c->ready = true;
}

static bool open_state(struct control *c, struct err *e)
{
    const struct config_limits *limits = &c->launch->config->limits;
    size_t map = (size_t)limits->store_map_mb * 1024 * 1024;
    struct local_options options = {
        .log_keep = (uint64_t)limits->change_log_keep, .on_applied = on_applied, .user = c};
    return store_open(c->launch->store_dir, STORE_READ_WRITE, map, &c->store, e) == ERR_OK &&
           local_create(c->loop, c->store, &options, &c->engine, e) == ERR_OK;
}

static void open_changes(struct control *c)
{
    const struct config *config = c->launch->config;
    struct change_host host = {
        .user = c, .compile = compile, .publish = publish, .when_served = when_served};
    struct change_options options = change_setup_options(config);
    c->changes = change_create(c->loop, c->store, c->engine, &host, &options);
    struct links_options links = {
        .launch = c->launch,
        .pages = c->pages,
        .listen_fd = LAUNCH_FD_CONTROL,
        .confirm_ms = (uint64_t)config->limits.confirm_timeout_ms,
        .on_call = on_call,
        .user = c,
    };
    c->links = links_create(c->loop, &links);
    struct compile_pool_options pool = change_setup_compilers(config);
    pool.launch_fd = LAUNCH_FD_TEXT;
    c->compilers = compile_pool_create(c->loop, &pool);
}

static void open_health_checks(struct control *c)
{
    const struct config_limits *limits = &c->launch->config->limits;
    c->resolver = http_setup_resolver(c->loop);
    struct http_client_options client = http_setup_client(limits, c->resolver);
    client.keepalive_ms = 0;
    c->client = http_client_create(c->loop, &client);
    struct health_checks_options options = {.store = c->store,
                                            .client = c->client,
                                            .node = c->node,
                                            .active_max = (uint32_t)limits->health_checks};
    c->health = health_checks_create(c->loop, &options);
}

static void on_admin_socket(void *user, int fd, const struct sockaddr *peer)
{
    struct control *c = user;
    http_server_accept(c->admin_http, fd, peer);
}

static void open_admin_api(struct control *c)
{
    const struct config *config = c->launch->config;
    struct admin_auth_user *users = mem_calloc(config->admin.users.n + 1, sizeof(*users));
    for (size_t i = 0; i < config->admin.users.n; i++) {
        users[i].name = config->admin.users.v[i].username;
        users[i].password = config->admin.users.v[i].password;
    }
    static const enum admin_auth_method methods[] = {[CONFIG_AUTH_NONE] = ADMIN_AUTH_NONE,
                                                     [CONFIG_AUTH_BASIC] = ADMIN_AUTH_BASIC,
                                                     [CONFIG_AUTH_KEY] = ADMIN_AUTH_KEY};
    struct admin_options options = {
        .store = c->store,
        .changes = c->changes,
        .auth = {.allow_list = &config->admin.allow_list,
                 .x_forwarded_for_depth = config->admin.x_forwarded_for_depth,
                 .method = methods[config->admin.auth],
                 .users = users,
                 .user_count = config->admin.users.n,
                 .keys = &config->admin.keys,
                 .key_header = config->admin.key_header,
                 .key_query = config->admin.key_query},
        .default_namespace = !config->disable_default_namespace,
        .body_max = (size_t)config->limits.admin_body_max,
        .version = version_text(),
        .node = c->node,
        .ready = is_ready,
        .metrics = config->disable_metrics ? NULL : write_metrics,
        .user = c,
    };
    c->admin = admin_create(&options);
    free(users);
}

static void open_admin(struct control *c)
{
    const struct config *config = c->launch->config;
    if (!config->admin.enabled)
        return;
    open_admin_api(c);
    struct http_server_options http = http_setup_server(&config->limits);
    http.connections_max = ADMIN_CONNECTIONS_MAX;
    http.drain_max = ADMIN_DRAIN_MAX;
    c->admin_http = http_server_create(c->loop, &http, admin_handle, c->admin);
    c->admin_listener = listener_create(c->loop, LAUNCH_FD_ADMIN,
                                        (uint32_t)config->limits.accept_burst, on_admin_socket, c);
    listener_start(c->admin_listener);
}

static void finish(struct control *c)
{
    test_server_destroy(c->test_server);
    listener_destroy(c->admin_listener);
    http_server_destroy(c->admin_http);
    admin_destroy(c->admin);
    links_close(c->links);
    health_checks_destroy(c->health);
    http_client_destroy(c->client);
    resolver_destroy(c->resolver);
    compile_pool_destroy(c->compilers);
    change_destroy(c->changes);
    store_close(c->store);
    node_segment_unmap(c->node);
    signals_stop(c->term);
    signals_stop(c->retire);
    timeout_finish(&c->idle);
    timeout_finish(&c->pause);
    pages_unmap(c->pages);
    loop_destroy(c->loop);
}

int control_run(struct launch *l)
{
    struct control c = {.launch = l, .loop = loop_create()};
    struct err e = {0};
    timeout_init(&c.idle, c.loop, on_idle);
    timeout_init(&c.pause, c.loop, on_pause_over);
    c.term = signals_watch(c.loop, SIGTERM, on_term, &c);
    c.retire = signals_watch(c.loop, LAUNCH_SIGNAL_RETIRE, on_retire, &c);
    if (pages_map(LAUNCH_FD_PAGES, launch_slots(l), &c.pages, &e) != ERR_OK ||
        node_segment_map(LAUNCH_FD_NODE, &c.node, &e) != ERR_OK || !open_state(&c, &e)) {
        log_error("state", "%s", e.msg);
        finish(&c);
        return LAUNCH_EXIT_REFUSED;
    }
    open_changes(&c);
    open_health_checks(&c);
    open_admin(&c);
    if (l->config->test_server.enabled)
        c.test_server = test_server_create(c.loop, l->config, LAUNCH_FD_TEST);
    init_resources_apply(c.changes, c.store, l->config, on_initialised, &c);
    loop_run(c.loop);
    finish(&c);
    return c.status;
}
