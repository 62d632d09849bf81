#include "config/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { TEXT_MAX = 16384, WARNINGS_MAX = 200 };

/* The line of path, or of the nearest key around it. */
static int line_of(const struct report *r, const char *path)
{
    if (r->lines == NULL)
        return r->line;
    char *around = mem_strdup(path);
    size_t len = strlen(around);
    int line = yaml_lines_get(r->lines, around);
    while (line == 0 && len > 0) {
        do {
            len--;
        } while (len > 0 && around[len] != '.' && around[len] != '[');
        around[len] = '\0';
        line = yaml_lines_get(r->lines, around);
    }
    free(around);
    return line;
}

char *report_place(const struct report *r, const char *path)
{
    struct buf b;
    buf_init(&b, TEXT_MAX);
    int line = line_of(r, path);
    bool ok = line > 0 ? buf_addf(&b, "%s:%d", r->file, line) : buf_addf(&b, "%s", r->file);
    ok = ok && (*path == '\0' || buf_addf(&b, ": %s", path));
    if (!ok)
        buf_clear(&b);
    return buf_take(&b, NULL);
}

void report_problem(struct report *r, const char *path, const char *fmt, ...)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    va_list args;
    va_start(args, fmt);
    bool ok = buf_vaddf(&text, fmt, args);
    va_end(args);
    char *place = report_place(r, path);
    model_problems_add(&r->problems, place, "%s", ok ? buf_cstr(&text) : "is not valid");
    free(place);
    buf_finish(&text);
}

void report_warning(struct report *r, const char *path, const char *fmt, ...)
{
    if (r->warnings.n >= WARNINGS_MAX)
        return;
    struct buf text;
    buf_init(&text, TEXT_MAX);
    char *place = report_place(r, path);
    va_list args;
    va_start(args, fmt);
    bool ok = buf_addf(&text, "%s: ", place) && buf_vaddf(&text, fmt, args);
    va_end(args);
    free(place);
    if (ok)
        vec_push(&r->warnings, ((struct config_warning){buf_take(&text, NULL)}));
    buf_finish(&text);
}

void report_resource(struct report *r, const struct model_problems *problems)
{
    for (size_t i = 0; i < problems->n; i++)
        report_problem(r, problems->v[i].path, "%s", problems->v[i].text);
}

enum err_code report_summary(const struct report *r, struct err *e)
{
    if (r->problems.n == 0)
        return ERR_OK;
    const struct model_problem *first = &r->problems.v[0];
    if (r->problems.n == 1)
        return err_set(e, ERR_INVALID, "%s: %s", first->path, first->text);
    return err_set(e, ERR_INVALID, "%s: %s (and %zu more)", first->path, first->text,
                   r->problems.n - 1);
}

void report_finish(struct report *r)
{
    model_problems_finish(&r->problems);
    config_warnings_finish(&r->warnings);
}
