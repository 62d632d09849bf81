#include "proxy/proxy_access_log.h"

#include "io/line_writer.h"
#include "model/model.h"
#include "proxy/access_record.h"
#include "proxy/catalog_route.h"
#include "proxy/proxy_client.h"

enum { NS_PER_US = 1000 };

void proxy_access_log_begin(struct proxy_request *r)
{
    if (r->proxy->options.access_log == NULL)
        return;
    r->times.begin_ns = now_mono_ns();
    r->times.begin_wall_ms = now_wall_ms();
}

static struct str received_value(const struct proxy_request *r, struct str name)
{
    const struct http_field *f = http_head_find_name(&r->down->request->fields, name);
    return f != NULL ? f->value : (struct str){0};
}

/* Why the request did not go as it should; a module may have answered nevertheless. */
static struct str error_of(const struct proxy_request *r)
{
    if (r->failure.status != 0)
        return r->failure.detail;
    return str_of(r->cut_short);
}

static uint64_t known_us(uint64_t ns)
{
    return ns > 0 ? ns / NS_PER_US : ACCESS_RECORD_NONE;
}

/* A body is handed over also where the message has none. */
static uint64_t body_sent(const struct proxy_request *r)
{
    const bool none = str_eq(r->down->request->method, STR("HEAD")) || r->reply.status == 304;
    return none ? 0 : r->down->body_sent;
}

void proxy_access_log_end(const struct proxy_request *r)
{
    const struct proxy_options *o = &r->proxy->options;
    if (o->access_log == NULL)
        return;
    const struct http_head *head = r->down->request;
    const struct model_route *route = r->route != NULL ? r->route->model : NULL;
    const struct access_record record = {
        .wall_ms = r->times.begin_wall_ms,
        .client = proxy_client_address(r),
        .method = head->method,
        .host = head->authority,
        .target = head->target,
        .version = head->version,
        .status = r->reply.status,
        .sent = body_sent(r),
        .received = r->upload.received,
        .duration_us = (now_mono_ns() - r->times.begin_ns) / NS_PER_US,
        .upstream = r->attempt.url != NULL ? r->attempt.url->text : (struct str){0},
        .upstream_us = known_us(r->times.head_ns),
        .module_us = known_us(r->times.module_ns),
        .retries = r->attempt.failures,
        .ns = str_of(route != NULL ? route->ns : NULL),
        .route = str_of(route != NULL ? route->name : NULL),
        .service = str_of(r->limits != NULL ? r->limits->name : NULL),
        .id = r->id,
        .error = error_of(r),
        .user_agent = received_value(r, STR("User-Agent")),
        .referer = received_value(r, STR("Referer")),
    };
    char line[ACCESS_RECORD_MAX];
    (void)line_writer_add(o->access_log, access_record_write(&record, o->access_format, line));
}
