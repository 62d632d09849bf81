/* The event loop of a process: libuv behind a narrow face. One per process, one thread.
 *
 * Everything made on a loop (pollers, timeouts, sockets) must be closed before loop_destroy(); closing is
 * two-phase: the object stops at once and its memory is released on a later turn.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ilist.h"

struct loop;

/* Never NULL. */
struct loop *loop_create(void);

/* Runs what is left to release, then frees the loop. Asserts that nothing else is open on it. */
void loop_destroy(struct loop *l);

/* Runs until loop_stop(), or until nothing is left to wait for: no task, watch, poller or timeout. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Runs one turn; waits for an event only if wait. For tests. */
void loop_turn(struct loop *l, bool wait);

/* Monotonic milliseconds at the start of this turn: cheap. */
uint64_t loop_now_ms(const struct loop *l);

/* A task: run once, at the end of the current turn, before the loop waits again. The node is a member of
 * the caller's object. Scheduling a scheduled task does nothing. Tasks scheduled by tasks run in the
 * next turn, which then does not wait. */
struct loop_task {
    struct ilist_node node;
    void (*run)(struct loop_task *t);
};
void loop_schedule(struct loop *l, struct loop_task *t);

/* Takes a task back; no effect when it is not scheduled. */
void loop_unschedule(struct loop_task *t);

/* An edge-triggered watch of a socket, registered once for its life: no system call when interest
 * changes. For sock.c and listener.c; others use poller.h. Embedded in the object; events is a set of EPOLL*. */
struct loop_watch {
    void (*fire)(struct loop_watch *w, uint32_t events);
};

/* Watches fd for events (EPOLLET is added). False, with errno set, when the kernel refuses. */
bool loop_watch_add(struct loop *l, struct loop_watch *w, int fd, uint32_t events)
    __attribute__((warn_unused_result));

/* Watches for other events from now on; reports at once what is ready already. */
void loop_watch_change(struct loop *l, struct loop_watch *w, int fd, uint32_t events);

/* No call after this. The caller closes fd at once, which ends the watch in the kernel (nothing but
 * this process may hold the descriptor), unless keep_fd. */
void loop_watch_remove(struct loop *l, struct loop_watch *w, int fd, bool keep_fd);

/* Runs work on a thread of the pool, then done on the loop. Never fails. */
void loop_work(struct loop *l, void (*work)(void *user), void (*done)(void *user), void *user);

/* The uv_loop_t, for the other files of io/ only. */
void *loop_uv(struct loop *l);

#endif
