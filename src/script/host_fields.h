/* Header fields of a request as modules change them. */
#ifndef SCRIPT_HOST_FIELDS_H
#define SCRIPT_HOST_FIELDS_H

#include "script/script.h"

/* What is said when the exchange's arena is full. */
#define HOST_FIELDS_TOO_LARGE "the headers are too large (limits.module_request_memory)"

/* Sets a field of one side (enum host_message_side), copying name and value. What is no name or value, or is not for
 * modules to write, is without effect. False when the arena is full. */
bool host_fields_set(struct script_exchange *x, int side, struct str name, struct str value)
    __attribute__((warn_unused_result));

#endif
