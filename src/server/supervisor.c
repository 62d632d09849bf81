/* Happy path: lock the storage directory, bind, write the launch text and the pages, start control and the workers, wait
 * for control to be ready, then watch. SIGTERM or SIGINT: workers drain first (they may still need control), then control
 * ends, then we do; what is left after the grace period is killed.
 *
 * Failures: a child that dies is started again, at once at first, with back-off from the third death within ten seconds. A
 * control that refuses the configuration (LAUNCH_EXIT_REFUSED), or dies before it was ever ready, ends the start. A worker
 * without heartbeat that has burnt hang_cpu_ms of CPU meanwhile is killed.
 */
#include "server/supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/container.h"
#include "base/mem.h"
#include "base/now.h"
#include "io/child.h"
#include "io/ipc.h"
#include "io/line_writer.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/signals.h"
#include "io/timeout.h"
#include "node/node_segment.h"
#include "server/http_setup.h"
#include "server/launch.h"
#include "server/pages.h"
#include "server/storage_dir.h"

enum {
    WATCH_MS = 50,
    LATE_MS = 500, /* a heartbeat older than this starts the CPU count */
    CRASH_WINDOW_MS = 10000,
    CRASHES_FREE = 2, /* restarts at once within the window */
    BACKOFF_FIRST_MS = 250,
    BACKOFF_MAX_MS = 5000,
};

/* One child that is kept running. */
struct keeper {
    struct supervisor *sv;
    enum launch_role role;
    uint32_t index;
    char name[24];
    struct child *child; /* NULL between death and restart */
    struct timeout restart;
    uint64_t deaths[CRASHES_FREE + 1]; /* when it last died, newest first, ms */
    uint64_t backoff_ms;
    uint64_t late_cpu_ns; /* CPU used when it was first seen late; 0: it is not late */
};

struct supervisor {
    struct loop *loop;
    struct config *config;
    struct launch launch;
    struct storage_dir storage;
    struct pages *pages;
    struct node_segment *node;
    int fds[LAUNCH_FD_PROXY + LAUNCH_WORKERS_MAX]; /* by the child's number; -1: none */
    struct keeper *keepers;                        /* control, then the workers */
    size_t keeper_count;
    struct signals *signals[4];
    struct timeout watch;
    struct timeout grace;
    bool announced;
    bool stopping;
    int status;
};

static void keeper_start(struct keeper *k);
static void stop(struct supervisor *sv);

static size_t running(const struct supervisor *sv, enum launch_role role)
{
    size_t n = 0;
    for (size_t i = 0; i < sv->keeper_count; i++)
        n += sv->keepers[i].role == role && sv->keepers[i].child != NULL;
    return n;
}

static void signal_all(struct supervisor *sv, enum launch_role role, int signum)
{
    for (size_t i = 0; i < sv->keeper_count; i++) {
        struct keeper *k = &sv->keepers[i];
        if (k->role != role)
            continue;
        timeout_clear(&k->restart);
        if (k->child != NULL)
            child_signal(k->child, signum);
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

static void stop(struct supervisor *sv)
{
    if (sv->stopping)
        return;
    sv->stopping = true;
    for (size_t i = LAUNCH_FD_ADMIN; i < ARRAY_LEN(sv->fds); i++) {
        if (sv->fds[i] >= 0)
            (void)close(sv->fds[i]);
        sv->fds[i] = -1;
    }
    timeout_set(&sv->grace, (uint64_t)sv->config->limits.shutdown_grace_ms);
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
             sv->config->limits.shutdown_grace_ms);
    kill_all(sv);
}

static void on_stop_signal(void *user, int signum)
{
    struct supervisor *sv = user;
    if (sv->stopping) {
        kill_all(sv);
        return;
    }
    log_info("server", "stopping (%s)", signum == SIGINT ? "SIGINT" : "SIGTERM");
    stop(sv);
}

static void on_restart(struct timeout *t)
{
    keeper_start(container_of(t, struct keeper, restart));
}

/* When to start it again: at once, unless it has died too often lately. */
static uint64_t next_delay(struct keeper *k, uint64_t now)
{
    memmove(k->deaths + 1, k->deaths, sizeof(k->deaths) - sizeof(k->deaths[0]));
    k->deaths[0] = now;
    uint64_t oldest = k->deaths[CRASHES_FREE];
    if (oldest == 0 || now - oldest > CRASH_WINDOW_MS) {
        k->backoff_ms = 0;
        return 0;
    }
    k->backoff_ms = k->backoff_ms == 0 ? BACKOFF_FIRST_MS : k->backoff_ms * 2;
    if (k->backoff_ms > BACKOFF_MAX_MS)
        k->backoff_ms = BACKOFF_MAX_MS;
    return k->backoff_ms;
}

static void log_death(const struct keeper *k, int64_t status, int signum, uint64_t delay)
{
    char how[64];
    if (signum != 0)
        (void)snprintf(how, sizeof(how), "signal %d (%s)", signum, strsignal(signum));
    else
        (void)snprintf(how, sizeof(how), "exit status %" PRId64, status);
    if (delay > 0) {
        log_error("server", "%s ended with %s; starting it again in %" PRIu64 " ms", k->name, how,
                  delay);
    } else {
        log_error("server", "%s ended with %s; starting it again", k->name, how);
    }
}

static void on_child_exit(void *user, int64_t status, int signum)
{
    struct keeper *k = user;
    struct supervisor *sv = k->sv;
    k->child = NULL;
    if (k->role == LAUNCH_WORKER) {
        atomic_store(&sv->pages->worker[k->index].heartbeat_ns, 0);
        atomic_store(&sv->pages->worker[k->index].applied, 0);
    }
    if (sv->stopping) {
        stop_next(sv);
        return;
    }
    bool refused = k->role == LAUNCH_CONTROL && signum == 0 && status == LAUNCH_EXIT_REFUSED;
    if (k->role == LAUNCH_CONTROL && (refused || !sv->announced)) {
        if (!refused)
            log_error("server", "control ended before it was ready (%s %" PRId64 ")",
                      signum != 0 ? "signal" : "exit status", signum != 0 ? signum : status);
        sv->status = EXIT_FAILURE;
        stop(sv);
        return;
    }
    uint64_t delay = next_delay(k, loop_now_ms(sv->loop));
    log_death(k, status, signum, delay);
    atomic_fetch_add(k->role == LAUNCH_WORKER ? &sv->pages->worker[k->index].restarts
                                              : &sv->pages->control_restarts,
                     1);
    if (delay == 0)
        keeper_start(k);
    else
        timeout_set(&k->restart, delay);
}

/* Workers get no sockets but the proxy's; control gets all the others. */
static size_t fds_for(const struct supervisor *sv, enum launch_role role, int *fds)
{
    size_t count = LAUNCH_FD_PROXY + (role == LAUNCH_WORKER ? sv->launch.workers : 0);
    memcpy(fds, sv->fds, count * sizeof(fds[0]));
    if (role == LAUNCH_WORKER) {
        fds[LAUNCH_FD_CONTROL] = -1;
        fds[LAUNCH_FD_LOCK] = -1;
        fds[LAUNCH_FD_ADMIN] = -1;
        fds[LAUNCH_FD_TEST] = -1;
    }
    return count;
}

static void keeper_start(struct keeper *k)
{
    struct supervisor *sv = k->sv;
    if (sv->stopping)
        return;
    char role[LAUNCH_ROLE_SIZE];
    const char *args[4];
    int fds[LAUNCH_FD_PROXY + LAUNCH_WORKERS_MAX];
    launch_args(k->role, k->index, role, args);
    struct child_spec spec = {
        .program = LAUNCH_PROGRAM,
        .args = args,
        .fds = fds,
        .fd_count = fds_for(sv, k->role, fds),
        .on_exit = on_child_exit,
        .user = k,
    };
    struct err e = {0};
    k->late_cpu_ns = 0;
    if (child_spawn(sv->loop, &spec, &k->child, &e) != ERR_OK) {
        log_error("server", "%s: %s", k->name, e.msg);
        timeout_set(&k->restart, BACKOFF_MAX_MS);
        return;
    }
    if (k->role == LAUNCH_WORKER)
        atomic_store(&sv->pages->worker[k->index].pid, child_pid(k->child));
}

/* A stopped or starved worker uses no CPU and is left alone; one that spins has nothing else to say for itself. */
static void watch_worker(struct keeper *k, uint64_t now_ns)
{
    const struct supervisor *sv = k->sv;
    struct pages_worker *page = &sv->pages->worker[k->index];
    bool serving = atomic_load(&page->heartbeat_ns) != 0;
    if (k->child == NULL || !serving || pages_alive(page, now_ns, LATE_MS * 1000000ull)) {
        k->late_cpu_ns = 0;
        return;
    }
    uint64_t cpu = child_cpu_ns(child_pid(k->child));
    if (k->late_cpu_ns == 0) {
        k->late_cpu_ns = cpu;
        return;
    }
    if (cpu < k->late_cpu_ns ||
        cpu - k->late_cpu_ns < (uint64_t)sv->config->limits.hang_cpu_ms * 1000000u)
        return;
    char what[PAGES_RUNNING_SIZE];
    uint64_t since = pages_running_get(page, what);
    log_error("server", "%s hangs%s%s: killing it", k->name,
              since != 0 ? " in module function " : "", since != 0 ? what : "");
    child_signal(k->child, SIGKILL);
    k->late_cpu_ns = 0;
}

static void announce(struct supervisor *sv)
{
    if (sv->announced || atomic_load(&sv->pages->control_ready) == 0)
        return;
    for (uint32_t i = 0; i < sv->launch.workers; i++) {
        if (atomic_load(&sv->pages->worker[i].heartbeat_ns) == 0)
            return;
    }
    sv->announced = true;
    log_info("server", "ready: proxy on %s:%" PRId64 ", %u worker%s", sv->config->proxy.host,
             sv->launch.proxy_port, sv->launch.workers, sv->launch.workers == 1 ? "" : "s");
    if (sv->config->admin.enabled)
        log_info("server", "admin API on http://%s:%" PRId64, sv->config->admin.host,
                 sv->launch.admin_port);
    if (sv->config->test_server.enabled)
        log_info("server", "test server on http://%s:%" PRId64, sv->config->test_server.host,
                 sv->launch.test_port);
}

static void on_watch(struct timeout *t)
{
    struct supervisor *sv = container_of(t, struct supervisor, watch);
    announce(sv);
    uint64_t now = now_mono_ns();
    for (size_t i = 0; i < sv->keeper_count; i++) {
        if (sv->keepers[i].role == LAUNCH_WORKER)
            watch_worker(&sv->keepers[i], now);
    }
    timeout_set(&sv->watch, WATCH_MS);
}

/* Lifts the soft limit to the hard one and lowers the connection limits to what that allows. */
static void raise_descriptor_limit(struct config *c, uint32_t workers)
{
    enum { OWN_DESCRIPTORS = 64 };
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    int64_t spare = limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur;
    spare -= OWN_DESCRIPTORS + workers;
    int64_t *wanted = &c->limits.client_connections;
    if (*wanted <= spare / 2)
        return;
    int64_t allowed = spare / 2 > 16 ? spare / 2 : 16;
    log_warn("server",
             "limits.client_connections lowered from %" PRId64 " to %" PRId64
             ": the system allows %" PRIu64 " descriptors",
             *wanted, allowed, (uint64_t)limit.rlim_cur);
    *wanted = allowed;
}

/* The port that the system picked where 0 was asked for. */
static bool bound_port(int fd, int64_t *port, struct err *e)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t len = sizeof(address);
    if (getsockname(fd, &address.any, &len) != 0) {
        (void)err_set(e, ERR_IO, "getsockname: %s", strerror(errno));
        return false;
    }
    *port = ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
    return true;
}

static bool bind_one(struct supervisor *sv, int number, const char *host, int64_t *port,
                     bool shared, struct err *e)
{
    struct listener_address address = {
        .host = str_of(host), .port = (uint16_t)*port, .reuseport = shared};
    return listener_bind(&address, &sv->fds[number], e) == ERR_OK &&
           bound_port(sv->fds[number], port, e);
}

/* SO_REUSEPORT would let a second server share the port in silence, so the port is tried alone first. */
static bool bind_proxy(struct supervisor *sv, struct err *e)
{
    const char *host = sv->config->proxy.host;
    int64_t port = sv->config->proxy.port;
    if (!bind_one(sv, LAUNCH_FD_PROXY, host, &port, false, e))
        return false;
    (void)close(sv->fds[LAUNCH_FD_PROXY]);
    for (uint32_t i = 0; i < sv->launch.workers; i++) {
        if (!bind_one(sv, LAUNCH_FD_PROXY + (int)i, host, &port, true, e)) {
            err_context(e, "proxy");
            return false;
        }
    }
    sv->launch.proxy_port = port;
    return true;
}

static bool bind_all(struct supervisor *sv, struct err *e)
{
    struct config *c = sv->config;
    if (!bind_proxy(sv, e)) {
        return false;
    }
    sv->launch.admin_port = c->admin.port;
    if (c->admin.enabled &&
        !bind_one(sv, LAUNCH_FD_ADMIN, c->admin.host, &sv->launch.admin_port, false, e)) {
        err_context(e, "admin");
        return false;
    }
    sv->launch.test_port = c->test_server.port;
    if (c->test_server.enabled &&
        !bind_one(sv, LAUNCH_FD_TEST, c->test_server.host, &sv->launch.test_port, false, e)) {
        err_context(e, "test_server");
        return false;
    }
    return true;
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

/* Workers open the log themselves; that it cannot be opened is told before they start. */
static bool try_access_log(struct supervisor *sv, struct err *e)
{
    struct line_writer *w = NULL;
    if (sv->config->proxy.access_log == CONFIG_ACCESS_LOG_OFF)
        return true;
    if (http_setup_access_log(sv->loop, sv->config, &w, e) != ERR_OK)
        return false;
    line_writer_destroy(w);
    return true;
}

static bool prepare(struct supervisor *sv, struct err *e)
{
    struct launch *l = &sv->launch;
    l->config = sv->config;
    l->workers = worker_count(sv->config);
    raise_descriptor_limit(sv->config, l->workers);
    if (!try_access_log(sv, e) || storage_dir_take(sv->config, &sv->storage, e) != ERR_OK ||
        !bind_all(sv, e))
        return false;
    l->store_dir = sv->storage.path;
    sv->fds[LAUNCH_FD_LOCK] = sv->storage.lock_fd;
    sv->fds[LAUNCH_FD_CONTROL] = ipc_listen(l->address, sizeof(l->address), &l->address_len, e);
    if (sv->fds[LAUNCH_FD_CONTROL] < 0)
        return false;
    make_token(l->token);
    const struct config_limits *limits = &sv->config->limits;
    struct node_segment_options node = {.workers = l->workers,
                                        .rate_buckets = (uint32_t)limits->node_rate_buckets,
                                        .counts = (uint32_t)limits->node_counts,
                                        .upstreams = (uint32_t)limits->node_upstreams};
    return pages_make(l->workers, &sv->fds[LAUNCH_FD_PAGES], &sv->pages, e) == ERR_OK &&
           node_segment_make(&node, &sv->fds[LAUNCH_FD_NODE], &sv->node, e) == ERR_OK &&
           launch_write(l, &sv->fds[LAUNCH_FD_TEXT], e) == ERR_OK;
}

static void keeper_init(struct supervisor *sv, struct keeper *k, enum launch_role role,
                        uint32_t index)
{
    k->sv = sv;
    k->role = role;
    k->index = index;
    if (role == LAUNCH_CONTROL)
        (void)snprintf(k->name, sizeof(k->name), "control");
    else
        (void)snprintf(k->name, sizeof(k->name), "worker-%u", index);
    timeout_init(&k->restart, sv->loop, on_restart);
}

static void start_all(struct supervisor *sv)
{
    atomic_store(&sv->pages->started_ms, now_wall_ms());
    sv->keeper_count = 1 + sv->launch.workers;
    sv->keepers = mem_calloc(sv->keeper_count, sizeof(struct keeper));
    for (size_t i = 0; i < sv->keeper_count; i++) {
        struct keeper *k = &sv->keepers[i];
        keeper_init(sv, k, i == 0 ? LAUNCH_CONTROL : LAUNCH_WORKER, i == 0 ? 0 : (uint32_t)(i - 1));
        keeper_start(k);
    }
    timeout_set(&sv->watch, WATCH_MS);
}

static void finish(struct supervisor *sv)
{
    for (size_t i = 0; i < sv->keeper_count; i++)
        timeout_finish(&sv->keepers[i].restart);
    free(sv->keepers);
    timeout_finish(&sv->watch);
    timeout_finish(&sv->grace);
    for (size_t i = 0; i < ARRAY_LEN(sv->signals); i++)
        signals_stop(sv->signals[i]);
    pages_unmap(sv->pages);
    node_segment_unmap(sv->node);
    storage_dir_release(&sv->storage);
    loop_destroy(sv->loop);
    config_destroy(sv->config);
}

int supervisor_run(struct config *c)
{
    /* What whoever started us left open is not for our children. */
    (void)close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
    struct supervisor sv = {.config = c, .loop = loop_create()};
    for (size_t i = 0; i < ARRAY_LEN(sv.fds); i++)
        sv.fds[i] = i == STDOUT_FILENO || i == STDERR_FILENO ? (int)i : -1;
    timeout_init(&sv.watch, sv.loop, on_watch);
    timeout_init(&sv.grace, sv.loop, on_grace_over);
    struct err e = {0};
    if (!prepare(&sv, &e)) {
        (void)fprintf(stderr, "dgate-server: %s\n", e.msg);
        sv.status = EXIT_FAILURE;
        finish(&sv);
        return EXIT_FAILURE;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    sv.signals[0] = signals_watch(sv.loop, SIGTERM, on_stop_signal, &sv);
    sv.signals[1] = signals_watch(sv.loop, SIGINT, on_stop_signal, &sv);
    sv.signals[2] = signals_watch(sv.loop, SIGQUIT, on_stop_signal, &sv);
    start_all(&sv);
    loop_run(sv.loop);
    log_info("server", "stopped");
    int status = sv.status;
    finish(&sv);
    return status;
}
