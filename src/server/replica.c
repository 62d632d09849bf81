/* Happy path: connect to control, say which revision we have; control's welcome makes us load what the store holds; then each
 * MESSAGE_STATE names the keys of one change, which are read from the store and put into the catalog, and we confirm.
 *
 * Without control (it died, or restarts) the catalog is served on; we reconnect with back-off. A worker that starts while
 * control is away serves what the store has after alone_ms. A message that is not of our protocol ends the link: what it
 * was to say comes with the next welcome.
 */
#include "server/replica.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/ilist.h"
#include "base/mem.h"
#include "base/now.h"
#include "io/ipc.h"
#include "io/loop.h"
#include "io/timeout.h"
#include "node/node_segment.h"
#include "node/node_switches.h"
#include "server/messages.h"
#include "server/state_reads.h"
#include "store/store.h"

enum {
    RECONNECT_FIRST_MS = 20,
    RECONNECT_MAX_MS = 1000,
    CALLS_MAX = 1024,
    STORE_RETRY_MS = 50,
    HOLD_MS = 10000, /* calls wait so long for the control that follows */
    HOLD_BYTES = 16 * 1024 * 1024,
};

struct call {
    struct ilist_node node;
    uint64_t id;
    struct buf frame; /* while it is held */
    script_state_done done;
    void *user;
};

struct replica {
    struct loop *loop;
    struct replica_options options;
    struct pages_worker *page;
    struct store *store; /* NULL until it could be opened */
    struct store_read *read;
    struct ipc *link; /* NULL while there is none */
    struct timeout reconnect;
    struct timeout alone;
    struct timeout retry; /* of a load that failed */
    uint64_t backoff_ms;
    uint64_t applied;
    bool loaded;
    bool welcomed; /* by control, on this link */
    struct ilist calls;
    uint32_t call_count;
    uint64_t call_id;
    bool paused;       /* control told us that another one follows */
    struct ilist held; /* calls for that one */
    size_t held_bytes;
    struct timeout hold;
};

/* A put for the model's resource behind a stored value; what cannot be decoded is logged and left out. */
static void put_value(struct replica *r, const struct model_ref *ref, struct str value)
{
    struct err e = {0};
    char label[MODEL_LABEL_SIZE];
    struct model_resource *resource = model_decode_stored(ref->kind, store_value_json(value), &e);
    if (resource != NULL) {
        catalog_put(r->options.catalog, resource);
    } else {
        model_ref_label(ref, label);
        log_error("state", "%s in the store cannot be used: %s", label, e.msg);
    }
}

static bool concerns_catalog(enum model_kind kind)
{
    return kind == MODEL_NAMESPACE || kind == MODEL_DOMAIN || kind == MODEL_SERVICE ||
           kind == MODEL_ROUTE || kind == MODEL_MODULE;
}

static bool load_one(void *user, struct str key, struct str value)
{
    struct replica *r = user;
    struct model_ref ref;
    if (model_key_parse(key, &ref) && concerns_catalog(ref.kind))
        put_value(r, &ref, value);
    return true;
}

static uint64_t stored_revision(struct replica *r)
{
    struct str value = {0};
    if (!store_get(r->read, STORE_META, STR("revision"), &value))
        return 0;
    return store_u64_of(value);
}

static bool open_store(struct replica *r, struct err *e)
{
    const size_t map = (size_t)r->options.launch->config->limits.store_map_mb * 1024 * 1024;
    return r->store != NULL ||
           store_open(r->options.launch->store_dir, STORE_READ_ONLY, map, &r->store, e) == ERR_OK;
}

/* Opens the store, or moves the snapshot to its newest state. */
static bool refresh(struct replica *r)
{
    struct err e = {0};
    bool ok = open_store(r, &e) && (r->read == NULL ? store_read_begin(r->store, &r->read, &e)
                                                    : store_read_renew(r->read, &e)) == ERR_OK;
    if (!ok)
        log_warn("state", "%s", e.msg);
    return ok;
}

static void confirm(struct replica *r, uint64_t revision)
{
    r->applied = revision;
    atomic_store(&r->page->applied, revision);
    if (!r->welcomed)
        return;
    struct buf b;
    buf_init(&b, 64);
    if (ipc_write_u64(&b, revision))
        ipc_send(r->link, MESSAGE_APPLIED, buf_str(&b));
    buf_finish(&b);
}

/* Loads everything that the store holds now. When the store cannot be read, tries again until it can. */
static bool reload(struct replica *r)
{
    if (!refresh(r)) {
        timeout_set(&r->retry, STORE_RETRY_MS);
        return false;
    }
    timeout_clear(&r->retry);
    catalog_clear(r->options.catalog);
    store_each(r->read, STORE_RESOURCES, (struct str){0}, (struct str){0}, load_one, r);
    uint64_t revision = stored_revision(r);
    store_read_end(r->read);
    r->read = NULL;
    confirm(r, revision);
    log_debug("state", "loaded revision %" PRIu64, revision);
    if (!r->loaded) {
        r->loaded = true;
        timeout_clear(&r->alone);
        r->options.on_loaded(r->options.user);
    }
    return true;
}

static void forget_switch(struct node_segment *node, const struct model_ref *ref)
{
    if (node == NULL || ref->kind != MODEL_ROUTE)
        return;
    struct node_switches *s = node_segment_switches(node);
    char route[NODE_SWITCHES_ROUTE_SIZE];
    if (node_switches_are_used(
            s)) /* to look through all of them takes long for each of many routes */
        (void)node_switches_on(s, node_switches_route(ref->ns, ref->name, route), 0,
                               (uint64_t)now_wall_ms());
}

static void apply_key(struct replica *r, enum store_table table, struct str key)
{
    struct model_ref ref;
    struct str value = {0};
    if (table != STORE_RESOURCES || !model_key_parse(key, &ref) || !concerns_catalog(ref.kind))
        return;
    if (store_get(r->read, STORE_RESOURCES, key, &value)) {
        put_value(r, &ref, value);
        return;
    }
    catalog_remove(r->options.catalog, &ref);
    forget_switch(r->options.node, &ref);
}

/* Whether one of the count keys that follow may change the catalog. */
static bool any_concerns_catalog(struct ipc_reader in, uint64_t count)
{
    for (uint64_t i = 0; i < count && !in.bad; i++) {
        const bool resource = ipc_read_u64(&in) == STORE_RESOURCES;
        (void)ipc_read_bytes(&in);
        if (resource || in.bad)
            return true;
    }
    return false;
}

/* Whether all of the message could be read. */
static bool apply_state(struct replica *r, struct ipc_reader *in)
{
    uint64_t revision = ipc_read_u64(in);
    bool all = ipc_read_u64(in) != 0;
    uint64_t count = ipc_read_u64(in);
    if (in->bad || (!all && revision <= r->applied))
        return !in->bad;
    /* A change before this one may be missing here, because the store could not be read then. */
    if (all || !r->loaded || revision != r->applied + 1) {
        (void)reload(r);
        return true;
    }
    if (!any_concerns_catalog(*in, count)) {
        confirm(r, revision);
        return true;
    }
    if (!refresh(r)) {
        timeout_set(&r->retry, STORE_RETRY_MS);
        return true;
    }
    for (uint64_t i = 0; i < count && !in->bad; i++) {
        uint64_t table = ipc_read_u64(in);
        struct str key = ipc_read_bytes(in);
        if (!in->bad && table < STORE_TABLE_COUNT)
            apply_key(r, (enum store_table)table, key);
    }
    store_read_end(r->read);
    r->read = NULL;
    if (!in->bad)
        confirm(r, revision);
    return !in->bad;
}

/* Control is another one by now. */
static void send_held(struct replica *r)
{
    struct ilist_node *n = NULL;
    r->paused = false;
    r->held_bytes = 0;
    timeout_clear(&r->hold);
    while ((n = ilist_pop(&r->held)) != NULL) {
        struct call *c = container_of(n, struct call, node);
        ipc_send(r->link, MESSAGE_CALL, buf_str(&c->frame));
        buf_finish(&c->frame);
        ilist_push(&r->calls, n);
    }
}

static bool on_welcome(struct replica *r, struct ipc_reader *in)
{
    uint64_t version = ipc_read_u64(in);
    (void)ipc_read_u64(in); /* control's revision */
    bool differs = ipc_read_u64(in) != 0;
    if (in->bad || version != MESSAGES_VERSION)
        return false;
    r->welcomed = true;
    r->backoff_ms = RECONNECT_FIRST_MS;
    send_held(r);
    if (!r->loaded || differs)
        (void)reload(r);
    else
        confirm(r, r->applied); /* maybe later than what we said in hello */
    return true;
}

static bool on_reply(struct replica *r, struct ipc_reader *in)
{
    uint64_t id = ipc_read_u64(in);
    uint64_t code = ipc_read_u64(in);
    struct str text = ipc_read_bytes(in);
    if (in->bad || code > ERR_CANCELED)
        return false;
    ilist_for_each (n, &r->calls) {
        struct call *c = container_of(n, struct call, node);
        if (c->id != id)
            continue;
        ilist_remove(&c->node);
        r->call_count--;
        struct err e = {0};
        if (code != ERR_OK)
            (void)err_set(&e, (enum err_code)code, "%.*s", STR_ARG(text));
        c->done(c->user, code == ERR_OK ? text : (struct str){0}, code == ERR_OK ? NULL : &e);
        free(c);
        break;
    }
    return true;
}

static void refuse(script_state_done done, void *user, enum err_code code, const char *text)
{
    struct err e = {0};
    (void)err_set(&e, code, "%s", text);
    done(user, (struct str){0}, &e);
}

static void fail_calls(struct replica *r)
{
    struct err e = {0};
    (void)err_set(&e, ERR_UNKNOWN_OUTCOME, "the control process is gone: the outcome is unknown");
    struct ilist failed;
    ilist_init(&failed);
    struct ilist_node *n = NULL;
    while ((n = ilist_pop(&r->calls)) != NULL)
        ilist_push(&failed, n);
    while ((n = ilist_pop(&failed)) != NULL) {
        struct call *c = container_of(n, struct call, node);
        r->call_count--;
        c->done(c->user, (struct str){0}, &e);
        free(c);
    }
}

static bool pause_calls(struct replica *r)
{
    if (!r->welcomed)
        return false;
    r->paused = true;
    timeout_set(&r->hold, HOLD_MS);
    ipc_send(r->link, MESSAGE_PAUSED, STR(""));
    return true;
}

/* The control that was to follow does not come. */
static void give_up_held(struct replica *r)
{
    struct ilist_node *n = NULL;
    r->paused = false;
    r->held_bytes = 0;
    while ((n = ilist_pop(&r->held)) != NULL) {
        struct call *c = container_of(n, struct call, node);
        r->call_count--;
        refuse(c->done, c->user, ERR_UNAVAILABLE, "the control process is restarting");
        buf_finish(&c->frame);
        free(c);
    }
}

static void on_hold_over(struct timeout *t)
{
    give_up_held(container_of(t, struct replica, hold));
}

static void later(struct replica *r)
{
    timeout_set(&r->reconnect, r->backoff_ms);
    r->backoff_ms = r->backoff_ms * 2 > RECONNECT_MAX_MS ? RECONNECT_MAX_MS : r->backoff_ms * 2;
}

static void on_closed(void *user, const char *text)
{
    struct replica *r = user;
    r->link = NULL;
    if (r->welcomed && !r->paused)
        log_warn("state", "lost control (%s): serving revision %" PRIu64 " meanwhile", text,
                 r->applied);
    r->welcomed = false;
    fail_calls(r);
    later(r);
}

static void on_message(void *user, uint8_t type, struct str payload)
{
    struct replica *r = user;
    struct ipc_reader in = {.rest = payload};
    bool ok = false;
    if (type == MESSAGE_STATE)
        ok = apply_state(r, &in);
    else if (type == MESSAGE_WELCOME)
        ok = on_welcome(r, &in);
    else if (type == MESSAGE_REPLY)
        ok = on_reply(r, &in);
    else if (type == MESSAGE_PAUSE)
        ok = pause_calls(r);
    if (ok)
        return;
    ipc_close(r->link);
    on_closed(r, "it does not speak our protocol");
}

static const struct ipc_events LINK_EVENTS = {on_message, on_closed};
static const struct ipc_options LINK_OPTIONS = {MESSAGES_FRAME_MAX, MESSAGES_BACKLOG_MAX};

static void connect_control(struct replica *r)
{
    const struct launch *l = r->options.launch;
    int fd = ipc_connect((struct str){l->address, l->address_len}, NULL);
    if (fd < 0) {
        later(r);
        return;
    }
    r->link = ipc_create(r->loop, fd, &LINK_OPTIONS, &LINK_EVENTS, r);
    struct buf b;
    buf_init(&b, 256);
    bool ok = ipc_write_u64(&b, MESSAGES_VERSION) && ipc_write_bytes(&b, str_of(l->token)) &&
              ipc_write_u64(&b, r->options.slot) && ipc_write_u64(&b, r->loaded ? r->applied : 0);
    if (ok)
        ipc_send(r->link, MESSAGE_HELLO, buf_str(&b));
    buf_finish(&b);
}

static void on_reconnect(struct timeout *t)
{
    connect_control(container_of(t, struct replica, reconnect));
}

static void on_alone(struct timeout *t)
{
    struct replica *r = container_of(t, struct replica, alone);
    if (r->loaded)
        return;
    if (atomic_load(&r->options.pages->control_ready) == 0 || !reload(r))
        timeout_set(&r->alone, r->options.alone_ms);
}

static void on_retry(struct timeout *t)
{
    (void)reload(container_of(t, struct replica, retry));
}

struct replica *replica_create(struct loop *loop, const struct replica_options *options)
{
    struct replica *r = mem_alloc(sizeof(*r));
    r->loop = loop;
    r->options = *options;
    r->page = &options->pages->worker[options->slot];
    r->backoff_ms = RECONNECT_FIRST_MS;
    ilist_init(&r->calls);
    ilist_init(&r->held);
    timeout_init(&r->hold, loop, on_hold_over);
    timeout_init(&r->reconnect, loop, on_reconnect);
    timeout_init(&r->alone, loop, on_alone);
    timeout_init(&r->retry, loop, on_retry);
    timeout_set(&r->alone, options->alone_ms);
    atomic_store(&r->page->applied, 0);
    atomic_store(&r->page->required, 0);
    connect_control(r);
    return r;
}

void replica_destroy(struct replica *r)
{
    if (r == NULL)
        return;
    ipc_close(r->link);
    r->link = NULL;
    r->welcomed = false;
    fail_calls(r);
    give_up_held(r);
    timeout_finish(&r->hold);
    timeout_finish(&r->retry);
    timeout_finish(&r->reconnect);
    timeout_finish(&r->alone);
    store_read_end(r->read);
    store_close(r->store);
    free(r);
}

bool replica_catch_up(struct replica *r)
{
    const uint64_t required = atomic_load_explicit(&r->page->required, memory_order_acquire);
    return required <= r->applied || (reload(r) && required <= r->applied);
}

static bool write_call(const struct replica *r, const struct script_state_request *request,
                       struct buf *b)
{
    return ipc_write_u64(b, r->call_id) && ipc_write_u64(b, request->op) &&
           ipc_write_bytes(b, request->ns) && ipc_write_bytes(b, request->module) &&
           ipc_write_bytes(b, request->args);
}

bool replica_state_now(struct replica *r, const struct script_state_request *request,
                       struct buf *out, struct err *e)
{
    struct store_read *read = NULL;
    if (!open_store(r, e) || store_read_begin(r->store, &read, e) != ERR_OK)
        return false;
    bool ok = state_reads_run(read, request->op, request->ns, request->args, out, e);
    store_read_end(read);
    return ok;
}

static void read_state(struct replica *r, const struct script_state_request *request,
                       script_state_done done, void *done_user)
{
    struct buf out;
    struct err e = {0};
    buf_init(&out, MESSAGES_FRAME_MAX);
    bool ok = replica_state_now(r, request, &out, &e);
    done(done_user, ok ? buf_str(&out) : (struct str){0}, ok ? NULL : &e);
    buf_finish(&out);
}

void replica_state(struct replica *r, const struct script_state_request *request,
                   script_state_done done, void *done_user)
{
    if (script_state_reads(request->op)) {
        read_state(r, request, done, done_user);
        return;
    }
    if ((!r->welcomed && !r->paused) || r->call_count >= CALLS_MAX || r->held_bytes > HOLD_BYTES) {
        refuse(done, done_user, ERR_UNAVAILABLE,
               r->welcomed || r->paused ? "too many writes are waiting"
                                        : "the control process is restarting");
        return;
    }
    struct call *c = mem_alloc(sizeof(*c));
    *c = (struct call){.id = ++r->call_id, .done = done, .user = done_user};
    buf_init(&c->frame, MESSAGES_FRAME_MAX);
    if (!write_call(r, request, &c->frame)) {
        buf_finish(&c->frame);
        free(c);
        refuse(done, done_user, ERR_TOO_LARGE, "what is to be written is too large");
        return;
    }
    r->call_count++;
    if (r->paused) {
        r->held_bytes += c->frame.len;
        ilist_push(&r->held, &c->node);
        return;
    }
    ipc_send(r->link, MESSAGE_CALL, buf_str(&c->frame));
    buf_finish(&c->frame);
    ilist_push(&r->calls, &c->node);
}
