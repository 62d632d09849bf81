/* Refuses requests past the limits of clients and routes: 429 with Retry-After. All counting is in the node segment, so
 * that limits hold for all workers together; a request that no limit is for does not touch it.
 */
#ifndef PROXY_PROXY_LIMITS_H
#define PROXY_PROXY_LIMITS_H

#include "proxy/proxy_request.h"

/* The request counts for nothing yet. */
void proxy_limits_init(struct proxy_request *r);

/* It counts for nothing any more; may be repeated. */
void proxy_limits_drop(struct proxy_request *r);

/* The step that follows once a client may ask at all: ADMIT, or PATH where there are no limits of clients. */
enum proxy_step proxy_limits_first(const struct proxy *p);

/* Step ADMIT: the limits of every client, before anything is looked at. */
enum proxy_turn proxy_limits_admit(struct proxy_request *r);

/* Step LIMIT: the limits of the route, which has some. */
enum proxy_turn proxy_limits_route(struct proxy_request *r);

#endif
