#include "codec/base64.h"

#include "base/utf8.h"

static const char standard_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

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

static size_t encoded_length(size_t bytes, bool raw)
{
    const size_t rest = bytes % 3;
    return bytes / 3 * 4 + (rest == 0 ? 0 : raw ? rest + 1 : 4);
}

static size_t decoded_length(size_t digits)
{
    const size_t rest = digits % 4;
    return digits / 4 * 3 + (rest > 1 ? rest - 1 : 0);
}

bool base64_encode_as(struct buf *b, struct str s, unsigned form)
{
    if (s.len > SIZE_MAX / 4)
        return false;
    const char *digits = (form & BASE64_URL) != 0 ? url_digits : standard_digits;
    const bool raw = (form & BASE64_RAW) != 0;
    char *to = buf_reserve(b, encoded_length(s.len, raw));
    if (to == NULL)
        return false;
    const char *start = to;
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
        if (two)
            *to++ = digits[bits >> 6 & 63];
        for (int padding = two ? 1 : 2; !raw && padding > 0; padding--)
            *to++ = '=';
    }
    buf_added(b, (size_t)(to - start));
    return true;
}

bool base64_encode(struct buf *b, struct str s)
{
    return base64_encode_as(b, s, BASE64_STANDARD);
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

/* value_of() in the alphabet of section 5. */
static unsigned url_value_of(char c)
{
    if (c == '+' || c == '/')
        return NO_DIGIT;
    return c == '-' ? 62 : c == '_' ? 63 : value_of(c);
}

bool base64_decode_url(struct buf *b, struct str s)
{
    char *const start = s.len % 4 != 1 ? buf_reserve(b, decoded_length(s.len)) : NULL;
    if (start == NULL)
        return false;
    char *to = start;
    unsigned bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < s.len; i++) {
        const unsigned value = url_value_of(s.p[i]);
        if (value == NO_DIGIT)
            return false;
        bits = (bits << 6 | value) & 0xffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *to++ = (char)(unsigned char)(bits >> count);
        }
    }
    if ((bits & ((1U << count) - 1)) != 0)
        return false;
    buf_added(b, (size_t)(to - start));
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

bool base64_decode_forgiving(struct buf *b, struct str s, bool url)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += !is_space(s.p[i]) && s.p[i] != '=';
    char *const start = buf_reserve(b, decoded_length(count));
    if (start == NULL)
        return false;
    char *to = start;
    unsigned bits = 0;
    size_t digits = 0;
    size_t padding = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (is_space(s.p[i]))
            continue;
        if (s.p[i] == '=') {
            padding++;
            continue;
        }
        unsigned value = value_of(s.p[i]);
        if (value == NO_DIGIT && url)
            value = url_value_of(s.p[i]);
        if (value == NO_DIGIT || padding > 0)
            return false;
        bits = (bits << 6 | value) & 0xffffff;
        /* Of four digits, the second, third and fourth each complete a byte. */
        const unsigned place = (unsigned)(digits++ % 4);
        if (place > 0)
            *to++ = (char)(unsigned char)(bits >> (6 - 2 * place));
    }
    const bool is_padded = padding > 0 && padding <= 2 && (digits + padding) % 4 == 0;
    if (digits % 4 == 1 || (padding > 0 && !is_padded))
        return false;
    buf_added(b, (size_t)(to - start));
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
