/* Field sections of HTTP/1 messages (RFC 9112 section 5): the fields of a head, or trailers. Only
 * for the other http1 files.
 */
#ifndef CODEC_HTTP1_FIELDS_H
#define CODEC_HTTP1_FIELDS_H

#include "base/arena.h"
#include "codec/http1_error.h"
#include "codec/http_head.h"

/* Reads field lines from the start of in up to and including the empty line, which must be in it.
 * Returns NULL with *used bytes read and *ret filled (the array in a, names and values in in), or
 * what is wrong. */
const struct http1_error *http1_fields_read(struct str in, uint32_t fields_max, struct arena *a,
                                            struct http_fields *ret, size_t *used)
    __attribute__((warn_unused_result));

#endif
