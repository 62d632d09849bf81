#include "model/scalar.h"

#include "codec/json.h"
#include "model/model.h"

static bool text_int(struct str text, int64_t *ret)
{
    bool negative = str_starts(text, STR("-"));
    uint64_t n = 0;
    if (!str_to_u64(negative ? str_skip(text, 1) : text, INT64_MAX, &n))
        return false;
    *ret = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

bool scalar_int(const json_t *value, bool loose, int64_t *ret)
{
    if (json_is_integer(value)) {
        *ret = json_integer_value(value);
        return true;
    }
    return loose && json_is_string(value) && text_int(json_text_str(value), ret);
}

bool scalar_bool(const json_t *value, bool loose, bool *ret)
{
    if (json_is_boolean(value)) {
        *ret = json_is_true(value);
        return true;
    }
    if (!loose || !json_is_string(value))
        return false;
    struct str text = json_text_str(value);
    bool yes =
        str_eq(text, STR("1")) || str_eq_nocase(text, STR("t")) || str_eq_nocase(text, STR("true"));
    bool no = str_eq(text, STR("0")) || str_eq_nocase(text, STR("f")) ||
              str_eq_nocase(text, STR("false"));
    if (!yes && !no)
        return false;
    *ret = yes;
    return true;
}

bool scalar_duration(const json_t *value, bool loose, int64_t unit_ns, int64_t *ret_ns)
{
    int64_t n = 0;
    if (scalar_int(value, loose, &n))
        return !__builtin_mul_overflow(n, unit_ns, ret_ns);
    return json_is_string(value) && model_duration_parse(json_text_str(value), ret_ns);
}

const char *scalar_type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
    default:
        return "null";
    }
}
