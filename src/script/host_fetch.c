#include "script/host_fetch.h"

#include <stdlib.h>

#include "base/mem.h"
#include "script/fetch.h"
#include "script/host_groups.h"
#include "script/host_stream.h"
#include "script/jsvalue.h"
#include "script/script_vm.h"
#include "script/unit.h"

enum {
    HEADER_COUNT_MAX = 256,
    HEADER_BYTES_MAX = 64 * 1024,
    URL_BYTES_MAX = 64 * 1024,
    LINES_MAX = 4 * 1024 * 1024, /* more than the largest head (limits.fetch_header_max) makes */
};

struct host_fetch {
    struct ilist_node node; /* in the run's fetches */
    struct script_run *run;
    struct fetch *fetch;
    double ticket;
    struct loop_task task; /* tells of a response whose body did not come with it */
    size_t asked;          /* of the body, and not come yet */
    /* The response, from on_head on. */
    uint16_t status;
    bool redirected;
    JSStringRef reason;
    JSStringRef url;
    JSStringRef fields;
    struct buf body;
    struct host_stream *stream; /* that it goes to; NULL: the response is not told yet */
};

static void destroy(struct host_fetch *h)
{
    ilist_remove(&h->node);
    loop_unschedule(&h->task);
    buf_finish(&h->body);
    if (h->fields != NULL) {
        JSStringRelease(h->reason);
        JSStringRelease(h->url);
        JSStringRelease(h->fields);
    }
    free(h);
}

/* Names and values, a line each. */
static JSStringRef lines_of(const struct fetch_response *r)
{
    struct buf lines;
    buf_init(&lines, LINES_MAX);
    bool ok = true;
    for (uint32_t i = 0; i < r->fields.n; i++) {
        const struct http_field *f = &r->fields.v[i];
        ok = ok && buf_add(&lines, f->name) && buf_add(&lines, STR("\n")) &&
             buf_add(&lines, f->value) && buf_add(&lines, STR("\n"));
    }
    if (r->content_length != HTTP_LENGTH_UNKNOWN)
        ok = ok && buf_addf(&lines, "content-length\n%lld\n", (long long)r->content_length);
    if (!ok)
        abort();
    JSStringRef string = jsvalue_string(buf_str(&lines));
    buf_finish(&lines);
    return string;
}

/* [status, reason, url, redirected, "name\nvalue\n...", body or the number of its stream] */
static JSValueRef answer(JSContextRef ctx, const struct host_fetch *h)
{
    const JSValueRef parts[] = {
        JSValueMakeNumber(ctx, h->status),
        JSValueMakeString(ctx, h->reason),
        JSValueMakeString(ctx, h->url),
        JSValueMakeBoolean(ctx, h->redirected),
        JSValueMakeString(ctx, h->fields),
        h->stream != NULL ? JSValueMakeNumber(ctx, host_stream_id(h->stream))
                          : jsvalue_array_buffer(ctx, buf_str(&h->body), NULL),
    };
    return JSObjectMakeArray(ctx, ARRAY_LEN(parts), parts, NULL);
}

/* Ends h. */
static void settle(struct host_fetch *h, enum script_run_settlement how, JSValueRef value)
{
    struct script_run *r = h->run;
    const double ticket = h->ticket;
    destroy(h);
    script_run_settle(r, ticket, how, value);
}

static void on_wanted(void *user, size_t room)
{
    struct host_fetch *h = user;
    if (room <= h->asked)
        return;
    const size_t more = room - h->asked;
    h->asked = room;
    fetch_read(h->fetch, more);
}

static void on_cancelled(void *user)
{
    struct host_fetch *h = user;
    fetch_cancel(h->fetch);
    destroy(h);
}

/* Tells of the response; what there is of the body, and what will come, goes to a stream. h may be gone afterwards. */
static void stream(struct host_fetch *h)
{
    static const struct host_stream_source source = {on_wanted, on_cancelled};
    h->stream = host_stream_open(h->run, &source, h);
    host_stream_push(h->stream, buf_str(&h->body));
    buf_finish(&h->body);
    loop_unschedule(&h->task);
    script_run_settle(h->run, h->ticket, SCRIPT_RUN_RESOLVE, answer(script_run_context(h->run), h));
}

static void on_task(struct loop_task *t)
{
    stream(container_of(t, struct host_fetch, task));
}

static void on_head(void *user, const struct fetch_response *r)
{
    struct host_fetch *h = user;
    h->status = r->status;
    h->redirected = r->redirected;
    h->reason = jsvalue_string(r->reason);
    h->url = jsvalue_string(r->url);
    h->fields = lines_of(r);
    h->asked = HOST_STREAM_WINDOW;
    fetch_read(h->fetch, h->asked);
    loop_schedule(h->run->vm->loop, &h->task);
}

static void on_data(void *user, struct str data)
{
    struct host_fetch *h = user;
    h->asked -= data.len;
    if (h->stream != NULL) {
        host_stream_push(h->stream, data); /* h may be gone now */
        return;
    }
    if (!buf_add(&h->body, data))
        abort();
    if (h->asked == 0)
        stream(h);
}

static void on_end(void *user)
{
    struct host_fetch *h = user;
    struct host_stream *s = h->stream;
    if (s == NULL) {
        settle(h, SCRIPT_RUN_RESOLVE, answer(script_run_context(h->run), h));
        return;
    }
    destroy(h);
    host_stream_end(s, NULL);
}

static void on_failed(void *user, const char *text)
{
    struct host_fetch *h = user;
    struct host_stream *s = h->stream;
    if (s == NULL) {
        settle(h, SCRIPT_RUN_REJECT, jsvalue_text(script_run_context(h->run), str_of(text)));
        return;
    }
    destroy(h);
    host_stream_end(s, text);
}

static const struct fetch_events events = {on_head, on_data, on_end, on_failed};

void host_fetch_drop_all(struct script_run *r)
{
    ilist_for_each_safe (n, next, &r->fetches) {
        struct host_fetch *h = container_of(n, struct host_fetch, node);
        fetch_cancel(h->fetch);
        destroy(h);
    }
}

/* Copies [name, value, ...]. */
static bool take_fields(JSContextRef ctx, JSValueRef v, struct arena *a, struct fetch_request *q)
{
    static JSStringRef key;
    JSObjectRef list = JSValueToObject(ctx, v, NULL);
    if (list == NULL)
        return false;
    if (key == NULL)
        key = JSStringCreateWithUTF8CString("length");
    const double length = JSValueToNumber(ctx, JSObjectGetProperty(ctx, list, key, NULL), NULL);
    if (!(length >= 0 && length <= 2 * HEADER_COUNT_MAX))
        return false;
    for (unsigned i = 0; i + 1 < (unsigned)length; i += 2) {
        struct str name;
        struct str value;
        if (!jsvalue_take(ctx, JSObjectGetPropertyAtIndex(ctx, list, i, NULL), a, HEADER_BYTES_MAX,
                          &name) ||
            !jsvalue_take(ctx, JSObjectGetPropertyAtIndex(ctx, list, i + 1, NULL), a,
                          HEADER_BYTES_MAX, &value) ||
            !http_head_add(&q->fields, a, name, value))
            return false;
    }
    return true;
}

/* Starts what the arguments ask for. */
static enum err_code begin(struct host_fetch *h, JSContextRef ctx, const JSValueRef argv[],
                           struct err *e)
{
    struct arena *a = fetch_arena(h->fetch);
    struct fetch_request q = {
        .redirect = (enum fetch_redirect)JSValueToNumber(ctx, argv[5], NULL),
        .has_body = !JSValueIsUndefined(ctx, argv[6]),
    };
    if (!jsvalue_take(ctx, argv[2], a, URL_BYTES_MAX, &q.url) ||
        !jsvalue_take(ctx, argv[3], a, URL_BYTES_MAX, &q.method) ||
        !take_fields(ctx, argv[4], a, &q))
        return err_set(e, ERR_TOO_LARGE, "the URL or the headers are too large");
    if (q.has_body && !jsvalue_add_data(ctx, argv[6], fetch_body(h->fetch)))
        return err_set(e, ERR_TOO_LARGE, "the request body is too large");
    return fetch_start(h->fetch, &q, e);
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
    struct fetch_pool *pool = r->vm->fetches;
    if (pool == NULL)
        return jsvalue_throw(ctx, exception, "fetch() is not available here");
    const uint32_t most = r->unit->limits.fetches;
    if (r->fetch_count >= most) {
        script_run_hit(r, SCRIPT_LIMIT_FETCHES);
        return jsvalue_throw(ctx, exception, "a request may fetch %u times (limit fetches)", most);
    }
    struct host_fetch *h = mem_alloc(sizeof(*h));
    h->run = r;
    h->ticket = JSValueToNumber(ctx, argv[1], NULL);
    h->fetch = fetch_create(pool, r->unit->limits.body_max, &events, h);
    h->task.run = on_task;
    buf_init(&h->body, HOST_STREAM_WINDOW);
    struct err e = {0};
    if (begin(h, ctx, argv, &e) != ERR_OK) {
        fetch_cancel(h->fetch);
        destroy(h);
        return jsvalue_throw(ctx, exception, "%s", e.msg);
    }
    r->fetch_count++;
    ilist_push(&r->fetches, &h->node);
    return JSValueMakeUndefined(ctx);
}

/* fetchCancel(handle, ticket): no effect once its response was told */
static JSValueRef cancel(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                         const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    const double ticket = host_number(ctx, argc, argv, 1);
    ilist_for_each_safe (n, next, &r->fetches) {
        struct host_fetch *h = container_of(n, struct host_fetch, node);
        if (h->stream != NULL || h->ticket < ticket || h->ticket > ticket)
            continue;
        fetch_cancel(h->fetch);
        destroy(h);
    }
    return JSValueMakeUndefined(ctx);
}

const struct host_function host_fetch_functions[] = {
    {"fetch", fetch}, {"fetchCancel", cancel}, {NULL, NULL}};
