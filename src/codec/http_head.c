#include "codec/http_head.h"

#include <assert.h>
#include <string.h>

#include "base/container.h"
#include "codec/octets.h"

enum { FIRST_FIELDS = 16, LONGEST_NAME = 19, NAMES_PER_LENGTH = 4 };

static const struct str names[HTTP_FIELD_COUNT] = {
#define X(name, text) [HTTP_FIELD_##name] = {text, sizeof(text) - 1},
    HTTP_FIELD_NAMES(X)
#undef X
};

/* The ids by the length of their name, so that a lookup compares one or two names at most. A name
 * that is missing here fails the unit test of http_head_field_id(). */
static const uint8_t ids_by_length[LONGEST_NAME + 1][NAMES_PER_LENGTH] = {
    [2] = {HTTP_FIELD_TE},
    [3] = {HTTP_FIELD_VIA},
    [4] = {HTTP_FIELD_HOST, HTTP_FIELD_DATE},
    [5] = {HTTP_FIELD_ALLOW},
    [6] = {HTTP_FIELD_COOKIE, HTTP_FIELD_SERVER, HTTP_FIELD_EXPECT},
    [7] = {HTTP_FIELD_UPGRADE, HTTP_FIELD_TRAILER},
    [8] = {HTTP_FIELD_LOCATION},
    [9] = {HTTP_FIELD_X_REAL_IP, HTTP_FIELD_FORWARDED},
    [10] = {HTTP_FIELD_CONNECTION, HTTP_FIELD_USER_AGENT, HTTP_FIELD_SET_COOKIE,
            HTTP_FIELD_KEEP_ALIVE},
    [12] = {HTTP_FIELD_CONTENT_TYPE, HTTP_FIELD_X_REQUEST_ID},
    [13] = {HTTP_FIELD_AUTHORIZATION},
    [14] = {HTTP_FIELD_CONTENT_LENGTH},
    [15] = {HTTP_FIELD_ACCEPT_ENCODING, HTTP_FIELD_X_FORWARDED_FOR},
    [16] = {HTTP_FIELD_X_FORWARDED_HOST, HTTP_FIELD_PROXY_CONNECTION},
    [17] = {HTTP_FIELD_TRANSFER_ENCODING, HTTP_FIELD_X_FORWARDED_PROTO},
    [18] = {HTTP_FIELD_PROXY_AUTHENTICATE},
    [19] = {HTTP_FIELD_PROXY_AUTHORIZATION},
};

/* Whether the octets of a and b, as words, are equal but for the case of letters; those of b are lower-case letters and
 * "-". A letter has bit 0x40, and its case is bit 0x20. */
static bool same(uint64_t a, uint64_t b)
{
    const uint64_t cases = (b >> 1) & 0x2020202020202020U;
    return ((a ^ b) & ~cases) == 0;
}

static uint64_t four(const char *p)
{
    uint32_t n = 0;
    memcpy(&n, p, 4);
    return n;
}

static uint64_t two(const char *p)
{
    uint16_t n = 0;
    memcpy(&n, p, 2);
    return n;
}

/* Words may overlap. len is 2 to 24. */
static bool is_name(const char *p, const char *known, size_t len)
{
    if (len < 4)
        return same(two(p), two(known)) && same(two(p + len - 2), two(known + len - 2));
    if (len < 8)
        return same(four(p), four(known)) && same(four(p + len - 4), four(known + len - 4));
    return same(octets_word(p), octets_word(known)) &&
           same(octets_word(p + len - 8), octets_word(known + len - 8)) &&
           (len <= 16 || same(octets_word(p + 8), octets_word(known + 8)));
}

enum http_field_id http_head_field_id(struct str name)
{
    if (name.len < 2 || name.len > LONGEST_NAME)
        return HTTP_FIELD_OTHER;
    const uint8_t *ids = ids_by_length[name.len];
    for (size_t i = 0; i < NAMES_PER_LENGTH && ids[i] != HTTP_FIELD_OTHER; i++)
        if (is_name(name.p, names[ids[i]].p, name.len))
            return (enum http_field_id)ids[i];
    return HTTP_FIELD_OTHER;
}

struct str http_head_field_name(enum http_field_id id)
{
    assert(id > HTTP_FIELD_OTHER && id < HTTP_FIELD_COUNT);
    return names[id];
}

const struct http_field *http_head_find(const struct http_fields *fs, enum http_field_id id)
{
    for (uint32_t i = 0; i < fs->n; i++)
        if (fs->v[i].id == id)
            return &fs->v[i];
    return NULL;
}

static bool is_named(const struct http_field *f, struct str name, enum http_field_id id)
{
    return f->id == id && (id != HTTP_FIELD_OTHER || str_eq_nocase(f->name, name));
}

const struct http_field *http_head_find_name(const struct http_fields *fs, struct str name)
{
    enum http_field_id id = http_head_field_id(name);
    for (uint32_t i = 0; i < fs->n; i++)
        if (is_named(&fs->v[i], name, id))
            return &fs->v[i];
    return NULL;
}

static bool grow(struct http_fields *fs, struct arena *a)
{
    assert(fs->cap <= UINT32_MAX / 2);
    uint32_t cap = fs->cap == 0 ? FIRST_FIELDS : fs->cap * 2;
    struct http_field *v = arena_take(a, cap * sizeof(*v));
    if (v == NULL)
        return false;
    if (fs->n > 0)
        memcpy(v, fs->v, fs->n * sizeof(*v));
    fs->v = v;
    fs->cap = cap;
    return true;
}

bool http_head_add(struct http_fields *fs, struct arena *a, struct str name, struct str value)
{
    if (fs->n == fs->cap && !grow(fs, a))
        return false;
    fs->v[fs->n++] =
        (struct http_field){.name = name, .value = value, .id = http_head_field_id(name)};
    return true;
}

static uint32_t remove_named(struct http_fields *fs, struct str name, enum http_field_id id)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < fs->n; i++) {
        if (is_named(&fs->v[i], name, id))
            continue;
        if (kept != i)
            fs->v[kept] = fs->v[i];
        kept++;
    }
    uint32_t removed = fs->n - kept;
    fs->n = kept;
    return removed;
}

bool http_head_set(struct http_fields *fs, struct arena *a, struct str name, struct str value)
{
    if (fs->n == fs->cap && !grow(fs, a))
        return false;
    (void)http_head_remove(fs, name);
    return http_head_add(fs, a, name, value);
}

uint32_t http_head_remove(struct http_fields *fs, struct str name)
{
    return remove_named(fs, name, http_head_field_id(name));
}

uint32_t http_head_remove_id(struct http_fields *fs, enum http_field_id id)
{
    assert(id != HTTP_FIELD_OTHER);
    return remove_named(fs, (struct str){0}, id);
}

static void copy_str(char **to, struct str *s)
{
    if (s->len == 0) {
        *s = (struct str){0};
        return;
    }
    memcpy(*to, s->p, s->len);
    s->p = *to;
    *to += s->len;
}

bool http_head_copy(struct arena *a, const struct http_head *head, struct http_head *ret)
{
    struct http_head copy = *head;
    struct str *const members[] = {&copy.method, &copy.scheme, &copy.authority, &copy.host,
                                   &copy.target, &copy.reason, &copy.upgrade};
    size_t bytes = 1;
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        bytes += members[i]->len;
    for (uint32_t i = 0; i < head->fields.n; i++)
        bytes += head->fields.v[i].name.len + head->fields.v[i].value.len;

    char *to = arena_alloc(a, bytes);
    if (to == NULL)
        return false;
    copy.fields.cap = copy.fields.n;
    copy.fields.v = NULL;
    if (copy.fields.n > 0) {
        copy.fields.v = arena_alloc(a, copy.fields.n * sizeof(*copy.fields.v));
        if (copy.fields.v == NULL)
            return false;
        memcpy(copy.fields.v, head->fields.v, copy.fields.n * sizeof(*copy.fields.v));
    }

    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        copy_str(&to, members[i]);
    for (uint32_t i = 0; i < copy.fields.n; i++) {
        copy_str(&to, &copy.fields.v[i].name);
        copy_str(&to, &copy.fields.v[i].value);
    }
    *ret = copy;
    return true;
}

bool http_head_is_token(struct str s)
{
    return s.len > 0 && octets_are(s.p, s.len, OCTETS_TOKEN);
}

bool http_head_is_value(struct str s)
{
    return octets_are_value(s.p, s.len) && str_trim(s).len == s.len;
}

bool http_head_method_idempotent(struct str method)
{
    static const struct str idempotent[] = {
        {"GET", 3}, {"HEAD", 4}, {"PUT", 3}, {"DELETE", 6}, {"OPTIONS", 7}, {"TRACE", 5},
    };
    for (size_t i = 0; i < ARRAY_LEN(idempotent); i++)
        if (str_eq(method, idempotent[i]))
            return true;
    return false;
}

/* RFC 9110 section 15, RFC 6585, RFC 8297, RFC 8470, RFC 7725, RFC 4918. */
#define REASONS(X)                                                                                 \
    X(100, "Continue")                                                                             \
    X(101, "Switching Protocols")                                                                  \
    X(102, "Processing")                                                                           \
    X(103, "Early Hints")                                                                          \
    X(200, "OK")                                                                                   \
    X(201, "Created")                                                                              \
    X(202, "Accepted")                                                                             \
    X(203, "Non-Authoritative Information")                                                        \
    X(204, "No Content")                                                                           \
    X(205, "Reset Content")                                                                        \
    X(206, "Partial Content")                                                                      \
    X(207, "Multi-Status")                                                                         \
    X(208, "Already Reported")                                                                     \
    X(226, "IM Used")                                                                              \
    X(300, "Multiple Choices")                                                                     \
    X(301, "Moved Permanently")                                                                    \
    X(302, "Found")                                                                                \
    X(303, "See Other")                                                                            \
    X(304, "Not Modified")                                                                         \
    X(305, "Use Proxy")                                                                            \
    X(307, "Temporary Redirect")                                                                   \
    X(308, "Permanent Redirect")                                                                   \
    X(400, "Bad Request")                                                                          \
    X(401, "Unauthorized")                                                                         \
    X(402, "Payment Required")                                                                     \
    X(403, "Forbidden")                                                                            \
    X(404, "Not Found")                                                                            \
    X(405, "Method Not Allowed")                                                                   \
    X(406, "Not Acceptable")                                                                       \
    X(407, "Proxy Authentication Required")                                                        \
    X(408, "Request Timeout")                                                                      \
    X(409, "Conflict")                                                                             \
    X(410, "Gone")                                                                                 \
    X(411, "Length Required")                                                                      \
    X(412, "Precondition Failed")                                                                  \
    X(413, "Content Too Large")                                                                    \
    X(414, "URI Too Long")                                                                         \
    X(415, "Unsupported Media Type")                                                               \
    X(416, "Range Not Satisfiable")                                                                \
    X(417, "Expectation Failed")                                                                   \
    X(421, "Misdirected Request")                                                                  \
    X(422, "Unprocessable Content")                                                                \
    X(423, "Locked")                                                                               \
    X(424, "Failed Dependency")                                                                    \
    X(425, "Too Early")                                                                            \
    X(426, "Upgrade Required")                                                                     \
    X(428, "Precondition Required")                                                                \
    X(429, "Too Many Requests")                                                                    \
    X(431, "Request Header Fields Too Large")                                                      \
    X(451, "Unavailable For Legal Reasons")                                                        \
    X(500, "Internal Server Error")                                                                \
    X(501, "Not Implemented")                                                                      \
    X(502, "Bad Gateway")                                                                          \
    X(503, "Service Unavailable")                                                                  \
    X(504, "Gateway Timeout")                                                                      \
    X(505, "HTTP Version Not Supported")                                                           \
    X(506, "Variant Also Negotiates")                                                              \
    X(507, "Insufficient Storage")                                                                 \
    X(508, "Loop Detected")                                                                        \
    X(511, "Network Authentication Required")

struct str http_head_reason(uint16_t status)
{
    static const struct str reasons[] = {
#define X(code, text) [code] = {text, sizeof(text) - 1},
        REASONS(X)
#undef X
    };
    if (status >= ARRAY_LEN(reasons) || reasons[status].p == NULL)
        return STR("");
    return reasons[status];
}
