/* HTTP/1 heads and bodies. The first byte chooses what is read, the next four how it is split.
 *
 * What must hold: however the input is split, the outcome is the same; what was understood can be
 * written and then means the same; what was received as a body comes through chunks unchanged.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/mem.h"
#include "codec/http1.h"
#include "codec/http1_body.h"
#include "codec/http1_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 20, OUT_MAX = 1 << 20, PREFIX = 5 };

static const struct http1_limits limits = {
    .line_max = 300, .head_max = 1500, .fields_max = 12, .trailer_max = 200};

/* One head, from reading it in one of the ways. */
struct reading {
    struct arena arena;
    char *bytes; /* what the head points into */
    struct http1_head head;
    enum http1_result result;
    const struct http1_error *error;
    size_t used;
};

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Gives the input in growing pieces, each in memory of its own, so that nothing can lean on the
 * last one. */
static void read_head(struct reading *r, struct str in, const struct str *request_method,
                      uint32_t seed)
{
    *r = (struct reading){.result = HTTP1_MORE};
    arena_init(&r->arena, ARENA_MAX);
    struct http1_reader reader = {.limits = &limits, .arena = &r->arena};
    size_t seen = 0;
    while (r->result == HTTP1_MORE && seen < in.len) {
        size_t step = seed == 0 ? in.len : next_random(&seed) % 40 + 1;
        seen = step < in.len - seen ? seen + step : in.len;
        free(r->bytes);
        r->bytes = malloc(seen);
        assert(r->bytes != NULL);
        memcpy(r->bytes, in.p, seen);
        struct str part = {r->bytes, seen};
        if (request_method == NULL)
            r->result = http1_read_request(&reader, part, &r->head, &r->used, &r->error);
        else
            r->result =
                http1_read_response(&reader, part, *request_method, &r->head, &r->used, &r->error);
    }
    assert(r->result != HTTP1_ERROR || r->error != NULL);
    assert(r->used <= seen);
}

static void finish_reading(struct reading *r)
{
    arena_finish(&r->arena);
    free(r->bytes);
}

static void assert_same_fields(const struct http_fields *a, const struct http_fields *b)
{
    assert(a->n == b->n);
    for (uint32_t i = 0; i < a->n; i++) {
        assert(str_eq(a->v[i].name, b->v[i].name));
        assert(str_eq(a->v[i].value, b->v[i].value));
        assert(a->v[i].id == b->v[i].id && a->v[i].id == http_head_field_id(a->v[i].name));
    }
}

static void assert_same_head(const struct http1_head *a, const struct http1_head *b)
{
    assert(str_eq(a->head.method, b->head.method));
    assert(str_eq(a->head.authority, b->head.authority));
    assert(str_eq(a->head.target, b->head.target));
    assert(a->head.status == b->head.status);
    assert(a->head.reason.len == 0 || str_eq(a->head.reason, b->head.reason));
    assert_same_fields(&a->head.fields, &b->head.fields);
    assert(a->head.content_length == b->head.content_length);
    assert(a->head.no_body == b->head.no_body);
    assert(a->head.expect_continue == b->head.expect_continue);
    assert(a->head.te_trailers == b->head.te_trailers);
    assert(str_eq(a->head.upgrade, b->head.upgrade));
    assert(a->framing == b->framing);
    assert(a->keep_alive == b->keep_alive || (a->head.status > 0 && a->head.status < 200));
}

static void check_head(const struct http1_head *h, bool is_request)
{
    static const enum http_field_id taken[] = {HTTP_FIELD_CONNECTION,
                                               HTTP_FIELD_CONTENT_LENGTH,
                                               HTTP_FIELD_HOST,
                                               HTTP_FIELD_KEEP_ALIVE,
                                               HTTP_FIELD_TE,
                                               HTTP_FIELD_PROXY_CONNECTION,
                                               HTTP_FIELD_TRAILER,
                                               HTTP_FIELD_UPGRADE,
                                               HTTP_FIELD_TRANSFER_ENCODING};
    for (size_t i = 0; i < ARRAY_LEN(taken); i++)
        assert(http_head_find(&h->head.fields, taken[i]) == NULL);
    for (uint32_t i = 0; i < h->head.fields.n; i++) {
        assert(http_head_is_token(h->head.fields.v[i].name));
        assert(http_head_is_value(h->head.fields.v[i].value));
    }
    assert(h->head.no_body == (h->framing == HTTP1_NO_BODY));
    assert(h->framing != HTTP1_LENGTH || h->head.content_length > 0);
    assert(!is_request || h->framing <= HTTP1_CHUNKED);
    assert(!is_request || (h->head.target.len > 0 && http_head_is_token(h->head.method)));
}

/* Writes the head and reads it again. */
static void check_written(const struct http1_head *h, const struct str *request_method)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    struct http1_send how = {
        .chunked = h->framing == HTTP1_CHUNKED, .keep_alive = h->keep_alive, .peer_version = 0};
    bool written = request_method == NULL ? http1_write_request(&out, &h->head, &how)
                                          : http1_write_response(&out, &h->head, &how);
    assert(written);
    if (out.len <= limits.head_max) {
        struct reading again;
        read_head(&again, buf_str(&out), request_method, 0);
        /* Fields that the writer adds may be too many, and a short method may get a longer line. */
        if (again.result == HTTP1_DONE) {
            assert(again.used == out.len);
            assert_same_head(h, &again.head);
        } else {
            assert(again.result == HTTP1_ERROR);
            assert(again.error == &http1_error_too_many_fields ||
                   again.error == &http1_error_line_too_long);
        }
        finish_reading(&again);
    }
    buf_finish(&out);
}

/* A body that was read, with a copy of its data. */
struct body {
    struct arena arena;
    struct http1_body reader;
    struct buf data;
    enum http1_result result;
    const struct http1_error *error;
    size_t used;
};

static void read_body(struct body *b, struct str in, const struct http1_head *h, uint32_t seed)
{
    *b = (struct body){.result = HTTP1_MORE};
    arena_init(&b->arena, ARENA_MAX);
    buf_init(&b->data, in.len + 1);
    http1_body_init(&b->reader, h->framing, h->head.content_length, &limits, &b->arena);
    size_t seen = 0;
    while (b->result == HTTP1_MORE) {
        char *copy = mem_dup(in.p + b->used, seen - b->used);
        struct str part = {copy, seen - b->used};
        size_t data_max = seed == 0 ? SIZE_MAX : next_random(&seed) % 20;
        struct str data = {0};
        size_t used = 0;
        b->result = http1_body_read(&b->reader, part, data_max, &data, &used, &b->error);
        assert(used <= part.len && data.len <= data_max && data.len <= used);
        assert(buf_add(&b->data, data));
        b->used += used;
        free(copy);
        if (used == 0 && b->result == HTTP1_MORE && data_max > 0) {
            if (seen == in.len)
                break;
            size_t step = seed == 0 ? in.len : next_random(&seed) % 20 + 1;
            seen = step < in.len - seen ? seen + step : in.len;
        }
    }
}

static void finish_body(struct body *b)
{
    http1_body_finish(&b->reader);
    buf_finish(&b->data);
    arena_finish(&b->arena);
}

/* Sends what was received in chunks and reads it again. */
static void check_chunked(struct body *b)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    if (b->data.len > 0) {
        assert(http1_write_chunk_start(&out, b->data.len));
        assert(buf_add(&out, buf_str(&b->data)));
        assert(http1_write_chunk_end(&out));
    }
    assert(http1_write_last_chunk(&out, &b->reader.trailers));
    struct body again;
    struct http1_head h = {.framing = HTTP1_CHUNKED};
    read_body(&again, buf_str(&out), &h, 0);
    if (again.result == HTTP1_DONE) {
        assert(again.used == out.len);
        assert(str_eq(buf_str(&again.data), buf_str(&b->data)));
        assert_same_fields(&again.reader.trailers, &b->reader.trailers);
    } else {
        assert(again.error == &http1_error_chunk_overhead); /* ": " may be longer than ":" */
    }
    finish_body(&again);
    buf_finish(&out);
}

static void check_body(struct str in, const struct http1_head *h, uint32_t seed)
{
    struct body whole;
    struct body split;
    read_body(&whole, in, h, 0);
    read_body(&split, in, h, seed);
    assert(whole.result == split.result && whole.error == split.error);
    assert(str_eq(buf_str(&whole.data), buf_str(&split.data)));
    if (whole.result == HTTP1_DONE) {
        assert(whole.used == split.used);
        assert_same_fields(&whole.reader.trailers, &split.reader.trailers);
        check_chunked(&whole);
    }
    finish_body(&whole);
    finish_body(&split);
}

static void check_message(struct str in, const struct str *request_method, uint32_t seed)
{
    struct reading whole;
    struct reading split;
    read_head(&whole, in, request_method, 0);
    read_head(&split, in, request_method, seed);
    assert(whole.result == split.result && whole.error == split.error);
    if (whole.result == HTTP1_DONE) {
        assert(whole.used == split.used);
        assert_same_head(&whole.head, &split.head);
        check_head(&whole.head, request_method == NULL);
        check_written(&whole.head, request_method);
        check_body(str_skip(in, whole.used), &whole.head, seed);
    }
    finish_reading(&whole);
    finish_reading(&split);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str methods[] = {{"GET", 3}, {"HEAD", 4}, {"CONNECT", 7}};
    if (size < PREFIX)
        return 0;
    uint32_t seed;
    memcpy(&seed, data + 1, sizeof(seed));
    seed |= 1;
    struct str in = {(const char *)data + PREFIX, size - PREFIX};
    switch (data[0] % 5) {
    case 0:
        check_message(in, NULL, seed);
        break;
    case 1: {
        struct http1_head h = {.framing = HTTP1_CHUNKED};
        check_body(in, &h, seed);
        break;
    }
    default:
        check_message(in, &methods[data[0] % 5 - 2], seed);
        break;
    }
    return 0;
}
