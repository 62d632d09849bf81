/* Attempts at an upstream: opening an exchange, waiting for the response's head, trying again. */
#ifndef PROXY_PROXY_ATTEMPT_H
#define PROXY_PROXY_ATTEMPT_H

#include "proxy/proxy_request.h"

/* Step ATTEMPT: asks attempt.url. */
enum proxy_turn proxy_attempt_open(struct proxy_request *r);

/* Step AWAIT: for the head, a failure or the time limit. */
enum proxy_turn proxy_attempt_await(struct proxy_request *r);

/* Step PAUSE: before the next attempt. */
enum proxy_turn proxy_attempt_pause(struct proxy_request *r);

/* While waiting for the head: something was sent, so that the time limit starts again. */
void proxy_attempt_progress(struct proxy_request *r);

/* Fails the request because the current attempt failed. */
enum proxy_turn proxy_attempt_raise(struct proxy_request *r);

/* The time of the whole request is up while an upstream is asked: ends the attempt, which has failed if only the
 * upstream was waited for. */
void proxy_attempt_expire(struct proxy_request *r);

/* Ends the attempt if there is one; nothing more comes of it. */
void proxy_attempt_drop(struct proxy_request *r);

#endif
