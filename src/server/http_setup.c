#include "server/http_setup.h"

#include "io/line_writer.h"

enum { HALF_CLOSE_PROBE_MS = 100 };

struct http1_limits http_setup_limits(const struct config_limits *l)
{
    return (struct http1_limits){.line_max = (uint32_t)l->request_line_max,
                                 .head_max = (uint32_t)l->header_max,
                                 .fields_max = (uint32_t)l->header_fields_max,
                                 .trailer_max = (uint32_t)l->trailer_max};
}

enum err_code http_setup_access_log(struct loop *loop, const struct config *c,
                                    struct line_writer **ret, struct err *e)
{
    const struct line_writer_options options = {
        .name = "access log",
        .path = c->proxy.access_log_file,
        .buffer_max = (size_t)c->limits.access_log_buffer,
    };
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
