#include "io/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"

struct loop {
    uv_loop_t uv;
    uv_prepare_t prepare; /* runs the tasks before the loop waits */
    uv_idle_t idle;       /* active while tasks wait, so that the loop does not */
    struct ilist tasks;
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
    if (ilist_empty(&l->tasks))
        (void)uv_idle_stop(&l->idle);
    else
        (void)uv_idle_start(&l->idle, on_idle);
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
    return l;
}

void loop_destroy(struct loop *l)
{
    if (l == NULL)
        return;
    while (!ilist_empty(&l->tasks))
        loop_turn(l, false);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
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

/* A task scheduled after this turn's prepare phase runs in the next one, before the loop waits; one
 * scheduled by a task needs the idle handle, since the wait of this turn comes next. */
void loop_schedule(struct loop *l, struct loop_task *t)
{
    assert(t->run != NULL);
    if (ilist_linked(&t->node))
        return;
    ilist_push(&l->tasks, &t->node);
}

void loop_unschedule(struct loop_task *t)
{
    ilist_remove(&t->node);
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
