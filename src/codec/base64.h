/* Base64 (RFC 4648 sections 4 and 5). */
#ifndef CODEC_BASE64_H
#define CODEC_BASE64_H

#include "base/buf.h"

/* Appends s in base64 with padding. False past b's maximum. */
bool base64_encode(struct buf *b, struct str s) __attribute__((warn_unused_result));

/* Appends what the strict text s stands for (alphabet, padding and unused bits checked; no white
 * space). False when it is not base64 (*bad_at, if not NULL, is the offset) or past b's maximum; b
 * is unchanged then. */
bool base64_decode(struct buf *b, struct str s, size_t *bad_at) __attribute__((warn_unused_result));

/* The alphabet of section 5; no padding. To be combined. */
enum base64_form { BASE64_STANDARD = 0, BASE64_URL = 1, BASE64_RAW = 2 };

/* Appends s in base64 of that form. False past b's maximum. */
bool base64_encode_as(struct buf *b, struct str s, unsigned form)
    __attribute__((warn_unused_result));

/* Appends what the strict text s of RFC 7515 section 2 stands for: BASE64_URL, no padding, unused bits zero, no white
 * space. False when it is not that or past b's maximum; b is unchanged then. */
bool base64_decode_url(struct buf *b, struct str s) __attribute__((warn_unused_result));

/* The "forgiving-base64 decode" of the Infra standard: ASCII white space is skipped, padding may be left out, unused bits
 * are ignored. With url the alphabet of section 5 is understood too. False when s is not base64 or past b's maximum; b is
 * unchanged then. */
bool base64_decode_forgiving(struct buf *b, struct str s, bool url)
    __attribute__((warn_unused_result));

/* Whether s is well-formed UTF-8 (RFC 3629). */
bool base64_is_utf8(struct str s);

#endif
