#include "proxy/proxy_error.h"

#include <assert.h>

#include "base/log.h"
#include "model/model.h"
#include "proxy/catalog_route.h"
#include "proxy/proxy_attempt.h"
#include "proxy/proxy_headers.h"

enum { BODY_MAX = 1024, FIELDS_MAX = 24 };

bool proxy_error_tell(const struct proxy_request *r, struct str why)
{
    const struct proxy_options *o = &r->proxy->options;
    return o->failed != NULL && o->failed(o->failed_user, r->down, why);
}

static void log_failure(const struct proxy_request *r)
{
    const struct proxy_failure *f = &r->failure;
    enum log_level level = f->status >= 500 ? LOG_WARN : LOG_DEBUG;
    if (proxy_error_tell(r, f->detail) || !log_enabled(level))
        return;
    char status[8];
    (void)snprintf(status, sizeof(status), "%u", (unsigned)f->status);
    const struct model_route *route = r->route != NULL ? r->route->model : NULL;
    const struct log_field fields[] = {
        {"request_id", r->id},
        {"status", str_of(status)},
        {"step", str_of(proxy_request_step_name(r))},
        {"namespace", str_of(route != NULL ? route->ns : "")},
        {"route", str_of(route != NULL ? route->name : "")},
        {"path", r->path},
        {"module", f->module},
        {"limit", str_of(f->limit != NULL ? f->limit : "")},
    };
    size_t n = ARRAY_LEN(fields);
    if (f->limit == NULL)
        n -= f->module.len > 0 ? 1 : 2;
    log_write_fields(level, "proxy", f->detail, fields, n);
}

enum proxy_turn proxy_error_fail(struct proxy_request *r, const struct proxy_failure *failure)
{
    r->failure = *failure;
    if (r->failure.detail.len == 0)
        r->failure.detail = str_of(failure->text);
    log_failure(r);
    return proxy_request_go(r, failure->unhandled ? PROXY_ERROR : PROXY_RESCUE);
}

enum proxy_turn proxy_error_raise(struct proxy_request *r, uint16_t status, const char *text,
                                  struct str detail)
{
    return proxy_error_fail(
        r, &(struct proxy_failure){.status = status, .text = text, .detail = detail});
}

enum proxy_turn proxy_error_refuse(struct proxy_request *r, uint16_t status, const char *text,
                                   struct str detail)
{
    return proxy_error_fail(
        r, &(struct proxy_failure){
               .status = status, .text = text, .detail = detail, .unhandled = true});
}

enum proxy_turn proxy_error_memory(struct proxy_request *r)
{
    return proxy_error_refuse(r, 503, "the request needs too much memory", (struct str){0});
}

enum proxy_turn proxy_error_send(struct proxy_request *r)
{
    const struct proxy_failure *f = &r->failure;
    assert(f->status >= 400 && f->text != NULL);
    proxy_request_unwait(r);
    proxy_attempt_drop(r);
    if (r->down->head_sent)
        return proxy_request_abort(r, EXCHANGE_CANCELED);

    struct http_fields fields;
    if (!proxy_headers_own(r, NULL, &fields))
        fields = (struct http_fields){0};
    if (f->allow.len > 0 && !http_head_add(&fields, &r->down->arena, STR("Allow"), f->allow))
        fields.n = 0;
    char seconds[12];
    (void)snprintf(seconds, sizeof(seconds), "%u", (unsigned)f->retry_after_s);
    if (f->retry_after_s > 0 &&
        !http_head_add(&fields, &r->down->arena, STR("Retry-After"), str_of(seconds)))
        fields.n = 0;
    if (fields.n > FIELDS_MAX)
        fields.n = FIELDS_MAX;
    /* The texts are ours and the id is a token: nothing needs escaping. */
    char body[BODY_MAX];
    int n = snprintf(body, sizeof(body),
                     "{\"error\":\"%s\",%s%s%s\"status\":%u,\"request_id\":\"%.*s\"}", f->text,
                     f->limit != NULL ? "\"limit\":\"" : "", f->limit != NULL ? f->limit : "",
                     f->limit != NULL ? "\"," : "", (unsigned)f->status, STR_ARG(r->id));
    assert(n > 0 && (size_t)n < sizeof(body));
    r->reply.status = f->status;
    exchange_respond(r->down, f->status, &fields, STR("application/json"),
                     (struct str){body, (size_t)n});
    return proxy_request_go(r, PROXY_CLOSED);
}
