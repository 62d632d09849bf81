/* The types of plain scalars (YAML 1.2 core schema, section 10.3.2). Only for yaml.c. */
#ifndef CODEC_YAML_SCALAR_H
#define CODEC_YAML_SCALAR_H

#include <jansson.h>

#include "base/str.h"

/* The value that text, written plain, stands for, as a new reference. NULL with *problem set to
 * what is wrong with it. */
json_t *yaml_scalar_plain(struct str text, const char **problem)
    __attribute__((warn_unused_result));

/* text as a string. NULL with *problem when it has a NUL. */
json_t *yaml_scalar_string(struct str text, const char **problem)
    __attribute__((warn_unused_result));

#endif
