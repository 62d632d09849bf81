#include "codec/octets.h"

#include <stddef.h>
#include <string.h>

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

/* Has one of eight octets a value below 0x20, or is one 0x7f? (Bit Twiddling Hacks, "hasless") */
static bool has_control(uint64_t eight)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t del = eight ^ (ones * 0x7f);
    return ((((eight - ones * 0x20) & ~eight) | ((del - ones) & ~del)) & (ones * 0x80)) != 0;
}

const char *octets_skip_value(const char *p, const char *end)
{
    for (;;) {
        uint64_t eight;
        while (end - p >= (ptrdiff_t)sizeof(eight)) {
            memcpy(&eight, p, sizeof(eight));
            if (has_control(eight))
                break;
            p += sizeof(eight);
        }
        const char *stop = end - p > (ptrdiff_t)sizeof(eight) ? p + sizeof(eight) : end;
        while (p < stop && octets_is(*p, OCTETS_VALUE))
            p++;
        if (p < stop || p == end)
            return p;
    }
}
