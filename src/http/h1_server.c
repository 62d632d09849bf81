/* A connection runs a table of steps:
 *
 *     PREFACE -> HEAD                         the PROXY header, if there has to be one
 *     HEAD -> EXCHANGE -> HEAD ...            keep-alive
 *                  |  `-> DRAIN -> HEAD       the response ended before the request
 *                  `-> LINGER -> CLOSED       the last response, with bytes of the client left to read
 *     HEAD, EXCHANGE -> FLUSH -> LINGER       an error of the client, answered here
 *
 * Steps run when the socket is ready, when a timer fires, and at the end of a turn in which the owner of the
 * exchange did something (the task).
 *
 * A client that ends its direction after the request may still wait for the response (half-close), or be
 * gone: docs/decisions/0001-half-close.md.
 */
#include "http/h1_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "codec/http1_write.h"
#include "codec/proxy_protocol.h"
#include "http/exchange_impl.h"
#include "http/h1_head.h"
#include "http/h1_pace.h"
#include "http/h1_served.h"
#include "io/timeout.h"

enum {
    READS_PER_TURN = 4,
    LINGER_MS = 2000,
    LINGER_BYTES = 64 << 20, /* a client that is cut off while it sends may lose the answer */
    SPARES_MAX = 256,
};

enum step {
    STEP_PREFACE,
    STEP_HEAD,
    STEP_EXCHANGE,
    STEP_DRAIN,
    STEP_FLUSH,
    STEP_LINGER,
    STEP_CLOSED
};

enum turn { AGAIN, PARKED };

/* What the timer is set for. */
enum wait { WAIT_NOTHING, WAIT_REQUEST, WAIT_HEAD, WAIT_PEER, WAIT_PROBE, WAIT_LINGER };

struct h1_server {
    struct ilist_node node;
    struct h1_server_shared *shared;
    struct h1_wire wire;
    struct loop_task task;
    struct timeout timer;
    enum wait wait;
    enum step step;
    uint32_t reads;     /* left in this turn */
    uint32_t discarded; /* DRAIN, LINGER: bytes so far */
    bool served;        /* a request was complete before: keep-alive */
    bool peer_known;
    bool running;
    bool progress; /* bytes were read or written in this run */
    bool entered;  /* the gate let it in: ticket is to be given back */
    bool limited;  /* the gate did not */
    uint32_t ticket;

    /* HEAD */
    struct http1_reader reader;
    bool head_began;

    /* EXCHANGE */
    bool has_exchange;
    bool shut; /* tunnel: we ended our direction */
    struct h1_pace pace;
    struct h1_served s;
};

static void run(struct h1_server *c);
static void flush(struct h1_server *c);
static void begin_head(struct h1_server *c);

static const struct http_server_options *options_of(const struct h1_server *c)
{
    return c->shared->options;
}

static void schedule(struct h1_server *c)
{
    loop_schedule(c->shared->loop, &c->task);
}

static void set_wait(struct h1_server *c, enum wait wait, uint64_t ms)
{
    c->wait = wait;
    if (wait == WAIT_NOTHING)
        timeout_clear(&c->timer);
    else
        timeout_set(&c->timer, ms);
}

/* Releases what a request held; between requests that is nothing. */
static void forget_request(struct h1_server *c)
{
    assert(!c->has_exchange);
    http1_body_finish(&c->s.body);
    arena_finish(&c->s.x.arena);
}

/* Its memory goes back at the end of the task. */
static void close_now(struct h1_server *c, bool abort)
{
    if (abort)
        sock_abort(&c->wire.sock);
    else
        sock_close(&c->wire.sock);
    forget_request(c);
    set_wait(c, WAIT_NOTHING, 0);
    c->step = STEP_CLOSED;
    schedule(c);
}

/* HEAD */

/* Answers an error of the client, and closes. text has nothing that JSON must escape. */
static enum turn refuse(struct h1_server *c, uint16_t status, const char *text)
{
    forget_request(c);
    struct buf *out = h1_wire_out(&c->wire);
    char body[256];
    const int n = snprintf(body, sizeof(body), "{\"error\":\"%s\",\"status\":%u}", text, status);
    assert(n > 0 && (size_t)n < sizeof(body));
    struct http_field type = {STR("Content-Type"), STR("application/json"),
                              HTTP_FIELD_CONTENT_TYPE};
    const struct http_head head = {
        .status = status, .content_length = n, .fields = {.v = &type, .n = 1, .cap = 1}};
    const struct http1_send how = {.keep_alive = false};
    const bool written = http1_write_response(out, &head, &how);
    assert(written);
    (void)written;
    h1_wire_send(&c->wire, (struct str){body, (size_t)n}, STR(""));
    c->step = STEP_FLUSH;
    c->s.keep_alive = false;
    set_wait(c, WAIT_PEER, options_of(c)->idle_timeout_ms);
    return AGAIN;
}

static enum turn refuse_head(struct h1_server *c, const struct http1_error *error)
{
    c->shared->stats->refused++;
    return refuse(c, error->status, error->text);
}

static void learn_peer(struct h1_server *c, const struct sockaddr *address)
{
    struct exchange_peer *peer = &c->s.x.peer;
    peer->address[0] = '\0';
    peer->port = 0;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        (void)inet_ntop(AF_INET, &in->sin_addr, peer->address, sizeof(peer->address));
        peer->port = ntohs(in->sin_port);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
        const bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
        (void)inet_ntop(mapped ? AF_INET : AF_INET6,
                        mapped ? &in6->sin6_addr.s6_addr[12] : in6->sin6_addr.s6_addr,
                        peer->address, sizeof(peer->address));
        peer->port = ntohs(in6->sin6_port);
    }
    c->peer_known = true;
}

static void ask_peer(struct h1_server *c)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    if (getpeername(c->wire.sock.fd, (struct sockaddr *)&address, &len) != 0)
        address.ss_family = AF_UNSPEC;
    learn_peer(c, (const struct sockaddr *)&address);
}

static enum turn begin_exchange(struct h1_server *c)
{
    if (!c->peer_known)
        ask_peer(c);
    c->served = true;
    c->has_exchange = true;
    c->shut = false;
    h1_served_begin(&c->s);
    c->step = STEP_EXCHANGE;
    set_wait(c, WAIT_NOTHING, 0);
    h1_pace_begin(&c->pace, options_of(c)->body_rate_min, options_of(c)->idle_timeout_ms);
    c->shared->stats->requests++;
    c->shared->stats->exchanges++;
    c->shared->on_request(c->shared->user, &c->s.x);
    assert(c->s.x.events != NULL);
    return AGAIN;
}

static enum turn fill_head(struct h1_server *c)
{
    if (c->s.half_closed) {
        close_now(c, false);
        return PARKED;
    }
    if (!c->wire.sock.readable)
        return PARKED;
    if (c->reads == 0) {
        schedule(c);
        return PARKED;
    }
    c->reads--;
    switch (h1_wire_fill(&c->wire)) {
    case SOCK_OK:
        return AGAIN;
    case SOCK_AGAIN:
        return PARKED;
    case SOCK_EOF:
    case SOCK_ERROR:
    default:
        close_now(c, false);
        return PARKED;
    }
}

static enum turn step_head(struct h1_server *c)
{
    if (c->wire.in.len == 0) {
        const enum turn turn = fill_head(c);
        if (turn == PARKED && c->shared->draining && c->step == STEP_HEAD && !c->wire.sock.readable)
            close_now(c, false);
        return turn;
    }
    if (!c->head_began) {
        c->head_began = true;
        h1_served_init(&c->s, options_of(c)->request_memory);
        c->reader.scanned = 0;
    }
    const struct http1_error *error = NULL;
    const enum http1_result result = h1_head_read(&c->reader, &c->wire, NULL, &c->s.head, &error);
    if (result == HTTP1_ERROR)
        return refuse_head(c, error);
    if (result == HTTP1_DONE)
        return begin_exchange(c);
    if (c->wait != WAIT_HEAD)
        set_wait(c, WAIT_HEAD, options_of(c)->header_timeout_ms);
    return fill_head(c);
}

static void begin_head(struct h1_server *c)
{
    forget_request(c);
    c->step = STEP_HEAD;
    c->head_began = false;
    const struct http_server_options *o = options_of(c);
    set_wait(c, WAIT_REQUEST, c->served ? o->idle_timeout_ms : o->header_timeout_ms);
}

/* PREFACE */

/* Once the client's address is known. A connection that is not let in is on its way to its end then. */
static void enter(struct h1_server *c)
{
    const struct http_server_gate *gate = &options_of(c)->gate;
    if (gate->enter == NULL)
        return;
    if (!c->peer_known)
        ask_peer(c);
    c->entered = gate->enter(gate->user, c->s.x.peer.address, &c->ticket);
    if (c->entered)
        return;
    c->limited = true;
    c->shared->stats->limited++;
    if (++c->shared->limited > H1_SERVER_REFUSED_MAX)
        close_now(c, false);
    else
        (void)refuse(c, 429, "too many connections of this client");
}

static void take_source(struct h1_server *c, const struct proxy_protocol *p)
{
    static_assert(sizeof(c->s.x.peer.address) >= IP_ADDRESS_TEXT_SIZE, "for any address");
    (void)ip_address_text(&p->source, c->s.x.peer.address);
    c->s.x.peer.port = p->port;
    c->peer_known = true;
}

static enum turn step_preface(struct h1_server *c)
{
    struct proxy_protocol p;
    size_t used = 0;
    const char *error = NULL;
    switch (proxy_protocol_read(buf_str(&c->wire.in), &p, &used, &error)) {
    case PROXY_PROTOCOL_DONE:
        h1_wire_consume(&c->wire, used);
        if (p.has_source)
            take_source(c, &p);
        begin_head(c);
        enter(c);
        return AGAIN;
    case PROXY_PROTOCOL_ERROR:
        c->shared->stats->refused++;
        log_debug("http", "a connection was closed: %s", error);
        close_now(c, false);
        return PARKED;
    case PROXY_PROTOCOL_MORE:
        break;
    }
    const enum turn turn = fill_head(c);
    if (turn == PARKED && c->shared->draining && c->step == STEP_PREFACE && !c->wire.sock.readable)
        close_now(c, false);
    return turn;
}

/* EXCHANGE */

static void finish_exchange(struct h1_server *c)
{
    c->has_exchange = false;
    c->shared->stats->exchanges--;
    exchange_impl_done(&c->s.x);
}

/* Ends the exchange before its time. */
static enum turn fail(struct h1_server *c, const struct h1_served_fault *f)
{
    const struct exchange_reset why = {.code = f->code, .detail = f->detail};
    const struct h1_served_fault fault = *f;
    const bool answer = fault.status != 0 && !c->s.head_written && !c->wire.sock.failed;
    exchange_impl_reset(&c->s.x, &why);
    finish_exchange(c);
    if (answer)
        return refuse(c, fault.status,
                      fault.detail != NULL ? fault.detail : exchange_reset_text(fault.code));
    close_now(c, true);
    return PARKED;
}

/* The last response was written. Closing with bytes of the client unread would reset the connection, and
 * could take the response from the client. */
static enum turn end_connection(struct h1_server *c)
{
    if (c->s.body_ended && c->wire.in.len == 0 && !c->wire.sock.readable) {
        close_now(c, false);
        return PARKED;
    }
    c->step = STEP_FLUSH;
    return AGAIN;
}

static enum turn complete(struct h1_server *c)
{
    const bool keep_alive = h1_served_keeps(&c->s);
    finish_exchange(c);
    if (!keep_alive)
        return end_connection(c);
    if (c->s.body_ended) {
        begin_head(c);
        return AGAIN;
    }
    arena_init(&c->s.x.arena, options_of(c)->request_memory); /* the body's trailers need it */
    c->discarded = 0;
    c->step = STEP_DRAIN;
    set_wait(c, WAIT_PEER, options_of(c)->idle_timeout_ms);
    return AGAIN;
}

/* The client ended its direction. What it sent before may still have to be handed over. */
static enum turn peer_ended(struct h1_server *c)
{
    const struct h1_served_fault gone = {EXCHANGE_PEER_CLOSED, NULL, 0};
    c->s.half_closed = true;
    if (!c->s.body_ended && c->s.body.framing == HTTP1_LENGTH && c->s.body.left > c->wire.in.len)
        return fail(c, &gone);
    if (c->s.x.head_sent && !c->s.x.end_sent && !c->s.tunnel && !c->s.duplex)
        return fail(c, &gone);
    return AGAIN;
}

static enum turn fill_exchange(struct h1_server *c)
{
    if (!c->wire.sock.readable || c->s.half_closed)
        return PARKED;
    if (c->reads == 0) {
        schedule(c);
        return PARKED;
    }
    c->reads--;
    const struct h1_served_fault f = {EXCHANGE_PEER_RESET, NULL, 0};
    const size_t before = c->wire.in.len;
    switch (h1_wire_fill(&c->wire)) {
    case SOCK_OK:
        c->progress = true;
        h1_pace_received(&c->pace, c->wire.in.len - before);
        return AGAIN;
    case SOCK_AGAIN:
        return PARKED;
    case SOCK_EOF:
        return peer_ended(c);
    case SOCK_ERROR:
    default:
        return fail(c, &f);
    }
}

/* The request is over: only the client's end is of interest, and up to a block of what it sends ahead is kept. */
static enum turn look_out(struct h1_server *c)
{
    const struct h1_served_fault gone = {EXCHANGE_PEER_CLOSED, NULL, 0};
    if (c->s.tunnel || c->wire.in.len >= BUF_POOL_BLOCK)
        return PARKED;
    if (c->s.half_closed && options_of(c)->half_close_probe_ms == 0)
        return fail(c, &gone);
    return fill_exchange(c);
}

static enum turn body_ended(struct h1_server *c)
{
    c->s.body_ended = true;
    exchange_impl_end(&c->s.x, &c->s.body.trailers);
    return AGAIN;
}

/* Reads and hands over what comes from the client. Without credit up to a block is read ahead, to see its end. */
static enum turn receive(struct h1_server *c)
{
    const struct http1_error *error = NULL;
    const enum http1_result result =
        h1_body_deliver(&c->s.body, &c->wire, &c->s.x, &c->s.credit, &error);
    if (c->s.x.reset_done)
        return AGAIN;
    if (result == HTTP1_ERROR) {
        const struct h1_served_fault f = {EXCHANGE_PROTOCOL, error->text, error->status};
        c->shared->stats->refused++;
        return fail(c, &f);
    }
    if (result == HTTP1_DONE)
        return body_ended(c);
    if (c->s.half_closed && c->wire.in.len == 0) {
        const struct h1_served_fault gone = {EXCHANGE_PEER_CLOSED, NULL, 0};
        return c->s.tunnel ? body_ended(c) : fail(c, &gone);
    }
    return c->wire.in.len < BUF_POOL_BLOCK ? fill_exchange(c) : PARKED;
}

static enum turn step_exchange(struct h1_server *c)
{
    struct exchange *x = &c->s.x;
    if (x->reset_done) {
        finish_exchange(c);
        close_now(c, true);
        return PARKED;
    }
    if (c->s.faulty)
        return fail(c, &c->s.fault);
    if (c->wire.sock.failed) {
        const struct h1_served_fault f = {EXCHANGE_PEER_RESET, NULL, 0};
        return fail(c, &f);
    }
    if (h1_served_is_complete(&c->s))
        return complete(c);
    if (c->s.want_room && !x->end_sent && c->wire.out.len <= options_of(c)->buffer / 2) {
        c->s.want_room = false;
        exchange_impl_room(x);
        return AGAIN;
    }
    if (c->s.tunnel && x->end_sent && c->wire.out.len == 0 && !c->shut) {
        c->shut = true;
        sock_shutdown(&c->wire.sock);
    }
    return c->s.body_ended ? look_out(c) : receive(c);
}

/* How long the client may do nothing. */
static uint64_t peer_time(struct h1_server *c)
{
    const uint64_t idle = options_of(c)->idle_timeout_ms;
    const uint64_t left = h1_pace_left_ms(&c->pace, loop_now_ms(c->shared->loop));
    return left < idle ? left : idle;
}

/* What the timer has to watch while an exchange runs. */
static void watch_exchange(struct h1_server *c)
{
    const bool reading = !c->s.body_ended && !c->s.tunnel && c->s.credit > 0;
    const bool writing = c->wire.out.len > 0 && !c->wire.sock.writable;
    const bool turned = h1_pace_watch(&c->pace, reading, loop_now_ms(c->shared->loop));
    if (reading || writing) {
        if (c->progress || turned || c->wait != WAIT_PEER)
            set_wait(c, WAIT_PEER, peer_time(c));
    } else if (c->s.half_closed && !c->s.x.head_sent && c->s.head.head.version >= HTTP_1_1) {
        if (c->wait != WAIT_PROBE)
            set_wait(c, WAIT_PROBE, options_of(c)->half_close_probe_ms);
    } else if (c->wait != WAIT_NOTHING) {
        set_wait(c, WAIT_NOTHING, 0);
    }
}

/* DRAIN, FLUSH, LINGER */

/* The client's bytes are read and dropped until the request's end, within one idle time. */
static enum turn step_drain(struct h1_server *c)
{
    struct h1_wire *w = &c->wire;
    const struct http1_error *error = NULL;
    while (w->in.len > 0) {
        struct str data = {0};
        size_t used = 0;
        const enum http1_result result =
            http1_body_read(&c->s.body, buf_str(&w->in), SIZE_MAX, &data, &used, &error);
        if (result == HTTP1_ERROR || used > options_of(c)->drain_max - c->discarded) {
            c->step = STEP_FLUSH;
            return AGAIN;
        }
        c->discarded += (uint32_t)used;
        h1_wire_consume(w, used);
        if (result == HTTP1_DONE) {
            c->s.body_ended = true;
            begin_head(c);
            return AGAIN;
        }
    }
    return fill_head(c);
}

static enum turn step_flush(struct h1_server *c)
{
    h1_wire_flush(&c->wire);
    if (c->wire.sock.failed) {
        close_now(c, false);
        return PARKED;
    }
    if (c->wire.out.len > 0)
        return PARKED;
    sock_shutdown(&c->wire.sock);
    c->step = STEP_LINGER;
    c->discarded = 0;
    set_wait(c, WAIT_LINGER, LINGER_MS);
    return AGAIN;
}

static enum turn step_linger(struct h1_server *c)
{
    c->discarded += (uint32_t)c->wire.in.len;
    h1_wire_consume(&c->wire, c->wire.in.len);
    if (c->discarded > LINGER_BYTES) {
        close_now(c, false);
        return PARKED;
    }
    return fill_head(c);
}

static enum turn step_closed(struct h1_server *c)
{
    (void)c;
    return PARKED;
}

/* The loop around the steps. */

static const struct {
    const char *name;
    enum turn (*run)(struct h1_server *c);
} steps[] = {
    [STEP_PREFACE] = {"preface", step_preface},    [STEP_HEAD] = {"head", step_head},
    [STEP_EXCHANGE] = {"exchange", step_exchange}, [STEP_DRAIN] = {"drain", step_drain},
    [STEP_FLUSH] = {"flush", step_flush},          [STEP_LINGER] = {"linger", step_linger},
    [STEP_CLOSED] = {"closed", step_closed},
};

static void check(const struct h1_server *c)
{
    assert(c->has_exchange == (c->step == STEP_EXCHANGE));
    assert((c->wire.sock.fd >= 0) == (c->step != STEP_CLOSED) || c->s.x.reset_done);
    assert(c->wire.in.len <= c->wire.in.max);
}

static void run(struct h1_server *c)
{
    assert(!c->running);
    c->running = true;
    c->progress = false;
    c->reads = READS_PER_TURN;
    enum turn turn = AGAIN;
    while (turn == AGAIN) {
        check(c);
        turn = steps[c->step].run(c);
    }
    c->running = false;
    if (c->step == STEP_EXCHANGE)
        watch_exchange(c);
}

static void flush(struct h1_server *c)
{
    const uint64_t before = c->wire.sent;
    h1_wire_flush(&c->wire);
    if (c->wire.sent != before && c->wait == WAIT_PEER)
        set_wait(c, WAIT_PEER, peer_time(c));
}

static void on_ready(struct sock *s)
{
    struct h1_server *c = container_of(s, struct h1_server, wire.sock);
    if (s->writable && c->wire.out.len > 0 && !ilist_linked(&c->task.node))
        flush(c);
    run(c);
}

static void leave(struct h1_server *c)
{
    const struct http_server_gate *gate = &options_of(c)->gate;
    if (c->entered)
        gate->leave(gate->user, c->ticket);
    if (c->limited)
        c->shared->limited--;
    c->entered = false;
    c->limited = false;
}

static void release(struct h1_server *c)
{
    struct h1_server_shared *shared = c->shared;
    leave(c);
    loop_unschedule(&c->task);
    h1_wire_finish(&c->wire);
    ilist_remove(&c->node);
    if (MEM_RECYCLE && shared->spare_count < SPARES_MAX) {
        shared->spare_count++;
        ilist_push_front(&shared->spares, &c->node);
    } else {
        timeout_finish(&c->timer);
        free(c);
    }
    shared->stats->connections--;
    shared->on_closed(shared);
}

static void on_task(struct loop_task *t)
{
    struct h1_server *c = container_of(t, struct h1_server, task);
    if (c->wire.out.len > 0)
        flush(c);
    run(c);
    if (c->wire.out.len > 0) {
        flush(c);
        run(c);
    }
    if (c->step == STEP_CLOSED)
        release(c);
}

static void on_timer(struct timeout *t)
{
    struct h1_server *c = container_of(t, struct h1_server, timer);
    const enum wait wait = c->wait;
    c->wait = WAIT_NOTHING;
    const struct h1_served_fault late = {EXCHANGE_TIMEOUT, NULL, c->s.body_ended ? 0 : 408};
    if (wait == WAIT_HEAD) {
        (void)refuse_head(c,
                          &(const struct http1_error){"http1.slow_head", 408,
                                                      "the request's head did not come in time"});
    } else if (wait == WAIT_PROBE) {
        h1_served_continue(&c->s);
        c->wait = WAIT_PROBE;
    } else if (c->step == STEP_EXCHANGE) {
        (void)fail(c, &late);
    } else {
        close_now(c, false);
    }
    schedule(c);
}

/* Opening and closing from outside. */

static struct h1_server *take_spare(struct h1_server_shared *shared)
{
    struct ilist_node *n = ilist_pop(&shared->spares);
    if (n == NULL) {
        struct h1_server *c = mem_alloc(sizeof(*c));
        timeout_init(&c->timer, shared->loop, on_timer);
        return c;
    }
    shared->spare_count--;
    struct h1_server *c = container_of(n, struct h1_server, node);
    const struct timeout timer = c->timer;
    memset(c, 0, sizeof(*c));
    c->timer = timer;
    return c;
}

void h1_server_open(struct h1_server_shared *shared, int fd, const struct sockaddr *peer,
                    bool refuse_it)
{
    struct h1_server *c = take_spare(shared);
    const size_t head_max = shared->options->limits.head_max;
    c->shared = shared;
    c->task.run = on_task;
    c->s.wire = &c->wire;
    c->s.task = &c->task;
    c->s.options = shared->options;
    c->s.last = &shared->retired;
    c->reader = (struct http1_reader){.limits = &shared->options->limits, .arena = &c->s.x.arena};
    h1_wire_init(&c->wire, &shared->pool, 2 * (size_t)BUF_POOL_BLOCK + head_max);
    ilist_push(&shared->connections, &c->node);
    shared->stats->connections++;
    begin_head(c);
    if (shared->options->proxy_protocol)
        c->step = STEP_PREFACE;
    if (!sock_open(&c->wire.sock, shared->loop, fd, on_ready)) {
        close_now(c, false);
        return;
    }
    if (peer != NULL)
        learn_peer(c, peer);
    if (refuse_it)
        (void)refuse(c, 503, "too many connections");
    else if (c->step != STEP_PREFACE)
        enter(c);
    run(c);
}

struct h1_server *h1_server_of(struct ilist_node *node)
{
    return container_of(node, struct h1_server, node);
}

void h1_server_drain(struct h1_server *c)
{
    assert(c->shared->draining);
    c->wire.sock.readable = true; /* a request may be there that the loop did not tell of yet */
    schedule(c);
}

void h1_server_kill(struct h1_server *c)
{
    assert(!c->running);
    if (c->has_exchange) {
        if (!c->s.x.reset_done)
            exchange_impl_reset(&c->s.x, &(struct exchange_reset){.code = EXCHANGE_SHUTDOWN});
        finish_exchange(c);
    }
    close_now(c, true);
    release(c);
}

void h1_server_free_spares(struct h1_server_shared *shared)
{
    struct ilist_node *n = NULL;
    while ((n = ilist_pop(&shared->spares)) != NULL) {
        struct h1_server *c = container_of(n, struct h1_server, node);
        timeout_finish(&c->timer);
        free(c);
    }
    shared->spare_count = 0;
}
