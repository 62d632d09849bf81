#include "admin/admin_switched_off.h"

#include "admin/admin_reply.h"
#include "admin/admin_request.h"
#include "admin/admin_stored.h"
#include "base/log.h"
#include "base/now.h"
#include "codec/json.h"
#include "node/node_segment.h"
#include "node/node_switches.h"
#include "store/store.h"

/* As the keys under limits are called. */
static const char *const reasons[] = {
    [NODE_SWITCHES_KILLS] = "kills", [NODE_SWITCHES_STOPS] = "stops"};

static struct node_switches *switches(const struct admin_request *rq)
{
    return node_segment_switches(rq->admin->options.node);
}

/* The parts of "namespace/name"; a name may have slashes, a namespace has none. */
static struct model_ref ref_of(const struct node_switches_info *info)
{
    const struct str text = str_of(info->route);
    const size_t slash = str_index(text, '/', 0);
    return (struct model_ref){.kind = MODEL_ROUTE,
                              .ns = str_slice(text, 0, slash),
                              .name = str_skip(text, slash < text.len ? slash + 1 : slash)};
}

static json_t *describe(const struct node_switches_info *info)
{
    char since[NOW_RFC3339_SIZE];
    const struct model_ref ref = ref_of(info);
    now_rfc3339((int64_t)info->since_ms, since);
    return json_pack("{s:o, s:o, s:o, s:s, s:s, s:I}", "namespace", json_text_string(ref.ns),
                     "route", json_text_string(ref.name), "module",
                     json_text_string(str_of(info->module)), "since", since, "reason",
                     reasons[info->reason], "count", (json_int_t)info->count);
}

/* A route that was deleted meanwhile is not there to be switched on. */
static bool is_wanted(struct admin_request *rq, struct store_read *read,
                      const struct node_switches_info *info)
{
    struct str value = {0};
    const struct model_ref ref = ref_of(info);
    const struct str ns = admin_request_param(rq, ADMIN_REQUEST_NAMESPACE);
    return (ns.len == 0 || str_eq(ns, ref.ns)) && admin_stored_find(read, &ref, &value);
}

void admin_switched_off_list(struct admin_request *rq)
{
    struct admin_request_page page;
    struct store_read *read = admin_request_list(rq, &page);
    if (read == NULL)
        return;
    const struct node_switches *s = switches(rq);
    json_t *list = json_array();
    size_t count = 0;
    for (uint32_t i = 0; i < node_switches_slots(s); i++) {
        struct node_switches_info info;
        if (!node_switches_at(s, i, &info) || !is_wanted(rq, read, &info))
            continue;
        if (count >= page.offset && count - page.offset < page.limit)
            (void)json_array_append_new(list, describe(&info));
        count++;
    }
    store_read_end(read);
    admin_reply_list(rq, list, count);
}

/* "namespace/name" of the path. False: answered. */
static bool read_route(struct admin_request *rq, char route[NODE_SWITCHES_ROUTE_SIZE])
{
    const struct str name = rq->parts[rq->part_count - 1];
    const struct str ns = rq->part_count > 1 ? rq->parts[0] : admin_request_ns(rq);
    if (ns.len == 0) {
        admin_reply_error(rq, 400, "namespace is required");
        return false;
    }
    (void)node_switches_route(ns, name, route);
    return true;
}

static void reply_absent(struct admin_request *rq, const char *route)
{
    admin_reply_error(rq, 404, "the modules of route %s are not switched off", route);
}

void admin_switched_off_get(struct admin_request *rq)
{
    char route[NODE_SWITCHES_ROUTE_SIZE];
    if (!read_route(rq, route))
        return;
    const struct node_switches *s = switches(rq);
    for (uint32_t i = 0; i < node_switches_slots(s); i++) {
        struct node_switches_info info;
        if (node_switches_at(s, i, &info) && str_eq(str_of(info.route), str_of(route))) {
            admin_reply_data(rq, 200, describe(&info));
            return;
        }
    }
    reply_absent(rq, route);
}

void admin_switched_off_delete(struct admin_request *rq)
{
    char route[NODE_SWITCHES_ROUTE_SIZE];
    if (!read_route(rq, route))
        return;
    if (node_switches_on(switches(rq), str_of(route), 0, (uint64_t)now_wall_ms()) == 0) {
        reply_absent(rq, route);
        return;
    }
    const struct str who = rq->author.len > 0 ? rq->author : str_of(rq->x->peer.address);
    log_info("admin", "the modules of route %s are switched on by %.*s", route, STR_ARG(who));
    admin_reply_data(rq, 200, json_null());
}
