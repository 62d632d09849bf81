#include "proxy/proxy_attempt.h"

#include <assert.h>

#include "base/container.h"
#include "base/log.h"
#include "http/http_client.h"
#include "model/model.h"
#include "proxy/catalog_route.h"
#include "proxy/proxy_access_log.h"
#include "proxy/proxy_choice.h"
#include "proxy/proxy_error.h"
#include "proxy/proxy_headers.h"
#include "proxy/proxy_reply.h"
#include "proxy/proxy_stream.h"
#include "proxy/proxy_upload.h"

enum {
    CONTINUE_WAIT_MS = 1000, /* an upstream that says nothing to Expect: 100-continue */
    STALE_MAX = 3,           /* repeats because pooled connections had been closed */
    INFOS_MAX = 16,          /* 1xx that are forwarded */
};

static void on_info(struct exchange *up, const struct http_head *head)
{
    struct proxy_request *r = up->user;
    if (head->status == 100)
        proxy_upload_continue(r);
    else if (r->attempt.infos++ < INFOS_MAX && r->down->request->version != HTTP_1_0)
        exchange_send_info(r->down, head);
}

static void on_head(struct exchange *up, const struct http_head *head)
{
    struct proxy_request *r = up->user;
    r->attempt.head = head;
    r->times.head_ns = proxy_access_log_now(r) - r->times.attempt_ns;
    proxy_request_run(r);
}

static void on_data(struct exchange *up, struct str data)
{
    proxy_reply_data(up->user, data);
}

static void on_end(struct exchange *up, const struct http_fields *trailers)
{
    struct proxy_request *r = up->user;
    r->attempt.ended = true;
    r->attempt.trailers = trailers != NULL && trailers->n > 0 ? trailers : NULL;
    proxy_reply_end(r);
}

static void on_room(struct exchange *up)
{
    struct proxy_request *r = up->user;
    proxy_upload_pump(r);
    if (r->step == PROXY_AWAIT)
        proxy_attempt_progress(r);
}

static void orphan(struct proxy_request *r)
{
    struct exchange *up = r->attempt.up;
    proxy_choice_end(r);
    r->attempt.up = NULL;
    exchange_forget(up);
}

static void on_reset(struct exchange *up, const struct exchange_reset *why)
{
    struct proxy_request *r = up->user;
    struct proxy_attempt *a = &r->attempt;
    struct str detail = {0};
    a->failed = true;
    a->why = *why;
    a->why.detail = NULL;
    if (why->detail != NULL && arena_copy(&r->down->arena, str_of(why->detail), &detail))
        a->why.detail = detail.p;
    orphan(r);
    proxy_stream_upstream_end(r, exchange_reset_text(why->code));
    proxy_request_run(r);
}

static void on_done(struct exchange *up)
{
    struct proxy_request *r = up->user;
    proxy_choice_end(r);
    r->attempt.up = NULL;
}

static const struct exchange_events events = {
    .on_info = on_info,
    .on_head = on_head,
    .on_data = on_data,
    .on_end = on_end,
    .on_room = on_room,
    .on_reset = on_reset,
    .on_done = on_done,
};

static uint64_t limit_ms(int64_t own_ns, uint64_t fallback_ms)
{
    return own_ns > 0 ? model_ms(own_ns) : fallback_ms;
}

static uint64_t head_limit_ms(const struct proxy_request *r)
{
    return limit_ms(r->limits->request_timeout_ns, r->proxy->options.request_timeout_ms);
}

static bool describe(struct proxy_request *r, struct http_head *head)
{
    const struct http_head *received = r->down->request;
    const struct upstream_url *url = r->attempt.url;
    struct upstream_query query = {r->query, r->has_query};
    if (r->limits->disable_query_params)
        query = (struct upstream_query){0};
    *head = (struct http_head){
        .method = r->method,
        .scheme = STR("http"),
        .authority = url->authority,
        .upgrade = proxy_headers_upgrade(received),
    };
    if (r->route->model->preserve_host && received->authority.len > 0)
        head->authority = received->authority;
    proxy_upload_describe(r, head);
    if (!proxy_headers_complete(r) ||
        !upstream_url_target(&r->down->arena, url, r->rest, query, &head->target))
        return false;
    r->attempt.target = head->target;
    head->fields = r->fields;
    return true;
}

static void begin_wait(struct proxy_request *r)
{
    uint64_t ms = head_limit_ms(r);
    if (!r->upload.open && (ms == 0 || ms > CONTINUE_WAIT_MS))
        ms = CONTINUE_WAIT_MS;
    if (ms > 0)
        proxy_request_wait(r, ms);
    else
        proxy_request_unwait(r);
}

enum proxy_turn proxy_attempt_open(struct proxy_request *r)
{
    struct proxy_attempt *a = &r->attempt;
    struct http_head head;
    assert(a->up == NULL);
    if (a->url->secure)
        return proxy_error_raise(r, 502, "TLS to upstreams is not supported", (struct str){0});
    if (!describe(r, &head))
        return proxy_error_memory(r);
    a->failed = false;
    a->timed_out = false;
    a->credit = 0;
    proxy_choice_begin(r);
    r->times.attempt_ns = proxy_access_log_now(r);
    const struct http_client_request request = {
        .host = a->url->host,
        .port = a->url->port,
        .head = &head,
        .connect_timeout_ms =
            limit_ms(r->limits->connect_timeout_ns, r->proxy->options.connect_timeout_ms),
        .idle_timeout_ms = limit_ms(r->limits->idle_timeout_ns, 0),
        .events = &events,
        .user = r,
    };
    a->up = http_client_open(r->proxy->client, &request);
    proxy_upload_begin(r);
    begin_wait(r);
    return proxy_request_go(r, PROXY_AWAIT);
}

void proxy_attempt_progress(struct proxy_request *r)
{
    uint64_t ms = head_limit_ms(r);
    if (ms > 0)
        proxy_request_wait(r, ms);
}

/* The limit is on the upstream: it does not count while the next bytes have to come from the client. */
static void on_time_up(struct proxy_request *r)
{
    struct proxy_upload *u = &r->upload;
    uint64_t ms = head_limit_ms(r);
    bool waits_for_client = !u->ended && u->credit > 0;
    r->fired = false;
    if (!u->open && (ms == 0 || ms > CONTINUE_WAIT_MS)) {
        proxy_upload_continue(r);
        if (ms > 0)
            proxy_request_wait(r, ms);
        return;
    }
    if (waits_for_client) {
        proxy_request_wait(r, ms);
        return;
    }
    r->attempt.failed = true;
    r->attempt.timed_out = true;
    r->attempt.why = (struct exchange_reset){.code = EXCHANGE_TIMEOUT};
    proxy_attempt_drop(r);
}

static bool is_worth_repeating(enum exchange_reset_code code)
{
    switch (code) {
    case EXCHANGE_PEER_CLOSED:
    case EXCHANGE_PEER_RESET:
    case EXCHANGE_TIMEOUT:
    case EXCHANGE_RESOLVE:
    case EXCHANGE_CONNECT:
    case EXCHANGE_CONNECT_TIMEOUT:
    case EXCHANGE_OVERLOADED:
        return true;
    case EXCHANGE_CANCELED:
    case EXCHANGE_PROTOCOL:
    case EXCHANGE_TOO_LARGE:
    case EXCHANGE_SHUTDOWN:
        break;
    }
    return false;
}

static bool may_repeat(const struct proxy_request *r)
{
    const struct exchange_reset *why = &r->attempt.why;
    return proxy_upload_can_repeat(r) && (why->unsent || http_head_method_idempotent(r->method));
}

static enum proxy_turn repeat(struct proxy_request *r)
{
    struct proxy_attempt *a = &r->attempt;
    a->failures++;
    r->proxy->stats.retries++;
    log_debug("proxy", "request %.*s: attempt %u at %.*s failed: %s", STR_ARG(r->id),
              (unsigned)a->failures, STR_ARG(a->url->text), exchange_reset_text(a->why.code));
    proxy_choice_next(r);
    uint64_t ms = limit_ms(r->limits->retry_timeout_ns, 0);
    if (ms == 0)
        return proxy_request_go(r, PROXY_ATTEMPT);
    proxy_request_wait(r, ms);
    return proxy_request_go(r, PROXY_PAUSE);
}

static enum proxy_turn on_failure(struct proxy_request *r)
{
    struct proxy_attempt *a = &r->attempt;
    uint64_t retries = r->limits->retries > 0 ? (uint64_t)r->limits->retries : 0;
    if (retries > r->proxy->options.retries_max)
        retries = r->proxy->options.retries_max;
    proxy_request_unwait(r);
    if (a->why.stale && a->stale < STALE_MAX && may_repeat(r)) {
        a->stale++;
        return proxy_request_go(r, PROXY_ATTEMPT);
    }
    r->proxy->stats.upstream_errors++;
    proxy_choice_failed(r);
    if (a->failures < retries && is_worth_repeating(a->why.code) && may_repeat(r))
        return repeat(r);
    return proxy_attempt_raise(r);
}

enum proxy_turn proxy_attempt_await(struct proxy_request *r)
{
    struct proxy_attempt *a = &r->attempt;
    if (a->head != NULL) {
        proxy_request_unwait(r);
        proxy_choice_answered(r);
        proxy_upload_pump(r);
        return proxy_request_go(r, PROXY_HEAD);
    }
    if (r->fired && !a->failed)
        on_time_up(r);
    return a->failed ? on_failure(r) : PROXY_PARKED;
}

enum proxy_turn proxy_attempt_pause(struct proxy_request *r)
{
    if (!r->fired)
        return PROXY_PARKED;
    proxy_request_unwait(r);
    return proxy_request_go(r, PROXY_ATTEMPT);
}

enum proxy_turn proxy_attempt_raise(struct proxy_request *r)
{
    static const char *const texts[] = {
#define X(name, text, status) [EXCHANGE_##name] = "upstream failed: " text,
        EXCHANGE_RESETS(X)
#undef X
    };
    const struct proxy_attempt *a = &r->attempt;
    assert(a->failed && a->why.code < ARRAY_LEN(texts));
    const char *text =
        a->timed_out ? "upstream failed: no response within the time limit" : texts[a->why.code];
    struct str detail = {0};
    if (!arena_printf(&r->down->arena, &detail, "%s%s%s (%.*s)", text,
                      a->why.detail != NULL ? ": " : "", a->why.detail != NULL ? a->why.detail : "",
                      STR_ARG(a->url->text)))
        detail.len = 0;
    return proxy_error_raise(r, exchange_reset_status(a->why.code), text, detail);
}

void proxy_attempt_expire(struct proxy_request *r)
{
    struct proxy_attempt *a = &r->attempt;
    if (a->up != NULL && a->head == NULL && (r->upload.ended || r->upload.credit == 0)) {
        a->failed = true;
        a->why = (struct exchange_reset){.code = EXCHANGE_TIMEOUT};
        proxy_attempt_drop(r);
        r->proxy->stats.upstream_errors++;
        proxy_choice_failed(r);
    }
    proxy_attempt_drop(r);
}

void proxy_attempt_drop(struct proxy_request *r)
{
    struct exchange *up = r->attempt.up;
    if (up == NULL)
        return;
    orphan(r);
    /* A response that ended leads to the end by itself, and its connection may be used again. */
    if (!r->attempt.ended || r->reply.tunnel)
        exchange_reset(up, EXCHANGE_CANCELED);
}
