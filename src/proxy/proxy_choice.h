/* Which URL of the service a request goes to: by the service's policy among those that are healthy, and what the request
 * shows about the health of that one. All of it does nothing for a URL that fetchUpstream gave.
 */
#ifndef PROXY_PROXY_CHOICE_H
#define PROXY_PROXY_CHOICE_H

#include "proxy/proxy_request.h"

/* Sets attempt.url for the first attempt; false: the service has no URL. When none is healthy, all are. */
bool proxy_choice_first(struct proxy_request *r) __attribute__((warn_unused_result));

/* The attempt failed: sets attempt.url to another one, if there is; a healthy and untried one before others. */
void proxy_choice_next(struct proxy_request *r);

/* The attempt begins: with least_conn it counts as one more request in flight. */
void proxy_choice_begin(struct proxy_request *r);

/* The upstream's exchange is over, or nobody waits for it. */
void proxy_choice_end(struct proxy_request *r);

/* attempt.head came, or attempt.why ended it before: the verdict on the URL. */
void proxy_choice_answered(struct proxy_request *r);
void proxy_choice_failed(struct proxy_request *r);

/* What the requests of this client, or with this path, header or cookie, have in common under balance hash. */
struct str proxy_choice_hash_key(const struct proxy_request *r, struct str hash_on);

#endif
