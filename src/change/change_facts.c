#include "change/change_facts.h"

#include <stdlib.h>

#include "base/hmap.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/json.h"
#include "route/pattern.h"
#include "store/store.h"

struct fact {
    struct hmap_node node; /* by key, which follows */
    uint64_t revision;
    struct model_resource *resource; /* a route's; NULL for a module or what cannot be read */
    struct change_facts_route route;
    struct change_module module;
    char key[];
};

struct change_facts {
    struct hmap facts;
};

struct change_facts *change_facts_create(void)
{
    struct change_facts *f = mem_alloc(sizeof(*f));
    hmap_init(&f->facts);
    return f;
}

static void free_strings(struct model_strings *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->v[i]);
    vec_finish(list);
}

void change_facts_finish_module(struct change_module *m)
{
    for (size_t i = 0; i < m->imports.n; i++)
        free(m->imports.v[i].name);
    vec_finish(&m->imports);
}

static void drop(struct change_facts *f, struct fact *fact)
{
    hmap_remove(&f->facts, &fact->node);
    model_destroy(fact->resource);
    free_strings(&fact->route.canonical);
    change_facts_finish_module(&fact->module);
    free(fact);
}

void change_facts_forget(struct change_facts *f, struct str key)
{
    struct hmap_node *n = hmap_get(&f->facts, key);
    if (n != NULL)
        drop(f, container_of(n, struct fact, node));
}

void change_facts_clear(struct change_facts *f)
{
    struct hmap_node *n = NULL;
    while ((n = hmap_any(&f->facts)) != NULL)
        drop(f, container_of(n, struct fact, node));
}

void change_facts_destroy(struct change_facts *f)
{
    if (f == NULL)
        return;
    change_facts_clear(f);
    hmap_finish(&f->facts);
    free(f);
}

static bool exports(const json_t *compiled, const char *name)
{
    const json_t *names = json_object_get(compiled, "exports");
    for (size_t i = 0; i < json_array_size(names); i++)
        if (str_eq(json_text_str(json_array_get(names, i)), str_of(name)))
            return true;
    return false;
}

void change_facts_read_module(const json_t *compiled, struct change_module *ret)
{
    const json_t *names = json_object_get(compiled, "imports");
    const json_t *positions = json_object_get(compiled, "importPositions");
    *ret = (struct change_module){
        .chooses_upstream =
            exports(compiled, "fetchUpstream") || exports(compiled, "fetchUpstreamUrl"),
        .exports_all = exports(compiled, "*"),
    };
    for (size_t i = 0; i < json_array_size(names); i++) {
        struct str name = json_text_str(json_array_get(names, i));
        const json_t *at = json_array_get(positions, i);
        struct change_import import = {
            .name = mem_dup(name.p, name.len),
            .line = json_integer_value(json_array_get(at, 0)),
            .column = json_integer_value(json_array_get(at, 1)),
        };
        vec_push(&ret->imports, import);
    }
}

static void read_route(struct fact *fact)
{
    const struct model_route *r = &fact->resource->route;
    fact->route.route = r;
    for (size_t i = 0; i < r->paths.n; i++) {
        struct pattern *p = NULL;
        struct str canonical = str_of(r->paths.v[i]);
        if (pattern_create(canonical, &p, NULL) == ERR_OK)
            canonical = pattern_canonical(p);
        vec_push(&fact->route.canonical, mem_dup(canonical.p, canonical.len));
        pattern_unref(p);
    }
}

/* Reads what there is to know; what cannot be read has no routes and no imports. */
static void read_fact(struct fact *fact, struct str value)
{
    struct model_ref ref = {0};
    struct err e = {0};
    struct model_problems problems = {0};
    json_t *json = json_text_parse(store_value_json(value), &e);
    if (json == NULL || !model_key_parse(fact->node.key, &ref)) {
        log_error("change", "a stored resource cannot be read: %s", e.msg);
    } else if (ref.kind == MODEL_MODULE) {
        change_facts_read_module(json_object_get(json, "compiled"), &fact->module);
    } else {
        fact->resource = model_decode(ref.kind, json, MODEL_FROM_STORE, NULL, "", &problems);
        if (fact->resource != NULL && ref.kind == MODEL_ROUTE)
            read_route(fact);
    }
    model_problems_finish(&problems);
    json_decref(json);
}

static struct fact *get(struct change_facts *f, struct str key, struct str value)
{
    struct hmap_node *n = hmap_get(&f->facts, key);
    if (n != NULL) {
        struct fact *known = container_of(n, struct fact, node);
        if (known->revision == store_value_revision(value))
            return known;
        drop(f, known);
    }
    struct fact *fact = mem_alloc(sizeof(*fact) + key.len + 1);
    memcpy(fact->key, key.p, key.len);
    fact->revision = store_value_revision(value);
    hmap_add(&f->facts, &fact->node, (struct str){fact->key, key.len});
    read_fact(fact, value);
    return fact;
}

const struct change_facts_route *change_facts_route(struct change_facts *f, struct str key,
                                                    struct str value)
{
    const struct fact *fact = get(f, key, value);
    return fact->resource != NULL ? &fact->route : NULL;
}

const struct change_module *change_facts_module(struct change_facts *f, struct str key,
                                                struct str value)
{
    return &get(f, key, value)->module;
}
