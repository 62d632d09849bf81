/* An owner of exchanges that writes down its events, for tests. */
#ifndef UNIT_HTTP_OWNER_H
#define UNIT_HTTP_OWNER_H

#include "http/exchange.h"
#include "io/peer.h"

/* An owner that writes its events down: "info 103\n", "head 200\n", "data N bytes\n" ... */
struct owner {
    struct exchange *x; /* NULL once done */
    struct buf log;
    struct buf data;
    bool ended;
    bool reset;
    struct exchange_reset why;
    int rooms;
    int heads;
    uint16_t status;
    bool stop_on_data; /* resets x from within on_data */
    bool auto_grant;   /* grants what was taken */
};

static inline void owner_note(struct owner *o, const char *text)
{
    assert_true(buf_addf(&o->log, "%s\n", text));
}

static inline void owner_on_info(struct exchange *x, const struct http_head *head)
{
    struct owner *o = x->user;
    assert_true(buf_addf(&o->log, "info %u\n", head->status));
}

static inline void owner_on_head(struct exchange *x, const struct http_head *head)
{
    struct owner *o = x->user;
    o->heads++;
    o->status = head->status;
    assert_true(buf_addf(&o->log, "head %u\n", head->status));
}

static inline void owner_on_data(struct exchange *x, struct str data)
{
    struct owner *o = x->user;
    assert_true(buf_add(&o->data, data));
    if (o->stop_on_data)
        exchange_reset(x, EXCHANGE_CANCELED);
    else if (o->auto_grant)
        exchange_grant(x, data.len);
}

static inline void owner_on_end(struct exchange *x, const struct http_fields *trailers)
{
    struct owner *o = x->user;
    assert_false(o->ended);
    o->ended = true;
    owner_note(o, "end");
    for (uint32_t i = 0; trailers != NULL && i < trailers->n; i++)
        assert_true(buf_addf(&o->log, "trailer %.*s: %.*s\n", STR_ARG(trailers->v[i].name),
                             STR_ARG(trailers->v[i].value)));
}

static inline void owner_on_room(struct exchange *x)
{
    ((struct owner *)x->user)->rooms++;
}

static inline void owner_on_reset(struct exchange *x, const struct exchange_reset *why)
{
    struct owner *o = x->user;
    o->reset = true;
    o->why = *why;
    assert_true(buf_addf(&o->log, "reset %s\n", exchange_reset_name(why->code)));
}

static inline void owner_on_done(struct exchange *x)
{
    struct owner *o = x->user;
    owner_note(o, "done");
    o->x = NULL;
}

static const struct exchange_events owner_events = {
    .on_info = owner_on_info,
    .on_head = owner_on_head,
    .on_data = owner_on_data,
    .on_end = owner_on_end,
    .on_room = owner_on_room,
    .on_reset = owner_on_reset,
    .on_done = owner_on_done,
};

static inline void owner_init(struct owner *o)
{
    *o = (struct owner){0};
    buf_init(&o->log, 1 << 20);
    buf_init(&o->data, 1 << 28);
}

static inline void owner_finish(struct owner *o)
{
    buf_finish(&o->log);
    buf_finish(&o->data);
}

static inline void owner_take(struct owner *o, struct exchange *x)
{
    o->x = x;
    x->events = &owner_events;
    x->user = o;
}

#endif
