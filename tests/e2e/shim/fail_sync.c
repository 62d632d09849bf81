/* A shim before libc that makes writes and syncs of chosen files fail, and records the order of syncs and
 * answers. Preload it (built with cc -shared -fPIC fail_sync.c -o fail_sync.so -ldl), or include this file in
 * a test program: what an executable defines comes before its shared libraries, too.
 *
 * Control, all through a directory named by DGATE_SHIM_DIR (unset: the shim does nothing):
 *
 *   fail   One rule a line; the file is read again at every call, so rules come and go while the program
 *          runs. Replace it by rename; its counters start again with a new file.
 *              CLASS ERRNO [MODE] [after=N] [count=M]
 *          CLASS  sync   fdatasync, fsync, msync
 *                 write  write, pwrite, writev, pwritev
 *                 meta   the same four on a descriptor opened with O_DSYNC or O_SYNC (LMDB's meta page)
 *          ERRNO  EIO, ENOSPC, or KILL (the process kills itself with SIGKILL)
 *          MODE   before (default): nothing is done; late: it is done, and then reported as failed (a sync
 *                 that failed after the page cache was written); short: half is written and that count is
 *                 returned (writes only)
 *          after  the first N calls of this process succeed (default 0)
 *          count  then M calls fail (default: all)
 *   log    Appended to if it exists, a line an event:
 *              SEQUENCE NANOSECONDS PID EVENT RESULT BYTES WHAT
 *          EVENT sync, write, meta: taken when the call is over, RESULT 0 or errno, WHAT the file.
 *          EVENT send: a write, writev, send, sendto or sendmsg to a socket, also by syscall(), taken before the call, RESULT
 *          is -, WHAT its first bytes (at most 80, "\xNN" for what is not printable ASCII).
 *          So an answer that a sync covers has the larger SEQUENCE, which counts over all processes (it is
 *          kept in the file "seq").
 *
 * Rules and events apply to files whose path contains DGATE_SHIM_FILES (default "data.mdb").
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SHIM_EXPORT __attribute__((visibility("default")))

enum shim_class { SHIM_SYNC, SHIM_WRITE, SHIM_META, SHIM_CLASSES };
enum shim_mode { SHIM_PASS, SHIM_BEFORE, SHIM_LATE, SHIM_SHORT, SHIM_KILL_BEFORE, SHIM_KILL_LATE };

struct shim_verdict {
    enum shim_mode mode;
    int error;
};

static const char *const SHIM_NAMES[SHIM_CLASSES] = {"sync", "write", "meta"};

/* Raw descriptors: the shim's own files must not go through the shim. */
static ssize_t shim_raw_write(int fd, const void *p, size_t n)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "write");
    return real(fd, p, n);
}

static bool shim_path(const char *name, char out[PATH_MAX])
{
    const char *dir = getenv("DGATE_SHIM_DIR");
    if (dir == NULL || *dir == '\0')
        return false;
    int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);
    return n > 0 && n < PATH_MAX;
}

static uint64_t shim_next_sequence(void)
{
    static _Atomic(uint64_t) *sequence;
    if (sequence == NULL) {
        char path[PATH_MAX];
        if (!shim_path("seq", path))
            return 0;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0 || ftruncate(fd, sizeof(*sequence)) != 0)
            return 0;
        void *p = mmap(NULL, sizeof(*sequence), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        (void)close(fd);
        if (p == MAP_FAILED)
            return 0;
        sequence = p;
    }
    return atomic_fetch_add(sequence, 1) + 1;
}

static void shim_log(const char *event, const char *result, size_t bytes, const char *what)
{
    char path[PATH_MAX];
    char line[PATH_MAX + 512];
    struct timespec t;
    if (!shim_path("log", path))
        return;
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    int n = snprintf(line, sizeof(line), "%llu %lld%09ld %d %s %s %zu %s\n",
                     (unsigned long long)shim_next_sequence(), (long long)t.tv_sec, t.tv_nsec,
                     (int)getpid(), event, result, bytes, what);
    (void)!shim_raw_write(fd, line, (size_t)n);
    (void)close(fd);
}

/* Whether fd is one of the chosen files; its path then. */
static bool shim_chosen(int fd, char path[PATH_MAX])
{
    char proc[64];
    if (getenv("DGATE_SHIM_DIR") == NULL)
        return false;
    (void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(proc, path, PATH_MAX - 1);
    if (n <= 0)
        return false;
    path[n] = '\0';
    const char *files = getenv("DGATE_SHIM_FILES");
    return strstr(path, files != NULL ? files : "data.mdb") != NULL;
}

static enum shim_class shim_write_class(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & (O_DSYNC | O_SYNC)) != 0 ? SHIM_META : SHIM_WRITE;
}

static unsigned long shim_number(const char *line, const char *key, unsigned long absent)
{
    const char *at = strstr(line, key);
    return at != NULL ? strtoul(at + strlen(key), NULL, 10) : absent;
}

static struct shim_verdict shim_apply_rule(const char *line, unsigned long call)
{
    struct shim_verdict v = {SHIM_PASS, EIO};
    unsigned long after = shim_number(line, "after=", 0);
    unsigned long count = shim_number(line, "count=", ULONG_MAX);
    if (call <= after || call - after > count)
        return v;
    bool late = strstr(line, " late") != NULL;
    if (strstr(line, "ENOSPC") != NULL)
        v.error = ENOSPC;
    if (strstr(line, "KILL") != NULL)
        v.mode = late ? SHIM_KILL_LATE : SHIM_KILL_BEFORE;
    else if (late)
        v.mode = SHIM_LATE;
    else
        v.mode = strstr(line, " short") != NULL ? SHIM_SHORT : SHIM_BEFORE;
    return v;
}

static struct shim_verdict shim_judge(enum shim_class class)
{
    static atomic_ulong calls[SHIM_CLASSES];
    static _Atomic(uint64_t) file_id;
    struct shim_verdict v = {SHIM_PASS, 0};
    char path[PATH_MAX];
    char text[1024] = "";
    struct stat st;
    if (!shim_path("fail", path))
        return v;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return v;
    if (fstat(fd, &st) == 0) {
        uint64_t id = (uint64_t)st.st_ino ^ ((uint64_t)st.st_mtim.tv_nsec << 32) ^
                      (uint64_t)st.st_mtim.tv_sec;
        if (atomic_exchange(&file_id, id) != id)
            for (int i = 0; i < SHIM_CLASSES; i++)
                atomic_store(&calls[i], 0);
    }
    ssize_t n = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    if (n <= 0)
        return v;
    unsigned long call = atomic_fetch_add(&calls[class], 1) + 1;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        size_t len = strlen(SHIM_NAMES[class]);
        if (strncmp(line, SHIM_NAMES[class], len) != 0 || line[len] != ' ')
            continue;
        v = shim_apply_rule(line, call);
        if (v.mode != SHIM_PASS)
            break;
    }
    if (v.mode == SHIM_KILL_BEFORE)
        (void)raise(SIGKILL);
    return v;
}

/* Ends a call that returned rc: records it and reports what the rule says. */
static ssize_t shim_end(enum shim_class class, struct shim_verdict v, ssize_t rc, const char *path)
{
    char result[16];
    int error = rc < 0 ? errno : 0;
    if (v.mode == SHIM_KILL_LATE)
        (void)raise(SIGKILL);
    if (v.mode == SHIM_BEFORE || v.mode == SHIM_LATE) {
        rc = -1;
        error = v.error;
    }
    (void)snprintf(result, sizeof(result), "%d", error);
    shim_log(SHIM_NAMES[class], result, rc > 0 ? (size_t)rc : 0, path);
    errno = error;
    return rc;
}

static bool shim_is_socket(int fd)
{
    struct stat st;
    return getenv("DGATE_SHIM_DIR") != NULL && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static void shim_log_send(int fd, const void *p, size_t n)
{
    char text[80 * 4 + 1];
    size_t len = 0;
    const unsigned char *bytes = p;
    if (!shim_is_socket(fd))
        return;
    for (size_t i = 0; i < n && i < 80; i++) {
        bool plain = bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '\\';
        len += (size_t)snprintf(text + len, sizeof(text) - len, plain ? "%c" : "\\x%02x", bytes[i]);
    }
    text[len] = '\0';
    shim_log("send", "-", n, text);
}

static size_t shim_iov_bytes(const struct iovec *iov, int n)
{
    size_t bytes = 0;
    for (int i = 0; i < n; i++)
        bytes += iov[i].iov_len;
    return bytes;
}

#define SHIM_REAL(name, type, ...)                                                                 \
    static type (*real)(__VA_ARGS__);                                                              \
    if (real == NULL)                                                                              \
    *(void **)&real = dlsym(RTLD_NEXT, name)

SHIM_EXPORT int fdatasync(int fd)
{
    char path[PATH_MAX];
    SHIM_REAL("fdatasync", int, int);
    if (!shim_chosen(fd, path))
        return real(fd);
    struct shim_verdict v = shim_judge(SHIM_SYNC);
    return (int)shim_end(SHIM_SYNC, v, v.mode == SHIM_BEFORE ? 0 : real(fd), path);
}

SHIM_EXPORT int fsync(int fd)
{
    char path[PATH_MAX];
    SHIM_REAL("fsync", int, int);
    if (!shim_chosen(fd, path))
        return real(fd);
    struct shim_verdict v = shim_judge(SHIM_SYNC);
    return (int)shim_end(SHIM_SYNC, v, v.mode == SHIM_BEFORE ? 0 : real(fd), path);
}

SHIM_EXPORT int msync(void *p, size_t n, int flags)
{
    SHIM_REAL("msync", int, void *, size_t, int);
    if (getenv("DGATE_SHIM_DIR") == NULL)
        return real(p, n, flags);
    struct shim_verdict v = shim_judge(SHIM_SYNC);
    return (int)shim_end(SHIM_SYNC, v, v.mode == SHIM_BEFORE ? 0 : real(p, n, flags), "msync");
}

SHIM_EXPORT ssize_t write(int fd, const void *p, size_t n)
{
    char path[PATH_MAX];
    if (!shim_chosen(fd, path)) {
        shim_log_send(fd, p, n);
        return shim_raw_write(fd, p, n);
    }
    enum shim_class class = shim_write_class(fd);
    struct shim_verdict v = shim_judge(class);
    size_t part = v.mode == SHIM_SHORT ? n / 2 : n;
    return shim_end(class, v, v.mode == SHIM_BEFORE ? 0 : shim_raw_write(fd, p, part), path);
}

static ssize_t shim_pwrite(int fd, const void *p, size_t n, off_t at)
{
    char path[PATH_MAX];
    SHIM_REAL("pwrite", ssize_t, int, const void *, size_t, off_t);
    if (!shim_chosen(fd, path))
        return real(fd, p, n, at);
    enum shim_class class = shim_write_class(fd);
    struct shim_verdict v = shim_judge(class);
    size_t part = v.mode == SHIM_SHORT ? n / 2 : n;
    return shim_end(class, v, v.mode == SHIM_BEFORE ? 0 : real(fd, p, part, at), path);
}

SHIM_EXPORT ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    return shim_pwrite(fd, p, n, at);
}

SHIM_EXPORT ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
    return shim_pwrite(fd, p, n, at);
}

SHIM_EXPORT ssize_t writev(int fd, const struct iovec *iov, int n)
{
    char path[PATH_MAX];
    SHIM_REAL("writev", ssize_t, int, const struct iovec *, int);
    if (!shim_chosen(fd, path)) {
        if (n > 0)
            shim_log_send(fd, iov[0].iov_base, iov[0].iov_len);
        return real(fd, iov, n);
    }
    enum shim_class class = shim_write_class(fd);
    struct shim_verdict v = shim_judge(class);
    if (v.mode == SHIM_SHORT && n > 0)
        return shim_end(class, v, shim_raw_write(fd, iov[0].iov_base, iov[0].iov_len / 2), path);
    ssize_t rc = v.mode == SHIM_BEFORE ? (ssize_t)shim_iov_bytes(iov, n) : real(fd, iov, n);
    return shim_end(class, v, rc, path);
}

static ssize_t shim_pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
    char path[PATH_MAX];
    SHIM_REAL("pwritev", ssize_t, int, const struct iovec *, int, off_t);
    if (!shim_chosen(fd, path))
        return real(fd, iov, n, at);
    enum shim_class class = shim_write_class(fd);
    struct shim_verdict v = shim_judge(class);
    ssize_t rc = v.mode == SHIM_BEFORE ? (ssize_t)shim_iov_bytes(iov, n) : real(fd, iov, n, at);
    return shim_end(class, v, rc, path);
}

SHIM_EXPORT ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
    return shim_pwritev(fd, iov, n, at);
}

SHIM_EXPORT ssize_t pwritev64(int fd, const struct iovec *iov, int n, off_t at)
{
    return shim_pwritev(fd, iov, n, at);
}

SHIM_EXPORT ssize_t send(int fd, const void *p, size_t n, int flags)
{
    SHIM_REAL("send", ssize_t, int, const void *, size_t, int);
    shim_log_send(fd, p, n);
    return real(fd, p, n, flags);
}

/* glibc declares it with a union of all kinds of pointers to addresses. */
SHIM_EXPORT ssize_t sendto(int fd, const void *p, size_t n, int flags, __CONST_SOCKADDR_ARG to,
                           socklen_t to_len)
{
    SHIM_REAL("sendto", ssize_t, int, const void *, size_t, int, __CONST_SOCKADDR_ARG, socklen_t);
    shim_log_send(fd, p, n);
    return real(fd, p, n, flags, to, to_len);
}

SHIM_EXPORT ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    SHIM_REAL("sendmsg", ssize_t, int, const struct msghdr *, int);
    if (m->msg_iovlen > 0)
        shim_log_send(fd, m->msg_iov[0].iov_base, m->msg_iov[0].iov_len);
    return real(fd, m, flags);
}

/* The gateway's sends and receives. */
SHIM_EXPORT long syscall(long number, ...)
{
    SHIM_REAL("syscall", long, long, ...);
    long a[6];
    va_list args;
    va_start(args, number);
    for (size_t i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_sendto) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): syscall() takes pointers as numbers */
        const void *bytes = (const void *)a[1];
        shim_log_send((int)a[0], bytes, (size_t)a[2]);
    }
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
