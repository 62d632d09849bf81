#include "change/change_import.h"

#include "base/container.h"

static bool is_builtin(struct str name)
{
    static const char *const PLAIN[] = {"dgate", "buffer", "console", "url", "util"};
    for (size_t i = 0; i < ARRAY_LEN(PLAIN); i++)
        if (str_eq(name, str_of(PLAIN[i])))
            return true;
    return str_starts(name, STR("dgate/")) || str_starts(name, STR("node:"));
}

/* Takes the last segment off; false when there is none to take. */
static bool pop_segment(struct buf *path)
{
    struct str s = buf_str(path);
    size_t end = s.len;
    while (end > 0 && s.p[end - 1] != '/')
        end--;
    struct str last = str_skip(s, end);
    if (last.len == 0 || str_eq(last, STR("..")))
        return false;
    path->len = end > 0 ? end - 1 : 0;
    return true;
}

static bool push_segment(struct buf *path, struct str segment)
{
    if (str_eq(segment, STR("..")) && pop_segment(path))
        return true;
    return (path->len == 0 || buf_add(path, STR("/"))) && buf_add(path, segment);
}

/* False when it is too long to be a name. */
static bool resolve(struct str from, struct str name, struct buf *out)
{
    if (!str_starts(name, STR("./")) && !str_starts(name, STR("../")))
        return buf_add(out, name);
    size_t dir = from.len;
    while (dir > 0 && from.p[dir - 1] != '/')
        dir--;
    if (!buf_add(out, str_slice(from, 0, dir > 0 ? dir - 1 : 0)))
        return false;
    while (name.len > 0) {
        size_t end = str_index(name, '/', 0);
        struct str segment = str_slice(name, 0, end);
        name = str_skip(name, end < name.len ? end + 1 : end);
        if (segment.len > 0 && !str_eq(segment, STR(".")) && !push_segment(out, segment))
            return false;
    }
    return true;
}

static bool is_listed(struct str name, const struct model_strings *modules)
{
    for (size_t i = 0; i < modules->n; i++)
        if (str_eq(name, str_of(modules->v[i])))
            return true;
    return false;
}

bool change_import_found(const char *from, const char *name, const struct model_strings *modules)
{
    struct buf path;
    if (is_builtin(str_of(name)))
        return true;
    buf_init(&path, (size_t)4 * MODEL_NAME_MAX);
    bool found = false;
    if (resolve(str_of(from), str_of(name), &path)) {
        struct str wanted = buf_str(&path);
        found = is_listed(wanted, modules);
        if (!found && (str_ends(wanted, STR(".js")) || str_ends(wanted, STR(".ts"))))
            found = is_listed(str_slice(wanted, 0, wanted.len - 3), modules);
    }
    buf_finish(&path);
    return found;
}
