#include "config/expand.h"

#include <string.h>

enum { NAME_MAX_BYTES = 256 };

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* A reference at the beginning of a text. */
struct reference {
    char name[NAME_MAX_BYTES];
    struct str fallback;
    bool has_fallback;
    size_t len; /* bytes of the text that it takes */
};

static bool parse_reference(struct str text, struct reference *ret)
{
    size_t close = str_index(text, '}', 0);
    if (!str_starts(text, STR("${")) || close == text.len)
        return false;
    struct str inner = str_slice(text, 2, close);
    size_t n = 0;
    while (n < inner.len && is_name_char(inner.p[n]))
        n++;
    struct str rest = str_skip(inner, n);
    if (n == 0 || n >= sizeof(ret->name) || (rest.len > 0 && !str_starts(rest, STR(":-"))))
        return false;
    memcpy(ret->name, inner.p, n);
    ret->name[n] = '\0';
    ret->has_fallback = rest.len > 0;
    ret->fallback = rest.len > 0 ? str_skip(rest, 2) : rest;
    ret->len = close + 1;
    return true;
}

/* What a reference stands for; false when that is nothing. */
static bool resolve(const struct reference *ref, expand_lookup_fn lookup, void *user,
                    struct str *ret)
{
    const char *value = lookup(user, ref->name);
    bool use_fallback = ref->has_fallback && (value == NULL || *value == '\0');
    *ret = use_fallback ? ref->fallback : str_of(value);
    return use_fallback || value != NULL;
}

enum err_code expand_text(struct str text, expand_lookup_fn lookup, void *user, struct buf *out,
                          struct err *e)
{
    while (text.len > 0) {
        struct reference ref;
        size_t taken = str_index(text, '$', 1);
        struct str part = str_slice(text, 0, taken);
        if (str_starts(text, STR("$${"))) {
            part = STR("${");
            taken = 3;
        } else if (parse_reference(text, &ref)) {
            taken = ref.len;
            if (!resolve(&ref, lookup, user, &part)) {
                return err_set(e, ERR_INVALID,
                               "environment variable %s is not set; ${%s:-x} has a default",
                               ref.name, ref.name);
            }
        }
        if (!buf_add(out, part))
            return err_set(e, ERR_TOO_LARGE, "is too long");
        text = str_skip(text, taken);
    }
    return ERR_OK;
}
