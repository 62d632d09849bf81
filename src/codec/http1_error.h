/* Why an HTTP/1 message was refused: constant objects, one for each reason.
 *
 * The status is what a server answers before it closes the connection; a client turns any of them
 * into 502. They live for ever and may be compared by address.
 */
#ifndef CODEC_HTTP1_ERROR_H
#define CODEC_HTTP1_ERROR_H

#include <stdint.h>

struct http1_error {
    const char *name; /* "http1.bare_lf": stable, for logs and counters */
    uint16_t status;
    const char *text;
};

/* name, status, text */
#define HTTP1_ERRORS(X)                                                                            \
    X(bad_request_line, 400, "the request line is not METHOD SP target SP HTTP/1.x")               \
    X(bad_status_line, 502, "the status line is not HTTP/1.x SP status SP reason")                 \
    X(bad_method, 400, "the method is not a token")                                                \
    X(bad_target, 400, "the request target is not legal for the method")                           \
    X(bad_version, 505, "the HTTP version is neither 1.0 nor 1.1")                                 \
    X(line_too_long, 414, "the request line is too long")                                          \
    X(head_too_large, 431, "the head is too large")                                                \
    X(too_many_fields, 431, "the head has too many fields")                                        \
    X(bare_lf, 400, "a line ends with a bare LF")                                                  \
    X(bare_cr, 400, "a CR is not followed by LF")                                                  \
    X(obs_fold, 400, "a field is continued on the next line")                                      \
    X(bad_field_name, 400, "a field name is not a token followed by a colon")                      \
    X(bad_field_value, 400, "a field value has a control character")                               \
    X(no_host, 400, "the Host field is missing")                                                   \
    X(several_hosts, 400, "there is more than one Host field")                                     \
    X(bad_host, 400, "the Host field is not host[:port]")                                          \
    X(bad_connection, 400, "the Connection field is not a short list of tokens")                   \
    X(bad_expect, 417, "the Expect field is not 100-continue")                                     \
    X(bad_content_length, 400, "the Content-Length field is not one decimal number")               \
    X(several_content_lengths, 400, "there is more than one Content-Length field")                 \
    X(length_and_encoding, 400, "both Content-Length and Transfer-Encoding are present")           \
    X(bad_transfer_encoding, 400, "the final transfer coding is not exactly chunked")              \
    X(unknown_transfer_encoding, 501, "a transfer coding other than chunked is used")              \
    X(transfer_encoding_in_1_0, 400, "Transfer-Encoding is used in an HTTP/1.0 message")           \
    X(unexpected_framing, 502, "an interim response announces a body")                             \
    X(bad_switch, 502, "a 101 response does not name the protocol it switches to")                 \
    X(bad_chunk_size, 400, "a chunk size is not a hexadecimal number")                             \
    X(bad_chunk_extension, 400, "a chunk extension has a control character")                       \
    X(bad_chunk_end, 400, "chunk data are not followed by CR LF")                                  \
    X(chunk_overhead, 400, "chunk extensions and trailers are too large")

#define X(name, status, text) extern const struct http1_error http1_error_##name;
HTTP1_ERRORS(X)
#undef X

#endif
