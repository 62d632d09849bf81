#include "codec/base64.h"

#include "base/utf8.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { NO_DIGIT = 64 };

static unsigned value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : NO_DIGIT;
}

bool base64_encode(struct buf *b, struct str s)
{
    if (s.len > SIZE_MAX / 4)
        return false;
    size_t size = (s.len + 2) / 3 * 4;
    char *to = buf_reserve(b, size);
    if (to == NULL)
        return false;
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;
    for (; i + 3 <= s.len; i += 3) {
        unsigned bits = (unsigned)p[i] << 16 | (unsigned)p[i + 1] << 8 | p[i + 2];
        *to++ = digits[bits >> 18];
        *to++ = digits[bits >> 12 & 63];
        *to++ = digits[bits >> 6 & 63];
        *to++ = digits[bits & 63];
    }
    if (i < s.len) {
        bool two = i + 1 < s.len;
        unsigned bits = (unsigned)p[i] << 16 | (two ? (unsigned)p[i + 1] << 8 : 0);
        *to++ = digits[bits >> 18];
        *to++ = digits[bits >> 12 & 63];
        *to++ = two ? digits[bits >> 6 & 63] : '=';
        *to++ = '=';
    }
    buf_added(b, size);
    return true;
}

/* Where s stops being base64 (s.len when it is too short), or true with the length of what it
 * encodes. */
static bool measure(struct str s, size_t *len, size_t *bad)
{
    size_t padding = 0;
    while (padding < 2 && padding < s.len && s.p[s.len - 1 - padding] == '=')
        padding++;
    size_t n = s.len - padding;
    for (size_t i = 0; i < n; i++) {
        if (value_of(s.p[i]) == NO_DIGIT) {
            *bad = i;
            return false;
        }
    }
    if (s.len % 4 != 0) {
        *bad = s.len;
        return false;
    }
    /* Bits that the padding says are not there must be zero (RFC 4648 section 3.5). */
    unsigned unused = padding == 2 ? 15 : (padding == 1 ? 3 : 0);
    if (n > 0 && (value_of(s.p[n - 1]) & unused) != 0) {
        *bad = n - 1;
        return false;
    }
    *len = s.len / 4 * 3 - padding;
    return true;
}

bool base64_decode(struct buf *b, struct str s, size_t *bad_at)
{
    size_t len;
    size_t bad;
    if (!measure(s, &len, &bad)) {
        if (bad_at != NULL)
            *bad_at = bad;
        return false;
    }
    char *to = buf_reserve(b, len);
    if (to == NULL)
        return false;
    unsigned bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < s.len && s.p[i] != '='; i++) {
        bits = (bits << 6 | value_of(s.p[i])) & 0xffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *to++ = (char)(unsigned char)(bits >> count);
        }
    }
    buf_added(b, len);
    return true;
}

bool base64_is_utf8(struct str s)
{
    while (s.len > 0) {
        size_t n = utf8_length(s);
        if (n == 0)
            return false;
        s = str_skip(s, n);
    }
    return true;
}
