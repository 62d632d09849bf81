/* Which part of a list modules ask for: limit and offset among a question's arguments. */
#ifndef SERVER_PAGE_ARGS_H
#define SERVER_PAGE_ARGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* How many: 100 when it is not said, at most 1000. ERR_INVALID, naming it, when it cannot be. */
bool page_args_limit(const json_t *args, uint64_t *ret, struct err *e)
    __attribute__((warn_unused_result));

/* How many are left out before them. */
bool page_args_offset(const json_t *args, uint64_t *ret, struct err *e)
    __attribute__((warn_unused_result));

#endif
