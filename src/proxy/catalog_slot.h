/* The place of a service or a module in a namespace, by name. Routes point to the place, not to what is in it,
 * so that a change of a service or module is one pointer, whatever the number of routes; and a route
 * may come before what it names.
 */
#ifndef PROXY_CATALOG_SLOT_H
#define PROXY_CATALOG_SLOT_H

#include "base/hmap.h"
#include "base/ilist.h"

struct catalog_route;
struct catalog_service;
struct model_resource;

/* Read by anyone; changed by the catalog. A place exists while it holds or is used by something. */
struct catalog_slot {
    struct hmap_node node;
    char *name;
    struct ilist uses;               /* of struct catalog_use */
    struct catalog_service *service; /* what a place for services holds; NULL: nothing */
    struct model_resource *module;   /* what a place for modules holds; NULL: nothing */
};

/* One route's use of a place; embedded in the route. */
struct catalog_use {
    struct ilist_node node;
    struct catalog_slot *slot; /* NULL: none */
    struct catalog_route *route;
};

/* The place of that name in m (keyed by name), or NULL; made if it is absent. */
struct catalog_slot *catalog_slot_find(const struct hmap *m, struct str name);
struct catalog_slot *catalog_slot_get(struct hmap *m, struct str name);

/* Begins and ends a use. Ending the use of an unused, empty place removes it from m. */
void catalog_slot_enter(struct catalog_use *u, struct catalog_slot *s, struct catalog_route *r);
void catalog_slot_leave(struct hmap *m, struct catalog_use *u);

/* Replaces what a place holds (NULL: nothing); takes over the new and releases the old one. May free s. */
void catalog_slot_set_service(struct hmap *m, struct catalog_slot *s,
                              struct catalog_service *service);
void catalog_slot_set_module(struct hmap *m, struct catalog_slot *s, struct model_resource *module);

#endif
