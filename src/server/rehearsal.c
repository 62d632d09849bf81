/* Happy path: a temporary directory gets a copy of the store, and a local engine, a path of changes and a compiler on it
 * apply the resources; then all of it goes away.
 */
#include "server/rehearsal.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/container.h"
#include "cluster/local.h"
#include "io/loop.h"
#include "server/change_setup.h"
#include "server/compile_pool.h"
#include "server/init_resources.h"
#include "server/launch.h"
#include "server/storage_dir.h"

struct rehearsal {
    struct loop *loop;
    struct config *config;
    struct storage_dir dir;
    int launch_fd;
    struct store *store;
    struct engine *engine;
    struct change_sink *changes;
    struct compile_pool *compilers;
    struct compile_pool *validators; /* of JSON Schema */
    struct loop_task served;
    void (*on_served)(void *user);
    void *on_served_user;
    bool ok;
};

static void compile(void *user, const struct model_module *m, struct str source,
                    change_compiled_fn done, void *done_user)
{
    struct rehearsal *r = user;
    compile_pool_submit(r->compilers, m, source, done, done_user);
}

static void validate(void *user, const char *label, const json_t *schema, const json_t *documents,
                     change_validated_fn done, void *done_user)
{
    struct rehearsal *r = user;
    compile_pool_validate(r->validators, label, schema, documents, done, done_user);
}

static void publish(void *user, const struct engine_applied *applied)
{
    (void)user;
    (void)applied;
}

static void on_served(struct loop_task *t)
{
    struct rehearsal *r = container_of(t, struct rehearsal, served);
    r->on_served(r->on_served_user);
}

/* There are no workers to wait for, and only one request. */
static void when_served(void *user, uint64_t revision, void (*done)(void *done_user),
                        void *done_user)
{
    struct rehearsal *r = user;
    (void)revision;
    r->on_served = done;
    r->on_served_user = done_user;
    loop_schedule(r->loop, &r->served);
}

static void on_applied(void *user, const struct engine_applied *applied)
{
    struct rehearsal *r = user;
    change_on_applied(r->changes, applied);
}

static void on_engine_closed(void *user)
{
    struct rehearsal *r = user;
    r->engine = NULL;
    loop_stop(r->loop);
}

static void on_initialised(void *user, const struct err *e)
{
    struct rehearsal *r = user;
    r->ok = e == NULL;
    engine_close(r->engine, on_engine_closed, r);
}

static size_t map_bytes(const struct config *c)
{
    return (size_t)c->limits.store_map_mb * 1024 * 1024;
}

static void copy_state(struct rehearsal *r)
{
    if (r->config->storage == CONFIG_STORAGE_MEMORY)
        return;
    struct store *s = NULL;
    struct err e = {0};
    enum err_code rc =
        store_open(r->config->storage_dir, STORE_READ_ONLY, map_bytes(r->config), &s, &e);
    if (rc == ERR_OK)
        rc = store_copy(s, r->dir.path, &e);
    store_close(s);
    if (rc != ERR_OK && rc != ERR_NOT_FOUND)
        log_warn("state", "%s: resources are checked as if the state were empty", e.msg);
}

static enum err_code take_dir(struct rehearsal *r, struct err *e)
{
    struct config temporary = *r->config;
    temporary.storage = CONFIG_STORAGE_MEMORY;
    return storage_dir_take(&temporary, &r->dir, e);
}

static enum err_code open_all(struct rehearsal *r, struct err *e)
{
    struct launch l = {.config = r->config, .workers = 1, .store_dir = r->dir.path};
    enum err_code rc = launch_write(&l, &r->launch_fd, e);
    if (rc != ERR_OK)
        return rc;
    copy_state(r);
    rc = store_open(r->dir.path, STORE_READ_WRITE, map_bytes(r->config), &r->store, e);
    if (rc != ERR_OK)
        return rc;
    const struct config_limits *limits = &r->config->limits;
    struct local_options options = {
        .log_keep = (uint64_t)limits->change_log_keep, .on_applied = on_applied, .user = r};
    return local_create(r->loop, r->store, &options, &r->engine, e);
}

static void play(struct rehearsal *r)
{
    const struct config *c = r->config;
    struct compile_pool_options pool = change_setup_compilers(c);
    pool.launch_fd = r->launch_fd;
    r->compilers = compile_pool_create(r->loop, &pool);
    pool = change_setup_validators(c);
    pool.launch_fd = r->launch_fd;
    r->validators = compile_pool_create(r->loop, &pool);
    struct change_host host = {.user = r,
                               .compile = compile,
                               .validate = validate,
                               .publish = publish,
                               .when_served = when_served};
    struct change_options options = change_setup_options(c);
    r->changes = change_create(r->loop, r->store, r->engine, &host, &options);
    init_resources_apply(r->changes, r->store, r->config, on_initialised, r);
    loop_run(r->loop);
    compile_pool_destroy(r->compilers);
    compile_pool_destroy(r->validators);
    change_destroy(r->changes);
}

bool rehearsal_run(struct config *c)
{
    if (!json_is_object(c->init_resources))
        return true;
    struct rehearsal r = {.config = c, .launch_fd = -1, .served.run = on_served};
    struct err e = {0};
    if (take_dir(&r, &e) != ERR_OK) {
        log_error("state", "%s", e.msg);
        return false;
    }
    r.loop = loop_create();
    if (open_all(&r, &e) == ERR_OK)
        play(&r);
    else
        log_error("state", "%s", e.msg);
    store_close(r.store);
    loop_destroy(r.loop);
    if (r.launch_fd >= 0)
        (void)close(r.launch_fd);
    storage_dir_release(&r.dir);
    return r.ok;
}
