#include "server/init_resources.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "codec/json.h"

/* Order in which entries are applied, so that what is referred to comes first. */
static const struct {
    const char *list;
    enum model_kind kind;
} LISTS[] = {
    {"namespaces", MODEL_NAMESPACE}, {"collections", MODEL_COLLECTION}, {"services", MODEL_SERVICE},
    {"modules", MODEL_MODULE},       {"routes", MODEL_ROUTE},           {"domains", MODEL_DOMAIN},
    {"documents", MODEL_DOCUMENT},   {"secrets", MODEL_SECRET},
};

/* META key: the first start has been. No kind is called so. */
#define DEFAULT_MADE STR("init\0default-made")

struct items {
    VEC_OF(struct change_item);
};

struct ops {
    VEC_OF(struct engine_op);
};

/* What one application holds until it is done. */
struct application {
    struct items items;
    struct ops ops;
    struct model_strings texts; /* keys, hashes and paths that items and ops point to */
    const struct config *config;
    struct store_read *read; /* while they are collected */
    struct model_problems problems;
    init_resources_done done;
    void *user;
};

static void application_destroy(struct application *a)
{
    vec_finish(&a->items);
    vec_finish(&a->ops);
    for (size_t i = 0; i < a->texts.n; i++)
        free(a->texts.v[i]);
    vec_finish(&a->texts);
    model_problems_finish(&a->problems);
    free(a);
}

static struct str keep(struct application *a, struct str s)
{
    char *copy = mem_dup(s.p, s.len);
    vec_push(&a->texts, copy);
    return (struct str){copy, s.len};
}

static void add_meta(struct application *a, struct str key, struct str value)
{
    struct engine_op op = {
        .type = ENGINE_PUT, .table = STORE_META, .key = keep(a, key), .value = keep(a, value)};
    vec_push(&a->ops, op);
}

static bool hash_text(const json_t *entry, char out[17])
{
    struct buf text;
    buf_init(&text, (size_t)16 * 1024 * 1024);
    bool ok = json_text_write(&text, entry);
    (void)snprintf(out, 17, "%016llx", (unsigned long long)str_hash(buf_str(&text)));
    buf_finish(&text);
    return ok;
}

/* Adds one entry unless its text is what this file applied last. */
static void add_entry(struct application *a, enum model_kind kind, const json_t *entry,
                      const char *path)
{
    const char *default_ns = a->config->disable_default_namespace ? NULL : "default";
    struct model_resource *r =
        model_decode(kind, entry, MODEL_FROM_CONFIG, default_ns, path, &a->problems);
    if (r == NULL)
        return;
    struct buf key;
    buf_init(&key, STORE_KEY_MAX);
    struct model_ref ref = model_ref_of(r);
    char hash[17];
    struct str applied = {0};
    bool ok =
        hash_text(entry, hash) && buf_add(&key, (struct str){"init\0", 5}) && model_key(&key, &ref);
    if (!ok) {
        model_problems_add(&a->problems, path,
                           "it is too large, or its names are too long for a key of the store");
        model_destroy(r);
    } else if (store_get(a->read, STORE_META, buf_str(&key), &applied) &&
               str_eq(applied, str_of(hash))) {
        model_destroy(r);
    } else {
        struct change_item item = {
            .command = CHANGE_PUT, .resource = r, .path = keep(a, str_of(path)).p};
        vec_push(&a->items, item);
        add_meta(a, buf_str(&key), str_of(hash));
    }
    buf_finish(&key);
}

/* An entry makes it, or it is there: made while it was disabled. */
static bool has_default_namespace(const struct application *a)
{
    struct str stored = {0};
    for (size_t i = 0; i < a->items.n; i++) {
        const struct model_resource *r = a->items.v[i].resource;
        if (r->kind == MODEL_NAMESPACE && strcmp(r->namespace.name, "default") == 0)
            return true;
    }
    return store_get(a->read, STORE_RESOURCES, STR("namespace\0\0default"), &stored);
}

static void add_default_namespace(struct application *a)
{
    struct str made = {0};
    if (a->config->disable_default_namespace || store_get(a->read, STORE_META, DEFAULT_MADE, &made))
        return;
    if (has_default_namespace(a)) {
        add_meta(a, DEFAULT_MADE, STR("1"));
        return;
    }
    json_t *text = json_pack("{s:s, s:[s]}", "name", "default", "tags", "default");
    struct model_problems none = {0};
    struct model_resource *r =
        model_decode(MODEL_NAMESPACE, text, MODEL_FROM_CONFIG, NULL, "", &none);
    json_decref(text);
    model_problems_finish(&none);
    if (r == NULL)
        return;
    struct change_item item = {.command = CHANGE_PUT, .resource = r, .path = "namespace default"};
    vec_push(&a->items, item);
    add_meta(a, DEFAULT_MADE, STR("1"));
}

static void log_problems(const struct model_problems *problems, const struct config *config)
{
    const char *file = config->file != NULL ? config->file : "configuration";
    for (size_t i = 0; i < problems->n; i++) {
        const char *path = problems->v[i].path;
        log_error("state", "%s: %s%s%s", file, path, path[0] != '\0' ? ": " : "",
                  problems->v[i].text);
    }
}

static void end(struct application *a, const struct err *e)
{
    init_resources_done done = a->done;
    void *user = a->user;
    application_destroy(a);
    done(user, e);
}

static void on_changed(void *user, const struct change_result *result)
{
    struct application *a = user;
    if (result->error.code == ERR_OK) {
        log_info("state", "applied %zu resource%s of the configuration", a->items.n,
                 a->items.n == 1 ? "" : "s");
        end(a, NULL);
        return;
    }
    for (size_t i = 0; i < result->problems.n; i++)
        log_error("state", "%s%s%s", result->problems.v[i].path,
                  result->problems.v[i].path[0] != '\0' ? ": " : "", result->problems.v[i].text);
    struct err e = result->error;
    end(a, &e);
}

static void collect(struct application *a)
{
    for (size_t l = 0; l < sizeof(LISTS) / sizeof(LISTS[0]); l++) {
        const json_t *list = json_object_get(a->config->init_resources, LISTS[l].list);
        for (size_t i = 0; i < json_array_size(list); i++) {
            char path[96];
            (void)snprintf(path, sizeof(path), "proxy.init_resources.%s[%zu]", LISTS[l].list, i);
            add_entry(a, LISTS[l].kind, json_array_get(list, i), path);
        }
        if (l == 0)
            add_default_namespace(a);
    }
}

void init_resources_apply(struct change_sink *sink, struct store *store,
                          const struct config *config, init_resources_done done, void *user)
{
    struct application *a = mem_alloc(sizeof(*a));
    a->done = done;
    a->user = user;
    struct err e = {0};
    a->config = config;
    if (store_read_begin(store, &a->read, &e) != ERR_OK) {
        end(a, &e);
        return;
    }
    collect(a);
    store_read_end(a->read);
    if (a->problems.n > 0 || a->items.n == 0) {
        for (size_t i = 0; i < a->items.n; i++)
            model_destroy(a->items.v[i].resource);
        bool refused = a->problems.n > 0;
        if (refused)
            (void)err_set(&e, ERR_INVALID, "%s", a->problems.v[0].text);
        log_problems(&a->problems, config);
        end(a, refused ? &e : NULL);
        return;
    }
    struct change_request request = {
        .items = a->items.v,
        .item_count = a->items.n,
        .source = STR("config"),
        .meta_ops = a->ops.v,
        .meta_op_count = a->ops.n,
    };
    change_submit(sink, &request, on_changed, a);
}
