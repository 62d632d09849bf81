#include "io/timeout.h"

#include <assert.h>
#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "base/now.h"
#include "io/loop.h"

enum { NS_PER_MS = 1000000 };

/* The libuv timer lives apart from its owner, so that the owner's memory need not outlive the close. */
struct timeout_handle {
    uv_timer_t uv;
    struct timeout *owner; /* NULL once finished */
    uint64_t armed_ms;     /* when the libuv timer fires; 0: it does not run */
};

static void arm(struct timeout_handle *h, uint64_t due_ms);

static void on_timer(uv_timer_t *uv)
{
    struct timeout_handle *h = uv->data;
    struct timeout *t = h->owner;
    h->armed_ms = 0;
    if (t == NULL || t->due_ms == 0)
        return;
    if (t->due_ms > loop_now_ms(t->loop)) {
        arm(h, t->due_ms);
        return;
    }
    t->due_ms = 0;
    t->fire(t);
}

static void arm(struct timeout_handle *h, uint64_t due_ms)
{
    uint64_t now = loop_now_ms(h->owner->loop);
    h->armed_ms = due_ms;
    (void)uv_timer_start(&h->uv, on_timer, due_ms > now ? due_ms - now : 0, 0);
}

void timeout_init(struct timeout *t, struct loop *loop, timeout_fn fire)
{
    *t = (struct timeout){.loop = loop, .fire = fire};
}

void timeout_set(struct timeout *t, uint64_t delay_ms)
{
    assert(t->loop != NULL);
    if (t->handle == NULL) {
        t->handle = mem_alloc(sizeof(*t->handle));
        t->handle->owner = t;
        t->handle->uv.data = t->handle;
        (void)uv_timer_init(loop_uv(t->loop), &t->handle->uv);
    }
    const uint64_t now = loop_now_ms(t->loop);
    t->due_ms = delay_ms < UINT64_MAX - now ? now + delay_ms : UINT64_MAX;
    if (t->due_ms == 0)
        t->due_ms = 1;
    if (t->handle->armed_ms == 0 || t->handle->armed_ms > t->due_ms)
        arm(t->handle, t->due_ms);
}

void timeout_set_from_now(struct timeout *t, uint64_t delay_ms)
{
    const uint64_t seen = loop_now_ms(t->loop);
    const uint64_t now = now_mono_ns() / NS_PER_MS;
    const uint64_t lag = now > seen ? now - seen : 0;
    timeout_set(t, delay_ms < UINT64_MAX - lag ? delay_ms + lag : UINT64_MAX);
}

void timeout_clear(struct timeout *t)
{
    t->due_ms = 0;
}

bool timeout_is_set(const struct timeout *t)
{
    return t->due_ms != 0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void timeout_finish(struct timeout *t)
{
    t->due_ms = 0;
    if (t->handle == NULL)
        return;
    t->handle->owner = NULL;
    uv_close((uv_handle_t *)&t->handle->uv, on_closed);
    t->handle = NULL;
}
