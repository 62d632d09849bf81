#include "base/container.h"
#include "model/model.h"

/* Longer units first, so that "ms" is not read as minutes. */
static const struct {
    struct str text;
    int64_t ns;
} units[] = {
    {{"ns", 2}, 1},           {{"us", 2}, 1000},
    {{"\xc2\xb5s", 3}, 1000}, /* micro sign */
    {{"\xce\xbcs", 3}, 1000}, /* Greek mu */
    {{"ms", 2}, 1000000},     {{"s", 1}, 1000000000},
    {{"m", 1}, 60000000000},  {{"h", 1}, 3600000000000},
};

static bool take_digits(struct str *text, struct str *digits)
{
    size_t n = 0;
    while (n < text->len && text->p[n] >= '0' && text->p[n] <= '9')
        n++;
    *digits = str_slice(*text, 0, n);
    *text = str_skip(*text, n);
    return n > 0;
}

static int64_t take_unit(struct str *text)
{
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (str_starts(*text, units[i].text)) {
            *text = str_skip(*text, units[i].text.len);
            return units[i].ns;
        }
    }
    return 0;
}

/* Digits behind the point, in units; what is finer than a nanosecond is cut off. */
static int64_t fraction_ns(struct str digits, int64_t unit)
{
    int64_t ns = 0;
    for (size_t i = 0; i < digits.len && unit > 0; i++) {
        ns += (digits.p[i] - '0') * unit / 10;
        unit /= 10;
    }
    return ns;
}

/* One "1.5h" off the front of text, added to *sum. */
static bool take_part(struct str *text, int64_t *sum)
{
    struct str whole = {0};
    struct str fraction = {0};
    bool any = take_digits(text, &whole);
    if (str_starts(*text, STR("."))) {
        *text = str_skip(*text, 1);
        any = take_digits(text, &fraction) || any;
    }
    int64_t unit = take_unit(text);
    uint64_t n = 0;
    if (!any || unit == 0 || (whole.len > 0 && !str_to_u64(whole, INT64_MAX, &n)))
        return false;
    int64_t ns = 0;
    return !__builtin_mul_overflow((int64_t)n, unit, &ns) &&
           !__builtin_add_overflow(ns, fraction_ns(fraction, unit), &ns) &&
           !__builtin_add_overflow(*sum, ns, sum);
}

bool model_duration_parse(struct str text, int64_t *ret_ns)
{
    bool negative = str_starts(text, STR("-"));
    if (negative || str_starts(text, STR("+")))
        text = str_skip(text, 1);
    if (text.len == 0)
        return false;
    if (str_eq(text, STR("0")))
        text = STR("0s");
    int64_t sum = 0;
    while (text.len > 0) {
        if (!take_part(&text, &sum))
            return false;
    }
    *ret_ns = negative ? -sum : sum;
    return true;
}
