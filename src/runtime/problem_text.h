/* Problems as text. */
#ifndef RUNTIME_PROBLEM_TEXT_H
#define RUNTIME_PROBLEM_TEXT_H

#include "model/model.h"

/* Appends "path: text" of each, with separator between them; what does not fit is left out. */
void problem_text_add(struct buf *b, const struct model_problems *problems, const char *separator);

/* Prints each on a line of standard error. */
void problem_text_print(const struct model_problems *problems);

#endif
