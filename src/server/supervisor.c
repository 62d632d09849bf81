/* Happy path: lock the storage directory, bind, write the launch text and the pages, start control and the workers, wait
 * for control to be ready, then watch. SIGTERM or SIGINT: workers drain first (they may still need control), then control
 * ends, then we do; what is left after the grace period is killed.
 *
 * Failures: a child that dies is started again (keeper.h). A control that refuses the configuration (LAUNCH_EXIT_REFUSED),
 * or dies before it was ever ready, ends the start. A worker without heartbeat that has burnt hang_cpu_ms of CPU meanwhile
 * is killed.
 *
 * SIGHUP and SIGUSR2 renew what runs (renewal.h). After an upgrade we begin as another program in the same process: with the
 * sockets, the storage's lock and the children of the one before.
 */
#include "server/supervisor.h"

#include <inttypes.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/container.h"
#include "base/mem.h"
#include "base/now.h"
#include "io/loop.h"
#include "io/signals.h"
#include "node/node_segment.h"
#include "server/handover.h"
#include "server/reload.h"
#include "server/renewal.h"
#include "server/upgrade.h"
#include "server/version.h"

enum { WATCH_MS = 50, START_WATCH_MS = 5 };

struct supervisor {
    struct loop *loop;
    struct launch launch; /* its config is ours */
    struct storage_dir storage;
    struct sockets sockets;
    struct pages *pages;
    struct node_segment *node;
    struct keeper_shared shared;
    struct keeper *keepers; /* control, then the workers */
    size_t keeper_count;
    struct renewal renewal;
    struct signals *signals[6];
    struct timeout watch;
    struct timeout grace;
    bool announced;
    int status;
};

static void stop(struct supervisor *sv);

static size_t running(const struct supervisor *sv, enum launch_role role)
{
    size_t n = 0;
    for (size_t i = 0; i < sv->keeper_count; i++)
        n += sv->keepers[i].role == role ? keeper_running(&sv->keepers[i]) : 0;
    return n;
}

static void signal_all(struct supervisor *sv, enum launch_role role, int signum)
{
    for (size_t i = 0; i < sv->keeper_count; i++) {
        if (sv->keepers[i].role == role)
            keeper_signal(&sv->keepers[i], signum);
    }
}

/* While stopping: control is told once no worker is left, and the loop ends once control is gone. */
static void stop_next(struct supervisor *sv)
{
    if (running(sv, LAUNCH_WORKER) > 0)
        return;
    if (running(sv, LAUNCH_CONTROL) > 0)
        signal_all(sv, LAUNCH_CONTROL, SIGTERM);
    else
        loop_stop(sv->loop);
}

static void on_ended(void *user)
{
    stop_next(user);
}

static void stop(struct supervisor *sv)
{
    if (sv->shared.stopping)
        return;
    sv->shared.stopping = true;
    renewal_stop(&sv->renewal);
    sockets_stop_listening(&sv->sockets);
    timeout_set(&sv->grace, (uint64_t)sv->launch.config->limits.shutdown_grace_ms);
    signal_all(sv, LAUNCH_WORKER, SIGTERM);
    stop_next(sv);
}

static void kill_all(struct supervisor *sv)
{
    signal_all(sv, LAUNCH_WORKER, SIGKILL);
    signal_all(sv, LAUNCH_CONTROL, SIGKILL);
}

static void on_grace_over(struct timeout *t)
{
    struct supervisor *sv = container_of(t, struct supervisor, grace);
    log_warn("server", "the grace period of %" PRId64 " ms is over: ending what is still in flight",
             sv->launch.config->limits.shutdown_grace_ms);
    kill_all(sv);
}

static void on_stop_signal(void *user, int signum)
{
    struct supervisor *sv = user;
    if (sv->shared.stopping) {
        kill_all(sv);
        return;
    }
    log_info("server", "stopping (%s)", signum == SIGINT ? "SIGINT" : "SIGTERM");
    stop(sv);
}

static void on_renew_signal(void *user, int signum)
{
    struct supervisor *sv = user;
    bool upgrade = signum == SIGUSR2;
    if (sv->shared.stopping || !sv->announced) {
        log_warn("server", "%s is ignored: the server %s", upgrade ? "SIGUSR2" : "SIGHUP",
                 sv->shared.stopping ? "stops" : "is not ready yet");
        return;
    }
    renewal_ask(&sv->renewal, upgrade ? RENEWAL_UPGRADE : RENEWAL_RELOAD);
}

static void on_reopen_signal(void *user, int signum)
{
    struct supervisor *sv = user;
    (void)signum;
    if (sv->shared.stopping)
        return;
    log_info("server", "opening the access log anew (SIGUSR1)");
    signal_all(sv, LAUNCH_WORKER, LAUNCH_SIGNAL_REOPEN);
}

static bool on_empty(void *user, struct keeper *k, int64_t status, int signum)
{
    struct supervisor *sv = user;
    if (k->role != LAUNCH_CONTROL)
        return true;
    bool refused = signum == 0 && status == LAUNCH_EXIT_REFUSED;
    bool was_ready = atomic_load(&sv->pages->control_ready) != 0;
    if (sv->announced && sv->renewal.roll.active)
        return was_ready || !renewal_control_failed(&sv->renewal);
    if (!refused && sv->announced)
        return true;
    if (!refused)
        log_error("server", "control ended before it was ready (%s %" PRId64 ")",
                  signum != 0 ? "signal" : "exit status", signum != 0 ? signum : status);
    sv->status = EXIT_FAILURE;
    stop(sv);
    return false;
}

static void announce(struct supervisor *sv)
{
    if (sv->announced || atomic_load(&sv->pages->control_ready) == 0)
        return;
    for (uint32_t i = 0; i < sv->launch.workers; i++) {
        if (atomic_load(&sv->pages->worker[i].heartbeat_ns) == 0)
            return;
    }
    const struct config *c = sv->launch.config;
    sv->announced = true;
    log_info("server", "ready: proxy on %s:%" PRId64 ", %u worker%s", c->proxy.host,
             sv->launch.proxy_port, sv->launch.workers, sv->launch.workers == 1 ? "" : "s");
    if (c->admin.enabled)
        log_info("server", "admin API on http://%s:%" PRId64, c->admin.host, sv->launch.admin_port);
    if (c->test_server.enabled)
        log_info("server", "test server on http://%s:%" PRId64, c->test_server.host,
                 sv->launch.test_port);
}

static void on_watch(struct timeout *t)
{
    struct supervisor *sv = container_of(t, struct supervisor, watch);
    announce(sv);
    uint64_t now = now_mono_ns();
    for (size_t i = 0; i < sv->keeper_count; i++) {
        if (sv->keepers[i].role == LAUNCH_WORKER)
            keeper_watch(&sv->keepers[i], now);
    }
    if (!sv->shared.stopping)
        renewal_step(&sv->renewal);
    timeout_set(&sv->watch, sv->announced ? WATCH_MS : START_WATCH_MS);
}

static void make_token(char token[LAUNCH_TOKEN_SIZE])
{
    unsigned char bytes[(LAUNCH_TOKEN_SIZE - 1) / 2];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        abort();
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(token + 2 * i, 3, "%02x", bytes[i]);
}

static uint32_t worker_count(const struct config *c)
{
    int64_t n = c->workers > 0 ? c->workers : (int64_t)sysconf(_SC_NPROCESSORS_ONLN);
    return (uint32_t)(n < 1 ? 1 : n > LAUNCH_WORKERS_MAX ? LAUNCH_WORKERS_MAX : n);
}

static bool make_node(struct supervisor *sv, struct err *e)
{
    const struct config_limits *limits = &sv->launch.config->limits;
    struct node_segment_options node = {.workers = launch_slots(&sv->launch),
                                        .rate_buckets = (uint32_t)limits->node_rate_buckets,
                                        .counts = (uint32_t)limits->node_counts,
                                        .upstreams = (uint32_t)limits->node_upstreams,
                                        .switches = (uint32_t)limits->node_switches};
    return node_segment_make(&node, &sv->sockets.fds[LAUNCH_FD_NODE], &sv->node, e) == ERR_OK;
}

static bool make_pages(struct supervisor *sv, struct err *e)
{
    if (pages_make(launch_slots(&sv->launch), &sv->sockets.fds[LAUNCH_FD_PAGES], &sv->pages, e) !=
        ERR_OK)
        return false;
    atomic_store(&sv->pages->started_ms, now_wall_ms());
    return true;
}

static bool prepare(struct supervisor *sv, struct err *e)
{
    struct launch *l = &sv->launch;
    l->workers = worker_count(l->config);
    reload_fit(l->config, l->workers, NULL);
    if (storage_dir_take(l->config, &sv->storage, e) != ERR_OK ||
        sockets_bind(&sv->sockets, l, e) != ERR_OK)
        return false;
    l->store_dir = sv->storage.path;
    sv->sockets.fds[LAUNCH_FD_LOCK] = sv->storage.lock_fd;
    make_token(l->token);
    return make_pages(sv, e) && make_node(sv, e) &&
           launch_write(l, &sv->sockets.fds[LAUNCH_FD_TEXT], e) == ERR_OK;
}

static void init_keepers(struct supervisor *sv)
{
    sv->shared.sockets = &sv->sockets;
    sv->shared.pages = sv->pages;
    sv->shared.switches = node_segment_switches(sv->node);
    sv->shared.workers = sv->launch.workers;
    sv->shared.generation = 1;
    renewal_apply(&sv->shared, sv->launch.config);
    sv->keeper_count = 1 + sv->launch.workers;
    sv->keepers = mem_calloc(sv->keeper_count, sizeof(struct keeper));
    for (size_t i = 0; i < sv->keeper_count; i++)
        keeper_init(&sv->keepers[i], &sv->shared, i == 0 ? LAUNCH_CONTROL : LAUNCH_WORKER,
                    i == 0 ? 0 : (uint32_t)(i - 1));
    renewal_init(&sv->renewal, sv->keepers, sv->keeper_count);
}

/* Pages and segment of the program before serve on if they mean the same to us; else there are new ones. */
static bool take_memory(struct supervisor *sv, bool *foreign_pages, struct err *e)
{
    int *fds = sv->sockets.fds;
    *foreign_pages =
        pages_map(fds[LAUNCH_FD_PAGES], launch_slots(&sv->launch), &sv->pages, e) != ERR_OK;
    if (*foreign_pages) {
        (void)close(fds[LAUNCH_FD_PAGES]);
        if (!make_pages(sv, e))
            return false;
    }
    if (node_segment_map(fds[LAUNCH_FD_NODE], &sv->node, e) == ERR_OK)
        return true;
    (void)close(fds[LAUNCH_FD_NODE]);
    return make_node(sv, e);
}

static void adopt(struct supervisor *sv, const struct handover *h, bool foreign_pages)
{
    for (size_t i = 0; i < h->n; i++) {
        const struct handover_process *p = &h->v[i];
        size_t place = p->seat.role == LAUNCH_CONTROL ? 0 : 1 + (size_t)p->seat.index;
        struct keeper_process process = {.slot = p->seat.slot,
                                         .generation = sv->shared.generation,
                                         .foreign_page = foreign_pages};
        struct err e = {0};
        if (place >= sv->keeper_count || p->seat.slot >= launch_slots(&sv->launch) ||
            keeper_adopt(&sv->keepers[place], &process, p->pid, p->drains, &e) != ERR_OK)
            log_warn("server", "a process of the version before is lost: %s", e.msg);
    }
}

static bool take_over(struct supervisor *sv, int fd, struct err *e)
{
    struct handover h = {0};
    bool foreign_pages = false;
    if (handover_read(fd, &h, e) != ERR_OK)
        return false;
    sv->sockets = h.sockets;
    sv->storage = h.storage;
    handover_keep_open(&h, false);
    h.storage.path = NULL;
    bool ok = launch_read(sv->sockets.fds[LAUNCH_FD_TEXT], &sv->launch, e) == ERR_OK;
    if (ok) {
        free(sv->launch.store_dir);
        sv->launch.store_dir = sv->storage.path;
        ok = take_memory(sv, &foreign_pages, e);
    }
    if (ok) {
        reload_fit(sv->launch.config, sv->launch.workers, sv->launch.config);
        init_keepers(sv);
        adopt(sv, &h, foreign_pages);
        sv->announced = true;
        log_info("server", "DGate %s takes over from %s", version_text(), h.from);
        renewal_continue_upgrade(&sv->renewal, h.from);
    }
    handover_finish(&h);
    return ok;
}

static void finish(struct supervisor *sv)
{
    for (size_t i = 0; i < sv->keeper_count; i++)
        keeper_finish(&sv->keepers[i]);
    free(sv->keepers);
    renewal_finish(&sv->renewal);
    timeout_finish(&sv->watch);
    timeout_finish(&sv->grace);
    for (size_t i = 0; i < ARRAY_LEN(sv->signals); i++)
        signals_stop(sv->signals[i]);
    pages_unmap(sv->pages);
    node_segment_unmap(sv->node);
    storage_dir_release(&sv->storage);
    loop_destroy(sv->loop);
    config_destroy(sv->launch.config);
}

static void watch_signals(struct supervisor *sv)
{
    sigset_t none;
    (void)signal(SIGPIPE, SIG_IGN);
    sv->signals[0] = signals_watch(sv->loop, SIGTERM, on_stop_signal, sv);
    sv->signals[1] = signals_watch(sv->loop, SIGINT, on_stop_signal, sv);
    sv->signals[2] = signals_watch(sv->loop, SIGQUIT, on_stop_signal, sv);
    sv->signals[3] = signals_watch(sv->loop, SIGHUP, on_renew_signal, sv);
    sv->signals[4] = signals_watch(sv->loop, SIGUSR2, on_renew_signal, sv);
    sv->signals[5] = signals_watch(sv->loop, SIGUSR1, on_reopen_signal, sv);
    /* What came while the program was replaced is told now. */
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

int supervisor_run(const struct supervisor_options *options)
{
    /* What whoever started us left open is not for our children. */
    (void)close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
    struct supervisor sv = {.launch = {.config = options->config}, .loop = loop_create()};
    sv.storage.lock_fd = -1;
    sv.shared = (struct keeper_shared){
        .loop = sv.loop, .on_empty = on_empty, .on_ended = on_ended, .user = &sv};
    sv.renewal = (struct renewal){.shared = &sv.shared,
                                  .launch = &sv.launch,
                                  .storage = &sv.storage,
                                  .flag = options->flag,
                                  .program = upgrade_program(options->argv0)};
    sockets_init(&sv.sockets);
    timeout_init(&sv.watch, sv.loop, on_watch);
    timeout_init(&sv.grace, sv.loop, on_grace_over);
    struct err e = {0};
    bool takes_over = options->config == NULL;
    if (!(takes_over ? take_over(&sv, options->takeover_fd, &e) : prepare(&sv, &e))) {
        (void)fprintf(stderr, "dgate-server: %s\n", e.msg);
        finish(&sv);
        return EXIT_FAILURE;
    }
    watch_signals(&sv);
    if (!takes_over) {
        init_keepers(&sv);
        for (size_t i = 0; i < sv.keeper_count; i++)
            keeper_start(&sv.keepers[i]);
    }
    timeout_set(&sv.watch, START_WATCH_MS);
    loop_run(sv.loop);
    log_info("server", "stopped");
    int status = sv.status;
    finish(&sv);
    return status;
}
