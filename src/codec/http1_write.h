/* Sending HTTP/1.1 messages: heads and chunk framing appended to a buffer (RFC 9112).
 *
 * Framing and connection fields are written from the members of struct http_head and http1_send
 * only; fields of those names among head->fields (Connection, Content-Length, Expect in requests,
 * Host, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade) are left out.
 */
#ifndef CODEC_HTTP1_WRITE_H
#define CODEC_HTTP1_WRITE_H

#include "base/buf.h"
#include "codec/http_head.h"

/* How a message being sent is delimited. */
struct http1_send {
    bool chunked;         /* Transfer-Encoding: chunked; not to a 1.0 peer */
    bool keep_alive;      /* for the Connection field */
    uint8_t peer_version; /* HTTP_1_0 or HTTP_1_1; 0 is HTTP_1_1 */
};

/* Appends a request head to out: request line, Host, fields, Content-Length or Transfer-Encoding,
 * Connection (close, upgrade and te as keep_alive and the head say). False, with out unchanged,
 * past out's maximum (up to 320 bytes more than the head has must be free) or when the head cannot
 * be written: a method or name that is no token, a target, authority or value with control
 * characters, a body of unknown length that is not chunked. */
bool http1_write_request(struct buf *out, const struct http_head *head,
                         const struct http1_send *how) __attribute__((warn_unused_result));

/* Appends a response head to out, as above. A 1.0 peer gets Connection: keep-alive where wanted,
 * a 1.1 peer Connection: close where not; a 1xx or 204 gets no framing fields (RFC 9112
 * section 6.3); a body of unknown length that is not chunked ends with the connection. */
bool http1_write_response(struct buf *out, const struct http_head *head,
                          const struct http1_send *how) __attribute__((warn_unused_result));

/* Appends the line before len bytes (len > 0) of chunk data; the end of a chunk; the last chunk
 * with trailers (may be NULL; names and values are checked, connection and framing fields left
 * out). */
bool http1_write_chunk_start(struct buf *out, size_t len) __attribute__((warn_unused_result));
bool http1_write_chunk_end(struct buf *out) __attribute__((warn_unused_result));
bool http1_write_last_chunk(struct buf *out, const struct http_fields *trailers)
    __attribute__((warn_unused_result));

#endif
