#include "proxy/upstream_url.h"

#include <string.h>

#include "codec/url.h"

/* What may stand in a query; everything else would have to be encoded by whoever wrote the URL. */
static bool is_query(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c >= 0x7f || c == '#')
            return false;
    }
    return true;
}

static enum err_code check_scheme(struct str scheme, bool *secure, struct err *e)
{
    *secure = str_eq_nocase(scheme, STR("https")) || str_eq_nocase(scheme, STR("wss"));
    if (*secure || str_eq_nocase(scheme, STR("http")) || str_eq_nocase(scheme, STR("ws")))
        return ERR_OK;
    return err_set(e, ERR_INVALID, "scheme %.*s is not supported", STR_ARG(scheme));
}

/* The authority begins with the host, since user information is refused, and ends before the path or the
 * query. */
static struct str authority_of(struct str text, const struct url *url)
{
    size_t from = (size_t)(url->host.p - text.p) - (url->host_is_ipv6 ? 1 : 0);
    size_t to = from;
    while (to < text.len && text.p[to] != '/' && text.p[to] != '?')
        to++;
    return str_slice(text, from, to);
}

enum err_code upstream_url_parse(struct arena *a, struct str text, struct upstream_url *ret,
                                 struct err *e)
{
    if (!str_contains(text, STR("://")) && !arena_printf(a, &text, "http://%.*s", STR_ARG(text)))
        return err_set(e, ERR_TOO_LARGE, "too long");
    struct url url;
    enum err_code rc = url_parse(text, &url, e);
    if (rc != ERR_OK)
        return rc;

    struct upstream_url u = {.text = text, .host = url.host, .port = url.port};
    rc = check_scheme(url.scheme, &u.secure, e);
    if (rc != ERR_OK)
        return rc;
    u.authority = authority_of(text, &url);
    if (url.path.len > 0 && url_path_normalise(url.path, false, a, &u.path) != URL_PATH_OK)
        return err_set(e, ERR_INVALID, "the path is not valid");
    if (!is_query(url.query))
        return err_set(e, ERR_INVALID, "the query is not valid");
    u.query = url.query;
    u.has_query = url.has_query;
    *ret = u;
    return ERR_OK;
}

static char *put(char *to, struct str s)
{
    if (s.len > 0)
        memcpy(to, s.p, s.len);
    return to + s.len;
}

bool upstream_url_target(struct arena *a, const struct upstream_url *url, struct str path,
                         struct upstream_query query, struct str *ret)
{
    struct str base = url->path;
    bool ask = url->has_query || query.present;
    if (path.len > 0 && base.len > 0 && base.p[base.len - 1] == '/')
        base.len--;
    if (base.len + path.len == 0)
        path = STR("/");
    if (base.len == 0 && !ask) {
        *ret = path;
        return true;
    }

    char *begin = arena_alloc(a, base.len + path.len + url->query.len + query.text.len + 2);
    if (begin == NULL)
        return false;
    char *end = put(put(begin, base), path);
    if (ask)
        *end++ = '?';
    end = put(end, url->query);
    if (url->query.len > 0 && query.text.len > 0)
        *end++ = '&';
    end = put(end, query.text);
    *ret = (struct str){begin, (size_t)(end - begin)};
    return true;
}
