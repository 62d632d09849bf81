/* The body is collected within two limits: body_max of one request, and ADMIN_REQUEST_BODIES times as much of all of
 * them. A client that goes away before its change was submitted takes the request with it; later the change goes
 * on and its answer is dropped.
 */
#include "admin/admin_request.h"

#include <assert.h>
#include <stdlib.h>

#include "admin/admin_query.h"
#include "admin/admin_reply.h"
#include "base/mem.h"
#include "change/change.h"
#include "codec/json.h"
#include "store/store.h"

enum {
    CREDIT = 64 * 1024,
    LIMIT_DEFAULT = 100,
    LIMIT_MAX = 1000,
};

static void on_data(struct exchange *x, struct str data);
static void on_end(struct exchange *x, const struct http_fields *trailers);
static void on_reset(struct exchange *x, const struct exchange_reset *why);
static void on_done(struct exchange *x);

static const struct exchange_events events = {
    .on_data = on_data,
    .on_end = on_end,
    .on_reset = on_reset,
    .on_done = on_done,
};

struct admin_request *admin_request_create(struct admin *a, struct exchange *x)
{
    struct admin_request *rq = mem_alloc(sizeof(*rq));
    rq->admin = a;
    rq->x = x;
    buf_init(&rq->body, a->options.body_max);
    ilist_push(&a->requests, &rq->node);
    x->events = &events;
    x->user = rq;
    return rq;
}

static void drop_body(struct admin_request *rq)
{
    if (rq->admin != NULL)
        rq->admin->body_bytes -= rq->body.len;
    buf_finish(&rq->body);
}

static void release(struct admin_request *rq)
{
    assert(rq->x == NULL && !rq->changing);
    drop_body(rq);
    buf_finish(&rq->query);
    ilist_remove(&rq->node);
    free(rq);
}

void admin_request_orphan(struct admin_request *rq)
{
    assert(rq->x == NULL && rq->changing);
    drop_body(rq);
    ilist_remove(&rq->node);
    rq->admin = NULL;
}

static void reply_too_large(struct admin_request *rq)
{
    admin_reply_error(rq, 413, "the body has more than %zu bytes", rq->body.max);
}

void admin_request_start(struct admin_request *rq, admin_request_fn run, bool with_body)
{
    const struct http_head *head = rq->x->request;
    if (!with_body || rq->x->end_received) {
        run(rq);
    } else if (head->content_length > 0 && (uint64_t)head->content_length > rq->body.max) {
        reply_too_large(rq);
    } else {
        rq->run = run;
        exchange_grant(rq->x, CREDIT);
    }
}

static void on_data(struct exchange *x, struct str data)
{
    struct admin_request *rq = x->user;
    struct admin *a = rq->admin;
    if (rq->run == NULL)
        return;
    if (data.len > a->options.body_max * ADMIN_REQUEST_BODIES - a->body_bytes) {
        rq->run = NULL;
        admin_reply_error(rq, 503, "too many large requests at once");
    } else if (!buf_add(&rq->body, data)) {
        rq->run = NULL;
        reply_too_large(rq);
    } else {
        a->body_bytes += data.len;
        exchange_grant(x, data.len);
    }
}

static void on_end(struct exchange *x, const struct http_fields *trailers)
{
    struct admin_request *rq = x->user;
    admin_request_fn run = rq->run;
    (void)trailers;
    rq->run = NULL;
    if (run != NULL)
        run(rq);
}

static void on_reset(struct exchange *x, const struct exchange_reset *why)
{
    struct admin_request *rq = x->user;
    (void)why;
    rq->run = NULL;
}

static void on_done(struct exchange *x)
{
    struct admin_request *rq = x->user;
    rq->x = NULL;
    if (!rq->changing)
        release(rq);
}

bool admin_request_query(struct admin_request *rq, struct str query)
{
    static const char *const names[ADMIN_REQUEST_PARAMS] = {
        [ADMIN_REQUEST_NAMESPACE] = "namespace",
        [ADMIN_REQUEST_COLLECTION] = "collection",
        [ADMIN_REQUEST_LIMIT] = "limit",
        [ADMIN_REQUEST_OFFSET] = "offset",
    };
    buf_init(&rq->query, query.len); /* decoding makes nothing longer */
    for (size_t i = 0; i < ADMIN_REQUEST_PARAMS; i++) {
        (void)admin_query_get(query, str_of(names[i]), &rq->query);
        rq->param_end[i] = rq->query.len;
    }
    if (str_index(buf_str(&rq->query), '\0', 0) == rq->query.len)
        return true;
    admin_reply_error(rq, 400, "the query has a NUL");
    return false;
}

struct str admin_request_param(const struct admin_request *rq, enum admin_request_param id)
{
    size_t from = id == 0 ? 0 : rq->param_end[id - 1];
    return str_slice(buf_str(&rq->query), from, rq->param_end[id]);
}

struct str admin_request_ns(const struct admin_request *rq)
{
    struct str ns = admin_request_param(rq, ADMIN_REQUEST_NAMESPACE);
    if (ns.len == 0 && rq->admin->options.default_namespace)
        return STR("default");
    return ns;
}

static bool get_number(const struct admin_request *rq, enum admin_request_param id, uint64_t max,
                       uint64_t *ret)
{
    struct str text = admin_request_param(rq, id);
    return text.len == 0 || str_to_u64(text, max, ret);
}

static bool get_page(struct admin_request *rq, struct admin_request_page *ret)
{
    struct admin_request_page page = {.limit = LIMIT_DEFAULT};
    if (!get_number(rq, ADMIN_REQUEST_LIMIT, LIMIT_MAX, &page.limit) || page.limit == 0) {
        admin_reply_error(rq, 400, "limit must be an integer from 1 to %d", LIMIT_MAX);
        return false;
    }
    if (!get_number(rq, ADMIN_REQUEST_OFFSET, INT64_MAX, &page.offset)) {
        admin_reply_error(rq, 400, "offset must be an integer from 0 on");
        return false;
    }
    *ret = page;
    return true;
}

struct store_read *admin_request_read(struct admin_request *rq)
{
    struct store_read *read = NULL;
    struct err e = {0};
    if (store_read_begin(rq->admin->options.store, &read, &e) == ERR_OK)
        return read;
    admin_reply_err(rq, &e);
    return NULL;
}

struct store_read *admin_request_list(struct admin_request *rq, struct admin_request_page *ret)
{
    return get_page(rq, ret) ? admin_request_read(rq) : NULL;
}

json_t *admin_request_json(struct admin_request *rq)
{
    struct err e = {0};
    json_t *json = json_text_parse(buf_str(&rq->body), &e);
    if (json == NULL)
        admin_reply_error(rq, 400, "the body is not JSON: %s", e.msg);
    return json;
}

json_t *admin_request_object(struct admin_request *rq)
{
    if (rq->body.len == 0)
        return json_object();
    json_t *json = admin_request_json(rq);
    if (json == NULL || json_is_object(json))
        return json;
    json_decref(json);
    admin_reply_error(rq, 400, "the body must be a JSON object");
    return NULL;
}

static void reply_changed(struct admin_request *rq, const struct change_result *result)
{
    if (result->error.code == ERR_OK) {
        uint16_t status = rq->putting && result->created ? 201 : 200;
        admin_reply_data(rq, status, rq->putting ? json_incref(result->stored) : json_null());
    } else if (result->problems.n > 0) {
        admin_reply_problems(rq, &result->problems);
    } else {
        admin_reply_err(rq, &result->error);
    }
}

static void on_changed(void *user, const struct change_result *result)
{
    struct admin_request *rq = user;
    rq->changing = false;
    if (rq->x != NULL)
        reply_changed(rq, result);
    else
        release(rq);
}

static void submit(struct admin_request *rq, struct change_item item)
{
    struct change_request request = {
        .items = &item,
        .item_count = 1,
        .author = rq->author,
        .source = STR("admin"),
    };
    drop_body(rq);
    rq->changing = true;
    rq->putting = item.command == CHANGE_PUT;
    change_submit(rq->admin->options.changes, &request, on_changed, rq);
}

void admin_request_put(struct admin_request *rq, struct model_resource *put)
{
    submit(rq, (struct change_item){.command = CHANGE_PUT, .resource = put, .path = ""});
}

void admin_request_delete(struct admin_request *rq, const struct model_ref *ref)
{
    submit(rq, (struct change_item){.command = CHANGE_DELETE, .ref = *ref, .path = ""});
}
