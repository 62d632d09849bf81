/* One version of a service: immutable but for its round-robin position, shared by reference between the
 * catalog and the requests that use it.
 */
#ifndef PROXY_CATALOG_SERVICE_H
#define PROXY_CATALOG_SERVICE_H

#include <stddef.h>
#include <stdint.h>

struct model_resource;
struct model_service;
struct upstream_url;

struct catalog_service;

/* Takes over r, a service. URLs that cannot be used are logged and left out. */
struct catalog_service *catalog_service_create(struct model_resource *r);
struct catalog_service *catalog_service_ref(struct catalog_service *s);
void catalog_service_unref(struct catalog_service *s);

/* Borrowed from s. */
const struct model_service *catalog_service_model(const struct catalog_service *s);

/* The next URL in turn, borrowed from s; NULL when it has none. */
const struct upstream_url *catalog_service_next(struct catalog_service *s);

/* The URL after the given one, which is of s: another one if it has several. */
const struct upstream_url *catalog_service_after(const struct catalog_service *s,
                                                 const struct upstream_url *url);

/* Goes on where old stopped, if both have the same URLs. */
void catalog_service_continue(struct catalog_service *s, const struct catalog_service *old);

#endif
