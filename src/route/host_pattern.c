#include "route/host_pattern.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "route/rex.h"

enum kind { KIND_EXACT, KIND_PREFIX, KIND_SUFFIX, KIND_PART, KIND_ANY, KIND_REGEX };

struct host_pattern {
    enum kind kind;
    char *text; /* lower case, without the "*" at its ends; of a regular expression: empty */
    size_t len;
    struct rex *rex;
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_alnum(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

static struct str without_final_dot(struct str host)
{
    bool dot = host.len > 1 && host.p[host.len - 1] == '.';
    return str_slice(host, 0, dot ? host.len - 1 : host.len);
}

static struct str text_of(const struct host_pattern *p)
{
    return (struct str){p->text, p->len};
}

static enum err_code check_byte(char c, struct err *e)
{
    if ((unsigned char)c >= 0x80)
        return err_set(e, ERR_INVALID, "write international names in their ASCII form (xn--...)");
    if ((unsigned char)c <= 0x20 || c == 0x7f)
        return err_set(e, ERR_INVALID, "a host has no spaces and control characters");
    if (strchr("/\\?#@%[]", c) != NULL)
        return err_set(e, ERR_INVALID, "\"%c\" never occurs in a host", c);
    return ERR_OK;
}

/* One ":" only is that of a port: addresses have more. */
static enum err_code check_host(struct str s, struct err *e)
{
    for (size_t i = 0; i < s.len; i++) {
        enum err_code code = check_byte(s.p[i], e);
        if (code != ERR_OK)
            return code;
    }
    if (str_contains(s, STR("..")))
        return err_set(e, ERR_INVALID, "a host has no empty labels");
    size_t colon = str_index(s, ':', 0);
    if (colon < s.len && str_index(s, ':', colon + 1) == s.len)
        return err_set(e, ERR_INVALID, "a host pattern has no port");
    if (s.len >= HOST_PATTERN_HOST_MAX)
        return err_set(e, ERR_INVALID, "a host has fewer than %d bytes", HOST_PATTERN_HOST_MAX);
    return ERR_OK;
}

static struct host_pattern *create(enum kind kind, struct str text)
{
    struct host_pattern *p = mem_alloc(sizeof(*p));
    p->kind = kind;
    p->text = mem_dup(text.p, text.len);
    p->len = text.len;
    for (size_t i = 0; i < p->len; i++)
        p->text[i] = lower(p->text[i]);
    return p;
}

static enum err_code create_regex(struct str source, struct host_pattern **ret, struct err *e)
{
    struct rex *rex = NULL;
    enum err_code code = rex_create(source, REX_SEARCH_HOST, &rex, e);
    if (code != ERR_OK)
        return code;
    *ret = create(KIND_REGEX, (struct str){0});
    (*ret)->rex = rex;
    return ERR_OK;
}

/* "a.*.b": every inner "*" stands for one label; those at the ends, as everywhere, for anything. */
static enum err_code create_labels(struct str text, struct host_pattern **ret, struct err *e)
{
    struct buf b;
    buf_init(&b, REX_SOURCE_MAX);
    bool ok = text.p[0] == '*' || buf_add(&b, STR("^"));
    for (size_t i = 0; i < text.len && ok; i++) {
        char c = text.p[i];
        bool inner = i > 0 && i + 1 < text.len;
        if (c == '*' && inner && (text.p[i - 1] != '.' || text.p[i + 1] != '.')) {
            buf_finish(&b);
            return err_set(e, ERR_INVALID,
                           "a \"*\" inside a host stands for a whole label, as in \"a.*.b\"");
        }
        if (c == '*')
            ok = !inner || buf_add(&b, STR("[^.]+"));
        else
            ok = buf_addf(&b, "%s%c", is_alnum(c) ? "" : "\\", c);
    }
    ok = ok && (text.p[text.len - 1] == '*' || buf_add(&b, STR("$")));
    enum err_code code =
        ok ? create_regex(buf_str(&b), ret, e) : err_set(e, ERR_INVALID, "the pattern is too long");
    buf_finish(&b);
    return code;
}

/* Runs of "*" are one. */
static struct str collapse(struct str text, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] != '*' || len == 0 || out[len - 1] != '*')
            out[len++] = text.p[i];
    }
    return (struct str){out, len};
}

static enum err_code create_wildcard(struct str text, struct host_pattern **ret, struct err *e)
{
    bool first = text.p[0] == '*';
    bool last = text.p[text.len - 1] == '*';
    if (first && text.len == 1) {
        *ret = create(KIND_ANY, (struct str){0});
        return ERR_OK;
    }
    struct str middle = str_slice(text, first ? 1 : 0, last ? text.len - 1 : text.len);
    enum err_code code = check_host(middle, e);
    if (code != ERR_OK)
        return code;
    if (str_index(middle, '*', 0) < middle.len)
        return create_labels(text, ret, e);
    if (first && last)
        *ret = create(KIND_PART, middle);
    else if (first)
        *ret = create(KIND_SUFFIX, without_final_dot(middle));
    else if (last)
        *ret = create(KIND_PREFIX, middle);
    else
        *ret = create(KIND_EXACT, without_final_dot(middle));
    return ERR_OK;
}

enum err_code host_pattern_create(struct str text, struct host_pattern **ret, struct err *e)
{
    if (text.len == 0)
        return err_set(e, ERR_INVALID, "a host pattern is empty");
    if (text.len >= 2 && text.p[0] == '/' && text.p[text.len - 1] == '/')
        return create_regex(str_slice(text, 1, text.len - 1), ret, e);
    if (text.len >= REX_SOURCE_MAX)
        return err_set(e, ERR_INVALID, "a host pattern has fewer than %d bytes", REX_SOURCE_MAX);
    if (text.p[0] == '[' && text.p[text.len - 1] == ']')
        text = str_slice(text, 1, text.len - 1);
    if (text.len == 0)
        return err_set(e, ERR_INVALID, "a host pattern is empty");
    char collapsed[REX_SOURCE_MAX] = "";
    return create_wildcard(collapse(text, collapsed), ret, e);
}

void host_pattern_destroy(struct host_pattern *p)
{
    if (p == NULL)
        return;
    rex_unref(p->rex);
    free(p->text);
    free(p);
}

static bool contains_nocase(struct str host, struct str part)
{
    for (size_t i = 0; i + part.len <= host.len; i++) {
        if (str_eq_nocase(str_slice(host, i, i + part.len), part))
            return true;
    }
    return false;
}

bool host_pattern_match(const struct host_pattern *p, struct str host)
{
    host = without_final_dot(host);
    if (host.len >= HOST_PATTERN_HOST_MAX)
        return false;
    struct str text = text_of(p);
    bool fits = text.len <= host.len;
    switch (p->kind) {
    case KIND_EXACT:
        return str_eq_nocase(host, text);
    case KIND_PREFIX:
        return fits && str_eq_nocase(str_slice(host, 0, text.len), text);
    case KIND_SUFFIX:
        return fits && str_eq_nocase(str_skip(host, host.len - text.len), text);
    case KIND_PART:
        return contains_nocase(host, text);
    case KIND_ANY:
        return true;
    case KIND_REGEX:
        break;
    }
    return rex_match(p->rex, host) == REX_MATCH;
}

bool host_pattern_exact(const struct host_pattern *p, struct str *host)
{
    if (p->kind != KIND_EXACT)
        return false;
    *host = text_of(p);
    return true;
}
