/* Child processes: our own binary again, with a role and inherited descriptors. */
#ifndef IO_CHILD_H
#define IO_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct child;
struct loop;

/* status is the exit status when signum is 0; else signum ended it. The child object is gone afterwards. */
typedef void (*child_exit_fn)(void *user, int64_t status, int signum);

struct child_spec {
    const char *program;     /* its path */
    const char *const *args; /* NULL-terminated; args[0] is the name it goes by */
    const char *const *env;  /* NULL-terminated "NAME=value" to add to ours; NULL: none */
    const int *fds; /* the child's descriptors 0..count-1; -1: none (/dev/null for 0 to 2) */
    size_t fd_count;
    child_exit_fn on_exit;
    void *user;
};

/* Starts it. Every descriptor that is not in fds is closed in the child if it is close-on-exec (ours are). */
enum err_code child_spawn(struct loop *l, const struct child_spec *spec, struct child **ret,
                          struct err *e) __attribute__((warn_unused_result));

/* Takes over a child that an earlier program in this process started, so that on_exit tells of its end, even if it has ended
 * already. ERR_NOT_FOUND when pid is no child of ours. */
enum err_code child_adopt(struct loop *l, pid_t pid, child_exit_fn on_exit, void *user,
                          struct child **ret, struct err *e) __attribute__((warn_unused_result));

pid_t child_pid(const struct child *c);

/* Sends it a signal; no effect when it has ended. */
void child_signal(struct child *c, int signum);

/* Forgets it: on_exit is not called any more; the process goes on, and is reaped when it ends while the loop runs. NULL is
 * allowed. */
void child_forget(struct child *c);

/* In a child: to be killed when the parent dies. Exits at once when the parent, whose pid is given, is gone. */
void child_die_with_parent(pid_t parent);

/* Memory of a process, ours included; 0 when it is gone. The values are columns of /proc/PID/statm (proc(5)). */
enum child_memory { CHILD_RESIDENT = 1, CHILD_DATA = 5 };
uint64_t child_memory_bytes(pid_t pid, enum child_memory which);

/* CPU time, all threads, in nanoseconds; 0 when the process is gone. */
uint64_t child_cpu_ns(pid_t pid);

#endif
