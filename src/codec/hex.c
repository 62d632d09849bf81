#include "codec/hex.h"

#include "codec/octets.h"

char *hex_encode(char *out, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
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
