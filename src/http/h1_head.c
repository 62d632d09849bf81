#include "http/h1_head.h"

#include <string.h>

/* How many bytes of in the head at its start has at most: all, if it is over at their end, as nearly always. 0
 * when its end is not there. */
static size_t find_end(const struct http1_reader *r, struct str in)
{
    if (in.len >= 4 && in.len <= r->limits->head_max &&
        memcmp(in.p + in.len - 4, "\r\n\r\n", 4) == 0)
        return in.len;
    const char *end = in.p + in.len;
    const char *p = in.p + r->scanned;
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        p++;
        if (end - p >= 2 && p[0] == '\r' && p[1] == '\n')
            return (size_t)(p + 2 - in.p);
    }
    return 0;
}

static enum http1_result read_head(struct http1_reader *r, struct str in,
                                   const struct str *request_method, struct http1_head *ret,
                                   size_t *used, const struct http1_error **error)
{
    return request_method == NULL ? http1_read_request(r, in, ret, used, error)
                                  : http1_read_response(r, in, *request_method, ret, used, error);
}

enum http1_result h1_head_read(struct http1_reader *r, struct h1_wire *w,
                               const struct str *request_method, struct http1_head *ret,
                               const struct http1_error **error)
{
    const struct str in = buf_str(&w->in);
    size_t used = 0;
    size_t end = find_end(r, in);
    if (end == 0) {
        const enum http1_result early = read_head(r, in, request_method, ret, &used, error);
        if (early != HTTP1_DONE)
            return early;
        end = used;
    }
    struct str copy;
    if (end > r->limits->head_max || !arena_copy(r->arena, str_slice(in, 0, end), &copy)) {
        *error = &http1_error_head_too_large;
        return HTTP1_ERROR;
    }
    r->scanned = 0;
    const enum http1_result result = read_head(r, copy, request_method, ret, &used, error);
    if (result == HTTP1_MORE) {
        /* Only empty lines. */
        *error =
            request_method == NULL ? &http1_error_bad_request_line : &http1_error_bad_status_line;
        return HTTP1_ERROR;
    }
    if (result == HTTP1_DONE)
        h1_wire_consume(w, used);
    return result;
}
