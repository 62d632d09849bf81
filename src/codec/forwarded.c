#include "codec/forwarded.h"

static uint64_t count(const struct http_fields *fs, enum http_field_id id)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < fs->n; i++) {
        struct str rest = fs->v[i].value;
        struct str item;
        if (fs->v[i].id != id)
            continue;
        while (str_next_item(&rest, &item))
            n++;
    }
    return n;
}

static struct str at(const struct http_fields *fs, enum http_field_id id, uint64_t index)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < fs->n; i++) {
        struct str rest = fs->v[i].value;
        struct str item;
        if (fs->v[i].id != id)
            continue;
        while (str_next_item(&rest, &item)) {
            if (n++ == index)
                return item;
        }
    }
    return (struct str){0};
}

struct str forwarded_entry(const struct http_fields *fs, enum http_field_id id, uint64_t depth)
{
    const uint64_t n = depth > 0 ? count(fs, id) : 0;
    if (n == 0)
        return (struct str){0};
    return at(fs, id, depth < n ? n - depth : 0);
}
