/* Each call across the engine's C API takes its lock, and each string costs several: what goes one way or the other is one
 * string. js/runtime/builtins/http.ts and js/runtime/web/response.ts have the same layouts.
 */
#include "script/host_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "script/fetch.h"
#include "script/host_groups.h"
#include "script/host_stream.h"
#include "script/jsvalue.h"
#include "script/script_vm.h"
#include "script/unit.h"

enum {
    HEADER_COUNT_MAX = 256,
    REQUEST_BYTES_MAX = 256 * 1024,
    HEAD_MAX = 4 * 1024 * 1024, /* more than the largest head (limits.fetch_header_max) makes */
    LENGTH_TEXT = 24,
};

struct host_fetch {
    struct ilist_node node; /* in the run's fetches */
    struct script_run *run;
    struct fetch *fetch;
    double ticket;
    struct loop_task task; /* tells of a response whose body did not come with it */
    size_t asked;          /* of the body, and not come yet */
    /* The response, from on_head on. */
    struct buf head;
    struct buf body;
    struct host_stream *stream; /* that it goes to; NULL: the response is not told yet */
};

static void destroy(struct host_fetch *h)
{
    ilist_remove(&h->node);
    loop_unschedule(&h->task);
    buf_finish(&h->head);
    buf_finish(&h->body);
    free(h);
}

static bool add_line(struct buf *b, struct str s)
{
    return buf_add(b, s) && buf_add(b, STR("\n"));
}

/* "status redirected length url\n", "reason\n", and the fields, a line for each name and each value: length bytes. */
static bool put_head(struct buf *b, const struct fetch_response *r)
{
    char length[LENGTH_TEXT] = "";
    size_t size = 0;
    if (r->content_length != HTTP_LENGTH_UNKNOWN) {
        (void)snprintf(length, sizeof(length), "%lld", (long long)r->content_length);
        size = sizeof("content-length\n\n") - 1 + strlen(length);
    }
    for (uint32_t i = 0; i < r->fields.n; i++)
        size += r->fields.v[i].name.len + r->fields.v[i].value.len + 2;
    bool ok = buf_addf(b, "%u %d %zu ", (unsigned)r->status, r->redirected, size) &&
              add_line(b, r->url) && add_line(b, r->reason);
    for (uint32_t i = 0; i < r->fields.n; i++)
        ok = ok && add_line(b, r->fields.v[i].name) && add_line(b, r->fields.v[i].value);
    if (length[0] != '\0')
        ok = ok && add_line(b, STR("content-length")) && add_line(b, str_of(length));
    return ok;
}

/* The head with the body behind it if all is ASCII, else [head, body or the number of its stream]. */
static JSValueRef answer(JSContextRef ctx, struct host_fetch *h)
{
    const struct str body = buf_str(&h->body);
    if (h->stream == NULL && utf8_is_ascii(buf_str(&h->head)) && utf8_is_ascii(body)) {
        if (!buf_add(&h->head, body))
            abort();
        return jsvalue_text(ctx, buf_str(&h->head));
    }
    const JSValueRef parts[] = {
        jsvalue_latin1(ctx, buf_str(&h->head)),
        h->stream != NULL ? JSValueMakeNumber(ctx, host_stream_id(h->stream))
                          : jsvalue_array_buffer(ctx, body, NULL),
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
    if (!put_head(&h->head, r))
        abort();
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

static struct str next_line(struct str *rest)
{
    const size_t end = str_index(*rest, '\n', 0);
    const struct str line = str_slice(*rest, 0, end);
    *rest = str_skip(*rest, end < rest->len ? end + 1 : end);
    return line;
}

/* The request: a line each for the method, the URL, and the fields' names and values. */
static bool take_head(JSContextRef ctx, JSValueRef v, struct arena *a, struct fetch_request *q)
{
    struct str rest;
    if (!jsvalue_take_field(ctx, v, a, REQUEST_BYTES_MAX, &rest))
        return false;
    q->method = next_line(&rest);
    q->url = next_line(&rest);
    while (rest.len > 0) {
        const struct str name = next_line(&rest);
        const struct str value = next_line(&rest);
        if (q->fields.n == HEADER_COUNT_MAX || !http_head_add(&q->fields, a, name, value))
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
        .redirect = (enum fetch_redirect)jsvalue_number(ctx, argv[3]),
        .has_body = !JSValueIsUndefined(ctx, argv[4]),
    };
    if (!take_head(ctx, argv[2], a, &q)) {
        return err_set(e, ERR_TOO_LARGE,
                       "the URL and the headers are too large: at most %d headers, %d bytes",
                       HEADER_COUNT_MAX, REQUEST_BYTES_MAX);
    }
    JSValueRef textless = NULL;
    if (q.has_body && !jsvalue_add_data(ctx, argv[4], fetch_body(h->fetch), &textless))
        return textless != NULL ? err_set(e, ERR_INVALID, "the request body cannot be made a text")
                                : err_set(e, ERR_TOO_LARGE, "the request body is too large");
    return fetch_start(h->fetch, &q, e);
}

/* fetch(handle, ticket, head, redirect, body) */
static JSValueRef fetch(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                        const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL || argc < 5)
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
    h->ticket = jsvalue_number(ctx, argv[1]);
    h->fetch = fetch_create(pool, r->unit->limits.body_max, &events, h);
    h->task.run = on_task;
    buf_init(&h->head, HEAD_MAX);
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
