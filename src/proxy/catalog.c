#include "proxy/catalog.h"

#include <assert.h>
#include <string.h>

#include "base/hmap.h"
#include "base/ilist.h"
#include "base/log.h"
#include "base/mem.h"
#include "proxy/catalog_route.h"
#include "proxy/catalog_service.h"
#include "proxy/catalog_slot.h"
#include "route/host_pattern.h"
#include "route/host_table.h"
#include "route/router.h"

/* A namespace. It exists while it was put, or anything is in it. */
struct space {
    struct hmap_node node;
    char *name;
    bool declared;
    struct router *router;
    struct hmap routes;   /* struct catalog_route */
    struct hmap services; /* struct catalog_slot */
    struct hmap modules;  /* struct catalog_slot */
    struct hmap domains;  /* struct domain */
    struct ilist waiting; /* routes in conflict with others */
};

struct domain {
    struct hmap_node node;
    char *name;
};

struct catalog {
    struct script_vm *vm;
    struct catalog_options options;
    struct hmap spaces;
    struct space *fallback; /* "default", or NULL */
    struct host_table *hosts;
    size_t counts[MODEL_KIND_COUNT];
};

struct catalog *catalog_create(struct script_vm *vm, const struct catalog_options *options)
{
    struct catalog *c = mem_alloc(sizeof(*c));
    c->vm = vm;
    c->options = *options;
    c->hosts = host_table_create();
    return c;
}

void catalog_destroy(struct catalog *c)
{
    if (c == NULL)
        return;
    catalog_clear(c);
    hmap_finish(&c->spaces);
    host_table_destroy(c->hosts);
    free(c);
}

static struct space *space_find(const struct catalog *c, struct str name)
{
    struct hmap_node *n = hmap_get(&c->spaces, name);
    return n != NULL ? container_of(n, struct space, node) : NULL;
}

static struct space *space_get(struct catalog *c, struct str name)
{
    struct space *s = space_find(c, name);
    if (s != NULL)
        return s;
    s = mem_alloc(sizeof(*s));
    s->name = mem_dup(name.p, name.len);
    s->router = router_create();
    ilist_init(&s->waiting);
    hmap_add(&c->spaces, &s->node, (struct str){s->name, name.len});
    if (str_eq(name, STR("default")))
        c->fallback = s;
    return s;
}

static void space_drop_if_empty(struct catalog *c, struct space *s)
{
    if (s->declared ||
        s->routes.count + s->services.count + s->modules.count + s->domains.count > 0)
        return;
    assert(ilist_empty(&s->waiting));
    if (c->fallback == s)
        c->fallback = NULL;
    hmap_remove(&c->spaces, &s->node);
    hmap_finish(&s->routes);
    hmap_finish(&s->services);
    hmap_finish(&s->modules);
    hmap_finish(&s->domains);
    router_destroy(s->router);
    free(s->name);
    free(s);
}

static void put_domain(struct catalog *c, struct space *s, const struct model_domain *model)
{
    size_t count = 0;
    struct host_pattern **patterns =
        mem_calloc(model->patterns.n + 1, sizeof(struct host_pattern *));
    for (size_t i = 0; i < model->patterns.n; i++) {
        struct err e;
        if (host_pattern_create(str_of(model->patterns.v[i]), &patterns[count], &e) == ERR_OK)
            count++;
        else
            log_error("proxy", "domain %s/%s: pattern %s is not used: %s", model->ns, model->name,
                      model->patterns.v[i], e.msg);
    }
    struct str name = str_of(model->name);
    host_table_put(c->hosts, str_of(model->ns), name, model->priority, patterns, count);
    free(patterns);
    if (hmap_get(&s->domains, name) != NULL)
        return;
    struct domain *d = mem_alloc(sizeof(*d));
    d->name = mem_strdup(model->name);
    hmap_add(&s->domains, &d->node, str_of(d->name));
    c->counts[MODEL_DOMAIN]++;
}

static void remove_domain(struct catalog *c, struct space *s, struct str name)
{
    struct hmap_node *n = hmap_get(&s->domains, name);
    if (n == NULL)
        return;
    struct domain *d = container_of(n, struct domain, node);
    hmap_remove(&s->domains, n);
    host_table_remove(c->hosts, str_of(s->name), str_of(d->name));
    free(d->name);
    free(d);
    c->counts[MODEL_DOMAIN]--;
}

/* Routes that waited for a path which a route had that is gone now. */
static void admit_waiting(struct space *s)
{
    ilist_for_each_safe (n, next, &s->waiting) {
        struct catalog_route *r = container_of(n, struct catalog_route, waiting);
        if (catalog_route_enter(r, s->router))
            ilist_remove(n);
    }
}

static void take_out(struct catalog *c, struct space *s, struct catalog_route *r)
{
    hmap_remove(&s->routes, &r->node);
    if (ilist_linked(&r->waiting))
        ilist_remove(&r->waiting);
    else
        catalog_route_leave(r, s->router);
    catalog_route_detach(r, &s->services, &s->modules);
    catalog_route_unref(r);
    c->counts[MODEL_ROUTE]--;
}

static void put_route(struct catalog *c, struct space *s, struct model_resource *resource)
{
    struct catalog_route *r = catalog_route_create(resource, &s->services, &s->modules);
    struct str name = str_of(r->model->name);
    struct hmap_node *old = hmap_get(&s->routes, name);
    if (old != NULL)
        take_out(c, s, container_of(old, struct catalog_route, node));
    hmap_add(&s->routes, &r->node, name);
    c->counts[MODEL_ROUTE]++;
    if (!catalog_route_enter(r, s->router)) {
        log_warn("proxy", "route %s/%s is not served: another route has one of its paths", s->name,
                 r->model->name);
        ilist_push(&s->waiting, &r->waiting);
    }
    if (old != NULL)
        admit_waiting(s);
}

static void remove_route(struct catalog *c, struct space *s, struct str name)
{
    struct hmap_node *n = hmap_get(&s->routes, name);
    if (n == NULL)
        return;
    take_out(c, s, container_of(n, struct catalog_route, node));
    admit_waiting(s);
}

static void set_service(struct catalog *c, struct space *s, struct str name,
                        struct model_resource *resource)
{
    struct catalog_slot *slot = resource != NULL ? catalog_slot_get(&s->services, name)
                                                 : catalog_slot_find(&s->services, name);
    if (slot == NULL)
        return;
    c->counts[MODEL_SERVICE] += resource != NULL;
    c->counts[MODEL_SERVICE] -= slot->service != NULL;
    catalog_slot_set_service(&s->services, slot,
                             resource != NULL ? catalog_service_create(resource, c->options.node)
                                              : NULL);
}

/* The programs that contain the module are made again by the next request for each. */
static void set_module(struct catalog *c, struct space *s, struct str name,
                       struct model_resource *resource)
{
    struct catalog_slot *slot = resource != NULL ? catalog_slot_get(&s->modules, name)
                                                 : catalog_slot_find(&s->modules, name);
    if (slot == NULL)
        return;
    ilist_for_each (n, &slot->uses)
        catalog_route_unlink(container_of(n, struct catalog_use, node)->route);
    c->counts[MODEL_MODULE] += resource != NULL;
    c->counts[MODEL_MODULE] -= slot->module != NULL;
    catalog_slot_set_module(&s->modules, slot, resource);
}

static void declare(struct catalog *c, struct space *s, bool declared)
{
    c->counts[MODEL_NAMESPACE] += declared;
    c->counts[MODEL_NAMESPACE] -= s->declared;
    s->declared = declared;
}

void catalog_put(struct catalog *c, struct model_resource *r)
{
    struct model_ref ref = model_ref_of(r);
    switch (r->kind) {
    case MODEL_NAMESPACE:
        declare(c, space_get(c, ref.name), true);
        break;
    case MODEL_DOMAIN:
        put_domain(c, space_get(c, ref.ns), &r->domain);
        break;
    case MODEL_SERVICE:
        set_service(c, space_get(c, ref.ns), ref.name, r);
        return;
    case MODEL_ROUTE:
        put_route(c, space_get(c, ref.ns), r);
        return;
    case MODEL_MODULE:
        set_module(c, space_get(c, ref.ns), ref.name, r);
        return;
    case MODEL_COLLECTION:
    case MODEL_DOCUMENT:
    case MODEL_SECRET:
    case MODEL_KIND_COUNT:
        break;
    }
    model_destroy(r);
}

void catalog_remove(struct catalog *c, const struct model_ref *ref)
{
    struct space *s = space_find(c, ref->kind == MODEL_NAMESPACE ? ref->name : ref->ns);
    if (s == NULL)
        return;
    switch (ref->kind) {
    case MODEL_NAMESPACE:
        declare(c, s, false);
        break;
    case MODEL_DOMAIN:
        remove_domain(c, s, ref->name);
        break;
    case MODEL_SERVICE:
        set_service(c, s, ref->name, NULL);
        break;
    case MODEL_ROUTE:
        remove_route(c, s, ref->name);
        break;
    case MODEL_MODULE:
        set_module(c, s, ref->name, NULL);
        break;
    case MODEL_COLLECTION:
    case MODEL_DOCUMENT:
    case MODEL_SECRET:
    case MODEL_KIND_COUNT:
        break;
    }
    space_drop_if_empty(c, s);
}

static void space_clear(struct catalog *c, struct space *s)
{
    struct hmap_node *n = NULL;
    while ((n = hmap_any(&s->routes)) != NULL)
        take_out(c, s, container_of(n, struct catalog_route, node));
    while ((n = hmap_any(&s->services)) != NULL)
        set_service(c, s, n->key, NULL);
    while ((n = hmap_any(&s->modules)) != NULL)
        set_module(c, s, n->key, NULL);
    while ((n = hmap_any(&s->domains)) != NULL)
        remove_domain(c, s, n->key);
    declare(c, s, false);
    space_drop_if_empty(c, s);
}

void catalog_clear(struct catalog *c)
{
    struct hmap_node *n = NULL;
    while ((n = hmap_any(&c->spaces)) != NULL)
        space_clear(c, container_of(n, struct space, node));
}

void catalog_relink(struct catalog *c)
{
    hmap_for_each (n, &c->spaces) {
        const struct space *s = container_of(n, struct space, node);
        hmap_for_each (m, &s->routes) {
            catalog_route_unlink(container_of(m, struct catalog_route, node));
        }
    }
}

size_t catalog_count(const struct catalog *c, enum model_kind kind)
{
    assert(kind < MODEL_KIND_COUNT);
    return c->counts[kind];
}

static const struct space *space_without_domain(const struct catalog *c)
{
    if (c->options.default_namespace && c->fallback != NULL && c->fallback->domains.count == 0)
        return c->fallback;
    if (host_table_empty(c->hosts) && c->spaces.count == 1)
        return container_of(hmap_first(&c->spaces), struct space, node);
    return NULL;
}

const struct router *catalog_router(const struct catalog *c, struct str host)
{
    struct str ns;
    const struct space *s = NULL;
    if (!host_table_empty(c->hosts) && host_table_find(c->hosts, host, &ns))
        s = space_find(c, ns);
    else
        s = space_without_domain(c);
    return s != NULL ? s->router : NULL;
}

struct script_vm *catalog_vm(const struct catalog *c)
{
    return c->vm;
}
