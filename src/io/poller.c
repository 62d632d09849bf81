#include "io/poller.h"

#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "io/loop.h"

struct poller {
    uv_poll_t uv;
    poller_fn fn; /* NULL once destroyed */
    void *user;
    int events;
};

struct poller *poller_create(struct loop *l, int fd, poller_fn fn, void *user)
{
    struct poller *p = mem_alloc(sizeof(*p));
    p->fn = fn;
    p->user = user;
    p->uv.data = p;
    if (uv_poll_init(loop_uv(l), &p->uv, fd) != 0)
        abort();
    return p;
}

static void start(struct poller *p);

static void on_poll(uv_poll_t *uv, int status, int events)
{
    struct poller *p = uv->data;
    if (p->fn == NULL)
        return;
    int got = 0;
    if (status < 0) {
        /* libuv stopped watching; our contract is that an error shows for as long as it lasts. */
        got = p->events;
        start(p);
    } else {
        got |= (events & UV_READABLE) != 0 ? POLLER_READ : 0;
        got |= (events & UV_WRITABLE) != 0 ? POLLER_WRITE : 0;
        got |= (events & UV_DISCONNECT) != 0 ? POLLER_HANGUP : 0;
    }
    p->fn(p->user, got);
}

static void start(struct poller *p)
{
    int want = 0;
    want |= (p->events & POLLER_READ) != 0 ? UV_READABLE : 0;
    want |= (p->events & POLLER_WRITE) != 0 ? UV_WRITABLE : 0;
    want |= (p->events & POLLER_HANGUP) != 0 ? UV_DISCONNECT : 0;
    (void)uv_poll_start(&p->uv, want, on_poll);
}

void poller_watch(struct poller *p, int events)
{
    if (events == p->events)
        return;
    p->events = events;
    if (events == 0)
        (void)uv_poll_stop(&p->uv);
    else
        start(p);
}

void poller_keep_loop(struct poller *p, bool keep)
{
    if (keep)
        uv_ref((uv_handle_t *)&p->uv);
    else
        uv_unref((uv_handle_t *)&p->uv);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void poller_destroy(struct poller *p)
{
    if (p == NULL)
        return;
    p->fn = NULL;
    uv_close((uv_handle_t *)&p->uv, on_closed);
}
