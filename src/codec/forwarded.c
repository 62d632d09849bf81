#include "codec/forwarded.h"

/* The entry at index, and how many there are. */
static struct str at(const struct http_fields *fs, enum http_field_id id, uint64_t index,
                     uint64_t *count)
{
    struct str found = {0};
    *count = 0;
    for (uint32_t i = 0; i < fs->n; i++) {
        struct str rest = fs->v[i].value;
        struct str item;
        if (fs->v[i].id != id)
            continue;
        while (str_next_item(&rest, &item)) {
            if ((*count)++ == index)
                found = item;
        }
    }
    return found;
}

struct str forwarded_entry(const struct http_fields *fs, enum http_field_id id, uint64_t depth)
{
    uint64_t n = 0;
    if (depth == 0)
        return (struct str){0};
    const struct str first = at(fs, id, 0, &n);
    return depth < n ? at(fs, id, n - depth, &n) : first;
}
