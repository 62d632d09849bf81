#include "model/checks.h"

#include "base/container.h"
#include "codec/http_head.h"
#include "codec/url.h"
#include "model/model.h"

static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c == 0x7f)
            return true;
    }
    return false;
}

static enum err_code check_name(struct str text, size_t max, struct err *e)
{
    if (model_name_valid(text, max))
        return ERR_OK;
    return err_set(e, ERR_INVALID, "must be 1 to %zu bytes without control characters", max);
}

enum err_code checks_name(struct str text, struct err *e)
{
    return check_name(text, MODEL_NAME_MAX, e);
}

enum err_code checks_document_id(struct str text, struct err *e)
{
    return check_name(text, MODEL_DOCUMENT_ID_MAX, e);
}

enum err_code checks_upstream_url(struct str text, struct err *e)
{
    struct url url = {0};
    struct err why = {0};
    if (url_parse(text, &url, &why) != ERR_OK)
        return err_set(e, ERR_INVALID, "is not an absolute URL: %s", why.msg);
    if (str_eq_nocase(url.scheme, STR("https")) || str_eq_nocase(url.scheme, STR("wss")) ||
        str_eq_nocase(url.scheme, STR("h2c")))
        return err_set(e, ERR_INVALID, "%.*s upstreams come with a later version; use http",
                       STR_ARG(url.scheme));
    if (!str_eq_nocase(url.scheme, STR("http")) && !str_eq_nocase(url.scheme, STR("ws")))
        return err_set(e, ERR_INVALID, "the scheme must be http or ws");
    if (url.host.len == 0)
        return err_set(e, ERR_INVALID, "the host is missing");
    return ERR_OK;
}

enum err_code checks_route_path(struct str text, struct err *e)
{
    if (!str_starts(text, STR("/")))
        return err_set(e, ERR_INVALID, "must begin with '/'");
    if (has_control(text))
        return err_set(e, ERR_INVALID, "must not contain control characters");
    return ERR_OK;
}

enum err_code checks_method(struct str text, struct err *e)
{
    static const char *const methods[] = {"GET",  "POST",    "PUT",     "PATCH", "DELETE",
                                          "HEAD", "OPTIONS", "CONNECT", "TRACE", "*"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (str_eq(text, str_of(methods[i])))
            return ERR_OK;
    }
    return err_set(
        e, ERR_INVALID,
        "must be one of GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS, CONNECT, TRACE, or "
        "\"*\" alone");
}

enum err_code checks_domain_pattern(struct str text, struct err *e)
{
    if (text.len == 0)
        return err_set(e, ERR_INVALID, "must not be empty");
    if (has_control(text) || str_index(text, ' ', 0) < text.len)
        return err_set(e, ERR_INVALID, "must not contain spaces or control characters");
    return ERR_OK;
}

enum err_code checks_limit_by(struct str text, struct err *e)
{
    struct str header = STR(MODEL_LIMIT_BY_HEADER);
    if (str_eq(text, STR("client")) || str_eq(text, STR("route")) ||
        (str_starts(text, header) && http_head_is_token(str_skip(text, header.len))))
        return ERR_OK;
    return err_set(e, ERR_INVALID,
                   "must be client, route, or header: and the name of a header field");
}

enum err_code checks_hash_on(struct str text, struct err *e)
{
    if (str_eq(text, STR("ip")) || str_eq(text, STR("path")))
        return ERR_OK;
    if (!str_starts(text, STR("header:")) && !str_starts(text, STR("cookie:")))
        return err_set(e, ERR_INVALID, "must be ip, path, header:NAME or cookie:NAME");
    struct str name = str_skip(text, STR("header:").len);
    if (!http_head_is_token(name))
        return err_set(e, ERR_INVALID, "the name behind the colon is not a legal one");
    return ERR_OK;
}

enum err_code checks_health_path(struct str text, struct err *e)
{
    if (!str_starts(text, STR("/")))
        return err_set(e, ERR_INVALID, "must begin with '/'");
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c > 0x20 && c < 0x7f && c != '#')
            continue;
        return err_set(e, ERR_INVALID,
                       "must not contain spaces, '#', control or non-ASCII characters; "
                       "percent-encode them");
    }
    return ERR_OK;
}

enum err_code checks_secret(struct str text, struct err *e)
{
    if (str_eq(text, STR(MODEL_REDACTED)))
        return err_set(e, ERR_INVALID,
                       "is the placeholder that is shown instead of the secret; give the secret");
    return ERR_OK;
}
