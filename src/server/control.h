/* The control process: the only writer of the store. Admin API, change log, links to the workers, the compiler. */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include "server/launch.h"

/* Runs until SIGTERM or LAUNCH_SIGNAL_RETIRE. Returns the exit status of the process; LAUNCH_EXIT_REFUSED when the configuration's resources are
 * refused (logged). */
int control_run(struct launch *l);

#endif
