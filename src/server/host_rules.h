/* The host patterns of a configuration, which only their compiler can judge. */
#ifndef SERVER_HOST_RULES_H
#define SERVER_HOST_RULES_H

#include "config/config.h"

/* False, with a problem for each that does not compile. */
bool host_rules_check(const struct config *c, struct model_problems *problems)
    __attribute__((warn_unused_result));

#endif
