#include "base/utf8.h"

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* RFC 3629 section 4: only the second byte's range depends on the first. */
static bool is_second(unsigned char first, char second)
{
    unsigned char c = (unsigned char)second;
    switch (first) {
    case 0xe0:
        return c >= 0xa0 && c <= 0xbf;
    case 0xed:
        return c >= 0x80 && c <= 0x9f;
    case 0xf0:
        return c >= 0x90 && c <= 0xbf;
    case 0xf4:
        return c >= 0x80 && c <= 0x8f;
    default:
        return is_continuation(second);
    }
}

static size_t expected_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    if (first >= 0xf0 && first <= 0xf4)
        return 4;
    return 0;
}

size_t utf8_length(struct str s)
{
    if (s.len == 0)
        return 0;
    unsigned char first = (unsigned char)s.p[0];
    size_t n = expected_length(first);
    if (n > s.len)
        return 0;
    if (n > 1 && !is_second(first, s.p[1]))
        return 0;
    for (size_t i = 2; i < n; i++) {
        if (!is_continuation(s.p[i]))
            return 0;
    }
    return n;
}

bool utf8_is_ascii(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

struct str utf8_cut(struct str s, size_t max)
{
    if (s.len <= max)
        return s;
    size_t end = max;
    while (end > 0 && max - end < 3 && is_continuation(s.p[end]))
        end--;
    /* Bytes that are no UTF-8 have no boundary to keep. */
    if (is_continuation(s.p[end]))
        end = max;
    return str_slice(s, 0, end);
}
