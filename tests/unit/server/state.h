/* What tests of the server share: a store with its engine and the path of changes, on the loop of io/peer.h. */
#ifndef UNIT_SERVER_STATE_H
#define UNIT_SERVER_STATE_H

#include "base/log.h"
#include "base/mem.h"
#include "change/change.h"
#include "cluster/local.h"
#include "codec/json.h"
#include "io/peer.h"
#include "store/store_temp.h"

enum { STATE_MAP_MB = 64 };

/* publish and served may be NULL: then changes are served at once. */
struct state {
    char dir[STORE_TEMP_SIZE];
    struct store *store;
    struct engine *engine;
    struct change_sink *sink;
    void (*publish)(void *user, const struct engine_applied *applied);
    void (*when_served)(void *user, uint64_t revision, void (*done)(void *done_user),
                        void *done_user);
    void *user;
};

struct state_answer {
    int calls;
    enum err_code code;
    char text[ERR_MESSAGE_MAX];
    uint64_t revision;
};

static inline void state_on_applied(void *user, const struct engine_applied *applied)
{
    struct state *s = user;
    change_on_applied(s->sink, applied);
}

static inline void state_on_publish(void *user, const struct engine_applied *applied)
{
    struct state *s = user;
    if (s->publish != NULL)
        s->publish(s->user, applied);
}

static inline void state_on_when_served(void *user, uint64_t revision,
                                        void (*done)(void *done_user), void *done_user)
{
    struct state *s = user;
    if (s->when_served != NULL)
        s->when_served(s->user, revision, done, done_user);
    else
        done(done_user);
}

static inline void state_on_validate(void *user, const char *label, const json_t *schema,
                                     const json_t *documents, change_validated_fn done,
                                     void *done_user)
{
    (void)user;
    (void)label;
    (void)schema;
    (void)documents;
    (void)done;
    (void)done_user;
    fail_msg("nothing is validated here");
}

static inline void state_on_compile(void *user, const struct model_module *m, struct str source,
                                    change_compiled_fn done, void *done_user)
{
    (void)user;
    (void)m;
    (void)source;
    (void)done;
    (void)done_user;
    fail_msg("nothing is compiled here");
}

/* Opens the store in s->dir, which must be there. */
static inline void state_open(struct state *s)
{
    struct err e = {0};
    const struct local_options local = {
        .log_keep = 1000, .on_applied = state_on_applied, .user = s};
    if (store_open(s->dir, STORE_READ_WRITE, (size_t)STATE_MAP_MB * 1024 * 1024, &s->store, &e) !=
            ERR_OK ||
        local_create(loop, s->store, &local, &s->engine, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    const struct change_host host = {.user = s,
                                     .compile = state_on_compile,
                                     .validate = state_on_validate,
                                     .publish = state_on_publish,
                                     .when_served = state_on_when_served};
    const struct change_options options = {.default_namespace = true,
                                           .conflict_retries = 3,
                                           .pending_max = 100,
                                           .source_max = MODEL_SOURCE_MAX,
                                           .compiled_max = ENGINE_BYTES_MAX,
                                           .document_max = ENGINE_BYTES_MAX,
                                           .schema_max = ENGINE_BYTES_MAX};
    s->sink = change_create(loop, s->store, s->engine, &host, &options);
}

static inline void state_on_closed(void *user)
{
    *(bool *)user = true;
}

static inline void state_close(struct state *s)
{
    bool closed = false;
    engine_close(s->engine, state_on_closed, &closed);
    until(closed);
    change_destroy(s->sink);
    store_close(s->store);
}

static inline void state_init(struct state *s)
{
    *s = (struct state){0};
    log_configure(&(struct log_setup){.level = LOG_OFF});
    store_temp_create(s->dir);
    state_open(s);
}

static inline void state_finish(struct state *s)
{
    state_close(s);
    store_temp_remove(s->dir);
}

static inline void state_on_done(void *user, const struct change_result *result)
{
    struct state_answer *a = user;
    a->calls++;
    a->code = result->error.code;
    a->revision = result->revision;
    (void)snprintf(a->text, sizeof(a->text), "%s", result->error.msg);
}

/* Submits a PUT of the object, written with ' for ". */
static inline void state_submit(struct state *s, struct state_answer *a, enum model_kind kind,
                                const char *json)
{
    char text[2048];
    struct err e = {0};
    struct model_problems problems = {0};
    (void)snprintf(text, sizeof(text), "%s", json);
    for (char *p = text; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p;
    json_t *input = json_text_parse(str_of(text), &e);
    if (input == NULL)
        fail_msg("%s: %s", text, e.msg);
    struct change_item item = {.command = CHANGE_PUT, .path = ""};
    item.resource = model_decode(kind, input, MODEL_FROM_API, "default", "", &problems);
    if (item.resource == NULL)
        fail_msg("%s: %s: %s", text, problems.v[0].path, problems.v[0].text);
    json_decref(input);
    const struct change_request request = {.items = &item, .item_count = 1, .source = STR("test")};
    *a = (struct state_answer){0};
    change_submit(s->sink, &request, state_on_done, a);
}

/* Submits it and waits until it is served. */
static inline void state_put(struct state *s, enum model_kind kind, const char *json)
{
    struct state_answer a;
    state_submit(s, &a, kind, json);
    until(a.calls == 1);
    if (a.code != ERR_OK)
        fail_msg("%s: %s", json, a.text);
}

static inline void state_submit_delete(struct state *s, struct state_answer *a,
                                       enum model_kind kind, const char *name)
{
    struct change_item item = {
        .command = CHANGE_DELETE,
        .ref = {.kind = kind, .ns = STR("default"), .name = str_of(name)},
        .path = "",
    };
    const struct change_request request = {.items = &item, .item_count = 1, .source = STR("test")};
    *a = (struct state_answer){0};
    change_submit(s->sink, &request, state_on_done, a);
}

#endif
