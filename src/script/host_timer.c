#include "script/host_timer.h"

#include <stdlib.h>

#include "base/mem.h"
#include "script/entry.h"
#include "script/host_groups.h"
#include "script/jsvalue.h"
#include "script/script_vm.h"
#include "script/unit.h"

struct host_timer {
    struct ilist_node node; /* in the run's timers */
    struct timeout timeout;
    struct script_alarm alarm; /* while time is stopped, instead of timeout */
    struct script_run *run;
    double ticket;
    uint64_t interval_ms; /* 0: fires once */
};

static void destroy(struct host_timer *t)
{
    ilist_remove(&t->node);
    t->run->timer_count--;
    timeout_finish(&t->timeout);
    ilist_remove(&t->alarm.node);
    free(t);
}

/* The timer is due. When it is to fire again that is set already; else it ends. */
static void fire(struct host_timer *t)
{
    struct script_run *r = t->run;
    const double ticket = t->ticket;
    const bool again = t->interval_ms > 0;
    if (!again)
        destroy(t);
    script_run_settle(r, ticket, again ? SCRIPT_RUN_AGAIN : SCRIPT_RUN_RESOLVE, NULL);
}

static void on_timeout(struct timeout *timeout)
{
    struct host_timer *t = container_of(timeout, struct host_timer, timeout);
    if (t->interval_ms > 0)
        timeout_set(timeout, t->interval_ms);
    fire(t);
}

static void on_alarm(struct script_alarm *a)
{
    struct host_timer *t = container_of(a, struct host_timer, alarm);
    if (t->interval_ms > 0)
        script_clock_add(&t->run->vm->clock, a, (double)t->interval_ms);
    fire(t);
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
    t->alarm.ring = on_alarm;
    if (r->vm->clock.stopped)
        script_clock_add(&r->vm->clock, &t->alarm, (double)ms);
    else
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

/* clockStop(wall): for tools only */
static JSValueRef clock_stop(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                             const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)exception;
    struct script_vm *vm = entry_vm();
    if (vm->host.tool != NULL)
        script_clock_stop(&vm->clock, host_number(ctx, argc, argv, 0));
    return JSValueMakeUndefined(ctx);
}

/* clockResume() */
static JSValueRef clock_resume(JSContextRef ctx, JSObjectRef function, JSObjectRef this,
                               size_t argc, const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)argc;
    (void)argv;
    (void)exception;
    script_clock_resume(&entry_vm()->clock);
    return JSValueMakeUndefined(ctx);
}

/* clockWall(): undefined when time is not stopped */
static JSValueRef clock_wall(JSContextRef ctx, JSObjectRef function, JSObjectRef this, size_t argc,
                             const JSValueRef argv[], JSValueRef *exception)
{
    (void)function;
    (void)this;
    (void)argc;
    (void)argv;
    (void)exception;
    const struct script_clock *c = &entry_vm()->clock;
    return c->stopped ? JSValueMakeNumber(ctx, c->wall_ms) : JSValueMakeUndefined(ctx);
}

const struct host_function host_timer_functions[] = {
    {"timerStart", start},         {"timerStop", stop},       {"clockStop", clock_stop},
    {"clockResume", clock_resume}, {"clockWall", clock_wall}, {NULL, NULL}};
