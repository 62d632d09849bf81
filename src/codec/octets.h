/* Classes of octets that the text protocols share, as one table. */
#ifndef CODEC_OCTETS_H
#define CODEC_OCTETS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    OCTETS_TOKEN = 1,      /* tchar, RFC 9110 section 5.6.2 */
    OCTETS_VALUE = 2,      /* field-vchar, SP, HTAB, RFC 9110 section 5.5 */
    OCTETS_TARGET = 4,     /* may stand in a request target: VCHAR but "#", and obs-text */
    OCTETS_UNRESERVED = 8, /* RFC 3986 section 2.3 */
    OCTETS_PATH = 16,      /* pchar or "/", but "%", RFC 3986 section 3.3 */
    OCTETS_REG_NAME = 32,  /* reg-name but "%", RFC 3986 section 3.2.2 */
    OCTETS_HEX = 64,       /* HEXDIG in either case */
    OCTETS_QUERY = 128,    /* query but "%", RFC 3986 section 3.4 */
};

extern const uint8_t octets_class[256];

/* The value of a hexadecimal digit in either case; 0xFF for any other octet. */
extern const uint8_t octets_hex[256];

/* The eight octets at p, the first one lowest. */
static inline uint64_t octets_word(const char *p)
{
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first octet is the lowest");
    uint64_t word = 0;
    memcpy(&word, p, sizeof(word));
    return word;
}

/* The first octet from p on that is not OCTETS_VALUE; end when there is none. */
const char *octets_skip_value(const char *p, const char *end);

/* Whether each of n octets is OCTETS_VALUE; faster where they nearly always are. */
bool octets_are_value(const char *p, size_t n);

/* Whether c is in one of the classes. */
static inline bool octets_is(char c, unsigned classes)
{
    return (octets_class[(unsigned char)c] & classes) != 0;
}

/* Whether each of n octets is in the class. Looks at all of them: for short texts that are nearly always good. */
static inline bool octets_are(const char *p, size_t n, unsigned class)
{
    unsigned common = class;
    for (size_t i = 0; i < n; i++)
        common &= octets_class[(unsigned char)p[i]];
    return common != 0;
}

#endif
