#include "change/change_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

/* A guard's key, so that none is noted twice. */
struct seen {
    struct hmap_node node; /* by bytes: type, table, key */
    char bytes[];
};

struct guards {
    VEC_OF(struct engine_guard);
};

struct change_view {
    struct store_read *read;
    uint64_t revision;
    struct change_entry *entries;
    size_t n;
    bool default_namespace;
    struct hmap overlay; /* entries by key */
    struct hmap seen;
    struct guards guards;
};

/* What is stored under the entry's key. */
static void read_before(struct change_view *v, struct change_entry *e)
{
    struct str value = {0};
    struct err error = {0};
    model_destroy(e->before);
    e->before = NULL;
    e->revision = 0;
    if (e->range || !store_get(v->read, e->table, e->key, &value))
        return;
    e->revision = store_value_revision(value);
    e->before = model_decode_stored(e->ref.kind, store_value_json(value), &error);
    if (e->before == NULL)
        log_warn("change", "%s as stored cannot be read: %s", e->label.p, error.msg);
}

enum err_code change_view_create(struct store *store, struct change_entry *entries, size_t n,
                                 bool default_namespace, struct change_view **ret, struct err *e)
{
    struct store_read *read = NULL;
    struct str value = {0};
    enum err_code code = store_read_begin(store, &read, e);
    if (code != ERR_OK)
        return code;
    struct change_view *v = mem_alloc(sizeof(*v));
    v->read = read;
    v->entries = entries;
    v->n = n;
    v->default_namespace = default_namespace;
    hmap_init(&v->overlay);
    hmap_init(&v->seen);
    if (store_get(read, STORE_META, STR("revision"), &value))
        v->revision = store_u64_of(value);
    for (size_t i = 0; i < n; i++) {
        entries[i].twice = hmap_get(&v->overlay, entries[i].key) != NULL;
        if (!entries[i].twice)
            hmap_add(&v->overlay, &entries[i].node, entries[i].key);
        read_before(v, &entries[i]);
    }
    *ret = v;
    return ERR_OK;
}

void change_view_end_snapshot(struct change_view *v)
{
    store_read_end(v->read);
    v->read = NULL;
}

void change_view_destroy(struct change_view *v)
{
    if (v == NULL)
        return;
    struct hmap_node *n = NULL;
    while ((n = hmap_any(&v->seen)) != NULL) {
        hmap_remove(&v->seen, n);
        free(container_of(n, struct seen, node));
    }
    hmap_finish(&v->seen);
    hmap_finish(&v->overlay);
    vec_finish(&v->guards);
    store_read_end(v->read);
    free(v);
}

static void note(struct change_view *v, enum engine_guard_type type, enum store_table table,
                 struct str key, uint64_t revision)
{
    struct seen *s = mem_alloc(sizeof(*s) + 2 + key.len);
    s->bytes[0] = (char)type;
    s->bytes[1] = (char)table;
    memcpy(s->bytes + 2, key.p, key.len);
    struct str all = {s->bytes, 2 + key.len};
    if (hmap_get(&v->seen, all) != NULL) {
        free(s);
        return;
    }
    hmap_add(&v->seen, &s->node, all);
    struct engine_guard g = {
        .type = type, .table = table, .key = {s->bytes + 2, key.len}, .revision = revision};
    vec_push(&v->guards, g);
}

static const struct change_entry *overlay_get(const struct change_view *v, struct str key)
{
    struct hmap_node *n = hmap_get(&v->overlay, key);
    return n != NULL ? container_of(n, struct change_entry, node) : NULL;
}

const struct change_entry *change_view_entry(const struct change_view *v,
                                             const struct model_ref *ref)
{
    struct buf key;
    buf_init(&key, STORE_KEY_MAX);
    const struct change_entry *e = model_key(&key, ref) ? overlay_get(v, buf_str(&key)) : NULL;
    buf_finish(&key);
    return e;
}

bool change_view_get(struct change_view *v, const struct model_ref *ref,
                     const struct change_entry **entry, struct str *value)
{
    struct buf key;
    enum store_table table = ref->kind == MODEL_DOCUMENT ? STORE_DOCUMENTS : STORE_RESOURCES;
    bool found = false;
    *entry = NULL;
    *value = (struct str){.p = NULL};
    buf_init(&key, STORE_KEY_MAX);
    if (ref->name.len > 0 && model_key(&key, ref)) {
        const struct change_entry *e = overlay_get(v, buf_str(&key));
        if (e == NULL) {
            found = store_get(v->read, table, buf_str(&key), value);
            note(v, ENGINE_GUARD_REVISION, table, buf_str(&key),
                 found ? store_value_revision(*value) : 0);
        } else if (e->command == CHANGE_PUT) {
            *entry = e;
            found = true;
        }
    }
    buf_finish(&key);
    return found;
}

bool change_view_exists(struct change_view *v, const struct model_ref *ref)
{
    const struct change_entry *entry = NULL;
    struct str value = {0};
    if (ref->kind == MODEL_NAMESPACE && v->default_namespace && str_eq(ref->name, STR("default")))
        return true;
    return change_view_get(v, ref, &entry, &value);
}

struct walk {
    struct change_view *view;
    bool documents;
    bool stopped;
    change_view_fn fn;
    void *user;
};

/* Whether the request deletes all documents of the collection that key is in. */
static bool range_deleted(const struct change_view *v, struct str key)
{
    size_t end = key.len;
    while (end > 0 && key.p[end - 1] != '\0')
        end--;
    const struct change_entry *e = overlay_get(v, str_slice(key, 0, end));
    return e != NULL && e->range;
}

static bool on_stored(void *user, struct str key, struct str value)
{
    struct walk *w = user;
    if (overlay_get(w->view, key) != NULL || (w->documents && range_deleted(w->view, key)))
        return true;
    struct change_view_item item = {.key = key, .value = value};
    w->stopped = !w->fn(w->user, &item);
    return !w->stopped;
}

/* "kind\0ns\0" or "document\0ns\0collection\0". */
static bool scope_prefix(const struct model_ref *scope, struct buf *out)
{
    if (scope->kind == MODEL_DOCUMENT && scope->collection.len == 0)
        return buf_addf(out, "document%c%.*s%c", '\0', STR_ARG(scope->ns), '\0');
    struct model_ref prefix = *scope;
    prefix.name = STR("");
    return model_key(out, &prefix);
}

void change_view_each(struct change_view *v, const struct model_ref *scope, change_view_fn fn,
                      void *user)
{
    struct buf prefix;
    bool documents = scope->kind == MODEL_DOCUMENT;
    enum store_table table = documents ? STORE_DOCUMENTS : STORE_RESOURCES;
    struct walk w = {.view = v, .documents = documents, .fn = fn, .user = user};
    buf_init(&prefix, STORE_KEY_MAX);
    if (scope_prefix(scope, &prefix)) {
        note(v, ENGINE_GUARD_RANGE, table, buf_str(&prefix), v->revision);
        store_each(v->read, table, buf_str(&prefix), STR(""), on_stored, &w);
        for (size_t i = 0; i < v->n && !w.stopped; i++) {
            const struct change_entry *e = &v->entries[i];
            if (e->twice || e->command != CHANGE_PUT || e->table != table ||
                !str_starts(e->key, buf_str(&prefix)))
                continue;
            struct change_view_item item = {.entry = e, .key = e->key};
            w.stopped = !fn(user, &item);
        }
    }
    buf_finish(&prefix);
}

const struct engine_guard *change_view_guards(const struct change_view *v, size_t *count)
{
    *count = v->guards.n;
    return v->guards.v;
}
