#include "config/text_checks.h"

#include <string.h>

#include "base/container.h"
#include "model/checks.h"
#include "route/host_pattern.h"

enum err_code text_checks_version(struct str text, struct err *e)
{
    if (str_eq_nocase(text, STR("v1")))
        return ERR_OK;
    return err_set(e, ERR_INVALID, "must be v1");
}

enum err_code text_checks_tag(struct str text, struct err *e)
{
    bool valid = text.len > 0;
    for (size_t i = 0; i < text.len; i++)
        valid = valid && text.p[i] > ' ' && text.p[i] < 0x7f && text.p[i] != ',';
    if (valid)
        return ERR_OK;
    return err_set(e, ERR_INVALID, "must be printable ASCII without spaces and commas");
}

enum err_code text_checks_dir(struct str text, struct err *e)
{
    return text.len > 0 ? ERR_OK : err_set(e, ERR_INVALID, "must not be empty");
}

static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c == 0x7f)
            return true;
    }
    return false;
}

enum err_code text_checks_credential(struct str text, struct err *e)
{
    if (text.len > 0 && !has_control(text))
        return ERR_OK;
    return err_set(e, ERR_INVALID, "must not be empty and not contain control characters");
}

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

enum err_code text_checks_header_name(struct str text, struct err *e)
{
    bool valid = text.len > 0;
    for (size_t i = 0; i < text.len; i++)
        valid = valid && is_token_char(text.p[i]);
    return valid ? ERR_OK : err_set(e, ERR_INVALID, "is not the name of a header field");
}

enum err_code text_checks_header_value(struct str text, struct err *e)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return err_set(e, ERR_INVALID, "must not contain control characters");
    }
    if (str_trim(text).len != text.len)
        return err_set(e, ERR_INVALID, "must not begin or end with white space");
    return ERR_OK;
}

enum err_code text_checks_variable(struct str text, struct err *e)
{
    bool valid = text.len > 0 && !(text.p[0] >= '0' && text.p[0] <= '9');
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.p[i];
        valid = valid && ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == '_');
    }
    return valid ? ERR_OK : err_set(e, ERR_INVALID, "is not the name of an environment variable");
}

enum err_code text_checks_response_field(struct str text, struct err *e)
{
    static const char *const framing[] = {"Connection", "Content-Length",    "Keep-Alive", "TE",
                                          "Trailer",    "Transfer-Encoding", "Upgrade"};
    for (size_t i = 0; i < ARRAY_LEN(framing); i++) {
        if (str_eq_nocase(text, str_of(framing[i])))
            return err_set(e, ERR_INVALID, "is set by the gateway itself");
    }
    return text_checks_header_name(text, e);
}

enum err_code text_checks_host_pattern(struct str text, struct err *e)
{
    struct host_pattern *pattern = NULL;
    enum err_code rc = checks_domain_pattern(text, e);
    if (rc == ERR_OK)
        rc = host_pattern_create(text, &pattern, e);
    if (rc == ERR_OK)
        host_pattern_destroy(pattern);
    return rc;
}
