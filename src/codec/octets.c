#include "codec/octets.h"

#include <stddef.h>

#define IS_DIGIT(c)     ((c) >= '0' && (c) <= '9')
#define IS_ALPHA(c)     (((c) >= 'A' && (c) <= 'Z') || ((c) >= 'a' && (c) <= 'z'))
#define IS_HEX_ALPHA(c) (((c) >= 'A' && (c) <= 'F') || ((c) >= 'a' && (c) <= 'f'))
#define IS_UNRESERVED(c)                                                                           \
    (IS_DIGIT(c) || IS_ALPHA(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~')
#define IS_SUB_DELIM(c)                                                                            \
    ((c) == '!' || (c) == '$' || (c) == '&' || (c) == '\'' || (c) == '(' || (c) == ')' ||          \
     (c) == '*' || (c) == '+' || (c) == ',' || (c) == ';' || (c) == '=')
#define IS_REG_NAME(c) (IS_UNRESERVED(c) || IS_SUB_DELIM(c))
#define IS_PATH(c)     (IS_REG_NAME(c) || (c) == ':' || (c) == '@' || (c) == '/')
#define IS_QUERY(c)    (IS_PATH(c) || (c) == '?')
#define IS_TOKEN(c)                                                                                \
    (IS_DIGIT(c) || IS_ALPHA(c) || (c) == '!' || (c) == '#' || (c) == '$' || (c) == '%' ||         \
     (c) == '&' || (c) == '\'' || (c) == '*' || (c) == '+' || (c) == '-' || (c) == '.' ||          \
     (c) == '^' || (c) == '_' || (c) == '`' || (c) == '|' || (c) == '~')
#define IS_VALUE(c)  (((c) >= ' ' && (c) != 0x7f) || (c) == '\t')
#define IS_TARGET(c) ((c) > ' ' && (c) != 0x7f && (c) != '#')

#define CLASS(c)                                                                                   \
    (uint8_t)((IS_TOKEN(c) ? OCTETS_TOKEN : 0) | (IS_VALUE(c) ? OCTETS_VALUE : 0) |                \
              (IS_TARGET(c) ? OCTETS_TARGET : 0) | (IS_UNRESERVED(c) ? OCTETS_UNRESERVED : 0) |    \
              (IS_PATH(c) ? OCTETS_PATH : 0) | (IS_REG_NAME(c) ? OCTETS_REG_NAME : 0) |            \
              (IS_DIGIT(c) || IS_HEX_ALPHA(c) ? OCTETS_HEX : 0) |                                  \
              (IS_QUERY(c) ? OCTETS_QUERY : 0))

#define HEX(c) (uint8_t)(IS_DIGIT(c) ? (c) - '0' : IS_HEX_ALPHA(c) ? ((c) | 0x20) - 'a' + 10 : 0xff)

#define FOUR(f, c)    f(c), f((c) + 1), f((c) + 2), f((c) + 3)
#define SIXTEEN(f, c) FOUR(f, c), FOUR(f, (c) + 4), FOUR(f, (c) + 8), FOUR(f, (c) + 12)
#define QUARTER(f, c)                                                                              \
    SIXTEEN(f, c), SIXTEEN(f, (c) + 16), SIXTEEN(f, (c) + 32), SIXTEEN(f, (c) + 48)
#define ALL(f) QUARTER(f, 0), QUARTER(f, 64), QUARTER(f, 128), QUARTER(f, 192)

const uint8_t octets_class[256] = {ALL(CLASS)};
const uint8_t octets_hex[256] = {ALL(HEX)};

/* Marks, with its highest bit, the first of eight octets that is below 0x20 or is 0x7f; later octets may be
 * marked wrongly (Bit Twiddling Hacks, "hasless"). 0: there is none. */
static uint64_t controls(uint64_t eight)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t del = eight ^ (ones * 0x7f);
    return (((eight - ones * 0x20) & ~eight) | ((del - ones) & ~del)) & (ones * 0x80);
}

const char *octets_skip_value(const char *p, const char *end)
{
    while (end - p >= (ptrdiff_t)sizeof(uint64_t)) {
        const uint64_t marked = controls(octets_word(p));
        if (marked == 0) {
            p += sizeof(uint64_t);
            continue;
        }
        p += __builtin_ctzll(marked) / 8;
        if (*p != '\t')
            return p;
        p++;
    }
    while (p < end && octets_is(*p, OCTETS_VALUE))
        p++;
    return p;
}

bool octets_are_value(const char *p, size_t n)
{
    if (n >= sizeof(uint64_t)) {
        const char *last = p + n - sizeof(uint64_t);
        uint64_t marked = controls(octets_word(last));
        for (const char *q = p; q < last; q += sizeof(uint64_t))
            marked |= controls(octets_word(q));
        if (marked == 0)
            return true;
    }
    return n == 0 || octets_skip_value(p, p + n) == p + n;
}
