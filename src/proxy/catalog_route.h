/* One version of a route: what matching leads to. Shared by reference between the catalog and requests;
 * a request that holds one ends on what it began with.
 */
#ifndef PROXY_CATALOG_ROUTE_H
#define PROXY_CATALOG_ROUTE_H

#include "codec/http_head.h"
#include "proxy/catalog_slot.h"

struct catalog_limits;
struct err;
struct model_route;
struct pattern;
struct router;
struct script_program;
struct script_vm;

/* Read by anyone. */
struct catalog_route {
    uint32_t refs;
    struct hmap_node node;     /* in its namespace, by name */
    struct ilist_node waiting; /* linked while it is not served because of a conflict */
    struct model_resource *resource;
    const struct model_route *model; /* of resource */
    struct pattern **patterns;
    size_t pattern_count;
    struct http_fields fields;   /* X-DGate-*: what upstreams are told about it */
    struct catalog_use service;  /* slot is NULL: the route has none */
    struct catalog_use *modules; /* in the route's order */
    size_t module_count;
    struct catalog_limits *limits;  /* NULL: it has none */
    struct script_program *program; /* linked; NULL before, or after a module changed */
    uint64_t fingerprint;           /* of its code; 0: not looked at since a module changed */
    struct err *link_error;         /* why linking failed; NULL: it did not */
};

/* Takes over r, a route, and uses the places it names. Patterns that cannot be compiled are logged and left
 * out. Never NULL. */
struct catalog_route *catalog_route_create(struct model_resource *r, struct hmap *services,
                                           struct hmap *modules);
struct catalog_route *catalog_route_ref(struct catalog_route *r);
void catalog_route_unref(struct catalog_route *r);

/* Ends its use of places and forgets the program: it is not in the catalog any more. */
void catalog_route_detach(struct catalog_route *r, struct hmap *services, struct hmap *modules);

/* Lets the router lead to it. False, with no change, when another route has one of its paths and methods. */
bool catalog_route_enter(struct catalog_route *r, struct router *router)
    __attribute__((warn_unused_result));
void catalog_route_leave(struct catalog_route *r, struct router *router);

/* The current version of its service, borrowed from the catalog; NULL: it has none, or it does not exist. */
struct catalog_service *catalog_route_service(const struct catalog_route *r);

/* Its program, linked if it is not yet; borrowed. NULL with e filled when it cannot be: this is logged once
 * and kept until a module changes. Only for routes with modules that are in the catalog. */
struct script_program *catalog_route_link(struct catalog_route *r, struct script_vm *vm,
                                          struct err *e);

/* script_program_fingerprint() of it as it is now. Only for routes with modules that are in the catalog. */
uint64_t catalog_route_fingerprint(struct catalog_route *r);

/* Forgets the program or the error: a module changed. */
void catalog_route_unlink(struct catalog_route *r);

#endif
