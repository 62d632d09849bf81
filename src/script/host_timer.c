#include "script/host_timer.h"

#include <stdlib.h>

#include "base/mem.h"
#include "script/host_groups.h"
#include "script/jsvalue.h"
#include "script/script_vm.h"
#include "script/unit.h"

struct host_timer {
    struct ilist_node node; /* in the run's timers */
    struct timeout timeout;
    struct script_run *run;
    double ticket;
    uint64_t interval_ms; /* 0: fires once */
};

static void destroy(struct host_timer *t)
{
    ilist_remove(&t->node);
    t->run->timer_count--;
    timeout_finish(&t->timeout);
    free(t);
}

static void on_timeout(struct timeout *timeout)
{
    struct host_timer *t = container_of(timeout, struct host_timer, timeout);
    struct script_run *r = t->run;
    const double ticket = t->ticket;
    const bool again = t->interval_ms > 0;
    if (again)
        timeout_set(timeout, t->interval_ms);
    else
        destroy(t);
    script_run_settle(r, ticket, again ? SCRIPT_RUN_AGAIN : SCRIPT_RUN_RESOLVE, NULL);
}

/* timerStart(handle, ticket, ms, repeat) */
static JSValueRef start(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                        const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    const uint32_t most = r->unit->limits.timers;
    if (r->timer_count >= most) {
        script_run_hit(r, SCRIPT_LIMIT_TIMERS);
        return jsvalue_throw(ctx, exception, "a request may have %u timers at once (limit timers)",
                             most);
    }
    const uint64_t ms = (uint64_t)host_number(ctx, argc, argv, 2);
    struct host_timer *t = mem_alloc(sizeof(*t));
    t->run = r;
    t->ticket = host_number(ctx, argc, argv, 1);
    t->interval_ms = host_flag(ctx, argc, argv, 3) ? ms : 0;
    timeout_init(&t->timeout, r->vm->loop, on_timeout);
    timeout_set_from_now(&t->timeout, ms);
    ilist_push(&r->timers, &t->node);
    r->timer_count++;
    return JSValueMakeUndefined(ctx);
}

/* timerStop(handle, ticket) */
static JSValueRef stop(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                       const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    struct script_run *r = host_run(ctx, argc, argv, exception);
    if (r == NULL)
        return JSValueMakeUndefined(ctx);
    const double ticket = host_number(ctx, argc, argv, 1);
    ilist_for_each_safe (n, next, &r->timers) {
        struct host_timer *t = container_of(n, struct host_timer, node);
        if (!(t->ticket < ticket) && !(t->ticket > ticket))
            destroy(t);
    }
    return JSValueMakeUndefined(ctx);
}

void host_timer_drop_all(struct script_run *r)
{
    ilist_for_each_safe (n, next, &r->timers) {
        destroy(container_of(n, struct host_timer, node));
    }
}

const struct host_function host_timer_functions[] = {
    {"timerStart", start}, {"timerStop", stop}, {NULL, NULL}};
