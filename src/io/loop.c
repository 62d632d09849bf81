#include "io/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"

enum { BATCH_MAX = 128 };

/* Sockets are in an epoll set of their own, which libuv watches as one descriptor. */
struct loop {
    uv_loop_t uv;
    uv_prepare_t prepare; /* runs the tasks before the loop waits */
    uv_idle_t idle;       /* active while tasks wait, so that the loop does not */
    struct ilist tasks;
    uv_poll_t watches;
    int epoll;
    size_t watch_count;
    struct epoll_event batch[BATCH_MAX]; /* [batch_next, batch_count) is not yet handed out */
    int batch_next;
    int batch_count;
};

struct work {
    uv_work_t req;
    void (*work)(void *user);
    void (*done)(void *user);
    void *user;
};

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

/* Runs only what is scheduled now: what tasks schedule waits for the next turn. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *l = prepare->data;
    struct ilist now;
    ilist_init(&now);
    struct ilist_node *n = NULL;
    while ((n = ilist_pop(&l->tasks)) != NULL)
        ilist_push(&now, n);
    while ((n = ilist_pop(&now)) != NULL) {
        struct loop_task *t = container_of(n, struct loop_task, node);
        t->run(t);
    }
    if (ilist_empty(&l->tasks))
        (void)uv_idle_stop(&l->idle);
}

static void on_watches(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct loop *l = poll->data;
    assert(l->batch_next == l->batch_count);
    const int n = epoll_wait(l->epoll, l->batch, BATCH_MAX, 0);
    l->batch_next = 0;
    l->batch_count = n > 0 ? n : 0;
    while (l->batch_next < l->batch_count) {
        const struct epoll_event *e = &l->batch[l->batch_next++];
        struct loop_watch *w = e->data.ptr;
        if (w != NULL)
            w->fire(w, e->events);
    }
}

static void start_watches(struct loop *l)
{
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0 || uv_poll_init(&l->uv, &l->watches, l->epoll) != 0)
        abort();
    l->watches.data = l;
    (void)uv_poll_start(&l->watches, UV_READABLE, on_watches);
    uv_unref((uv_handle_t *)&l->watches);
}

struct loop *loop_create(void)
{
    struct loop *l = mem_alloc(sizeof(*l));
    ilist_init(&l->tasks);
    if (uv_loop_init(&l->uv) != 0)
        abort();
    (void)uv_prepare_init(&l->uv, &l->prepare);
    (void)uv_idle_init(&l->uv, &l->idle);
    l->prepare.data = l;
    (void)uv_prepare_start(&l->prepare, on_prepare);
    uv_unref((uv_handle_t *)&l->prepare);
    start_watches(l);
    return l;
}

void loop_destroy(struct loop *l)
{
    if (l == NULL)
        return;
    while (!ilist_empty(&l->tasks))
        loop_turn(l, false);
    assert(l->watch_count == 0);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    uv_close((uv_handle_t *)&l->watches, NULL);
    (void)close(l->epoll);
    (void)uv_run(&l->uv, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&l->uv);
    assert(rc == 0);
    (void)rc;
    free(l);
}

void loop_run(struct loop *l)
{
    (void)uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

void loop_turn(struct loop *l, bool wait)
{
    (void)uv_run(&l->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

uint64_t loop_now_ms(const struct loop *l)
{
    return uv_now(&l->uv);
}

/* The idle handle keeps the loop running, and from waiting when a task schedules another one: the wait of
 * this turn comes next then. */
void loop_schedule(struct loop *l, struct loop_task *t)
{
    assert(t->run != NULL);
    if (ilist_linked(&t->node))
        return;
    if (ilist_empty(&l->tasks))
        (void)uv_idle_start(&l->idle, on_idle);
    ilist_push(&l->tasks, &t->node);
}

void loop_unschedule(struct loop_task *t)
{
    ilist_remove(&t->node);
}

bool loop_watch_add(struct loop *l, struct loop_watch *w, int fd, uint32_t events)
{
    assert(w->fire != NULL);
    struct epoll_event e = {.events = events | EPOLLET, .data.ptr = w};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
        return false;
    if (l->watch_count++ == 0)
        uv_ref((uv_handle_t *)&l->watches);
    return true;
}

void loop_watch_change(struct loop *l, struct loop_watch *w, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events | EPOLLET, .data.ptr = w};
    const int rc = epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &e);
    assert(rc == 0);
    (void)rc;
}

void loop_watch_remove(struct loop *l, struct loop_watch *w, int fd, bool keep_fd)
{
    assert(l->watch_count > 0);
    if (keep_fd)
        (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
    for (int i = l->batch_next; i < l->batch_count; i++) {
        if (l->batch[i].data.ptr == w)
            l->batch[i].data.ptr = NULL;
    }
    if (--l->watch_count == 0)
        uv_unref((uv_handle_t *)&l->watches);
}

static void on_work(uv_work_t *req)
{
    struct work *w = req->data;
    w->work(w->user);
}

static void on_work_done(uv_work_t *req, int status)
{
    (void)status;
    struct work *w = req->data;
    w->done(w->user);
    free(w);
}

void loop_work(struct loop *l, void (*work)(void *user), void (*done)(void *user), void *user)
{
    struct work *w = mem_alloc(sizeof(*w));
    w->work = work;
    w->done = done;
    w->user = user;
    w->req.data = w;
    if (uv_queue_work(&l->uv, &w->req, on_work, on_work_done) != 0)
        abort();
}

void *loop_uv(struct loop *l)
{
    return &l->uv;
}
