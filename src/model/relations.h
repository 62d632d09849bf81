/* What the fields of one resource ask of each other. */
#ifndef MODEL_RELATIONS_H
#define MODEL_RELATIONS_H

#include "base/err.h"

struct model_resource;

/* Judges a resource whose fields are valid each on its own. For ERR_INVALID *field is the one at fault (static), and e has
 * a sentence that follows its path. */
enum err_code relations_check(const struct model_resource *r, const char **field, struct err *e)
    __attribute__((warn_unused_result));

#endif
