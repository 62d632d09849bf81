/* Children for tests of what starts processes: this test program again, which does what the first letter of its launch
 * text says, and keepers for them.
 */
#ifndef UNIT_SERVER_FAKE_CHILD_H
#define UNIT_SERVER_FAKE_CHILD_H

#include <limits.h>
#include <linux/close_range.h>

#include "io/child.h"
#include "io/peer.h"
#include "io/shm.h"
#include "server/keeper.h"

enum { FAKE_WORKERS = 2, FAKE_SLOTS = FAKE_WORKERS * LAUNCH_SLOTS_PER_WORKER };

/* A launch text with this word: as 'r'. */
#define FAKE_CONTROL_REFUSES "control-refuses"

/* In main(), first thing. 's': serves until it is told to end; 'h': never serves; 'x': exits with 5; 'r': control refuses,
 * workers serve; 'k': ignores being replaced. */
static inline void fake_child_main(int argc, char **argv)
{
    struct launch_seat seat = {0};
    struct pages *pages = NULL;
    struct err e = {0};
    pid_t parent = 0;
    sigset_t ends;
    int got = 0;
    if (argc != 3 || strcmp(argv[1], "--role") != 0) {
        (void)close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
        return;
    }
    size_t len = 0;
    char *text = shm_get_text(LAUNCH_FD_TEXT, &len, &e);
    if (text == NULL || len == 0 || !launch_parse_role(argv[2], &seat, &parent))
        _exit(99);
    child_die_with_parent(parent);
    const char what = strstr(text, FAKE_CONTROL_REFUSES) != NULL ? 'r' : text[0];
    if (what == 'x')
        _exit(5);
    if (what == 'r' && seat.role == LAUNCH_CONTROL)
        _exit(LAUNCH_EXIT_REFUSED);
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    if (what != 'k')
        (void)sigaddset(&ends, LAUNCH_SIGNAL_RETIRE);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    if (pages_map(LAUNCH_FD_PAGES, FAKE_SLOTS, &pages, &e) != ERR_OK)
        _exit(98);
    if (what != 'h' && seat.role == LAUNCH_CONTROL)
        atomic_store(&pages->control_ready, 1);
    if (what != 'h' && seat.role == LAUNCH_WORKER)
        atomic_store(&pages->worker[seat.slot].serves, seat.index + 1);
    (void)sigwait(&ends, &got);
    _exit(0);
}

struct fake_world {
    struct sockets sockets;
    struct pages *pages;
    struct keeper_shared shared;
    struct keeper keepers[1 + FAKE_WORKERS];
    bool restart; /* what on_empty says */
    int emptied;
    int64_t status;
    int signum;
    int ended;
};

static inline bool fake_on_empty(void *user, struct keeper *k, int64_t status, int signum)
{
    struct fake_world *w = user;
    (void)k;
    w->emptied++;
    w->status = status;
    w->signum = signum;
    return w->restart;
}

static inline void fake_on_ended(void *user)
{
    struct fake_world *w = user;
    w->ended++;
}

/* The launch text of the next children. */
static inline void fake_text(struct fake_world *w, const char *text)
{
    struct err e = {0};
    int *fd = &w->sockets.fds[LAUNCH_FD_TEXT];
    if (*fd >= 0)
        (void)close(*fd);
    assert_int_equal(shm_put_text("test", str_of(text), fd, &e), ERR_OK);
    w->shared.generation++;
}

static inline void fake_world_init(struct fake_world *w)
{
    struct err e = {0};
    *w = (struct fake_world){.restart = true};
    sockets_init(&w->sockets);
    assert_int_equal(pages_make(FAKE_SLOTS, &w->sockets.fds[LAUNCH_FD_PAGES], &w->pages, &e),
                     ERR_OK);
    w->shared = (struct keeper_shared){.loop = loop,
                                       .sockets = &w->sockets,
                                       .pages = w->pages,
                                       .workers = FAKE_WORKERS,
                                       .hang_cpu_ms = 1000,
                                       .drain_ms = 60000,
                                       .on_empty = fake_on_empty,
                                       .on_ended = fake_on_ended,
                                       .user = w};
    for (uint32_t i = 0; i < ARRAY_LEN(w->keepers); i++)
        keeper_init(&w->keepers[i], &w->shared, i == 0 ? LAUNCH_CONTROL : LAUNCH_WORKER,
                    i == 0 ? 0 : i - 1);
    fake_text(w, "s");
}

static inline size_t fake_running(const struct fake_world *w)
{
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(w->keepers); i++)
        n += keeper_running(&w->keepers[i]);
    return n;
}

static inline void fake_world_finish(struct fake_world *w)
{
    w->shared.stopping = true;
    for (size_t i = 0; i < ARRAY_LEN(w->keepers); i++)
        keeper_signal(&w->keepers[i], SIGKILL);
    until(fake_running(w) == 0);
    for (size_t i = 0; i < ARRAY_LEN(w->keepers); i++)
        keeper_finish(&w->keepers[i]);
    (void)close(w->sockets.fds[LAUNCH_FD_TEXT]);
    (void)close(w->sockets.fds[LAUNCH_FD_PAGES]);
    pages_unmap(w->pages);
}

#endif
