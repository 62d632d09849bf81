#include "script/host_fetch.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "script/fetch.h"
#include "script/host_groups.h"
#include "script/jsvalue.h"
#include "script/script_vm.h"
#include "script/unit.h"

enum { HEADER_COUNT_MAX = 256, HEADER_BYTES_MAX = 64 * 1024, URL_BYTES_MAX = 64 * 1024 };

struct host_fetch {
    struct ilist_node node; /* in the run's fetches */
    struct script_run *run;
    struct fetch *fetch;
    double ticket;
};

static void destroy(struct host_fetch *h)
{
    ilist_remove(&h->node);
    free(h);
}

/* [status, reason, url, redirected, [name, value, ...], body] */
static JSValueRef answer(JSContextRef ctx, const struct fetch_result *result)
{
    JSObjectRef fields = JSObjectMakeArray(ctx, 0, NULL, NULL);
    for (size_t i = 0; i < result->field_count; i++) {
        const unsigned at = (unsigned)(2 * i);
        JSObjectSetPropertyAtIndex(ctx, fields, at, jsvalue_text(ctx, result->fields[i].name),
                                   NULL);
        JSObjectSetPropertyAtIndex(ctx, fields, at + 1, jsvalue_text(ctx, result->fields[i].value),
                                   NULL);
    }
    const JSValueRef parts[] = {
        JSValueMakeNumber(ctx, result->status),
        jsvalue_text(ctx, result->reason),
        jsvalue_text(ctx, result->url),
        JSValueMakeBoolean(ctx, result->redirected),
        fields,
        jsvalue_array_buffer(ctx, result->body, NULL),
    };
    return JSObjectMakeArray(ctx, ARRAY_LEN(parts), parts, NULL);
}

static void on_done(void *user, const struct fetch_result *result)
{
    struct host_fetch *h = user;
    struct script_run *r = h->run;
    const double ticket = h->ticket;
    destroy(h);
    JSContextRef ctx = script_run_context(r);
    if (result->error != NULL)
        script_run_settle(r, ticket, SCRIPT_RUN_REJECT, jsvalue_text(ctx, str_of(result->error)));
    else
        script_run_settle(r, ticket, SCRIPT_RUN_RESOLVE, answer(ctx, result));
}

void host_fetch_drop_all(struct script_run *r)
{
    ilist_for_each_safe (n, next, &r->fetches) {
        struct host_fetch *h = container_of(n, struct host_fetch, node);
        fetch_cancel(h->fetch);
        destroy(h);
    }
}

/* Copies [name, value, ...] into a. */
static bool take_fields(JSContextRef ctx, JSValueRef v, struct arena *a, struct fetch_request *q)
{
    JSObjectRef list = JSValueToObject(ctx, v, NULL);
    if (list == NULL)
        return false;
    JSStringRef key = JSStringCreateWithUTF8CString("length");
    const double length = JSValueToNumber(ctx, JSObjectGetProperty(ctx, list, key, NULL), NULL);
    JSStringRelease(key);
    if (!(length >= 0 && length <= 2 * HEADER_COUNT_MAX))
        return false;
    const size_t count = (size_t)length / 2;
    struct fetch_field *fields = arena_alloc(a, (count + 1) * sizeof(*fields));
    if (fields == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const unsigned at = (unsigned)(2 * i);
        const JSValueRef name = JSObjectGetPropertyAtIndex(ctx, list, at, NULL);
        const JSValueRef value = JSObjectGetPropertyAtIndex(ctx, list, at + 1, NULL);
        if (!jsvalue_take(ctx, name, a, HEADER_BYTES_MAX, &fields[i].name) ||
            !jsvalue_take(ctx, value, a, HEADER_BYTES_MAX, &fields[i].value))
            return false;
    }
    q->fields = fields;
    q->field_count = count;
    return true;
}

/* Starts what the arguments ask for; *error says why not. */
static struct fetch *begin(struct host_fetch *h, JSContextRef ctx, const JSValueRef argv[],
                           const char **error)
{
    const struct script_limits *limits = &h->run->unit->limits;
    struct fetch_request q = {
        .redirect = (enum fetch_redirect)JSValueToNumber(ctx, argv[5], NULL),
        .has_body = !JSValueIsUndefined(ctx, argv[6]),
        .body_max = limits->body_max,
    };
    struct arena a;
    struct buf body;
    arena_init(&a, (size_t)URL_BYTES_MAX * 4 + HEADER_BYTES_MAX);
    buf_init(&body, limits->body_max);
    struct fetch *f = NULL;
    if (!jsvalue_take(ctx, argv[2], &a, URL_BYTES_MAX, &q.url) ||
        !jsvalue_take(ctx, argv[3], &a, URL_BYTES_MAX, &q.method) ||
        !take_fields(ctx, argv[4], &a, &q)) {
        *error = "the URL or the headers are too large";
    } else if (q.has_body && !jsvalue_add_data(ctx, argv[6], &body)) {
        *error = "the request body is too large";
    } else {
        q.body = buf_str(&body);
        f = fetch_start(h->run->vm->fetches, &q, on_done, h, error);
    }
    buf_finish(&body);
    arena_finish(&a);
    return f;
}

/* fetch(handle, ticket, url, method, headers, redirect, body) */
static JSValueRef fetch(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                        const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL || argc < 7)
        return JSValueMakeUndefined(ctx);
    const uint32_t most = r->unit->limits.fetches;
    if (r->fetch_count >= most) {
        script_run_hit(r, SCRIPT_LIMIT_FETCHES);
        return jsvalue_throw(ctx, exception, "a request may fetch %u times (limit fetches)", most);
    }
    struct host_fetch *h = mem_alloc(sizeof(*h));
    h->run = r;
    h->ticket = JSValueToNumber(ctx, argv[1], NULL);
    const char *error = NULL;
    h->fetch = begin(h, ctx, argv, &error);
    if (h->fetch == NULL) {
        free(h);
        return jsvalue_throw(ctx, exception, "%s", error);
    }
    r->fetch_count++;
    ilist_push(&r->fetches, &h->node);
    return JSValueMakeUndefined(ctx);
}

const struct host_function host_fetch_functions[] = {{"fetch", fetch}, {NULL, NULL}};
