#include "codec/http1_fields.h"

#include "codec/octets.h"

/* What ends a field line that does not end with CR LF at p. */
static const struct http1_error *bad_end(const char *p)
{
    if (*p == '\n')
        return &http1_error_bare_lf;
    return *p == '\r' ? &http1_error_bare_cr : &http1_error_bad_field_value;
}

static const struct http1_error *bad_start(const char *p)
{
    switch (*p) {
    case '\n':
        return &http1_error_bare_lf;
    case '\r':
        return &http1_error_bare_cr;
    case ' ':
    case '\t':
        return &http1_error_obs_fold;
    default:
        return &http1_error_bad_field_name;
    }
}

static bool is_ows(char c)
{
    return c == ' ' || c == '\t';
}

/* Every loop below ends at the LF of the empty line at the latest, because LF is in no class. */
const struct http1_error *http1_fields_read(struct str in, uint32_t fields_max, struct arena *a,
                                            struct http_fields *ret, size_t *used)
{
    struct http_fields fields = {0};
    const char *p = in.p;
    const char *end = in.p + in.len;

    while (!(p[0] == '\r' && p[1] == '\n')) {
        const char *name = p;
        while (octets_is(*p, OCTETS_TOKEN))
            p++;
        if (p == name)
            return bad_start(p);
        if (*p != ':')
            return &http1_error_bad_field_name;
        const char *name_end = p++;

        while (is_ows(*p))
            p++;
        const char *value = p;
        p = octets_skip_value(p, end);
        if (!(p[0] == '\r' && p[1] == '\n'))
            return bad_end(p);
        const char *value_end = p;
        p += 2;
        while (value_end > value && is_ows(value_end[-1]))
            value_end--;

        if (fields.n == fields_max)
            return &http1_error_too_many_fields;
        if (!http_head_add(&fields, a, (struct str){name, (size_t)(name_end - name)},
                           (struct str){value, (size_t)(value_end - value)}))
            return &http1_error_head_too_large;
    }
    *ret = fields;
    *used = (size_t)(p + 2 - in.p);
    return NULL;
}
