#include "runtime/problem_text.h"

#include <stdio.h>

static bool add(struct buf *b, const struct model_problem *p)
{
    return buf_addf(b, "%s%s%s", p->path, p->path[0] != '\0' ? ": " : "", p->text);
}

void problem_text_add(struct buf *b, const struct model_problems *problems, const char *separator)
{
    bool ok = true;
    for (size_t i = 0; ok && i < problems->n; i++)
        ok = (i == 0 || buf_add(b, str_of(separator))) && add(b, &problems->v[i]);
}

void problem_text_print(const struct model_problems *problems)
{
    for (size_t i = 0; i < problems->n; i++)
        (void)fprintf(stderr, "%s%s%s\n", problems->v[i].path,
                      problems->v[i].path[0] != '\0' ? ": " : "", problems->v[i].text);
}
