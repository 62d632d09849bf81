/* dgate/state: what modules ask of the host's state. */
#ifndef SCRIPT_HOST_STATE_H
#define SCRIPT_HOST_STATE_H

struct script_run;
struct script_vm;

/* Answers that come later find no run any more. */
void host_state_drop_all(struct script_run *r);

/* Settles what was answered while JavaScript ran. */
void host_state_settle_answered(struct script_vm *vm);

#endif
