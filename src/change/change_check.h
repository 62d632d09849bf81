/* References, duplicates and uses: what is wrong with a request in view of everything else. Internal to change/. */
#ifndef CHANGE_CHANGE_CHECK_H
#define CHANGE_CHANGE_CHECK_H

#include "change/change_view.h"

struct change_facts;

/* Adds all that is wrong with the n entries of v to problems. If the only entry is a DELETE, *e says it instead
 * (NOT_FOUND or CONFLICT). */
void change_check_run(struct change_view *v, struct change_facts *facts,
                      struct change_entry *entries, size_t n, struct model_problems *problems,
                      struct err *e);

/* Adds a problem at "path.field", or at whichever of the two is not empty. */
void change_check_problem(struct model_problems *problems, const char *path, const char *field,
                          const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
