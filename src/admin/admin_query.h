/* The query of a request's target: name=value pairs joined by "&", percent-encoded, "+" for a space. */
#ifndef ADMIN_ADMIN_QUERY_H
#define ADMIN_ADMIN_QUERY_H

#include "base/buf.h"

enum admin_query_result { ADMIN_QUERY_FOUND, ADMIN_QUERY_ABSENT, ADMIN_QUERY_TOO_LARGE };

/* Appends the decoded value of the first pair of that name. TOO_LARGE: b's maximum is too small for it. */
enum admin_query_result admin_query_get(struct str query, struct str name, struct buf *b);

#endif
