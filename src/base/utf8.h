/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

/* Bytes of the character that s begins with: 1 to 4, or 0 when s is empty or begins with none. */
size_t utf8_length(struct str s);

/* Whether s has only ASCII characters (also when it is empty). */
bool utf8_is_ascii(struct str s);

/* The longest beginning of s that has at most max bytes and does not end within a character. */
struct str utf8_cut(struct str s, size_t max);

#endif
