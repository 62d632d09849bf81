#include "runtime/stage_route.h"

#include <stdlib.h>

#include "base/mem.h"
#include "http/http_client.h"
#include "proxy/catalog.h"
#include "proxy/catalog_route.h"
#include "proxy/proxy.h"
#include "route/router.h"
#include "server/http_setup.h"

static const char ROUTE_NAME[] = "route";
static const char SERVICE_NAME[] = "service";
static const char NAMESPACE[] = "default";

struct exchanges {
    VEC_OF(struct exchange *);
};

struct failure {
    const struct exchange *x;
    char *why;
};

struct stage_route {
    struct stage *stage;
    struct catalog *catalog;
    struct proxy *proxy;
    struct http_client *memory;  /* NULL: upstreams are real */
    struct exchanges requests;   /* of clients */
    struct exchanges upstreams;  /* in memory, that have not ended */
    struct exchanges unreported; /* those whose request is not complete, or was not asked for */
    struct {
        VEC_OF(struct failure);
    } failures;  /* of requests that were not released */
    bool silent; /* they are not logged */
};

static struct model_resource *make(enum model_kind kind, const json_t *fields, const char *name,
                                   json_t *more, struct model_problems *problems)
{
    json_t *all = json_is_object(fields) ? json_deep_copy(fields) : json_object();
    if (json_object_get(all, "name") == NULL)
        (void)json_object_set_new(all, "name", json_string(name));
    (void)json_object_update_new(all, more);
    struct model_resource *r = model_decode(kind, all, MODEL_FROM_API, NAMESPACE, "", problems);
    json_decref(all);
    return r;
}

static const char *service_name(const json_t *service)
{
    const char *name = json_string_value(json_object_get(service, "name"));
    return name != NULL ? name : SERVICE_NAME;
}

static struct model_resource *make_route(const json_t *fields, const json_t *service,
                                         const struct source_list *modules,
                                         struct model_problems *problems)
{
    json_t *names = json_array();
    for (size_t i = 0; i < modules->n; i++)
        (void)json_array_append_new(names, json_string(modules->v[i]->name));
    json_t *more = json_pack("{s:o}", "modules", names);
    if (json_object_get(fields, "paths") == NULL)
        (void)json_object_set_new(more, "paths", json_pack("[s]", "/**"));
    if (json_object_get(fields, "methods") == NULL)
        (void)json_object_set_new(more, "methods", json_pack("[s]", "*"));
    if (service != NULL)
        (void)json_object_set_new(more, "service", json_string(service_name(service)));
    return make(MODEL_ROUTE, fields, ROUTE_NAME, more, problems);
}

static bool fill_catalog(struct stage_route *r, const json_t *fields, const json_t *service,
                         const struct source_list *modules, struct model_problems *problems)
{
    struct model_resource *route = make_route(fields, service, modules, problems);
    struct model_resource *ns = make(MODEL_NAMESPACE, NULL, NAMESPACE, json_object(), problems);
    struct model_resource *s =
        service != NULL ? make(MODEL_SERVICE, service, SERVICE_NAME, json_object(), problems)
                        : NULL;
    if (route == NULL || ns == NULL || (s == NULL && service != NULL)) {
        model_destroy(route);
        model_destroy(ns);
        model_destroy(s);
        return false;
    }
    catalog_put(r->catalog, ns);
    if (s != NULL)
        catalog_put(r->catalog, s);
    for (size_t i = 0; i < modules->n; i++)
        catalog_put(r->catalog, sources_module(modules->v[i]));
    catalog_put(r->catalog, route);
    return true;
}

static void forget(struct stage_route *r, const struct exchange *x)
{
    for (size_t i = r->failures.n; i > 0; i--) {
        if (r->failures.v[i - 1].x != x)
            continue;
        free(r->failures.v[i - 1].why);
        r->failures.v[i - 1] = r->failures.v[--r->failures.n];
    }
}

static bool on_failed(void *user, const struct exchange *down, struct str why)
{
    struct stage_route *r = user;
    forget(r, down);
    const struct failure f = {down, mem_dup(why.p, why.len)};
    vec_push(&r->failures, f);
    return r->silent;
}

void stage_route_silence(struct stage_route *r)
{
    r->silent = true;
}

const char *stage_route_why(const struct stage_route *r, const struct exchange *x)
{
    for (size_t i = 0; i < r->failures.n; i++)
        if (r->failures.v[i].x == x)
            return r->failures.v[i].why;
    return NULL;
}

static void open_proxy(struct stage_route *r)
{
    const struct config *c = r->stage->config;
    struct proxy_options options = http_setup_proxy(c);
    options.failed = on_failed;
    options.failed_user = r;
    struct http_client *client = r->memory != NULL ? r->memory : r->stage->client;
    r->proxy = proxy_create(r->stage->loop, r->catalog, client, &options);
}

struct stage_route *stage_route_create(struct stage *s, const json_t *fields, const json_t *service,
                                       const struct source_list *modules, bool real,
                                       struct model_problems *problems)
{
    struct stage_route *r = mem_alloc(sizeof(*r));
    const struct catalog_options options = {.default_namespace = true};
    r->stage = s;
    r->catalog = catalog_create(s->vm, &options);
    if (!fill_catalog(r, fields, service, modules, problems)) {
        catalog_destroy(r->catalog);
        free(r);
        return NULL;
    }
    if (!real)
        r->memory = exchange_mem_client_create((size_t)s->config->limits.exchange_buffer);
    open_proxy(r);
    return r;
}

static void drop(struct exchanges *list, const struct exchange *x)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->v[i] != x)
            continue;
        list->v[i] = list->v[--list->n];
        return;
    }
}

void stage_route_release(struct stage_route *r, struct exchange *x)
{
    if (!x->done) {
        exchange_reset(x, EXCHANGE_SHUTDOWN);
        (void)exchange_mem_run(x);
    }
    drop(&r->requests, x);
    forget(r, x);
    exchange_mem_destroy(x);
}

void stage_route_destroy(struct stage_route *r)
{
    if (r == NULL)
        return;
    while (r->requests.n > 0)
        stage_route_release(r, r->requests.v[0]);
    while (stage_route_pump(r)) {
    }
    proxy_destroy(r->proxy);
    vec_finish(&r->requests);
    vec_finish(&r->upstreams);
    vec_finish(&r->unreported);
    for (size_t i = 0; i < r->failures.n; i++)
        free(r->failures.v[i].why);
    vec_finish(&r->failures);
    if (r->memory != NULL)
        http_client_destroy(r->memory);
    catalog_destroy(r->catalog);
    free(r);
}

struct exchange *stage_route_request(struct stage_route *r, const struct http_head *head,
                                     struct str body, const char *address)
{
    struct exchange *x =
        exchange_mem_create(head, (size_t)r->stage->config->limits.exchange_buffer);
    (void)snprintf(x->peer.address, sizeof(x->peer.address), "%s", address);
    vec_push(&r->requests, x);
    proxy_handle(r->proxy, x);
    if (!head->no_body) {
        exchange_mem_data(x, body);
        exchange_mem_end(x, NULL);
    }
    return x;
}

/* What the peer is sent is taken at once. */
static bool pump(struct exchange *x)
{
    if (x->done)
        return false;
    exchange_mem_take(x, SIZE_MAX);
    return exchange_mem_run(x) > 0;
}

bool stage_route_pump(struct stage_route *r)
{
    bool moved = false;
    struct exchange *up = NULL;
    while (r->memory != NULL && (up = exchange_mem_client_next(r->memory)) != NULL) {
        vec_push(&r->upstreams, up);
        vec_push(&r->unreported, up);
        moved = true;
    }
    for (size_t i = r->upstreams.n; i > 0; i--) {
        moved = pump(r->upstreams.v[i - 1]) || moved;
        if (r->upstreams.v[i - 1]->done)
            drop(&r->upstreams, r->upstreams.v[i - 1]);
    }
    for (size_t i = 0; i < r->requests.n; i++)
        moved = pump(r->requests.v[i]) || moved;
    return moved;
}

bool stage_route_answered(const struct exchange *x)
{
    const struct exchange_mem_sent *sent = exchange_mem_sent(x);
    return x->done || sent->ended || sent->reset;
}

struct exchange *stage_route_next_upstream(struct stage_route *r)
{
    for (size_t i = 0; i < r->unreported.n; i++) {
        struct exchange *up = r->unreported.v[i];
        if (!exchange_mem_sent(up)->ended && !up->done)
            continue;
        drop(&r->unreported, up);
        if (!up->done)
            return up;
        i = (size_t)-1;
    }
    return NULL;
}

bool stage_route_links(struct stage_route *r, const struct http_head *head, struct err *e)
{
    const struct router *router = catalog_router(r->catalog, (struct str){0});
    const struct str path = str_slice(head->target, 0, str_index(head->target, '?', 0));
    struct router_match match;
    if (router == NULL || router_find(router, head->method, path, &match) != ROUTER_FOUND)
        return true;
    struct catalog_route *route = match.target;
    return route->module_count == 0 || catalog_route_link(route, r->stage->vm, e) != NULL;
}

bool stage_route_failed(const struct stage_route *r)
{
    struct proxy_stats stats;
    proxy_stats_get(r->proxy, &stats);
    return stats.module_errors > 0 || stats.upstream_errors > 0;
}
