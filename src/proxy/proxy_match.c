#include "proxy/proxy_match.h"

#include <string.h>

#include "codec/url.h"
#include "proxy/catalog.h"
#include "proxy/catalog_route.h"
#include "proxy/catalog_service.h"
#include "proxy/proxy_choice.h"
#include "proxy/proxy_error.h"
#include "proxy/proxy_modules.h"
#include "proxy/proxy_upload.h"
#include "route/pattern.h"
#include "script/script.h"

enum { ALLOW_SIZE = 512 };

static const struct str no_detail;

enum proxy_turn proxy_match_path(struct proxy_request *r)
{
    struct str raw;
    url_split_target(r->down->request->target, &raw, &r->query, &r->has_query);
    switch (url_path_normalise(raw, r->proxy->options.merge_slashes, &r->down->arena, &r->path)) {
    case URL_PATH_OK:
        return proxy_request_go(r, PROXY_NAMESPACE);
    case URL_PATH_TOO_LARGE:
        return proxy_error_refuse(r, 414, "the path is too long", no_detail);
    case URL_PATH_BAD:
        break;
    }
    return proxy_error_refuse(r, 400, "the path is not valid", no_detail);
}

enum proxy_turn proxy_match_namespace(struct proxy_request *r)
{
    r->router = catalog_router(r->proxy->catalog, r->down->request->host);
    if (r->router == NULL && r->proxy->options.strict)
        return proxy_request_abort(r, EXCHANGE_CANCELED);
    if (r->router == NULL)
        return proxy_error_refuse(r, 404, "no namespace serves this host", no_detail);
    const struct proxy_access *a = &r->proxy->access;
    return proxy_request_go(r, a->served.any || a->secured.any ? PROXY_HOST : PROXY_MATCH);
}

static enum proxy_turn refuse_method(struct proxy_request *r)
{
    char allow[ALLOW_SIZE];
    router_allow(r->router, r->path, allow, sizeof(allow));
    struct str text = {0};
    bool copied = arena_copy(&r->down->arena, str_of(allow), &text);
    enum proxy_turn turn =
        proxy_error_refuse(r, 405, "the route does not allow this method", no_detail);
    if (copied)
        r->failure.allow = text;
    return turn;
}

static bool keep_params(struct proxy_request *r, const struct router_match *m)
{
    if (m->param_count == 0 || r->route->module_count == 0)
        return true;
    size_t size = m->param_count * sizeof(*r->params);
    r->params = arena_alloc(&r->down->arena, size);
    if (r->params == NULL)
        return false;
    memcpy(r->params, m->params, size);
    r->param_count = m->param_count;
    return true;
}

static struct str wildcard_of(const struct router_match *m)
{
    if (m->param_count > 0 && str_eq(m->params[m->param_count - 1].name, STR("*")))
        return m->params[m->param_count - 1].value;
    return (struct str){0};
}

static enum proxy_turn hold(struct proxy_request *r, const struct router_match *m)
{
    r->route = catalog_route_ref(m->target);
    struct catalog_service *service = catalog_route_service(r->route);
    if (service != NULL) {
        r->service = catalog_service_ref(service);
        r->limits = service->model;
        if (r->limits->total_timeout_ns > 0)
            proxy_request_deadline_set(r, r->limits->total_timeout_ns);
    } else if (r->route->service.slot != NULL) {
        return proxy_error_refuse(r, 503, "the service of this route does not exist", no_detail);
    }
    r->rest =
        r->route->model->strip_path ? pattern_strip(m->pattern, r->path, wildcard_of(m)) : r->path;
    if (!keep_params(r, m))
        return proxy_error_memory(r);
    return proxy_request_go(r, r->route->limits != NULL ? PROXY_LIMIT : PROXY_SIZE);
}

enum proxy_turn proxy_match_route(struct proxy_request *r)
{
    struct router_match m __attribute__((uninitialized));
    enum router_result result = router_find(r->router, r->down->request->method, r->path, &m);
    enum proxy_turn turn = PROXY_AGAIN;
    switch (result) {
    case ROUTER_FOUND:
        turn = hold(r, &m);
        break;
    case ROUTER_NO_PATH:
        turn = proxy_error_refuse(r, 404, "no route has this path", no_detail);
        break;
    case ROUTER_NO_METHOD:
        turn = refuse_method(r);
        break;
    case ROUTER_TOO_COMPLEX:
        turn = proxy_error_refuse(r, 500, "matching this path takes too long", no_detail);
        break;
    }
    r->router = NULL;
    return turn;
}

enum proxy_turn proxy_match_choose(struct proxy_request *r)
{
    if (r->service == NULL)
        return proxy_request_go(r, PROXY_HANDLE);
    if (proxy_modules_has(r, SCRIPT_FETCH_UPSTREAM))
        return proxy_request_go(r, PROXY_FETCH);
    return proxy_match_default(r);
}

enum proxy_turn proxy_match_default(struct proxy_request *r)
{
    if (!proxy_choice_first(r))
        return proxy_error_raise(r, 503, "the service has no usable url", no_detail);
    return proxy_request_go(r, PROXY_ATTEMPT);
}
