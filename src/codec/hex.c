#include "codec/hex.h"

#include <assert.h>
#include <string.h>

#include "codec/octets.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is the lowest of a word");

/* The digits of four bytes, each step for all of them: their halves are spread to eight bytes, and 39 is from '9' + 1
 * to 'a'. */
static void put_four(char *out, const char *bytes)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint32_t four = 0;
    memcpy(&four, bytes, sizeof(four));
    uint64_t x = (four | (uint64_t)four << 16) & 0x0000FFFF0000FFFFU;
    x = (x | x << 8) & 0x00FF00FF00FF00FFU;
    x = (x >> 4 & 0x000F000F000F000FU) | (x & 0x000F000F000F000FU) << 8;
    const uint64_t letters = (x + ones * 6) >> 4 & ones;
    x += ones * '0' + letters * 39;
    memcpy(out, &x, sizeof(x));
}

char *hex_encode(char *out, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";
    size_t i = 0;
    for (; bytes.len - i >= 4; i += 4) {
        put_four(out, bytes.p + i);
        out += 8;
    }
    for (; i < bytes.len; i++) {
        *out++ = digits[(unsigned char)bytes.p[i] >> 4];
        *out++ = digits[(unsigned char)bytes.p[i] & 15];
    }
    return out;
}

bool hex_decode(char *out, struct str text)
{
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        const unsigned high = octets_hex[(unsigned char)text.p[i]];
        const unsigned low = octets_hex[(unsigned char)text.p[i + 1]];
        if (high > 15 || low > 15)
            return false;
        *out++ = (char)(unsigned char)(high << 4 | low);
    }
    return text.len % 2 == 0;
}
