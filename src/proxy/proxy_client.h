/* Who the client is: the one address that forwarding fields, limits, balancing, allow lists, the access log and modules
 * use.
 */
#ifndef PROXY_PROXY_CLIENT_H
#define PROXY_PROXY_CLIENT_H

#include "proxy/proxy_request.h"

/* Finds the client of a request that begins: the peer, or what the trusted proxies in front say
 * (options.x_forwarded_for_depth). An entry that is no IP address is not believed: then it is the peer. */
void proxy_client_find(struct proxy_request *r);

/* Its IP address in canonical text; empty when there is none (in memory). Lives as long as r. */
struct str proxy_client_address(const struct proxy_request *r);

/* Whether the client itself speaks https: to us, or to the first of the trusted proxies. */
bool proxy_client_secure(const struct proxy_request *r);

#endif
