#include "script/fetch_url.h"

#include <string.h>

#include "codec/ip_address.h"
#include "codec/octets.h"
#include "codec/url.h"

enum { HTTP_PORT = 80, HTTPS_PORT = 443, ENCODED_BYTES = 3, PORT_TEXT = 8 };

static bool is_space(char c)
{
    return c >= 0 && c <= ' ';
}

static struct str strip(struct str s)
{
    while (s.len > 0 && is_space(s.p[0]))
        s = str_skip(s, 1);
    while (s.len > 0 && is_space(s.p[s.len - 1]))
        s.len--;
    return s;
}

static bool is_triplet(struct str s, size_t at)
{
    return s.len - at >= ENCODED_BYTES && octets_is(s.p[at + 1], OCTETS_HEX) &&
           octets_is(s.p[at + 2], OCTETS_HEX);
}

/* Whether the octet at that place has to be percent-encoded. */
static bool is_foreign(struct str s, size_t at)
{
    const unsigned char c = (unsigned char)s.p[at];
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' || c == '`')
        return true;
    return c == '%' && !is_triplet(s, at);
}

static char *put(char *to, struct str s)
{
    if (s.len > 0)
        memcpy(to, s.p, s.len);
    return to + s.len;
}

static char *put_encoded(char *to, struct str s)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        if (!is_foreign(s, i)) {
            *to++ = s.p[i];
            continue;
        }
        *to++ = '%';
        *to++ = digits[(unsigned char)s.p[i] >> 4];
        *to++ = digits[(unsigned char)s.p[i] & 15];
    }
    return to;
}

/* 1 or 2 for a segment that is "." or "..", encoded or not; else 0. */
static int dots(struct str segment)
{
    int n = 0;
    while (segment.len > 0 && n < 3) {
        size_t used = 1;
        if (str_starts(segment, STR("%2e")) || str_starts(segment, STR("%2E")))
            used = ENCODED_BYTES;
        else if (segment.p[0] != '.')
            return 0;
        segment = str_skip(segment, used);
        n++;
    }
    return n < 3 && segment.len == 0 ? n : 0;
}

/* Removes dot segments (RFC 3986 section 5.2.4) in place, which only makes the path shorter; its new end. */
static char *remove_dots(char *path, char *end)
{
    char *to = path;
    for (char *p = path; p < end;) {
        char *slash = memchr(p + 1, '/', (size_t)(end - p - 1));
        char *next = slash != NULL ? slash : end;
        const int n = dots((struct str){p + 1, (size_t)(next - p - 1)});
        if (n == 0) {
            memmove(to, p, (size_t)(next - p));
            to += next - p;
        } else {
            while (n == 2 && to > path && *--to != '/') {
            }
            if (next == end)
                *to++ = '/';
        }
        p = next;
    }
    return to;
}

/* Everything before a fragment, and its bad octets encoded; "\" is "/" before the query. */
static enum err_code clean(struct arena *a, struct str *text, struct err *e)
{
    struct str s = strip(*text);
    s = str_slice(s, 0, str_index(s, '#', 0));
    const size_t query = str_index(s, '?', 0);
    size_t foreign = 0;
    bool backslash = false;
    for (size_t i = 0; i < s.len; i++) {
        foreign += is_foreign(s, i) ? 1 : 0;
        backslash = backslash || (i < query && s.p[i] == '\\');
    }
    *text = s;
    if (foreign == 0 && !backslash)
        return ERR_OK;
    char *copy = arena_alloc(a, s.len + foreign * (ENCODED_BYTES - 1) + 1);
    if (copy == NULL)
        return err_set(e, ERR_TOO_LARGE, "the URL is too long");
    const char *end = put_encoded(copy, s);
    for (char *p = copy; p < end && *p != '?'; p++)
        *p = *p == '\\' ? '/' : *p;
    *text = (struct str){copy, (size_t)(end - copy)};
    return ERR_OK;
}

static char *put_authority(char *to, const struct url *u, bool secure)
{
    *to = '[';
    to += u->host_is_ipv6 ? 1 : 0;
    for (size_t i = 0; i < u->host.len; i++) {
        const char c = u->host.p[i];
        *to++ = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    *to = ']';
    to += u->host_is_ipv6 ? 1 : 0;
    if (u->port == (secure ? HTTPS_PORT : HTTP_PORT))
        return to;
    char digits[PORT_TEXT];
    size_t n = 0;
    for (unsigned port = u->port; port > 0; port /= 10)
        digits[n++] = (char)('0' + port % 10);
    *to++ = ':';
    while (n > 0)
        *to++ = digits[--n];
    return to;
}

static enum err_code compose(struct arena *a, const struct url *u, bool secure,
                             struct fetch_url *ret, struct err *e)
{
    const struct str scheme = secure ? STR("https://") : STR("http://");
    char *begin = arena_alloc(a, scheme.len + u->host.len + u->path.len + u->query.len + 16);
    if (begin == NULL)
        return err_set(e, ERR_TOO_LARGE, "the URL is too long");
    char *authority = put(begin, scheme);
    char *path = put_authority(authority, u, secure);
    char *end = put(path, u->path.len > 0 ? u->path : STR("/"));
    end = remove_dots(path, end);
    if (u->has_query) {
        *end++ = '?';
        end = put(end, u->query);
    }
    const size_t bracket = u->host_is_ipv6 ? 1 : 0;
    *ret = (struct fetch_url){
        .text = {begin, (size_t)(end - begin)},
        .authority = {authority, (size_t)(path - authority)},
        .target = {path, (size_t)(end - path)},
        .host = {authority + bracket, u->host.len},
        .port = u->port,
        .secure = secure,
    };
    return ERR_OK;
}

static bool is_decimal(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.len > 0;
}

/* "0x" and any number of digits. */
static bool is_hexadecimal(struct str s)
{
    for (size_t i = 2; i < s.len; i++)
        if (!octets_is(s.p[i], OCTETS_HEX))
            return false;
    return s.len > 1 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x';
}

/* URL standard, "ends in a number": then the host is an IPv4 address in one of its forms. */
static bool ends_in_number(struct str host)
{
    if (host.len > 0 && host.p[host.len - 1] == '.')
        host.len--;
    size_t begin = host.len;
    while (begin > 0 && host.p[begin - 1] != '.')
        begin--;
    const struct str last = str_skip(host, begin);
    return is_decimal(last) || is_hexadecimal(last);
}

/* Browsers read other hosts too, as what they stand for: to ask for one as it is would be another host to them. fetch()
 * is given none of these (js/runtime/fetch_url.ts), a redirect may lead to one. */
static bool is_plain_host(struct str host)
{
    struct ip_address address;
    if (str_index(host, '%', 0) < host.len)
        return false;
    return !ends_in_number(host) || ip_address_parse(host, &address);
}

enum err_code fetch_url_parse(struct arena *a, struct str text, struct fetch_url *ret,
                              struct err *e)
{
    struct url u;
    enum err_code rc = clean(a, &text, e);
    if (rc == ERR_OK)
        rc = url_parse(text, &u, e);
    if (rc != ERR_OK)
        return rc;
    const bool secure = str_eq_nocase(u.scheme, STR("https"));
    if (!secure && !str_eq_nocase(u.scheme, STR("http")))
        return err_set(e, ERR_INVALID, "the scheme %.*s is not http or https", STR_ARG(u.scheme));
    if (!u.host_is_ipv6 && !is_plain_host(u.host))
        return err_set(e, ERR_INVALID, "the host %.*s is not in its plain ASCII form",
                       STR_ARG(u.host));
    return compose(a, &u, secure, ret, e);
}

/* scheme ":" at the start of s. */
static bool has_scheme(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const char c = (char)(s.p[i] | 0x20);
        const bool letter = c >= 'a' && c <= 'z';
        if (s.p[i] == ':')
            return i > 0;
        if (!letter && (i == 0 || strchr("0123456789+-.", s.p[i]) == NULL))
            return false;
    }
    return false;
}

/* What of base stands before the reference. */
static struct str kept(const struct fetch_url *base, struct str reference)
{
    const size_t origin = base->text.len - base->target.len;
    const size_t query = str_index(base->target, '?', 0);
    size_t slash = query;
    if (reference.len == 0)
        return base->text;
    if (str_starts(reference, STR("//")))
        return str_slice(base->text, 0, base->secure ? sizeof("https:") - 1 : sizeof("http:") - 1);
    if (reference.p[0] == '/')
        return str_slice(base->text, 0, origin);
    if (reference.p[0] == '?')
        return str_slice(base->text, 0, origin + query);
    while (base->target.p[slash - 1] != '/')
        slash--;
    return str_slice(base->text, 0, origin + slash);
}

enum err_code fetch_url_resolve(struct arena *a, const struct fetch_url *base, struct str reference,
                                struct fetch_url *ret, struct err *e)
{
    const enum err_code rc = clean(a, &reference, e);
    if (rc != ERR_OK)
        return rc;
    if (has_scheme(reference))
        return fetch_url_parse(a, reference, ret, e);
    const struct str first = kept(base, reference);
    char *text = arena_alloc(a, first.len + reference.len);
    if (text == NULL)
        return err_set(e, ERR_TOO_LARGE, "the URL is too long");
    (void)put(put(text, first), reference);
    return fetch_url_parse(a, (struct str){text, first.len + reference.len}, ret, e);
}

bool fetch_url_same_origin(const struct fetch_url *a, const struct fetch_url *b)
{
    return a->secure == b->secure && a->port == b->port && str_eq(a->host, b->host);
}
