/* text (file, or $DG_CONFIG_DATA) -> tree with variables replaced and the line of every key -> struct
 * config. Whatever is wrong is collected in one report; only text that cannot be parsed ends the work early.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "config/config.h"
#include "config/expand.h"
#include "config/file_text.h"
#include "config/reader.h"
#include "config/report.h"
#include "config/resources.h"

enum { TEXT_MAX = 16 * 1024 * 1024, VALUE_MAX = 1024 * 1024 };

#define DATA_NAME "$DG_CONFIG_DATA"

static const char toml_hint[] =
    "TOML is not read; convert the file: python3 -c 'import json, sys, tomllib; "
    "print(json.dumps(tomllib.load(sys.stdin.buffer), indent=2))' <config.dgate.toml "
    ">config.dgate.json";

static const char type_hint[] =
    "is it YAML or JSON? Give it the extension .yaml, .yml or .json, or set DG_CONFIG_TYPE to yaml "
    "or json";

enum format { FORMAT_YAML, FORMAT_JSON };

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL ? value : "";
}

static bool is_truthy(const char *text)
{
    struct str s = str_of(text);
    return str_eq_nocase(s, STR("true")) || str_eq_nocase(s, STR("yes")) ||
           str_eq_nocase(s, STR("y")) || str_eq(s, STR("1"));
}

static const char *lookup(void *user, const char *name)
{
    (void)user;
    return getenv(name);
}

/* Whether the last name of a path begins with "payload": source text is never touched. */
static bool is_source(const char *path)
{
    const char *point = strrchr(path, '.');
    return str_starts(str_of(point == NULL ? path : point + 1), STR("payload"));
}

static bool has_command(struct str text)
{
    for (size_t i = str_index(text, '$', 0); i < text.len; i = str_index(text, '$', i + 1)) {
        if (str_starts(str_skip(text, i), STR("$(")))
            return str_index(text, ')', i) < text.len;
    }
    return false;
}

static bool on_scalar(void *user, const char *path, int line, struct str text, char **ret,
                      struct err *e)
{
    (void)e;
    struct report *r = user;
    if (is_source(path))
        return true;
    r->line = line;
    if (has_command(text))
        report_warning(r, path, "\"$(...)\" is taken as it is: commands are not run");
    struct buf out;
    struct err why = {0};
    buf_init(&out, VALUE_MAX);
    if (is_truthy(environment("DG_DISABLE_ENV_PARSER")) || str_index(text, '$', 0) == text.len) {
        buf_finish(&out);
    } else if (expand_text(text, lookup, NULL, &out, &why) != ERR_OK) {
        report_problem(r, path, "%s", why.msg);
    } else if (!str_eq(buf_str(&out), text)) {
        *ret = buf_take(&out, NULL);
    }
    buf_finish(&out);
    r->line = 0;
    return true;
}

/* "file:3: ..." out of "line 3: ..." and "line 3 column 4: ...". */
static enum err_code parse_failed(const char *file, const struct err *why, struct err *e)
{
    struct str text = str_of(why->msg);
    size_t colon = str_index(text, ':', 0);
    uint64_t line = 0;
    size_t end = str_index(text, ' ', 5);
    bool known = str_starts(text, STR("line ")) && colon < text.len &&
                 str_to_u64(str_slice(text, 5, end < colon ? end : colon), INT32_MAX, &line);
    if (known)
        return err_set(e, why->code, "%s:%u:%s", file, (unsigned)line, why->msg + colon + 1);
    return err_set(e, why->code, "%s: %s", file, why->msg);
}

static enum err_code find_format(const char *file, enum format *ret, struct err *e)
{
    const char *type = environment("DG_CONFIG_TYPE");
    const char *point = strrchr(file, '.');
    if (*type == '\0' && point != NULL && strchr(point, '/') == NULL)
        type = point + 1;
    if (*type == '\0' && strcmp(file, DATA_NAME) == 0)
        type = "yaml";
    struct str s = str_of(type);
    bool yaml = str_eq_nocase(s, STR("yaml")) || str_eq_nocase(s, STR("yml"));
    if (yaml || str_eq_nocase(s, STR("json"))) {
        *ret = yaml ? FORMAT_YAML : FORMAT_JSON;
        return ERR_OK;
    }
    const char *hint = str_eq_nocase(s, STR("toml")) ? toml_hint : type_hint;
    return err_set(e, ERR_INVALID, "%s: %s", file, hint);
}

static enum err_code decode_data(struct buf *b, struct err *e)
{
    struct str data = str_of(environment("DG_CONFIG_DATA"));
    struct buf packed;
    buf_init(&packed, data.len);
    bool ok = true;
    for (size_t i = 0; i < data.len; i++) {
        char c = data.p[i];
        if (c != '\n' && c != '\r' && c != ' ' && c != '\t')
            ok = ok && buf_add(&packed, str_slice(data, i, i + 1));
    }
    ok = ok && base64_decode(b, buf_str(&packed), NULL);
    buf_finish(&packed);
    return ok ? ERR_OK : err_set(e, ERR_INVALID, DATA_NAME ": is not base64");
}

static enum err_code parse(struct str text, enum format format, struct report *r, json_t **tree,
                           struct yaml_lines **lines, struct err *e)
{
    struct err why = {0};
    if (format == FORMAT_JSON) {
        json_t *strict = json_text_parse(text, &why);
        json_decref(strict);
        if (strict == NULL)
            return parse_failed(r->file, &why, e);
    }
    json_t *value = yaml_parse(text, on_scalar, r, lines, &why);
    if (value == NULL)
        return parse_failed(r->file, &why, e);
    *tree = value;
    return ERR_OK;
}

/* The directory of a path, for what is named relative to it; the result is malloc()ed. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return mem_strdup("");
    return mem_dup(path, slash == path ? 1 : (size_t)(slash - path));
}

static struct config *build(json_t *tree, const char *path, struct report *r)
{
    struct config *c = mem_alloc(sizeof(*c));
    c->file = path == NULL ? NULL : mem_strdup(path);
    reader_read(tree, c, r);
    char *dir = directory_of(path == NULL ? "" : path);
    const char *default_ns = c->disable_default_namespace ? NULL : "default";
    json_t *loaded = resources_load(c->init_resources, dir, default_ns, r);
    json_decref(c->init_resources);
    c->init_resources = loaded;
    free(dir);
    return c;
}

static enum err_code load_text(const char *file, struct str text, struct report *r,
                               struct config **ret, struct err *e)
{
    enum format format = FORMAT_YAML;
    enum err_code rc = find_format(file, &format, e);
    if (rc != ERR_OK)
        return rc;
    json_t *tree = NULL;
    struct yaml_lines *lines = NULL;
    rc = parse(text, format, r, &tree, &lines, e);
    if (rc != ERR_OK)
        return rc;
    r->lines = lines;
    *ret = build(tree, file, r);
    r->lines = NULL;
    json_decref(tree);
    yaml_lines_destroy(lines);
    return ERR_OK;
}

/* Makes a configuration; it is good only if r has no problems then. */
static enum err_code load(const char *path, struct report *r, struct config **ret, struct err *e)
{
    bool data = path == NULL && *environment("DG_CONFIG_DATA") != '\0';
    if (path == NULL && !data) {
        *ret = build(NULL, NULL, r);
        return ERR_OK;
    }
    struct buf text;
    buf_init(&text, TEXT_MAX);
    enum err_code rc = ERR_OK;
    if (data) {
        rc = decode_data(&text, e);
    } else {
        rc = file_text_read(path, &text, e);
        if (rc != ERR_OK)
            err_context(e, "cannot read %s", path);
    }
    r->file = data ? DATA_NAME : path;
    if (rc == ERR_OK)
        rc = load_text(r->file, buf_str(&text), r, ret, e);
    buf_finish(&text);
    return rc;
}

enum err_code config_load(const char *path, struct config **ret, struct config_warnings *warnings,
                          struct model_problems *problems, struct err *e)
{
    struct report r = {.file = ""};
    struct err why = {0};
    struct config *c = NULL;
    enum err_code rc = load(path, &r, &c, &why);
    if (rc == ERR_OK)
        rc = report_summary(&r, &why);
    else
        model_problems_add(&r.problems, "", "%s", why.msg);
    if (rc == ERR_OK) {
        *ret = c;
    } else {
        config_destroy(c);
        if (e != NULL)
            *e = why;
    }
    if (problems != NULL) {
        *problems = r.problems;
        r.problems = (struct model_problems){0};
    }
    if (warnings != NULL) {
        *warnings = r.warnings;
        r.warnings = (struct config_warnings){0};
    }
    report_finish(&r);
    return rc;
}
