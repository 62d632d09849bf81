/* What a worker serves from: domains, services, routes and modules in memory, kept up to date one resource
 * at a time.
 *
 * It is changed between requests. A request that has matched holds references to its route, service and
 * program only, and ends on what it began with. Resources may come in any order: a route waits for the
 * service and modules it names, and for a path that another route still has.
 */
#ifndef PROXY_CATALOG_H
#define PROXY_CATALOG_H

#include "model/model.h"

struct catalog;
struct node_segment;
struct router;
struct script_vm;

struct catalog_options {
    bool default_namespace;          /* hosts without a domain fall back to "default" */
    const struct node_segment *node; /* where the health of upstreams is; borrowed; NULL: nowhere */
};

/* vm is borrowed; programs are linked when a request first needs them, so that a change costs little. */
struct catalog *catalog_create(struct script_vm *vm, const struct catalog_options *options);
void catalog_destroy(struct catalog *c);

/* Takes over r and replaces what had its address. Only namespace, domain, service, route and module concern
 * the catalog; others are destroyed at once. A route that conflicts with another is logged and not
 * served until the other one is gone. */
void catalog_put(struct catalog *c, struct model_resource *r);

/* Removes; no effect when absent. */
void catalog_remove(struct catalog *c, const struct model_ref *ref);

/* Removes everything. */
void catalog_clear(struct catalog *c);

/* Forgets the programs of all routes: they are made anew when a request needs them. */
void catalog_relink(struct catalog *c);

/* How many of a kind there are. */
size_t catalog_count(const struct catalog *c, enum model_kind kind);

/* The routes of the namespace that serves host (without port and brackets; may be empty), whose targets are
 * struct catalog_route; NULL when there is none: the first domain that matches decides; without a
 * match it is "default" if it has no domain of its own, and without any domain the only namespace.
 * Borrowed until the next change. */
const struct router *catalog_router(const struct catalog *c, struct str host);

/* What it was created with. */
struct script_vm *catalog_vm(const struct catalog *c);

#endif
