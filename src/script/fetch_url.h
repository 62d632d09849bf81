/* URLs as fetch() takes them: what browsers allow and forgive (URL standard), in the one form that is requested. */
#ifndef SCRIPT_FETCH_URL_H
#define SCRIPT_FETCH_URL_H

#include "base/arena.h"
#include "base/err.h"

/* Parts of text; the strs live as long as the arena. */
struct fetch_url {
    struct str text;      /* scheme://authority target, without fragment */
    struct str authority; /* host[:port], without the scheme's own port, in lower case */
    struct str target;    /* begins with "/" */
    struct str host;      /* without brackets */
    uint16_t port;
    bool secure; /* https */
};

/* Reads an absolute URL: http or https, without user name and password, its host in the form that `URL` gives it. Its fragment is dropped, dot segments are removed,
 * what may not stand in a URL is percent-encoded. */
enum err_code fetch_url_parse(struct arena *a, struct str text, struct fetch_url *ret,
                              struct err *e) __attribute__((warn_unused_result));

/* The same for a reference, as in a Location field, relative to base (RFC 3986 section 5.2). */
enum err_code fetch_url_resolve(struct arena *a, const struct fetch_url *base, struct str reference,
                                struct fetch_url *ret, struct err *e)
    __attribute__((warn_unused_result));

/* Whether scheme, host and port are equal. */
bool fetch_url_same_origin(const struct fetch_url *a, const struct fetch_url *b);

#endif
