/* Who asks is judged first, then the target decides which function answers, then the body is collected. */
#include "admin/admin.h"

#include <stdlib.h>

#include "admin/admin_document.h"
#include "admin/admin_health.h"
#include "admin/admin_info.h"
#include "admin/admin_reply.h"
#include "admin/admin_request.h"
#include "admin/admin_resource.h"
#include "admin/admin_switched_off.h"
#include "base/container.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/url.h"

/* What is answered at a path; NULL: not that method. */
struct endpoint {
    admin_request_fn get;
    admin_request_fn put;
    admin_request_fn delete;
};

static const struct {
    const char *path;
    struct endpoint endpoint;
} fixed[] = {
    {"/", {.get = admin_info_root}},
    {"/healthz", {.get = admin_info_healthz}},
    {"/health", {.get = admin_info_health}},
    {"/readyz", {.get = admin_info_readyz}},
    {"/metrics", {.get = admin_info_metrics}},
    {"/changelog", {.get = admin_info_changelog}},
    {"/api/v1/changelog", {.get = admin_info_changelog_list}},
    {"/api/v1/switched-off", {.get = admin_switched_off_list}},
};

/* By the number of parts behind the kind. */
static const struct endpoint of_namespaces[] = {
    {admin_resource_list, admin_resource_put, admin_resource_delete},
    {admin_resource_get, admin_resource_put, admin_resource_delete},
};
static const struct endpoint of_named[] = {
    {admin_resource_list, admin_resource_put, admin_resource_delete},
    {admin_resource_get, admin_resource_put, admin_resource_delete},
    {admin_resource_get, admin_resource_put, admin_resource_delete},
};
static const struct endpoint of_documents[] = {
    {admin_document_list, admin_document_put, admin_document_delete},
    {admin_document_get, admin_document_put_data, admin_document_delete},
    {NULL, NULL, NULL},
    {admin_document_get, admin_document_put, admin_document_delete},
};

struct admin *admin_create(const struct admin_options *options)
{
    struct admin *a = mem_alloc(sizeof(*a));
    a->options = *options;
    a->options.auth = (struct admin_auth_options){0};
    a->options.version = NULL;
    a->version = mem_strdup(options->version);
    a->auth = admin_auth_create(&options->auth);
    ilist_init(&a->requests);
    return a;
}

void admin_destroy(struct admin *a)
{
    if (a == NULL)
        return;
    ilist_for_each_safe (n, next, &a->requests) {
        admin_request_orphan(container_of(n, struct admin_request, node));
    }
    admin_auth_destroy(a->auth);
    free(a->version);
    free(a);
}

/* "route" and "routes" are the same. */
static bool parse_kind(struct str text, enum model_kind *ret)
{
    if (model_kind_parse(text, ret))
        return true;
    return str_ends(text, STR("s")) && model_kind_parse(str_slice(text, 0, text.len - 1), ret);
}

static bool decode_part(struct admin_request *rq, struct str raw, struct str *ret)
{
    struct buf b;
    buf_init(&b, raw.len);
    bool ok = url_decode(&b, raw, false) && arena_copy(&rq->x->arena, buf_str(&b), ret);
    buf_finish(&b);
    return ok && ret->len > 0;
}

/* The parts of "/PART/PART". False when there are too many, or empty ones. */
static bool split_parts(struct admin_request *rq, struct str rest)
{
    size_t slash = 0;
    while (slash < rest.len) {
        size_t next = str_index(rest, '/', slash + 1);
        if (rq->part_count == ADMIN_REQUEST_PARTS_MAX ||
            !decode_part(rq, str_slice(rest, slash + 1, next), &rq->parts[rq->part_count]))
            return false;
        rq->part_count++;
        slash = next;
    }
    return true;
}

/* Takes the path behind "/api/v1/" apart. False when it names nothing. */
static bool split_path(struct admin_request *rq, struct str rest)
{
    size_t slash = str_index(rest, '/', 0);
    return parse_kind(str_slice(rest, 0, slash), &rq->kind) &&
           split_parts(rq, str_skip(rest, slash));
}

static const struct endpoint *find_resource(struct admin_request *rq, struct str path)
{
    struct str prefix = STR("/api/v1/");
    const struct endpoint *v = of_named;
    size_t n = ARRAY_LEN(of_named);
    if (!str_starts(path, prefix) || !split_path(rq, str_skip(path, prefix.len)))
        return NULL;
    if (rq->kind == MODEL_NAMESPACE) {
        v = of_namespaces;
        n = ARRAY_LEN(of_namespaces);
    } else if (rq->kind == MODEL_DOCUMENT) {
        v = of_documents;
        n = ARRAY_LEN(of_documents);
    }
    return rq->part_count < n && v[rq->part_count].get != NULL ? &v[rq->part_count] : NULL;
}

/* What this node knows of a resource, at PREFIX/NAME or PREFIX/NAMESPACE/NAME. */
static const struct {
    const char *prefix;
    enum model_kind kind;
    struct endpoint endpoint;
} of_this_node[] = {
    {"/api/v1/service-health/", MODEL_SERVICE, {.get = admin_health_get}},
    {"/api/v1/switched-off/",
     MODEL_ROUTE,
     {.get = admin_switched_off_get, .delete = admin_switched_off_delete}},
};

static const struct endpoint *find_of_this_node(struct admin_request *rq, struct str path)
{
    for (size_t i = 0; i < ARRAY_LEN(of_this_node); i++) {
        struct str prefix = str_of(of_this_node[i].prefix);
        if (!str_starts(path, prefix))
            continue;
        rq->kind = of_this_node[i].kind;
        bool split = split_parts(rq, str_skip(path, prefix.len - 1));
        return split && rq->part_count <= 2 ? &of_this_node[i].endpoint : NULL;
    }
    return NULL;
}

static const struct endpoint *find_endpoint(struct admin_request *rq, struct str path)
{
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        if (str_eq(path, str_of(fixed[i].path)))
            return &fixed[i].endpoint;
    }
    const struct endpoint *e = find_of_this_node(rq, path);
    return e != NULL ? e : find_resource(rq, path);
}

static struct str allowed(const struct endpoint *e)
{
    if (e->put != NULL)
        return STR("DELETE, GET, HEAD, PUT");
    return e->delete != NULL ? STR("DELETE, GET, HEAD") : STR("GET, HEAD");
}

static void dispatch(struct admin_request *rq, const struct endpoint *e)
{
    struct str method = rq->x->request->method;
    if (str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")))
        admin_request_start(rq, e->get, false);
    else if (str_eq(method, STR("PUT")) && e->put != NULL)
        admin_request_start(rq, e->put, true);
    else if (str_eq(method, STR("DELETE")) && e->delete != NULL)
        admin_request_start(rq, e->delete, true);
    else
        admin_reply_method(rq, allowed(e));
}

static bool admit(struct admin_request *rq, struct str query)
{
    const struct admin_auth *auth = rq->admin->auth;
    switch (admin_auth_check(auth, rq->x, query, &rq->author)) {
    case ADMIN_AUTH_OK:
        return true;
    case ADMIN_AUTH_FORBIDDEN:
        log_debug("admin", "refused %s: not in allow_list", rq->x->peer.address);
        admin_reply_error(rq, 403, "this address is not allowed");
        return false;
    case ADMIN_AUTH_UNKNOWN:
        break;
    }
    log_debug("admin", "refused %s: no valid credentials", rq->x->peer.address);
    admin_reply_unauthorized(rq, admin_auth_challenge(auth));
    return false;
}

void admin_handle(void *user, struct exchange *x)
{
    struct admin_request *rq = admin_request_create(user, x);
    struct str raw = {0};
    struct str path = {0};
    struct str query = {0};
    bool has_query = false;
    url_split_target(x->request->target, &raw, &query, &has_query);
    if (!admit(rq, query) || !admin_request_query(rq, query))
        return;
    if (url_path_normalise(raw, false, &x->arena, &path) != URL_PATH_OK) {
        admin_reply_error(rq, 400, "the path is malformed");
        return;
    }
    const struct endpoint *e = find_endpoint(rq, path);
    if (e == NULL)
        admin_reply_error(rq, 404, "there is nothing at %.*s", STR_ARG(path));
    else
        dispatch(rq, e);
}
