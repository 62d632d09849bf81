/* Where a request can go: a URL of a service, or one that fetchUpstream gave, ready to be joined with the
 * request's path and query.
 */
#ifndef PROXY_UPSTREAM_URL_H
#define PROXY_UPSTREAM_URL_H

#include "base/arena.h"
#include "base/err.h"

/* Read by anyone; the strs live as long as the arena and the text given to upstream_url_parse(). */
struct upstream_url {
    struct str text; /* with its scheme */
    bool secure;     /* https, wss */
    struct str host; /* without brackets */
    uint16_t port;
    struct str authority; /* host[:port] as written */
    struct str path;      /* normalised; "" or begins with "/" */
    struct str query;
    bool has_query;
};

/* Parses text; without a scheme it is http. The text is borrowed. The error says what is wrong. */
enum err_code upstream_url_parse(struct arena *a, struct str text, struct upstream_url *ret,
                                 struct err *e) __attribute__((warn_unused_result));

/* The request target at url of a request for path (normalised; "" when stripPath took all of it) and
 * query: the paths joined with one slash between them, a slash at the end kept; the url's own query
 * before the request's. False past the arena's limit. */
struct upstream_query {
    struct str text;
    bool present; /* tells "?" alone */
};
bool upstream_url_target(struct arena *a, const struct upstream_url *url, struct str path,
                         struct upstream_query query, struct str *ret)
    __attribute__((warn_unused_result));

#endif
