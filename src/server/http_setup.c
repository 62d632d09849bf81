#include "server/http_setup.h"

#include "io/resolver.h"

enum {
    HALF_CLOSE_PROBE_MS = 100,
    DNS_TTL_MAX_MS = 60000,
    DNS_NEGATIVE_MS = 1000,
    DNS_TIMEOUT_MS = 2000,
    DNS_NAMES_MAX = 4096,
};

struct http1_limits http_setup_limits(const struct config_limits *l)
{
    return (struct http1_limits){.line_max = (uint32_t)l->request_line_max,
                                 .head_max = (uint32_t)l->header_max,
                                 .fields_max = (uint32_t)l->header_fields_max,
                                 .trailer_max = (uint32_t)l->trailer_max};
}

struct http_server_options http_setup_server(const struct config_limits *l)
{
    return (struct http_server_options){
        .limits = http_setup_limits(l),
        .header_timeout_ms = (uint64_t)l->header_timeout_ms,
        .idle_timeout_ms = (uint64_t)l->client_idle_timeout_ms,
        .buffer = (size_t)l->exchange_buffer,
        .request_memory = (size_t)l->request_memory,
        .connections_max = (uint32_t)l->client_connections,
        .drain_max = (uint32_t)l->exchange_buffer,
        .half_close_probe_ms = HALF_CLOSE_PROBE_MS,
    };
}

struct http_client_options http_setup_client(const struct config_limits *l,
                                             struct resolver *resolver)
{
    return (struct http_client_options){
        .limits = http_setup_limits(l),
        .idle_timeout_ms = (uint64_t)l->upstream_idle_timeout_ms,
        .keepalive_ms = (uint64_t)l->upstream_keepalive_ms,
        .buffer = (size_t)l->exchange_buffer,
        .request_memory = (size_t)l->request_memory,
        .connections_max = (uint32_t)l->upstream_connections,
        .queue_max = (uint32_t)l->upstream_queue,
        .resolver = resolver,
    };
}

struct resolver *http_setup_resolver(struct loop *loop)
{
    const struct resolver_options options = {.ttl_max_ms = DNS_TTL_MAX_MS,
                                             .negative_ms = DNS_NEGATIVE_MS,
                                             .timeout_ms = DNS_TIMEOUT_MS,
                                             .names_max = DNS_NAMES_MAX};
    return resolver_create(loop, &options);
}
