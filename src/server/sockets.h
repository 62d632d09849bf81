/* The descriptors that the supervisor makes and its children inherit, by the child's number (LAUNCH_FD_*). */
#ifndef SERVER_SOCKETS_H
#define SERVER_SOCKETS_H

#include <stddef.h>

#include "server/launch.h"

enum { SOCKETS_MAX = LAUNCH_FD_PROXY + LAUNCH_WORKERS_MAX };

struct sockets {
    int fds[SOCKETS_MAX]; /* -1: none */
};

/* None but standard output and error. */
void sockets_init(struct sockets *s);

/* Binds what the configuration of l listens on, for l->workers workers, and control's socket; the ports and the address
 * go into l. The message names the address that is in use. */
enum err_code sockets_bind(struct sockets *s, struct launch *l, struct err *e)
    __attribute__((warn_unused_result));

/* What a child of that role gets: workers no listening sockets but the proxy's, control all the others. fds has room
 * for SOCKETS_MAX; returns how many. */
size_t sockets_for(const struct sockets *s, enum launch_role role, uint32_t workers, int *fds);

/* Closes the listening sockets: our copies. */
void sockets_stop_listening(struct sockets *s);

#endif
