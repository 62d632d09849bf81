#include "admin/admin_resource.h"

#include "admin/admin_input.h"
#include "admin/admin_reply.h"
#include "admin/admin_stored.h"
#include "codec/json.h"
#include "store/store.h"

/* KIND, KIND/NAME, and for all but namespaces KIND/NAMESPACE/NAME. */
static struct str path_name(const struct admin_request *rq)
{
    return rq->part_count > 0 ? rq->parts[rq->part_count - 1] : (struct str){0};
}

/* The namespace that path or query name; empty when none does. */
static struct str given_ns(const struct admin_request *rq)
{
    if (rq->kind == MODEL_NAMESPACE)
        return (struct str){0};
    return rq->part_count > 1 ? rq->parts[0] : admin_request_param(rq, ADMIN_REQUEST_NAMESPACE);
}

/* "default" is there without being made. */
static bool namespace_exists(const struct admin_request *rq, struct store_read *read, struct str ns)
{
    struct model_ref ref = {.kind = MODEL_NAMESPACE, .name = ns};
    struct str value = {0};
    bool implied = rq->admin->options.default_namespace && str_eq(ns, STR("default"));
    return implied || admin_stored_find(read, &ref, &value);
}

/* What the keys of a list begin with: those of one namespace, or with ns "" or "*" of all. */
static bool list_prefix(struct buf *prefix, enum model_kind kind, struct str ns)
{
    bool all = kind == MODEL_NAMESPACE || ns.len == 0 || str_eq(ns, STR("*"));
    struct model_ref ref = {.kind = kind, .ns = ns};
    if (all)
        return buf_addf(prefix, "%s%c", model_kind_name(kind), '\0');
    return model_key(prefix, &ref);
}

void admin_resource_list(struct admin_request *rq)
{
    struct admin_request_page page;
    struct store_read *read = admin_request_list(rq, &page);
    if (read == NULL)
        return;
    struct str given = given_ns(rq);
    struct buf prefix;
    buf_init(&prefix, STORE_KEY_MAX);
    if (given.len > 0 && !str_eq(given, STR("*")) && !namespace_exists(rq, read, given))
        admin_reply_error(rq, 404, "namespace %.*s: not found", STR_ARG(given));
    else if (list_prefix(&prefix, rq->kind, admin_request_ns(rq)))
        admin_stored_reply_list(rq, read, buf_str(&prefix), &page);
    else
        admin_reply_error(rq, 400, "the namespace is too long");
    buf_finish(&prefix);
    store_read_end(read);
}

void admin_resource_get(struct admin_request *rq)
{
    struct model_ref ref = {.kind = rq->kind, .name = path_name(rq)};
    if (rq->kind != MODEL_NAMESPACE)
        ref.ns = rq->part_count > 1 ? rq->parts[0] : admin_request_ns(rq);
    if (rq->kind != MODEL_NAMESPACE && ref.ns.len == 0) {
        admin_reply_error(rq, 400, "namespace is required");
        return;
    }
    struct store_read *read = admin_request_read(rq);
    if (read == NULL)
        return;
    admin_stored_reply(rq, read, &ref);
    store_read_end(read);
}

/* The body with what path and query say; NULL when it was answered. */
static json_t *take_body(struct admin_request *rq, struct model_problems *problems)
{
    json_t *body = admin_request_object(rq);
    if (body == NULL)
        return NULL;
    admin_input_set(body, "name", path_name(rq), problems);
    admin_input_set(body, "namespace", given_ns(rq), problems);
    return body;
}

void admin_resource_put(struct admin_request *rq)
{
    struct model_problems problems = {0};
    json_t *body = take_body(rq, &problems);
    if (body != NULL)
        admin_input_put(rq, body, &problems);
}

void admin_resource_delete(struct admin_request *rq)
{
    struct model_problems problems = {0};
    json_t *body = take_body(rq, &problems);
    if (body == NULL)
        return;
    struct model_ref ref = {.kind = rq->kind};
    ref.name = admin_input_text(body, "name", (struct str){0}, &problems);
    if (rq->kind != MODEL_NAMESPACE)
        ref.ns = admin_input_text(body, "namespace", admin_request_ns(rq), &problems);
    admin_input_delete(rq, &ref, &problems);
    json_decref(body);
}
