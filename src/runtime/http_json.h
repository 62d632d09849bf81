/* HTTP messages as JSON, between dgate/test and this program: fields are [["name","value"],...], where a byte
 * of a value is the character of that number; a body is {"text":"..."}, or {"base64":"..."} when it is not text.
 */
#ifndef RUNTIME_HTTP_JSON_H
#define RUNTIME_HTTP_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/http_head.h"

/* New references. */
json_t *http_json_fields(const struct http_fields *fields);
json_t *http_json_body(struct str bytes);

/* Reads fields into fs; what they point to lives in a. False with e filled when one is not legal or they need more
 * than a has. Content-Length, Host and Transfer-Encoding are left out: they follow from the message. */
bool http_json_take_fields(const json_t *list, struct arena *a, struct http_fields *fs,
                           struct err *e) __attribute__((warn_unused_result));

/* Reads a body into b; absent or null is an empty one. */
bool http_json_take_body(const json_t *body, struct buf *b, struct err *e)
    __attribute__((warn_unused_result));

#endif
