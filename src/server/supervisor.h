/* The supervisor: binds the sockets, starts the other processes, restarts what dies, kills what hangs. It parses nothing
 * that comes from the network.
 */
#ifndef SERVER_SUPERVISOR_H
#define SERVER_SUPERVISOR_H

#include "config/config.h"

struct supervisor_options {
    struct config
        *config;       /* taken over; NULL: the server that runs in this process is taken over */
    int takeover_fd;   /* then: what server/handover.h wrote */
    const char *flag;  /* -c, to load the configuration again; NULL: none */
    const char *argv0; /* how the program was called, to find its file again */
};

/* Runs the server until it is told to stop. Returns the exit status of the program: 0 after a stop, 1 when it could not
 * start (said in one line on standard error). */
int supervisor_run(const struct supervisor_options *options);

#endif
