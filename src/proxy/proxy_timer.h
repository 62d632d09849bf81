/* Timers of requests. A request has one at most, taken from a pool when it first waits for something:
 * a timer that has run before is set again without a system call or an allocation.
 */
#ifndef PROXY_PROXY_TIMER_H
#define PROXY_PROXY_TIMER_H

#include "io/timeout.h"

struct proxy_timer {
    struct timeout timeout;
    struct proxy_timer *next; /* in the pool */
    void *user;               /* of the current owner */
};

struct proxy_timers {
    struct loop *loop;
    timeout_fn fire;
    struct proxy_timer *free;
};

/* fire gets the struct timeout of a struct proxy_timer. */
void proxy_timer_init(struct proxy_timers *pool, struct loop *loop, timeout_fn fire);

/* Releases the timers of the pool, to which all must have returned. */
void proxy_timer_finish(struct proxy_timers *pool);

/* Never NULL, not set. user is whose timer it is now. */
struct proxy_timer *proxy_timer_take(struct proxy_timers *pool, void *user);

/* Clears and gives it back. t may be NULL. */
void proxy_timer_give(struct proxy_timers *pool, struct proxy_timer *t);

#endif
