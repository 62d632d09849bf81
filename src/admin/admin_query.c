#include "admin/admin_query.h"

#include "codec/url.h"

static bool is_named(struct str text, struct str name)
{
    struct buf b;
    buf_init(&b, text.len);
    bool same = url_decode(&b, text, true) && str_eq(buf_str(&b), name);
    buf_finish(&b);
    return same;
}

enum admin_query_result admin_query_get(struct str query, struct str name, struct buf *b)
{
    while (query.len > 0) {
        size_t end = str_index(query, '&', 0);
        struct str pair = str_slice(query, 0, end);
        size_t equals = str_index(pair, '=', 0);
        if (is_named(str_slice(pair, 0, equals), name)) {
            struct str value = str_skip(pair, equals < pair.len ? equals + 1 : equals);
            return url_decode(b, value, true) ? ADMIN_QUERY_FOUND : ADMIN_QUERY_TOO_LARGE;
        }
        query = str_skip(query, end < query.len ? end + 1 : end);
    }
    return ADMIN_QUERY_ABSENT;
}
