/* Who sent a request. */
#ifndef PROXY_PROXY_CLIENT_H
#define PROXY_PROXY_CLIENT_H

#include "base/str.h"

struct proxy_request;

/* The client's address, numeric and without port; lives as long as the request. */
struct str proxy_client_address(const struct proxy_request *r);

#endif
