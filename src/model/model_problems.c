#include <stdarg.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/model.h"

enum { TEXT_MAX = 4096 };

void model_problems_add(struct model_problems *ps, const char *path, const char *fmt, ...)
{
    if (ps->n > MODEL_PROBLEMS_MAX)
        return;
    struct model_problem p = {0};
    if (ps->n == MODEL_PROBLEMS_MAX) {
        p.path = mem_strdup("");
        p.text = mem_strdup("there are more problems; these are the first ones");
    } else {
        struct buf text = {0};
        buf_init(&text, TEXT_MAX);
        va_list args;
        va_start(args, fmt);
        if (!buf_vaddf(&text, fmt, args))
            buf_clear(&text);
        va_end(args);
        p.path = mem_strdup(path);
        p.text = buf_take(&text, NULL);
    }
    vec_push(ps, p);
}

void model_problems_finish(struct model_problems *ps)
{
    for (size_t i = 0; i < ps->n; i++) {
        free(ps->v[i].path);
        free(ps->v[i].text);
    }
    vec_finish(ps);
}
