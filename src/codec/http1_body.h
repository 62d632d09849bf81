/* Bodies of received HTTP/1 messages (RFC 9112 sections 6 and 7), sans I/O. */
#ifndef CODEC_HTTP1_BODY_H
#define CODEC_HTTP1_BODY_H

#include "base/buf.h"
#include "codec/http1.h"

/* A body being received. trailers may be read after HTTP1_DONE; the rest is private. */
struct http1_body {
    enum http1_framing framing;
    uint8_t state;
    uint8_t digits;    /* of the chunk size so far */
    uint64_t left;     /* LENGTH: of the body; CHUNKED: of the chunk */
    uint32_t overhead; /* bytes of extensions and trailers so far */
    uint32_t overhead_max;
    uint32_t fields_max;
    size_t line;        /* where the current trailer line starts in trailer */
    struct buf trailer; /* bytes of the trailer section so far */
    struct arena *arena;
    struct http_fields trailers;
};

/* Starts a body. content_length only counts for HTTP1_LENGTH. The arena is borrowed and takes the
 * trailers; limits are only looked at here. */
void http1_body_init(struct http1_body *b, enum http1_framing framing, int64_t content_length,
                     const struct http1_limits *limits, struct arena *a);
void http1_body_finish(struct http1_body *b);

/* Takes one step: consumes *used bytes of in and gives at most one run of body bytes, *data (inside
 * in, at most data_max long, empty when only framing was consumed).
 * HTTP1_MORE: call again with what is left (if *used was 0: with more bytes, or a larger data_max).
 * HTTP1_DONE: the body is complete, *data may hold its last bytes; trailers are in b->trailers,
 * without the fields that RFC 9110 section 6.5.1 bars from them. HTTP1_NO_BODY is DONE at once.
 * HTTP1_ERROR: *error says why.
 * A body HTTP1_UNTIL_CLOSE or HTTP1_TUNNEL never gets DONE from here. */
enum http1_result http1_body_read(struct http1_body *b, struct str in, size_t data_max,
                                  struct str *data, size_t *used, const struct http1_error **error)
    __attribute__((warn_unused_result));

#endif
