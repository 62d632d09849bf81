/* A chunked body is read by a table of steps, one for each state; a step takes as many bytes as it
 * can. Digits, extensions and trailers are counted as they come, so the outcome does not depend on
 * how the bytes were split.
 */
#include "codec/http1_body.h"

#include <assert.h>
#include <string.h>

#include "codec/http1_fields.h"
#include "codec/octets.h"

enum { SIZE_DIGITS_MAX = 16 };

enum state { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, COMPLETE, STATE_COUNT };

/* AGAIN: run the state's step on what is left. PARKED: give control back. */
enum turn { AGAIN, PARKED, FAILED };

struct run {
    struct str in;
    size_t at; /* bytes of in consumed */
    size_t data_max;
    struct str data;
    const struct http1_error *error;
};

static enum turn fail(struct run *r, const struct http1_error *error)
{
    r->error = error;
    return FAILED;
}

/* chunk-size, RFC 9112 section 7.1: hexadecimal digits and nothing else before ";" or CR LF. */
static enum turn step_size(struct http1_body *b, struct run *r)
{
    while (r->at < r->in.len) {
        char c = r->in.p[r->at];
        uint8_t digit = octets_hex[(unsigned char)c];
        if (digit != 0xff) {
            if (b->digits == SIZE_DIGITS_MAX || b->left > (INT64_MAX >> 4))
                return fail(r, &http1_error_bad_chunk_size);
            b->left = b->left << 4 | digit;
            b->digits++;
            r->at++;
            continue;
        }
        if (b->digits == 0)
            return fail(r, &http1_error_bad_chunk_size);
        if (c != '\r' && c != ';')
            return fail(r, c == '\n' ? &http1_error_bare_lf : &http1_error_bad_chunk_size);
        b->state = c == '\r' ? SIZE_LF : EXTENSION;
        if (c == '\r')
            r->at++;
        return AGAIN;
    }
    return PARKED;
}

/* Extensions are ignored (RFC 9112 section 7.1.1), but not for ever, nor with a line end inside. */
static enum turn step_extension(struct http1_body *b, struct run *r)
{
    const char *from = r->in.p + r->at;
    const char *end = r->in.p + r->in.len;
    const char *stop = octets_skip_value(from, end);
    size_t n = (size_t)(stop - from);
    if (n > b->overhead_max - b->overhead)
        return fail(r, &http1_error_chunk_overhead);
    b->overhead += (uint32_t)n;
    r->at += n;
    if (stop == end)
        return PARKED;
    if (*stop != '\r')
        return fail(r, *stop == '\n' ? &http1_error_bare_lf : &http1_error_bad_chunk_extension);
    r->at++;
    b->state = SIZE_LF;
    return AGAIN;
}

static enum turn step_size_lf(struct http1_body *b, struct run *r)
{
    if (r->in.p[r->at] != '\n')
        return fail(r, &http1_error_bare_cr);
    r->at++;
    b->digits = 0;
    b->state = b->left == 0 ? TRAILER : DATA;
    return AGAIN;
}

static enum turn step_data(struct http1_body *b, struct run *r)
{
    size_t n = r->in.len - r->at;
    if (n > r->data_max)
        n = r->data_max;
    if (n > b->left)
        n = (size_t)b->left;
    r->data = (struct str){r->in.p + r->at, n};
    r->at += n;
    b->left -= n;
    if (b->left > 0)
        return PARKED;
    b->state = DATA_CR;
    /* Nearly always the end of the chunk is there too. */
    if (r->in.len - r->at >= 2 && memcmp(r->in.p + r->at, "\r\n", 2) == 0) {
        r->at += 2;
        b->state = SIZE;
    }
    return PARKED;
}

static enum turn step_data_cr(struct http1_body *b, struct run *r)
{
    if (r->in.p[r->at] != '\r')
        return fail(r, &http1_error_bad_chunk_end);
    r->at++;
    b->state = DATA_LF;
    return AGAIN;
}

static enum turn step_data_lf(struct http1_body *b, struct run *r)
{
    if (r->in.p[r->at] != '\n')
        return fail(r, &http1_error_bad_chunk_end);
    r->at++;
    b->state = SIZE;
    return AGAIN;
}

/* Fields that must not come from trailers (RFC 9110 section 6.5.1): connection and framing, routing,
 * authentication, and what says how to read the content. */
static bool is_for_trailers(const struct http_field *f)
{
    static const bool dropped[HTTP_FIELD_COUNT] = {
        [HTTP_FIELD_AUTHORIZATION] = true,
        [HTTP_FIELD_CONNECTION] = true,
        [HTTP_FIELD_CONTENT_LENGTH] = true,
        [HTTP_FIELD_CONTENT_TYPE] = true,
        [HTTP_FIELD_COOKIE] = true,
        [HTTP_FIELD_EXPECT] = true,
        [HTTP_FIELD_HOST] = true,
        [HTTP_FIELD_KEEP_ALIVE] = true,
        [HTTP_FIELD_PROXY_AUTHENTICATE] = true,
        [HTTP_FIELD_PROXY_AUTHORIZATION] = true,
        [HTTP_FIELD_PROXY_CONNECTION] = true,
        [HTTP_FIELD_SET_COOKIE] = true,
        [HTTP_FIELD_TE] = true,
        [HTTP_FIELD_TRAILER] = true,
        [HTTP_FIELD_TRANSFER_ENCODING] = true,
        [HTTP_FIELD_UPGRADE] = true,
    };
    return !dropped[f->id] && !str_eq_nocase(f->name, STR("content-encoding")) &&
           !str_eq_nocase(f->name, STR("content-range"));
}

static const struct http1_error *read_trailers(struct http1_body *b)
{
    struct str text;
    struct http_fields fields;
    size_t used;
    if (!arena_copy(b->arena, buf_str(&b->trailer), &text))
        return &http1_error_chunk_overhead;
    buf_finish(&b->trailer);
    const struct http1_error *error =
        http1_fields_read(text, b->fields_max, b->arena, &fields, &used);
    if (error != NULL)
        return error;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < fields.n; i++)
        if (is_for_trailers(&fields.v[i]))
            fields.v[kept++] = fields.v[i];
    fields.n = kept;
    b->trailers = fields;
    return NULL;
}

/* Collects whole lines up to the empty one, then reads them together. */
static enum turn step_trailer(struct http1_body *b, struct run *r)
{
    while (r->at < r->in.len) {
        struct str rest = str_skip(r->in, r->at);
        if (b->trailer.len == 0 && b->overhead_max - b->overhead >= 2 &&
            str_starts(rest, STR("\r\n"))) {
            r->at += 2;
            b->state = COMPLETE;
            return PARKED;
        }
        size_t lf = str_index(rest, '\n', 0);
        size_t n = lf < rest.len ? lf + 1 : rest.len;
        if (n > b->overhead_max - b->overhead || !buf_add(&b->trailer, str_slice(rest, 0, n)))
            return fail(r, &http1_error_chunk_overhead);
        b->overhead += (uint32_t)n;
        r->at += n;
        if (lf == rest.len)
            return PARKED;
        struct str line = str_skip(buf_str(&b->trailer), b->line);
        b->line += line.len;
        if (!str_eq(line, STR("\r\n")) && !str_eq(line, STR("\n")))
            continue;
        bool none = str_eq(buf_str(&b->trailer), STR("\r\n"));
        const struct http1_error *error = none ? NULL : read_trailers(b);
        if (error != NULL)
            return fail(r, error);
        b->state = COMPLETE;
        return PARKED;
    }
    return PARKED;
}

static enum http1_result read_chunked(struct http1_body *b, struct run *r)
{
    static enum turn (*const steps[STATE_COUNT])(struct http1_body *, struct run *) = {
        [SIZE] = step_size,       [EXTENSION] = step_extension, [SIZE_LF] = step_size_lf,
        [DATA] = step_data,       [DATA_CR] = step_data_cr,     [DATA_LF] = step_data_lf,
        [TRAILER] = step_trailer,
    };
    enum turn turn = AGAIN;
    while (turn == AGAIN && b->state != COMPLETE && r->at < r->in.len) {
        assert(b->state < STATE_COUNT);
        turn = steps[b->state](b, r);
    }
    if (turn == FAILED)
        return HTTP1_ERROR;
    return b->state == COMPLETE ? HTTP1_DONE : HTTP1_MORE;
}

void http1_body_init(struct http1_body *b, enum http1_framing framing, int64_t content_length,
                     const struct http1_limits *limits, struct arena *a)
{
    assert(framing != HTTP1_LENGTH || content_length >= 0);
    *b = (struct http1_body){
        .framing = framing,
        .state = SIZE,
        .left = framing == HTTP1_LENGTH ? (uint64_t)content_length : 0,
        .overhead_max = limits->trailer_max,
        .fields_max = limits->fields_max,
        .arena = a,
    };
    buf_init(&b->trailer, limits->trailer_max);
}

void http1_body_finish(struct http1_body *b)
{
    if (b != NULL)
        buf_finish(&b->trailer);
}

enum http1_result http1_body_read(struct http1_body *b, struct str in, size_t data_max,
                                  struct str *data, size_t *used, const struct http1_error **error)
{
    struct run r = {.in = in, .data_max = data_max};
    enum http1_result result = HTTP1_MORE;

    if (b->framing == HTTP1_CHUNKED) {
        result = read_chunked(b, &r);
    } else if (b->framing != HTTP1_NO_BODY) {
        size_t n = in.len < data_max ? in.len : data_max;
        if (b->framing == HTTP1_LENGTH && n > b->left)
            n = (size_t)b->left;
        r.at = n;
        r.data = str_slice(in, 0, n);
        if (b->framing == HTTP1_LENGTH)
            b->left -= n;
    }
    if (b->framing == HTTP1_NO_BODY || (b->framing == HTTP1_LENGTH && b->left == 0))
        result = HTTP1_DONE;
    if (result == HTTP1_ERROR) {
        *error = r.error;
        return result;
    }
    *data = r.data;
    *used = r.at;
    return result;
}
