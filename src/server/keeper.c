#include "server/keeper.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/now.h"
#include "io/child.h"
#include "io/loop.h"
#include "node/node_switches.h"

enum {
    LATE_MS = 500, /* a heartbeat older than this starts the CPU count */
    CRASH_WINDOW_MS = 10000,
    BACKOFF_FIRST_MS = 250,
    BACKOFF_MAX_MS = 5000,
};

static void on_restart(struct timeout *t)
{
    keeper_start(container_of(t, struct keeper, restart));
}

static void on_grace_over(struct timeout *t)
{
    struct keeper *k = container_of(t, struct keeper, grace);
    if (k->old == NULL)
        return;
    log_warn("server",
             "%s (process %d) was replaced %" PRIu64
             " ms ago: ending the connections that it has left",
             k->name, (int)child_pid(k->old->child), k->shared->drain_ms);
    child_signal(k->old->child, SIGKILL);
}

void keeper_init(struct keeper *k, struct keeper_shared *shared, enum launch_role role,
                 uint32_t index)
{
    *k = (struct keeper){.shared = shared, .role = role, .index = index};
    if (role == LAUNCH_CONTROL)
        (void)snprintf(k->name, sizeof(k->name), "control");
    else
        (void)snprintf(k->name, sizeof(k->name), "worker-%u", index);
    timeout_init(&k->restart, shared->loop, on_restart);
    timeout_init(&k->grace, shared->loop, on_grace_over);
}

void keeper_finish(struct keeper *k)
{
    timeout_finish(&k->restart);
    timeout_finish(&k->grace);
}

/* When to start it again: at once, unless it has died too often lately. */
static uint64_t next_delay(struct keeper *k, uint64_t now)
{
    memmove(k->deaths + 1, k->deaths, sizeof(k->deaths) - sizeof(k->deaths[0]));
    k->deaths[0] = now;
    uint64_t oldest = k->deaths[KEEPER_CRASHES_FREE];
    if (oldest == 0 || now - oldest > CRASH_WINDOW_MS) {
        k->backoff_ms = 0;
        return 0;
    }
    k->backoff_ms = k->backoff_ms == 0 ? BACKOFF_FIRST_MS : k->backoff_ms * 2;
    if (k->backoff_ms > BACKOFF_MAX_MS)
        k->backoff_ms = BACKOFF_MAX_MS;
    return k->backoff_ms;
}

static void describe_end(char how[64], int64_t status, int signum)
{
    if (signum != 0)
        (void)snprintf(how, 64, "signal %d (%s)", signum, strsignal(signum));
    else
        (void)snprintf(how, 64, "exit status %" PRId64, status);
}

static void log_death(const struct keeper *k, int64_t status, int signum, uint64_t delay)
{
    char how[64];
    describe_end(how, status, signum);
    if (delay > 0) {
        log_error("server", "%s ended with %s; starting it again in %" PRIu64 " ms", k->name, how,
                  delay);
    } else {
        log_error("server", "%s ended with %s; starting it again", k->name, how);
    }
}

/* The page of a worker; NULL for one that we cannot see. */
static struct pages_worker *page_of(const struct keeper_process *p)
{
    if (p->keeper->role != LAUNCH_WORKER || p->foreign_page)
        return NULL;
    return &p->keeper->shared->pages->worker[p->slot];
}

static void forget_page(const struct keeper_process *p, bool died)
{
    struct pages_worker *page = page_of(p);
    if (page == NULL)
        return;
    atomic_store(&page->heartbeat_ns, 0);
    atomic_store(&page->serves, 0);
    atomic_store(&page->applied, 0);
    atomic_store(&page->pid, 0);
    if (died)
        atomic_fetch_add(&page->restarts, 1);
}

/* The place lost the process that filled it, or was about to. */
static void on_place_empty(struct keeper *k, int64_t status, int signum)
{
    struct keeper_shared *s = k->shared;
    if (!s->on_empty(s->user, k, status, signum))
        return;
    uint64_t delay = next_delay(k, loop_now_ms(s->loop));
    log_death(k, status, signum, delay);
    if (k->role == LAUNCH_CONTROL)
        atomic_fetch_add(&s->pages->control_restarts, 1);
    if (delay == 0)
        keeper_start(k);
    else
        timeout_set(&k->restart, delay);
}

static void on_replaced_end(struct keeper *k, int64_t status, int signum)
{
    timeout_clear(&k->grace);
    if (status != 0 || signum != 0) {
        char how[64];
        describe_end(how, status, signum);
        log_warn("server", "%s, which was replaced, ended with %s", k->name, how);
    }
    if (k->role == LAUNCH_CONTROL)
        keeper_start(k);
}

static void on_child_exit(void *user, int64_t status, int signum)
{
    struct keeper_process *p = user;
    struct keeper *k = p->keeper;
    bool stopping = k->shared->stopping;
    forget_page(p, p == k->now && !stopping);
    if (p == k->old) {
        k->old = NULL;
        if (!stopping)
            on_replaced_end(k, status, signum);
    } else if (p == k->next) {
        k->next = NULL;
        char how[64];
        describe_end(how, status, signum);
        log_error("server", "%s ended with %s before it served: the one before stays", k->name,
                  how);
    } else {
        k->now = k->next;
        k->next = NULL;
        if (!stopping && k->now == NULL)
            on_place_empty(k, status, signum);
    }
    free(p);
    if (stopping)
        k->shared->on_ended(k->shared->user);
}

/* One that nothing else in this place uses. */
static uint32_t free_slot(const struct keeper *k)
{
    const struct keeper_process *other = k->now != NULL ? k->now : k->old;
    return other != NULL && other->slot == k->index ? k->index + k->shared->workers : k->index;
}

static struct keeper_process *spawn(struct keeper *k)
{
    struct keeper_shared *s = k->shared;
    struct keeper_process *p = mem_alloc(sizeof(*p));
    *p = (struct keeper_process){.keeper = k, .slot = free_slot(k), .generation = s->generation};
    const struct launch_seat seat = {.role = k->role, .index = k->index, .slot = p->slot};
    char role[LAUNCH_ROLE_SIZE];
    const char *args[4];
    int fds[SOCKETS_MAX];
    launch_args(&seat, role, args);
    struct child_spec spec = {
        .program = LAUNCH_PROGRAM,
        .args = args,
        .fds = fds,
        .fd_count = sockets_for(s->sockets, k->role, s->workers, fds),
        .on_exit = on_child_exit,
        .user = p,
    };
    struct err e = {0};
    if (child_spawn(s->loop, &spec, &p->child, &e) != ERR_OK) {
        log_error("server", "%s: %s", k->name, e.msg);
        free(p);
        return NULL;
    }
    struct pages_worker *page = page_of(p);
    if (page != NULL)
        atomic_store(&page->pid, child_pid(p->child));
    return p;
}

void keeper_start(struct keeper *k)
{
    if (k->shared->stopping)
        return;
    k->now = spawn(k);
    if (k->now == NULL)
        timeout_set(&k->restart, BACKOFF_MAX_MS);
}

static void set_to_drain(struct keeper *k, struct keeper_process *p)
{
    k->old = p;
    timeout_set(&k->grace, k->shared->drain_ms);
}

enum err_code keeper_adopt(struct keeper *k, const struct keeper_process *p, pid_t pid, bool drains,
                           struct err *e)
{
    struct keeper_process *copy = mem_alloc(sizeof(*copy));
    *copy = *p;
    copy->keeper = k;
    enum err_code rc = child_adopt(k->shared->loop, pid, on_child_exit, copy, &copy->child, e);
    if (rc != ERR_OK) {
        free(copy);
        return rc;
    }
    if (drains)
        set_to_drain(k, copy);
    else
        k->now = copy;
    return ERR_OK;
}

static void retire(struct keeper *k)
{
    struct keeper_process *p = k->now;
    k->now = NULL;
    set_to_drain(k, p);
    child_signal(p->child, LAUNCH_SIGNAL_RETIRE);
}

void keeper_replace(struct keeper *k)
{
    timeout_clear(&k->restart);
    if (k->role == LAUNCH_WORKER && k->now != NULL)
        k->next = spawn(k);
    else if (k->now != NULL)
        retire(k);
    else if (k->old == NULL)
        keeper_start(k);
}

bool keeper_serves(const struct keeper_process *p)
{
    const struct pages_worker *page = p != NULL ? page_of(p) : NULL;
    return page != NULL && atomic_load(&page->serves) != 0;
}

bool keeper_advance(struct keeper *k)
{
    if (!keeper_serves(k->next))
        return false;
    struct keeper_process *next = k->next;
    k->next = NULL;
    if (k->now != NULL)
        retire(k);
    k->now = next;
    return true;
}

void keeper_give_up(struct keeper *k)
{
    if (k->next != NULL)
        child_signal(k->next->child, SIGKILL);
}

void keeper_signal(struct keeper *k, int signum)
{
    struct keeper_process *all[] = {k->now, k->next, k->old};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i] != NULL)
            child_signal(all[i]->child, signum);
    }
}

size_t keeper_running(const struct keeper *k)
{
    return (size_t)(k->now != NULL) + (size_t)(k->next != NULL) + (size_t)(k->old != NULL);
}

/* Notes that a route's modules cost a worker. */
static void blame(const struct keeper_shared *s, const struct pages_running *what)
{
    const struct node_switches_who who = {what->program, str_of(what->route), str_of(what->module)};
    if (what->program == 0 || s->switches == NULL ||
        !node_switches_kill(s->switches, &who, s->kills_max, s->kills_window_ms,
                            (uint64_t)now_wall_ms()))
        return;
    log_error(
        "server",
        "the modules of route %s are switched off: %u workers hung in module %s within %" PRIu64
        " s; change the module or the route to switch them on",
        what->route, (unsigned)s->kills_max, what->module, s->kills_window_ms / 1000);
}

static void kill_hung(struct keeper_process *p, struct pages_worker *page)
{
    const struct keeper *k = p->keeper;
    struct pages_running what;
    pages_running_get(page, &what);
    if (!what.runs)
        log_error("server", "%s hangs: killing it", k->name);
    else
        log_error("server", "%s hangs in module function %s %s %s: killing it", k->name, what.route,
                  what.module, what.function);
    atomic_fetch_add(&page->kills, 1);
    if (what.runs)
        blame(k->shared, &what);
    child_signal(p->child, SIGKILL);
}

static void watch(struct keeper_process *p, uint64_t now_ns)
{
    const struct keeper *k = p->keeper;
    struct pages_worker *page = page_of(p);
    if (page == NULL || atomic_load(&page->heartbeat_ns) == 0 ||
        pages_alive(page, now_ns, LATE_MS * 1000000ull)) {
        p->late_cpu_ns = 0;
        return;
    }
    uint64_t cpu = child_cpu_ns(child_pid(p->child));
    if (p->late_cpu_ns == 0) {
        p->late_cpu_ns = cpu;
        return;
    }
    if (cpu < p->late_cpu_ns || cpu - p->late_cpu_ns < k->shared->hang_cpu_ms * 1000000u)
        return;
    kill_hung(p, page);
    p->late_cpu_ns = 0;
}

void keeper_watch(struct keeper *k, uint64_t now_ns)
{
    struct keeper_process *all[] = {k->now, k->next, k->old};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i] != NULL)
            watch(all[i], now_ns);
    }
}
