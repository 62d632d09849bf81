/* A worker process: the data plane. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "server/launch.h"

/* Runs until SIGTERM or LAUNCH_SIGNAL_RETIRE and everything in flight has ended. Returns the exit status of the process. */
int worker_run(struct launch *l, const struct launch_seat *seat);

#endif
