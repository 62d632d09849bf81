/* Hexadecimal text (RFC 4648 section 8), lower case. */
#ifndef CODEC_HEX_H
#define CODEC_HEX_H

#include "base/str.h"

/* Writes the 2 * bytes.len digits of bytes to out, without a NUL. Returns where they end. */
char *hex_encode(char *out, struct str bytes);

/* Writes the text.len / 2 bytes that text stands for, in either case, to out. False, with out
 * undefined, when text is not hexadecimal or a digit is missing. */
bool hex_decode(char *out, struct str text) __attribute__((warn_unused_result));

#endif
