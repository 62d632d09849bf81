/* Each key with calls has a slot. A slot's life:
 *
 *   begin     (a task)      the waiting calls become the batch; read the entry; apply them    -> propose, or answer
 *   propose   (the engine)  COMMITTED: answer;  CONFLICT: begin again with the same batch;
 *                           REFUSED: all fail;  UNKNOWN: look_up
 *   look_up   (a timer)     committed after all, or not: propose the same again
 *   answer                  more calls wait: begin; else the slot goes
 */
#include "change/entries.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/hmap.h"
#include "base/ilist.h"
#include "base/mem.h"
#include "base/now.h"
#include "change/change_log.h"
#include "change/entry_apply.h"
#include "change/entry_sweep.h"
#include "change/entry_usages.h"
#include "change/entry_value.h"
#include "codec/json.h"
#include "io/loop.h"
#include "io/timeout.h"
#include "model/model.h"

enum { LOOKUPS_MAX = 5, LOOKUP_DELAY_MS = 100, BATCH_MAX = 256 };

struct entries {
    struct loop *loop;
    struct store *store;
    struct engine *engine;
    struct entries_options options;
    struct hmap slots;
    struct entry_usages usages;
    struct entry_sweep *sweep;
    uint32_t pending;
};

struct call {
    struct ilist_node node;
    enum entries_command command;
    json_t *value;
    json_t *expected;
    double by;
    uint64_t ttl_ms;
    json_t *result;
    struct err error;
    entries_done_fn done;
    void *user;
};

struct slot {
    struct hmap_node node; /* by the store's key */
    struct entries *owner;
    struct buf key;
    struct buf ns_key; /* of the namespace's resource */
    struct ilist waiting;
    struct ilist batch;
    struct loop_task begin;
    struct timeout timer;
    uint32_t conflicts;
    uint32_t lookups;

    /* Of the batch: */
    bool stored; /* there is something in the store, expired or not */
    struct engine_guard guards[2];
    struct engine_op op;
    struct buf value; /* of op */
    struct engine_proposal proposal;
    char id[CHANGE_LOG_ID_SIZE];
    int64_t entries_delta; /* what it adds to the namespace's usage, if committed */
    int64_t bytes_delta;
};

static void propose(struct slot *t);
static void begin(struct slot *t);

static struct str slot_ns(const struct slot *t)
{
    return entry_value_key_ns(buf_str(&t->key));
}

static struct str slot_name(const struct slot *t)
{
    return entry_value_key_name(buf_str(&t->key));
}

/* --- calls --- */

static void call_free(struct call *c)
{
    json_decref(c->value);
    json_decref(c->expected);
    json_decref(c->result);
    free(c);
}

static void call_end(struct entries *s, struct call *c)
{
    ilist_remove(&c->node);
    s->pending--;
    const bool ok = c->error.code == ERR_OK;
    c->done(c->user, ok ? c->result : NULL, ok ? NULL : &c->error);
    call_free(c);
}

/* --- a slot --- */

static void slot_free(struct slot *t)
{
    hmap_remove(&t->owner->slots, &t->node);
    loop_unschedule(&t->begin);
    timeout_finish(&t->timer);
    buf_finish(&t->key);
    buf_finish(&t->ns_key);
    buf_finish(&t->value);
    free(t);
}

/* The batch is answered; on error, the same for all. */
static void answer(struct slot *t, const struct err *error)
{
    struct entries *s = t->owner;
    struct ilist done;
    struct ilist_node *n = NULL;
    ilist_init(&done);
    while ((n = ilist_pop(&t->batch)) != NULL)
        ilist_push(&done, n);
    t->conflicts = 0;
    t->lookups = 0;
    if (ilist_empty(&t->waiting))
        slot_free(t);
    else
        loop_schedule(s->loop, &t->begin);
    while ((n = ilist_pop(&done)) != NULL) {
        struct call *c = container_of(n, struct call, node);
        if (error != NULL)
            c->error = *error;
        call_end(s, c);
    }
}

static void drop_deltas(struct slot *t)
{
    entry_usages_add(&t->owner->usages, slot_ns(t), -t->entries_delta, -t->bytes_delta);
    t->entries_delta = 0;
    t->bytes_delta = 0;
}

static void fail(struct slot *t, const struct err *e)
{
    drop_deltas(t);
    answer(t, e);
}

/* Notes what the batch relies on. False with e filled when the namespace is gone. */
static bool look_at_namespace(struct slot *t, struct store_read *read, struct err *e)
{
    struct str value = {0};
    const bool found = store_get(read, STORE_RESOURCES, buf_str(&t->ns_key), &value);
    t->guards[0] = (struct engine_guard){.type = ENGINE_GUARD_REVISION,
                                         .table = STORE_RESOURCES,
                                         .key = buf_str(&t->ns_key),
                                         .revision = found ? store_value_revision(value) : 0};
    if (found || (t->owner->options.default_namespace && str_eq(slot_ns(t), STR("default"))))
        return true;
    (void)err_set(e, ERR_NOT_FOUND, "namespace %.*s: not found", STR_ARG(slot_ns(t)));
    return false;
}

static void look_at_entry(struct slot *t, struct store_read *read, struct entry_applying *a)
{
    struct str value = {0};
    t->stored = store_get(read, STORE_ENTRIES, buf_str(&t->key), &value);
    t->guards[1] = (struct engine_guard){.type = ENGINE_GUARD_REVISION,
                                         .table = STORE_ENTRIES,
                                         .key = buf_str(&t->key),
                                         .revision = t->stored ? store_value_revision(value) : 0};
    if (!t->stored)
        return;
    a->stored_len = (int64_t)(slot_name(t).len + entry_value_json(value).len);
    if (!entry_value_lives(value, a->now_ms))
        return;
    a->content.value = json_text_parse(entry_value_json(value), NULL);
    a->content.expires_ms = entry_value_expires(value);
    a->content.json_len = entry_value_json(value).len;
}

static void apply(struct entry_applying *a, struct call *c)
{
    const struct entries_request q = {.command = c->command,
                                      .value = c->value,
                                      .expected = c->expected,
                                      .by = c->by,
                                      .ttl_ms = c->ttl_ms};
    json_decref(c->result);
    c->error.code = ERR_OK;
    c->result = entry_apply(a, &q, &c->error);
}

/* The proposal that makes the store as a says. */
static void plan(struct slot *t, const struct entry_applying *a)
{
    const bool put = a->content.value != NULL;
    struct buf json;
    buf_clear(&t->value);
    buf_init(&json, ENGINE_BYTES_MAX);
    /* Both fit: value_max is less than the maximum. */
    if (put && (!json_text_write(&json, a->content.value) ||
                !entry_value_write(&t->value, a->content.expires_ms, buf_str(&json))))
        abort();
    buf_finish(&json);
    t->op = (struct engine_op){.type = put ? ENGINE_PUT : ENGINE_DELETE,
                               .table = STORE_ENTRIES,
                               .key = buf_str(&t->key),
                               .value = put ? buf_str(&t->value) : STR("")};
    change_log_new_id(t->id);
    t->proposal = (struct engine_proposal){
        .id = str_of(t->id), .ops = &t->op, .op_count = 1, .guards = t->guards, .guard_count = 2};
    const int64_t after = put ? (int64_t)(slot_name(t).len + a->content.json_len) : 0;
    t->entries_delta = (put ? 1 : 0) - (t->stored ? 1 : 0);
    t->bytes_delta = after - a->stored_len;
    entry_usages_add(&t->owner->usages, slot_ns(t), t->entries_delta, t->bytes_delta);
    if (a->content.expires_ms != 0)
        entry_sweep_note(t->owner->sweep, a->content.expires_ms);
}

/* Applies the batch to what is stored now. True if that is to be proposed. */
static bool apply_batch(struct slot *t, struct store_read *read)
{
    const struct entry_usage *usage = entry_usages_get(&t->owner->usages, read, slot_ns(t));
    struct entry_applying a = {.ns = slot_ns(t),
                               .key = slot_name(t),
                               .limits = &t->owner->options,
                               .entries = usage->entries,
                               .bytes = usage->bytes,
                               .now_ms = (uint64_t)now_wall_ms()};
    look_at_entry(t, read, &a);
    ilist_for_each (n, &t->batch)
        apply(&a, container_of(n, struct call, node));
    const bool wanted = a.content.changed && (a.content.value != NULL || t->stored);
    if (wanted)
        plan(t, &a);
    json_decref(a.content.value);
    return wanted;
}

static void try_batch(struct slot *t)
{
    struct store_read *read = NULL;
    struct err e = {0};
    if (store_read_begin(t->owner->store, &read, &e) != ERR_OK) {
        fail(t, &e);
        return;
    }
    const bool there = look_at_namespace(t, read, &e);
    const bool wanted = there && apply_batch(t, read);
    store_read_end(read);
    if (!there)
        fail(t, &e);
    else if (wanted)
        propose(t);
    else
        answer(t, NULL);
}

static void begin(struct slot *t)
{
    struct ilist_node *n = NULL;
    for (size_t i = 0; i < BATCH_MAX && (n = ilist_pop(&t->waiting)) != NULL; i++)
        ilist_push(&t->batch, n);
    try_batch(t);
}

static void on_begin(struct loop_task *task)
{
    begin(container_of(task, struct slot, begin));
}

/* --- the engine --- */

static void committed(struct slot *t)
{
    t->entries_delta = 0;
    t->bytes_delta = 0;
    answer(t, NULL);
}

static void conflicted(struct slot *t, const struct err *why)
{
    struct err e = {0};
    drop_deltas(t);
    t->conflicts++;
    if (t->conflicts <= t->owner->options.conflict_retries) {
        try_batch(t);
        return;
    }
    (void)err_set(&e, ERR_UNAVAILABLE, "other changes came in between %u times, at last: %s",
                  t->conflicts, why->msg);
    answer(t, &e);
}

static void wonder(struct slot *t)
{
    struct err e = {0};
    if (t->lookups < LOOKUPS_MAX) {
        timeout_set(&t->timer, (uint64_t)LOOKUP_DELAY_MS << t->lookups);
        t->lookups++;
        return;
    }
    (void)err_set(&e, ERR_UNKNOWN_OUTCOME,
                  "storage key %.*s/%.*s: it is not known whether it was "
                  "written",
                  STR_ARG(slot_ns(t)), STR_ARG(slot_name(t)));
    entry_usages_forget(&t->owner->usages, slot_ns(t));
    t->entries_delta = 0;
    t->bytes_delta = 0;
    answer(t, &e);
}

static void on_proposed(void *user, const struct engine_result *result)
{
    struct slot *t = user;
    if (result->outcome == ENGINE_COMMITTED)
        committed(t);
    else if (result->outcome == ENGINE_CONFLICT)
        conflicted(t, &result->error);
    else if (result->outcome == ENGINE_REFUSED)
        fail(t, &result->error);
    else
        wonder(t);
}

static void propose(struct slot *t)
{
    engine_propose(t->owner->engine, &t->proposal, on_proposed, t);
}

static void on_looked_up(void *user, const struct engine_result *result)
{
    struct slot *t = user;
    if (result->outcome == ENGINE_COMMITTED)
        committed(t);
    else if (result->outcome == ENGINE_REFUSED && result->error.code == ERR_NOT_FOUND)
        propose(t);
    else
        wonder(t);
}

static void on_timer(struct timeout *timer)
{
    struct slot *t = container_of(timer, struct slot, timer);
    engine_lookup(t->owner->engine, str_of(t->id), on_looked_up, t);
}

/* --- the service --- */

struct entries *entries_create(struct loop *loop, struct store *store, struct engine *engine,
                               const struct entries_options *options)
{
    struct entries *s = mem_alloc(sizeof(*s));
    *s = (struct entries){.loop = loop, .store = store, .engine = engine, .options = *options};
    hmap_init(&s->slots);
    entry_usages_init(&s->usages);
    s->sweep = entry_sweep_create(loop, store, engine, &s->usages);
    return s;
}

void entries_destroy(struct entries *s)
{
    struct hmap_node *n = NULL;
    struct err e = {0};
    if (s == NULL)
        return;
    (void)err_set(&e, ERR_CANCELED, "the server is stopping");
    while ((n = hmap_any(&s->slots)) != NULL) {
        struct slot *t = container_of(n, struct slot, node);
        struct ilist_node *c = NULL;
        while ((c = ilist_pop(&t->waiting)) != NULL)
            ilist_push(&t->batch, c);
        answer(t, &e);
    }
    hmap_finish(&s->slots);
    entry_sweep_destroy(s->sweep);
    entry_usages_finish(&s->usages);
    free(s);
}

void entries_on_applied(struct entries *s, const struct engine_applied *applied)
{
    if (applied->reset)
        entry_usages_clear(&s->usages);
    for (size_t i = 0; i < applied->key_count; i++) {
        const struct str key = applied->keys[i].key;
        if (applied->keys[i].table == STORE_ENTRIES && str_ends(key, STR("\0")))
            entry_usages_forget(&s->usages, entry_value_key_ns(key));
    }
}

static struct slot *slot_of(struct entries *s, struct str ns, struct str key)
{
    struct buf whole;
    buf_init(&whole, STORE_KEY_MAX);
    if (!entry_value_key(&whole, ns, key)) {
        buf_finish(&whole);
        return NULL;
    }
    struct hmap_node *n = hmap_get(&s->slots, buf_str(&whole));
    if (n != NULL) {
        buf_finish(&whole);
        return container_of(n, struct slot, node);
    }
    struct slot *t = mem_alloc(sizeof(*t));
    const struct model_ref ref = {.kind = MODEL_NAMESPACE, .name = ns};
    *t = (struct slot){.owner = s, .key = whole, .begin.run = on_begin};
    buf_init(&t->ns_key, STORE_KEY_MAX);
    buf_init(&t->value, ENGINE_BYTES_MAX);
    if (!model_key(&t->ns_key, &ref)) /* it is shorter than the entry's */
        abort();
    ilist_init(&t->waiting);
    ilist_init(&t->batch);
    timeout_init(&t->timer, s->loop, on_timer);
    hmap_add(&s->slots, &t->node, buf_str(&t->key));
    return t;
}

/* What is wrong with it whatever is stored. */
static bool check(const struct entries *s, const struct entries_request *q, struct err *e)
{
    if (!entry_apply_check(q, e))
        return false;
    if (s->pending < s->options.pending_max)
        return true;
    (void)err_set(e, ERR_UNAVAILABLE, "%u writes of modules wait already", s->pending);
    return false;
}

void entries_submit(struct entries *s, const struct entries_request *request, entries_done_fn done,
                    void *user)
{
    struct err e = {0};
    struct slot *t = check(s, request, &e) ? slot_of(s, request->ns, request->key) : NULL;
    if (t == NULL) {
        if (e.code == ERR_OK)
            (void)err_set(&e, ERR_INVALID, "the storage key is too long");
        done(user, NULL, &e);
        return;
    }
    struct call *c = mem_alloc(sizeof(*c));
    *c = (struct call){
        .command = request->command,
        .value = request->value != NULL ? json_deep_copy(request->value) : json_null(),
        .expected = request->expected != NULL ? json_deep_copy(request->expected) : json_null(),
        .by = request->by,
        .ttl_ms = request->ttl_ms,
        .done = done,
        .user = user};
    s->pending++;
    ilist_push(&t->waiting, &c->node);
    if (ilist_empty(&t->batch))
        loop_schedule(s->loop, &t->begin);
}
