#include "server/page_args.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

static bool read_number(const json_t *args, const char *name, json_int_t fallback, json_int_t max,
                        uint64_t *ret, struct err *e)
{
    const json_t *given = json_object_get(args, name);
    const bool is_absent = given == NULL || json_is_null(given);
    const json_int_t n = is_absent ? fallback : json_integer_value(given);
    const bool ok = (is_absent || json_is_integer(given)) && n >= 0 && n <= max;
    if (!ok)
        (void)err_set(e, ERR_INVALID, "%s must be a whole number from 0 to %lld", name,
                      (long long)max);
    *ret = ok ? (uint64_t)n : 0;
    return ok;
}

bool page_args_limit(const json_t *args, uint64_t *ret, struct err *e)
{
    return read_number(args, "limit", LIMIT_DEFAULT, LIMIT_MAX, ret, e);
}

bool page_args_offset(const json_t *args, uint64_t *ret, struct err *e)
{
    return read_number(args, "offset", 0, INT32_MAX, ret, e);
}
