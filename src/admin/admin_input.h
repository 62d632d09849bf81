/* What a request says about a resource: in its path and query, and in its body. */
#ifndef ADMIN_ADMIN_INPUT_H
#define ADMIN_ADMIN_INPUT_H

#include "admin/admin_request.h"

/* Puts value, which stands in the path or query, into the body's field, unless it is empty. A body with another text
 * there gets a problem. */
void admin_input_set(json_t *body, const char *field, struct str value,
                     struct model_problems *problems);

/* The text of a body's field, or of absent when it has none. Required, or of another type: a problem. */
struct str admin_input_text(const json_t *body, const char *field, struct str absent,
                            struct model_problems *problems);

/* Decodes body, which is taken over, as a resource of rq's kind and submits it; or answers with the
 * problems, also those found before. problems is finished. */
void admin_input_put(struct admin_request *rq, json_t *body, struct model_problems *problems);

/* Deletes what ref names; or answers with the problems. problems is finished. */
void admin_input_delete(struct admin_request *rq, const struct model_ref *ref,
                        struct model_problems *problems);

#endif
