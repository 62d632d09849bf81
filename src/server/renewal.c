#include "server/renewal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/container.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/child.h"
#include "server/handover.h"
#include "server/reload.h"
#include "server/upgrade.h"
#include "server/version.h"

static const char *signal_of(enum renewal_kind kind)
{
    return kind == RENEWAL_UPGRADE ? "SIGUSR2" : "SIGHUP";
}

void renewal_apply(struct keeper_shared *shared, const struct config *c)
{
    shared->hang_cpu_ms = (uint64_t)c->limits.hang_cpu_ms;
    shared->kills_max = (uint32_t)c->limits.module_kills_max;
    shared->kills_window_ms = (uint64_t)c->limits.module_kills_window_ms;
    shared->drain_ms = (uint64_t)c->limits.replace_grace_ms;
    log_configure(
        &(struct log_setup){.level = c->log_level, .json = c->log_json, .process = "supervisor"});
}

static void forget_before(struct renewal *r)
{
    if (r->before.config == NULL)
        return;
    config_destroy(r->before.config);
    (void)close(r->before.text);
    r->before = (struct renewal_before){0};
}

/* The launch text with c becomes the current one, and that before is kept. Takes c over if it succeeds. */
static bool set_text(struct renewal *r, struct config *c, struct err *e)
{
    struct launch changed = *r->launch;
    int fd = -1;
    changed.config = c;
    if (launch_write(&changed, &fd, e) != ERR_OK)
        return false;
    int *text = &r->shared->sockets->fds[LAUNCH_FD_TEXT];
    r->before = (struct renewal_before){r->launch->config, *text, r->shared->generation};
    r->launch->config = c;
    *text = fd;
    r->shared->generation = ++r->last_generation;
    renewal_apply(r->shared, c);
    return true;
}

static void go_back(struct renewal *r)
{
    int *text = &r->shared->sockets->fds[LAUNCH_FD_TEXT];
    (void)close(*text);
    config_destroy(r->launch->config);
    r->launch->config = r->before.config;
    *text = r->before.text;
    r->shared->generation = r->before.generation;
    r->before = (struct renewal_before){0};
    if (r->upgraded_from != NULL)
        r->shared->generation = ++r->last_generation;
    renewal_apply(r->shared, r->launch->config);
    roll_begin(&r->roll);
}

static void on_failed(void *user, const struct keeper *k)
{
    struct renewal *r = user;
    if (r->before.config != NULL) {
        log_error("server",
                  "reload failed: %s does not start with the new configuration; going back to the "
                  "one before",
                  k->name);
        go_back(r);
        r->running = RENEWAL_NONE;
        return;
    }
    r->stuck = true;
    log_error("server", "%s cannot be replaced: trying on", k->name);
}

static void on_done(void *user)
{
    struct renewal *r = user;
    const uint32_t workers = r->shared->workers;
    forget_before(r);
    r->stuck = false;
    if (r->upgraded_from != NULL) {
        log_info("server", "upgraded from %s to %s: control and %u worker%s replaced",
                 r->upgraded_from, version_text(), workers, workers == 1 ? "" : "s");
    } else if (r->running == RENEWAL_RELOAD) {
        log_info("server", "reloaded: control and %u worker%s replaced", workers,
                 workers == 1 ? "" : "s");
    } else {
        log_info("server", "the configuration before is in effect again");
    }
    free(r->upgraded_from);
    r->upgraded_from = NULL;
    r->running = RENEWAL_NONE;
}

void renewal_init(struct renewal *r, struct keeper *keepers, size_t count)
{
    r->last_generation = r->shared->generation;
    r->roll = (struct roll){.keepers = keepers,
                            .count = count,
                            .shared = r->shared,
                            .on_done = on_done,
                            .on_failed = on_failed,
                            .user = r};
}

static void begin_reload(struct renewal *r)
{
    log_info("server", "reloading the configuration (SIGHUP)");
    struct config *c = NULL;
    struct err e = {0};
    switch (reload_load(r->flag, r->launch, &c)) {
    case RELOAD_BAD:
        log_error("server", "the configuration is not reloaded: everything stays as it was");
        return;
    case RELOAD_SAME:
        log_info("server", "nothing to reload: the configuration has not changed");
        return;
    case RELOAD_CHANGED:
    default:
        break;
    }
    if (!set_text(r, c, &e)) {
        log_error("server", "the configuration is not reloaded: %s", e.msg);
        config_destroy(c);
        return;
    }
    r->running = RENEWAL_RELOAD;
    roll_begin(&r->roll);
}

static void add_process(struct handover *h, const struct keeper *k, const struct keeper_process *p,
                        bool drains)
{
    if (p == NULL)
        return;
    struct handover_process process = {
        .seat = {k->role, k->index, p->slot}, .pid = child_pid(p->child), .drains = drains};
    vec_push(h, process);
}

static void describe(const struct renewal *r, struct handover *h)
{
    *h = (struct handover){
        .from = mem_strdup(version_text()), .sockets = *r->shared->sockets, .storage = *r->storage};
    h->storage.path = mem_strdup(r->storage->path);
    for (size_t i = 0; i < r->roll.count; i++) {
        const struct keeper *k = &r->roll.keepers[i];
        add_process(h, k, k->now, false);
        add_process(h, k, k->old, true);
    }
}

/* Signals wait until the new program has its handlers; returns only when it cannot be executed. */
static void execute(const struct renewal *r, int fd)
{
    char number[16];
    (void)snprintf(number, sizeof(number), "%d", fd);
    const char *args[6] = {r->program};
    size_t n = 1;
    if (r->flag != NULL) {
        args[n++] = "-c";
        args[n++] = r->flag;
    }
    args[n++] = "--takeover";
    args[n] = number;
    char **writable = NULL;
    const char **list = args;
    memcpy(&writable, &list, sizeof(list)); /* execv() writes to none of them */
    sigset_t blocked;
    sigset_t before;
    (void)sigfillset(&blocked);
    (void)sigprocmask(SIG_BLOCK, &blocked, &before);
    (void)execv(r->program, writable);
    int error = errno;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    errno = error;
}

static void replace_program(struct renewal *r)
{
    struct handover h;
    struct err e = {0};
    int fd = -1;
    describe(r, &h);
    if (handover_write(&h, &fd, &e) == ERR_OK) {
        handover_keep_open(&h, true);
        (void)fcntl(fd, F_SETFD, 0);
        execute(r, fd);
        (void)err_set(&e, ERR_INTERNAL, "%s: %s", r->program, strerror(errno));
        handover_keep_open(&h, false);
        (void)close(fd);
    }
    handover_finish(&h);
    log_error("server", "no upgrade, version %s goes on: %s", version_text(), e.msg);
}

static void on_checked(void *user, const char *version, const struct err *e)
{
    struct renewal *r = user;
    r->check = NULL;
    if (e != NULL) {
        log_error("server", "no upgrade, version %s goes on: %s", version_text(), e->msg);
        return;
    }
    log_info("server", "upgrading from %s to %s", version_text(), version);
    replace_program(r);
}

static void begin_upgrade(struct renewal *r)
{
    if (r->program == NULL) {
        log_error("server", "no upgrade: the program's file was not found at the start");
        return;
    }
    log_info("server", "checking %s (SIGUSR2)", r->program);
    r->check = upgrade_check_start(r->shared->loop, r->program, r->flag, on_checked, r);
}

static void begin(struct renewal *r, enum renewal_kind kind)
{
    if (kind == RENEWAL_UPGRADE)
        begin_upgrade(r);
    else
        begin_reload(r);
}

static bool is_busy(const struct renewal *r)
{
    return r->check != NULL || (r->roll.active && !r->stuck) || roll_is_settling(&r->roll);
}

void renewal_ask(struct renewal *r, enum renewal_kind kind)
{
    if (!is_busy(r) && r->waiting == RENEWAL_NONE) {
        begin(r, kind);
    } else if (r->waiting >= kind || (r->check != NULL && kind == RENEWAL_UPGRADE)) {
        log_info("server", "%s: ignored, one is under way or waiting already", signal_of(kind));
    } else {
        r->waiting = kind;
        log_info("server", "%s: waits until what was replaced last has ended", signal_of(kind));
    }
}

void renewal_step(struct renewal *r)
{
    if (r->waiting != RENEWAL_NONE && !is_busy(r)) {
        enum renewal_kind kind = r->waiting;
        r->waiting = RENEWAL_NONE;
        begin(r, kind);
    }
    if (r->roll.active)
        roll_step(&r->roll);
}

bool renewal_control_failed(struct renewal *r)
{
    if (r->before.config == NULL)
        return false;
    log_error("server", "reload failed: control does not take the new configuration; going back to "
                        "the one before");
    go_back(r);
    r->running = RENEWAL_NONE;
    return true;
}

void renewal_continue_upgrade(struct renewal *r, const char *from)
{
    struct config *c = NULL;
    struct err e = {0};
    r->upgraded_from = mem_strdup(from);
    r->running = RENEWAL_UPGRADE;
    if (reload_load(r->flag, r->launch, &c) != RELOAD_CHANGED || !set_text(r, c, &e)) {
        config_destroy(c);
        r->shared->generation = ++r->last_generation;
    }
    if (e.code != ERR_OK)
        log_error("server", "%s: the configuration stays", e.msg);
    roll_begin(&r->roll);
}

void renewal_stop(struct renewal *r)
{
    upgrade_check_cancel(r->check);
    r->check = NULL;
    r->roll.active = false;
    r->waiting = RENEWAL_NONE;
}

void renewal_finish(struct renewal *r)
{
    forget_before(r);
    free(r->upgraded_from);
    free(r->program);
}
