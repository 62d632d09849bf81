#include "change/entry_sweep.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/now.h"
#include "base/vec.h"
#include "change/change_log.h"
#include "change/entry_value.h"
#include "io/timeout.h"

enum {
    START_MS = 1000,  /* after the server's start */
    REST_MS = 10000,  /* between two walks */
    STEP_MS = 5,      /* between two steps of a walk */
    SLACK_MS = 10,    /* after something expires: what expires soon afterwards goes with it */
    STEP_KEYS = 1000, /* that a step looks at */
    STEP_DELETES = ENGINE_OPS_MAX,
};

struct victim {
    char *key; /* owned */
    size_t key_len;
    uint64_t revision;
    size_t bytes; /* as entry_usages counts */
};

struct entry_sweep {
    struct store *store;
    struct engine *engine;
    struct entry_usages *usages;
    struct timeout timer;
    uint64_t due_ms;     /* wall clock of the next walk; 0: none */
    uint64_t now_ms;     /* of this walk */
    uint64_t soonest_ms; /* of what the walk saw; 0: nothing expires */
    bool walking;
    char *cursor; /* the key where the walk goes on; NULL: nowhere */
    size_t cursor_len;
    size_t looked;
    struct victim victims[STEP_DELETES];
    size_t victim_count;
    char id[CHANGE_LOG_ID_SIZE];
};

static void set_cursor(struct entry_sweep *s, struct str key)
{
    free(s->cursor);
    s->cursor = mem_dup(key.p, key.len);
    s->cursor_len = key.len;
}

static void schedule(struct entry_sweep *s)
{
    const uint64_t now = (uint64_t)now_wall_ms();
    if (s->due_ms == 0)
        timeout_clear(&s->timer);
    else
        timeout_set(&s->timer, s->due_ms > now ? s->due_ms - now + SLACK_MS : SLACK_MS);
}

void entry_sweep_note(struct entry_sweep *s, uint64_t expires_ms)
{
    if (s->soonest_ms == 0 || expires_ms < s->soonest_ms)
        s->soonest_ms = expires_ms;
    if (s->walking)
        return;
    const uint64_t earliest = s->now_ms + REST_MS;
    const uint64_t at = expires_ms > earliest ? expires_ms : earliest;
    if (s->due_ms != 0 && s->due_ms <= at)
        return;
    s->due_ms = at;
    schedule(s);
}

static void forget_victims(struct entry_sweep *s)
{
    for (size_t i = 0; i < s->victim_count; i++)
        free(s->victims[i].key);
    s->victim_count = 0;
}

static bool look_at(void *user, struct str key, struct str value)
{
    struct entry_sweep *s = user;
    const uint64_t expires = entry_value_expires(value);
    if (s->looked == STEP_KEYS || s->victim_count == STEP_DELETES) {
        set_cursor(s, key);
        return false;
    }
    s->looked++;
    if (expires != 0 && expires <= s->now_ms) {
        s->victims[s->victim_count++] = (struct victim){
            .key = mem_dup(key.p, key.len),
            .key_len = key.len,
            .revision = store_value_revision(value),
            .bytes = entry_value_key_name(key).len + entry_value_json(value).len,
        };
    } else if (expires != 0 && (s->soonest_ms == 0 || expires < s->soonest_ms)) {
        s->soonest_ms = expires;
    }
    return true;
}

static void end_walk(struct entry_sweep *s)
{
    s->walking = false;
    s->due_ms = 0;
    if (s->soonest_ms != 0)
        entry_sweep_note(s, s->soonest_ms);
}

static void on_deleted(void *user, const struct engine_result *result)
{
    struct entry_sweep *s = user;
    for (size_t i = 0; result->outcome == ENGINE_COMMITTED && i < s->victim_count; i++) {
        const struct victim *v = &s->victims[i];
        entry_usages_add(s->usages, entry_value_key_ns((struct str){v->key, v->key_len}), -1,
                         -(int64_t)v->bytes);
    }
    /* A conflict: one of them was written meanwhile; the next walk sees to the others. */
    if (result->outcome != ENGINE_COMMITTED)
        s->soonest_ms = s->now_ms;
    forget_victims(s);
    if (s->cursor == NULL)
        end_walk(s);
    else
        timeout_set(&s->timer, STEP_MS);
}

static void propose(struct entry_sweep *s)
{
    struct engine_op ops[STEP_DELETES];
    struct engine_guard guards[STEP_DELETES];
    for (size_t i = 0; i < s->victim_count; i++) {
        const struct victim *v = &s->victims[i];
        const struct str key = {v->key, v->key_len};
        ops[i] = (struct engine_op){.type = ENGINE_DELETE, .table = STORE_ENTRIES, .key = key};
        guards[i] = (struct engine_guard){.type = ENGINE_GUARD_REVISION,
                                          .table = STORE_ENTRIES,
                                          .key = key,
                                          .revision = v->revision};
    }
    change_log_new_id(s->id);
    const struct engine_proposal p = {.id = str_of(s->id),
                                      .ops = ops,
                                      .op_count = s->victim_count,
                                      .guards = guards,
                                      .guard_count = s->victim_count};
    engine_propose(s->engine, &p, on_deleted, s);
}

/* Looks at some entries from the cursor on; afterwards the cursor is NULL if those were the last. */
static bool walk(struct entry_sweep *s)
{
    struct store_read *read = NULL;
    if (store_read_begin(s->store, &read, NULL) != ERR_OK)
        return false;
    char *from = s->cursor;
    const struct str start = {from, s->cursor_len};
    s->cursor = NULL;
    s->looked = 0;
    store_each(read, STORE_ENTRIES, STR(""), start, look_at, s);
    store_read_end(read);
    free(from);
    return true;
}

static void on_timer(struct timeout *t)
{
    struct entry_sweep *s = container_of(t, struct entry_sweep, timer);
    if (!s->walking) {
        s->walking = true;
        s->now_ms = (uint64_t)now_wall_ms();
        s->soonest_ms = 0;
        set_cursor(s, STR(""));
    }
    if (!walk(s))
        timeout_set(&s->timer, REST_MS);
    else if (s->victim_count > 0)
        propose(s);
    else if (s->cursor != NULL)
        timeout_set(&s->timer, STEP_MS);
    else
        end_walk(s);
}

struct entry_sweep *entry_sweep_create(struct loop *loop, struct store *store,
                                       struct engine *engine, struct entry_usages *usages)
{
    struct entry_sweep *s = mem_alloc(sizeof(*s));
    s->store = store;
    s->engine = engine;
    s->usages = usages;
    timeout_init(&s->timer, loop, on_timer);
    timeout_set(&s->timer, START_MS);
    return s;
}

void entry_sweep_destroy(struct entry_sweep *s)
{
    if (s == NULL)
        return;
    timeout_finish(&s->timer);
    forget_victims(s);
    free(s->cursor);
    free(s);
}
