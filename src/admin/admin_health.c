#include "admin/admin_health.h"

#include "admin/admin_reply.h"
#include "admin/admin_request.h"
#include "admin/admin_stored.h"
#include "codec/json.h"
#include "node/node_counts.h"
#include "node/node_health.h"
#include "node/node_segment.h"
#include "node/node_upstream.h"
#include "store/store.h"

static const char *const states[] = {
    [NODE_HEALTH_UNKNOWN] = "unknown", [NODE_HEALTH_UP] = "up", [NODE_HEALTH_DOWN] = "down"};

static json_t *describe_url(struct node_segment *node, const struct model_service *s, size_t i)
{
    struct str url = str_of(s->urls.v[i]);
    uint64_t key = node_upstream_key(node, str_of(s->ns), str_of(s->name), url);
    struct node_health_info info;
    node_health_get(node_segment_health(node), key, &info);
    /* Requests in flight are only counted where they decide. */
    json_t *active = s->balance == MODEL_BALANCE_LEAST_CONN
                         ? json_integer(node_counts_sum(node_segment_counts(node), key))
                         : json_null();
    return json_pack("{s:o, s:s, s:b, s:I, s:o}", "url", json_text_string(url), "state",
                     states[info.probe], "ejected",
                     (int)(info.ejected_until_ns != 0 && s->max_fails > 0), "fails",
                     (json_int_t)info.fails, "active", active);
}

static void reply(struct admin_request *rq, const struct model_service *s)
{
    json_t *urls = json_array();
    for (size_t i = 0; i < s->urls.n; i++)
        (void)json_array_append_new(urls, describe_url(rq->admin->options.node, s, i));
    admin_reply_data(rq, 200,
                     json_pack("{s:o, s:o, s:o}", "name", json_text_string(str_of(s->name)),
                               "namespace", json_text_string(str_of(s->ns)), "urls", urls));
}

void admin_health_get(struct admin_request *rq)
{
    struct model_ref ref = {.kind = MODEL_SERVICE, .name = rq->parts[rq->part_count - 1]};
    ref.ns = rq->part_count > 1 ? rq->parts[0] : admin_request_ns(rq);
    if (ref.ns.len == 0) {
        admin_reply_error(rq, 400, "namespace is required");
        return;
    }
    struct str value = {0};
    struct store_read *read = admin_request_read(rq);
    if (read == NULL)
        return;
    bool found = admin_stored_find(read, &ref, &value);
    struct model_resource *r = found ? admin_stored_decode(MODEL_SERVICE, value) : NULL;
    store_read_end(read);
    if (r != NULL)
        reply(rq, &r->service);
    else if (found)
        admin_stored_reply_unreadable(rq, &ref);
    else
        admin_stored_reply_absent(rq, &ref);
    model_destroy(r);
}
