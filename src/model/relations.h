/* What the fields of one resource ask of each other: each alone was judged before. */
#ifndef MODEL_RELATIONS_H
#define MODEL_RELATIONS_H

#include "model/model.h"

/* False after adding a problem for each rule that r breaks; base is as for model_decode(). */
bool relations_check(const struct model_resource *r, const char *base,
                     struct model_problems *problems) __attribute__((warn_unused_result));

#endif
