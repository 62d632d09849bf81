/* The owner's calls only change buffers and schedule the connection's task, so that events never come from within
 * them. Responses are gathered and written by the task.
 */
#include "http/h1_served.h"

#include <assert.h>

#include "codec/http1_write.h"
#include "http/exchange_impl.h"

static_assert(offsetof(struct h1_served, x) == 0, "of() and served_room() rely on it");

static struct h1_served *of(struct exchange *x)
{
    return container_of(x, struct h1_served, x);
}

static void schedule(struct h1_served *s)
{
    loop_schedule(s->wire->sock.loop, s->task);
}

static void set_fault(struct h1_served *s, const char *detail, uint16_t status)
{
    if (s->faulty)
        return;
    s->faulty = true;
    s->fault = (struct h1_served_fault){EXCHANGE_PROTOCOL, detail, status};
    schedule(s);
}

/* What was sent waits for the end of the turn. */
static void after_send(struct h1_served *s)
{
    if (s->wire->out.len > s->options->buffer / 2)
        s->want_room = true;
    schedule(s);
}

void h1_served_continue(struct h1_served *s)
{
    s->expect = false;
    h1_wire_send(s->wire, STR("HTTP/1.1 100 Continue\r\n\r\n"), STR(""));
}

static void served_grant(struct exchange *x, size_t n)
{
    struct h1_served *s = of(x);
    s->credit = n > SIZE_MAX - s->credit ? SIZE_MAX : s->credit + n;
    if (s->expect && !x->head_sent)
        h1_served_continue(s);
    schedule(s);
}

static void served_send_info(struct exchange *x, const struct http_head *head)
{
    struct h1_served *s = of(x);
    if (s->head.head.version < HTTP_1_1 || (head->status == 100 && !s->expect))
        return;
    if (head->status == 100)
        s->expect = false;
    /* An interim response that cannot be written is dropped: it is no part of the answer. */
    const struct http1_send how = {.keep_alive = true, .peer_version = HTTP_1_1};
    if (http1_write_response(h1_wire_out(s->wire), head, &how))
        after_send(s);
}

static bool opens_tunnel(const struct h1_served *s, uint16_t status)
{
    return status == 101 || (status / 100 == 2 && str_eq(s->head.head.method, STR("CONNECT")));
}

static enum http1_framing framing_of(const struct h1_served *s, const struct http_head *head)
{
    if (opens_tunnel(s, head->status))
        return HTTP1_TUNNEL;
    if (head->no_body || head->status == 204 || head->status == 304 ||
        str_eq(s->head.head.method, STR("HEAD")))
        return HTTP1_NO_BODY;
    if (head->content_length != HTTP_LENGTH_UNKNOWN)
        return HTTP1_LENGTH;
    return s->head.head.version >= HTTP_1_1 ? HTTP1_CHUNKED : HTTP1_UNTIL_CLOSE;
}

/* Whether so much of the request is left that it is better not to read it. */
static bool request_too_long(const struct h1_served *s)
{
    if (s->body_ended)
        return false;
    /* Without the 100 it is open whether the body will come (RFC 9110 section 10.1.1). */
    return s->expect || (s->body.framing == HTTP1_LENGTH && s->body.left > s->options->drain_max);
}

bool h1_served_keeps(const struct h1_served *s)
{
    const bool more_can_come = !s->half_closed || s->wire->in.len > 0;
    return s->keep_alive && more_can_come && !request_too_long(s);
}

static void start_tunnel(struct h1_served *s)
{
    http1_body_finish(&s->body);
    http1_body_init(&s->body, HTTP1_TUNNEL, HTTP_LENGTH_UNKNOWN, &s->options->limits, &s->x.arena);
    s->tunnel = true;
    s->keep_alive = false;
    s->body_ended = false;
    s->x.end_received = false;
}

/* A 101 is final for HTTP, and only good for a client that offered to switch. */
static bool is_final(const struct h1_served *s, uint16_t status)
{
    return status >= 200 || (status == 101 && s->head.head.upgrade.len > 0);
}

static void served_send_head(struct exchange *x, const struct http_head *head)
{
    struct h1_served *s = of(x);
    s->out.framing = framing_of(s, head);
    s->out.left = s->out.framing == HTTP1_LENGTH ? (uint64_t)head->content_length : 0;
    /* Who was told that the connection stays may use it once more: *s->last is not asked about again. */
    s->keep_alive = s->head.keep_alive && s->out.framing != HTTP1_UNTIL_CLOSE && !*s->last;
    s->keep_alive = h1_served_keeps(s);
    struct http_head sent = *head;
    sent.no_body = s->out.framing == HTTP1_NO_BODY;
    const struct http1_send how = {
        .chunked = s->out.framing == HTTP1_CHUNKED,
        .keep_alive = s->keep_alive || s->out.framing == HTTP1_TUNNEL,
        .peer_version = s->head.head.version,
    };
    if (!is_final(s, head->status) || !http1_write_response(h1_wire_out(s->wire), &sent, &how)) {
        set_fault(s, "the response's head cannot be written", 500);
        return;
    }
    s->head_written = true;
    s->duplex = !s->body_ended;
    if (s->out.framing == HTTP1_TUNNEL)
        start_tunnel(s);
    after_send(s);
}

static void served_send_data(struct exchange *x, struct str data)
{
    struct h1_served *s = of(x);
    if (s->faulty)
        return;
    if (!h1_body_send(&s->out, s->wire, data))
        set_fault(s, "the response's body is longer than announced", 0);
    after_send(s);
}

static void served_send_end(struct exchange *x, const struct http_fields *trailers)
{
    struct h1_served *s = of(x);
    if (s->faulty)
        return;
    if (!h1_body_send_end(&s->out, s->wire, trailers))
        set_fault(s, "the response's body is shorter than announced", 0);
    schedule(s);
}

static size_t served_room(const struct exchange *x)
{
    const struct h1_served *s = (const struct h1_served *)(const void *)x;
    const size_t buffer = s->options->buffer;
    return s->wire->out.len >= buffer ? 0 : buffer - s->wire->out.len;
}

static void served_reset(struct exchange *x, enum exchange_reset_code code)
{
    (void)code;
    struct h1_served *s = of(x);
    sock_abort(&s->wire->sock);
    schedule(s);
}

static const struct exchange_impl impl = {
    .grant = served_grant,
    .send_info = served_send_info,
    .send_head = served_send_head,
    .send_data = served_send_data,
    .send_end = served_send_end,
    .room = served_room,
    .reset = served_reset,
};

void h1_served_init(struct h1_served *s, size_t memory)
{
    exchange_impl_init(&s->x, &impl, memory);
}

void h1_served_begin(struct h1_served *s)
{
    s->keep_alive = s->head.keep_alive;
    s->expect = s->head.head.expect_continue;
    s->body_ended = s->head.framing == HTTP1_NO_BODY;
    s->tunnel = false;
    s->duplex = false;
    s->want_room = false;
    s->head_written = false;
    s->faulty = false;
    s->credit = 0;
    s->out = (struct h1_body_out){.framing = HTTP1_NO_BODY};
    http1_body_init(&s->body, s->head.framing, s->head.head.content_length, &s->options->limits,
                    &s->x.arena);
    s->x.request = &s->head.head;
    s->x.end_received = s->body_ended;
}

bool h1_served_is_complete(const struct h1_served *s)
{
    if (!s->x.end_sent || s->faulty || s->wire->out.len > 0)
        return false;
    return !s->tunnel || s->body_ended;
}
