/* A descriptor that was inherited is opened anew where the system allows it: O_NONBLOCK belongs to the open file, which
 * other processes share, and would make their writes fail.
 */
#include "io/line_writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/container.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/timeout.h"

enum { RETRY_MS = 10, NOTICE_MS = 10000, LAST_TRY_MS = 200, MODE = 0640 };

struct line_writer {
    struct loop *loop;
    struct line_writer_options options;
    char *path; /* NULL: standard output */
    int fd;
    bool is_file;
    bool is_socket;
    bool torn; /* the last line that was written lacks its end */
    struct buf waiting;
    struct loop_task task;
    struct timeout retry;
    uint64_t dropped;
    uint64_t told; /* of the dropped ones */
    uint64_t told_ms;
};

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, MODE);
}

static int open_stdout(void)
{
    const int fd = open("/proc/self/fd/1", O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd >= 0 ? fd : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
}

static void take(struct line_writer *w, int fd)
{
    struct stat s;
    if (w->fd >= 0)
        (void)close(w->fd);
    w->fd = fd;
    const bool known = fstat(fd, &s) == 0;
    w->is_file = known && S_ISREG(s.st_mode);
    w->is_socket = known && S_ISSOCK(s.st_mode);
}

static uint64_t lines_in(struct str s)
{
    uint64_t n = 0;
    for (size_t i = str_index(s, '\n', 0); i < s.len; i = str_index(s, '\n', i + 1))
        n++;
    return n;
}

/* Not while the reader is slow: the log may have the same one. */
static void tell(struct line_writer *w, const char *why)
{
    const uint64_t now = loop_now_ms(w->loop);
    if (w->dropped == w->told || (w->told > 0 && now - w->told_ms < NOTICE_MS))
        return;
    log_warn("log", "%llu lines of the %s were dropped: %s",
             (unsigned long long)(w->dropped - w->told), w->options.name, why);
    w->told = w->dropped;
    w->told_ms = now;
}

static void drop_all(struct line_writer *w, int error)
{
    w->dropped += lines_in(buf_str(&w->waiting));
    buf_clear(&w->waiting);
    tell(w, strerrordesc_np(error));
}

/* What goes out with one write: whole lines, as many as stay together in a pipe. */
static struct str next_piece(const struct line_writer *w)
{
    struct str all = buf_str(&w->waiting);
    if (w->is_file || all.len <= PIPE_BUF)
        return all;
    size_t end = PIPE_BUF;
    while (end > 0 && all.p[end - 1] != '\n')
        end--;
    return end > 0 ? str_slice(all, 0, end) : str_slice(all, 0, str_index(all, '\n', 0) + 1);
}

static ssize_t write_piece(const struct line_writer *w, struct str piece)
{
    if (w->is_socket)
        return send(w->fd, piece.p, piece.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    struct pollfd p = {.fd = w->fd, .events = POLLOUT};
    if (!w->is_file && poll(&p, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(w->fd, piece.p, piece.len);
}

/* False when the reader has no room. */
static bool flush(struct line_writer *w)
{
    while (w->waiting.len > 0) {
        const struct str piece = next_piece(w);
        const ssize_t n = write_piece(w, piece);
        if (n > 0) {
            w->torn = piece.p[n - 1] != '\n';
            buf_consume(&w->waiting, (size_t)n);
        } else if (n < 0 && errno == EAGAIN) {
            return false;
        } else if (n == 0 || errno != EINTR) {
            drop_all(w, n == 0 ? EIO : errno);
        }
    }
    tell(w, "they came faster than they were read");
    return true;
}

static void flush_or_wait(struct line_writer *w)
{
    if (!flush(w))
        timeout_set(&w->retry, RETRY_MS);
}

static void on_task(struct loop_task *t)
{
    flush_or_wait(container_of(t, struct line_writer, task));
}

static void on_retry(struct timeout *t)
{
    flush_or_wait(container_of(t, struct line_writer, retry));
}

static bool is_named(const struct line_writer_options *options)
{
    return options->path != NULL && options->path[0] != '\0';
}

/* -1 with e filled. */
static int open_target(const struct line_writer_options *options, struct err *e)
{
    const bool named = is_named(options);
    const int fd = named ? open_path(options->path) : open_stdout();
    if (fd < 0)
        (void)err_set(e, ERR_IO, "cannot open the %s %s: %s", options->name,
                      named ? options->path : "on standard output", strerrordesc_np(errno));
    return fd;
}

enum err_code line_writer_try(const struct line_writer_options *options, struct err *e)
{
    const int fd = open_target(options, e);
    if (fd < 0)
        return ERR_IO;
    (void)close(fd);
    return ERR_OK;
}

enum err_code line_writer_open(struct loop *loop, const struct line_writer_options *options,
                               struct line_writer **ret, struct err *e)
{
    const int fd = open_target(options, e);
    if (fd < 0)
        return ERR_IO;
    struct line_writer *w = mem_alloc(sizeof(*w));
    w->loop = loop;
    w->options = *options;
    w->path = is_named(options) ? mem_strdup(options->path) : NULL;
    w->fd = -1;
    w->task.run = on_task;
    timeout_init(&w->retry, loop, on_retry);
    buf_init(&w->waiting, options->buffer_max);
    take(w, fd);
    *ret = w;
    return ERR_OK;
}

bool line_writer_add(struct line_writer *w, struct str line)
{
    assert(str_ends(line, STR("\n")));
    const bool mend = w->torn && w->waiting.len == 0;
    if (buf_room(&w->waiting) < line.len + mend) {
        w->dropped++;
        return false;
    }
    const bool added = (!mend || buf_add(&w->waiting, STR("\n"))) && buf_add(&w->waiting, line);
    assert(added);
    if (!timeout_is_set(&w->retry))
        loop_schedule(w->loop, &w->task);
    return added;
}

enum err_code line_writer_reopen(struct line_writer *w, struct err *e)
{
    if (w->path == NULL)
        return ERR_OK;
    (void)flush(w);
    const int fd = open_path(w->path);
    if (fd < 0)
        return err_set(e, ERR_IO, "cannot open the %s %s: %s", w->options.name, w->path,
                       strerrordesc_np(errno));
    take(w, fd);
    return ERR_OK;
}

uint64_t line_writer_dropped(const struct line_writer *w)
{
    return w->dropped;
}

void line_writer_destroy(struct line_writer *w)
{
    if (w == NULL)
        return;
    struct pollfd p = {.fd = w->fd, .events = POLLOUT};
    while (!flush(w) && poll(&p, 1, LAST_TRY_MS) > 0)
        ;
    timeout_finish(&w->retry);
    loop_unschedule(&w->task);
    (void)close(w->fd);
    buf_finish(&w->waiting);
    free(w->path);
    free(w);
}
