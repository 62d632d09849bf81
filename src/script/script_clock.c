#include "script/script_clock.h"

#include <assert.h>
#include <math.h>

#include "base/now.h"

enum { NS_PER_US = 1000, US_PER_MS = 1000 };

static double real_mono_ms(void)
{
    return (double)(now_mono_ns() / NS_PER_US) / US_PER_MS;
}

void script_clock_init(struct script_clock *c)
{
    *c = (struct script_clock){0};
    ilist_init(&c->alarms);
}

void script_clock_stop(struct script_clock *c, double wall_ms)
{
    if (!c->stopped)
        c->mono_ms = real_mono_ms();
    c->stopped = true;
    c->wall_ms = wall_ms;
}

void script_clock_resume(struct script_clock *c)
{
    c->stopped = false;
    while (ilist_pop(&c->alarms) != NULL) {
    }
}

double script_clock_mono_ms(const struct script_clock *c)
{
    return c->stopped ? c->mono_ms : real_mono_ms();
}

void script_clock_add(struct script_clock *c, struct script_alarm *a, double ms)
{
    assert(c->stopped && a->ring != NULL);
    struct ilist later;
    struct ilist_node *n = NULL;
    a->due_ms = c->mono_ms + ms;
    ilist_init(&later);
    while (!ilist_empty(&c->alarms)) {
        n = c->alarms.head.prev;
        if (container_of(n, struct script_alarm, node)->due_ms <= a->due_ms)
            break;
        ilist_remove(n);
        ilist_push_front(&later, n);
    }
    ilist_push(&c->alarms, &a->node);
    while ((n = ilist_pop(&later)) != NULL)
        ilist_push(&c->alarms, n);
}

static void move(struct script_clock *c, double to_ms)
{
    if (!isfinite(to_ms) || to_ms <= c->mono_ms)
        return;
    c->wall_ms += to_ms - c->mono_ms;
    c->mono_ms = to_ms;
}

bool script_clock_step(struct script_clock *c, double until_ms)
{
    struct script_alarm *first = ilist_empty(&c->alarms)
                                     ? NULL
                                     : container_of(c->alarms.head.next, struct script_alarm, node);
    if (first == NULL || first->due_ms > until_ms) {
        move(c, until_ms);
        return false;
    }
    ilist_remove(&first->node);
    move(c, first->due_ms);
    first->ring(first);
    return true;
}
