#include "runtime/sources.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/container.h"
#include "base/mem.h"
#include "codec/json.h"
#include "config/file_text.h"
#include "runtime/compiler_link.h"

enum { PATH_BYTES_MAX = 4096 };

struct sources {
    struct compiler_link *compiler;
    char *here;
    char *root;
    size_t source_max;
    struct {
        VEC_OF(struct source *);
    } files;
};

/* Appends one part of a path to what is normalised already. */
static bool add_part(struct buf *out, struct str part)
{
    if (part.len == 0 || str_eq(part, STR(".")))
        return true;
    if (!str_eq(part, STR("..")))
        return buf_add(out, STR("/")) && buf_add(out, part);
    while (out->len > 0 && out->base[out->head + --out->len] != '/') {
    }
    return true;
}

static bool add_path(struct buf *out, const char *path)
{
    struct str rest = str_of(path);
    bool ok = true;
    while (ok && rest.len > 0) {
        const size_t end = str_index(rest, '/', 0);
        ok = add_part(out, str_slice(rest, 0, end));
        rest = str_skip(rest, end < rest.len ? end + 1 : end);
    }
    return ok;
}

/* base joined with path, without "." and ".."; the caller frees it. */
static char *normalise(const char *base, const char *path)
{
    struct buf out;
    buf_init(&out, PATH_BYTES_MAX);
    bool ok = add_path(&out, path[0] == '/' ? "" : base) && add_path(&out, path);
    if (out.len == 0)
        ok = buf_add(&out, STR("/"));
    char *result = mem_strdup(ok ? buf_cstr(&out) : "/");
    buf_finish(&out);
    return result;
}

/* path seen from the folder dir; both are absolute. The caller frees it. */
static char *relative(const char *dir, const char *path)
{
    size_t same = 0; /* up to the last common separator */
    size_t i = 0;
    for (; dir[i] != '\0' && dir[i] == path[i]; i++)
        if (dir[i] == '/')
            same = i;
    if (dir[i] == '\0' && path[i] == '/')
        same = i;
    struct buf out;
    buf_init(&out, 2 * PATH_BYTES_MAX);
    bool ok = true;
    for (const char *p = dir + same; ok && *p != '\0'; p++)
        if (*p == '/' && p[1] != '\0')
            ok = buf_add(&out, STR("../"));
    ok = ok && buf_add(&out, str_of(path + same + 1));
    char *result = mem_strdup(ok ? buf_cstr(&out) : path);
    buf_finish(&out);
    return result;
}

struct sources *sources_create(struct compiler_link *compiler, const char *root, size_t source_max)
{
    struct sources *s = mem_alloc(sizeof(*s));
    char *here = getcwd(NULL, 0);
    s->here = here != NULL ? here : mem_strdup("/");
    s->root = normalise(s->here, root);
    s->compiler = compiler;
    s->source_max = source_max;
    return s;
}

void sources_destroy(struct sources *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->files.n; i++) {
        struct source *f = s->files.v[i];
        free(f->path);
        free(f->name);
        free(f->text);
        json_decref(f->compiled);
        free(f);
    }
    vec_finish(&s->files);
    free(s->root);
    free(s->here);
    free(s);
}

static bool is_javascript(const char *path)
{
    return str_ends(str_of(path), STR(".js"));
}

static struct source *find_path(const struct sources *s, const char *path)
{
    for (size_t i = 0; i < s->files.n; i++)
        if (strcmp(s->files.v[i]->path, path) == 0)
            return s->files.v[i];
    return NULL;
}

/* Takes path over. */
static const struct source *take_path(struct sources *s, char *path,
                                      struct model_problems *problems)
{
    struct source *known = find_path(s, path);
    if (known != NULL) {
        free(path);
        return known;
    }
    struct buf text;
    struct err e = {0};
    buf_init(&text, s->source_max);
    if (file_text_read(path, &text, &e) != ERR_OK) {
        char *shown = relative(s->here, path);
        model_problems_add(problems, shown, "%s", e.msg);
        free(shown);
        free(path);
        buf_finish(&text);
        return NULL;
    }
    struct source *f = mem_alloc(sizeof(*f));
    f->path = path;
    f->name = relative(s->root, path);
    f->text = buf_take(&text, &f->length);
    vec_push(&s->files, f);
    return f;
}

const struct source *sources_read(struct sources *s, const char *path,
                                  struct model_problems *problems)
{
    return take_path(s, normalise(s->here, path), problems);
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool has_extension(struct str name)
{
    return str_ends(name, STR(".ts")) || str_ends(name, STR(".js"));
}

/* The first that there is of base, if it has an extension, and base with another one: as modules of a route are found. */
static char *existing(const char *base)
{
    static const char *const ends[] = {".ts", ".js"};
    struct str bare = str_of(base);
    if (has_extension(bare) && is_file(base))
        return mem_strdup(base);
    if (has_extension(bare))
        bare.len -= 3;
    struct buf path;
    char *found = NULL;
    buf_init(&path, PATH_BYTES_MAX);
    for (size_t i = 0; found == NULL && i < ARRAY_LEN(ends); i++) {
        buf_clear(&path);
        if (buf_add(&path, bare) && buf_add(&path, str_of(ends[i])) && is_file(buf_cstr(&path)))
            found = mem_strdup(buf_cstr(&path));
    }
    buf_finish(&path);
    return found;
}

static bool is_builtin(struct str name)
{
    return str_eq(name, STR("dgate")) || str_starts(name, STR("dgate/")) ||
           str_starts(name, STR("node:"));
}

static char *below(const char *folder, const char *name)
{
    char *base = normalise(folder, name);
    char *path = existing(base);
    free(base);
    return path;
}

const struct source *sources_find(struct sources *s, const struct source *from, const char *name,
                                  struct model_problems *problems)
{
    if (is_builtin(str_of(name)))
        return NULL;
    char *path = name[0] == '.' && from != NULL ? NULL : below(s->root, name);
    if (path == NULL && from != NULL) {
        char *folder = normalise(from->path, "..");
        path = below(folder, name);
        free(folder);
    }
    return path != NULL ? take_path(s, path, problems) : NULL;
}

static void add_problems(const struct sources *s, const struct source *f, const json_t *list,
                         struct model_problems *problems)
{
    char at[PATH_BYTES_MAX];
    size_t i = 0;
    const json_t *p = NULL;
    json_array_foreach(list, i, p)
    {
        (void)snprintf(at, sizeof(at), "%s:%d:%d", sources_show(s, f),
                       (int)json_integer_value(json_object_get(p, "line")),
                       (int)json_integer_value(json_object_get(p, "column")));
        model_problems_add(problems, at, "%s", json_string_value(json_object_get(p, "text")));
    }
}

static bool compile(struct sources *s, struct source *f, struct model_problems *problems)
{
    struct err e = {0};
    json_t *question =
        json_pack("{s:s, s:s, s:o, s:[s]}", "name", f->name, "type",
                  is_javascript(f->path) ? "javascript" : "typescript", "source",
                  json_text_string((struct str){f->text, f->length}), "builtins", "dgate/test");
    json_t *answer = compiler_link_ask(s->compiler, question, &e);
    if (answer == NULL) {
        model_problems_add(problems, sources_show(s, f), "%s", e.msg);
        return false;
    }
    f->compiled = json_incref(json_object_get(answer, "compiled"));
    if (f->compiled == NULL)
        add_problems(s, f, json_object_get(answer, "problems"), problems);
    json_decref(answer);
    return f->compiled != NULL;
}

static bool load(struct sources *s, struct source *f, struct source_list *list,
                 struct model_problems *problems);

/* The i-th import of f is of a file that there is not. */
static bool add_missing(const struct sources *s, const struct source *f, size_t i,
                        struct model_problems *problems)
{
    const json_t *name = json_array_get(json_object_get(f->compiled, "imports"), i);
    const json_t *at = json_array_get(json_object_get(f->compiled, "importPositions"), i);
    char place[PATH_BYTES_MAX];
    (void)snprintf(place, sizeof(place), "%s:%d:%d", sources_show(s, f),
                   (int)json_integer_value(json_array_get(at, 0)),
                   (int)json_integer_value(json_array_get(at, 1)));
    model_problems_add(problems, place, "there is no file for \"%s\"", json_string_value(name));
    return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): see load() */
static bool load_imports(struct sources *s, const struct source *f, struct source_list *list,
                         struct model_problems *problems)
{
    bool ok = true;
    size_t i = 0;
    const json_t *name = NULL;
    json_array_foreach(json_object_get(f->compiled, "imports"), i, name)
    {
        const struct source *found = sources_find(s, f, json_string_value(name), problems);
        if (found == NULL && json_string_value(name)[0] == '.')
            ok = add_missing(s, f, i, problems);
        else if (found != NULL)
            ok = load(s, find_path(s, found->path), list, problems) && ok;
    }
    return ok;
}

/* NOLINTNEXTLINE(misc-no-recursion): each file is entered once */
static bool load(struct sources *s, struct source *f, struct source_list *list,
                 struct model_problems *problems)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->v[i] == f)
            return true;
    if (f->compiled == NULL && !compile(s, f, problems))
        return false;
    vec_push(list, f);
    return load_imports(s, f, list, problems);
}

bool sources_load(struct sources *s, const struct source *file, struct source_list *list,
                  struct model_problems *problems)
{
    return load(s, find_path(s, file->path), list, problems);
}

const char *sources_show(const struct sources *s, const struct source *file)
{
    const struct str here = str_of(s->here);
    const struct str path = str_of(file->path);
    const bool below = str_starts(path, here) && path.len > here.len && path.p[here.len] == '/';
    return below ? file->path + here.len + 1 : file->path;
}

struct model_resource *sources_module(const struct source *file)
{
    struct model_resource *r = mem_alloc(sizeof(*r));
    r->kind = MODEL_MODULE;
    r->module.name = mem_strdup(file->name);
    r->module.ns = mem_strdup("default");
    r->module.payload = mem_strdup("");
    r->module.type = is_javascript(file->path) ? MODEL_MODULE_JAVASCRIPT : MODEL_MODULE_TYPESCRIPT;
    r->module.compiled = json_incref(file->compiled);
    return r;
}
