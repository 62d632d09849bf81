#include "admin/admin_document.h"

#include "admin/admin_input.h"
#include "admin/admin_reply.h"
#include "admin/admin_stored.h"
#include "codec/json.h"
#include "store/store.h"

/* What path and query say; empty where they say nothing. */
struct address {
    struct str ns;
    struct str collection;
    struct str id;
};

/* document, document/ID and document/NAMESPACE/COLLECTION/ID. */
static struct address given_address(const struct admin_request *rq)
{
    if (rq->part_count == 3)
        return (struct address){rq->parts[0], rq->parts[1], rq->parts[2]};
    return (struct address){
        .ns = admin_request_param(rq, ADMIN_REQUEST_NAMESPACE),
        .collection = admin_request_param(rq, ADMIN_REQUEST_COLLECTION),
        .id = rq->part_count == 1 ? rq->parts[0] : (struct str){0},
    };
}

/* For reading. False when it was answered. */
static bool take_address(struct admin_request *rq, struct model_ref *ret)
{
    struct address given = given_address(rq);
    struct str ns = given.ns.len > 0 ? given.ns : admin_request_ns(rq);
    if (ns.len == 0) {
        admin_reply_error(rq, 400, "namespace is required");
        return false;
    }
    if (given.collection.len == 0) {
        admin_reply_error(rq, 400, "collection is required");
        return false;
    }
    *ret = (struct model_ref){MODEL_DOCUMENT, ns, given.collection, given.id};
    return true;
}

/* Whether the documents of the collection may be shown; if not it was answered. */
static bool is_readable(struct admin_request *rq, struct store_read *read,
                        const struct model_ref *document)
{
    struct model_ref ref = {
        .kind = MODEL_COLLECTION, .ns = document->ns, .name = document->collection};
    struct str value = {0};
    if (!admin_stored_find(read, &ref, &value)) {
        admin_stored_reply_absent(rq, &ref);
        return false;
    }
    struct model_resource *r = admin_stored_decode(MODEL_COLLECTION, value);
    bool readable = r != NULL && r->collection.visibility != MODEL_VISIBILITY_PRIVATE;
    if (r == NULL)
        admin_stored_reply_unreadable(rq, &ref);
    else if (!readable)
        admin_reply_error(rq, 403, "collection is private");
    model_destroy(r);
    return readable;
}

void admin_document_list(struct admin_request *rq)
{
    struct admin_request_page page;
    struct model_ref ref;
    if (!take_address(rq, &ref))
        return;
    struct store_read *read = admin_request_list(rq, &page);
    if (read == NULL)
        return;
    struct buf prefix;
    buf_init(&prefix, STORE_KEY_MAX);
    if (!model_key(&prefix, &ref))
        admin_reply_error(rq, 400, "namespace and collection are too long");
    else if (is_readable(rq, read, &ref))
        admin_stored_reply_list(rq, read, buf_str(&prefix), &page);
    buf_finish(&prefix);
    store_read_end(read);
}

void admin_document_get(struct admin_request *rq)
{
    struct model_ref ref;
    if (!take_address(rq, &ref))
        return;
    struct store_read *read = admin_request_read(rq);
    if (read == NULL)
        return;
    if (is_readable(rq, read, &ref))
        admin_stored_reply(rq, read, &ref);
    store_read_end(read);
}

static void set_address(const struct admin_request *rq, json_t *body,
                        struct model_problems *problems)
{
    struct address given = given_address(rq);
    admin_input_set(body, "id", given.id, problems);
    admin_input_set(body, "namespace", given.ns, problems);
    admin_input_set(body, "collection", given.collection, problems);
}

void admin_document_put_data(struct admin_request *rq)
{
    struct model_problems problems = {0};
    json_t *data = admin_request_json(rq);
    if (data == NULL)
        return;
    json_t *body = json_pack("{s:o}", "data", data);
    set_address(rq, body, &problems);
    admin_input_put(rq, body, &problems);
}

void admin_document_put(struct admin_request *rq)
{
    struct model_problems problems = {0};
    json_t *body = admin_request_object(rq);
    if (body == NULL)
        return;
    set_address(rq, body, &problems);
    admin_input_put(rq, body, &problems);
}

/* A field that is none of the address could be a misspelt "id", without which the whole collection goes. */
static void check_fields(json_t *body, struct model_problems *problems)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(body, name, value)
    {
        struct str s = str_of(name);
        if (!str_eq(s, STR("id")) && !str_eq(s, STR("namespace")) && !str_eq(s, STR("collection")))
            model_problems_add(problems, name, "unknown field");
    }
}

void admin_document_delete(struct admin_request *rq)
{
    struct model_problems problems = {0};
    json_t *body = admin_request_object(rq);
    if (body == NULL)
        return;
    check_fields(body, &problems);
    set_address(rq, body, &problems);
    bool one = json_object_get(body, "id") != NULL;
    struct model_ref ref = {.kind = MODEL_DOCUMENT};
    ref.ns = admin_input_text(body, "namespace", admin_request_ns(rq), &problems);
    ref.collection = admin_input_text(body, "collection", (struct str){0}, &problems);
    if (one)
        ref.name = admin_input_text(body, "id", (struct str){0}, &problems);
    admin_input_delete(rq, &ref, &problems);
    json_decref(body);
}
