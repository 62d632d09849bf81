/* The limits of a route, as requests are judged by them. */
#ifndef PROXY_CATALOG_LIMITS_H
#define PROXY_CATALOG_LIMITS_H

#include "base/str.h"
#include "node/node_rate.h"

struct model_route;

/* By what requests are told apart. */
enum catalog_limits_by { CATALOG_LIMITS_CLIENT, CATALOG_LIMITS_ROUTE, CATALOG_LIMITS_HEADER };

struct catalog_limits {
    struct node_rate_limit rate; /* period_ns is 0: none */
    uint32_t concurrent_max;     /* 0: no limit */
    enum catalog_limits_by by;
    struct str header; /* HEADER: its name; borrowed from the route */
    struct str scope;  /* the route's own part of keys; of text */
    char *text;
};

/* NULL when the route has none. The route must live longer. */
struct catalog_limits *catalog_limits_create(const struct model_route *route);
void catalog_limits_destroy(struct catalog_limits *l);

#endif
