#include "script/script_clock.h"

#include <assert.h>
#include <math.h>

#include "base/now.h"

enum { NS_PER_US = 1000, US_PER_MS = 1000 };

static double real_mono_ms(void)
{
    const uint64_t us = now_mono_ns() / NS_PER_US;
    return (double)us / US_PER_MS;
}

void script_clock_init(struct script_clock *c)
{
    *c = (struct script_clock){0};
    ilist_init(&c->alarms);
}

void script_clock_stop(struct script_clock *c, double wall_ms)
{
    if (!c->stopped)
        c->mono_ms = ceil(real_mono_ms()); /* so that sums are exact */
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
    a->due_ms = c->mono_ms + ms;
    ilist_push(&c->alarms, &a->node);
}

/* Of those that are due at the same time the one that was added first; NULL when there is none. */
static struct script_alarm *first_alarm(struct script_clock *c)
{
    struct script_alarm *first = NULL;
    ilist_for_each (n, &c->alarms) {
        struct script_alarm *a = container_of(n, struct script_alarm, node);
        if (first == NULL || a->due_ms < first->due_ms)
            first = a;
    }
    return first;
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
    struct script_alarm *first = first_alarm(c);
    if (first == NULL || first->due_ms > until_ms) {
        move(c, until_ms);
        return false;
    }
    ilist_remove(&first->node);
    move(c, first->due_ms);
    first->ring(first);
    return true;
}
