#include "runtime/stage.h"

#include <stdio.h>
#include <unistd.h>

#include "base/container.h"
#include "http/http_client.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "node/node_segment.h"
#include "runtime/compiler_link.h"
#include "script/script_clock.h"
#include "server/change_setup.h"
#include "server/http_setup.h"
#include "server/script_setup.h"

static void on_state(void *user, const struct script_state_request *request, script_state_done done,
                     void *done_user)
{
    struct stage *s = user;
    memory_state_ask(&s->state, request, done, done_user);
}

static bool on_state_now(void *user, const struct script_state_request *request, struct buf *out,
                         struct err *e)
{
    struct stage *s = user;
    return memory_state_answer(&s->state, request, out, e);
}

enum { NS_PER_MS = 1000000 };

/* Values expire by the time that modules see. */
static void set_cache_time(struct stage *s)
{
    const struct script_clock *c = script_vm_clock(s->vm);
    s->cache.stopped_ns = c->stopped ? (uint64_t)(c->mono_ms * NS_PER_MS) : 0;
}

static bool on_cache_get(void *user, struct str ns, struct str key, struct buf *out)
{
    struct stage *s = user;
    set_cache_time(s);
    return s->cache.node != NULL && module_cache_get(&s->cache, ns, key, out);
}

static bool on_cache_set(void *user, struct str ns, struct str key, struct str value, double ttl_s,
                         struct err *e)
{
    struct stage *s = user;
    set_cache_time(s);
    if (s->cache.node != NULL)
        return module_cache_set(&s->cache, ns, key, value, ttl_s, e);
    (void)err_set(e, ERR_UNAVAILABLE, "there is no memory for the cache");
    return false;
}

static bool on_cache_delete(void *user, struct str ns, struct str key)
{
    struct stage *s = user;
    return s->cache.node != NULL && module_cache_delete(&s->cache, ns, key);
}

static void on_running(void *user, const struct script_place *what)
{
    struct stage *s = user;
    (void)what;
    s->entries++;
}

static void on_tool(void *user, struct str args, script_state_done done, void *done_user)
{
    struct stage *s = user;
    s->tool(s->tool_user, args, done, done_user);
}

/* console.* of modules: "level module: text". */
static void on_log(void *user, enum log_level level, const struct script_place *from,
                   struct str text)
{
    const struct str module = from->module;
    (void)user;
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s %.*s%s", log_level_name(level), STR_ARG(module),
                  module.len > 0 ? ": " : "");
    (void)fwrite(text.p, 1, text.len, stderr);
    (void)fputc('\n', stderr);
}

static void open_client(struct stage *s)
{
    s->resolver = http_setup_resolver(s->loop);
    const struct http_client_options options = http_setup_client(&s->config->limits, s->resolver);
    s->client = http_client_create(s->loop, &options);
}

static void open_cache(struct stage *s)
{
    const struct node_segment_options options = {
        .workers = 1,
        .rate_buckets = 1,
        .counts = 1,
        .upstreams = 1,
        .switches = 1,
        .cache_bytes = (uint64_t)s->config->limits.cache_bytes,
    };
    struct err e = {0};
    int fd = -1;
    s->cache = (struct module_cache){.value_max = (size_t)s->config->limits.cache_value_max};
    if (node_segment_make(&options, &fd, &s->cache.node, &e) == ERR_OK)
        (void)close(fd);
    else
        (void)fprintf(stderr, "dgate-runtime: %s\n", e.msg);
}

void stage_clear(struct stage *s)
{
    memory_state_clear(&s->state);
    node_segment_unmap(s->cache.node);
    open_cache(s);
}

/* As in a server, a slow schema holds up nobody but who uses it. */
static void open_validator(struct stage *s, const struct config_limits *l)
{
    struct err e = {0};
    if (compiler_link_create((size_t)l->compiler_memory_mb << 20, &s->validator, &e) == ERR_OK)
        compiler_link_hurry(s->validator, (uint64_t)l->validate_timeout_ms);
    else
        (void)fprintf(stderr, "dgate-runtime: %s\n", e.msg);
}

void stage_open(struct stage *s, const struct config *config)
{
    open_validator(s, &config->limits);
    script_vm_prepare_process();
    s->loop = loop_create();
    s->config = config;
    const struct entries_options storage = change_setup_entries(config);
    memory_state_init(&s->state, (size_t)config->limits.document_max, &storage);
    s->state.schema = (struct memory_schema){.validator = s->validator,
                                             .schema_max = (size_t)config->limits.schema_max};
    open_cache(s);
    open_client(s);
    const struct script_limits limits = script_setup_limits(&config->limits);
    const struct fetch_options fetch = http_setup_fetch(config, s->resolver);
    const struct script_host host = {.user = s,
                                     .state = on_state,
                                     .state_now = on_state_now,
                                     .cache_get = on_cache_get,
                                     .cache_set = on_cache_set,
                                     .cache_delete = on_cache_delete,
                                     .tool = s->tool != NULL ? on_tool : NULL,
                                     .log = on_log,
                                     .running = on_running,
                                     .fetch = &fetch};
    s->vm = script_vm_create(s->loop, &limits, &host);
    s->state.clock = script_vm_clock(s->vm);
}

void stage_close(struct stage *s)
{
    script_vm_destroy(s->vm);
    http_client_destroy(s->client);
    resolver_destroy(s->resolver);
    memory_state_finish(&s->state);
    compiler_link_destroy(s->validator);
    node_segment_unmap(s->cache.node);
    loop_destroy(s->loop);
}

/* A task, so that the loop does not wait while something moves; it runs after the tasks that were there before it. */
struct pumping {
    struct loop_task task;
    struct loop *loop;
    bool (*pump)(void *user);
    void *user;
};

static void on_pump(struct loop_task *t)
{
    struct pumping *p = container_of(t, struct pumping, task);
    if (p->pump(p->user))
        loop_schedule(p->loop, t);
}

void stage_run(struct stage *s, bool (*pump)(void *user), bool (*over)(void *user), void *user)
{
    struct pumping p = {.task.run = on_pump, .loop = s->loop, .pump = pump, .user = user};
    while (!over(user)) {
        loop_schedule(s->loop, &p.task);
        loop_turn(s->loop, true);
    }
    loop_unschedule(&p.task);
}

struct config *stage_config(const char *file, enum log_level level)
{
    struct config *c = NULL;
    struct config_warnings warnings = {0};
    struct err e = {0};
    log_configure(&(struct log_setup){.level = level, .process = "runtime", .to_stderr = true});
    const bool ok = config_load(file, &c, &warnings, NULL, &e) == ERR_OK;
    for (size_t i = 0; i < warnings.n; i++)
        (void)fprintf(stderr, "dgate-runtime: %s\n", warnings.v[i].text);
    if (!ok)
        (void)fprintf(stderr, "dgate-runtime: %s\n", e.msg);
    config_warnings_finish(&warnings);
    return ok ? c : NULL;
}
