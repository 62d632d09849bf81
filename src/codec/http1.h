/* Heads of HTTP/1.0 and HTTP/1.1 messages (RFC 9112), sans I/O: bytes in, a struct http_head out.
 * Strict: everything that two implementations could read differently is an error. Bodies are in
 * http1_body.h, sending in http1_write.h.
 */
#ifndef CODEC_HTTP1_H
#define CODEC_HTTP1_H

#include "base/arena.h"
#include "codec/http1_error.h"
#include "codec/http_head.h"

struct http1_limits {
    uint32_t line_max;    /* request line: 414 past it */
    uint32_t head_max;    /* request or status line with all fields: 431 past it */
    uint32_t fields_max;  /* number of fields: 431 past it */
    uint32_t trailer_max; /* bytes of trailers and of chunk extensions together: 400 past it */
};

/* How the body of a received message ends (RFC 9112 section 6.3). */
enum http1_framing { HTTP1_NO_BODY, HTTP1_LENGTH, HTTP1_CHUNKED, HTTP1_UNTIL_CLOSE, HTTP1_TUNNEL };

/* What a head says beyond struct http_head. */
struct http1_head {
    struct http_head head;
    enum http1_framing framing;
    bool keep_alive; /* the sender wants or allows another message on this connection */
};

enum http1_result { HTTP1_MORE, HTTP1_DONE, HTTP1_ERROR };

/* One head being read: set limits and arena (both borrowed) and scanned to 0. */
struct http1_reader {
    const struct http1_limits *limits;
    struct arena *arena;
    size_t scanned; /* bytes of the input that need no second look; 0 again after DONE or ERROR */
};

/* Reads a request head from the start of in (one leading empty line is skipped, RFC 9112
 * section 2.2).
 * HTTP1_MORE: call again with the same and more bytes; they may have moved meanwhile.
 * HTTP1_DONE: *used bytes belong to the head; *ret is filled, its strs point into in and into the
 * arena, so in must stay where it is while *ret is used. head.scheme is empty unless the target was
 * in absolute-form; the target is always origin-form, "*", or authority-form (CONNECT).
 * HTTP1_ERROR: *error says why; also when the arena's limit is reached (head_too_large). */
enum http1_result http1_read_request(struct http1_reader *r, struct str in, struct http1_head *ret,
                                     size_t *used, const struct http1_error **error)
    __attribute__((warn_unused_result));

/* Reads a response head, as above. request_method decides whether a body follows (HEAD, CONNECT).
 * An interim response (1xx) is given like any other; its keep_alive means nothing. A 204 that
 * announces a body gets none and ends the connection. */
enum http1_result http1_read_response(struct http1_reader *r, struct str in,
                                      struct str request_method, struct http1_head *ret,
                                      size_t *used, const struct http1_error **error)
    __attribute__((warn_unused_result));

#endif
