#include "proxy/proxy_request.h"

#include <assert.h>

#include "base/container.h"
#include "base/log.h"
#include "proxy/catalog_route.h"
#include "proxy/catalog_service.h"
#include "proxy/proxy_access.h"
#include "proxy/proxy_access_log.h"
#include "proxy/proxy_attempt.h"
#include "proxy/proxy_client.h"
#include "proxy/proxy_error.h"
#include "proxy/proxy_headers.h"
#include "proxy/proxy_limits.h"
#include "proxy/proxy_match.h"
#include "proxy/proxy_modules.h"
#include "proxy/proxy_reply.h"
#include "proxy/proxy_stream.h"
#include "proxy/proxy_upload.h"

static const struct {
    const char *name;
    enum proxy_turn (*run)(struct proxy_request *r);
} steps[PROXY_STEP_COUNT] = {
#define X(name, function) [PROXY_##name] = {#name, function},
    PROXY_STEPS(X)
#undef X
};

static void on_data(struct exchange *x, struct str data)
{
    proxy_upload_data(x->user, data);
}

static void on_end(struct exchange *x, const struct http_fields *trailers)
{
    proxy_upload_end(x->user, trailers);
}

static void on_room(struct exchange *x)
{
    struct proxy_request *r = x->user;
    if (r->step == PROXY_RELAY)
        proxy_reply_pull(r);
    else
        proxy_request_run(r);
}

/* Lets go of everything that is not in the arena. */
static void release(struct proxy_request *r)
{
    if (r->released)
        return;
    r->released = true;
    proxy_access_log_end(r);
    loop_unschedule(&r->wake);
    proxy_timer_give(&r->proxy->timers, r->timer);
    r->timer = NULL;
    proxy_limits_drop(r);
    proxy_request_deadline_clear(r);
    proxy_attempt_drop(r);
    proxy_modules_finish(r);
    buf_finish(&r->upload.kept);
    buf_finish(&r->reply.gathered);
    catalog_service_unref(r->service);
    catalog_route_unref(r->route);
    r->service = NULL;
    r->route = NULL;
}

static void on_reset(struct exchange *x, const struct exchange_reset *why)
{
    struct proxy_request *r = x->user;
    log_debug("proxy", "request %.*s ended by the client in step %s: %s", STR_ARG(r->id),
              proxy_request_step_name(r), exchange_reset_text(why->code));
    r->cut_short = exchange_reset_text(why->code);
    r->step = PROXY_CLOSED;
    release(r);
    r->reply.status = 0;
}

static void log_request(const struct proxy_request *r)
{
    const struct http_head *head = r->down->request;
    char status[8];
    (void)snprintf(status, sizeof(status), "%u", (unsigned)r->reply.status);
    const struct log_field fields[] = {
        {"request_id", r->id},    {"method", head->method},   {"host", head->authority},
        {"target", head->target}, {"status", str_of(status)}, {"client", proxy_client_address(r)},
    };
    log_write_fields(LOG_DEBUG, "proxy", STR("request"), fields, ARRAY_LEN(fields));
}

static void observe_duration(struct proxy_stats *stats, uint64_t ms)
{
    static const uint16_t bounds[] = {
#define X(ms) (ms),
        PROXY_DURATION_BOUNDS(X)
#undef X
    };
    size_t class = 0;
    while (class < ARRAY_LEN(bounds) && ms > bounds[class])
        class ++;
    stats->durations[class]++;
    stats->duration_ms += ms;
}

static void on_done(struct exchange *x)
{
    struct proxy_request *r = x->user;
    struct proxy_stats *stats = &r->proxy->stats;
    assert(!r->running && stats->active > 0);
    unsigned class = r->reply.status / 100u;
    stats->responses[class < ARRAY_LEN(stats->responses) ? class : 0]++;
    stats->active--;
    observe_duration(stats, loop_now_ms(r->proxy->loop) - r->began_ms);
    if (log_enabled(LOG_DEBUG))
        log_request(r);
    release(r);
}

static const struct exchange_events events = {
    .on_data = on_data,
    .on_end = on_end,
    .on_room = on_room,
    .on_reset = on_reset,
    .on_done = on_done,
};

static void on_wake(struct loop_task *t)
{
    proxy_request_run(container_of(t, struct proxy_request, wake));
}

static void choose_id(struct proxy_request *r)
{
    const struct http_field *sent =
        http_head_find(&r->down->request->fields, HTTP_FIELD_X_REQUEST_ID);
    if (sent != NULL && proxy_id_is_sane(sent->value)) {
        r->id = sent->value;
        return;
    }
    proxy_id_make(&r->proxy->ids, r->made_id);
    r->id = (struct str){r->made_id, sizeof(r->made_id)};
}

void proxy_request_start(struct proxy *p, struct exchange *x)
{
    p->stats.requests++;
    struct proxy_request *r = arena_alloc(&x->arena, sizeof(*r));
    if (r == NULL) {
        exchange_forget(x);
        p->stats.responses[5]++;
        exchange_respond(x, 503, NULL, STR("text/plain"), STR("out of request memory\n"));
        return;
    }
    r->proxy = p;
    r->down = x;
    r->wake.run = on_wake;
    x->user = r;
    x->events = &events;
    r->began_ms = loop_now_ms(p->loop);
    r->method = x->request->method;
    proxy_limits_init(r);
    p->stats.active++;
    proxy_access_log_begin(r);
    choose_id(r);
    proxy_client_find(r);
    r->step = p->access.clients_any ? PROXY_ACCESS : proxy_limits_first(p);
    proxy_upload_init(r);
    proxy_request_run(r);
}

static void check(const struct proxy_request *r)
{
    assert(r->down->user == r && !r->down->done);
    assert(!r->released || r->step == PROXY_CLOSED);
}

void proxy_request_run(struct proxy_request *r)
{
    if (r->running)
        return;
    check(r);
    r->running = true;
    enum proxy_turn turn = PROXY_AGAIN;
    while (turn == PROXY_AGAIN) {
        assert(r->step < PROXY_STEP_COUNT);
        turn = steps[r->step].run(r);
    }
    r->running = false;
    check(r);
}

void proxy_request_deadline_set(struct proxy_request *r, int64_t ns)
{
    assert(r->total == NULL && ns > 0);
    r->total = proxy_timer_take(&r->proxy->timers, r);
    timeout_set(&r->total->timeout, model_ms(ns));
}

void proxy_request_deadline_clear(struct proxy_request *r)
{
    proxy_timer_give(&r->proxy->timers, r->total);
    r->total = NULL;
}

/* The whole request took too long. */
static void expire(struct proxy_request *r)
{
    static const char text[] = "the request took longer than the service's totalTimeout";
    proxy_request_deadline_clear(r);
    if (r->step == PROXY_CLOSED || r->down->end_sent)
        return;
    if (r->down->head_sent) {
        log_warn("proxy", "request %.*s: aborted: %s", STR_ARG(r->id), text);
        (void)proxy_request_abort(r, EXCHANGE_TIMEOUT);
        return;
    }
    proxy_request_unwait(r);
    if (r->step == PROXY_AWAIT || r->step == PROXY_PAUSE || r->step == PROXY_GATHER) {
        proxy_attempt_expire(r);
        (void)proxy_error_raise(r, 504, text, (struct str){0});
    } else {
        /* A module is at work, or the body is being collected: nobody is to be asked. */
        (void)proxy_error_refuse(r, 504, text, (struct str){0});
    }
    proxy_request_run(r);
}

void proxy_request_on_timer(struct timeout *t)
{
    struct proxy_timer *timer = container_of(t, struct proxy_timer, timeout);
    struct proxy_request *r = timer->user;
    assert(r != NULL);
    if (timer == r->total) {
        expire(r);
        return;
    }
    r->fired = true;
    proxy_request_run(r);
}

void proxy_request_wait(struct proxy_request *r, uint64_t ms)
{
    r->fired = false;
    if (r->timer == NULL)
        r->timer = proxy_timer_take(&r->proxy->timers, r);
    timeout_set(&r->timer->timeout, ms);
}

void proxy_request_unwait(struct proxy_request *r)
{
    r->fired = false;
    proxy_timer_give(&r->proxy->timers, r->timer);
    r->timer = NULL;
}

enum proxy_turn proxy_request_abort(struct proxy_request *r, enum exchange_reset_code code)
{
    exchange_reset(r->down, code);
    r->cut_short = exchange_reset_text(code);
    r->step = PROXY_CLOSED;
    release(r);
    r->reply.status = 0;
    return PROXY_AGAIN;
}

const char *proxy_request_step_name(const struct proxy_request *r)
{
    return steps[r->step].name;
}

enum proxy_turn proxy_request_closed(struct proxy_request *r)
{
    (void)r;
    return PROXY_PARKED;
}
