/* What a supervisor hands to the program that takes its place by execve(): descriptors stay open, the rest is one JSON
 * text in a memory file. The process id stays the same, so the children stay ours.
 */
#ifndef SERVER_HANDOVER_H
#define SERVER_HANDOVER_H

#include "base/vec.h"
#include "server/sockets.h"
#include "server/storage_dir.h"

/* The format that we write, and the oldest that we read. */
enum { HANDOVER_OLDEST = 1, HANDOVER_VERSION = 1 };

/* One process of ours. */
struct handover_process {
    struct launch_seat seat;
    pid_t pid;
    bool drains;
};

struct handover {
    char *from; /* the version that hands over */
    struct sockets sockets;
    struct storage_dir storage;
    VEC_OF(struct handover_process);
};

/* Writes it into a new memory file. */
enum err_code handover_write(const struct handover *h, int *fd, struct err *e)
    __attribute__((warn_unused_result));

/* Reads it back, and closes fd. ERR_INVALID when it is not for this process or not in a format that we read. */
enum err_code handover_read(int fd, struct handover *ret, struct err *e)
    __attribute__((warn_unused_result));

/* Frees what it holds in memory; descriptors stay open. */
void handover_finish(struct handover *h);

/* Whether the descriptors stay open over execve(). */
void handover_keep_open(const struct handover *h, bool keep);

#endif
