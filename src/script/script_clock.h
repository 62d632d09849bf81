/* Time that a tool can stop and move, for tests of modules: what modules see of time, and their timers. Limits are none of
 * it; they go on by real time. A server never stops it.
 */
#ifndef SCRIPT_SCRIPT_CLOCK_H
#define SCRIPT_SCRIPT_CLOCK_H

#include <stdbool.h>

#include "base/ilist.h"

/* Rings when stopped time has come to it; a member of the caller's object, which takes it back with ilist_remove(). */
struct script_alarm {
    struct ilist_node node;
    double due_ms; /* on mono_ms's clock */
    void (*ring)(struct script_alarm *a);
};

struct script_clock {
    bool stopped;
    double mono_ms;      /* while stopped: what the monotonic clock shows */
    double wall_ms;      /* while stopped: milliseconds since 1970 */
    struct ilist alarms; /* in the order in which they were added; empty unless stopped */
};

void script_clock_init(struct script_clock *c);

/* Stops it at wall_ms; when it is stopped already, only the wall clock is set. */
void script_clock_stop(struct script_clock *c, double wall_ms);

/* Real time again. Alarms that have not rung never will. No effect when it is not stopped. */
void script_clock_resume(struct script_clock *c);

/* Monotonic milliseconds, with microseconds as fractions. */
double script_clock_mono_ms(const struct script_clock *c);

/* Rings in that many milliseconds, after those that are due then already. The clock is stopped. */
void script_clock_add(struct script_clock *c, struct script_alarm *a, double ms);

/* Moves to the first alarm that is due until then, takes it from the list and rings it; when there is none, moves to
 * until_ms (unless it is infinite, or past) and returns false. Not while JavaScript runs. */
bool script_clock_step(struct script_clock *c, double until_ms);

#endif
