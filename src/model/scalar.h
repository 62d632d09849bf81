/* Numbers, booleans and durations out of JSON values. A loose reading, for configuration files, also takes
 * them as strings ("8080"), because that is what quotes and environment variables give.
 */
#ifndef MODEL_SCALAR_H
#define MODEL_SCALAR_H

#include <jansson.h>

#include "base/str.h"

bool scalar_int(const json_t *value, bool loose, int64_t *ret) __attribute__((warn_unused_result));
bool scalar_bool(const json_t *value, bool loose, bool *ret) __attribute__((warn_unused_result));

/* A duration in ns: a string with a unit, or a bare integer that counts unit_ns each. */
bool scalar_duration(const json_t *value, bool loose, int64_t unit_ns, int64_t *ret_ns)
    __attribute__((warn_unused_result));

/* "a string", "an integer", "null": what a value is, for messages. */
const char *scalar_type_name(const json_t *value);

#endif
