/* Who the client of a request is. */
#ifndef PROXY_PROXY_CLIENT_H
#define PROXY_PROXY_CLIENT_H

#include "proxy/proxy_request.h"

/* Its numeric address, without port; lives as long as the client's exchange. */
struct str proxy_client_address(const struct proxy_request *r);

#endif
