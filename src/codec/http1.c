/* A head is parsed once, when all of it is there: is_complete() looks for its end, cheaply and
 * without looking at a byte twice however slowly it comes, and checks the limits; then the start
 * line and the fields are read in one pass, and settle() moves what belongs to the connection and
 * the framing out of the fields. Limits are checked before syntax, so that the outcome does not
 * depend on how the bytes were split.
 */
#include "codec/http1.h"

#include <string.h>

#include "codec/http1_fields.h"
#include "codec/octets.h"
#include "codec/url.h"

/* Options in all Connection fields of a head together; it bounds the work of removing what they
 * name. */
enum { OPTIONS_MAX = 32 };

/* What settle() takes out of the fields. */
struct special {
    struct str host;
    struct str length;
    struct str codings;
    struct str upgrade;
    bool has_host;
    bool has_length;
    bool has_codings;
    bool close;
    bool keep_alive;
    bool upgrades; /* Connection names upgrade */
    bool trailers;
    bool expects;
    uint32_t options;
    uint32_t named; /* how many of names are set */
    struct str names[OPTIONS_MAX];
};

/* Finds the empty line after which the head is over; 0 when it is not there yet. A line may end
 * with a bare LF here: the parser refuses it, and need not wait for more. */
static size_t find_end(struct str in, size_t from)
{
    const char *p = in.p + from;
    const char *end = in.p + in.len;
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        p++;
        if (p < end && *p == '\n')
            return (size_t)(p + 1 - in.p);
        if (end - p >= 2 && p[0] == '\r' && p[1] == '\n')
            return (size_t)(p + 2 - in.p);
    }
    return 0;
}

/* Whether the first line, without its CR LF, is longer than max as far as can be seen. */
static bool line_too_long(struct str in, uint32_t max)
{
    size_t room = (size_t)max + 2;
    return in.len >= room && memchr(in.p, '\n', room) == NULL;
}

/* Whether all of a head that begins at the start of in is there. */
static enum http1_result is_complete(struct http1_reader *r, struct str in, bool is_request,
                                     const struct http1_error **error)
{
    uint32_t line_max = r->limits->line_max;
    if (is_request && r->scanned <= line_max && line_too_long(in, line_max)) {
        *error = &http1_error_line_too_long;
        return HTTP1_ERROR;
    }
    uint32_t head_max = r->limits->head_max;
    if (in.len >= 4 && in.len <= head_max && memcmp(in.p + in.len - 4, "\r\n\r\n", 4) == 0)
        return HTTP1_DONE;
    size_t end = find_end(in, r->scanned < in.len ? r->scanned : 0);
    if (end > head_max || (end == 0 && in.len > head_max)) {
        *error = &http1_error_head_too_large;
        return HTTP1_ERROR;
    }
    if (end > 0)
        return HTTP1_DONE;
    r->scanned = in.len > 2 ? in.len - 2 : 0;
    return HTTP1_MORE;
}

/* Connection = #connection-option, RFC 9110 section 7.6.1. */
static const struct http1_error *read_connection(struct special *s, struct str value)
{
    struct str option;
    while (str_next_item(&value, &option)) {
        if (s->options++ == OPTIONS_MAX || !http_head_is_token(option))
            return &http1_error_bad_connection;
        if (str_eq_nocase(option, STR("close")))
            s->close = true;
        else if (str_eq_nocase(option, STR("keep-alive")))
            s->keep_alive = true;
        else if (str_eq_nocase(option, STR("upgrade")))
            s->upgrades = true;
        else
            s->names[s->named++] = option;
    }
    return NULL;
}

static const struct http1_error *read_upgrade(struct special *s, struct str value, struct arena *a)
{
    if (s->upgrade.len == 0 || value.len == 0) {
        if (value.len > 0)
            s->upgrade = value;
        return NULL;
    }
    size_t len = s->upgrade.len + 2 + value.len;
    char *both = arena_alloc(a, len);
    if (both == NULL)
        return &http1_error_head_too_large;
    memcpy(both, s->upgrade.p, s->upgrade.len);
    memcpy(both + s->upgrade.len, ", ", 2);
    memcpy(both + s->upgrade.len + 2, value.p, value.len);
    s->upgrade = (struct str){both, len};
    return NULL;
}

static void read_te(struct special *s, struct str value)
{
    struct str item;
    while (str_next_item(&value, &item))
        if (str_eq_nocase(item, STR("trailers")))
            s->trailers = true;
}

/* Takes one field out of the fields if it is not end-to-end; *keep says that it is. */
static const struct http1_error *take(struct special *s, const struct http_field *f,
                                      bool is_request, struct arena *a, bool *keep)
{
    *keep = false;
    switch ((int)f->id) {
    case HTTP_FIELD_HOST:
        if (s->has_host && is_request)
            return &http1_error_several_hosts;
        s->has_host = true;
        s->host = f->value;
        return NULL;
    case HTTP_FIELD_CONTENT_LENGTH:
        if (s->has_length)
            return &http1_error_several_content_lengths;
        s->has_length = true;
        s->length = f->value;
        return NULL;
    case HTTP_FIELD_TRANSFER_ENCODING:
        if (s->has_codings)
            return &http1_error_bad_transfer_encoding;
        s->has_codings = true;
        s->codings = f->value;
        return NULL;
    case HTTP_FIELD_CONNECTION:
        return read_connection(s, f->value);
    case HTTP_FIELD_UPGRADE:
        return read_upgrade(s, f->value, a);
    case HTTP_FIELD_TE:
        read_te(s, f->value);
        return NULL;
    case HTTP_FIELD_EXPECT:
        if (is_request && !str_eq_nocase(f->value, STR("100-continue")))
            return &http1_error_bad_expect;
        s->expects = true;
        return NULL;
    case HTTP_FIELD_PROXY_AUTHORIZATION:
        *keep = !is_request;
        return NULL;
    case HTTP_FIELD_PROXY_AUTHENTICATE:
        *keep = is_request;
        return NULL;
    case HTTP_FIELD_KEEP_ALIVE:
    case HTTP_FIELD_PROXY_CONNECTION:
    case HTTP_FIELD_TRAILER:
        return NULL;
    default:
        *keep = true;
        return NULL;
    }
}

/* Moves all that is not end-to-end from fields to s. */
static const struct http1_error *settle(struct http_fields *fields, bool is_request,
                                        struct arena *a, struct special *s)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < fields->n; i++) {
        bool keep;
        const struct http1_error *error = take(s, &fields->v[i], is_request, a, &keep);
        if (error != NULL)
            return error;
        if (!keep)
            continue;
        if (kept != i)
            fields->v[kept] = fields->v[i];
        kept++;
    }
    fields->n = kept;
    for (uint32_t i = 0; i < s->named; i++)
        (void)http_head_remove(fields, s->names[i]);
    return NULL;
}

/* RFC 9112 section 9.3. */
static bool keeps_alive(const struct special *s, uint8_t version)
{
    return !s->close && (version >= HTTP_1_1 || s->keep_alive);
}

/* RFC 9112 section 6.1: "chunked" once and alone is what everyone reads the same way. */
static const struct http1_error *check_codings(struct str codings)
{
    if (str_eq_nocase(codings, STR("chunked")))
        return NULL;
    struct str rest = codings;
    struct str item = {0};
    bool other = false;
    while (str_next_item(&rest, &item)) {
        bool chunked = str_eq_nocase(item, STR("chunked"));
        if ((chunked && rest.len > 0) || !http_head_is_token(item))
            return &http1_error_bad_transfer_encoding;
        other = other || !chunked;
    }
    return other && str_eq_nocase(item, STR("chunked")) ? &http1_error_unknown_transfer_encoding
                                                        : &http1_error_bad_transfer_encoding;
}

/* RFC 9112 section 6.3: what Transfer-Encoding and Content-Length say, for any message. */
static const struct http1_error *read_framing(const struct special *s, struct http1_head *ret)
{
    if (s->has_codings) {
        if (s->has_length)
            return &http1_error_length_and_encoding;
        if (ret->head.version < HTTP_1_1)
            return &http1_error_transfer_encoding_in_1_0;
        ret->framing = HTTP1_CHUNKED;
        ret->head.content_length = HTTP_LENGTH_UNKNOWN;
        return check_codings(s->codings);
    }
    ret->head.content_length = HTTP_LENGTH_UNKNOWN;
    ret->framing = HTTP1_UNTIL_CLOSE;
    if (s->has_length) {
        uint64_t length;
        if (!str_to_u64(s->length, INT64_MAX, &length))
            return &http1_error_bad_content_length;
        ret->head.content_length = (int64_t)length;
        ret->framing = length > 0 ? HTTP1_LENGTH : HTTP1_NO_BODY;
    }
    return NULL;
}

/* Reads "HTTP/1.x" at p, of which eight bytes must be there. 0: none of ours; *error says why. */
static uint8_t read_version(const char *p, const struct http1_error *malformed,
                            const struct http1_error **error)
{
    if (memcmp(p, "HTTP/1.1", 8) == 0)
        return HTTP_1_1;
    if (memcmp(p, "HTTP/1.0", 8) == 0)
        return HTTP_1_0;
    bool legal = memcmp(p, "HTTP/", 5) == 0 && p[5] >= '0' && p[5] <= '9' && p[6] == '.' &&
                 p[7] >= '0' && p[7] <= '9';
    *error = legal ? &http1_error_bad_version : malformed;
    return 0;
}

/* Whether CR LF stands at p, of which two bytes must be there; else *error says what is wrong. */
static bool line_ends(const char *p, const struct http1_error *malformed,
                      const struct http1_error **error)
{
    if (p[0] == '\r' && p[1] == '\n')
        return true;
    if (p[0] == '\n')
        *error = &http1_error_bare_lf;
    else
        *error = p[0] == '\r' ? &http1_error_bare_cr : malformed;
    return false;
}

/* method SP request-target SP HTTP-version, RFC 9112 section 3. */
static const struct http1_error *read_request_line(struct str in, struct http_head *head,
                                                   size_t *used)
{
    const struct http1_error *error = NULL;
    const char *p = in.p;
    while (octets_is(*p, OCTETS_TOKEN))
        p++;
    if (*p != ' ' || p == in.p)
        return *p == '\r' || *p == '\n' ? &http1_error_bad_request_line : &http1_error_bad_method;
    head->method = (struct str){in.p, (size_t)(p - in.p)};

    const char *target = ++p;
    while (octets_is(*p, OCTETS_TARGET))
        p++;
    if (*p != ' ' || p == target)
        return *p == '\r' || *p == '\n' ? &http1_error_bad_request_line : &http1_error_bad_target;
    head->target = (struct str){target, (size_t)(p - target)};

    p++;
    if (in.p + in.len - p < 10)
        return &http1_error_bad_request_line;
    head->version = read_version(p, &http1_error_bad_request_line, &error);
    if (error != NULL || !line_ends(p + 8, &http1_error_bad_request_line, &error))
        return error;
    *used = (size_t)(p + 10 - in.p);
    return NULL;
}

/* HTTP-version SP status-code SP [reason-phrase], RFC 9112 section 4. The SP before an absent
 * reason may be absent too: many servers forget it, and it can only be read in one way. */
static const struct http1_error *read_status_line(struct str in, struct http_head *head,
                                                  size_t *used)
{
    const struct http1_error *error = NULL;
    const struct http1_error *malformed = &http1_error_bad_status_line;
    if (in.len < 8)
        return malformed;
    head->version = read_version(in.p, malformed, &error);
    if (error != NULL)
        return error;

    uint64_t status;
    if (in.len < 14 || in.p[8] != ' ' || !str_to_u64(str_slice(in, 9, 12), 999, &status) ||
        status < 100)
        return malformed;
    head->status = (uint16_t)status;

    const char *p = in.p + 12;
    if (*p == ' ') {
        const char *reason = ++p;
        p = octets_skip_value(p, in.p + in.len);
        head->reason = (struct str){reason, (size_t)(p - reason)};
    }
    if (!line_ends(p, malformed, &error))
        return error;
    *used = (size_t)(p + 2 - in.p);
    return NULL;
}

/* scheme "://" authority [path] ["?" query], RFC 9112 section 3.2.2. */
static const struct http1_error *read_absolute_form(struct http_head *head, struct arena *a)
{
    struct str target = head->target;
    size_t colon = str_index(target, ':', 0);
    struct str scheme = str_slice(target, 0, colon);
    if (!str_starts(str_skip(target, colon), STR("://")))
        return &http1_error_bad_target;
    if (str_eq_nocase(scheme, STR("http")))
        head->scheme = STR("http");
    else if (str_eq_nocase(scheme, STR("https")))
        head->scheme = STR("https");
    else
        return &http1_error_bad_target;

    size_t begin = colon + 3;
    size_t end = begin;
    while (end < target.len && target.p[end] != '/' && target.p[end] != '?')
        end++;
    head->authority = str_slice(target, begin, end);
    head->target = str_skip(target, end);
    if (head->target.len == 0) {
        /* RFC 9112 section 3.2.4: OPTIONS of the server as a whole. */
        head->target = str_eq(head->method, STR("OPTIONS")) ? STR("*") : STR("/");
    } else if (head->target.p[0] == '?') {
        char *copy = arena_alloc(a, head->target.len + 1);
        if (copy == NULL)
            return &http1_error_head_too_large;
        copy[0] = '/';
        memcpy(copy + 1, head->target.p, head->target.len);
        head->target = (struct str){copy, head->target.len + 1};
    }
    return NULL;
}

/* The four forms of RFC 9112 section 3.2. The target's authority replaces Host, which must be legal
 * all the same (section 3.2.2). */
static const struct http1_error *read_target(struct http_head *head, const struct special *s,
                                             struct arena *a)
{
    uint16_t port;
    if (!s->has_host && head->version >= HTTP_1_1)
        return &http1_error_no_host;
    if (s->host.len > 0 && !url_split_authority(s->host, &head->host, &port))
        return &http1_error_bad_host;
    head->authority = s->host;

    if (str_eq(head->method, STR("CONNECT"))) {
        head->authority = head->target;
        bool legal = url_split_authority(head->target, &head->host, &port) && port != 0;
        return legal ? NULL : &http1_error_bad_target;
    }
    if (head->target.p[0] == '/')
        return NULL;
    if (str_eq(head->target, STR("*")))
        return str_eq(head->method, STR("OPTIONS")) ? NULL : &http1_error_bad_target;

    const struct http1_error *error = read_absolute_form(head, a);
    if (error == NULL && !url_split_authority(head->authority, &head->host, &port))
        error = &http1_error_bad_target;
    return error;
}

/* What is special about requests, RFC 9112 section 6.3 item 7 among it. */
static const struct http1_error *finish_request(const struct special *s, struct arena *a,
                                                struct http1_head *ret)
{
    struct http_head *head = &ret->head;
    const struct http1_error *error = read_target(head, s, a);
    if (error != NULL)
        return error;
    if (ret->framing == HTTP1_UNTIL_CLOSE || ret->framing == HTTP1_NO_BODY) {
        ret->framing = HTTP1_NO_BODY;
        head->content_length = 0;
        head->no_body = true;
    }
    if (head->version >= HTTP_1_1) {
        head->te_trailers = s->trailers;
        head->expect_continue = s->expects && !head->no_body;
        if (s->upgrades)
            head->upgrade = s->upgrade;
    }
    return NULL;
}

/* Statuses that change how the message ends, RFC 9112 section 6.3 items 1 and 2. */
static const struct http1_error *apply_status(const struct special *s, struct str request_method,
                                              struct http1_head *ret)
{
    struct http_head *head = &ret->head;
    bool announces = ret->framing == HTTP1_LENGTH || ret->framing == HTTP1_CHUNKED;
    if (head->status < 200) {
        if (announces)
            return &http1_error_unexpected_framing;
        if (head->status == 101) {
            if (!s->upgrades || s->upgrade.len == 0 || head->version < HTTP_1_1)
                return &http1_error_bad_switch;
            head->upgrade = s->upgrade;
        }
    }
    if (head->status == 101 ||
        (head->status / 100 == 2 && str_eq(request_method, STR("CONNECT")))) {
        ret->framing = HTTP1_TUNNEL;
        ret->keep_alive = false;
        head->content_length = HTTP_LENGTH_UNKNOWN;
    } else if (head->status < 200 || head->status == 204) {
        /* A 204 must not announce a body (RFC 9110 section 8.6); whoever does may also send one, so
         * the connection is of no further use. */
        ret->keep_alive = ret->keep_alive && !announces;
        ret->framing = HTTP1_NO_BODY;
        head->content_length = 0;
        head->no_body = true;
    } else if (head->status == 304 || str_eq(request_method, STR("HEAD"))) {
        ret->framing = HTTP1_NO_BODY;
        head->no_body = true;
    } else if (ret->framing == HTTP1_UNTIL_CLOSE) {
        ret->keep_alive = false;
    } else {
        head->no_body = ret->framing == HTTP1_NO_BODY;
    }
    return NULL;
}

/* in begins with the start line and has an empty line; request_method is NULL for a request. */
static const struct http1_error *parse(struct http1_reader *r, struct str in,
                                       const struct str *request_method, struct http1_head *ret,
                                       size_t *used)
{
    bool is_request = request_method == NULL;
    struct http_head *head = &ret->head;
    size_t line = 0;
    size_t fields = 0;
    struct special s __attribute__((uninitialized));
    memset(&s, 0, offsetof(struct special, names));

    const struct http1_error *error =
        is_request ? read_request_line(in, head, &line) : read_status_line(in, head, &line);
    if (error == NULL)
        error = http1_fields_read(str_skip(in, line), r->limits->fields_max, r->arena,
                                  &head->fields, &fields);
    if (error == NULL)
        error = settle(&head->fields, is_request, r->arena, &s);
    if (error == NULL)
        error = read_framing(&s, ret);
    if (error != NULL)
        return error;
    ret->keep_alive = keeps_alive(&s, head->version);
    *used = line + fields;
    return is_request ? finish_request(&s, r->arena, ret) : apply_status(&s, *request_method, ret);
}

/* What is wrong with the first bytes, so that other protocols are told soon. *skip is the length of
 * an empty line before a request, which is ignored (RFC 9112 section 2.2). */
static const struct http1_error *check_start(struct str in, bool is_request, size_t *skip)
{
    *skip = 0;
    if (!is_request)
        return in.len > 0 && in.p[0] != 'H' ? &http1_error_bad_status_line : NULL;
    if (in.len > 0 && in.p[0] == '\r') {
        if (in.len > 1 && in.p[1] != '\n')
            return &http1_error_bare_cr;
        *skip = in.len > 1 ? 2 : 1;
    }
    if (in.len <= *skip)
        return NULL;
    if (octets_is(in.p[*skip], OCTETS_TOKEN))
        return NULL;
    if (in.p[*skip] == '\n')
        return &http1_error_bare_lf;
    return in.p[*skip] == '\r' ? &http1_error_bad_request_line : &http1_error_bad_method;
}

static enum http1_result read_head(struct http1_reader *r, struct str in,
                                   const struct str *request_method, struct http1_head *ret,
                                   size_t *used, const struct http1_error **error)
{
    size_t skip;
    size_t length = 0;
    struct http1_head head = {0};
    enum http1_result result = HTTP1_ERROR;

    const struct http1_error *wrong = check_start(in, request_method == NULL, &skip);
    if (wrong == NULL)
        result = is_complete(r, str_skip(in, skip), request_method == NULL, &wrong);
    if (result == HTTP1_MORE)
        return HTTP1_MORE;
    r->scanned = 0;
    if (result == HTTP1_DONE)
        wrong = parse(r, str_skip(in, skip), request_method, &head, &length);
    if (wrong != NULL) {
        *error = wrong;
        return HTTP1_ERROR;
    }
    *ret = head;
    *used = skip + length;
    return HTTP1_DONE;
}

enum http1_result http1_read_request(struct http1_reader *r, struct str in, struct http1_head *ret,
                                     size_t *used, const struct http1_error **error)
{
    return read_head(r, in, NULL, ret, used, error);
}

enum http1_result http1_read_response(struct http1_reader *r, struct str in,
                                      struct str request_method, struct http1_head *ret,
                                      size_t *used, const struct http1_error **error)
{
    return read_head(r, in, &request_method, ret, used, error);
}
