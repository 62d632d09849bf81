/* The parts of the request and the upstream's response that are single texts and numbers. */
#include "script/host_message.h"

#include "codec/url.h"
#include "script/host_groups.h"
#include "script/jsvalue.h"
#include "script/resource_text.h"
#include "script/script_vm.h"
#include "script/unit.h"

enum { PATH_MAX_BYTES = 1024 * 1024, TARGET_MAX = 64 * 1024, SHOWN = 100 };

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
    case HOST_MESSAGE_RAW_PATH:
        return x->path;
    case HOST_MESSAGE_ROUTE_NAME:
        return str_of(x->route->name);
    case HOST_MESSAGE_SERVICE_NAME:
        return str_of(x->route->service);
    case HOST_MESSAGE_NAMESPACE_NAME:
        return str_of(x->route->ns);
    case HOST_MESSAGE_UPSTREAM_QUERY:
        return x->upstream_query;
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

/* What is wrong with a method that a module writes, or NULL. */
static const char *write_method(struct script_exchange *x, struct str method)
{
    const struct str head = STR("HEAD");
    if (!http_head_is_token(method))
        return "is not a method";
    if (str_eq(method, STR("CONNECT")))
        return "cannot be forwarded";
    if (str_eq(method, head) != str_eq(x->method, head))
        return "cannot be set: HEAD cannot become another method, nor another one HEAD";
    x->method = method;
    return NULL;
}

static const char *write_path(struct script_exchange *x, struct str path)
{
    struct str normal = {NULL, 0};
    if (str_index(path, '?', 0) < path.len || str_index(path, '#', 0) < path.len)
        return "is not a path: it has a query or a fragment";
    const enum url_path_error error = url_path_normalise(path, x->merge_slashes, x->arena, &normal);
    if (error == URL_PATH_TOO_LARGE)
        return "is too large (limits.module_request_memory)";
    if (error != URL_PATH_OK)
        return "is not a path: it begins with \"/\" and has no control characters, \"\\\" or "
               "broken percent encoding";
    x->path = normal;
    x->path_written = true;
    return NULL;
}

static const char *write_query(struct script_exchange *x, struct str query)
{
    for (size_t i = 0; i < query.len; i++) {
        const unsigned char c = (unsigned char)query.p[i];
        if (c <= ' ' || c >= 0x7F || c == '#')
            return "is not a query: it has characters that must be percent-encoded";
    }
    x->query = query;
    x->query_written = true;
    return NULL;
}

/* setText(handle, what, value): what is the method, the raw path or the query of the request */
static JSValueRef set_text(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                           const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    struct str value = {NULL, 0};
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    const JSValueRef given = host_argument(ctx, argc, argv, 2);
    if (!jsvalue_take(ctx, given, r->x->arena, TARGET_MAX, &value)) {
        return jsvalue_throw(
            ctx, exception, "it is longer than %d bytes, or more than limits.module_request_memory",
            TARGET_MAX);
    }
    const char *wrong = NULL;
    switch ((int)host_number(ctx, argc, argv, 1)) {
    case HOST_MESSAGE_METHOD:
        wrong = write_method(r->x, value);
        break;
    case HOST_MESSAGE_RAW_PATH:
        wrong = write_path(r->x, value);
        break;
    default:
        wrong = write_query(r->x, value);
        break;
    }
    if (wrong != NULL)
        return jsvalue_throw(ctx, exception, "\"%.*s\" %s",
                             value.len < SHOWN ? (int)value.len : SHOWN, value.p, wrong);
    return JSValueMakeUndefined(ctx);
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
        return JSValueMakeNumber(ctx, (double)r->unit->limits.body_max);
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
    {"text", text},     {"setText", set_text},  {"number", number}, {"setStatus", set_status},
    {"params", params}, {"resource", resource}, {NULL, NULL},
};
