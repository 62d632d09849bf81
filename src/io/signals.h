/* Signals as events of the loop. */
#ifndef IO_SIGNALS_H
#define IO_SIGNALS_H

struct loop;
struct signals;

typedef void (*signals_fn)(void *user, int signum);

/* Calls fn on the loop for each arrival of signum. Does not keep the loop running. */
struct signals *signals_watch(struct loop *l, int signum, signals_fn fn, void *user);

/* Stops watching; the default action is back. NULL is allowed. */
void signals_stop(struct signals *s);

/* Ignores what an operator may send to a whole process group or by mistake to a child: INT, QUIT, HUP, USR1, USR2, and
 * PIPE, which writes report as EPIPE. */
void signals_ignore_operator(void);

#endif
