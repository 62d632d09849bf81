/* What trusted proxies in front of a server said of the connection to the client. Each of them appends an entry to
 * X-Forwarded-For, and clients may begin the list with whatever they like: only the last entries can be believed.
 */
#ifndef CODEC_FORWARDED_H
#define CODEC_FORWARDED_H

#include "codec/http_head.h"

/* The depth-th entry from the end of the comma-separated entries of all fields with that id; the first one when there
 * are fewer. Empty when there is none, or depth is 0. Borrowed from the fields. */
struct str forwarded_entry(const struct http_fields *fs, enum http_field_id id, uint64_t depth);

#endif
