/* A call runs a table of steps: WAIT (no connection yet) -> HEAD -> BODY -> gone. They run when its connection is
 * ready, when a timer fires, and at the end of a turn in which the owner did something (the task).
 *
 * What the upstream sent before its connection broke is read first: an upstream may answer early and close,
 * which breaks our sending only.
 */
#include "http/h1_call.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/http1_write.h"
#include "http/exchange_impl.h"
#include "http/h1_client.h"
#include "http/h1_head.h"

enum { READS_PER_TURN = 4, SPARES_MAX = 256 };

enum step { STEP_WAIT, STEP_HEAD, STEP_BODY };

/* GONE: the call was freed. */
enum turn { AGAIN, PARKED, GONE };

/* What the timer is set for. */
enum wait { WAIT_NOTHING, WAIT_CONNECTION, WAIT_PEER };

static struct h1_call *of(struct exchange *x)
{
    return container_of(x, struct h1_call, x);
}

static void schedule(struct h1_call *c)
{
    loop_schedule(c->shared->loop, &c->task);
}

static void set_wait(struct h1_call *c, enum wait wait, uint64_t ms)
{
    c->wait = (uint8_t)wait;
    if (wait == WAIT_NOTHING)
        timeout_clear(&c->timer);
    else
        timeout_set(&c->timer, ms);
}

/* What the owner calls. */

static void set_fault(struct h1_call *c, enum exchange_reset_code code, const char *detail)
{
    if (c->faulty)
        return;
    c->faulty = true;
    c->fault = code;
    c->fault_detail = detail;
    schedule(c);
}

static void call_grant(struct exchange *x, size_t n)
{
    struct h1_call *c = of(x);
    c->credit = n > SIZE_MAX - c->credit ? SIZE_MAX : c->credit + n;
    schedule(c);
}

static void call_send_data(struct exchange *x, struct str data)
{
    struct h1_call *c = of(x);
    if (c->faulty)
        return;
    if (!h1_body_send(&c->out, c->wire, data))
        set_fault(c, EXCHANGE_PROTOCOL, "the request's body is longer than announced");
    if (c->wire->out.len > c->shared->options->buffer / 2)
        c->want_room = true;
    schedule(c);
}

static void call_send_end(struct exchange *x, const struct http_fields *trailers)
{
    struct h1_call *c = of(x);
    if (c->faulty)
        return;
    if (!h1_body_send_end(&c->out, c->wire, trailers))
        set_fault(c, EXCHANGE_PROTOCOL, "the request's body is shorter than announced");
    schedule(c);
}

static size_t call_room(const struct exchange *x)
{
    const struct h1_call *c = (const struct h1_call *)(const void *)x;
    const size_t buffer = c->shared->options->buffer;
    return c->wire->out.len >= buffer ? 0 : buffer - c->wire->out.len;
}

static void call_reset(struct exchange *x, enum exchange_reset_code code)
{
    (void)code;
    struct h1_call *c = of(x);
    if (c->client != NULL)
        sock_abort(&c->wire->sock);
    schedule(c);
}

static_assert(offsetof(struct h1_call, x) == 0, "call_room() relies on it");

static const struct exchange_impl impl = {
    .grant = call_grant,
    .send_data = call_send_data,
    .send_end = call_send_end,
    .room = call_room,
    .reset = call_reset,
};

/* The end of a call. */

static void release(struct h1_call *c)
{
    struct h1_call_shared *shared = c->shared;
    assert(!ilist_linked(&c->node) && c->client == NULL && c->dialing == NULL);
    loop_unschedule(&c->task);
    set_wait(c, WAIT_NOTHING, 0);
    http1_body_finish(&c->body);
    h1_wire_finish(&c->staging);
    ilist_remove(&c->each);
    exchange_impl_done(&c->x);
    if (MEM_RECYCLE && shared->spare_count < SPARES_MAX) {
        shared->spare_count++;
        ilist_push_front(&shared->spares, &c->node);
        return;
    }
    timeout_finish(&c->timer);
    free(c);
}

/* Gives back the connection, or leaves the queue. */
static void let_go(struct h1_call *c, enum h1_client_fate fate)
{
    struct h1_client *client = c->client;
    if (client == NULL) {
        c->shared->on_forget(c);
        return;
    }
    c->client = NULL;
    c->wire = &c->staging;
    h1_client_release(client, fate);
}

static enum turn cancel(struct h1_call *c)
{
    let_go(c, H1_CLIENT_ABORT);
    release(c);
    return GONE;
}

/* Whether nothing of the request can have reached the upstream. A connection that the upstream had ended before,
 * without its kernel having seen a byte of ours, is proof; a reset is none, since it may follow the
 * request so closely that the acknowledgement is lost. */
static bool is_unsent(const struct h1_call *c)
{
    if (c->client == NULL || c->wire->sent == c->sent_before)
        return true;
    return c->eof && !c->answered && sock_unacked_since(&c->wire->sock, c->sent_before);
}

static enum turn fail(struct h1_call *c, enum exchange_reset_code code, const char *detail)
{
    const struct exchange_reset why = {
        .code = code,
        .unsent = is_unsent(c),
        .stale = c->reused && !c->answered &&
                 (code == EXCHANGE_PEER_CLOSED || code == EXCHANGE_PEER_RESET),
        .detail = detail,
    };
    let_go(c, H1_CLIENT_ABORT);
    exchange_impl_reset(&c->x, &why);
    release(c);
    return GONE;
}

/* Whether nothing is behind the response. A read that was filled tells nothing about what is left, and no
 * edge will: it would be read as the next request's response. */
static bool is_quiet(struct h1_wire *w)
{
    return w->in.len == 0 && (!w->sock.readable || h1_wire_fill(w) == SOCK_AGAIN);
}

/* The response has ended. */
static enum turn complete(struct h1_call *c)
{
    struct h1_wire *w = c->wire;
    const bool reusable = c->head.keep_alive && !c->tunnel && !c->eof && !w->sock.failed &&
                          !w->sock.closed && c->x.end_sent && !c->faulty && w->out.len == 0 &&
                          is_quiet(w);
    let_go(c, reusable ? H1_CLIENT_REUSE : H1_CLIENT_CLOSE);
    release(c);
    return GONE;
}

/* The steps. */

static enum turn fill(struct h1_call *c)
{
    if (!c->wire->sock.readable || c->eof)
        return PARKED;
    if (c->reads == 0) {
        schedule(c);
        return PARKED;
    }
    c->reads--;
    switch (h1_wire_fill(c->wire)) {
    case SOCK_OK:
        c->progress = true;
        c->answered = true;
        return AGAIN;
    case SOCK_AGAIN:
        return PARKED;
    case SOCK_EOF:
        c->eof = true;
        return AGAIN;
    case SOCK_ERROR:
    default:
        return fail(c, EXCHANGE_PEER_RESET, NULL);
    }
}

static enum turn step_wait(struct h1_call *c)
{
    if (c->x.reset_done)
        return cancel(c);
    return c->faulty ? fail(c, c->fault, c->fault_detail) : PARKED;
}

static void start_tunnel(struct h1_call *c)
{
    c->tunnel = true;
    c->out.framing = HTTP1_TUNNEL;
    c->x.end_sent = false;
}

static enum turn begin_body(struct h1_call *c)
{
    http1_body_init(&c->body, c->head.framing, c->head.head.content_length,
                    &c->shared->options->limits, &c->x.arena);
    c->step = STEP_BODY;
    if (c->head.framing == HTTP1_TUNNEL)
        start_tunnel(c);
    exchange_impl_head(&c->x, &c->head.head);
    return AGAIN;
}

/* Whether a pooled connection has something to say before any of the request was written: it answers nothing of
 * ours, and must not become the response. */
static bool speaks_unasked(const struct h1_call *c)
{
    return c->reused && c->wire->in.len > 0 && c->wire->sent == c->sent_before;
}

static enum turn step_head(struct h1_call *c)
{
    if (c->x.reset_done)
        return cancel(c);
    if (c->faulty)
        return fail(c, c->fault, c->fault_detail);
    if (speaks_unasked(c)) {
        c->answered = false;
        return fail(c, EXCHANGE_PEER_CLOSED, "the upstream spoke before it was asked");
    }
    if (c->wire->in.len > 0) {
        const struct http1_error *error = NULL;
        switch (h1_head_read(&c->reader, c->wire, &c->method, &c->head, &error)) {
        case HTTP1_MORE:
            break;
        case HTTP1_DONE:
            if (c->head.head.status >= 200 || c->head.head.status == 101)
                return begin_body(c);
            exchange_impl_info(&c->x, &c->head.head);
            return AGAIN;
        case HTTP1_ERROR:
        default:
            return fail(c, EXCHANGE_PROTOCOL, error->text);
        }
    }
    if (c->eof)
        return fail(c, EXCHANGE_PEER_CLOSED, NULL);
    return fill(c);
}

static enum turn end_body(struct h1_call *c)
{
    c->body_ended = true;
    exchange_impl_end(&c->x, &c->body.trailers);
    return AGAIN;
}

/* Hands over what came. Without credit up to a block is read ahead, to see the end. */
static enum turn receive(struct h1_call *c)
{
    if (c->head.framing == HTTP1_NO_BODY)
        return end_body(c);
    const struct http1_error *error = NULL;
    const enum http1_result result = h1_body_deliver(&c->body, c->wire, &c->x, &c->credit, &error);
    if (c->x.reset_done)
        return AGAIN;
    if (result == HTTP1_ERROR)
        return fail(c, EXCHANGE_PROTOCOL, error->text);
    if (result == HTTP1_DONE)
        return end_body(c);
    if (c->eof && c->wire->in.len == 0) {
        if (c->tunnel || c->head.framing == HTTP1_UNTIL_CLOSE)
            return end_body(c);
        return fail(c, EXCHANGE_PEER_CLOSED, "the response is incomplete");
    }
    return c->wire->in.len < BUF_POOL_BLOCK ? fill(c) : PARKED;
}

static enum turn step_body(struct h1_call *c)
{
    struct exchange *x = &c->x;
    if (x->reset_done)
        return cancel(c);
    if (c->faulty && !c->body_ended)
        return fail(c, c->fault, c->fault_detail);
    const bool sent = x->end_sent && c->wire->out.len == 0;
    if (c->body_ended && (!c->tunnel || sent))
        return complete(c);
    if (c->tunnel && sent && !c->shut) {
        c->shut = true;
        sock_shutdown(&c->wire->sock);
    }
    if (c->body_ended)
        return c->wire->sock.failed ? fail(c, EXCHANGE_PEER_RESET, NULL) : PARKED;
    return receive(c);
}

static void watch(struct h1_call *c)
{
    if (c->step == STEP_WAIT)
        return;
    const bool reading = c->step == STEP_BODY && !c->body_ended && !c->tunnel && c->credit > 0;
    const bool writing = c->wire->out.len > 0 && !c->wire->sock.writable;
    if (!reading && !writing) {
        if (c->wait != WAIT_NOTHING)
            set_wait(c, WAIT_NOTHING, 0);
    } else if (c->progress || c->wait != WAIT_PEER) {
        set_wait(c, WAIT_PEER, c->idle_timeout_ms);
    }
}

static const struct {
    const char *name;
    enum turn (*run)(struct h1_call *c);
} steps[] = {
    [STEP_WAIT] = {"wait", step_wait},
    [STEP_HEAD] = {"head", step_head},
    [STEP_BODY] = {"body", step_body},
};

static void check(const struct h1_call *c)
{
    assert((c->step == STEP_WAIT) == (c->client == NULL));
    assert(!c->x.done);
}

/* False when the call is gone. */
static bool run(struct h1_call *c)
{
    assert(!c->running);
    c->running = true;
    c->progress = false;
    c->reads = READS_PER_TURN;
    enum turn turn = AGAIN;
    while (turn == AGAIN) {
        check(c);
        if (c->want_room && !c->x.reset_done && !c->x.end_sent &&
            c->wire->out.len <= c->shared->options->buffer / 2) {
            c->want_room = false;
            exchange_impl_room(&c->x);
        }
        turn = steps[c->step].run(c);
    }
    if (turn == GONE)
        return false;
    c->running = false;
    watch(c);
    return true;
}

static void flush(struct h1_call *c)
{
    const uint64_t before = c->wire->sent;
    h1_wire_flush(c->wire);
    if (c->wire->sent != before && c->wait == WAIT_PEER)
        set_wait(c, WAIT_PEER, c->idle_timeout_ms);
}

void h1_call_ready(struct h1_call *c)
{
    if (c->wire->sock.writable && c->wire->out.len > 0 && !ilist_linked(&c->task.node))
        flush(c);
    (void)run(c);
}

static void on_task(struct loop_task *t)
{
    struct h1_call *c = container_of(t, struct h1_call, task);
    if (!run(c) || c->client == NULL || c->wire->out.len == 0)
        return;
    flush(c);
    (void)run(c);
}

static void on_timer(struct timeout *t)
{
    struct h1_call *c = container_of(t, struct h1_call, timer);
    const enum wait wait = (enum wait)c->wait;
    c->wait = WAIT_NOTHING;
    if (c->x.reset_done)
        return;
    (void)fail(c, wait == WAIT_CONNECTION ? EXCHANGE_CONNECT_TIMEOUT : EXCHANGE_TIMEOUT, NULL);
}

static struct h1_call *take_spare(struct h1_call_shared *shared)
{
    struct ilist_node *n = ilist_pop(&shared->spares);
    if (n == NULL) {
        struct h1_call *c = mem_alloc(sizeof(*c));
        timeout_init(&c->timer, shared->loop, on_timer);
        return c;
    }
    shared->spare_count--;
    struct h1_call *c = container_of(n, struct h1_call, node);
    const struct timeout timer = c->timer;
    memset(c, 0, sizeof(*c));
    c->timer = timer;
    return c;
}

/* Only these two change how a response is read. */
static struct str response_method(struct str method)
{
    if (str_eq(method, STR("HEAD")))
        return STR("HEAD");
    return str_eq(method, STR("CONNECT")) ? STR("CONNECT") : STR("GET");
}

struct h1_call *h1_call_create(struct h1_call_shared *shared, const struct http_client_request *r)
{
    struct h1_call *c = take_spare(shared);
    const struct http_head *head = r->head;
    exchange_impl_init(&c->x, &impl, shared->options->request_memory);
    c->x.events = r->events;
    c->x.user = r->user;
    c->x.head_sent = true;
    c->x.end_sent = head->no_body;
    c->shared = shared;
    ilist_push(&shared->all, &c->each);
    c->connect_timeout_ms = r->connect_timeout_ms;
    c->idle_timeout_ms =
        r->idle_timeout_ms > 0 ? r->idle_timeout_ms : shared->options->idle_timeout_ms;
    c->task.run = on_task;
    c->method = response_method(head->method);
    c->reader = (struct http1_reader){.limits = &shared->options->limits, .arena = &c->x.arena};
    h1_wire_init(&c->staging, shared->pool, 1);
    c->wire = &c->staging;

    const bool known = head->content_length != HTTP_LENGTH_UNKNOWN;
    c->out.framing = head->no_body ? HTTP1_NO_BODY : known ? HTTP1_LENGTH : HTTP1_CHUNKED;
    c->out.left = c->out.framing == HTTP1_LENGTH ? (uint64_t)head->content_length : 0;
    const struct http1_send how = {.chunked = c->out.framing == HTTP1_CHUNKED, .keep_alive = true};
    if (!http1_write_request(h1_wire_out(&c->staging), head, &how))
        set_fault(c, EXCHANGE_PROTOCOL, "the request's head cannot be written");
    if (r->connect_timeout_ms > 0)
        set_wait(c, WAIT_CONNECTION, r->connect_timeout_ms);
    return c;
}

void h1_call_attach(struct h1_call *c, struct h1_client *client, bool reused)
{
    assert(c->step == STEP_WAIT && c->client == NULL);
    struct h1_wire *w = h1_client_wire(client);
    assert(w->out.len == 0 && w->in.len == 0);
    c->client = client;
    c->dialing = NULL;
    c->host = NULL;
    c->reused = reused;
    c->sent_before = w->sent;
    c->x.peer = *h1_client_peer(client);
    buf_pool_give(w->pool, &w->out);
    w->out = c->staging.out;
    c->staging.out = (struct buf){.max = w->out.max};
    c->wire = w;
    c->step = STEP_HEAD;
    set_wait(c, WAIT_NOTHING, 0);
    schedule(c);
}

void h1_call_fail(struct h1_call *c, enum exchange_reset_code code, const char *detail)
{
    assert(!c->running);
    if (c->x.reset_done)
        (void)cancel(c);
    else
        (void)fail(c, code, detail);
}

void h1_call_fail_later(struct h1_call *c, enum exchange_reset_code code, const char *detail)
{
    set_fault(c, code, detail);
}

void h1_call_free_spares(struct h1_call_shared *shared)
{
    struct ilist_node *n = NULL;
    while ((n = ilist_pop(&shared->spares)) != NULL) {
        struct h1_call *c = container_of(n, struct h1_call, node);
        timeout_finish(&c->timer);
        free(c);
    }
    shared->spare_count = 0;
}
