#include "proxy/catalog_route.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/model.h"
#include "proxy/catalog_limits.h"
#include "proxy/catalog_service.h"
#include "route/pattern.h"
#include "route/router.h"
#include "script/script.h"

static bool has_pattern(const struct catalog_route *r, struct str canonical)
{
    for (size_t i = 0; i < r->pattern_count; i++)
        if (str_eq(pattern_canonical(r->patterns[i]), canonical))
            return true;
    return false;
}

static void compile_patterns(struct catalog_route *r)
{
    const struct model_strings *paths = &r->model->paths;
    if (paths->n > 0)
        r->patterns = mem_calloc(paths->n, sizeof(struct pattern *));
    for (size_t i = 0; i < paths->n; i++) {
        struct err e;
        struct pattern *p = NULL;
        if (pattern_create(str_of(paths->v[i]), &p, &e) != ERR_OK) {
            log_error("proxy", "route %s/%s: path %s is not served: %s", r->model->ns,
                      r->model->name, paths->v[i], e.msg);
        } else if (has_pattern(r, pattern_canonical(p))) {
            pattern_unref(p);
        } else {
            r->patterns[r->pattern_count++] = p;
        }
    }
}

/* Names are free text (model/), field values are not: one that cannot be told is left out. */
static void add_field(struct catalog_route *r, struct str name, const char *value)
{
    struct str text = str_of(value);
    if (text.len > 0 && http_head_is_value(text))
        r->fields.v[r->fields.n++] = (struct http_field){.name = name, .value = text};
}

struct catalog_route *catalog_route_create(struct model_resource *resource, struct hmap *services,
                                           struct hmap *modules)
{
    assert(resource->kind == MODEL_ROUTE);
    const struct model_route *model = &resource->route;
    struct catalog_route *r = mem_alloc(sizeof(*r));
    r->refs = 1;
    r->resource = resource;
    r->model = model;
    r->limits = catalog_limits_create(model);
    compile_patterns(r);

    r->fields.cap = 3;
    r->fields.v = mem_calloc(r->fields.cap, sizeof(struct http_field));
    add_field(r, STR("X-DGate-Namespace"), model->ns);
    add_field(r, STR("X-DGate-Route"), model->name);
    add_field(r, STR("X-DGate-Service"), model->service);

    if (model->service[0] != '\0')
        catalog_slot_enter(&r->service, catalog_slot_get(services, str_of(model->service)), r);
    r->module_count = model->modules.n;
    if (r->module_count > 0)
        r->modules = mem_calloc(r->module_count, sizeof(*r->modules));
    for (size_t i = 0; i < r->module_count; i++)
        catalog_slot_enter(&r->modules[i], catalog_slot_get(modules, str_of(model->modules.v[i])),
                           r);
    return r;
}

struct catalog_route *catalog_route_ref(struct catalog_route *r)
{
    assert(r->refs > 0 && r->refs < UINT32_MAX);
    r->refs++;
    return r;
}

void catalog_route_unref(struct catalog_route *r)
{
    if (r == NULL)
        return;
    assert(r->refs > 0);
    if (--r->refs > 0)
        return;
    assert(r->service.slot == NULL && r->program == NULL && !ilist_linked(&r->waiting));
    for (size_t i = 0; i < r->pattern_count; i++)
        pattern_unref(r->patterns[i]);
    free(r->patterns);
    free(r->fields.v);
    free(r->modules);
    catalog_limits_destroy(r->limits);
    model_destroy(r->resource);
    free(r);
}

void catalog_route_detach(struct catalog_route *r, struct hmap *services, struct hmap *modules)
{
    catalog_route_unlink(r);
    catalog_slot_leave(services, &r->service);
    for (size_t i = 0; i < r->module_count; i++)
        catalog_slot_leave(modules, &r->modules[i]);
}

void catalog_route_leave(struct catalog_route *r, struct router *router)
{
    const struct model_strings *methods = &r->model->methods;
    for (size_t i = 0; i < r->pattern_count; i++)
        for (size_t k = 0; k < methods->n; k++)
            router_remove(router, r->patterns[i], str_of(methods->v[k]), r);
}

static bool is_repeat(const struct model_strings *list, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(list->v[i], list->v[at]) == 0)
            return true;
    return false;
}

bool catalog_route_enter(struct catalog_route *r, struct router *router)
{
    const struct model_strings *methods = &r->model->methods;
    for (size_t i = 0; i < r->pattern_count; i++) {
        for (size_t k = 0; k < methods->n; k++) {
            if (!is_repeat(methods, k) &&
                !router_add(router, r->patterns[i], str_of(methods->v[k]), r)) {
                catalog_route_leave(r, router);
                return false;
            }
        }
    }
    return true;
}

struct catalog_service *catalog_route_service(const struct catalog_route *r)
{
    return r->service.slot != NULL ? r->service.slot->service : NULL;
}

/* Its modules; the caller frees the list. Those that do not exist are left out, and *missing names the last of them. */
static const struct model_module **list_modules(const struct catalog_route *r, size_t *count,
                                                const char **missing)
{
    const struct model_module **list = mem_calloc(r->module_count, sizeof(*list));
    *count = 0;
    *missing = NULL;
    for (size_t i = 0; i < r->module_count; i++) {
        const struct catalog_slot *slot = r->modules[i].slot;
        assert(slot != NULL);
        if (slot->module != NULL)
            list[(*count)++] = &slot->module->module;
        else
            *missing = slot->name;
    }
    return list;
}

uint64_t catalog_route_fingerprint(struct catalog_route *r)
{
    if (r->fingerprint != 0)
        return r->fingerprint;
    size_t count = 0;
    const char *missing = NULL;
    const struct model_module **list = list_modules(r, &count, &missing);
    r->fingerprint = script_program_fingerprint(r->model, list, count);
    free(list);
    return r->fingerprint;
}

static enum err_code link_program(struct catalog_route *r, struct script_vm *vm, struct err *e)
{
    size_t count = 0;
    const char *missing = NULL;
    const struct model_module **list = list_modules(r, &count, &missing);
    const enum err_code rc = missing != NULL
                                 ? err_set(e, ERR_NOT_FOUND, "module %s does not exist", missing)
                                 : script_program_create(vm, r->model, list, count, &r->program, e);
    free(list);
    return rc;
}

struct script_program *catalog_route_link(struct catalog_route *r, struct script_vm *vm,
                                          struct err *e)
{
    assert(r->module_count > 0);
    if (r->program != NULL)
        return r->program;
    if (r->link_error == NULL) {
        struct err why;
        if (link_program(r, vm, &why) == ERR_OK)
            return r->program;
        log_error("proxy", "route %s/%s: %s", r->model->ns, r->model->name, why.msg);
        r->link_error = mem_alloc(sizeof(*r->link_error));
        *r->link_error = why;
    }
    *e = *r->link_error;
    return NULL;
}

void catalog_route_unlink(struct catalog_route *r)
{
    script_program_unref(r->program);
    r->program = NULL;
    r->fingerprint = 0;
    free(r->link_error);
    r->link_error = NULL;
}
