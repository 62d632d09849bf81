/* The rules about fields: what is taken out of and put into requests and responses on their way.
 * docs/proxy.md has them as a table.
 */
#ifndef PROXY_PROXY_HEADERS_H
#define PROXY_PROXY_HEADERS_H

#include "proxy/proxy_request.h"

/* Step PREPARE: makes r->fields from what the client sent: what clients may not say is out, forwarding fields
 * and the request id are in. Modules see and change these. */
enum proxy_turn proxy_headers_prepare(struct proxy_request *r);

/* What of a request's trailers is passed on: clients may say there what they may say in the head. NULL: nothing, or
 * nothing fits the arena. */
const struct http_fields *proxy_headers_trailers(struct proxy_request *r,
                                                 const struct http_fields *received);

/* Adds what tells the upstream about the way: Via and X-DGate-*. Once per request. False past the arena's
 * limit. */
bool proxy_headers_complete(struct proxy_request *r) __attribute__((warn_unused_result));

/* Fields of a response from an upstream that spoke HTTP version: what modules set of their own response, received without
 * what was for the proxy only, the request id, Via, global headers. False past the arena's limit. */
bool proxy_headers_response(const struct proxy_request *r, const struct http_fields *received,
                            uint8_t version, struct http_fields *ret)
    __attribute__((warn_unused_result));

/* Fields of a response of our own: those given (may be NULL), the request id, and global headers on routes with a
 * service. */
bool proxy_headers_own(const struct proxy_request *r, const struct http_fields *given,
                       struct http_fields *ret) __attribute__((warn_unused_result));

/* Takes out of fields that a module may have written what only http/ may say (framing and connection). False
 * when a name or value is not legal. */
bool proxy_headers_clean(struct http_fields *fields) __attribute__((warn_unused_result));

/* The protocols of a request's Upgrade that are passed on; empty: none. */
struct str proxy_headers_upgrade(const struct http_head *request);

#endif
