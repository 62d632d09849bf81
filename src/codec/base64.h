/* Base64 (RFC 4648 section 4). */
#ifndef CODEC_BASE64_H
#define CODEC_BASE64_H

#include "base/buf.h"

/* Appends s in base64 with padding. False past b's maximum. */
bool base64_encode(struct buf *b, struct str s) __attribute__((warn_unused_result));

/* Appends what the strict text s stands for (alphabet, padding and unused bits checked; no white
 * space). False when it is not base64 (*bad_at, if not NULL, is the offset) or past b's maximum; b
 * is unchanged then. */
bool base64_decode(struct buf *b, struct str s, size_t *bad_at) __attribute__((warn_unused_result));

/* Whether s is well-formed UTF-8 (RFC 3629). */
bool base64_is_utf8(struct str s);

#endif
