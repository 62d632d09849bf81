/* A keeper keeps one place of the process tree filled: control, or the worker of one listening socket. What dies is
 * started again: at once at first, with back-off from the third death within ten seconds.
 *
 * A place changes hands without a gap: a new worker starts beside the one that serves (each has a slot of its own in what
 * is kept per worker process), and when it serves the other one drains. Of control there is only one at a
 * time, since it alone writes the store: the old one ends first.
 */
#ifndef SERVER_KEEPER_H
#define SERVER_KEEPER_H

#include "io/timeout.h"
#include "server/launch.h"
#include "server/pages.h"
#include "server/sockets.h"

struct child;
struct keeper;
struct loop;
struct node_switches;

/* One process in a place. */
struct keeper_process {
    struct keeper *keeper;
    struct child *child;
    uint32_t slot;        /* of a worker: its page and column */
    uint32_t generation;  /* of the launch text that it was given */
    bool foreign_page;    /* its page is in memory that we do not have */
    uint64_t late_cpu_ns; /* CPU used when it was first seen late; 0: it is not late */
};

/* What all keepers have in common; the owner's. */
struct keeper_shared {
    struct loop *loop;
    struct sockets *sockets; /* with the current launch text */
    struct pages *pages;
    uint32_t workers;
    uint32_t generation; /* of that text */
    uint64_t hang_cpu_ms;
    struct node_switches *switches; /* of routes whose modules cost workers */
    uint32_t kills_max;             /* of workers, before they are switched off; 0: never */
    uint64_t kills_window_ms;
    uint64_t drain_ms; /* for a worker that was replaced */
    bool stopping;     /* nothing is started any more */
    /* A process ended and its place is empty now. False: the owner sees to it; true: start it again. */
    bool (*on_empty)(void *user, struct keeper *k, int64_t status, int signum);
    /* While stopping: any process ended. */
    void (*on_ended)(void *user);
    void *user;
};

enum { KEEPER_CRASHES_FREE = 2 }; /* restarts at once within the window */

struct keeper {
    struct keeper_shared *shared;
    enum launch_role role;
    uint32_t index;
    char name[24];
    struct keeper_process *now;  /* NULL between death and restart */
    struct keeper_process *next; /* starts to take its place; workers only */
    struct keeper_process *old;  /* drains */
    struct timeout restart;
    struct timeout grace;                     /* of old */
    uint64_t deaths[KEEPER_CRASHES_FREE + 1]; /* when it last died, newest first, ms */
    uint64_t backoff_ms;
};

void keeper_init(struct keeper *k, struct keeper_shared *shared, enum launch_role role,
                 uint32_t index);

/* Lets go of timers; no process may be left. */
void keeper_finish(struct keeper *k);

/* Starts the process with the current launch text. If that fails, tries again later. */
void keeper_start(struct keeper *k);

/* Takes over a process that an earlier program in our place started: as now, or as old if it drains already. */
enum err_code keeper_adopt(struct keeper *k, const struct keeper_process *p, pid_t pid, bool drains,
                           struct err *e) __attribute__((warn_unused_result));

/* Begins to replace what serves. A worker: starts the next one beside it; nothing may drain in this place. Control: tells it
 * to finish; the new one is started when it has. */
void keeper_replace(struct keeper *k);

/* Whether a worker accepts connections; not for control, nor for one whose page is foreign. p may be NULL. */
bool keeper_serves(const struct keeper_process *p);

/* A worker: whether the next one serves; then it takes the place, and the one before drains. */
bool keeper_advance(struct keeper *k);

/* Ends a next one that is not to take over. */
void keeper_give_up(struct keeper *k);

/* Sends a signal to all its processes. */
void keeper_signal(struct keeper *k, int signum);

/* How many processes it has. */
size_t keeper_running(const struct keeper *k);

/* Kills what hangs. A stopped or starved worker uses no CPU and is left alone; one that spins has nothing else to say for
 * itself. */
void keeper_watch(struct keeper *k, uint64_t now_ns);

#endif
