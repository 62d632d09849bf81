/* A route with its modules, alone in a catalog and a proxy of its own, and requests through it: the client is in memory,
 * and so is the upstream, unless a real one was asked for.
 */
#ifndef RUNTIME_STAGE_ROUTE_H
#define RUNTIME_STAGE_ROUTE_H

#include "http/exchange_mem.h"
#include "runtime/sources.h"
#include "runtime/stage.h"

struct stage_route;

/* fields (may be NULL) are those of a route in the admin API, but for namespace, service and modules; without
 * paths it has all, without methods all. service is that of a service, or NULL: the route has none. modules, in the route's
 * order, are compiled. real: upstreams are connected to. NULL with problems. */
struct stage_route *stage_route_create(struct stage *s, const json_t *fields, const json_t *service,
                                       const struct source_list *modules, bool real,
                                       struct model_problems *problems);

/* Drops requests that are under way. NULL is allowed. */
void stage_route_destroy(struct stage_route *r);

/* A request as if received, with all of its body; head is copied, which needs at most 256 KiB. The result is the route's until
 * stage_route_release(). address: of the client. */
struct exchange *stage_route_request(struct stage_route *r, const struct http_head *head,
                                     struct str body, const char *address);

/* Ends a request, whatever its state: its client is gone. */
void stage_route_release(struct stage_route *r, struct exchange *x);

/* From now on what fails is not logged. */
void stage_route_silence(struct stage_route *r);

/* Why that request failed, or its response broke off; NULL: it did not, or the peer did it. Valid until it is released. */
const char *stage_route_why(const struct stage_route *r, const struct exchange *x);

/* Delivers what can be delivered now; false when nothing could. */
bool stage_route_pump(struct stage_route *r);

/* Whether the response is complete, or will never be. */
bool stage_route_answered(const struct exchange *x);

/* The next exchange with an upstream in memory whose request is complete; NULL: none. To be answered as in
 * http/exchange_mem.h, unless it ended meanwhile (x->done). */
struct exchange *stage_route_next_upstream(struct stage_route *r);

/* Whether the modules for a request with that head link; false with e filled when they do not, and every such request will
 * be answered 500. True as well when the route does not match it. */
bool stage_route_links(struct stage_route *r, const struct http_head *head, struct err *e);

/* Whether a module or an upstream has failed in any request so far. */
bool stage_route_failed(const struct stage_route *r);

#endif
