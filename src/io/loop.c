#include "io/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"

enum { BATCH_MAX = 128 };

/* Sockets are in our own epoll set, the descriptor of libuv's in it as one of them: a turn waits there, and enters
 * libuv only when one of its timers or descriptors is due. */
struct loop {
    uv_loop_t uv;
    struct ilist tasks;
    bool stopped;
    bool uv_ready;
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

struct loop *loop_create(void)
{
    struct loop *l = mem_alloc(sizeof(*l));
    ilist_init(&l->tasks);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0 || uv_loop_init(&l->uv) != 0)
        abort();
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = l};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, uv_backend_fd(&l->uv), &e) != 0)
        abort();
    return l;
}

/* Runs only what is scheduled now: what tasks schedule waits for the next turn. */
static void run_tasks(struct loop *l)
{
    if (ilist_empty(&l->tasks))
        return;
    struct ilist now;
    ilist_init(&now);
    struct ilist_node *n = NULL;
    while ((n = ilist_pop(&l->tasks)) != NULL)
        ilist_push(&now, n);
    while ((n = ilist_pop(&now)) != NULL) {
        struct loop_task *t = container_of(n, struct loop_task, node);
        t->run(t);
    }
}

/* Milliseconds until libuv wants to run, -1 for no limit. It says 0 also when it has nothing to wait for, and while
 * changes have to reach its descriptor: one run tells these apart. That may have called somebody, so this turn does not
 * wait any more. */
static int uv_wait_ms(struct loop *l)
{
    const int ms = uv_backend_timeout(&l->uv);
    if (ms != 0)
        return ms;
    (void)uv_run(&l->uv, UV_RUN_NOWAIT);
    return uv_loop_alive(&l->uv) ? 0 : -1;
}

static void dispatch(struct loop *l)
{
    while (l->batch_next < l->batch_count) {
        const struct epoll_event *e = &l->batch[l->batch_next++];
        struct loop_watch *w = e->data.ptr;
        if (e->data.ptr == l)
            l->uv_ready = true;
        else if (w != NULL)
            w->fire(w, e->events);
    }
}

static bool is_alive(const struct loop *l)
{
    return l->watch_count > 0 || !ilist_empty(&l->tasks) || uv_loop_alive(&l->uv);
}

void loop_turn(struct loop *l, bool wait)
{
    assert(l->batch_next == l->batch_count);
    run_tasks(l);
    int ms = uv_wait_ms(l);
    if (!wait || !ilist_empty(&l->tasks) || l->stopped || !is_alive(l))
        ms = 0;
    const int n = epoll_wait(l->epoll, l->batch, BATCH_MAX, ms);
    l->batch_next = 0;
    l->batch_count = n > 0 ? n : 0;
    uv_update_time(&l->uv);
    dispatch(l);
    if (l->uv_ready || uv_backend_timeout(&l->uv) == 0) {
        l->uv_ready = false;
        (void)uv_run(&l->uv, UV_RUN_NOWAIT);
    }
}

void loop_run(struct loop *l)
{
    while (!l->stopped && is_alive(l))
        loop_turn(l, true);
    l->stopped = false;
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
}

static void on_forgotten_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* A process that child_forget() let go and that has not ended yet is still watched, so that it can be reaped. */
static void close_forgotten(uv_handle_t *handle, void *user)
{
    (void)user;
    if (handle->type == UV_PROCESS && uv_has_ref(handle) == 0 && uv_is_closing(handle) == 0)
        uv_close(handle, on_forgotten_closed);
}

void loop_destroy(struct loop *l)
{
    if (l == NULL)
        return;
    do {
        while (!ilist_empty(&l->tasks))
            loop_turn(l, false);
        uv_walk(&l->uv, close_forgotten, NULL);
        (void)uv_run(&l->uv, UV_RUN_DEFAULT);
    } while (!ilist_empty(&l->tasks));
    assert(l->watch_count == 0);
    int rc = uv_loop_close(&l->uv);
    assert(rc == 0);
    (void)rc;
    (void)close(l->epoll);
    free(l);
}

uint64_t loop_now_ms(const struct loop *l)
{
    return uv_now(&l->uv);
}

void loop_schedule(struct loop *l, struct loop_task *t)
{
    assert(t->run != NULL);
    if (!ilist_linked(&t->node))
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
    l->watch_count++;
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
    l->watch_count--;
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
