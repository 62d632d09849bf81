/* Timers of a request. */
#ifndef SCRIPT_HOST_TIMER_H
#define SCRIPT_HOST_TIMER_H

struct script_run;

/* Stops and frees all of a run's timers. */
void host_timer_drop_all(struct script_run *r);

#endif
