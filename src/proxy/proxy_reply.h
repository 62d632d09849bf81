/* The response on its way to the client: from the upstream, streamed as the client has room, or from memory
 * when modules read or made it.
 */
#ifndef PROXY_PROXY_REPLY_H
#define PROXY_PROXY_REPLY_H

#include "proxy/proxy_request.h"

/* Step HEAD: the upstream's head came. */
enum proxy_turn proxy_reply_head(struct proxy_request *r);

/* Step GATHER: the upstream's body, for modules. */
enum proxy_turn proxy_reply_gather(struct proxy_request *r);

/* Step REPLY: sends reply.head. */
enum proxy_turn proxy_reply_send(struct proxy_request *r);

/* Step RELAY: both bodies stream. */
enum proxy_turn proxy_reply_relay(struct proxy_request *r);

/* Step ANSWER: a module made the response itself. */
enum proxy_turn proxy_reply_answer(struct proxy_request *r);

/* Step FEED: sends reply.body as the client has room. */
enum proxy_turn proxy_reply_feed(struct proxy_request *r);

/* Events of the upstream's exchange; proxy_reply_end() when attempt.ended was set. */
void proxy_reply_data(struct proxy_request *r, struct str data);
void proxy_reply_end(struct proxy_request *r);

/* Grants the upstream credit, room in all at most. */
void proxy_reply_grant(struct proxy_request *r, size_t room);

/* Grants the upstream credit for the client's room. */
void proxy_reply_pull(struct proxy_request *r);

#endif
