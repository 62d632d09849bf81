#include "server/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/container.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/child.h"
#include "io/timeout.h"
#include "server/handover.h"
#include "server/version.h"

enum {
    VERSION_MS = 10000,
    CHECK_MS = 60000, /* the modules of the file are compiled */
    OUTPUT_MAX = 16 * 1024,
    LINES_MAX = 50,
};

enum step { ASK_VERSION, CHECK_CONFIG };

struct upgrade_check {
    struct loop *loop;
    char *program;
    char *config;
    upgrade_fn done;
    void *user;
    enum step step;
    struct child *child;
    int output; /* memory file of OUTPUT_MAX bytes that cannot grow */
    struct timeout timeout;
    char version[UPGRADE_VERSION_MAX];
};

static int step_ms(const struct upgrade_check *c)
{
    return c->step == ASK_VERSION ? VERSION_MS : CHECK_MS;
}

static bool is_our_file(const char *path)
{
    struct stat ours = {0};
    struct stat named = {0};
    return stat("/proc/self/exe", &ours) == 0 && stat(path, &named) == 0 &&
           ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

static char *join(struct str dir, const char *name)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%.*s/%s", STR_ARG(dir), name);
    return n > 0 && (size_t)n < sizeof(path) ? mem_strdup(path) : NULL;
}

static char *if_ours(char *path)
{
    if (path != NULL && is_our_file(path))
        return path;
    free(path);
    return NULL;
}

static char *find_in_path(const char *name)
{
    const char *dirs = getenv("PATH");
    struct str rest = str_of(dirs != NULL ? dirs : "");
    char *found = NULL;
    while (rest.len > 0 && found == NULL) {
        size_t end = str_index(rest, ':', 0);
        struct str dir = str_slice(rest, 0, end);
        if (str_starts(dir, STR("/")))
            found = if_ours(join(dir, name));
        rest = end < rest.len ? str_skip(rest, end + 1) : (struct str){0};
    }
    return found;
}

char *upgrade_program(const char *argv0)
{
    char here[PATH_MAX];
    char *found = NULL;
    if (argv0 != NULL && argv0[0] == '/')
        found = if_ours(mem_strdup(argv0));
    else if (argv0 != NULL && strchr(argv0, '/') != NULL && getcwd(here, sizeof(here)) != NULL)
        found = if_ours(join(str_of(here), argv0));
    else if (argv0 != NULL)
        found = find_in_path(argv0);
    if (found != NULL)
        return found;
    ssize_t n = readlink("/proc/self/exe", here, sizeof(here) - 1);
    return n > 0 ? if_ours(mem_dup(here, (size_t)n)) : NULL;
}

void upgrade_print_version(void)
{
    (void)printf("dgate-upgrade %d %d %s\n", HANDOVER_OLDEST, HANDOVER_VERSION, version_text());
}

/* Both streams of the child share its offset, so the offset is the length. */
static char *read_output(int fd)
{
    off_t len = lseek(fd, 0, SEEK_CUR);
    char *text = mem_alloc(OUTPUT_MAX + 1);
    ssize_t n = len > 0 ? pread(fd, text, (size_t)(len < OUTPUT_MAX ? len : OUTPUT_MAX), 0) : 0;
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void log_output(const char *text)
{
    struct str rest = str_of(text);
    for (int i = 0; i < LINES_MAX && rest.len > 0; i++) {
        size_t end = str_index(rest, '\n', 0);
        log_error("server", "the new program: %.*s", STR_ARG(str_slice(rest, 0, end)));
        rest = end < rest.len ? str_skip(rest, end + 1) : (struct str){0};
    }
}

static void release(struct upgrade_check *c)
{
    timeout_finish(&c->timeout);
    if (c->output >= 0)
        (void)close(c->output);
    free(c->program);
    free(c->config);
    free(c);
}

static void end(struct upgrade_check *c, const struct err *e)
{
    c->done(c->user, c->version, e);
    release(c);
}

static bool run_step(struct upgrade_check *c, struct err *e);

/* "dgate-upgrade OLDEST NEWEST VERSION" */
static bool read_version(struct upgrade_check *c, const char *text, struct err *e)
{
    unsigned oldest = 0;
    unsigned newest = 0;
    char *end_of = NULL;
    static const char word[] = "dgate-upgrade ";
    if (strncmp(text, word, sizeof(word) - 1) == 0) {
        oldest = (unsigned)strtoul(text + sizeof(word) - 1, &end_of, 10);
        newest = (unsigned)strtoul(end_of, &end_of, 10);
        end_of += strspn(end_of, " ");
    }
    size_t len = end_of != NULL ? strcspn(end_of, "\n") : 0;
    if (newest == 0 || len == 0 || len >= sizeof(c->version)) {
        (void)err_set(e, ERR_INVALID, "%s does not say which versions it can take over from",
                      c->program);
        return false;
    }
    memcpy(c->version, end_of, len);
    if (HANDOVER_VERSION < oldest || HANDOVER_VERSION > newest) {
        (void)err_set(e, ERR_CONFLICT,
                      "%s (%s) cannot take over from this version: a restart is needed", c->program,
                      c->version);
        return false;
    }
    return true;
}

static void on_exit_seen(void *user, int64_t status, int signum)
{
    struct upgrade_check *c = user;
    struct err e = {0};
    c->child = NULL;
    bool timed_out = !timeout_is_set(&c->timeout);
    timeout_clear(&c->timeout);
    char *text = read_output(c->output);
    (void)close(c->output);
    c->output = -1;
    const char *what = c->step == ASK_VERSION ? "--upgrade-version" : "--check";
    bool ok = status == 0 && signum == 0 && !timed_out;
    if (timed_out) {
        (void)err_set(&e, ERR_TIMEOUT, "%s %s took more than %d s", c->program, what,
                      step_ms(c) / 1000);
    } else if (!ok) {
        (void)err_set(&e, ERR_INVALID, "%s %s ended with %s %" PRId64, c->program, what,
                      signum != 0 ? "signal" : "exit status", signum != 0 ? signum : status);
    } else {
        ok = c->step != ASK_VERSION || read_version(c, text, &e);
    }
    if (!ok)
        log_output(text);
    free(text);
    bool more = ok && c->step == ASK_VERSION;
    if (more) {
        c->step = CHECK_CONFIG;
        more = run_step(c, &e);
    }
    if (!more)
        end(c, e.code != ERR_OK ? &e : NULL);
}

static void on_timeout(struct timeout *t)
{
    struct upgrade_check *c = container_of(t, struct upgrade_check, timeout);
    if (c->child != NULL)
        child_signal(c->child, SIGKILL);
    else
        end(c, &(struct err){.code = ERR_INTERNAL, .msg = "the new program cannot be started"});
}

static int make_output(void)
{
    int fd = memfd_create("dgate-upgrade-output", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && (ftruncate(fd, OUTPUT_MAX) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) != 0)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool run_step(struct upgrade_check *c, struct err *e)
{
    const char *args[5] = {c->program};
    if (c->step == ASK_VERSION) {
        args[1] = "--upgrade-version";
    } else {
        args[1] = "--check";
        args[2] = c->config != NULL ? "-c" : NULL;
        args[3] = c->config;
    }
    c->output = make_output();
    if (c->output < 0) {
        (void)err_set(e, ERR_IO, "cannot make a memory file: %s", strerror(errno));
        return false;
    }
    const int fds[] = {-1, c->output, c->output};
    const struct child_spec spec = {.program = c->program,
                                    .args = args,
                                    .fds = fds,
                                    .fd_count = ARRAY_LEN(fds),
                                    .on_exit = on_exit_seen,
                                    .user = c};
    if (child_spawn(c->loop, &spec, &c->child, e) != ERR_OK)
        return false;
    timeout_set(&c->timeout, (uint64_t)step_ms(c));
    return true;
}

struct upgrade_check *upgrade_check_start(struct loop *l, const char *program, const char *config,
                                          upgrade_fn done, void *user)
{
    struct upgrade_check *c = mem_alloc(sizeof(*c));
    *c = (struct upgrade_check){.loop = l,
                                .program = mem_strdup(program),
                                .config = config != NULL ? mem_strdup(config) : NULL,
                                .done = done,
                                .user = user,
                                .output = -1};
    timeout_init(&c->timeout, l, on_timeout);
    struct err e = {0};
    if (!run_step(c, &e)) {
        log_error("server", "%s", e.msg);
        timeout_set(&c->timeout, 0);
    }
    return c;
}

void upgrade_check_cancel(struct upgrade_check *c)
{
    if (c == NULL)
        return;
    if (c->child != NULL) {
        child_signal(c->child, SIGKILL);
        child_forget(c->child);
    }
    release(c);
}
