#include "change/change_import.h"

#include "base/container.h"

/* Always built in; the compiler has refused those that are not there. */
static bool is_reserved(struct str name)
{
    return str_eq(name, STR("dgate")) || str_starts(name, STR("dgate/")) ||
           str_starts(name, STR("node:"));
}

/* Built in unless the route has a module of that name. */
static bool is_builtin(struct str name)
{
    static const char *const names[] = {"buffer", "console", "url", "util"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(name, str_of(names[i])))
            return true;
    return false;
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

static bool find_listed(struct str name, const struct model_strings *modules, size_t *index)
{
    for (size_t i = 0; i < modules->n; i++) {
        if (str_eq(name, str_of(modules->v[i]))) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* Under the name itself, or with another ending of a file, or none: as js/runtime/program.ts. */
static bool find_file(struct buf *name, const struct model_strings *modules, size_t *index)
{
    static const char *const ends[] = {"", ".ts", ".js"};
    if (find_listed(buf_str(name), modules, index))
        return true;
    if (str_ends(buf_str(name), STR(".js")) || str_ends(buf_str(name), STR(".ts")))
        name->len -= 3;
    const size_t bare = name->len;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        name->len = bare;
        if (buf_add(name, str_of(ends[i])) && find_listed(buf_str(name), modules, index))
            return true;
    }
    return false;
}

bool change_import_find(const char *from, const char *name, const struct model_strings *modules,
                        size_t *index)
{
    struct buf path;
    buf_init(&path, (size_t)4 * MODEL_NAME_MAX);
    bool found = false;
    if (is_reserved(str_of(name))) {
        found = true;
        *index = modules->n;
    } else if (resolve(str_of(from), str_of(name), &path)) {
        found = find_file(&path, modules, index);
        if (!found && is_builtin(str_of(name))) {
            found = true;
            *index = modules->n;
        }
    }
    buf_finish(&path);
    return found;
}
