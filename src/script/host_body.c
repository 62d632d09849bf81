/* Bodies: read whole, replaced whole; the response of the modules grows with each send(). */
#include "script/host_body.h"

#include "codec/http_head.h"
#include "script/host_fields.h"
#include "script/host_groups.h"
#include "script/host_message.h"
#include "script/jsvalue.h"
#include "script/script_vm.h"
#include "script/unit.h"

enum { SNIFFED = 512 };

static struct script_body *body_of(struct script_exchange *x, int side)
{
    return side == HOST_MESSAGE_REQUEST ? &x->request_body : &x->upstream_body;
}

/* The body for (handle, side) to be read; NULL, with *exception set, when it is not there. */
static const struct script_body *readable(JSContextRef ctx, size_t argc, const JSValueRef argv[],
                                          JSValueRef *exception)
{
    struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return NULL;
    const int side = (int)host_number(ctx, argc, argv, 1);
    const struct script_body *b = body_of(r->x, side);
    if (b->collected || b->replaced)
        return b;
    (void)jsvalue_throw(ctx, exception, "the %s body is not available here",
                        side == HOST_MESSAGE_REQUEST ? "request" : "response");
    return NULL;
}

static JSValueRef bytes(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                        const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct script_body *b = readable(ctx, argc, argv, exception);
    return b != NULL ? jsvalue_array_buffer(ctx, b->bytes, exception) : JSValueMakeUndefined(ctx);
}

static JSValueRef text(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                       const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct script_body *b = readable(ctx, argc, argv, exception);
    return b != NULL ? jsvalue_decode(ctx, b->bytes, false) : JSValueMakeUndefined(ctx);
}

/* Adds to a body of r's; false with *exception set. */
static bool add(JSContextRef ctx, struct script_run *r, struct buf *body, JSValueRef data,
                JSValueRef *exception)
{
    if (jsvalue_add_data(ctx, data, body, exception))
        return true;
    if (*exception != NULL)
        return false;
    script_run_hit(r, SCRIPT_LIMIT_BODY);
    (void)jsvalue_throw(ctx, exception, "the body is larger than %zu bytes (limit body)",
                        r->unit->limits.body_max);
    return false;
}

/* bodyWrite(handle, side, data) */
static JSValueRef write(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                        const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    struct buf next;
    buf_init(&next, r->unit->limits.body_max);
    if (!add(ctx, r, &next, host_argument(ctx, argc, argv, 2), exception)) {
        buf_finish(&next);
        return JSValueMakeUndefined(ctx);
    }
    struct script_body *b = body_of(r->x, (int)host_number(ctx, argc, argv, 1));
    buf_finish(&b->written);
    b->written = next;
    b->bytes = buf_str(&next);
    b->replaced = true;
    return JSValueMakeUndefined(ctx);
}

static bool is_binary(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1B)
            return true;
    }
    return false;
}

static struct str content_type_of(struct str body)
{
    struct str s = str_slice(body, 0, body.len < SNIFFED ? body.len : SNIFFED);
    if (is_binary(s))
        return STR("application/octet-stream");
    while (s.len > 0 && (*s.p == ' ' || *s.p == '\t' || *s.p == '\n' || *s.p == '\r'))
        s = str_skip(s, 1);
    static const struct str html[] = {{"<!doctype html", 14}, {"<html", 5}};
    for (size_t i = 0; i < ARRAY_LEN(html); i++)
        if (s.len >= html[i].len && str_eq_nocase(str_slice(s, 0, html[i].len), html[i]))
            return STR("text/html; charset=utf-8");
    return STR("text/plain; charset=utf-8");
}

/* What follows when data has been added to the body. */
static bool mark_sent(struct script_exchange *x, uint16_t status)
{
    if (!x->response_sent)
        x->response_status = status;
    x->response_sent = true;
    const struct str body = buf_str(&x->response_body);
    return body.len == 0 || http_head_find(&x->response_fields, HTTP_FIELD_CONTENT_TYPE) != NULL ||
           http_head_add(&x->response_fields, x->arena, STR("Content-Type"), content_type_of(body));
}

/* The response's body, with room for what the module that runs may give. */
static struct buf *response_body(struct script_run *r)
{
    struct buf *b = &r->x->response_body;
    const size_t max = r->unit->limits.body_max;
    b->max = b->len > max ? b->len : max;
    return b;
}

bool host_body_answer(struct script_run *r, uint16_t status, bool is_json, struct str data)
{
    struct script_exchange *x = r->x;
    if (is_json &&
        !http_head_set(&x->response_fields, x->arena, STR("Content-Type"), STR("application/json")))
        return false;
    return buf_add(response_body(r), data) && mark_sent(x, status);
}

/* send(handle, status, data): the first one decides status and type, data may be undefined */
static JSValueRef send(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                       const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    const JSValueRef data = host_argument(ctx, argc, argv, 2);
    if (!JSValueIsUndefined(ctx, data) && !add(ctx, r, response_body(r), data, exception))
        return JSValueMakeUndefined(ctx);
    if (!mark_sent(r->x, (uint16_t)host_number(ctx, argc, argv, 1)))
        return jsvalue_throw(ctx, exception, HOST_FIELDS_TOO_LARGE);
    return JSValueMakeUndefined(ctx);
}

const struct host_function host_body_functions[] = {
    {"bodyBytes", bytes}, {"bodyText", text}, {"bodyWrite", write}, {"send", send}, {NULL, NULL},
};
