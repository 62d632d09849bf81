#include "io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "base/vec.h"
#include "io/loop.h"
#include "io/poller.h"

enum { FDS_MAX = 512 };

struct child {
    uv_process_t uv;       /* one that we started */
    struct poller *poller; /* of pidfd: one that was adopted; else NULL */
    int pidfd;
    pid_t pid;
    child_exit_fn on_exit;
    void *user;
};

struct env_list {
    VEC_OF(char *);
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_exit_cb(uv_process_t *uv, int64_t status, int signum)
{
    struct child *c = uv->data;
    child_exit_fn fn = c->on_exit;
    void *user = c->user;
    uv_close((uv_handle_t *)uv, on_closed);
    if (fn != NULL)
        fn(user, status, signum);
}

/* uv_spawn() takes non-const strings and writes to none of them. */
static void env_collect(struct env_list *list, const char *const *added)
{
    for (char **p = environ; *p != NULL; p++)
        vec_push(list, *p);
    for (size_t i = 0; added != NULL && added[i] != NULL; i++) {
        char *copy = NULL;
        memcpy(&copy, &added[i], sizeof(copy));
        vec_push(list, copy);
    }
    vec_push(list, NULL);
}

enum err_code child_spawn(struct loop *l, const struct child_spec *spec, struct child **ret,
                          struct err *e)
{
    if (spec->fd_count > FDS_MAX)
        return err_set(e, ERR_INTERNAL, "too many descriptors to inherit");
    uv_stdio_container_t stdio[FDS_MAX];
    for (size_t i = 0; i < spec->fd_count; i++) {
        stdio[i].flags = spec->fds[i] < 0 ? UV_IGNORE : UV_INHERIT_FD;
        stdio[i].data.fd = spec->fds[i];
    }
    struct env_list env = {0};
    env_collect(&env, spec->env);
    char **args = NULL;
    memcpy(&args, &spec->args, sizeof(args));

    struct child *c = mem_alloc(sizeof(*c));
    c->on_exit = spec->on_exit;
    c->user = spec->user;
    c->uv.data = c;
    uv_process_options_t options = {
        .exit_cb = on_exit_cb,
        .file = spec->program,
        .args = args,
        .env = env.v,
        .stdio = stdio,
        .stdio_count = (int)spec->fd_count,
    };
    int rc = uv_spawn(loop_uv(l), &c->uv, &options);
    vec_finish(&env);
    if (rc != 0) {
        uv_close((uv_handle_t *)&c->uv, on_closed);
        return err_set(e, ERR_INTERNAL, "cannot start %s: %s", spec->program, uv_strerror(rc));
    }
    c->pid = c->uv.pid;
    *ret = c;
    return ERR_OK;
}

static void on_adopted_end(void *user, int events)
{
    (void)events;
    struct child *c = user;
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
        return;
    child_exit_fn fn = c->on_exit;
    void *owner = c->user;
    poller_destroy(c->poller);
    (void)close(c->pidfd);
    free(c);
    if (fn == NULL)
        return;
    bool exited = info.si_code == CLD_EXITED;
    fn(owner, exited ? info.si_status : 0, exited ? 0 : info.si_status);
}

enum err_code child_adopt(struct loop *l, pid_t pid, child_exit_fn on_exit, void *user,
                          struct child **ret, struct err *e)
{
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return err_set(e, ERR_NOT_FOUND, "process %d is no child of this one", (int)pid);
    int fd = pidfd_open(pid, 0);
    if (fd < 0)
        return err_set(e, ERR_INTERNAL, "cannot watch process %d: %s", (int)pid, strerror(errno));
    struct child *c = mem_alloc(sizeof(*c));
    *c = (struct child){.pidfd = fd, .pid = pid, .on_exit = on_exit, .user = user};
    c->poller = poller_create(l, fd, on_adopted_end, c);
    poller_watch(c->poller, POLLER_READ);
    *ret = c;
    return ERR_OK;
}

pid_t child_pid(const struct child *c)
{
    return c->pid;
}

void child_signal(struct child *c, int signum)
{
    if (c->poller == NULL)
        (void)uv_process_kill(&c->uv, signum);
    else
        (void)pidfd_send_signal(c->pidfd, signum, NULL, 0);
}

void child_forget(struct child *c)
{
    if (c == NULL)
        return;
    c->on_exit = NULL;
    if (c->poller != NULL)
        poller_keep_loop(c->poller, false);
    else
        uv_unref((uv_handle_t *)&c->uv);
}

void child_die_with_parent(pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
}

uint64_t child_cpu_ns(pid_t pid)
{
    clockid_t id = 0;
    struct timespec ts = {0};
    if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &ts) != 0)
        return 0;
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t child_memory_bytes(pid_t pid, enum child_memory which)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "/proc/%d/statm", (int)pid);
    const int fd = open(text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const ssize_t len = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    if (len <= 0)
        return 0;
    text[len] = '\0';
    char *p = text;
    uint64_t pages = 0;
    for (int i = 0; i <= (int)which; i++)
        pages = strtoull(p, &p, 10);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
