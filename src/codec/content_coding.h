/* Decoding of compressed bodies (RFC 9110 section 8.4.1), piece by piece: gzip, deflate (with and without zlib's wrapping)
 * and br. What comes out is bounded by the room that the caller gives, however much the input would expand to.
 */
#ifndef CODEC_CONTENT_CODING_H
#define CODEC_CONTENT_CODING_H

#include "base/str.h"

struct content_coding;

enum content_coding_result {
    CONTENT_CODING_MORE, /* all that could be made of the input was */
    CONTENT_CODING_FULL, /* the room is used up: call again with the rest of the input */
    CONTENT_CODING_DONE, /* the coded data has ended; input behind it is dropped */
    CONTENT_CODING_BAD,  /* not data of that coding */
};

/* What may be decoded, as the value of an Accept-Encoding field. */
extern const char content_coding_accepted[];

/* A decoder for the value of a Content-Encoding field; NULL when that is none or several of the codings above. */
struct content_coding *content_coding_create(struct str name);

/* c may be NULL. */
void content_coding_destroy(struct content_coding *c);

/* Takes bytes off the front of *in and writes at most room of them, decoded, to out: *made says how many. */
enum content_coding_result content_coding_run(struct content_coding *c, struct str *in, char *out,
                                              size_t room, size_t *made)
    __attribute__((warn_unused_result));

/* Whether the data may end here: it came to its end, or not a byte came. */
bool content_coding_complete(const struct content_coding *c);

#endif
