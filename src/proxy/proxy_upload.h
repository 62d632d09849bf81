/* The request's body on its way from the client to the upstream: streamed as the upstream has room, or
 * collected first when modules read it; kept while an attempt might have to be repeated.
 */
#ifndef PROXY_PROXY_UPLOAD_H
#define PROXY_PROXY_UPLOAD_H

#include "proxy/proxy_request.h"

void proxy_upload_init(struct proxy_request *r);

/* The route is known, and with it how long the body may be: goes on to LINK, or 413. */
enum proxy_turn proxy_upload_admit(struct proxy_request *r);

/* Events of the client's exchange. */
void proxy_upload_data(struct proxy_request *r, struct str data);
void proxy_upload_end(struct proxy_request *r, const struct http_fields *trailers);

/* Step COLLECT. */
enum proxy_turn proxy_upload_collect(struct proxy_request *r);

/* What the head of an attempt says about the body. */
void proxy_upload_describe(const struct proxy_request *r, struct http_head *head);

/* An attempt was opened: it gets everything from the start. */
void proxy_upload_begin(struct proxy_request *r);

/* Whether an attempt can be repeated as far as the body is concerned. */
bool proxy_upload_can_repeat(const struct proxy_request *r);

/* Grants the client credit, room in all at most. */
void proxy_upload_grant(struct proxy_request *r, size_t room);

/* Gives the upstream what it has room for, and grants the client credit for the rest of the room. */
void proxy_upload_pump(struct proxy_request *r);

/* The client may send now: the upstream said 100 (Continue), or said nothing for long enough. */
void proxy_upload_continue(struct proxy_request *r);

/* 101 was sent: from now on raw bytes come from the client. */
void proxy_upload_tunnel(struct proxy_request *r);

#endif
