#include "proxy/proxy_timer.h"

#include <stdlib.h>

#include "base/mem.h"

void proxy_timer_init(struct proxy_timers *pool, struct loop *loop, timeout_fn fire)
{
    *pool = (struct proxy_timers){.loop = loop, .fire = fire};
}

void proxy_timer_finish(struct proxy_timers *pool)
{
    while (pool->free != NULL) {
        struct proxy_timer *t = pool->free;
        pool->free = t->next;
        timeout_finish(&t->timeout);
        free(t);
    }
}

struct proxy_timer *proxy_timer_take(struct proxy_timers *pool, void *user)
{
    struct proxy_timer *t = pool->free;
    if (t != NULL) {
        pool->free = t->next;
    } else {
        t = mem_alloc(sizeof(*t));
        timeout_init(&t->timeout, pool->loop, pool->fire);
    }
    t->next = NULL;
    t->user = user;
    return t;
}

void proxy_timer_give(struct proxy_timers *pool, struct proxy_timer *t)
{
    if (t == NULL)
        return;
    timeout_clear(&t->timeout);
    t->user = NULL;
    t->next = pool->free;
    pool->free = t;
}
