/* A head is sized first (an upper bound), then copied into one reservation while it is checked;
 * what turns out to be bad is never counted as added.
 */
#include "codec/http1_write.h"

#include <assert.h>
#include <string.h>

#include "codec/octets.h"

/* Upper bound of everything in a head whose length does not depend on the caller's strs: version,
 * status, separators and the names of the fields that are written from members. */
enum { FIXED_BYTES = 320 };

/* Where a head is being written; ok turns false at the first thing that must not be written. */
struct pen {
    char *p;
    bool ok;
};

static void put(struct pen *pen, struct str s)
{
    if (s.len > 0)
        memcpy(pen->p, s.p, s.len);
    pen->p += s.len;
}

#define PUT(pen, literal) put((pen), STR(literal))

static void put_number(struct pen *pen, uint64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    put(pen, (struct str){digits + at, sizeof(digits) - at});
}

static void put_token(struct pen *pen, struct str s)
{
    if (!http_head_is_token(s))
        pen->ok = false;
    put(pen, s);
}

static void put_value(struct pen *pen, struct str s)
{
    if (!octets_are_value(s.p, s.len))
        pen->ok = false;
    put(pen, s);
}

/* A request target or an authority. */
static void put_target(struct pen *pen, struct str s)
{
    if (!octets_are(s.p, s.len, OCTETS_TARGET))
        pen->ok = false;
    put(pen, s);
}

static bool is_managed(enum http_field_id id, bool is_response)
{
    static const bool managed[HTTP_FIELD_COUNT] = {
        [HTTP_FIELD_CONNECTION] = true,
        [HTTP_FIELD_CONTENT_LENGTH] = true,
        [HTTP_FIELD_HOST] = true,
        [HTTP_FIELD_KEEP_ALIVE] = true,
        [HTTP_FIELD_PROXY_CONNECTION] = true,
        [HTTP_FIELD_TE] = true,
        [HTTP_FIELD_TRAILER] = true,
        [HTTP_FIELD_TRANSFER_ENCODING] = true,
        [HTTP_FIELD_UPGRADE] = true,
    };
    return managed[id] || (id == HTTP_FIELD_EXPECT && !is_response);
}

static size_t fields_size(const struct http_fields *fs)
{
    size_t size = 0;
    for (uint32_t i = 0; i < fs->n; i++)
        size += fs->v[i].name.len + fs->v[i].value.len + 4;
    return size;
}

static void put_fields(struct pen *pen, const struct http_fields *fs, bool is_response)
{
    for (uint32_t i = 0; i < fs->n; i++) {
        const struct http_field *f = &fs->v[i];
        if (is_managed(f->id, is_response))
            continue;
        if (f->id == HTTP_FIELD_OTHER)
            put_token(pen, f->name);
        else
            put(pen, f->name); /* a known name is a token */
        PUT(pen, ": ");
        put_value(pen, f->value);
        PUT(pen, "\r\n");
    }
}

static void put_length(struct pen *pen, int64_t length)
{
    PUT(pen, "Content-Length: ");
    put_number(pen, (uint64_t)length);
    PUT(pen, "\r\n");
}

/* Connection with all its options, and the fields it names (RFC 9110 section 7.6.1). */
static void put_connection(struct pen *pen, struct str first, struct str upgrade, bool te)
{
    if (first.len == 0 && upgrade.len == 0 && !te)
        return;
    PUT(pen, "Connection: ");
    put(pen, first);
    if (upgrade.len > 0)
        put(pen, first.len > 0 ? STR(", upgrade") : STR("upgrade"));
    if (te)
        put(pen, first.len + upgrade.len > 0 ? STR(", TE") : STR("TE"));
    PUT(pen, "\r\n");
    if (upgrade.len > 0) {
        PUT(pen, "Upgrade: ");
        put_value(pen, upgrade);
        PUT(pen, "\r\n");
    }
    if (te)
        PUT(pen, "TE: trailers\r\n");
}

/* Counts what the pen wrote, of which size was the bound. */
static bool conclude(struct buf *out, const char *begin, size_t size, const struct pen *pen)
{
    size_t len = (size_t)(pen->p - begin);
    assert(len <= size);
    if (pen->ok)
        buf_added(out, len);
    return pen->ok;
}

/* Methods whose requests say that their body is empty (RFC 9110 section 8.6). */
static bool tells_zero_length(struct str method)
{
    return str_eq(method, STR("POST")) || str_eq(method, STR("PUT")) ||
           str_eq(method, STR("PATCH"));
}

bool http1_write_request(struct buf *out, const struct http_head *head,
                         const struct http1_send *how)
{
    bool unknown = head->content_length == HTTP_LENGTH_UNKNOWN;
    if (head->target.len == 0 || (unknown && !head->no_body && !how->chunked))
        return false;
    size_t size = FIXED_BYTES + head->method.len + head->target.len + head->authority.len +
                  head->upgrade.len + fields_size(&head->fields);
    char *begin = buf_reserve(out, size);
    if (begin == NULL)
        return false;

    struct pen pen = {begin, true};
    put_token(&pen, head->method);
    PUT(&pen, " ");
    put_target(&pen, head->target);
    PUT(&pen, " HTTP/1.1\r\nHost: ");
    put_target(&pen, head->authority);
    PUT(&pen, "\r\n");
    put_fields(&pen, &head->fields, false);

    if (head->no_body) {
        if (tells_zero_length(head->method))
            PUT(&pen, "Content-Length: 0\r\n");
    } else if (how->chunked) {
        PUT(&pen, "Transfer-Encoding: chunked\r\n");
    } else {
        put_length(&pen, head->content_length);
    }
    if (head->expect_continue && !head->no_body)
        PUT(&pen, "Expect: 100-continue\r\n");
    put_connection(&pen, how->keep_alive ? STR("") : STR("close"), head->upgrade,
                   head->te_trailers);
    PUT(&pen, "\r\n");
    return conclude(out, begin, size, &pen);
}

static void put_response_framing(struct pen *pen, const struct http_head *head,
                                 const struct http1_send *how)
{
    if (head->status < 200 || head->status == 204)
        return;
    if (how->chunked && !head->no_body)
        PUT(pen, "Transfer-Encoding: chunked\r\n");
    else if (head->content_length != HTTP_LENGTH_UNKNOWN)
        put_length(pen, head->content_length);
}

bool http1_write_response(struct buf *out, const struct http_head *head,
                          const struct http1_send *how)
{
    bool is_1_0 = how->peer_version == HTTP_1_0;
    assert(!(how->chunked && is_1_0));
    if (head->status < 100 || head->status > 999 || (head->status == 101 && head->upgrade.len == 0))
        return false;
    struct str reason = head->reason.len > 0 ? head->reason : http_head_reason(head->status);
    size_t size = FIXED_BYTES + reason.len + head->upgrade.len + fields_size(&head->fields);
    char *begin = buf_reserve(out, size);
    if (begin == NULL)
        return false;

    struct pen pen = {begin, true};
    PUT(&pen, "HTTP/1.1 ");
    put_number(&pen, head->status);
    PUT(&pen, " ");
    put_value(&pen, reason);
    PUT(&pen, "\r\n");
    put_fields(&pen, &head->fields, true);

    put_response_framing(&pen, head, how);
    struct str option = STR("");
    if (head->status >= 200 && how->keep_alive == is_1_0)
        option = is_1_0 ? STR("keep-alive") : STR("close");
    put_connection(&pen, option, head->upgrade, false);
    PUT(&pen, "\r\n");
    return conclude(out, begin, size, &pen);
}

bool http1_write_chunk_start(struct buf *out, size_t len)
{
    char line[18];
    size_t at = sizeof(line);
    assert(len > 0);
    line[--at] = '\n';
    line[--at] = '\r';
    for (; len > 0; len >>= 4)
        line[--at] = "0123456789abcdef"[len & 15];
    return buf_add(out, (struct str){line + at, sizeof(line) - at});
}

bool http1_write_chunk_end(struct buf *out)
{
    return buf_add(out, STR("\r\n"));
}

bool http1_write_last_chunk(struct buf *out, const struct http_fields *trailers)
{
    static const struct http_fields none;
    const struct http_fields *fields = trailers != NULL ? trailers : &none;
    size_t size = 5 + fields_size(fields);
    char *begin = buf_reserve(out, size);
    if (begin == NULL)
        return false;
    struct pen pen = {begin, true};
    PUT(&pen, "0\r\n");
    put_fields(&pen, fields, false);
    PUT(&pen, "\r\n");
    return conclude(out, begin, size, &pen);
}
