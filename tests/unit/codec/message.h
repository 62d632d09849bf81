/* A whole HTTP/1 message read by the parsers of heads and bodies together, in pieces. */
#ifndef UNIT_CODEC_MESSAGE_H
#define UNIT_CODEC_MESSAGE_H

#include "base/buf.h"
#include "codec/http1.h"
#include "codec/http1_body.h"
#include "table.h"
#include "testing.h"

/* The defaults of docs/config.md. */
static const struct http1_limits message_limits = {
    .line_max = 16 << 10, .head_max = 64 << 10, .fields_max = 100, .trailer_max = 16 << 10};

enum { MESSAGE_TEXT_MAX = 1024 };

struct message {
    struct arena arena;
    enum http1_result head_result; /* of the final head */
    enum http1_result body_result;
    const struct http1_error *error;
    struct http1_head head;
    size_t used;
    struct buf body;
    struct buf trailers; /* " +NAME:VALUE" for each */
};

static inline enum http1_result message_head(struct message *m, struct str in, size_t step,
                                             const struct str *request_method)
{
    struct http1_reader r = {.limits = &message_limits, .arena = &m->arena};
    enum http1_result result = HTTP1_MORE;
    size_t used = 0;
    for (size_t n = 0; result == HTTP1_MORE; n = n + step < in.len ? n + step : in.len) {
        struct str part = str_slice(in, 0, n);
        result = request_method == NULL
                     ? http1_read_request(&r, part, &m->head, &used, &m->error)
                     : http1_read_response(&r, part, *request_method, &m->head, &used, &m->error);
        if (n == in.len)
            break;
    }
    if (result == HTTP1_DONE)
        m->used += used;
    return result;
}

static inline void message_body(struct message *m, struct str in, size_t step)
{
    struct http1_body b;
    http1_body_init(&b, m->head.framing, m->head.head.content_length, &message_limits, &m->arena);
    size_t seen = 0;
    size_t at = 0;
    while (m->body_result == HTTP1_MORE) {
        struct str data = {0};
        size_t used = 0;
        m->body_result =
            http1_body_read(&b, str_slice(in, at, seen), SIZE_MAX, &data, &used, &m->error);
        if (m->body_result == HTTP1_ERROR)
            break;
        assert_true(buf_add(&m->body, data));
        at += used;
        if (used == 0 && m->body_result == HTTP1_MORE) {
            if (seen == in.len)
                break;
            seen = seen + step < in.len ? seen + step : in.len;
        }
    }
    m->used += at;
    for (uint32_t i = 0; i < b.trailers.n; i++)
        assert_true(buf_addf(&m->trailers, " +%.*s:%.*s", STR_ARG(b.trailers.v[i].name),
                             STR_ARG(b.trailers.v[i].value)));
    http1_body_finish(&b);
}

/* Reads a request (request_method NULL) or a response with the interim ones before it, step bytes more at
 * a time. */
static inline void message_read(struct message *m, struct str in, size_t step,
                                const struct str *request_method)
{
    *m = (struct message){.head_result = HTTP1_DONE, .body_result = HTTP1_MORE};
    arena_init(&m->arena, 1 << 20);
    buf_init(&m->body, MESSAGE_TEXT_MAX);
    buf_init(&m->trailers, MESSAGE_TEXT_MAX);
    do
        m->head_result = message_head(m, str_skip(in, m->used), step, request_method);
    while (m->head_result == HTTP1_DONE && m->head.head.status >= 100 &&
           m->head.head.status < 200 && m->head.head.status != 101);
    if (m->head_result == HTTP1_DONE)
        message_body(m, str_skip(in, m->used), step);
}

static inline void message_finish(struct message *m)
{
    buf_finish(&m->body);
    buf_finish(&m->trailers);
    arena_finish(&m->arena);
}

/* Whether check holds for a row however many bytes come at a time; long ones are spared the smallest steps. */
static inline bool message_in_steps(const struct table_row *row,
                                    bool (*check)(const struct table_row *row, size_t step))
{
    static const size_t steps[] = {SIZE_MAX / 2, 1, 2, 3, 7, 1000};
    bool holds = true;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && holds; i++)
        if (row->bytes.len < 2000 || steps[i] > 100)
            holds = check(row, steps[i]);
    return holds;
}

#endif
