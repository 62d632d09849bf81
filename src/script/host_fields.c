/* Header fields. What belongs to one connection or to the framing is not among the fields (codec/http_head.h): reading
 * Host and Content-Length is answered from the message, writing any of these is without effect. In JavaScript a byte of
 * a value is the character of that number, so that what is read and written again stays as it was.
 */
#include "script/host_fields.h"

#include <stdio.h>

#include "script/host_groups.h"
#include "script/host_message.h"
#include "script/jsvalue.h"
#include "script/script_vm.h"

enum { NAME_MAX_BYTES = 256, VALUE_MAX_BYTES = 64 * 1024, LENGTH_TEXT = 24 };

/* One call: the run, the fields of the side asked for, and the name. */
struct request {
    JSContextRef ctx;
    struct script_run *run;
    struct http_fields *fields;
    enum host_message_side side;
    struct str name; /* in text */
    char text[NAME_MAX_BYTES];
};

static struct http_fields *fields_of(struct script_exchange *x, int side)
{
    switch (side) {
    case HOST_MESSAGE_REQUEST:
        return &x->request_fields;
    case HOST_MESSAGE_RESPONSE:
        return &x->response_fields;
    case HOST_MESSAGE_UPSTREAM:
        return &x->upstream_fields;
    default:
        return &x->upstream_trailers;
    }
}

/* Reads (handle, side, name). */
static bool begin(struct request *q, JSContextRef ctx, size_t argc, const JSValueRef argv[],
                  JSValueRef *exception)
{
    q->ctx = ctx;
    q->run = host_run(ctx, argc, argv, exception);
    if (q->run == NULL)
        return false;
    const int side = (int)host_number(ctx, argc, argv, 1);
    q->side = (enum host_message_side)side;
    q->fields = fields_of(q->run->x, side);
    if (jsvalue_into(ctx, host_argument(ctx, argc, argv, 2), q->text, sizeof(q->text), &q->name))
        return true;
    (void)jsvalue_throw(ctx, exception, "a header name is too long");
    return false;
}

/* The fields of a side to be written. */
static struct http_fields *written_fields(struct script_exchange *x, int side)
{
    x->fields_written = x->fields_written || side != HOST_MESSAGE_RESPONSE;
    return fields_of(x, side);
}

static bool is_ours(enum http_field_id id)
{
    static const enum http_field_id ours[] = {
        HTTP_FIELD_CONNECTION, HTTP_FIELD_CONTENT_LENGTH,    HTTP_FIELD_HOST,
        HTTP_FIELD_KEEP_ALIVE, HTTP_FIELD_PROXY_CONNECTION,  HTTP_FIELD_TE,
        HTTP_FIELD_TRAILER,    HTTP_FIELD_TRANSFER_ENCODING, HTTP_FIELD_UPGRADE,
    };
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (ours[i] == id)
            return true;
    return false;
}

/* The value of a name that is not among the fields; NULL when it has none. */
static JSValueRef from_message(const struct request *q, enum http_field_id id)
{
    const struct script_exchange *x = q->run->x;
    if (id == HTTP_FIELD_HOST && q->side == HOST_MESSAGE_REQUEST)
        return jsvalue_latin1(q->ctx, x->host);
    if (id != HTTP_FIELD_CONTENT_LENGTH)
        return NULL;
    int64_t length = -1;
    if (q->side == HOST_MESSAGE_REQUEST)
        length = x->request_body.replaced ? (int64_t)x->request_body.bytes.len : x->content_length;
    if (q->side == HOST_MESSAGE_UPSTREAM)
        length =
            x->upstream_body.replaced ? (int64_t)x->upstream_body.bytes.len : x->upstream_length;
    if (length < 0)
        return NULL;
    char text[LENGTH_TEXT];
    (void)snprintf(text, sizeof(text), "%lld", (long long)length);
    return jsvalue_text(q->ctx, str_of(text));
}

/* fieldGet(handle, side, name): the first value, or undefined */
static JSValueRef get(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                      const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct request q;
    if (!begin(&q, ctx, argc, argv, exception))
        return JSValueMakeUndefined(ctx);
    JSValueRef v = NULL;
    const struct http_field *f = http_head_find_name(q.fields, q.name);
    if (f != NULL)
        v = jsvalue_latin1(ctx, f->value);
    else
        v = from_message(&q, http_head_field_id(q.name));
    return v != NULL ? v : JSValueMakeUndefined(ctx);
}

/* fieldValues(handle, side, name): [value, ...] */
static JSValueRef values(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                         const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct request q;
    if (!begin(&q, ctx, argc, argv, exception))
        return JSValueMakeUndefined(ctx);
    JSObjectRef list = JSObjectMakeArray(ctx, 0, NULL, NULL);
    unsigned n = 0;
    for (uint32_t i = 0; i < q.fields->n; i++) {
        const struct http_field *f = &q.fields->v[i];
        if (str_eq_nocase(f->name, q.name))
            JSObjectSetPropertyAtIndex(ctx, list, n++, jsvalue_latin1(ctx, f->value), NULL);
    }
    const JSValueRef own = n == 0 ? from_message(&q, http_head_field_id(q.name)) : NULL;
    if (own != NULL)
        JSObjectSetPropertyAtIndex(ctx, list, 0, own, NULL);
    return list;
}

/* fieldList(handle, side): [name, value, ...] */
static JSValueRef list_all(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                           const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    const struct http_fields *fields = fields_of(r->x, (int)host_number(ctx, argc, argv, 1));
    JSObjectRef list = JSObjectMakeArray(ctx, 0, NULL, NULL);
    for (uint32_t i = 0; i < fields->n; i++) {
        JSObjectSetPropertyAtIndex(ctx, list, 2 * i, jsvalue_text(ctx, fields->v[i].name), NULL);
        JSObjectSetPropertyAtIndex(ctx, list, 2 * i + 1, jsvalue_latin1(ctx, fields->v[i].value),
                                   NULL);
    }
    return list;
}

bool host_fields_set(struct script_exchange *x, int side, struct str name, struct str value)
{
    struct str own_name = {NULL, 0};
    struct str own_value = {NULL, 0};
    value = str_trim(value);
    if (!http_head_is_token(name) || !http_head_is_value(value) ||
        is_ours(http_head_field_id(name)))
        return true;
    return arena_copy(x->arena, name, &own_name) && arena_copy(x->arena, value, &own_value) &&
           http_head_set(written_fields(x, side), x->arena, own_name, own_value);
}

/* The value argument, checked and copied to the exchange's arena. */
static bool take_value(const struct request *q, JSValueRef v, struct str *ret,
                       JSValueRef *exception)
{
    struct str value = {NULL, 0};
    if (!jsvalue_take_field(q->ctx, v, q->run->x->arena, VALUE_MAX_BYTES, &value)) {
        (void)jsvalue_throw(q->ctx, exception,
                            "a header value is longer than %d bytes, or " HOST_FIELDS_TOO_LARGE,
                            VALUE_MAX_BYTES);
        return false;
    }
    *ret = str_trim(value);
    if (http_head_is_value(*ret))
        return true;
    (void)jsvalue_throw(q->ctx, exception, "a header value has control characters");
    return false;
}

/* fieldSet and fieldAdd (handle, side, name, value) */
static JSValueRef put(JSContextRef ctx, size_t argc, const JSValueRef argv[], JSValueRef *exception,
                      bool replace)
{
    struct request q;
    if (!begin(&q, ctx, argc, argv, exception))
        return JSValueMakeUndefined(ctx);
    struct str name = {NULL, 0};
    struct str value = {NULL, 0};
    struct arena *arena = q.run->x->arena;
    bool fits = true;
    if (!http_head_is_token(q.name)) {
        (void)jsvalue_throw(ctx, exception, "\"%.*s\" is not a header name", STR_ARG(q.name));
    } else if (!is_ours(http_head_field_id(q.name)) &&
               take_value(&q, host_argument(ctx, argc, argv, 3), &value, exception)) {
        struct http_fields *fields = written_fields(q.run->x, (int)q.side);
        fits = arena_copy(arena, q.name, &name) &&
               (replace ? http_head_set(fields, arena, name, value)
                        : http_head_add(fields, arena, name, value));
    }
    if (!fits)
        (void)jsvalue_throw(ctx, exception, HOST_FIELDS_TOO_LARGE);
    return JSValueMakeUndefined(ctx);
}

static JSValueRef set(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                      const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    return put(ctx, argc, argv, exception, true);
}

static JSValueRef add(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                      const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    return put(ctx, argc, argv, exception, false);
}

/* fieldDelete(handle, side, name) */
static JSValueRef delete (JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                          const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct request q;
    if (!begin(&q, ctx, argc, argv, exception))
        return JSValueMakeUndefined(ctx);
    (void)http_head_remove(q.fields, q.name);
    return JSValueMakeUndefined(ctx);
}

const struct host_function host_fields_functions[] = {
    {"fieldGet", get}, {"fieldValues", values}, {"fieldList", list_all},
    {"fieldSet", set}, {"fieldAdd", add},       {"fieldDelete", delete},
    {NULL, NULL},
};
