/* A fetch is a row of exchanges: one, and another for each redirect and for each repetition. on_head of the last one is
 * the response. Its body is passed on as it comes, or gathered in raw, a little at a time, and decoded from there.
 */
#include "script/fetch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/mem.h"
#include "codec/content_coding.h"
#include "http/buf_pool.h"
#include "http/http_client.h"
#include "io/loop.h"
#include "io/timeout.h"
#include "script/fetch_curl.h"
#include "script/fetch_url.h"

enum {
    REDIRECTS_MAX = 20,
    STALE_MAX = 3, /* repetitions because kept connections had been closed */
    MEMORY_MAX = 1024 * 1024,
    RESPONSE_MEMORY = 128 * 1024, /* beside twice the head */
    BUFFER = 64 * 1024,
    RAW_STEP = 16 * 1024,
    DECODED_STEP = 8 * 1024,
    DRAIN_MAX = 16 * 1024, /* of a redirect's body, so that its connection can be kept */
    SPARES_MAX = 64,
    HTTP_STATUS_SWITCH = 101,
};

struct fetch_pool {
    struct loop *loop;
    struct fetch_options options;
    struct http_client *plain;
    struct http_client *curl; /* NULL until first needed */
    bool proxied;             /* http goes through a proxy too */
    struct ilist spares;      /* memory of past fetches, to be used again */
    size_t spare_count;
};

struct fetch {
    struct fetch_pool *pool;
    struct ilist_node node; /* in the spares */
    struct timeout timer;   /* for the head */
    struct loop_task task;
    struct arena arena;
    const struct fetch_events *events;
    void *user;
    struct fetch_request request; /* changed by redirects */
    struct buf body;
    struct fetch_url url;
    struct exchange *x; /* under way; NULL: none */
    uint8_t redirects;
    uint8_t repeats;
    bool asked_for_codings; /* by us, not by the module */
    bool answered;
    bool busy;    /* an event of the owner's may be running */
    bool dropped; /* it was cancelled meanwhile */
    struct content_coding *coding;
    struct buf raw; /* to be decoded */
    size_t granted; /* of it, not come yet */
    size_t credit;  /* of the owner, decoded */
    bool full;      /* the decoder holds more */
    bool raw_ended;
};

static void pump(struct fetch *f);
static void begin_exchange(struct fetch *f);

/* The end of a fetch. */

static void let_go(struct fetch *f)
{
    struct exchange *x = f->x;
    if (x == NULL)
        return;
    f->x = NULL;
    exchange_forget(x);
    if (!x->end_received)
        exchange_reset(x, EXCHANGE_CANCELED);
}

static void free_memory(struct fetch *f)
{
    timeout_finish(&f->timer);
    free(f);
}

static void release(struct fetch *f)
{
    struct fetch_pool *p = f->pool;
    let_go(f);
    timeout_clear(&f->timer);
    loop_unschedule(&f->task);
    content_coding_destroy(f->coding);
    f->coding = NULL;
    buf_finish(&f->raw);
    buf_finish(&f->body);
    arena_finish(&f->arena);
    if (!MEM_RECYCLE || p->spare_count >= SPARES_MAX) {
        free_memory(f);
        return;
    }
    p->spare_count++;
    ilist_push_front(&p->spares, &f->node);
}

void fetch_cancel(struct fetch *f)
{
    assert(!f->dropped);
    f->dropped = true;
    if (!f->busy)
        release(f);
}

/* The owner's events: false when the fetch was cancelled by it, and is gone. */

static bool still_there(struct fetch *f)
{
    const bool dropped = f->dropped;
    f->busy = false;
    if (dropped)
        release(f);
    return !dropped;
}

static bool tell_head(struct fetch *f, const struct fetch_response *r)
{
    f->busy = true;
    f->answered = true;
    f->events->on_head(f->user, r);
    return still_there(f);
}

static bool tell_data(struct fetch *f, struct str data)
{
    f->busy = true;
    f->credit -= data.len;
    f->events->on_data(f->user, data);
    return still_there(f);
}

static void end(struct fetch *f)
{
    const struct fetch_events *events = f->events;
    void *user = f->user;
    release(f);
    events->on_end(user);
}

static void fail(struct fetch *f, const char *what, const char *detail)
{
    const struct fetch_events *events = f->events;
    void *user = f->user;
    struct err e;
    (void)err_set(&e, ERR_IO, "%s://%.*s: %s%s%s%s", f->url.secure ? "https" : "http",
                  STR_ARG(f->url.authority), what, detail != NULL ? " (" : "",
                  detail != NULL ? detail : "", detail != NULL ? ")" : "");
    release(f);
    events->on_failed(user, e.msg);
}

/* Redirects. */

static bool is_redirect(uint16_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Reads the rest of a response that nobody wants, if it is short. */
static void on_drained(struct exchange *x, struct str data)
{
    size_t *left = x->user;
    if (data.len < *left) {
        *left -= data.len;
        return;
    }
    exchange_forget(x);
    exchange_reset(x, EXCHANGE_CANCELED);
}

static void drain(struct exchange *x)
{
    static const struct exchange_events events = {.on_data = on_drained};
    size_t *left = arena_alloc(&x->arena, sizeof(*left));
    if (left == NULL) {
        exchange_forget(x);
        exchange_reset(x, EXCHANGE_CANCELED);
        return;
    }
    *left = DRAIN_MAX;
    x->events = &events;
    x->user = left;
    exchange_grant(x, DRAIN_MAX);
}

static void remove_fields(struct http_fields *fields, const struct str *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)http_head_remove(fields, names[i]);
}

/* Fetch standard, "HTTP-redirect fetch", steps 12 to 14; Cookie too, since modules set it themselves. */
static void change_request(struct fetch *f, uint16_t status, bool same_origin)
{
    static const struct str of_body[] = {
        {"content-encoding", 16}, {"content-language", 16}, {"content-location", 16},
        {"content-type", 12},     {"content-length", 14},
    };
    static const struct str of_origin[] = {
        {"authorization", 13}, {"proxy-authorization", 19}, {"cookie", 6}, {"host", 4}};
    struct fetch_request *q = &f->request;
    const bool post = str_eq(q->method, STR("POST"));
    const bool reads = str_eq(q->method, STR("GET")) || str_eq(q->method, STR("HEAD"));
    if (((status == 301 || status == 302) && post) || (status == 303 && !reads)) {
        q->method = STR("GET");
        q->has_body = false;
        buf_finish(&f->body);
        remove_fields(&q->fields, of_body, ARRAY_LEN(of_body));
    }
    if (!same_origin)
        remove_fields(&q->fields, of_origin, ARRAY_LEN(of_origin));
}

static void follow(struct fetch *f, uint16_t status, struct str location)
{
    struct fetch_url next;
    struct err e;
    struct exchange *x = f->x;
    if (f->redirects >= REDIRECTS_MAX) {
        fail(f, "too many redirects", NULL);
        return;
    }
    if (fetch_url_resolve(&f->arena, &f->url, location, &next, &e) != ERR_OK) {
        fail(f, "the redirect leads nowhere", e.msg);
        return;
    }
    f->redirects++;
    change_request(f, status, fetch_url_same_origin(&f->url, &next));
    f->url = next;
    f->repeats = 0;
    f->x = NULL;
    drain(x);
    loop_schedule(f->pool->loop, &f->task);
}

/* What comes of an exchange. */

/* The decoded body is not what a strong entity tag stands for (RFC 9110 section 8.8.3.3). */
static bool weaken_etag(struct arena *a, struct http_fields *fields)
{
    const struct http_field *tag = http_head_find_name(fields, STR("etag"));
    struct str weak = {0};
    if (tag == NULL || tag->value.len == 0 || tag->value.p[0] != '"')
        return true;
    return arena_printf(a, &weak, "W/%.*s", STR_ARG(tag->value)) &&
           http_head_set(fields, a, tag->name, weak);
}

/* Bodies are decoded if codings were ours to ask for; what we do not know is left as it is. The head becomes that of the
 * decoded body. False when there is no memory for it. */
static bool choose_coding(struct fetch *f, struct http_head *head)
{
    const struct str name = STR("content-encoding");
    const struct http_field *coding = http_head_find_name(&head->fields, name);
    if (f->asked_for_codings && coding != NULL && !head->no_body)
        f->coding = content_coding_create(coding->value);
    if (f->coding == NULL)
        return true;
    buf_init(&f->raw, RAW_STEP);
    if (!http_head_copy(&f->arena, head, head))
        return false;
    (void)http_head_remove(&head->fields, name);
    head->content_length = HTTP_LENGTH_UNKNOWN;
    return weaken_etag(&f->arena, &head->fields);
}

static void on_head(struct exchange *x, const struct http_head *head)
{
    struct fetch *f = x->user;
    timeout_clear(&f->timer);
    if (head->status == HTTP_STATUS_SWITCH) {
        fail(f, "the server switched protocols unasked", NULL);
        return;
    }
    if (is_redirect(head->status) && f->request.redirect != FETCH_MANUAL) {
        const struct http_field *location = http_head_find(&head->fields, HTTP_FIELD_LOCATION);
        if (f->request.redirect == FETCH_ERROR) {
            fail(f, "redirects not allowed", NULL);
            return;
        }
        if (location != NULL) {
            follow(f, head->status, location->value);
            return;
        }
    }
    struct http_head told = *head;
    if (!choose_coding(f, &told)) {
        fail(f, "the response's head is too large", NULL);
        return;
    }
    const struct fetch_response response = {
        .status = told.status,
        .reason = told.reason,
        .url = f->url.text,
        .redirected = f->redirects > 0,
        .empty = told.no_body,
        .fields = told.fields,
        .content_length = told.status == 204 ? HTTP_LENGTH_UNKNOWN : told.content_length,
    };
    if (tell_head(f, &response))
        pump(f);
}

static void on_data(struct exchange *x, struct str data)
{
    struct fetch *f = x->user;
    if (f->coding == NULL) {
        (void)tell_data(f, data);
        return;
    }
    assert(data.len <= f->granted);
    f->granted -= data.len;
    if (!buf_add(&f->raw, data))
        abort();
    pump(f);
}

static void on_end(struct exchange *x, const struct http_fields *trailers)
{
    struct fetch *f = x->user;
    (void)trailers;
    f->x = NULL;
    exchange_forget(x);
    f->raw_ended = true;
    pump(f);
}

static bool may_repeat(const struct fetch *f, const struct exchange_reset *why)
{
    if (f->answered || !why->stale || f->repeats >= STALE_MAX)
        return false;
    return why->unsent || (!f->request.has_body && http_head_method_idempotent(f->request.method));
}

static void on_reset(struct exchange *x, const struct exchange_reset *why)
{
    struct fetch *f = x->user;
    f->x = NULL;
    exchange_forget(x);
    timeout_clear(&f->timer);
    if (may_repeat(f, why)) {
        f->repeats++;
        loop_schedule(f->pool->loop, &f->task);
        return;
    }
    fail(f, exchange_reset_text(why->code), why->detail);
}

/* Something of a large body was sent. */
static void on_room(struct exchange *x)
{
    struct fetch *f = x->user;
    if (!f->answered)
        timeout_set(&f->timer, f->pool->options.idle_timeout_ms);
}

static void on_timer(struct timeout *t)
{
    fail(container_of(t, struct fetch, timer), "no response within the time limit", NULL);
}

/* Decodes what is there, as far as the owner asked for it. False when the fetch is gone. */
static bool decode(struct fetch *f)
{
    char out[DECODED_STEP];
    while ((f->raw.len > 0 || f->full) && f->credit > 0) {
        struct str in = buf_str(&f->raw);
        size_t made = 0;
        const size_t room = f->credit < sizeof(out) ? f->credit : sizeof(out);
        const enum content_coding_result result =
            content_coding_run(f->coding, &in, out, room, &made);
        buf_consume(&f->raw, f->raw.len - in.len);
        f->full = result == CONTENT_CODING_FULL;
        if (result == CONTENT_CODING_BAD) {
            fail(f, "the compressed response body is broken", NULL);
            return false;
        }
        if (made > 0 && !tell_data(f, (struct str){out, made}))
            return false;
    }
    return true;
}

/* Goes on as far as the owner asked for more. f may be gone afterwards. */
static void pump(struct fetch *f)
{
    if (f->coding != NULL && !decode(f))
        return;
    if (f->raw_ended && f->raw.len == 0 && !f->full) {
        if (f->coding == NULL || content_coding_complete(f->coding))
            end(f);
        else
            fail(f, "the compressed response body is incomplete", NULL);
        return;
    }
    if (f->coding != NULL && f->x != NULL && f->credit > 0 && f->granted == 0) {
        f->granted = RAW_STEP - f->raw.len;
        exchange_grant(f->x, f->granted);
    }
}

static void on_task(struct loop_task *t)
{
    struct fetch *f = container_of(t, struct fetch, task);
    if (f->x == NULL && !f->answered)
        begin_exchange(f);
    else
        pump(f);
}

void fetch_read(struct fetch *f, size_t n)
{
    f->credit = n > SIZE_MAX - f->credit ? SIZE_MAX : f->credit + n;
    if (f->coding != NULL)
        loop_schedule(f->pool->loop, &f->task);
    else if (f->x != NULL)
        exchange_grant(f->x, n);
}

/* The beginning. */

static struct http_client *client_for(struct fetch_pool *p, bool secure)
{
    if (!secure && !p->proxied)
        return p->plain;
    if (p->curl == NULL) {
        const struct fetch_curl_options options = {
            .limits = p->options.limits,
            .idle_timeout_ms = p->options.idle_timeout_ms,
            .keepalive_ms = p->options.keepalive_ms,
            .buffer = BUFFER,
            .request_memory = RESPONSE_MEMORY + 2 * (size_t)p->options.limits.head_max,
            .connections_max = p->options.connections_max,
            .idle_max = p->options.idle_max,
            .refuse_private = p->options.refuse_private,
        };
        p->curl = fetch_curl_create(p->loop, &options);
    }
    return p->curl;
}

static void begin_exchange(struct fetch *f)
{
    static const struct exchange_events events = {
        .on_head = on_head,
        .on_data = on_data,
        .on_end = on_end,
        .on_room = on_room,
        .on_reset = on_reset,
    };
    const struct fetch_options *o = &f->pool->options;
    const struct fetch_request *q = &f->request;
    const struct http_field *host = http_head_find(&q->fields, HTTP_FIELD_HOST);
    const struct http_head head = {
        .method = q->method,
        .scheme = f->url.secure ? STR("https") : STR("http"),
        .authority = host != NULL ? host->value : f->url.authority,
        .target = f->url.target,
        .fields = q->fields,
        .content_length = (int64_t)f->body.len,
        .no_body = !q->has_body,
    };
    const struct http_client_request request = {
        .host = f->url.host,
        .port = f->url.port,
        .head = &head,
        .connect_timeout_ms = o->connect_timeout_ms,
        .events = &events,
        .user = f,
    };
    f->x = http_client_open(client_for(f->pool, f->url.secure), &request);
    if (q->has_body) {
        exchange_send_data(f->x, buf_str(&f->body));
        exchange_send_end(f->x, NULL);
    }
    timeout_set(&f->timer, o->connect_timeout_ms + o->idle_timeout_ms);
}

static bool add_default(struct fetch *f, struct str name, struct str value)
{
    struct http_fields *fields = &f->request.fields;
    return http_head_find_name(fields, name) != NULL ||
           http_head_add(fields, &f->arena, name, value);
}

enum err_code fetch_start(struct fetch *f, const struct fetch_request *request, struct err *e)
{
    static const struct str refused[] = {{"CONNECT", 7}, {"TRACE", 5}, {"TRACK", 5}};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (str_eq_nocase(request->method, refused[i]))
            return err_set(e, ERR_INVALID, "the method %.*s is not allowed",
                           STR_ARG(request->method));
    }
    f->request = *request;
    const enum err_code rc = fetch_url_parse(&f->arena, request->url, &f->url, e);
    if (rc != ERR_OK)
        return rc;
    f->asked_for_codings = http_head_find(&f->request.fields, HTTP_FIELD_ACCEPT_ENCODING) == NULL;
    if (!add_default(f, STR("User-Agent"), STR("DGate-Client/1.0")) ||
        !add_default(f, STR("Accept"), STR("*/*")) ||
        !add_default(f, STR("Accept-Encoding"), str_of(content_coding_accepted)))
        return err_set(e, ERR_TOO_LARGE, "the headers are too large");
    begin_exchange(f);
    return ERR_OK;
}

struct arena *fetch_arena(struct fetch *f)
{
    return &f->arena;
}

struct buf *fetch_body(struct fetch *f)
{
    return &f->body;
}

struct fetch *fetch_create(struct fetch_pool *p, size_t body_max, const struct fetch_events *events,
                           void *user)
{
    struct ilist_node *n = ilist_pop(&p->spares);
    struct fetch *f = NULL;
    if (n == NULL) {
        f = mem_alloc(sizeof(*f));
        timeout_init(&f->timer, p->loop, on_timer);
    } else {
        p->spare_count--;
        f = container_of(n, struct fetch, node);
        const struct timeout timer = f->timer;
        memset(f, 0, sizeof(*f));
        f->timer = timer;
    }
    f->pool = p;
    f->task.run = on_task;
    f->events = events;
    f->user = user;
    arena_init(&f->arena, MEMORY_MAX);
    buf_init(&f->body, body_max);
    return f;
}

/* All of them together. */

struct fetch_pool *fetch_pool_create(struct loop *loop, const struct fetch_options *options)
{
    struct fetch_pool *p = mem_alloc(sizeof(*p));
    const struct http_client_options client = {
        .limits = options->limits,
        .idle_timeout_ms = options->idle_timeout_ms,
        .keepalive_ms = options->keepalive_ms,
        .buffer = BUFFER,
        .request_memory = RESPONSE_MEMORY + 2 * (size_t)options->limits.head_max,
        .connections_max = options->connections_max,
        .queue_max = options->queue_max,
        .idle_max = options->idle_max,
        .refuse_private = options->refuse_private,
        .resolver = options->resolver,
    };
    p->loop = loop;
    p->options = *options;
    p->plain = http_client_create(loop, &client);
    p->proxied = !options->refuse_private && fetch_curl_has_http_proxy();
    ilist_init(&p->spares);
    return p;
}

void fetch_pool_destroy(struct fetch_pool *p)
{
    if (p == NULL)
        return;
    http_client_destroy(p->plain);
    http_client_destroy(p->curl);
    struct ilist_node *n = NULL;
    while ((n = ilist_pop(&p->spares)) != NULL)
        free_memory(container_of(n, struct fetch, node));
    free(p);
}
