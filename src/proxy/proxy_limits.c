#include "proxy/proxy_limits.h"

#include <assert.h>

#include "base/now.h"
#include "node/node_counts.h"
#include "node/node_segment.h"
#include "proxy/catalog_limits.h"
#include "proxy/catalog_route.h"
#include "proxy/proxy_client.h"
#include "proxy/proxy_error.h"

/* What keeps the keys of different limits apart: see node_segment_key(). */
enum { KEY_CLIENT = 'c', KEY_ROUTE = 'r' };

#define SECOND_NS UINT64_C(1000000000)

/* One who is limited. */
struct subject {
    uint64_t key;
    const struct node_rate_limit *rate;
    uint32_t concurrent_max;
    enum proxy_limit rate_name;
    enum proxy_limit concurrent_name;
    uint32_t *slot; /* where the request notes that it counts */
};

void proxy_limits_init(struct proxy_request *r)
{
    r->counted = (struct proxy_counted){NODE_COUNTS_NONE, NODE_COUNTS_NONE};
}

static void drop(struct proxy_request *r, uint32_t *slot)
{
    if (*slot == NODE_COUNTS_NONE)
        return;
    const struct proxy_options *o = &r->proxy->options;
    node_counts_drop(node_segment_counts(o->node), o->worker, *slot);
    *slot = NODE_COUNTS_NONE;
}

void proxy_limits_drop(struct proxy_request *r)
{
    drop(r, &r->counted.client);
    drop(r, &r->counted.route);
}

/* Whole seconds, rounded up (RFC 9110 section 10.2.3). */
static uint32_t seconds_of(uint64_t ns)
{
    uint64_t s = ns / SECOND_NS + (ns % SECOND_NS != 0);
    return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

/* A request that is refused does not count while its answer is on the way. */
static enum proxy_turn refuse(struct proxy_request *r, enum proxy_limit which,
                              uint32_t retry_after_s)
{
    r->proxy->stats.limited[which]++;
    proxy_limits_drop(r);
    bool rate = which == PROXY_LIMIT_CLIENT_RATE || which == PROXY_LIMIT_ROUTE_RATE;
    enum proxy_turn turn = proxy_error_refuse(
        r, 429, rate ? "too many requests" : "too many requests at the same time", (struct str){0});
    r->failure.retry_after_s = retry_after_s;
    return turn;
}

/* Counts the request, unless that passes the limit. */
static bool is_one_too_many(struct proxy_request *r, const struct subject *s)
{
    const struct proxy_options *o = &r->proxy->options;
    uint32_t sum = 0;
    assert(*s->slot == NODE_COUNTS_NONE);
    *s->slot = node_counts_add(node_segment_counts(o->node), o->worker, s->key, &sum);
    return sum > s->concurrent_max;
}

/* A request that is refused for one limit takes no token of the other. */
static enum proxy_turn judge(struct proxy_request *r, const struct subject *s, enum proxy_step next)
{
    if (s->concurrent_max > 0 && is_one_too_many(r, s))
        return refuse(r, s->concurrent_name, 1);
    if (s->rate->period_ns == 0)
        return proxy_request_go(r, next);
    struct node_rate *rates = node_segment_rate(r->proxy->options.node);
    uint64_t wait_ns = node_rate_take(rates, s->key, s->rate, now_mono_ns());
    if (wait_ns > 0)
        return refuse(r, s->rate_name, seconds_of(wait_ns));
    return proxy_request_go(r, next);
}

enum proxy_step proxy_limits_first(const struct proxy *p)
{
    return p->limits_clients ? PROXY_ADMIT : PROXY_PATH;
}

enum proxy_turn proxy_limits_admit(struct proxy_request *r)
{
    const struct proxy_options *o = &r->proxy->options;
    struct subject s = {
        .key = node_segment_key(o->node, KEY_CLIENT, proxy_client_address(r), (struct str){0}),
        .rate = &o->client_rate,
        .concurrent_max = o->client_requests_max,
        .rate_name = PROXY_LIMIT_CLIENT_RATE,
        .concurrent_name = PROXY_LIMIT_CLIENT_REQUESTS,
        .slot = &r->counted.client,
    };
    return judge(r, &s, PROXY_PATH);
}

/* Requests without the field are counted together. */
static struct str header_value(const struct proxy_request *r, struct str name)
{
    const struct http_field *field = http_head_find_name(&r->down->request->fields, name);
    return field != NULL ? field->value : (struct str){0};
}

static struct str told_apart_by(const struct proxy_request *r, const struct catalog_limits *l)
{
    switch (l->by) {
    case CATALOG_LIMITS_CLIENT:
        return proxy_client_address(r);
    case CATALOG_LIMITS_HEADER:
        return header_value(r, l->header);
    case CATALOG_LIMITS_ROUTE:
    default:
        return (struct str){0};
    }
}

enum proxy_turn proxy_limits_route(struct proxy_request *r)
{
    const struct catalog_limits *l = r->route->limits;
    struct subject s = {
        .key = node_segment_key(r->proxy->options.node, KEY_ROUTE, l->scope, told_apart_by(r, l)),
        .rate = &l->rate,
        .concurrent_max = l->concurrent_max,
        .rate_name = PROXY_LIMIT_ROUTE_RATE,
        .concurrent_name = PROXY_LIMIT_ROUTE_REQUESTS,
        .slot = &r->counted.route,
    };
    return judge(r, &s, PROXY_SIZE);
}
