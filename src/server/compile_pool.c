#include "server/compile_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ilist.h"
#include "base/mem.h"
#include "codec/json.h"
#include "io/child.h"
#include "io/loop.h"
#include "io/poller.h"
#include "io/timeout.h"
#include "script/compiler.h"
#include "server/launch.h"

enum { HEADER_SIZE = 4, READ_SIZE = 64 * 1024 };

struct job {
    struct ilist_node node;
    struct buf frame; /* the request */
    size_t sent;      /* of it */
    uint64_t id;
    char name[MODEL_LABEL_SIZE];
    change_compiled_fn compiled; /* or */
    change_validated_fn validated;
    void *user;
};

/* One job at a time goes to the process: it is CPU work, and a job that kills the process fails alone. */
struct compile_pool {
    struct loop *loop;
    struct compile_pool_options options;
    struct child *child;
    int fd; /* our end of the socket; -1: no process */
    struct poller *poller;
    bool used; /* the process has answered, so it may hold garbage of other jobs */
    struct buf in;
    struct ilist waiting;
    uint32_t waiting_count;
    struct job *current;
    struct timeout timer; /* of the current job, or idle */
    struct loop_task next;
    uint64_t id;
};

static void process_close(struct compile_pool *p, bool kill)
{
    if (p->fd < 0)
        return;
    poller_destroy(p->poller);
    p->poller = NULL;
    (void)close(p->fd);
    p->fd = -1;
    p->used = false;
    buf_clear(&p->in);
    if (p->child != NULL && kill)
        child_signal(p->child, SIGKILL);
    child_forget(p->child);
    p->child = NULL;
}

static struct job *end_current(struct compile_pool *p)
{
    struct job *j = p->current;
    p->current = NULL;
    p->used = p->fd >= 0;
    timeout_set(&p->timer, p->options.idle_ms);
    return j;
}

static void job_free(struct compile_pool *p, struct job *j)
{
    buf_finish(&j->frame);
    free(j);
    if (!ilist_empty(&p->waiting))
        loop_schedule(p->loop, &p->next);
}

static void job_finish(struct compile_pool *p, json_t *compiled, struct model_problems *problems,
                       const struct err *error)
{
    struct job *j = end_current(p);
    j->compiled(j->user, compiled, problems, error);
    job_free(p, j);
}

/* The same for one that validates. */
static void job_finish_validation(struct compile_pool *p, const json_t *problems,
                                  const struct err *error)
{
    struct job *j = end_current(p);
    j->validated(j->user, problems, error);
    job_free(p, j);
}

static void job_finish_error(struct compile_pool *p, const struct err *e)
{
    if (p->current->validated != NULL)
        job_finish_validation(p, NULL, e);
    else
        job_finish(p, NULL, NULL, e);
}

static void job_fail(struct compile_pool *p, enum err_code code, const char *text)
{
    struct err e = {0};
    (void)err_set(&e, code, "%s: %s", p->current->name, text);
    log_warn("state", "%s", e.msg);
    job_finish_error(p, &e);
}

static void take_problem(struct model_problems *problems, const json_t *problem)
{
    struct str text = json_text_str(json_object_get(problem, "text"));
    json_int_t line = json_integer_value(json_object_get(problem, "line"));
    json_int_t column = json_integer_value(json_object_get(problem, "column"));
    if (line > 0) {
        model_problems_add(problems, "payload", "line %d, column %d: %.*s", (int)line, (int)column,
                           STR_ARG(text));
    } else {
        model_problems_add(problems, "payload", "%.*s", STR_ARG(text));
    }
}

/* Whether it answers the request that was sent last, all of it. */
static bool is_answer(const struct compile_pool *p, const json_t *answer)
{
    const json_t *id = json_object_get(answer, "id");
    return json_is_integer(id) && (uint64_t)json_integer_value(id) == p->current->id &&
           p->current->sent == p->current->frame.len && p->in.len == 0;
}

static void take_compiled(struct compile_pool *p, const json_t *answer)
{
    json_t *compiled = json_object_get(answer, "compiled");
    if (json_is_true(json_object_get(answer, "ok")) && json_is_object(compiled)) {
        job_finish(p, json_incref(compiled), NULL, NULL);
        return;
    }
    struct model_problems problems = {0};
    const json_t *list = json_object_get(answer, "problems");
    for (size_t i = 0; i < json_array_size(list); i++)
        take_problem(&problems, json_array_get(list, i));
    if (problems.n == 0)
        model_problems_add(&problems, "payload", "the compiler refused it without a reason");
    job_finish(p, NULL, &problems, NULL);
    model_problems_finish(&problems);
}

static void take_verdict(struct compile_pool *p, const json_t *answer)
{
    const json_t *problems = json_object_get(answer, "problems");
    const json_t *first = json_array_get(problems, 0);
    if (json_is_true(json_object_get(answer, "ok")) && json_is_array(problems)) {
        job_finish_validation(p, problems, NULL);
        return;
    }
    const struct str text = json_text_str(json_object_get(first, "text"));
    struct err e = {0};
    (void)err_set(&e, ERR_INTERNAL, "%s: the schema cannot be applied: %.*s", p->current->name,
                  STR_ARG(text));
    job_finish_validation(p, NULL, &e);
}

/* The current job once more, in a fresh process: what an earlier one left behind may be why it failed. False when it
 * is in a fresh one.
 */
static bool repeat_in_fresh_process(struct compile_pool *p)
{
    if (!p->used)
        return false;
    process_close(p, true);
    p->current->sent = 0;
    loop_schedule(p->loop, &p->next);
    return true;
}

static void take_answer(struct compile_pool *p, struct str text)
{
    struct err e = {0};
    json_t *answer = json_text_parse(text, &e);
    if (!is_answer(p, answer)) {
        json_decref(answer);
        process_close(p, true);
        job_fail(p, ERR_INTERNAL, "the compiler gave no readable answer");
        return;
    }
    const bool exhausted = json_is_true(json_object_get(answer, "exhausted"));
    if (exhausted && repeat_in_fresh_process(p)) {
        json_decref(answer);
        return;
    }
    if (p->current->validated != NULL)
        take_verdict(p, answer);
    else
        take_compiled(p, answer);
    json_decref(answer);
}

static void take_frame(struct compile_pool *p)
{
    struct str s = buf_str(&p->in);
    if (s.len < HEADER_SIZE)
        return;
    uint32_t len = 0;
    for (size_t k = 0; k < HEADER_SIZE; k++)
        len |= (uint32_t)(unsigned char)s.p[k] << (8 * k);
    if (len > COMPILER_FRAME_MAX) {
        process_close(p, true);
        job_fail(p, ERR_TOO_LARGE, "the compiler's answer is too large");
        return;
    }
    if (s.len - HEADER_SIZE < len)
        return;
    struct buf answer;
    buf_init(&answer, COMPILER_FRAME_MAX);
    bool ok = buf_add(&answer, str_slice(s, HEADER_SIZE, HEADER_SIZE + len));
    buf_consume(&p->in, HEADER_SIZE + len);
    if (ok)
        take_answer(p, buf_str(&answer));
    buf_finish(&answer);
}

static void on_gone(struct compile_pool *p)
{
    if (p->current != NULL && repeat_in_fresh_process(p))
        return;
    process_close(p, true);
    if (p->current != NULL)
        job_fail(p, ERR_INTERNAL, "the compiler ended unexpectedly; it may need too much memory");
}

static void on_readable(struct compile_pool *p)
{
    char *to = buf_reserve(&p->in, READ_SIZE);
    ssize_t n = to == NULL ? 0 : recv(p->fd, to, READ_SIZE, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || p->current == NULL) { /* it says nothing unasked */
        on_gone(p);
        return;
    }
    buf_added(&p->in, (size_t)n);
    take_frame(p);
}

static void send_more(struct compile_pool *p)
{
    struct job *j = p->current;
    while (j->sent < j->frame.len) {
        struct str s = str_slice(buf_str(&j->frame), j->sent, j->frame.len);
        ssize_t n = send(p->fd, s.p, s.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            on_gone(p);
            return;
        }
        j->sent += (size_t)n;
    }
    poller_watch(p->poller, j->sent < j->frame.len ? POLLER_READ | POLLER_WRITE : POLLER_READ);
}

static void on_ready(void *user, int events)
{
    struct compile_pool *p = user;
    if ((events & POLLER_WRITE) != 0 && p->current != NULL)
        send_more(p);
    if ((events & POLLER_READ) != 0 && p->fd >= 0)
        on_readable(p);
}

static void on_compiler_exit(void *user, int64_t status, int signum)
{
    (void)status;
    (void)signum;
    struct compile_pool *p = user;
    p->child = NULL;
}

static bool process_open(struct compile_pool *p, struct err *e)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        (void)err_set(e, ERR_INTERNAL, "cannot start the compiler: %s", strerror(errno));
        return false;
    }
    char role[LAUNCH_ROLE_SIZE];
    const char *args[4];
    launch_args(&(struct launch_seat){.role = LAUNCH_COMPILER}, role, args);
    const int fds[] = {-1, STDOUT_FILENO, STDERR_FILENO, p->options.launch_fd, pair[1]};
    struct child_spec spec = {.program = LAUNCH_PROGRAM,
                              .args = args,
                              .fds = fds,
                              .fd_count = 5,
                              .on_exit = on_compiler_exit,
                              .user = p};
    bool ok = child_spawn(p->loop, &spec, &p->child, e) == ERR_OK;
    (void)close(pair[1]);
    if (!ok) {
        (void)close(pair[0]);
        return false;
    }
    p->fd = pair[0];
    (void)fcntl(p->fd, F_SETFL, O_NONBLOCK);
    p->poller = poller_create(p->loop, p->fd, on_ready, p);
    return true;
}

static bool take_next(struct compile_pool *p)
{
    struct ilist_node *n = ilist_pop(&p->waiting);
    if (n == NULL)
        return false;
    p->waiting_count--;
    p->current = container_of(n, struct job, node);
    return true;
}

static void on_next(struct loop_task *t)
{
    struct compile_pool *p = container_of(t, struct compile_pool, next);
    const bool is_at_work = p->current != NULL && p->fd >= 0;
    if (is_at_work || (p->current == NULL && !take_next(p))) /* a current one is to be repeated */
        return;
    struct err e = {0};
    if (p->current->frame.len == 0) {
        job_fail(p, ERR_UNAVAILABLE, "too much waits for the compiler, or it is too large");
        return;
    }
    if (p->fd < 0 && !process_open(p, &e)) {
        job_finish_error(p, &e);
        return;
    }
    timeout_set(&p->timer, p->options.timeout_ms);
    send_more(p);
}

static void on_timer(struct timeout *t)
{
    struct compile_pool *p = container_of(t, struct compile_pool, timer);
    if (p->current == NULL) {
        process_close(p, false);
        return;
    }
    process_close(p, true);
    char text[128];
    (void)snprintf(text, sizeof(text), "%s it took too long (%s)",
                   p->current->validated != NULL ? "validating" : "compiling",
                   p->options.timeout_key);
    job_fail(p, ERR_TIMEOUT, text);
}

struct compile_pool *compile_pool_create(struct loop *loop,
                                         const struct compile_pool_options *options)
{
    struct compile_pool *p = mem_alloc(sizeof(*p));
    p->loop = loop;
    p->options = *options;
    p->fd = -1;
    p->next.run = on_next;
    ilist_init(&p->waiting);
    buf_init(&p->in, COMPILER_FRAME_MAX + HEADER_SIZE + READ_SIZE);
    timeout_init(&p->timer, loop, on_timer);
    return p;
}

void compile_pool_destroy(struct compile_pool *p)
{
    if (p == NULL)
        return;
    process_close(p, true);
    struct err e = {0};
    (void)err_set(&e, ERR_UNAVAILABLE, "shutting down");
    while (p->current != NULL || take_next(p))
        job_finish_error(p, &e);
    loop_unschedule(&p->next);
    timeout_finish(&p->timer);
    buf_finish(&p->in);
    free(p);
}

/* Takes over request. */
static bool write_frame(struct job *j, json_t *request)
{
    struct buf text;
    buf_init(&j->frame, COMPILER_FRAME_MAX + HEADER_SIZE);
    buf_init(&text, COMPILER_FRAME_MAX);
    bool ok = request != NULL && json_text_write(&text, request);
    char head[HEADER_SIZE];
    for (size_t k = 0; k < HEADER_SIZE; k++)
        head[k] = (char)(unsigned char)(text.len >> (8 * k));
    ok = ok && buf_add(&j->frame, (struct str){head, sizeof(head)}) &&
         buf_add(&j->frame, buf_str(&text));
    buf_finish(&text);
    json_decref(request);
    return ok;
}

/* Takes over request; what cannot be sent fails in its turn. */
static void submit(struct compile_pool *p, struct job *j, json_t *request)
{
    if (!write_frame(j, request) || p->waiting_count >= p->options.waiting_max)
        buf_clear(&j->frame);
    ilist_push(&p->waiting, &j->node);
    p->waiting_count++;
    loop_schedule(p->loop, &p->next);
}

void compile_pool_submit(struct compile_pool *p, const struct model_module *m, struct str source,
                         change_compiled_fn done, void *user)
{
    static const char *const apis[] = {[MODEL_MODULE_API_AUTO] = "auto",
                                       [MODEL_MODULE_API_DGATE1] = "dgate1",
                                       [MODEL_MODULE_API_DGATE2] = "dgate2"};
    struct job *j = mem_alloc(sizeof(*j));
    *j = (struct job){.id = ++p->id, .compiled = done, .user = user};
    struct model_ref ref = {.kind = MODEL_MODULE, .ns = str_of(m->ns), .name = str_of(m->name)};
    model_ref_label(&ref, j->name);
    submit(p, j,
           json_pack("{s:I, s:s, s:s, s:s, s:o}", "id", (json_int_t)j->id, "name", m->name, "type",
                     m->type == MODEL_MODULE_JAVASCRIPT ? "javascript" : "typescript", "api",
                     apis[m->api], "source", json_text_string(source)));
}

void compile_pool_validate(struct compile_pool *p, const char *label, const json_t *schema,
                           const json_t *documents, change_validated_fn done, void *user)
{
    struct job *j = mem_alloc(sizeof(*j));
    *j = (struct job){.id = ++p->id, .validated = done, .user = user};
    (void)snprintf(j->name, sizeof(j->name), "%s", label);
    submit(p, j,
           json_pack("{s:b, s:I, s:O, s:O}", "validate", 1, "id", (json_int_t)j->id, "schema",
                     schema, "documents", documents));
}
