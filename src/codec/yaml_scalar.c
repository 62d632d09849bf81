#include "codec/yaml_scalar.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "codec/json.h"
#include "codec/octets.h"

/* Longer than this no number is written by hand; it also bounds the copy for strtod(). */
enum { NUMBER_MAX = 400 };

static const char too_large[] = "the number is too large";

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_one_of(struct str s, const struct str *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(s, words[i]))
            return true;
    return false;
}

#define WORD(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

/* null, true and false in the spellings of the schema; NULL when s is none of them. */
static json_t *read_word(struct str s)
{
    static const struct str nulls[] = {WORD(""), WORD("~"), WORD("null"), WORD("Null"),
                                       WORD("NULL")};
    static const struct str trues[] = {WORD("true"), WORD("True"), WORD("TRUE")};
    static const struct str falses[] = {WORD("false"), WORD("False"), WORD("FALSE")};
    if (is_one_of(s, nulls, ARRAY_LEN(nulls)))
        return json_null();
    if (is_one_of(s, trues, ARRAY_LEN(trues)))
        return json_true();
    return is_one_of(s, falses, ARRAY_LEN(falses)) ? json_false() : NULL;
}

/* Whether s is digits of the given base, at least one. */
static bool has_base(struct str s, unsigned base)
{
    for (size_t i = 0; i < s.len; i++)
        if (octets_hex[(unsigned char)s.p[i]] >= base)
            return false;
    return s.len > 0;
}

static json_t *read_integer(struct str digits, unsigned base, bool negative, const char **problem)
{
    uint64_t value = 0;
    uint64_t max = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    for (size_t i = 0; i < digits.len; i++) {
        uint64_t digit = octets_hex[(unsigned char)digits.p[i]];
        if (value > (max - digit) / base) {
            *problem = too_large;
            return NULL;
        }
        value = value * base + digit;
    }
    if (negative && value > 0)
        return json_integer(-(json_int_t)(value - 1) - 1);
    return json_integer((json_int_t)value);
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?, without the sign. */
static bool is_float(struct str s)
{
    size_t at = 0;
    size_t before = 0;
    size_t after = 0;
    for (; at < s.len && is_digit(s.p[at]); at++)
        before++;
    if (at < s.len && s.p[at] == '.')
        for (at++; at < s.len && is_digit(s.p[at]); at++)
            after++;
    if (before + after == 0)
        return false;
    if (at == s.len)
        return true;
    if ((s.p[at] | 0x20) != 'e')
        return false;
    at++;
    if (at < s.len && (s.p[at] == '-' || s.p[at] == '+'))
        at++;
    return has_base(str_skip(s, at), 10);
}

static json_t *read_float(struct str s, const char **problem)
{
    char text[NUMBER_MAX + 1];
    if (s.len > NUMBER_MAX) {
        *problem = "the number is too long";
        return NULL;
    }
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    double value = strtod(text, NULL);
    if (!isfinite(value)) {
        *problem = too_large;
        return NULL;
    }
    return json_real(value);
}

static bool is_not_finite(struct str s, bool is_signed)
{
    static const struct str words[] = {WORD(".inf"), WORD(".Inf"), WORD(".INF")};
    static const struct str nans[] = {WORD(".nan"), WORD(".NaN"), WORD(".NAN")};
    return is_one_of(s, words, ARRAY_LEN(words)) ||
           (!is_signed && is_one_of(s, nans, ARRAY_LEN(nans)));
}

json_t *yaml_scalar_string(struct str text, const char **problem)
{
    if (str_index(text, '\0', 0) < text.len) {
        *problem = "a NUL character is not allowed";
        return NULL;
    }
    return json_text_string(text);
}

json_t *yaml_scalar_plain(struct str text, const char **problem)
{
    json_t *word = read_word(text);
    if (word != NULL)
        return word;
    bool is_signed = text.p[0] == '-' || text.p[0] == '+';
    struct str digits = str_skip(text, is_signed ? 1 : 0);
    if (has_base(digits, 10)) {
        json_t *integer = read_integer(digits, 10, text.p[0] == '-', problem);
        return integer != NULL ? integer : read_float(text, problem); /* as in JSON */
    }
    if (!is_signed && str_starts(text, STR("0x")) && has_base(str_skip(text, 2), 16))
        return read_integer(str_skip(text, 2), 16, false, problem);
    if (!is_signed && str_starts(text, STR("0o")) && has_base(str_skip(text, 2), 8))
        return read_integer(str_skip(text, 2), 8, false, problem);
    if (is_float(digits))
        return read_float(text, problem);
    if (is_not_finite(digits, is_signed)) {
        *problem = "an infinite number or NaN is not allowed";
        return NULL;
    }
    return yaml_scalar_string(text, problem);
}
