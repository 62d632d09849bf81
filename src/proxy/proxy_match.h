/* From a request's head to its route and service. */
#ifndef PROXY_PROXY_MATCH_H
#define PROXY_PROXY_MATCH_H

#include "proxy/proxy_request.h"

/* Step PATH: the target's path in its one normal form. */
enum proxy_turn proxy_match_path(struct proxy_request *r);

/* Step NAMESPACE: by host. */
enum proxy_turn proxy_match_namespace(struct proxy_request *r);

/* Step MATCH: by path and method. From here on the request holds its route and service. */
enum proxy_turn proxy_match_route(struct proxy_request *r);

/* Step CHOOSE: the upstream's URL, or the module that finds it or answers itself. */
enum proxy_turn proxy_match_choose(struct proxy_request *r);

/* The URL that the service's policy chooses, for the first attempt. */
enum proxy_turn proxy_match_default(struct proxy_request *r);

#endif
