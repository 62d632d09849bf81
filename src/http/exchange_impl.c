#include "http/exchange_impl.h"

#include <assert.h>

void exchange_impl_init(struct exchange *x, const struct exchange_impl *impl, size_t memory)
{
    x->impl = impl;
    x->events = NULL;
    x->user = NULL;
    arena_init(&x->arena, memory);
    x->request = NULL;
    x->body_sent = 0;
    x->head_sent = false;
    x->end_sent = false;
    x->end_received = false;
    x->reset_done = false;
    x->done = false;
}

void exchange_impl_info(struct exchange *x, const struct http_head *head)
{
    assert(!x->reset_done && !x->done);
    if (x->events->on_info != NULL)
        x->events->on_info(x, head);
}

void exchange_impl_head(struct exchange *x, const struct http_head *head)
{
    assert(!x->reset_done && !x->done);
    if (x->events->on_head != NULL)
        x->events->on_head(x, head);
}

void exchange_impl_data(struct exchange *x, struct str data)
{
    assert(!x->reset_done && !x->done && !x->end_received && data.len > 0);
    if (x->events->on_data != NULL)
        x->events->on_data(x, data);
}

void exchange_impl_end(struct exchange *x, const struct http_fields *trailers)
{
    assert(!x->reset_done && !x->done && !x->end_received);
    x->end_received = true;
    if (x->events->on_end != NULL)
        x->events->on_end(x, trailers != NULL && trailers->n > 0 ? trailers : NULL);
}

void exchange_impl_room(struct exchange *x)
{
    assert(!x->reset_done && !x->done);
    if (x->events->on_room != NULL)
        x->events->on_room(x);
}

void exchange_impl_reset(struct exchange *x, const struct exchange_reset *why)
{
    assert(!x->reset_done && !x->done);
    x->reset_done = true;
    if (x->events->on_reset != NULL)
        x->events->on_reset(x, why);
}

void exchange_impl_done(struct exchange *x)
{
    assert(!x->done);
    x->done = true;
    if (x->events->on_done != NULL)
        x->events->on_done(x);
    arena_finish(&x->arena);
}
