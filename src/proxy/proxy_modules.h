/* Modules in the life of a request: the program of its route, the object that both sides see, and the calls of
 * its functions. Every call is a pair of steps: one begins it, the other looks at the outcome.
 */
#ifndef PROXY_PROXY_MODULES_H
#define PROXY_PROXY_MODULES_H

#include "proxy/proxy_request.h"
#include "script/script.h"

/* Step LINK: the program of the route, if it has modules. */
enum proxy_turn proxy_modules_link(struct proxy_request *r);

/* requestModifier, on every route. */
enum proxy_turn proxy_modules_modify(struct proxy_request *r);
enum proxy_turn proxy_modules_modified(struct proxy_request *r);

/* fetchUpstream, instead of the round robin. */
enum proxy_turn proxy_modules_fetch(struct proxy_request *r);
enum proxy_turn proxy_modules_fetched(struct proxy_request *r);

/* responseModifier, on what the upstream answered. */
enum proxy_turn proxy_modules_revise(struct proxy_request *r);
enum proxy_turn proxy_modules_revised(struct proxy_request *r);

/* requestHandler, on routes without a service. */
enum proxy_turn proxy_modules_handle(struct proxy_request *r);
enum proxy_turn proxy_modules_handled(struct proxy_request *r);

/* errorHandler, after a failure. */
enum proxy_turn proxy_modules_rescue(struct proxy_request *r);
enum proxy_turn proxy_modules_rescued(struct proxy_request *r);

/* Whether the route's program has that function; false without a program. */
bool proxy_modules_has(const struct proxy_request *r, enum script_function f);

/* Whether a module set or added fields that are forwarded. */
bool proxy_modules_wrote_fields(const struct proxy_request *r);

/* What modules set of a response of their own, and did not answer with: for the upstream's. NULL: nothing. */
const struct http_fields *proxy_modules_response_fields(const struct proxy_request *r);

/* Only when there is one (r->modules is not NULL). */
const struct script_program *proxy_modules_program(const struct proxy_request *r);

/* The most that is collected of a body for the route's modules. Only when there are some, as the next. */
size_t proxy_modules_body_max(const struct proxy_request *r);

/* A body is larger: 413 of a request, 502 of a response, for which errorHandler is asked. */
enum proxy_turn proxy_modules_refuse_body(struct proxy_request *r, uint16_t status,
                                          const char *text);

/* Makes the reply's head and body of the response that modules made, which ends their work unless the body flows
 * (reply.streams). False when it is
 * not a legal response. */
bool proxy_modules_answer(struct proxy_request *r) __attribute__((warn_unused_result));

/* The run of the request's modules; NULL: none, or none any more. */
struct script_run *proxy_modules_run(const struct proxy_request *r);

/* Ends the run, when nothing more is to come of it. */
void proxy_modules_end(struct proxy_request *r);

/* Ends what modules do for the request; NULL is fine. */
void proxy_modules_finish(struct proxy_request *r);

#endif
