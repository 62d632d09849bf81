#include "proxy/proxy_reply.h"

#include <assert.h>

#include "base/log.h"
#include "model/model.h"
#include "proxy/proxy_attempt.h"
#include "proxy/proxy_error.h"
#include "proxy/proxy_headers.h"
#include "proxy/proxy_modules.h"
#include "proxy/proxy_stream.h"
#include "proxy/proxy_upload.h"
#include "script/script.h"

static const struct str no_detail;

/* Whether the protocol that the upstream switched to was offered (RFC 9110 section 7.8). */
static bool is_offered(struct str offer, struct str chosen)
{
    struct str protocol;
    while (str_next_item(&offer, &protocol))
        if (str_eq_nocase(protocol, chosen))
            return true;
    return false;
}

enum proxy_turn proxy_reply_head(struct proxy_request *r)
{
    struct proxy_attempt *a = &r->attempt;
    const struct http_head *head = a->head;
    if (head->status == 101 &&
        !is_offered(proxy_headers_upgrade(r->down->request), head->upgrade)) {
        proxy_attempt_drop(r);
        return proxy_error_raise(r, 502, "upstream failed: it switched protocols unasked",
                                 no_detail);
    }
    if (!proxy_modules_has(r, SCRIPT_RESPONSE_MODIFIER)) {
        r->reply.head = *head;
        return proxy_request_go(r, PROXY_REPLY);
    }
    /* The upstream may be done before the modules are. */
    if (!http_head_copy(&r->down->arena, head, &r->reply.head))
        return proxy_error_memory(r);
    a->head = &r->reply.head;
    bool gather = head->status != 101 && !head->no_body &&
                  script_program_reads_response_body(proxy_modules_program(r));
    return proxy_request_go(r, gather ? PROXY_GATHER : PROXY_REVISE);
}

void proxy_reply_grant(struct proxy_request *r, size_t room)
{
    struct proxy_attempt *a = &r->attempt;
    size_t want = room < PROXY_WINDOW ? room : PROXY_WINDOW;
    /* Small top-ups are put off: a grant may cost a system call. */
    if (want <= a->credit || (a->credit > 0 && want - a->credit < PROXY_WINDOW / 4))
        return;
    size_t n = want - a->credit;
    a->credit = want;
    exchange_grant(a->up, n);
}

enum proxy_turn proxy_reply_gather(struct proxy_request *r)
{
    struct proxy_reply *y = &r->reply;
    struct proxy_attempt *a = &r->attempt;
    size_t max = proxy_modules_body_max(r);
    if (!y->gathering) {
        y->gathering = true;
        buf_init(&y->gathered, max);
        y->over_limit = y->head.content_length > 0 && (uint64_t)y->head.content_length > max;
    }
    if (y->over_limit) {
        proxy_attempt_drop(r);
        return proxy_modules_refuse_body(
            r, 502, "upstream failed: the body is larger than a module may read");
    }
    if (a->failed) {
        r->proxy->stats.upstream_errors++;
        return proxy_attempt_raise(r);
    }
    if (a->ended) {
        y->gathering = false;
        return proxy_request_go(r, PROXY_REVISE);
    }
    proxy_reply_grant(r, max - y->gathered.len + 1);
    return PROXY_PARKED;
}

void proxy_reply_data(struct proxy_request *r, struct str data)
{
    struct proxy_reply *y = &r->reply;
    assert(data.len <= r->attempt.credit);
    r->attempt.credit -= data.len;
    if (y->gathering) {
        y->over_limit = y->over_limit || !buf_add(&y->gathered, data);
        proxy_request_run(r);
    } else if (r->flow.feeds_upstream) {
        proxy_stream_upstream_data(r, data);
    } else if (r->step == PROXY_RELAY) {
        exchange_send_data(r->down, data);
        proxy_reply_pull(r);
    }
}

void proxy_reply_end(struct proxy_request *r)
{
    struct proxy_attempt *a = &r->attempt;
    if (r->step != PROXY_RELAY && a->trailers != NULL) {
        /* They are needed when the upstream's exchange may be gone. */
        struct http_head copy = {.fields = *a->trailers};
        struct http_head *kept = arena_alloc(&r->down->arena, sizeof(*kept));
        a->trailers =
            kept != NULL && http_head_copy(&r->down->arena, &copy, kept) ? &kept->fields : NULL;
    }
    proxy_stream_upstream_end(r, NULL);
    proxy_request_run(r);
}

void proxy_reply_pull(struct proxy_request *r)
{
    struct proxy_attempt *a = &r->attempt;
    if (a->up != NULL && !a->ended)
        proxy_reply_grant(r, exchange_room(r->down));
}

enum proxy_turn proxy_reply_send(struct proxy_request *r)
{
    struct proxy_reply *y = &r->reply;
    const struct http_fields received = y->head.fields;
    if (!proxy_headers_response(r, &received, y->head.version, &y->head.fields))
        return proxy_error_memory(r);
    exchange_send_head(r->down, &y->head);
    y->status = y->head.status;
    if (y->status == 101) {
        y->tunnel = true;
        proxy_request_deadline_clear(r);
        proxy_upload_tunnel(r);
    }
    if (y->streams)
        return proxy_request_go(r, PROXY_STREAM);
    return proxy_request_go(r, y->from_memory ? PROXY_FEED : PROXY_RELAY);
}

enum proxy_turn proxy_reply_relay(struct proxy_request *r)
{
    struct proxy_attempt *a = &r->attempt;
    if (a->failed) {
        r->proxy->stats.upstream_errors++;
        log_warn("proxy", "request %.*s: upstream %.*s broke off: %s", STR_ARG(r->id),
                 STR_ARG(a->url->text), exchange_reset_text(a->why.code));
        return proxy_request_abort(r, a->why.code);
    }
    if (!a->ended)
        proxy_reply_pull(r);
    else if (!r->down->end_sent)
        exchange_send_end(r->down, a->trailers);
    return PROXY_PARKED;
}

/* The response is made of the request's body: whoever waits with that until it is asked for is asked before. */
static void ask_for_body(struct proxy_request *r)
{
    static const struct http_head interim = {.status = 100, .no_body = true};
    if (!r->reply.streams || !r->flow.feeds_request || r->upload.open)
        return;
    r->upload.open = true;
    exchange_send_info(r->down, &interim);
}

enum proxy_turn proxy_reply_answer(struct proxy_request *r)
{
    struct proxy_reply *y = &r->reply;
    proxy_request_unwait(r);
    proxy_attempt_drop(r);
    struct http_fields fields;
    if (!proxy_modules_answer(r)) {
        r->proxy->stats.module_errors++;
        return proxy_error_refuse(r, 500, "a module made an invalid response", no_detail);
    }
    if (!proxy_headers_own(r, &y->head.fields, &fields))
        return proxy_error_memory(r);
    y->head.fields = fields;
    ask_for_body(r);
    exchange_send_head(r->down, &y->head);
    y->status = y->head.status;
    return proxy_request_go(r, y->streams ? PROXY_STREAM : PROXY_FEED);
}

enum proxy_turn proxy_reply_feed(struct proxy_request *r)
{
    struct proxy_reply *y = &r->reply;
    while (y->sent < y->body.len && !y->head.no_body) {
        size_t room = exchange_room(r->down);
        size_t left = y->body.len - y->sent;
        size_t n = left < room ? left : room;
        if (n == 0)
            return PROXY_PARKED;
        exchange_send_data(r->down, str_slice(y->body, y->sent, y->sent + n));
        y->sent += n;
    }
    exchange_send_end(r->down, y->from_memory ? r->attempt.trailers : NULL);
    return proxy_request_go(r, PROXY_CLOSED);
}
