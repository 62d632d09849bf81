/* An engine for tests that behaves as badly as the contract allows, around another engine that does the
 * work: it answers late, reports conflicts that are none, does not know an outcome (whether the change was
 * committed or not), and delivers proposals and announcements twice.
 *
 * Knobs count down: each proposal uses up one of conflicts, unknown_committed, unknown_lost, refusals, in this
 * order.
 */
#ifndef CLUSTER_FAKE_ENGINE_H
#define CLUSTER_FAKE_ENGINE_H

#include <assert.h>
#include <stdlib.h>

#include "base/container.h"
#include "base/ilist.h"
#include "base/mem.h"
#include "cluster/engine.h"
#include "io/loop.h"

struct fake_engine {
    struct engine engine;
    struct engine *inner; /* owned */
    struct loop *loop;
    unsigned late;              /* turns of the loop that each answer is held back */
    unsigned conflicts;         /* CONFLICT without asking inner */
    unsigned unknown_committed; /* inner commits, the answer is UNKNOWN */
    unsigned unknown_lost;      /* UNKNOWN without asking inner */
    unsigned unknown_lookups;   /* lookups that do not know either */
    unsigned refusals;          /* REFUSED (NO_SPACE) without asking inner */
    bool twice;                 /* propose everything twice, announce everything twice */
    size_t proposals;
    size_t lookups;
    size_t held; /* answers on their way */
    void (*closed)(void *user);
    void *closed_user;
    struct loop_task close_task;
};

struct fake_call {
    struct fake_engine *fake;
    struct loop_task task;
    unsigned turns;
    unsigned copies; /* answers of inner still to come */
    bool forget;     /* UNKNOWN, whatever inner says */
    struct engine_result result;
    engine_done_fn done;
    void *user;
};

static inline void fake_engine_deliver(struct loop_task *t)
{
    struct fake_call *c = container_of(t, struct fake_call, task);
    if (c->turns > 0) {
        c->turns--;
        loop_schedule(c->fake->loop, t);
        return;
    }
    c->fake->held--;
    c->done(c->user, &c->result);
    free(c);
}

static inline void fake_engine_on_inner(void *user, const struct engine_result *result)
{
    struct fake_call *c = user;
    if (c->result.outcome != ENGINE_COMMITTED || c->result.revision == 0)
        c->result = *result;
    if (--c->copies > 0)
        return;
    if (c->forget)
        c->result = (struct engine_result){.outcome = ENGINE_UNKNOWN};
    loop_schedule(c->fake->loop, &c->task);
}

static inline struct fake_call *fake_engine_call(struct fake_engine *f, engine_done_fn done,
                                                 void *user)
{
    struct fake_call *c = mem_alloc(sizeof(*c));
    *c = (struct fake_call){.fake = f, .turns = f->late, .done = done, .user = user};
    c->task.run = fake_engine_deliver;
    f->held++;
    return c;
}

static inline bool fake_engine_use(unsigned *knob)
{
    return *knob > 0 && (*knob)-- > 0;
}

static inline void fake_engine_answer(struct fake_call *c, enum engine_outcome outcome,
                                      enum err_code code)
{
    c->result.outcome = outcome;
    (void)err_set(&c->result.error, code, "the fake engine says so");
    loop_schedule(c->fake->loop, &c->task);
}

static inline void fake_engine_propose(struct engine *g, const struct engine_proposal *p,
                                       engine_done_fn done, void *user)
{
    struct fake_engine *f = container_of(g, struct fake_engine, engine);
    struct fake_call *c = fake_engine_call(f, done, user);
    f->proposals++;
    if (fake_engine_use(&f->conflicts)) {
        fake_engine_answer(c, ENGINE_CONFLICT, ERR_CONFLICT);
        return;
    }
    c->forget = fake_engine_use(&f->unknown_committed);
    if (!c->forget && fake_engine_use(&f->unknown_lost)) {
        fake_engine_answer(c, ENGINE_UNKNOWN, ERR_UNKNOWN_OUTCOME);
        return;
    }
    if (!c->forget && fake_engine_use(&f->refusals)) {
        fake_engine_answer(c, ENGINE_REFUSED, ERR_NO_SPACE);
        return;
    }
    c->copies = f->twice ? 2 : 1;
    const unsigned copies = c->copies;
    for (unsigned i = 0; i < copies; i++)
        engine_propose(f->inner, p, fake_engine_on_inner, c);
}

static inline void fake_engine_lookup(struct engine *g, struct str id, engine_done_fn done,
                                      void *user)
{
    struct fake_engine *f = container_of(g, struct fake_engine, engine);
    struct fake_call *c = fake_engine_call(f, done, user);
    f->lookups++;
    if (fake_engine_use(&f->unknown_lookups)) {
        fake_engine_answer(c, ENGINE_UNKNOWN, ERR_UNKNOWN_OUTCOME);
        return;
    }
    c->copies = 1;
    engine_lookup(f->inner, id, fake_engine_on_inner, c);
}

static inline void fake_engine_status(const struct engine *g, struct engine_status *ret)
{
    const struct fake_engine *f = (const void *)g;
    engine_status_get(f->inner, ret);
    ret->kind = "fake";
    ret->pending = f->held;
}

/* After the inner engine ended, what is still held back is delivered. */
static inline void fake_engine_try_end(struct loop_task *t)
{
    struct fake_engine *f = container_of(t, struct fake_engine, close_task);
    if (f->held > 0) {
        loop_schedule(f->loop, t);
        return;
    }
    void (*closed)(void *user) = f->closed;
    void *user = f->closed_user;
    free(f);
    closed(user);
}

static inline void fake_engine_on_inner_closed(void *user)
{
    struct fake_engine *f = user;
    loop_schedule(f->loop, &f->close_task);
}

static inline void fake_engine_close(struct engine *g, void (*closed)(void *user), void *user)
{
    struct fake_engine *f = container_of(g, struct fake_engine, engine);
    f->closed = closed;
    f->closed_user = user;
    engine_close(f->inner, fake_engine_on_inner_closed, f);
}

static const struct engine_impl FAKE_ENGINE = {
    .propose = fake_engine_propose,
    .lookup = fake_engine_lookup,
    .status = fake_engine_status,
    .close = fake_engine_close,
};

/* Give this to the inner engine, with a struct fake_engine * that fake_engine_create() returned. */
static inline void fake_engine_on_applied(void *user, const struct engine_applied *applied)
{
    struct fake_engine *f = *(struct fake_engine **)user;
    for (int i = 0; i < (f->twice ? 2 : 1); i++)
        if (f->engine.on_applied != NULL)
            f->engine.on_applied(f->engine.user, applied);
}

/* Takes over inner. */
static inline struct fake_engine *fake_engine_create(struct loop *loop, struct engine *inner,
                                                     engine_applied_fn on_applied, void *user)
{
    struct fake_engine *f = mem_alloc(sizeof(*f));
    f->engine = (struct engine){.impl = &FAKE_ENGINE, .on_applied = on_applied, .user = user};
    f->inner = inner;
    f->loop = loop;
    f->close_task.run = fake_engine_try_end;
    return f;
}

#endif
