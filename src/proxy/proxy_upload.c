#include "proxy/proxy_upload.h"

#include <assert.h>

#include "model/model.h"
#include "proxy/catalog_route.h"
#include "proxy/proxy_attempt.h"
#include "proxy/proxy_error.h"
#include "proxy/proxy_headers.h"
#include "proxy/proxy_modules.h"
#include "proxy/proxy_stream.h"
#include "script/script.h"

static const struct str no_detail;

void proxy_upload_init(struct proxy_request *r)
{
    struct proxy_upload *u = &r->upload;
    const struct http_head *head = r->down->request;
    const struct proxy_options *o = &r->proxy->options;
    size_t most = o->collect_max > o->replay_max ? o->collect_max : o->replay_max;
    buf_init(&u->kept, most + PROXY_WINDOW);
    u->whole = true;
    u->max = UINT64_MAX;
    u->open = !head->expect_continue;
    u->ended = head->no_body;
}

static uint64_t body_max(const struct proxy_request *r)
{
    if (r->route->model->max_request_body > 0)
        return (uint64_t)r->route->model->max_request_body;
    if (r->limits != NULL && r->limits->max_request_body > 0)
        return (uint64_t)r->limits->max_request_body;
    const uint64_t max = r->proxy->options.request_body_max;
    return max > 0 ? max : UINT64_MAX;
}

static enum proxy_turn refuse_size(struct proxy_request *r)
{
    return proxy_error_refuse(r, 413, "the body is larger than this route allows", no_detail);
}

enum proxy_turn proxy_upload_admit(struct proxy_request *r)
{
    const int64_t length = r->down->request->content_length;
    r->upload.max = body_max(r);
    if (length > 0 && (uint64_t)length > r->upload.max)
        return refuse_size(r);
    return proxy_request_go(r, PROXY_LINK);
}

/* What is sent of it: what came, or what a module put in its place. */
static struct str source(const struct proxy_upload *u)
{
    return u->replaced ? u->replacement : buf_str(&u->kept);
}

void proxy_upload_grant(struct proxy_request *r, size_t room)
{
    struct proxy_upload *u = &r->upload;
    size_t want = room < PROXY_WINDOW ? room : PROXY_WINDOW;
    /* Small top-ups are put off: a grant may cost a system call. */
    if (want <= u->credit || (u->credit > 0 && want - u->credit < PROXY_WINDOW / 4))
        return;
    size_t n = want - u->credit;
    u->credit = want;
    exchange_grant(r->down, n);
}

static void collect_data(struct proxy_request *r, struct str data)
{
    struct proxy_upload *u = &r->upload;
    size_t max = proxy_modules_body_max(r);
    if (data.len > max - u->kept.len || !buf_add(&u->kept, data))
        u->over_limit = true;
    else if (r->proxy->options.request_body_timeout_ms > 0)
        proxy_request_wait(r, r->proxy->options.request_body_timeout_ms);
    proxy_request_run(r);
}

/* Stops keeping what the upstream was given already, when it will not be needed again. */
static void forget(struct proxy_request *r)
{
    struct proxy_upload *u = &r->upload;
    bool needed = r->attempt.head == NULL && u->kept.len <= r->proxy->options.replay_max;
    if (u->collected || u->replaced || !u->whole || needed || u->sent < u->kept.len)
        return;
    u->whole = false;
    u->sent = 0;
    buf_finish(&u->kept);
}

void proxy_upload_data(struct proxy_request *r, struct str data)
{
    struct proxy_upload *u = &r->upload;
    assert(data.len <= u->credit);
    u->credit -= data.len;
    if (r->step == PROXY_CLOSED)
        return;
    u->received += data.len;
    if (u->received > u->max) {
        (void)refuse_size(r);
        proxy_request_run(r);
        return;
    }
    if (u->collecting) {
        collect_data(r, data);
        return;
    }
    if (r->flow.feeds_request) {
        proxy_stream_request_data(r, data);
        return;
    }
    if (u->whole) {
        /* Credit is given only when all that is kept was sent and is within replay_max. */
        bool kept = buf_add(&u->kept, data);
        assert(kept);
    } else if (r->attempt.up != NULL) {
        exchange_send_data(r->attempt.up, data);
    }
    if (r->step == PROXY_AWAIT)
        proxy_attempt_progress(r);
    proxy_upload_pump(r);
}

void proxy_upload_end(struct proxy_request *r, const struct http_fields *trailers)
{
    struct proxy_upload *u = &r->upload;
    if (r->step == PROXY_CLOSED)
        return;
    u->ended = true;
    if (trailers != NULL && trailers->n > 0)
        u->trailers = proxy_headers_trailers(r, trailers);
    if (u->collecting)
        proxy_request_run(r);
    else if (r->flow.feeds_request)
        proxy_stream_request_end(r);
    else
        proxy_upload_pump(r);
}

static bool must_collect(const struct proxy_request *r)
{
    return r->modules != NULL && !r->down->request->no_body &&
           script_program_reads_request_body(proxy_modules_program(r));
}

enum proxy_turn proxy_upload_collect(struct proxy_request *r)
{
    struct proxy_upload *u = &r->upload;
    if (!must_collect(r))
        return proxy_request_go(r, PROXY_MODIFY);
    size_t max = proxy_modules_body_max(r);
    int64_t length = r->down->request->content_length;
    if (u->over_limit || (length > 0 && (uint64_t)length > max))
        return proxy_modules_refuse_body(r, 413, "the body is larger than a module may read");
    if (r->fired)
        return proxy_error_refuse(r, 408, "the body did not come in time", no_detail);
    if (u->ended) {
        u->collecting = false;
        u->collected = true;
        proxy_request_unwait(r);
        return proxy_request_go(r, PROXY_MODIFY);
    }
    if (!u->collecting) {
        u->collecting = true;
        u->open = true;
        if (u->kept.max < max + PROXY_WINDOW)
            u->kept.max = max + PROXY_WINDOW;
        if (r->proxy->options.request_body_timeout_ms > 0)
            proxy_request_wait(r, r->proxy->options.request_body_timeout_ms);
    }
    /* One byte more than fits, to see that it does not. */
    proxy_upload_grant(r, max - u->kept.len + 1);
    return PROXY_PARKED;
}

void proxy_upload_describe(const struct proxy_request *r, struct http_head *head)
{
    const struct proxy_upload *u = &r->upload;
    const struct http_head *received = r->down->request;
    head->content_length = received->content_length;
    head->no_body = received->no_body;
    if (u->replaced) {
        head->content_length = (int64_t)u->replacement.len;
        head->no_body = u->replacement.len == 0;
    } else if (u->ended && u->trailers == NULL && u->whole) {
        head->content_length = (int64_t)u->kept.len;
    }
    head->expect_continue = received->expect_continue && !u->open && !u->replaced;
    head->te_trailers = received->te_trailers;
}

void proxy_upload_begin(struct proxy_request *r)
{
    r->upload.sent = 0;
    r->upload.end_sent = false;
    proxy_upload_pump(r);
}

bool proxy_upload_can_repeat(const struct proxy_request *r)
{
    return r->upload.whole || r->upload.replaced;
}

static void send_end(struct proxy_request *r)
{
    struct proxy_upload *u = &r->upload;
    bool has_body = u->replaced ? u->replacement.len > 0 : !r->down->request->no_body;
    if (u->end_sent || (!has_body && !r->reply.tunnel))
        return;
    u->end_sent = true;
    exchange_send_end(r->attempt.up, u->replaced ? NULL : u->trailers);
}

void proxy_upload_pump(struct proxy_request *r)
{
    struct proxy_upload *u = &r->upload;
    struct exchange *up = r->attempt.up;
    if (up == NULL || r->step == PROXY_CLOSED)
        return;
    /* Room is asked for anew after each piece: what the upstream takes at once is not followed by on_room. */
    while (u->sent < source(u).len) {
        const struct str rest = str_skip(source(u), u->sent);
        const size_t room = exchange_room(up);
        if (room == 0)
            return;
        const size_t n = rest.len < room ? rest.len : room;
        exchange_send_data(up, str_slice(rest, 0, n));
        u->sent += n;
    }
    forget(r);
    if (u->ended || u->replaced)
        send_end(r);
    else if (u->open)
        proxy_upload_grant(r, exchange_room(up));
}

void proxy_upload_continue(struct proxy_request *r)
{
    if (r->upload.open)
        return;
    r->upload.open = true;
    proxy_upload_pump(r);
}

void proxy_upload_tunnel(struct proxy_request *r)
{
    struct proxy_upload *u = &r->upload;
    buf_finish(&u->kept);
    u->sent = 0;
    u->whole = false;
    u->replaced = false;
    u->open = true;
    u->ended = false;
    u->end_sent = false;
    u->trailers = NULL;
    u->max = UINT64_MAX;
    proxy_upload_pump(r);
}
