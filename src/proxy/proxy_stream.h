/* Bodies that flow through modules: what comes of the client's and the upstream's body as a module reads it, and what
 * a module gives as the response's body while the client has room.
 */
#ifndef PROXY_PROXY_STREAM_H
#define PROXY_PROXY_STREAM_H

#include "proxy/proxy_request.h"
#include "script/script.h"

/* For struct script_exchange; its user is the request. */
extern const struct script_flow proxy_stream_flow;

/* Step STREAM: the response's head was sent, its body comes from a module. */
enum proxy_turn proxy_stream_pull(struct proxy_request *r);

/* Bytes of a body that a module reads. */
void proxy_stream_request_data(struct proxy_request *r, struct str data);
void proxy_stream_upstream_data(struct proxy_request *r, struct str data);

/* The ends of both; error is NULL when the body is complete. No effect when no module reads it. */
void proxy_stream_request_end(struct proxy_request *r);
void proxy_stream_upstream_end(struct proxy_request *r, const char *error);

#endif
