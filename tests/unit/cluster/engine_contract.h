/* What every engine promises (cluster/engine.h), as tests: a test program makes the engine and lists
 * ENGINE_CONTRACT_TESTS(setup, teardown), where setup leaves a struct contract * in *state.
 */
#ifndef CLUSTER_ENGINE_CONTRACT_H
#define CLUSTER_ENGINE_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cluster/engine.h"
#include "io/loop.h"
#include "store/store.h"

enum { CONTRACT_EVENTS_SIZE = 4096 };

struct contract {
    struct loop *loop;
    struct store *store;
    struct engine *engine;
    struct fake_engine *fake; /* borrowed; NULL when the engine is none */
    uint64_t last_applied;    /* on_applied: in order, nothing left out */
    size_t applied;
    char keys[CONTRACT_EVENTS_SIZE]; /* of the last on_applied: "r:route/default/a " */
    bool closed;
    char dir[256];
    int next_id;
};

struct contract_answer {
    struct contract *contract;
    int calls;
    uint64_t applied_then; /* what had been announced when it came */
    struct engine_result result;
};

static inline void contract_on_applied(void *user, const struct engine_applied *applied)
{
    struct contract *c = user;
    if (applied->revision == c->last_applied)
        return; /* delivered twice */
    assert_int_equal(applied->revision, c->last_applied + 1);
    struct store_read *r = NULL;
    assert_int_equal(store_read_begin(c->store, &r, NULL), ERR_OK);
    struct str value = {0};
    assert_true(store_get(r, STORE_META, STR("revision"), &value));
    assert_true(store_u64_of(value) >= applied->revision); /* the store holds it already */
    store_read_end(r);
    c->last_applied = applied->revision;
    c->applied++;
    struct buf text;
    buf_init(&text, CONTRACT_EVENTS_SIZE - 1);
    for (size_t i = 0; i < applied->key_count; i++) {
        char key[STORE_KEY_MAX + 1];
        struct str k = applied->keys[i].key;
        for (size_t j = 0; j < k.len; j++)
            key[j] = k.p[j] == '\0' ? '/' : k.p[j];
        assert_true(buf_addf(&text, "%c:%.*s ",
                             applied->keys[i].table == STORE_DOCUMENTS ? 'd' : 'r', (int)k.len,
                             key));
    }
    (void)snprintf(c->keys, sizeof(c->keys), "%s", buf_cstr(&text));
    buf_finish(&text);
}

static inline void contract_on_done(void *user, const struct engine_result *result)
{
    struct contract_answer *a = user;
    a->calls++;
    a->applied_then = a->contract->last_applied;
    a->result = *result;
}

static inline void contract_wait(struct contract_answer *a)
{
    while (a->calls == 0)
        loop_turn(a->contract->loop, true);
    assert_int_equal(a->calls, 1);
}

static inline void contract_send(struct contract *c, const struct engine_proposal *p,
                                 struct contract_answer *a)
{
    *a = (struct contract_answer){.contract = c};
    engine_propose(c->engine, p, contract_on_done, a);
    assert_int_equal(a->calls, 0); /* never from within */
}

/* Proposes n operations with m guards under a new id and waits. */
static inline struct engine_result contract_change(struct contract *c, const struct engine_op *ops,
                                                   size_t n, const struct engine_guard *guards,
                                                   size_t m)
{
    char id[32];
    struct contract_answer a;
    (void)snprintf(id, sizeof(id), "change-%d", c->next_id++);
    struct engine_proposal p = {
        .id = str_of(id),
        .ops = ops,
        .op_count = n,
        .guards = guards,
        .guard_count = m,
        .log = STR("{\"id\":\"x\"}"),
    };
    contract_send(c, &p, &a);
    memset(id, 'x', sizeof(id)); /* everything was copied */
    contract_wait(&a);
    if (a.result.outcome == ENGINE_COMMITTED)
        assert_true(a.applied_then >= a.result.revision); /* announced first */
    return a.result;
}

static inline struct engine_op contract_op(enum engine_op_type type, struct str key)
{
    return (struct engine_op){
        .type = type,
        .table = str_starts(key, STR("document\0")) ? STORE_DOCUMENTS : STORE_RESOURCES,
        .key = key,
        .value = STR("{\"v\":1}"),
    };
}

static inline struct engine_guard contract_guard(enum engine_guard_type type, struct str key,
                                                 uint64_t revision)
{
    return (struct engine_guard){
        .type = type,
        .table = str_starts(key, STR("document\0")) ? STORE_DOCUMENTS : STORE_RESOURCES,
        .key = key,
        .revision = revision,
    };
}

static inline struct engine_result contract_put(struct contract *c, struct str key)
{
    struct engine_op op = contract_op(ENGINE_PUT, key);
    return contract_change(c, &op, 1, NULL, 0);
}

/* The revision of key, 0 when it is absent. */
static inline uint64_t contract_revision(struct contract *c, enum store_table t, struct str key)
{
    struct store_read *r = NULL;
    struct str value = {0};
    assert_int_equal(store_read_begin(c->store, &r, NULL), ERR_OK);
    uint64_t revision = store_get(r, t, key, &value) ? store_value_revision(value) : 0;
    store_read_end(r);
    return revision;
}

static void contract_test_commits(void **state)
{
    struct contract *c = *state;
    struct engine_status status = {0};
    struct engine_result r = contract_put(c, STR("route\0default\0a"));
    assert_int_equal(r.outcome, ENGINE_COMMITTED);
    assert_int_equal(r.revision, 1);
    assert_string_equal(c->keys, "r:route/default/a ");
    assert_int_equal(contract_revision(c, STORE_RESOURCES, STR("route\0default\0a")), 1);
    r = contract_put(c, STR("route\0default\0a"));
    assert_int_equal(r.revision, 2);
    assert_int_equal(contract_revision(c, STORE_RESOURCES, STR("route\0default\0a")), 2);
    engine_status_get(c->engine, &status);
    assert_int_equal(status.revision, 2);
    assert_true(status.writable);
    assert_int_equal(status.pending, 0);

    struct store_read *read = NULL;
    struct str value = {0};
    char key[STORE_U64_SIZE];
    assert_int_equal(store_read_begin(c->store, &read, NULL), ERR_OK);
    assert_true(store_get(read, STORE_RESOURCES, STR("route\0default\0a"), &value));
    assert_true(str_eq(store_value_json(value), STR("{\"v\":1}")));
    store_u64_key(2, key);
    assert_true(store_get(read, STORE_LOG, (struct str){key, sizeof(key)}, &value));
    assert_true(str_eq(value, STR("{\"id\":\"x\",\"revision\":2}")));
    store_read_end(read);
}

static void contract_test_revision_guards(void **state)
{
    struct contract *c = *state;
    struct str key = STR("service\0default\0s");
    struct engine_op op = contract_op(ENGINE_PUT, key);
    struct engine_guard absent = contract_guard(ENGINE_GUARD_REVISION, key, 0);
    struct engine_guard first = contract_guard(ENGINE_GUARD_REVISION, key, 1);
    assert_int_equal(contract_change(c, &op, 1, &first, 1).outcome, ENGINE_CONFLICT);
    assert_int_equal(contract_change(c, &op, 1, &absent, 1).revision, 1);
    assert_int_equal(contract_change(c, &op, 1, &absent, 1).outcome, ENGINE_CONFLICT);
    assert_int_equal(contract_revision(c, STORE_RESOURCES, key), 1);
    assert_int_equal(contract_change(c, &op, 1, &first, 1).revision, 2);
    struct engine_result r = contract_change(c, &op, 1, &first, 1);
    assert_int_equal(r.outcome, ENGINE_CONFLICT);
    assert_int_equal(r.error.code, ERR_CONFLICT);
    assert_non_null(strstr(r.error.msg, "service/default/s"));
    op.type = ENGINE_DELETE;
    assert_int_equal(contract_change(c, &op, 1, NULL, 0).revision, 3);
    assert_int_equal(contract_change(c, &op, 1, &first, 1).outcome, ENGINE_CONFLICT);
    assert_int_equal(c->applied, 3);
}

static void contract_test_range_guards(void **state)
{
    struct contract *c = *state;
    struct engine_op op = contract_op(ENGINE_PUT, STR("service\0default\0s"));
    struct engine_guard routes = contract_guard(ENGINE_GUARD_RANGE, STR("route\0default\0"), 0);
    assert_int_equal(contract_change(c, &op, 1, &routes, 1).revision, 1);
    assert_int_equal(contract_put(c, STR("route\0other\0r")).revision, 2);
    assert_int_equal(contract_change(c, &op, 1, &routes, 1).revision, 3);
    assert_int_equal(contract_put(c, STR("route\0default\0r")).revision, 4);
    assert_int_equal(contract_change(c, &op, 1, &routes, 1).outcome, ENGINE_CONFLICT);
    routes.revision = 3;
    assert_int_equal(contract_change(c, &op, 1, &routes, 1).outcome, ENGINE_CONFLICT);
    routes.revision = 4;
    assert_int_equal(contract_change(c, &op, 1, &routes, 1).revision, 5);
    struct engine_op gone = contract_op(ENGINE_DELETE, STR("route\0default\0r"));
    assert_int_equal(contract_change(c, &gone, 1, NULL, 0).revision, 6);
    assert_int_equal(contract_change(c, &op, 1, &routes, 1).outcome, ENGINE_CONFLICT);

    struct engine_guard collection =
        contract_guard(ENGINE_GUARD_RANGE, STR("document\0default\0c\0"), 6);
    struct engine_guard all = contract_guard(ENGINE_GUARD_RANGE, STR("document\0default\0"), 6);
    assert_int_equal(contract_put(c, STR("document\0default\0d\0one")).revision, 7);
    assert_int_equal(contract_change(c, &op, 1, &collection, 1).revision, 8);
    assert_int_equal(contract_change(c, &op, 1, &all, 1).outcome, ENGINE_CONFLICT);
    assert_int_equal(contract_put(c, STR("document\0default\0c\0one")).revision, 9);
    assert_int_equal(contract_change(c, &op, 1, &collection, 1).outcome, ENGINE_CONFLICT);
}

static void contract_test_deletes(void **state)
{
    struct contract *c = *state;
    struct engine_op ops[2] = {
        contract_op(ENGINE_PUT, STR("document\0default\0c\0one")),
        contract_op(ENGINE_PUT, STR("document\0default\0c\0two")),
    };
    assert_int_equal(contract_change(c, ops, 2, NULL, 0).revision, 1);
    assert_int_equal(contract_put(c, STR("document\0default\0cc\0three")).revision, 2);

    /* An absent one refuses all of it. */
    ops[0] = contract_op(ENGINE_DELETE, STR("document\0default\0c\0one"));
    ops[1] = contract_op(ENGINE_DELETE, STR("document\0default\0c\0none"));
    struct engine_result r = contract_change(c, ops, 2, NULL, 0);
    assert_int_equal(r.outcome, ENGINE_REFUSED);
    assert_int_equal(r.error.code, ERR_NOT_FOUND);
    assert_int_equal(contract_revision(c, STORE_DOCUMENTS, ops[0].key), 1);

    ops[0] = contract_op(ENGINE_DELETE_PREFIX, STR("document\0default\0c\0"));
    assert_int_equal(contract_change(c, ops, 1, NULL, 0).revision, 3);
    assert_string_equal(c->keys, "d:document/default/c/ ");
    assert_int_equal(contract_revision(c, STORE_DOCUMENTS, STR("document\0default\0c\0two")), 0);
    assert_int_equal(contract_revision(c, STORE_DOCUMENTS, STR("document\0default\0cc\0three")), 2);
    assert_int_equal(contract_change(c, ops, 1, NULL, 0).revision, 4);
}

static void contract_test_lookup(void **state)
{
    struct contract *c = *state;
    struct contract_answer a = {.contract = c};
    assert_int_equal(contract_put(c, STR("route\0default\0a")).revision, 1);
    assert_int_equal(contract_put(c, STR("route\0default\0b")).revision, 2);
    engine_lookup(c->engine, STR("change-1"), contract_on_done, &a);
    assert_int_equal(a.calls, 0);
    contract_wait(&a);
    assert_int_equal(a.result.outcome, ENGINE_COMMITTED);
    assert_int_equal(a.result.revision, 2);
    char too_long[ENGINE_ID_MAX + 2] = "";
    memset(too_long, 'i', sizeof(too_long) - 1);
    const char *const ABSENT[] = {"change-2", "", too_long};
    for (size_t i = 0; i < ARRAY_LEN(ABSENT); i++) {
        a = (struct contract_answer){.contract = c};
        engine_lookup(c->engine, str_of(ABSENT[i]), contract_on_done, &a);
        contract_wait(&a);
        assert_int_equal(a.result.outcome, ENGINE_REFUSED);
        assert_int_equal(a.result.error.code, ERR_NOT_FOUND);
    }
}

static void contract_test_an_id_is_applied_once(void **state)
{
    struct contract *c = *state;
    struct contract_answer a[3];
    struct engine_op op = contract_op(ENGINE_PUT, STR("route\0default\0a"));
    struct engine_proposal p = {.id = STR("same"), .ops = &op, .op_count = 1, .log = STR("{}")};
    contract_send(c, &p, &a[0]);
    contract_send(c, &p, &a[1]);
    contract_wait(&a[0]);
    contract_wait(&a[1]);
    contract_send(c, &p, &a[2]);
    contract_wait(&a[2]);
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        assert_int_equal(a[i].result.outcome, ENGINE_COMMITTED);
        assert_int_equal(a[i].result.revision, 1);
    }
    assert_int_equal(c->applied, 1);
}

static void contract_test_limits(void **state)
{
    struct contract *c = *state;
    static char value[ENGINE_BYTES_MAX + 1];
    static char names[ENGINE_OPS_MAX + 1][32];
    static struct engine_op ops[ENGINE_OPS_MAX + 1];
    memset(value, 'v', sizeof(value));
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        int len = snprintf(names[i], sizeof(names[i]), "route_default_%03zu", i);
        names[i][5] = '\0';
        names[i][13] = '\0';
        ops[i] = contract_op(ENGINE_PUT, (struct str){names[i], (size_t)len});
    }
    struct engine_result r = contract_change(c, ops, ENGINE_OPS_MAX + 1, NULL, 0);
    assert_int_equal(r.outcome, ENGINE_REFUSED);
    assert_int_equal(r.error.code, ERR_TOO_LARGE);
    assert_int_equal(contract_change(c, ops, ENGINE_OPS_MAX, NULL, 0).revision, 1);
    ops[0].value = (struct str){value, sizeof(value)};
    r = contract_change(c, ops, 1, NULL, 0);
    assert_int_equal(r.outcome, ENGINE_REFUSED);
    assert_int_equal(r.error.code, ERR_TOO_LARGE);
    ops[0].value.len = ENGINE_BYTES_MAX - 100;
    assert_int_equal(contract_change(c, ops, 1, NULL, 0).revision, 2);
}

static void contract_test_unusable_proposals(void **state)
{
    struct contract *c = *state;
    static char long_id[ENGINE_ID_MAX + 1];
    static char long_key[STORE_KEY_MAX + 1];
    memset(long_id, 'i', sizeof(long_id));
    memset(long_key, 'k', sizeof(long_key));
    memcpy(long_key, "route\0default\0", 14);
    struct engine_op good = contract_op(ENGINE_PUT, STR("route\0default\0a"));
    struct engine_op bad[] = {
        contract_op(ENGINE_PUT, STR("")),
        contract_op(ENGINE_PUT, STR("route\0default\0")),
        contract_op(ENGINE_DELETE, STR("route\0default\0")),
        contract_op(ENGINE_DELETE_PREFIX, STR("route\0default\0a")),
        contract_op(ENGINE_DELETE_PREFIX, STR("route\0")),
        contract_op(ENGINE_PUT, (struct str){long_key, sizeof(long_key)}),
        {.type = ENGINE_PUT, .table = STORE_LOG, .key = STR("12345678")},
        {.type = ENGINE_PUT, .table = STORE_META, .key = STR("revision")},
        {.type = ENGINE_DELETE_PREFIX, .table = STORE_META, .key = STR("init\0")},
    };
    struct engine_proposal p = {.id = STR("id"), .ops = &good, .op_count = 1, .log = STR("{}")};
    struct contract_answer a;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct engine_proposal q = p;
        q.ops = &bad[i];
        contract_send(c, &q, &a);
        contract_wait(&a);
        assert_int_equal(a.result.outcome, ENGINE_REFUSED);
        assert_int_equal(a.result.error.code, ERR_INVALID);
    }
    struct engine_guard guards[] = {
        contract_guard(ENGINE_GUARD_REVISION, STR("route\0default\0"), 1),
        contract_guard(ENGINE_GUARD_RANGE, STR("route\0default\0a"), 1),
        {.type = ENGINE_GUARD_REVISION, .table = STORE_META, .key = STR("init\0x")},
    };
    struct engine_proposal others[] = {p, p, p, p, p, p, p};
    others[0].id = STR("");
    others[1].id = (struct str){long_id, sizeof(long_id)};
    others[2].log = STR("");
    others[3].log = STR("[]");
    for (size_t i = 0; i < ARRAY_LEN(guards); i++) {
        others[4 + i].guards = &guards[i];
        others[4 + i].guard_count = 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        contract_send(c, &others[i], &a);
        contract_wait(&a);
        assert_int_equal(a.result.outcome, ENGINE_REFUSED);
        assert_int_equal(a.result.error.code, ERR_INVALID);
    }
    assert_int_equal(c->applied, 0);
    /* No operation at all is a change, too: only the log has it. Keys of init_resources go to META. */
    struct engine_op init = {
        .type = ENGINE_PUT, .table = STORE_META, .key = STR("init\0x"), .value = STR("hash")};
    assert_int_equal(contract_change(c, NULL, 0, NULL, 0).revision, 1);
    assert_int_equal(contract_change(c, &init, 1, NULL, 0).revision, 2);
    assert_string_equal(c->keys, "");
}

static struct engine_result contract_send_entries(struct contract *c, const char *id,
                                                  const struct engine_op *ops, size_t n,
                                                  const struct engine_guard *guard)
{
    struct contract_answer a;
    const struct engine_proposal p = {.id = str_of(id),
                                      .ops = ops,
                                      .op_count = n,
                                      .guards = guard,
                                      .guard_count = guard != NULL ? 1 : 0};
    contract_send(c, &p, &a);
    contract_wait(&a);
    return a.result;
}

/* Entries of the replicated store: guarded like resources, but not logged. */
static void contract_test_entries(void **state)
{
    struct contract *c = *state;
    struct store_read *r = NULL;
    struct str value = {0};
    const struct str key = STR("entry\0default\0k");
    const struct engine_op put = {
        .type = ENGINE_PUT, .table = STORE_ENTRIES, .key = key, .value = STR("\1\2")};
    const struct engine_op route = contract_op(ENGINE_PUT, STR("route\0default\0a"));
    const struct engine_op both[] = {put, route};
    struct engine_guard guard = {
        .type = ENGINE_GUARD_REVISION, .table = STORE_ENTRIES, .key = key, .revision = 0};
    assert_int_equal(contract_send_entries(c, "e1", &put, 1, &guard).revision, 1);
    assert_int_equal(contract_send_entries(c, "e2", &put, 1, &guard).outcome, ENGINE_CONFLICT);
    guard.revision = 1;
    assert_int_equal(contract_send_entries(c, "e3", &put, 1, &guard).revision, 2);
    assert_int_equal(contract_send_entries(c, "e3", &put, 1, NULL).revision, 2); /* once */
    assert_int_equal(c->applied, 2);
    /* What is not of the replicated store is logged, and nothing at all is no change. */
    assert_int_equal(contract_send_entries(c, "e4", both, 2, NULL).outcome, ENGINE_REFUSED);
    assert_int_equal(contract_send_entries(c, "e5", NULL, 0, NULL).outcome, ENGINE_REFUSED);
    guard = (struct engine_guard){.type = ENGINE_GUARD_RANGE,
                                  .table = STORE_ENTRIES,
                                  .key = STR("entry\0default\0"),
                                  .revision = 9};
    assert_int_equal(contract_send_entries(c, "e6", &put, 1, &guard).outcome, ENGINE_REFUSED);

    assert_int_equal(store_read_begin(c->store, &r, NULL), ERR_OK);
    assert_true(store_get(r, STORE_ENTRIES, key, &value));
    assert_int_equal(store_value_revision(value), 2);
    assert_true(str_eq(store_value_json(value), STR("\1\2")));
    assert_int_equal(store_count(r, STORE_LOG, STR("")), 0);
    store_read_end(r);

    const struct engine_op all = {
        .type = ENGINE_DELETE_PREFIX, .table = STORE_ENTRIES, .key = STR("entry\0default\0")};
    assert_int_equal(contract_send_entries(c, "e7", &all, 1, NULL).revision, 3);
    assert_int_equal(store_read_begin(c->store, &r, NULL), ERR_OK);
    assert_int_equal(store_count(r, STORE_ENTRIES, STR("")), 0);
    store_read_end(r);
}

/* Many at once: each is answered, revisions are all different, guards hold against one another. */
static void contract_test_many_at_once(void **state)
{
    enum { MANY = 600 };
    struct contract *c = *state;
    static struct contract_answer answers[MANY];
    struct engine_guard absent =
        contract_guard(ENGINE_GUARD_REVISION, STR("route\0default\0one"), 0);
    size_t committed = 0;
    size_t conflicts = 0;
    uint64_t last = 0;
    for (size_t i = 0; i < MANY; i++) {
        char id[32];
        char name[32] = "route\0default\0";
        (void)snprintf(id, sizeof(id), "many-%zu", i);
        int len = snprintf(name + 14, sizeof(name) - 14, "%zu", i);
        bool guarded = i % 2 == 0;
        struct engine_op op =
            contract_op(ENGINE_PUT, guarded ? STR("route\0default\0one")
                                            : (struct str){name, 14 + (size_t)len});
        struct engine_proposal p = {
            .id = str_of(id),
            .ops = &op,
            .op_count = 1,
            .guards = &absent,
            .guard_count = guarded ? 1 : 0,
            .log = STR("{}"),
        };
        contract_send(c, &p, &answers[i]);
    }
    for (size_t i = 0; i < MANY; i++) {
        contract_wait(&answers[i]);
        const struct engine_result *r = &answers[i].result;
        if (r->outcome == ENGINE_COMMITTED) {
            assert_true(r->revision > last); /* in the order of their proposal */
            last = r->revision;
            committed++;
        } else {
            assert_int_equal(r->outcome, ENGINE_CONFLICT);
            conflicts++;
        }
    }
    assert_int_equal(committed, MANY / 2 + 1);
    assert_int_equal(conflicts, MANY / 2 - 1);
    assert_int_equal(c->applied, committed);
}

static inline void contract_on_closed(void *user)
{
    struct contract *c = user;
    c->closed = true;
}

static void contract_test_close_finishes_what_is_pending(void **state)
{
    struct contract *c = *state;
    struct contract_answer a[4];
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "%zu", i);
        struct engine_op op = contract_op(ENGINE_PUT, STR("route\0default\0a"));
        struct engine_proposal p = {.id = str_of(id), .ops = &op, .op_count = 1, .log = STR("{}")};
        if (i == 3) {
            engine_close(c->engine, contract_on_closed, c);
            assert_false(c->closed);
        }
        contract_send(c, &p, &a[i]);
    }
    while (!c->closed)
        loop_turn(c->loop, true);
    c->engine = NULL;
    for (size_t i = 0; i < ARRAY_LEN(a); i++)
        assert_int_equal(a[i].calls, 1);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(a[i].result.outcome, ENGINE_COMMITTED);
    assert_int_equal(a[3].result.outcome, ENGINE_REFUSED);
    assert_int_equal(a[3].result.error.code, ERR_UNAVAILABLE);
    assert_int_equal(contract_revision(c, STORE_RESOURCES, STR("route\0default\0a")), 3);
}

#define ENGINE_CONTRACT_TESTS(setup, teardown)                                                     \
    cmocka_unit_test_setup_teardown(contract_test_commits, setup, teardown),                       \
        cmocka_unit_test_setup_teardown(contract_test_revision_guards, setup, teardown),           \
        cmocka_unit_test_setup_teardown(contract_test_range_guards, setup, teardown),              \
        cmocka_unit_test_setup_teardown(contract_test_deletes, setup, teardown),                   \
        cmocka_unit_test_setup_teardown(contract_test_lookup, setup, teardown),                    \
        cmocka_unit_test_setup_teardown(contract_test_an_id_is_applied_once, setup, teardown),     \
        cmocka_unit_test_setup_teardown(contract_test_limits, setup, teardown),                    \
        cmocka_unit_test_setup_teardown(contract_test_entries, setup, teardown),                   \
        cmocka_unit_test_setup_teardown(contract_test_unusable_proposals, setup, teardown),        \
        cmocka_unit_test_setup_teardown(contract_test_many_at_once, setup, teardown),              \
        cmocka_unit_test_setup_teardown(contract_test_close_finishes_what_is_pending, setup,       \
                                        teardown)

#endif
