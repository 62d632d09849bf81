/* Readiness of one descriptor that somebody else owns: sockets, pipes, libcurl's connections. */
#ifndef IO_POLLER_H
#define IO_POLLER_H

#include <stdbool.h>

struct loop;
struct poller;

enum { POLLER_READ = 1, POLLER_WRITE = 2, POLLER_HANGUP = 4 };

/* events is a set of POLLER_*; HANGUP comes only where asked for. An error on the descriptor shows as all
 * the events asked for. */
typedef void (*poller_fn)(void *user, int events);

/* Watches fd (non-blocking) for nothing yet. */
struct poller *poller_create(struct loop *l, int fd, poller_fn fn, void *user);

/* Watches for this set from now on; 0 stops. */
void poller_watch(struct poller *p, int events);

/* Whether the loop is kept running by it (true at first). */
void poller_keep_loop(struct poller *p, bool keep);

/* Stops at once; fd may be closed right after. p's memory is released on a later turn. NULL is allowed. */
void poller_destroy(struct poller *p);

#endif
