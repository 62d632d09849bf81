/* How a request fails: a status, a short text for the client, a detail for the log and for errorHandler. */
#ifndef PROXY_PROXY_ERROR_H
#define PROXY_PROXY_ERROR_H

#include "proxy/proxy_request.h"

/* Tells proxy_options.failed; true: it is not to be logged. */
bool proxy_error_tell(const struct proxy_request *r, struct str why);

/* Fails with all that failure says; text must live as long as the request. */
enum proxy_turn proxy_error_fail(struct proxy_request *r, const struct proxy_failure *failure);

/* Something behind the proxy failed: an upstream or a module. errorHandler may answer, else text does. Logged
 * here. text and detail (may be empty: text says all) must live as long as the request. */
enum proxy_turn proxy_error_raise(struct proxy_request *r, uint16_t status, const char *text,
                                  struct str detail);

/* The same, but no errorHandler is asked: the request itself is wrong, or modules must not go on. */
enum proxy_turn proxy_error_refuse(struct proxy_request *r, uint16_t status, const char *text,
                                   struct str detail);

/* The request's memory is used up. */
enum proxy_turn proxy_error_memory(struct proxy_request *r);

/* Step ERROR: sends {"error":text,"status":n,"request_id":id}, or resets when a head was sent already. */
enum proxy_turn proxy_error_send(struct proxy_request *r);

#endif
