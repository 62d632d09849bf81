/* Bodies over an HTTP/1 connection, the same for requests and responses, in both directions. */
#ifndef HTTP_H1_BODY_H
#define HTTP_H1_BODY_H

#include "codec/http1_body.h"
#include "http/exchange.h"
#include "http/h1_wire.h"

/* Hands what waits in w->in to x's owner, as far as credit goes. HTTP1_DONE: the body has ended, on_end is the
 * caller's to call. HTTP1_MORE: more input or credit is needed, or the owner reset x. */
enum http1_result h1_body_deliver(struct http1_body *b, struct h1_wire *w, struct exchange *x,
                                  size_t *credit, const struct http1_error **error)
    __attribute__((warn_unused_result));

/* How the body we send is delimited. */
struct h1_body_out {
    enum http1_framing framing;
    uint64_t left; /* HTTP1_LENGTH: bytes still to come */
};

/* Sends data in that framing; dropped for HTTP1_NO_BODY. False, with nothing sent, when the announced
 * length would be passed. */
bool h1_body_send(struct h1_body_out *o, struct h1_wire *w, struct str data)
    __attribute__((warn_unused_result));

/* Ends the message. False when bytes of the announced length are missing. Ending the connection, where
 * that delimits, is the caller's. */
bool h1_body_send_end(struct h1_body_out *o, struct h1_wire *w, const struct http_fields *trailers)
    __attribute__((warn_unused_result));

#endif
