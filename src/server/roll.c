#include "server/roll.h"

#include "base/log.h"
#include "io/loop.h"

enum {
    READY_MS = 60000, /* a control that has much to compile may take so long */
    AGAIN_MS = 1000,
    TRIES = 3,
};

static void set_place(struct roll *r, size_t place)
{
    r->place = place;
    r->due_ms = 0;
    r->again_ms = 0;
    r->tries = 0;
}

void roll_begin(struct roll *r)
{
    r->active = true;
    set_place(r, 0);
}

static bool is_current(const struct roll *r, const struct keeper *k)
{
    return k->now != NULL && k->now->generation == r->shared->generation && k->next == NULL;
}

/* Starts the next process, unless the last try was just now. */
static void try_to_replace(struct roll *r, struct keeper *k)
{
    uint64_t now = loop_now_ms(r->shared->loop);
    if (now < r->again_ms)
        return;
    if (r->due_ms != 0 && ++r->tries >= TRIES) {
        r->tries = 0;
        r->due_ms = 0;
        r->on_failed(r->user, k);
        return;
    }
    r->due_ms = now + READY_MS;
    r->again_ms = now + AGAIN_MS;
    keeper_replace(k);
}

static bool is_overdue(const struct roll *r)
{
    return r->due_ms != 0 && loop_now_ms(r->shared->loop) > r->due_ms;
}

/* True: this place is done. */
static bool step_control(struct roll *r, struct keeper *k)
{
    if (is_current(r, k)) {
        if (atomic_load(&r->shared->pages->control_ready) != 0)
            return true;
        if (is_overdue(r)) {
            log_error("server", "control is not ready after %d s", READY_MS / 1000);
            r->due_ms = 0;
            r->on_failed(r->user, k);
        }
        return false;
    }
    if (k->old != NULL || timeout_is_set(&k->restart))
        return false;
    atomic_store(&r->shared->pages->control_ready, 0);
    r->due_ms = loop_now_ms(r->shared->loop) + READY_MS;
    keeper_replace(k);
    return false;
}

static bool step_worker(struct roll *r, struct keeper *k)
{
    if (k->next != NULL) {
        if (keeper_advance(k))
            return true;
        if (is_overdue(r)) {
            log_error("server", "%s does not serve after %d s", k->name, READY_MS / 1000);
            keeper_give_up(k);
        }
        return false;
    }
    if (is_current(r, k))
        return true;
    if (k->old == NULL)
        try_to_replace(r, k);
    return false;
}

void roll_step(struct roll *r)
{
    for (size_t i = 0; r->active && i < r->count; i++) {
        struct keeper *k = &r->keepers[i];
        if (i != r->place && !is_current(r, k))
            set_place(r, i);
        bool done = k->role == LAUNCH_CONTROL ? step_control(r, k) : step_worker(r, k);
        if (!done)
            return;
    }
    if (!r->active)
        return;
    r->active = false;
    r->on_done(r->user);
}

bool roll_is_settling(const struct roll *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct keeper *k = &r->keepers[i];
        if (k->old != NULL)
            return true;
    }
    return false;
}
