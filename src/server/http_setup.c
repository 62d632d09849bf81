#include "server/http_setup.h"

#include "io/line_writer.h"
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

static struct line_writer_options access_log_options(const struct config *c)
{
    return (struct line_writer_options){
        .name = "access log",
        .path = c->proxy.access_log_file,
        .buffer_max = (size_t)c->limits.access_log_buffer,
    };
}

enum err_code http_setup_try_access_log(const struct config *c, struct err *e)
{
    const struct line_writer_options options = access_log_options(c);
    return c->proxy.access_log == CONFIG_ACCESS_LOG_OFF ? ERR_OK : line_writer_try(&options, e);
}

enum err_code http_setup_access_log(struct loop *loop, const struct config *c,
                                    struct line_writer **ret, struct err *e)
{
    const struct line_writer_options options = access_log_options(c);
    return line_writer_open(loop, &options, ret, e);
}

struct http_server_options http_setup_server(const struct config_limits *l)
{
    return (struct http_server_options){
        .limits = http_setup_limits(l),
        .header_timeout_ms = (uint64_t)l->header_timeout_ms,
        .idle_timeout_ms = (uint64_t)l->client_idle_timeout_ms,
        .body_rate_min = (uint64_t)l->request_body_rate_min,
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

struct proxy_options http_setup_proxy(const struct config *c)
{
    return (struct proxy_options){
        .x_forwarded_headers = !c->proxy.disable_x_forwarded_headers,
        .merge_slashes = c->proxy.merge_slashes,
        .connect_timeout_ms = (uint64_t)c->limits.connect_timeout_ms,
        .request_timeout_ms = (uint64_t)c->limits.request_timeout_ms,
        .request_body_max = (uint64_t)c->limits.request_body_max,
        .retries_max = (uint32_t)c->limits.retries_max,
        .module_memory = (size_t)c->limits.module_request_memory,
        .collect_max = (size_t)c->limits.module_body_max,
        .replay_max = (size_t)c->limits.exchange_buffer,
        .request_body_timeout_ms = (uint64_t)c->limits.client_idle_timeout_ms,
    };
}

struct fetch_options http_setup_fetch(const struct config *c, struct resolver *resolver)
{
    const struct config_limits *l = &c->limits;
    struct fetch_options options = {
        .resolver = resolver,
        .limits = http_setup_limits(l),
        .connect_timeout_ms = (uint64_t)l->fetch_connect_timeout_ms,
        .idle_timeout_ms = (uint64_t)l->fetch_idle_timeout_ms,
        .keepalive_ms = (uint64_t)l->upstream_keepalive_ms,
        .connections_max = (uint32_t)l->fetch_connections,
        .queue_max = (uint32_t)l->fetch_queue,
        .idle_max = (uint32_t)l->fetch_idle_connections,
        .refuse_private = c->proxy.disable_private_ips,
    };
    options.limits.head_max = (uint32_t)l->fetch_header_max;
    return options;
}

struct resolver *http_setup_resolver(struct loop *loop)
{
    const struct resolver_options options = {.ttl_max_ms = DNS_TTL_MAX_MS,
                                             .negative_ms = DNS_NEGATIVE_MS,
                                             .timeout_ms = DNS_TIMEOUT_MS,
                                             .names_max = DNS_NAMES_MAX};
    return resolver_create(loop, &options);
}
