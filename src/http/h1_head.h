/* Heads off an HTTP/1 connection, the same for requests and responses. */
#ifndef HTTP_H1_HEAD_H
#define HTTP_H1_HEAD_H

#include "codec/http1.h"
#include "http/h1_wire.h"

/* Reads the head at the start of w->in if all of it is there, and takes it off. It is copied into r->arena once and
 * then read where it stays, so *ret lives as long as the arena. request_method is NULL for a request.
 * HTTP1_MORE: call again when more came; what can be refused already is. */
enum http1_result h1_head_read(struct http1_reader *r, struct h1_wire *w,
                               const struct str *request_method, struct http1_head *ret,
                               const struct http1_error **error)
    __attribute__((warn_unused_result));

#endif
