#include "http/h1_body.h"

#include "codec/http1_write.h"
#include "http/exchange_impl.h"

enum http1_result h1_body_deliver(struct http1_body *b, struct h1_wire *w, struct exchange *x,
                                  size_t *credit, const struct http1_error **error)
{
    while (w->in.len > 0) {
        struct str data = {0};
        size_t used = 0;
        const enum http1_result result =
            http1_body_read(b, buf_str(&w->in), *credit, &data, &used, error);
        if (result == HTTP1_ERROR)
            return result;
        if (data.len > 0) {
            *credit -= data.len;
            exchange_impl_data(x, data);
        }
        h1_wire_consume(w, used);
        if (x->reset_done || (result == HTTP1_MORE && used == 0))
            return HTTP1_MORE;
        if (result == HTTP1_DONE)
            return result;
    }
    return HTTP1_MORE;
}

static bool send_chunk(struct h1_wire *w, struct str data)
{
    if (!http1_write_chunk_start(h1_wire_out(w), data.len))
        return false;
    h1_wire_send(w, data, STR("\r\n"));
    return true;
}

bool h1_body_send(struct h1_body_out *o, struct h1_wire *w, struct str data)
{
    switch (o->framing) {
    case HTTP1_NO_BODY:
        return true;
    case HTTP1_CHUNKED:
        return send_chunk(w, data);
    case HTTP1_LENGTH:
        if (data.len > o->left)
            return false;
        o->left -= data.len;
        break;
    case HTTP1_UNTIL_CLOSE:
    case HTTP1_TUNNEL:
    default:
        break;
    }
    h1_wire_send(w, data, STR(""));
    return true;
}

bool h1_body_send_end(struct h1_body_out *o, struct h1_wire *w, const struct http_fields *trailers)
{
    if (o->framing == HTTP1_LENGTH)
        return o->left == 0;
    if (o->framing != HTTP1_CHUNKED)
        return true;
    /* Trailers that cannot be written are dropped rather than the message. */
    return http1_write_last_chunk(h1_wire_out(w), trailers) ||
           http1_write_last_chunk(h1_wire_out(w), NULL);
}
