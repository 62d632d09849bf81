/* What a string of a resource may be. Each check returns 0, or INVALID with a sentence that follows the
 * field's path ("must begin with '/'").
 */
#ifndef MODEL_CHECKS_H
#define MODEL_CHECKS_H

#include "base/err.h"
#include "base/str.h"

/* A name, a tag: 1 to 100 bytes without control characters. A document's id: 1 to 255. */
enum err_code checks_name(struct str text, struct err *e);
enum err_code checks_document_id(struct str text, struct err *e);

/* An absolute URL that upstreams can be reached by. */
enum err_code checks_upstream_url(struct str text, struct err *e);

/* A route's path begins with "/"; its syntax is the route compiler's. */
enum err_code checks_route_path(struct str text, struct err *e);

/* An HTTP method in upper case, or "*". */
enum err_code checks_method(struct str text, struct err *e);

/* A domain pattern: not empty, no control characters and no white space; its syntax is the route compiler's. */
enum err_code checks_domain_pattern(struct str text, struct err *e);

/* What a route counts requests by: "client", "route", or "header:" and the name of a field. */
enum err_code checks_limit_by(struct str text, struct err *e);

/* What requests are hashed on: "ip", "path", "header:NAME" or "cookie:NAME". */
enum err_code checks_hash_on(struct str text, struct err *e);

/* A path as it is sent in a request: begins with "/", may have a query, no fragment, no white space. */
enum err_code checks_health_path(struct str text, struct err *e);

/* A secret: anything but the placeholder that is shown instead of it. */
enum err_code checks_secret(struct str text, struct err *e);

#endif
