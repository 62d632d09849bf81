#include "runtime/compiler_link.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "codec/json.h"
#include "io/child.h"
#include "script/compiler.h"
#include "script/compiler_frame.h"

extern const char js_tool_check[]; /* NUL-terminated: embedded by cmake/javascript.cmake */

struct compiler_link {
    pid_t pid; /* 0: it was ended */
    int fd;
};

/* Until there is something to read, or the end. */
static void wait_for_question(int fd)
{
    char first = 0;
    while (recv(fd, &first, 1, MSG_PEEK) < 0 && errno == EINTR) {
    }
}

enum err_code compiler_link_create(size_t memory_bytes, struct compiler_link **ret, struct err *e)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return err_set(e, ERR_INTERNAL, "cannot start the compiler: %s", strerror(errno));
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        child_die_with_parent(parent);
        (void)close(ends[0]);
        wait_for_question(ends[1]);
        const struct compiler_options options = {.memory_bytes = memory_bytes};
        _exit(compiler_serve(ends[1], &options));
    }
    (void)close(ends[1]);
    if (pid < 0) {
        (void)close(ends[0]);
        return err_set(e, ERR_INTERNAL, "cannot start the compiler: %s", strerror(errno));
    }
    struct compiler_link *c = mem_alloc(sizeof(*c));
    *c = (struct compiler_link){.pid = pid, .fd = ends[0]};
    *ret = c;
    return ERR_OK;
}

static void end_process(struct compiler_link *c)
{
    if (c->pid == 0)
        return;
    (void)kill(c->pid, SIGKILL);
    (void)waitpid(c->pid, NULL, 0);
    c->pid = 0;
}

bool compiler_link_is_alive(struct compiler_link *c)
{
    /* Not waitpid(): a process that ends closes its socket first, and whoever sees that may ask before it is gone. */
    char next = 0;
    const ssize_t n = recv(c->fd, &next, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        end_process(c);
    return c->pid > 0;
}

void compiler_link_destroy(struct compiler_link *c)
{
    if (c == NULL)
        return;
    end_process(c);
    (void)close(c->fd);
    free(c);
}

void compiler_link_hurry(struct compiler_link *c, uint64_t timeout_ms)
{
    const struct timeval most = {.tv_sec = (time_t)(timeout_ms / 1000),
                                 .tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000)};
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
}

/* No answer came, and errno says why. */
static void give_up(struct compiler_link *c, struct err *e)
{
    if (c->pid > 0 && errno == EAGAIN)
        (void)err_set(e, ERR_TIMEOUT, "it took too long");
    else
        (void)err_set(e, ERR_INTERNAL, "the compiler ended unexpectedly; it may need more memory");
    end_process(c);
}

static bool exchange(struct compiler_link *c, struct buf *b)
{
    errno = 0;
    return c->pid > 0 && compiler_frame_write(c->fd, buf_str(b)) && compiler_frame_read(c->fd, b);
}

json_t *compiler_link_ask(struct compiler_link *c, json_t *question, struct err *e)
{
    struct buf b;
    json_t *answer = NULL;
    buf_init(&b, COMPILER_FRAME_MAX);
    if (!json_text_write(&b, question))
        (void)err_set(e, ERR_TOO_LARGE, "the source is too large for the compiler");
    else if (!exchange(c, &b))
        give_up(c, e);
    else
        answer = json_text_parse(buf_str(&b), e);
    buf_finish(&b);
    json_decref(question);
    return answer;
}

enum err_code compiler_link_extend(struct compiler_link *c, struct err *e)
{
    json_t *answer = compiler_link_ask(c, json_pack("{s:s}", "extension", js_tool_check), e);
    const bool ok = json_is_true(json_object_get(answer, "ok"));
    if (answer != NULL && !ok) {
        (void)err_set(e, ERR_INTERNAL, "the type checker cannot be loaded: %s",
                      json_string_value(json_object_get(
                          json_array_get(json_object_get(answer, "problems"), 0), "text")));
    }
    json_decref(answer);
    return ok ? ERR_OK : ERR_INTERNAL;
}
