/* What the supervisor hands to its children: fixed descriptors, and one JSON text with the rest. */
#ifndef SERVER_LAUNCH_H
#define SERVER_LAUNCH_H

#include <signal.h>
#include <sys/types.h>

#include "base/err.h"
#include "config/config.h"

/* Descriptors of every child after the standard three. */
enum {
    LAUNCH_FD_TEXT = 3,     /* this struct as JSON */
    LAUNCH_FD_PAGES = 4,    /* server/pages.h */
    LAUNCH_FD_COMPILER = 4, /* the compiler's socket; it has no pages */
    LAUNCH_FD_CONTROL = 5,  /* the listening socket of control; control only */
    LAUNCH_FD_LOCK = 6,     /* holds the lock of the storage directory; control only */
    LAUNCH_FD_ADMIN = 7,    /* listening sockets; control only; may be closed */
    LAUNCH_FD_TEST = 8,
    LAUNCH_FD_NODE = 9,   /* node/node_segment.h */
    LAUNCH_FD_PROXY = 10, /* and following, one per worker; every worker has all */
};

/* Tells a worker or control that another one takes its place: it accepts nothing more and ends with what it has. SIGTERM
 * instead says that the whole server stops. No terminal sends this one. */
#define LAUNCH_SIGNAL_RETIRE SIGURG

/* Tells a worker to open its access log anew. A version that does not know it is not hurt. */
#define LAUNCH_SIGNAL_REOPEN SIGWINCH

/* What is kept per worker process (pages, columns, links) has slots for twice the workers: one that drains and the
 * one that took its place. */
enum { LAUNCH_SLOTS_PER_WORKER = 2 };

enum { LAUNCH_WORKERS_MAX = 256, LAUNCH_TOKEN_SIZE = 33, LAUNCH_ADDRESS_MAX = 108 };

/* Exit status of a control that refuses the configuration: it would refuse it again, so the start ends. */
enum { LAUNCH_EXIT_REFUSED = 78 };

enum launch_role { LAUNCH_SUPERVISOR, LAUNCH_CONTROL, LAUNCH_WORKER, LAUNCH_COMPILER };

/* The place that a child fills. */
struct launch_seat {
    enum launch_role role;
    uint32_t index; /* of a worker: its listening socket */
    uint32_t slot;  /* of a worker: what is kept per process */
};

struct launch {
    struct config *config;
    uint32_t workers;
    char *store_dir;
    char token[LAUNCH_TOKEN_SIZE];    /* what a worker says to control to be believed */
    char address[LAUNCH_ADDRESS_MAX]; /* of control's socket; abstract, so it begins with NUL */
    size_t address_len;
    int64_t proxy_port; /* as bound (differs from the config's where that says 0) */
    int64_t admin_port;
    int64_t test_port;
};

/* Writes l into a new memory file. */
enum err_code launch_write(const struct launch *l, int *fd, struct err *e)
    __attribute__((warn_unused_result));

/* Reads it back in a child; launch_finish() releases it. */
enum err_code launch_read(int fd, struct launch *ret, struct err *e)
    __attribute__((warn_unused_result));
void launch_finish(struct launch *l);

/* A child's first steps: dies with its parent, ignores operators' signals, opens the log. name is kept. */
void launch_begin(const struct launch *l, pid_t parent, const char *name);

/* How many slots there are. */
static inline uint32_t launch_slots(const struct launch *l)
{
    return l->workers * LAUNCH_SLOTS_PER_WORKER;
}

/* The arguments that start a child in a seat: name, "--role", "worker:3:7:4711" (role, index, slot, our pid). text must
 * have at least LAUNCH_ROLE_SIZE bytes and live until the spawn. */
enum { LAUNCH_ROLE_SIZE = 64 };

/* Our own binary, even if the file was replaced meanwhile. */
#define LAUNCH_PROGRAM "/proc/self/exe"

void launch_args(const struct launch_seat *seat, char text[LAUNCH_ROLE_SIZE], const char *args[4]);

/* Reads that argument in the child. False when it is not one of ours. */
bool launch_parse_role(const char *text, struct launch_seat *seat, pid_t *parent)
    __attribute__((warn_unused_result));

#endif
