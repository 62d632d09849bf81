#include "proxy/catalog_limits.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/model.h"
#include "model/rate.h"

/* Names have no control characters, so that NUL keeps the two apart. */
static void make_scope(struct catalog_limits *l, const char *ns, const char *name)
{
    size_t a = strlen(ns) + 1;
    size_t b = strlen(name);
    l->text = mem_alloc(a + b);
    memcpy(l->text, ns, a);
    memcpy(l->text + a, name, b);
    l->scope = (struct str){l->text, a + b};
}

struct catalog_limits *catalog_limits_create(const struct model_route *route)
{
    if (route->rate_limit == 0 && route->max_concurrent == 0)
        return NULL;
    struct catalog_limits *l = mem_alloc(sizeof(*l));
    struct str by = str_of(route->limit_by);
    struct str prefix = STR(MODEL_LIMIT_BY_HEADER);
    struct rate rate = {route->rate_limit, route->rate_period_ns, route->rate_burst};
    if (route->rate_limit > 0)
        l->rate = (struct node_rate_limit){rate_interval_ns(&rate), rate_burst(&rate)};
    l->concurrent_max = (uint32_t)route->max_concurrent;
    if (str_starts(by, prefix)) {
        l->by = CATALOG_LIMITS_HEADER;
        l->header = str_skip(by, prefix.len);
    } else if (str_eq(by, STR("route"))) {
        l->by = CATALOG_LIMITS_ROUTE;
    }
    make_scope(l, route->ns, route->name);
    return l;
}

void catalog_limits_destroy(struct catalog_limits *l)
{
    if (l == NULL)
        return;
    free(l->text);
    free(l);
}
