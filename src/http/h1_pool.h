/* Connections to upstreams over HTTP/1, kept alive between exchanges: an implementation of http_client.h. */
#ifndef HTTP_H1_POOL_H
#define HTTP_H1_POOL_H

#include "http/http_client.h"

/* As http_client_create(). */
struct http_client *h1_pool_create(struct loop *loop, const struct http_client_options *options);

#endif
