/* What a worker serves from: domains, services, routes and modules in memory, kept up to date one resource at a time.
 *
 * It is changed between requests. A request that has matched holds references to its route, service and
 * program only, and ends on what it began with.
 */
#ifndef PROXY_CATALOG_H
#define PROXY_CATALOG_H

#include "model/model.h"
#include "route/router.h"
#include "script/script.h"

struct catalog;
struct catalog_route;

struct catalog_options {
    bool default_namespace; /* hosts without a domain fall back to "default" */
};

/* vm is borrowed; programs are linked when a request first needs them, so that a change costs little. */
struct catalog *catalog_create(struct script_vm *vm, const struct catalog_options *options);
void catalog_destroy(struct catalog *c);

/* Takes over r and replaces what had its address. Only namespace, domain, service, route and module concern the
 * catalog; others are destroyed at once. A route that conflicts with another is logged and not served. */
void catalog_put(struct catalog *c, struct model_resource *r);

/* Removes; no effect when absent. */
void catalog_remove(struct catalog *c, const struct model_ref *ref);

/* Removes everything. */
void catalog_clear(struct catalog *c);

/* How many of a kind there are. */
size_t catalog_count(const struct catalog *c, enum model_kind kind);

#endif
