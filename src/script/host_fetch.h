/* fetch() of modules. */
#ifndef SCRIPT_HOST_FETCH_H
#define SCRIPT_HOST_FETCH_H

struct script_run;

/* Drops all of a run's fetches. */
void host_fetch_drop_all(struct script_run *r);

#endif
