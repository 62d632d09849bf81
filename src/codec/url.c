#include "codec/url.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "base/container.h"
#include "codec/octets.h"

enum { PORT_DIGITS_MAX = 5, PORT_MAX = 65535 };

static const char hex_digits[] = "0123456789ABCDEF";

/* Whether a "%" at p is followed by two hexadecimal digits; *octet is what they stand for. */
static bool read_triplet(const char *p, const char *end, unsigned char *octet)
{
    if (end - p < 3)
        return false;
    uint8_t high = octets_hex[(unsigned char)p[1]];
    uint8_t low = octets_hex[(unsigned char)p[2]];
    if (high == 0xff || low == 0xff)
        return false;
    *octet = (unsigned char)(high << 4 | low);
    return true;
}

static void write_triplet(char *to, unsigned char octet)
{
    to[0] = '%';
    to[1] = hex_digits[octet >> 4];
    to[2] = hex_digits[octet & 15];
}

/* How many bytes of s from its begin are those of a reg-name, which ":" is not (RFC 3986 section 3.2.2). */
static size_t name_length(struct str s)
{
    const char *end = s.p + s.len;
    const char *p = s.p;
    unsigned char octet;
    while (p < end) {
        if (octets_is(*p, OCTETS_REG_NAME))
            p++;
        else if (*p == '%' && read_triplet(p, end, &octet))
            p += 3;
        else
            break;
    }
    return (size_t)(p - s.p);
}

static bool is_ipv6(struct str s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (s.len >= sizeof(text) || memchr(s.p, '\0', s.len) != NULL)
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* ":" *DIGIT or nothing, RFC 3986 section 3.2.3. *port is 0 when there is none. */
static bool read_port(struct str s, uint16_t *port)
{
    uint64_t value = 0;
    if (s.len > 1) {
        if (s.len > 1 + PORT_DIGITS_MAX || !str_to_u64(str_skip(s, 1), PORT_MAX, &value) ||
            value == 0)
            return false;
    }
    *port = (uint16_t)value;
    return s.len == 0 || s.p[0] == ':';
}

bool url_split_authority(struct str authority, struct str *host, uint16_t *port)
{
    struct str name;
    size_t end;
    if (authority.len > 0 && authority.p[0] == '[') {
        size_t close = str_index(authority, ']', 0);
        if (close == authority.len)
            return false;
        name = str_slice(authority, 1, close);
        end = close + 1;
        if (!is_ipv6(name))
            return false;
    } else {
        end = name_length(authority);
        name = str_slice(authority, 0, end);
        if (end == 0)
            return false;
    }
    uint16_t number;
    if (!read_port(str_skip(authority, end), &number))
        return false;
    *host = name;
    *port = number;
    return true;
}

static uint16_t default_port(struct str scheme)
{
    if (str_eq_nocase(scheme, STR("http")) || str_eq_nocase(scheme, STR("ws")))
        return 80;
    if (str_eq_nocase(scheme, STR("https")) || str_eq_nocase(scheme, STR("wss")))
        return 443;
    return 0;
}

/* scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ), RFC 3986 section 3.1. */
static bool is_scheme(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = (char)(s.p[i] | 0x20);
        bool letter = c >= 'a' && c <= 'z';
        bool other =
            (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '+' || s.p[i] == '-' || s.p[i] == '.';
        if (!letter && (i == 0 || !other))
            return false;
    }
    return s.len > 0;
}

/* Says what is wrong with an authority that url_split_authority() refused. */
static enum err_code explain_authority(struct str authority, struct err *e)
{
    struct str host = authority;
    size_t colon = authority.len;
    while (colon > 0 && authority.p[colon - 1] != ':' && authority.p[colon - 1] != ']')
        colon--;
    if (colon > 0 && authority.p[colon - 1] == ':')
        host = str_slice(authority, 0, colon - 1);
    uint16_t port;
    if (host.len == 0)
        return err_set(e, ERR_INVALID, "host is missing");
    if (host.len < authority.len && url_split_authority(host, &host, &port))
        return err_set(e, ERR_INVALID, "port must be 1 to 65535");
    return err_set(e, ERR_INVALID, "host is not a legal name or address");
}

static enum err_code check_rest(struct str rest, struct err *e)
{
    unsigned char octet;
    const char *end = rest.p + rest.len;
    for (const char *p = rest.p; p < end; p++) {
        if (*p == '#')
            return err_set(e, ERR_INVALID, "a fragment (#...) is not allowed");
        if (!octets_is(*p, OCTETS_TARGET))
            return err_set(e, ERR_INVALID, "a space or control character is not allowed");
        if (*p == '%' && !read_triplet(p, end, &octet))
            return err_set(e, ERR_INVALID, "%% is not followed by two hexadecimal digits");
    }
    return ERR_OK;
}

enum err_code url_parse(struct str text, struct url *ret, struct err *e)
{
    struct url u = {0};
    size_t colon = str_index(text, ':', 0);
    u.scheme = str_slice(text, 0, colon);
    if (!str_starts(str_skip(text, colon), STR("://")) || !is_scheme(u.scheme))
        return err_set(e, ERR_INVALID, "scheme is missing (such as http://)");

    size_t begin = colon + 3;
    size_t end = begin;
    while (end < text.len && memchr("/?#", text.p[end], 3) == NULL)
        end++;
    struct str authority = str_slice(text, begin, end);
    if (str_index(authority, '@', 0) < authority.len)
        return err_set(e, ERR_INVALID, "user information (user@) is not allowed");
    if (!url_split_authority(authority, &u.host, &u.port))
        return explain_authority(authority, e);
    u.host_is_ipv6 = authority.p[0] == '[';
    u.has_port = u.port != 0;
    if (!u.has_port)
        u.port = default_port(u.scheme);

    struct str rest = str_skip(text, end);
    enum err_code code = check_rest(rest, e);
    if (code != ERR_OK)
        return code;
    url_split_target(rest, &u.path, &u.query, &u.has_query);
    *ret = u;
    return ERR_OK;
}

void url_split_target(struct str target, struct str *path, struct str *query, bool *has_query)
{
    size_t mark = str_index(target, '?', 0);
    *has_query = mark < target.len;
    *path = str_slice(target, 0, mark);
    *query = str_skip(target, *has_query ? mark + 1 : mark);
}

/* Whether the segment after the "/" at p is "." or "..". */
static bool begins_dots(const char *p, const char *end)
{
    if (end - p < 2 || p[1] != '.')
        return false;
    p += end - p > 2 && p[2] == '.' ? 3 : 2;
    return p == end || *p == '/';
}

/* Whether a path that begins with "/" is in normal form. */
static bool is_normal(struct str path, bool merge_slashes)
{
    const char *end = path.p + path.len;
    for (const char *p = path.p; p < end; p++) {
        if (*p == '/') {
            if (begins_dots(p, end) || (merge_slashes && end - p > 1 && p[1] == '/'))
                return false;
        } else if (*p == '%') {
            unsigned char octet;
            if (!read_triplet(p, end, &octet) || octet == '\0' || octet == '\\' ||
                octets_is((char)octet, OCTETS_UNRESERVED) || p[1] >= 'a' || p[2] >= 'a')
                return false;
            p += 2;
        } else if (!octets_is(*p, OCTETS_PATH)) {
            return false;
        }
    }
    return true;
}

/* Refuses what no path may have, and gives an upper bound of the length of the normal form. */
static bool measure(struct str raw, size_t *bound)
{
    const char *end = raw.p + raw.len;
    size_t size = raw.len;
    for (const char *p = raw.p; p < end; p++) {
        unsigned char octet;
        if (*p == '%') {
            if (!read_triplet(p, end, &octet) || octet == '\0' || octet == '\\')
                return false;
            p += 2;
        } else if (!octets_is(*p, OCTETS_PATH)) {
            octet = (unsigned char)*p;
            if (octet < ' ' || octet == 0x7f || octet == '\\')
                return false;
            size += 2;
        }
    }
    *bound = size;
    return true;
}

/* Writes one segment in normal form at to; returns its end. */
static char *write_segment(char *to, const char *p, const char *end)
{
    while (p < end) {
        unsigned char octet = (unsigned char)*p;
        bool encoded = octet == '%' && read_triplet(p, end, &octet);
        p += encoded ? 3 : 1;
        if (octets_is((char)octet, encoded ? OCTETS_UNRESERVED : OCTETS_PATH)) {
            *to++ = (char)octet;
        } else {
            write_triplet(to, octet);
            to += 3;
        }
    }
    return to;
}

/* Segment by segment; a dot segment is seen after decoding (RFC 3986 sections 5.2.4 and 6.2.2). */
static size_t write_normal(char *to, struct str raw, bool merge_slashes)
{
    char *out = to;
    const char *end = raw.p + raw.len;
    const char *p = raw.p;
    while (p < end) {
        const char *segment = p + 1;
        p = memchr(segment, '/', (size_t)(end - segment));
        if (p == NULL)
            p = end;
        if (merge_slashes && p == segment && p < end)
            continue;
        char *begin = out;
        *out++ = '/';
        out = write_segment(out, segment, p);
        struct str written = {begin, (size_t)(out - begin)};
        bool parent = str_eq(written, STR("/.."));
        if (!parent && !str_eq(written, STR("/.")))
            continue;
        out = begin;
        while (parent && out > to && *--out != '/') {
        }
        if (p == end)
            *out++ = '/';
    }
    return (size_t)(out - to);
}

enum url_path_error url_path_normalise(struct str raw, bool merge_slashes, struct arena *a,
                                       struct str *ret)
{
    if (raw.len == 0 || raw.p[0] != '/')
        return URL_PATH_BAD;
    if (is_normal(raw, merge_slashes)) {
        *ret = raw;
        return URL_PATH_OK;
    }
    size_t bound;
    if (!measure(raw, &bound))
        return URL_PATH_BAD;
    char *to = arena_alloc(a, bound);
    if (to == NULL)
        return URL_PATH_TOO_LARGE;
    size_t len = write_normal(to, raw, merge_slashes);
    assert(len > 0 && len <= bound);
    *ret = (struct str){to, len};
    return URL_PATH_OK;
}

bool url_decode(struct buf *b, struct str s, bool plus)
{
    char *begin = buf_reserve(b, s.len);
    if (begin == NULL)
        return false;
    char *to = begin;
    const char *end = s.p + s.len;
    for (const char *p = s.p; p < end; p++) {
        unsigned char octet = (unsigned char)*p;
        if (octet == '%' && read_triplet(p, end, &octet))
            p += 2;
        else if (octet == '+' && plus)
            octet = ' ';
        *to++ = (char)octet;
    }
    buf_added(b, (size_t)(to - begin));
    return true;
}

bool url_encode(struct buf *b, struct str s)
{
    size_t size = s.len;
    for (size_t i = 0; i < s.len; i++)
        if (!octets_is(s.p[i], OCTETS_UNRESERVED))
            size += 2;
    char *to = buf_reserve(b, size);
    if (to == NULL)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (octets_is(s.p[i], OCTETS_UNRESERVED)) {
            *to++ = s.p[i];
        } else {
            write_triplet(to, (unsigned char)s.p[i]);
            to += 3;
        }
    }
    buf_added(b, size);
    return true;
}
