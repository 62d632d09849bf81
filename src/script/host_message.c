/* The parts of the request and the upstream's response that are single texts and numbers. */
#include "script/host_message.h"

#include "codec/url.h"
#include "script/host_groups.h"
#include "script/jsvalue.h"
#include "script/resource_text.h"
#include "script/script_vm.h"

enum { PATH_MAX_BYTES = 1024 * 1024 };

static JSValueRef decoded_path(JSContextRef ctx, struct str path)
{
    if (str_index(path, '%', 0) == path.len)
        return jsvalue_text(ctx, path);
    struct buf b;
    buf_init(&b, PATH_MAX_BYTES);
    const bool fits = url_decode(&b, path, false);
    const JSValueRef v = jsvalue_decode(ctx, fits ? buf_str(&b) : path, false);
    buf_finish(&b);
    return v;
}

static struct str text_of(const struct script_exchange *x, enum host_message_text what)
{
    switch (what) {
    case HOST_MESSAGE_ID:
        return x->id;
    case HOST_MESSAGE_METHOD:
        return x->method;
    case HOST_MESSAGE_PATH:
        return x->path;
    case HOST_MESSAGE_HOST:
        return x->host;
    case HOST_MESSAGE_PROTO:
        return x->proto;
    case HOST_MESSAGE_REMOTE_ADDRESS:
        return x->remote_address;
    case HOST_MESSAGE_QUERY:
        return x->query;
    case HOST_MESSAGE_UPSTREAM_URL:
        return x->upstream_url;
    case HOST_MESSAGE_UPSTREAM_REASON:
        return x->upstream_reason;
    case HOST_MESSAGE_UPSTREAM_PROTO:
        return x->upstream_proto;
    default:
        return (struct str){NULL, 0};
    }
}

/* text(handle, what) */
static JSValueRef text(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                       const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    const int what = (int)host_number(ctx, argc, argv, 1);
    if (what == HOST_MESSAGE_PATH)
        return decoded_path(ctx, r->x->path);
    return jsvalue_text(ctx, text_of(r->x, (enum host_message_text)what));
}

static double number_of(const struct script_exchange *x, int what)
{
    switch (what) {
    case HOST_MESSAGE_CONTENT_LENGTH:
        return x->request_body.replaced ? (double)x->request_body.bytes.len
                                        : (double)x->content_length;
    case HOST_MESSAGE_RESPONSE_STATUS:
        return x->response_status;
    case HOST_MESSAGE_UPSTREAM_STATUS:
        return x->upstream_status;
    case HOST_MESSAGE_UPSTREAM_LENGTH:
        return x->upstream_body.replaced ? (double)x->upstream_body.bytes.len
                                         : (double)x->upstream_length;
    case HOST_MESSAGE_HAS_UPSTREAM:
        return x->has_upstream ? 1 : 0;
    default:
        return 0;
    }
}

/* number(handle, what) */
static JSValueRef number(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                         const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    const int what = (int)host_number(ctx, argc, argv, 1);
    if (what == HOST_MESSAGE_BODY_MAX)
        return JSValueMakeNumber(ctx, (double)r->vm->limits.body_max);
    return JSValueMakeNumber(ctx, number_of(r->x, what));
}

/* setStatus(handle, side, status) */
static JSValueRef set_status(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                             const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    const uint16_t status = (uint16_t)host_number(ctx, argc, argv, 2);
    if ((int)host_number(ctx, argc, argv, 1) == HOST_MESSAGE_RESPONSE) {
        r->x->response_status = status;
    } else if (r->x->upstream_status != status) {
        r->x->upstream_status = status;
        r->x->upstream_reason = http_head_reason(status);
    }
    return JSValueMakeUndefined(ctx);
}

/* params(handle): [name, value, ...] */
static JSValueRef params(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                         const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    JSObjectRef list = JSObjectMakeArray(ctx, 0, NULL, exception);
    for (size_t i = 0; list != NULL && i < r->x->param_count; i++) {
        const struct script_param *p = &r->x->params[i];
        const unsigned at = (unsigned)(2 * i);
        JSObjectSetPropertyAtIndex(ctx, list, at, jsvalue_text(ctx, p->name), NULL);
        JSObjectSetPropertyAtIndex(ctx, list, at + 1, jsvalue_decode(ctx, p->value, false), NULL);
    }
    return list != NULL ? list : JSValueMakeUndefined(ctx);
}

/* resource(handle, what): JSON */
static JSValueRef resource(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                           const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    const struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    struct buf b;
    buf_init(&b, RESOURCE_TEXT_MAX);
    bool fits = false;
    switch ((int)host_number(ctx, argc, argv, 1)) {
    case HOST_MESSAGE_ROUTE:
        fits = resource_text_route(&b, r->x->route);
        break;
    case HOST_MESSAGE_SERVICE:
        fits = resource_text_service(&b, r->x->service);
        break;
    default:
        fits = resource_text_namespace(&b, r->x->route->ns);
        break;
    }
    const JSValueRef v = fits ? jsvalue_text(ctx, buf_str(&b))
                              : jsvalue_throw(ctx, exception, "the resource is too large");
    buf_finish(&b);
    return v;
}

const struct host_function host_message_functions[] = {
    {"text", text},     {"number", number},     {"setStatus", set_status},
    {"params", params}, {"resource", resource}, {NULL, NULL},
};
