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

/* Whether this place is done. */
static bool is_settled(const struct roll *r, const struct keeper *k)
{
    if (!is_current(r, k))
        return false;
    return k->role == LAUNCH_CONTROL ? atomic_load(&r->shared->pages->control_ready) != 0
                                     : keeper_serves(k->now);
}

/* It runs, and is not ready yet. */
static void await(struct roll *r, const struct keeper *k)
{
    if (r->due_ms == 0)
        r->due_ms = loop_now_ms(r->shared->loop) + READY_MS;
    if (!is_overdue(r))
        return;
    log_error("server", "%s is not ready after %d s", k->name, READY_MS / 1000);
    r->due_ms = 0;
    r->on_failed(r->user, k);
}

static void step_control(struct roll *r, struct keeper *k)
{
    if (is_current(r, k)) {
        await(r, k);
        return;
    }
    if (k->old != NULL || timeout_is_set(&k->restart))
        return;
    atomic_store(&r->shared->pages->control_ready, 0);
    r->due_ms = loop_now_ms(r->shared->loop) + READY_MS;
    keeper_replace(k);
}

static void step_worker(struct roll *r, struct keeper *k)
{
    if (k->next != NULL) {
        if (!keeper_advance(k) && is_overdue(r)) {
            log_error("server", "%s does not serve after %d s", k->name, READY_MS / 1000);
            keeper_give_up(k);
        }
    } else if (is_current(r, k)) {
        await(r, k);
    } else if (k->old == NULL) {
        try_to_replace(r, k);
    }
}

/* One that was replaced accepts connections until it has seen that it was. */
static bool old_one_serves(const struct roll *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (keeper_serves(r->keepers[i].old))
            return true;
    }
    return false;
}

void roll_step(struct roll *r)
{
    for (size_t i = 0; r->active && i < r->count; i++) {
        struct keeper *k = &r->keepers[i];
        if (is_settled(r, k))
            continue;
        if (i != r->place)
            set_place(r, i);
        if (k->role == LAUNCH_CONTROL)
            step_control(r, k);
        else
            step_worker(r, k);
        if (!is_settled(r, k))
            return;
    }
    if (!r->active || old_one_serves(r))
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
