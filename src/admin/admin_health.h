/* What this node knows about the upstreams of a service. */
#ifndef ADMIN_ADMIN_HEALTH_H
#define ADMIN_ADMIN_HEALTH_H

struct admin_request;

void admin_health_get(struct admin_request *rq);

#endif
