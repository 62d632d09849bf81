/* Who may ask for what, before a route is looked for: addresses of clients, hosts that are served, hosts that want
 * https. Made of the configuration, once; requests of a server without such rules never come here.
 */
#ifndef PROXY_PROXY_ACCESS_H
#define PROXY_PROXY_ACCESS_H

#include "proxy/proxy_request.h"

/* Takes what the options say; entries that are not valid are logged and match nothing. */
void proxy_access_init(struct proxy_access *a, const struct proxy_options *options);
void proxy_access_finish(struct proxy_access *a);

/* Step ACCESS: only with an allow list; 403 for a client that is not on it. */
enum proxy_turn proxy_access_client(struct proxy_request *r);

/* Step HOST: only with rules for hosts; 403 for a host that is not served, 307 to https for one that wants it. */
enum proxy_turn proxy_access_host(struct proxy_request *r);

#endif
