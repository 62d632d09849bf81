#include "server/links.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/now.h"
#include "io/ipc.h"
#include "io/loop.h"
#include "io/poller.h"
#include "io/timeout.h"
#include "server/messages.h"

enum { LATE_MS = 500, CALLS_MAX = 4096, RECHECK_MS = 20 };

struct link {
    struct ilist_node node;
    struct links *links;
    struct ipc *ipc;
    struct ilist calls; /* not answered yet */
    uint32_t slot;      /* of its worker */
    bool greeted;
    bool paused;
    uint64_t applied;
};

struct links_call {
    struct ilist_node node;
    struct link *link;   /* NULL once the worker is gone */
    struct links *links; /* NULL once they are closed */
    uint64_t id;
};

struct waiter {
    struct ilist_node node;
    uint64_t revision;
    uint64_t due_ms;
    void (*done)(void *user);
    void *user;
};

struct links {
    struct loop *loop;
    struct links_options options;
    struct poller *poller;
    struct ilist all;
    struct link *of_slot[LAUNCH_WORKERS_MAX * LAUNCH_SLOTS_PER_WORKER];
    struct ilist orphans; /* calls whose worker is gone, not answered yet */
    struct ilist waiters; /* in order of revision and of due_ms */
    struct timeout timer;
    uint64_t revision;
    uint32_t calls;
    void (*on_paused)(void *user); /* NULL: not asked for, or done */
    void *paused_user;
};

static void check_waiters(struct links *l);
static void check_paused(struct links *l);

/* What operators call the worker in a slot. */
static uint32_t worker_of(const struct links *l, uint32_t slot)
{
    return slot % l->options.launch->workers;
}

static void link_destroy(struct link *k)
{
    struct links *l = k->links;
    struct ilist_node *n = NULL;
    while ((n = ilist_pop(&k->calls)) != NULL) {
        container_of(n, struct links_call, node)->link = NULL;
        ilist_push(&l->orphans, n);
    }
    if (k->greeted && l->of_slot[k->slot] == k)
        l->of_slot[k->slot] = NULL;
    ilist_remove(&k->node);
    ipc_close(k->ipc);
    free(k);
}

static void on_link_closed(void *user, const char *text)
{
    struct link *k = user;
    struct links *l = k->links;
    if (k->greeted)
        log_debug("state", "the link to worker-%u ended: %s", worker_of(l, k->slot), text);
    k->ipc = NULL;
    link_destroy(k);
    check_waiters(l);
    check_paused(l);
}

static void send(struct link *k, enum message_type type, const struct buf *payload)
{
    ipc_send(k->ipc, (uint8_t)type, buf_str(payload));
}

static void welcome(struct link *k)
{
    struct links *l = k->links;
    struct buf b;
    buf_init(&b, 256);
    bool ok = ipc_write_u64(&b, MESSAGES_VERSION) && ipc_write_u64(&b, l->revision) &&
              ipc_write_u64(&b, k->applied != l->revision) && ipc_write_u64(&b, 0);
    if (ok)
        send(k, MESSAGE_WELCOME, &b);
    buf_finish(&b);
}

static void on_hello(struct link *k, struct ipc_reader *r)
{
    struct links *l = k->links;
    uint64_t version = ipc_read_u64(r);
    struct str token = ipc_read_bytes(r);
    uint64_t slot = ipc_read_u64(r);
    uint64_t applied = ipc_read_u64(r);
    if (r->bad || k->greeted || version != MESSAGES_VERSION ||
        slot >= launch_slots(l->options.launch) ||
        !str_eq(token, str_of(l->options.launch->token))) {
        log_warn("state", "refused a link that does not speak our protocol");
        link_destroy(k);
        return;
    }
    if (l->of_slot[slot] != NULL)
        link_destroy(l->of_slot[slot]);
    k->greeted = true;
    k->slot = (uint32_t)slot;
    k->applied = applied;
    l->of_slot[slot] = k;
    welcome(k);
}

static void on_call(struct link *k, struct ipc_reader *r)
{
    struct links *l = k->links;
    uint64_t id = ipc_read_u64(r);
    uint64_t op = ipc_read_u64(r);
    struct str ns = ipc_read_bytes(r);
    struct str module = ipc_read_bytes(r);
    struct str args = ipc_read_bytes(r);
    if (r->bad) {
        link_destroy(k);
        return;
    }
    struct links_call *call = mem_alloc(sizeof(*call));
    call->links = l;
    call->link = k;
    call->id = id;
    ilist_push(&k->calls, &call->node);
    l->calls++;
    if (l->calls > CALLS_MAX) {
        links_reply(call, ERR_UNAVAILABLE, STR("too many module writes are waiting"));
        return;
    }
    l->options.on_call(l->options.user, call, op, ns, module, args);
}

static void on_link_message(void *user, uint8_t type, struct str payload)
{
    struct link *k = user;
    struct links *l = k->links;
    struct ipc_reader r = {.rest = payload};
    if (type == MESSAGE_HELLO) {
        on_hello(k, &r);
    } else if (type == MESSAGE_APPLIED && k->greeted) {
        k->applied = ipc_read_u64(&r);
        check_waiters(l);
    } else if (type == MESSAGE_CALL && k->greeted) {
        on_call(k, &r);
    } else if (type == MESSAGE_PAUSED && k->greeted) {
        k->paused = true;
        check_paused(l);
    } else {
        log_warn("state", "unexpected message %u on a link", type);
        link_destroy(k);
    }
}

static const struct ipc_events LINK_EVENTS = {on_link_message, on_link_closed};
static const struct ipc_options LINK_OPTIONS = {MESSAGES_FRAME_MAX, MESSAGES_BACKLOG_MAX};

static void on_acceptable(void *user, int events)
{
    (void)events;
    struct links *l = user;
    int fd = ipc_accept(l->options.listen_fd);
    if (fd < 0)
        return;
    struct link *k = mem_alloc(sizeof(*k));
    k->links = l;
    ilist_init(&k->calls);
    ilist_push(&l->all, &k->node);
    k->ipc = ipc_create(l->loop, fd, &LINK_OPTIONS, &LINK_EVENTS, k);
}

/* Whether worker i may still answer requests from a state older than revision. One that neither beats nor has loaded a
 * state serves nothing; one that has loaded and does not beat is being replaced, and ends what is in flight. */
static bool is_behind(const struct links *l, uint32_t i, uint64_t revision)
{
    struct pages_worker *page = &l->options.pages->worker[i];
    if (atomic_load(&page->applied) >= revision || atomic_load(&page->required) >= revision)
        return false;
    if (atomic_load(&page->heartbeat_ns) == 0 && atomic_load(&page->applied) == 0)
        return false;
    if (l->of_slot[i] != NULL)
        return l->of_slot[i]->applied < revision;
    if (pages_alive(page, now_mono_ns(), LATE_MS * 1000000ull))
        return true;
    /* Dead or stopped, and nobody to wait for: should it go on, it has to load this first. */
    pages_require(page, revision);
    return false;
}

static void skip_laggards(struct links *l, uint64_t revision)
{
    for (uint32_t i = 0; i < launch_slots(l->options.launch); i++) {
        if (!is_behind(l, i, revision))
            continue;
        pages_require(&l->options.pages->worker[i], revision);
        log_warn("state",
                 "worker-%u has not confirmed revision %" PRIu64
                 " in time: it serves nothing before it has",
                 worker_of(l, i), revision);
    }
}

static bool is_served(struct links *l, const struct waiter *w)
{
    if (loop_now_ms(l->loop) >= w->due_ms)
        skip_laggards(l, w->revision);
    for (uint32_t i = 0; i < launch_slots(l->options.launch); i++) {
        if (is_behind(l, i, w->revision))
            return false;
    }
    return true;
}

static void check_waiters(struct links *l)
{
    while (!ilist_empty(&l->waiters)) {
        struct waiter *w = container_of(l->waiters.head.next, struct waiter, node);
        if (!is_served(l, w)) {
            /* Not every way out of being behind sends a message: a worker may die, or load by itself. */
            uint64_t now = loop_now_ms(l->loop);
            uint64_t left = w->due_ms > now ? w->due_ms - now : 0;
            timeout_set(&l->timer, left < RECHECK_MS ? left : RECHECK_MS);
            return;
        }
        ilist_remove(&w->node);
        w->done(w->user);
        free(w);
    }
    timeout_clear(&l->timer);
}

static void on_timer(struct timeout *t)
{
    check_waiters(container_of(t, struct links, timer));
}

struct links *links_create(struct loop *loop, const struct links_options *options)
{
    struct links *l = mem_alloc(sizeof(*l));
    l->loop = loop;
    l->options = *options;
    ilist_init(&l->all);
    ilist_init(&l->orphans);
    ilist_init(&l->waiters);
    timeout_init(&l->timer, loop, on_timer);
    l->poller = poller_create(loop, options->listen_fd, on_acceptable, l);
    return l;
}

void links_open(struct links *l, uint64_t revision)
{
    l->revision = revision;
    poller_watch(l->poller, POLLER_READ);
}

void links_close(struct links *l)
{
    if (l == NULL)
        return;
    ilist_for_each_safe (n, tmp, &l->all)
        link_destroy(container_of(n, struct link, node));
    struct ilist_node *n = NULL;
    while ((n = ilist_pop(&l->waiters)) != NULL) {
        struct waiter *w = container_of(n, struct waiter, node);
        w->done(w->user);
        free(w);
    }
    while ((n = ilist_pop(&l->orphans)) != NULL)
        container_of(n, struct links_call, node)->links = NULL;
    timeout_finish(&l->timer);
    poller_destroy(l->poller);
    free(l);
}

static bool write_state(struct buf *b, const struct engine_applied *applied)
{
    bool ok = ipc_write_u64(b, applied->revision) && ipc_write_u64(b, applied->reset) &&
              ipc_write_u64(b, applied->key_count);
    for (size_t i = 0; ok && i < applied->key_count; i++)
        ok = ipc_write_u64(b, applied->keys[i].table) && ipc_write_bytes(b, applied->keys[i].key);
    return ok;
}

void links_publish(struct links *l, const struct engine_applied *applied)
{
    l->revision = applied->revision;
    atomic_store(&l->options.pages->revision, applied->revision);
    struct buf b;
    buf_init(&b, MESSAGES_FRAME_MAX);
    struct engine_applied all = {.revision = applied->revision, .reset = true};
    if (!write_state(&b, applied)) {
        buf_clear(&b);
        (void)write_state(&b, &all);
    }
    for (uint32_t i = 0; i < launch_slots(l->options.launch); i++) {
        if (l->of_slot[i] != NULL)
            send(l->of_slot[i], MESSAGE_STATE, &b);
    }
    buf_finish(&b);
}

void links_when_served(struct links *l, uint64_t revision, void (*done)(void *user), void *user)
{
    struct waiter *w = mem_alloc(sizeof(*w));
    w->revision = revision;
    w->due_ms = loop_now_ms(l->loop) + l->options.confirm_ms;
    w->done = done;
    w->user = user;
    ilist_push(&l->waiters, &w->node);
    check_waiters(l);
}

/* Links that never said hello have nothing to say. */
static void check_paused(struct links *l)
{
    if (l->on_paused == NULL || l->calls > 0)
        return;
    ilist_for_each (n, &l->all) {
        const struct link *k = container_of(n, struct link, node);
        if (k->greeted && !k->paused)
            return;
    }
    void (*done)(void *user) = l->on_paused;
    l->on_paused = NULL;
    done(l->paused_user);
}

void links_pause(struct links *l, void (*done)(void *user), void *user)
{
    struct buf nothing;
    buf_init(&nothing, 1);
    l->on_paused = done;
    l->paused_user = user;
    poller_watch(l->poller, 0);
    ilist_for_each (n, &l->all) {
        struct link *k = container_of(n, struct link, node);
        if (k->greeted)
            send(k, MESSAGE_PAUSE, &nothing);
    }
    buf_finish(&nothing);
    check_paused(l);
}

void links_reply(struct links_call *call, enum err_code code, struct str text)
{
    if (call->link != NULL) {
        struct buf b;
        buf_init(&b, MESSAGES_FRAME_MAX);
        bool ok =
            ipc_write_u64(&b, call->id) && ipc_write_u64(&b, code) && ipc_write_bytes(&b, text);
        if (!ok) {
            buf_clear(&b);
            ok = ipc_write_u64(&b, call->id) && ipc_write_u64(&b, ERR_TOO_LARGE) &&
                 ipc_write_bytes(&b, STR("the answer is too large"));
        }
        if (ok)
            send(call->link, MESSAGE_REPLY, &b);
        buf_finish(&b);
    }
    ilist_remove(&call->node);
    struct links *l = call->links;
    free(call);
    if (l == NULL)
        return;
    l->calls--;
    check_paused(l);
}
