/* The supervisor: binds the sockets, starts the other processes, restarts what dies, kills what hangs. It parses nothing
 * that comes from the network.
 */
#ifndef SERVER_SUPERVISOR_H
#define SERVER_SUPERVISOR_H

#include "config/config.h"

/* Runs the server until it is told to stop. Takes over c. Returns the exit status of the program: 0 after a stop, 1 when it
 * could not start (said in one line on standard error). */
int supervisor_run(struct config *c);

#endif
