/* What the fields of a service must be together: each alone was judged before. */
#ifndef MODEL_SERVICE_RULES_H
#define MODEL_SERVICE_RULES_H

#include "model/model.h"

/* False after adding a problem for each rule that s breaks; base is as for model_decode(). */
bool service_rules_check(const struct model_service *s, const char *base,
                         struct model_problems *problems) __attribute__((warn_unused_result));

#endif
