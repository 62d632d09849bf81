/* One version of a service: immutable but for whose turn it is, shared by reference between the catalog and
 * the requests that use it.
 */
#ifndef PROXY_CATALOG_SERVICE_H
#define PROXY_CATALOG_SERVICE_H

#include "base/arena.h"
#include "node/node_health.h"

struct balance;
struct model_resource;
struct model_service;
struct node_segment;
struct upstream_url;

/* Read by anyone. */
struct catalog_service {
    uint32_t refs;
    struct model_resource *resource;
    const struct model_service *model; /* of resource */
    struct arena arena;                /* of the URLs */
    struct upstream_url *urls;         /* those that can be used */
    size_t url_count;
    struct balance *balance;          /* over them */
    struct node_health_mark *marks;   /* of each; NULL without a node segment */
    struct node_health_policy policy; /* when requests eject one */
};

/* Takes over r, a service. URLs that cannot be used are logged and left out. node may be NULL: nothing is known
 * of the URLs' health then. */
struct catalog_service *catalog_service_create(struct model_resource *r,
                                               const struct node_segment *node);
struct catalog_service *catalog_service_ref(struct catalog_service *s);
void catalog_service_unref(struct catalog_service *s);

/* Goes on with the turns of old, if both have the same URLs and weights. */
void catalog_service_continue(struct catalog_service *s, const struct catalog_service *old);

#endif
