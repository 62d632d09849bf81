#include "http/http_client.h"

#include "http/h1_pool.h"

struct http_client *http_client_create(struct loop *loop, const struct http_client_options *options)
{
    return h1_pool_create(loop, options);
}

struct exchange *http_client_open(struct http_client *c, const struct http_client_request *r)
{
    return c->impl->open(c, r);
}

void http_client_stats_get(const struct http_client *c, struct http_client_stats *ret)
{
    c->impl->stats(c, ret);
}

void http_client_destroy(struct http_client *c)
{
    if (c != NULL)
        c->impl->destroy(c);
}
