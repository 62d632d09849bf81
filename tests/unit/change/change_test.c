#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/container.h"
#include "base/mem.h"
#include "change/change.h"
#include "cluster/fake_engine.h"
#include "cluster/local.h"
#include "codec/json.h"
#include "io/loop.h"
#include "store/store_temp.h"

enum { MAP = 256 * 1024 * 1024, LOG_SIZE = 4096 };

struct fixture;

struct answer {
    struct fixture *fixture;
    int calls;
    struct err error;
    uint64_t revision;
    bool created;
    json_t *stored;
    char problems[LOG_SIZE]; /* "path: text\n..." */
};

struct fixture {
    size_t size_max; /* of sources, compiled forms and documents; 0: as large as can be */
    char dir[STORE_TEMP_SIZE];
    struct loop *loop;
    struct store *store;
    struct fake_engine *fake;
    struct change_sink *sink;
    size_t published;
    size_t conflict_at; /* the proposal after so many published changes conflicts once */
    uint64_t published_revision;
    uint64_t served;             /* what the workers have confirmed */
    void (*waiting)(void *user); /* a when_served that waits, if hold_served */
    void *waiting_user;
    bool hold_served;
    change_compiled_fn held_compile; /* a compilation that waits, if hold_compile */
    void *held_compile_user;
    bool hold_compile;
    size_t compiled;
    size_t validations;
    char validated[MODEL_LABEL_SIZE + 32]; /* the last: its label, how many documents */
    struct answer last;                    /* of apply() */
};

/* --- the surroundings --- */

struct compile_call {
    struct loop_task task;
    struct fixture *fixture;
    char *source;
    change_compiled_fn done;
    void *user;
};

/* A source is what it imports, in words, and "+name" what it exports; "bad" is a problem, "none" is no compiler. */
static void on_compile(struct loop_task *t)
{
    struct compile_call *c = container_of(t, struct compile_call, task);
    struct model_problems problems = {0};
    struct err e = {0};
    json_t *compiled = NULL;
    if (strcmp(c->source, "bad") == 0) {
        model_problems_add(&problems, "payload", "line 3, column 7: it is bad");
    } else if (strcmp(c->source, "none") == 0) {
        (void)err_set(&e, ERR_UNAVAILABLE, "the compiler is ill");
    } else {
        json_t *imports = json_array();
        json_t *exports = json_array();
        json_t *positions = json_array();
        char *rest = c->source;
        for (char *w = strsep(&rest, " "); w != NULL; w = strsep(&rest, " ")) {
            if (*w == '+') {
                (void)json_array_append_new(exports, json_string(w + 1));
            } else if (*w != '\0') {
                (void)json_array_append_new(imports, json_string(w));
                (void)json_array_append_new(positions,
                                            json_pack("[i,i]", 1, (int)(w - c->source) + 1));
            }
        }
        compiled = json_pack("{s:s, s:o, s:o, s:o}", "js", "code", "imports", imports, "exports",
                             exports, "importPositions", positions);
    }
    c->fixture->compiled++;
    c->done(c->user, compiled, &problems, &e);
    model_problems_finish(&problems);
    free(c->source);
    free(c);
}

static void compile(void *user, const struct model_module *m, struct str source,
                    change_compiled_fn done, void *done_user)
{
    struct fixture *f = user;
    assert_non_null(m->name);
    if (f->hold_compile) {
        f->held_compile = done;
        f->held_compile_user = done_user;
        return;
    }
    struct compile_call *c = mem_alloc(sizeof(*c));
    *c = (struct compile_call){.task.run = on_compile,
                               .fixture = f,
                               .source = mem_dup(source.p, source.len),
                               .done = done,
                               .user = done_user};
    loop_schedule(f->loop, &c->task);
}

/* A schema {"want": T}: T is "number" and the documents are, or it is wrong. */
struct validate_call {
    struct loop_task task;
    struct fixture *fixture;
    json_t *problems;
    struct err error;
    change_validated_fn done;
    void *user;
};

static void on_validate(struct loop_task *t)
{
    struct validate_call *c = container_of(t, struct validate_call, task);
    const bool failed = c->error.code != ERR_OK;
    c->done(c->user, failed ? NULL : c->problems, failed ? &c->error : NULL);
    json_decref(c->problems);
    free(c);
}

static void validate(void *user, const char *label, const json_t *schema, const json_t *documents,
                     change_validated_fn done, void *done_user)
{
    struct fixture *f = user;
    const char *want = json_string_value(json_object_get(schema, "want"));
    struct validate_call *c = mem_alloc(sizeof(*c));
    *c = (struct validate_call){.task.run = on_validate,
                                .fixture = f,
                                .problems = json_array(),
                                .done = done,
                                .user = done_user};
    (void)snprintf(f->validated, sizeof(f->validated), "%s %zu", label, json_array_size(documents));
    f->validations++;
    if (want == NULL)
        (void)json_array_append_new(c->problems, json_pack("{s:s}", "text", "schema is odd"));
    else if (strcmp(want, "error") == 0 && json_array_size(documents) > 0)
        (void)err_set(&c->error, ERR_TIMEOUT, "%s: too slow", label);
    for (size_t i = 0; want != NULL && i < json_array_size(documents); i++) {
        if (json_is_number(json_array_get(documents, i)))
            continue;
        (void)json_array_append_new(c->problems, json_pack("{s:i, s:s}", "document", (int)i, "text",
                                                           "data must be number"));
    }
    loop_schedule(f->loop, &c->task);
}

static void publish(void *user, const struct engine_applied *applied)
{
    struct fixture *f = user;
    f->published++;
    if (f->published == f->conflict_at)
        f->fake->conflicts = 1;
    f->published_revision = applied->revision;
}

struct served_call {
    struct loop_task task;
    struct fixture *fixture;
    uint64_t revision;
    void (*done)(void *user);
    void *user;
};

static void on_served(struct loop_task *t)
{
    struct served_call *c = container_of(t, struct served_call, task);
    c->fixture->served = c->revision;
    c->done(c->user);
    free(c);
}

static void when_served(void *user, uint64_t revision, void (*done)(void *done_user),
                        void *done_user)
{
    struct fixture *f = user;
    assert_true(f->published_revision >= revision); /* told the workers first */
    if (f->hold_served) {
        f->waiting = done;
        f->waiting_user = done_user;
        return;
    }
    struct served_call *c = mem_alloc(sizeof(*c));
    *c = (struct served_call){
        .task.run = on_served, .fixture = f, .revision = revision, .done = done, .user = done_user};
    loop_schedule(f->loop, &c->task);
}

static void on_applied(void *user, const struct engine_applied *applied)
{
    struct fixture *f = user;
    change_on_applied(f->sink, applied);
}

static void create_sink(struct fixture *f, bool default_namespace, uint32_t pending_max)
{
    struct change_host host = {.user = f,
                               .compile = compile,
                               .validate = validate,
                               .publish = publish,
                               .when_served = when_served};
    struct change_options options = {
        .default_namespace = default_namespace,
        .conflict_retries = 3,
        .pending_max = pending_max,
        .source_max = f->size_max > 0 ? f->size_max : MODEL_SOURCE_MAX,
        .compiled_max = f->size_max > 0 ? f->size_max : 2 * ENGINE_BYTES_MAX,
        .document_max = f->size_max > 0 ? f->size_max : 2 * ENGINE_BYTES_MAX,
        .schema_max = f->size_max > 0 ? f->size_max : 2 * ENGINE_BYTES_MAX};
    f->sink = change_create(f->loop, f->store, &f->fake->engine, &host, &options);
}

static int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));
    struct engine *inner = NULL;
    struct local_options o = {
        .log_keep = 1000, .on_applied = fake_engine_on_applied, .user = &f->fake};
    store_temp_create(f->dir);
    f->loop = loop_create();
    if (store_open(f->dir, STORE_READ_WRITE, MAP, &f->store, NULL) != ERR_OK ||
        local_create(f->loop, f->store, &o, &inner, NULL) != ERR_OK)
        return -1;
    f->fake = fake_engine_create(f->loop, inner, on_applied, f);
    create_sink(f, true, 100);
    *state = f;
    return 0;
}

static void on_closed(void *user)
{
    bool *closed = user;
    *closed = true;
}

static void close_engine(struct fixture *f)
{
    bool closed = false;
    if (f->fake == NULL)
        return;
    engine_close(&f->fake->engine, on_closed, &closed);
    while (!closed)
        loop_turn(f->loop, true);
    f->fake = NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close_engine(f);
    change_destroy(f->sink);
    store_close(f->store);
    loop_destroy(f->loop);
    store_temp_remove(f->dir);
    free(f);
    return 0;
}

/* --- requests --- */

static void on_done(void *user, const struct change_result *result)
{
    struct answer *a = user;
    struct buf text;
    a->calls++;
    a->error = result->error;
    a->revision = result->revision;
    a->created = result->created;
    a->stored = json_incref(result->stored);
    buf_init(&text, LOG_SIZE - 1);
    for (size_t i = 0; i < result->problems.n; i++)
        (void)!buf_addf(&text, "%s: %s\n", result->problems.v[i].path, result->problems.v[i].text);
    (void)snprintf(a->problems, sizeof(a->problems), "%s", buf_cstr(&text));
    buf_finish(&text);
    assert_int_equal(result->error.code == ERR_INVALID, result->problems.n > 0);
}

static void finish(struct answer *a)
{
    json_decref(a->stored);
    a->stored = NULL;
}

static void wait_for(struct answer *a)
{
    while (a->calls == 0)
        loop_turn(a->fixture->loop, true);
    assert_int_equal(a->calls, 1);
}

static struct change_item put_item(enum model_kind kind, const char *json, const char *path)
{
    struct err e = {0};
    struct model_problems problems = {0};
    json_t *input = json_text_parse(str_of(json), &e);
    if (input == NULL)
        fail_msg("%s: %s", json, e.msg);
    struct change_item item = {.command = CHANGE_PUT, .path = path};
    enum model_source source = kind == MODEL_DOCUMENT ? MODEL_FROM_API : MODEL_FROM_CONFIG;
    item.resource = model_decode(kind, input, source, "default", "", &problems);
    if (item.resource == NULL)
        fail_msg("%s: %s: %s", json, problems.v[0].path, problems.v[0].text);
    json_decref(input);
    return item;
}

static struct change_item delete_item(enum model_kind kind, const char *ns, const char *name)
{
    return (struct change_item){
        .command = CHANGE_DELETE,
        .ref = {.kind = kind,
                .ns = kind == MODEL_NAMESPACE ? STR("") : str_of(ns),
                .collection = kind == MODEL_DOCUMENT ? STR("c") : STR(""),
                .name = str_of(name)},
        .path = "",
    };
}

static void submit(struct fixture *f, struct change_item *items, size_t n, struct answer *a)
{
    struct change_request request = {
        .items = items, .item_count = n, .author = STR("ann"), .source = STR("admin")};
    *a = (struct answer){.fixture = f};
    change_submit(f->sink, &request, on_done, a);
    assert_int_equal(a->calls, 0);
}

static const struct answer *apply(struct fixture *f, struct change_item *items, size_t n)
{
    struct answer *a = &f->last;
    submit(f, items, n, a);
    wait_for(a);
    if (a->error.code == ERR_OK)
        assert_true(f->served >= a->revision);
    finish(a);
    return a;
}

static const struct answer *put(struct fixture *f, enum model_kind kind, const char *json)
{
    struct change_item item = put_item(kind, json, "");
    return apply(f, &item, 1);
}

static const struct answer *del(struct fixture *f, enum model_kind kind, const char *ns,
                                const char *name)
{
    struct change_item item = delete_item(kind, ns, name);
    return apply(f, &item, 1);
}

static void must(const struct answer *a)
{
    if (a->error.code != ERR_OK)
        fail_msg("%s", a->error.msg);
}

static void refused(const struct answer *a, enum err_code code, const char *text)
{
    if (a->error.code != code || strstr(a->error.msg, text) == NULL)
        fail_msg("got %d %s, not %d %s", (int)a->error.code, a->error.msg, (int)code, text);
    assert_int_equal(a->revision, 0);
}

/* The stored JSON under "kind/ns/name", parsed; NULL when it is absent. */
static json_t *stored(struct fixture *f, const char *path)
{
    struct store_read *r = NULL;
    struct str value = {0};
    char key[STORE_KEY_MAX];
    size_t len = strlen(path);
    for (size_t i = 0; i < len; i++)
        key[i] = path[i] == '/' ? '\0' : path[i];
    enum store_table t = strncmp(path, "document", 8) == 0 ? STORE_DOCUMENTS : STORE_RESOURCES;
    assert_int_equal(store_read_begin(f->store, &r, NULL), ERR_OK);
    json_t *json = NULL;
    if (store_get(r, t, (struct str){key, len}, &value))
        json = json_text_parse(store_value_json(value), NULL);
    store_read_end(r);
    return json;
}

static bool is_stored(struct fixture *f, const char *path)
{
    json_t *json = stored(f, path);
    json_decref(json);
    return json != NULL;
}

/* The change-log entry of a revision. */
static json_t *log_entry(struct fixture *f, uint64_t revision)
{
    struct store_read *r = NULL;
    struct str value = {0};
    char key[STORE_U64_SIZE];
    store_u64_key(revision, key);
    assert_int_equal(store_read_begin(f->store, &r, NULL), ERR_OK);
    assert_true(store_get(r, STORE_LOG, (struct str){key, sizeof(key)}, &value));
    json_t *json = json_text_parse(value, NULL);
    store_read_end(r);
    assert_non_null(json);
    return json;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static uint64_t revision_of(struct fixture *f)
{
    struct engine_status status = {0};
    engine_status_get(&f->fake->engine, &status);
    return status.revision;
}

/* --- tests --- */

static void test_put_is_stored_logged_and_served(void **state)
{
    struct fixture *f = *state;
    struct answer *a = &f->last;
    struct change_item item =
        put_item(MODEL_SERVICE, "{\"name\":\"s\",\"urls\":[\"http://a\"]}", "");
    submit(f, &item, 1, a);
    wait_for(a);
    assert_int_equal(a->error.code, ERR_OK);
    assert_int_equal(a->revision, 1);
    assert_true(a->created);
    assert_string_equal(text_of(a->stored, "name"), "s");
    assert_string_equal(text_of(a->stored, "namespace"), "default");
    finish(a);
    assert_int_equal(f->published, 1);
    assert_int_equal(f->served, 1);

    (void)put(f, MODEL_SERVICE, "{\"name\":\"s\",\"urls\":[\"http://b\"]}");
    assert_int_equal(a->revision, 2);
    assert_false(a->created);
    json_t *entry = log_entry(f, 2);
    assert_string_equal(text_of(entry, "author"), "ann");
    assert_string_equal(text_of(entry, "source"), "admin");
    assert_string_equal(text_of(entry, "command"), "put");
    assert_string_equal(text_of(entry, "cmd"), "add_service");
    assert_string_equal(text_of(entry, "resource"), "service");
    assert_string_equal(text_of(entry, "namespace"), "default");
    assert_string_equal(text_of(entry, "name"), "s");
    assert_int_equal(strlen(text_of(entry, "time")), 24);
    assert_int_equal(json_integer_value(json_object_get(entry, "revision")), 2);
    const json_t *before = json_object_get(json_object_get(entry, "before"), "urls");
    const json_t *after = json_object_get(json_object_get(entry, "after"), "urls");
    assert_string_equal(json_string_value(json_array_get(before, 0)), "http://a");
    assert_string_equal(json_string_value(json_array_get(after, 0)), "http://b");
    json_t *first = log_entry(f, 1);
    assert_null(json_object_get(first, "before"));
    assert_true(strcmp(text_of(first, "id"), text_of(entry, "id")) < 0);
    json_decref(first);
    json_decref(entry);

    must(del(f, MODEL_SERVICE, "default", "s"));
    assert_false(is_stored(f, "service/default/s"));
    entry = log_entry(f, 3);
    assert_string_equal(text_of(entry, "cmd"), "delete_service");
    assert_non_null(json_object_get(entry, "before"));
    assert_null(json_object_get(entry, "after"));
    json_decref(entry);
}

static void test_references_are_checked_all_at_once(void **state)
{
    struct fixture *f = *state;
    const struct answer *a =
        put(f, MODEL_ROUTE,
            "{\"name\":\"r\",\"namespace\":\"n\",\"paths\":[\"/a\"],\"methods\":["
            "\"GET\"],\"service\":\"s\",\"modules\":[\"a\",\"b\"]}");
    refused(a, ERR_INVALID, "namespace: namespace not found: n (and 3 more problems)");
    assert_string_equal(a->problems, "namespace: namespace not found: n\n"
                                     "service: service not found: s\n"
                                     "modules[0]: module not found: a\n"
                                     "modules[1]: module not found: b\n");
    a = put(f, MODEL_DOCUMENT, "{\"id\":\"1\",\"collection\":\"c\",\"data\":1}");
    refused(a, ERR_INVALID, "collection: collection not found: c");
    /* A service of another namespace is none. */
    must(put(f, MODEL_NAMESPACE, "{\"name\":\"n\"}"));
    must(put(f, MODEL_SERVICE, "{\"name\":\"s\",\"namespace\":\"n\",\"urls\":[\"http://a\"]}"));
    a = put(f, MODEL_ROUTE,
            "{\"name\":\"r\",\"paths\":[\"/a\"],\"methods\":[\"GET\"],\"service\":\"s\"}");
    refused(a, ERR_INVALID, "service: service not found: s");
    a = put(f, MODEL_DOMAIN, "{\"name\":\"d\",\"namespace\":\"x\",\"patterns\":[\"a.b\",\"/(/\"]}");
    assert_int_equal(a->error.code, ERR_INVALID);
    assert_non_null(strstr(a->problems, "namespace: namespace not found: x"));
    assert_non_null(strstr(a->problems, "patterns[1]: "));
    assert_int_equal(revision_of(f), 2);
}

static void test_the_default_namespace_can_be_off(void **state)
{
    struct fixture *f = *state;
    change_destroy(f->sink);
    create_sink(f, false, 100);
    refused(put(f, MODEL_SECRET, "{\"name\":\"k\",\"data\":\"x\"}"), ERR_INVALID,
            "namespace not found: default");
    must(put(f, MODEL_NAMESPACE, "{\"name\":\"default\"}"));
    must(put(f, MODEL_SECRET, "{\"name\":\"k\",\"data\":\"x\"}"));
}

static void test_the_same_path_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *paths;
        const char *methods;
        const char *problem; /* NULL: none */
    } CASES[] = {
        {"[\"/a/{y}\"]", "[\"GET\"]", "paths[0]: route default/r already has the same path"},
        {"[\"/b\",\"/a/{z}\"]", "[\"PUT\",\"POST\"]", "paths[1]: route default/r already"},
        {"[\"/a/{y}\"]", "[\"PUT\"]", NULL},
        {"[\"/a/{y}\"]", "[\"*\"]", NULL},
        {"[\"/a/{y:[0-9]+}\"]", "[\"GET\"]", NULL},
        {"[\"/a/*\"]", "[\"GET\"]", NULL},
        {"[\"/q/{y}\",\"/q/{x}\"]", "[\"GET\"]", "paths[1]: it matches the same as paths[0]"},
    };
    must(put(f, MODEL_ROUTE,
             "{\"name\":\"r\",\"paths\":[\"/a/{x}\"],\"methods\":[\"GET\",\"POST\"]}"));
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        char json[256];
        (void)snprintf(json, sizeof(json), "{\"name\":\"q\",\"paths\":%s,\"methods\":%s}",
                       CASES[i].paths, CASES[i].methods);
        const struct answer *a = put(f, MODEL_ROUTE, json);
        if (CASES[i].problem == NULL)
            must(a);
        else
            refused(a, ERR_INVALID, CASES[i].problem);
        if (is_stored(f, "route/default/q"))
            must(del(f, MODEL_ROUTE, "default", "q"));
    }
    /* Not with itself, and not with another namespace. */
    must(put(f, MODEL_ROUTE, "{\"name\":\"r\",\"paths\":[\"/a/{z}\"],\"methods\":[\"GET\"]}"));
    must(put(f, MODEL_NAMESPACE, "{\"name\":\"n\"}"));
    must(put(f, MODEL_ROUTE,
             "{\"name\":\"r\",\"namespace\":\"n\",\"paths\":[\"/a/{z}\"],\"methods\":[\"GET\"]}"));
    must(put(f, MODEL_ROUTE, "{\"name\":\"any\",\"paths\":[\"/a/{z}\"],\"methods\":[\"*\"]}"));
    refused(put(f, MODEL_ROUTE, "{\"name\":\"all\",\"paths\":[\"/a/{z}\"],\"methods\":[\"*\"]}"),
            ERR_INVALID, "route default/any already");
    /* A route that is gone, or moved, is no longer in the way. */
    must(del(f, MODEL_ROUTE, "default", "any"));
    must(put(f, MODEL_ROUTE, "{\"name\":\"all\",\"paths\":[\"/a/{z}\"],\"methods\":[\"*\"]}"));
    must(put(f, MODEL_ROUTE, "{\"name\":\"r\",\"paths\":[\"/moved\"],\"methods\":[\"GET\"]}"));
    must(put(f, MODEL_ROUTE, "{\"name\":\"t\",\"paths\":[\"/a/{z}\"],\"methods\":[\"GET\"]}"));
}

static void test_deletes_of_what_is_used_are_refused(void **state)
{
    struct fixture *f = *state;
    refused(del(f, MODEL_ROUTE, "default", "api"), ERR_NOT_FOUND, "route default/api: not found");
    refused(del(f, MODEL_NAMESPACE, "", "nope"), ERR_NOT_FOUND, "namespace nope: not found");
    refused(del(f, MODEL_ROUTE, "default", ""), ERR_NOT_FOUND, "name");
    refused(del(f, MODEL_ROUTE, "de\001ault", "a"), ERR_NOT_FOUND, "name");
    must(put(f, MODEL_NAMESPACE, "{\"name\":\"n\"}"));
    must(put(f, MODEL_SERVICE, "{\"name\":\"s\",\"namespace\":\"n\",\"urls\":[\"http://a\"]}"));
    must(put(f, MODEL_MODULE, "{\"name\":\"m\",\"namespace\":\"n\",\"payloadRaw\":\" \"}"));
    for (int i = 0; i < 7; i++) {
        char json[256];
        (void)snprintf(json, sizeof(json),
                       "{\"name\":\"r%d\",\"namespace\":\"n\",\"paths\":[\"/%d\"],\"methods\":["
                       "\"GET\"],\"service\":\"s\",\"modules\":%s}",
                       i, i, i < 2 ? "[\"m\"]" : "[]");
        must(put(f, MODEL_ROUTE, json));
    }
    refused(del(f, MODEL_MODULE, "n", "m"), ERR_CONFLICT,
            "module n/m: still used by route n/r0, route n/r1");
    refused(del(f, MODEL_SERVICE, "n", "s"), ERR_CONFLICT,
            "service n/s: still used by route n/r0, route n/r1, route n/r2, route n/r3, "
            "route n/r4 and 2 more");
    refused(del(f, MODEL_NAMESPACE, "", "n"), ERR_CONFLICT,
            "namespace n: still has service n/s, route n/r0, route n/r1, route n/r2, "
            "route n/r3 and 4 more");
    for (int i = 0; i < 7; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "r%d", i);
        must(del(f, MODEL_ROUTE, "n", name));
    }
    must(del(f, MODEL_MODULE, "n", "m"));
    must(del(f, MODEL_SERVICE, "n", "s"));
    must(put(f, MODEL_SECRET, "{\"name\":\"k\",\"namespace\":\"n\",\"data\":\"x\"}"));
    refused(del(f, MODEL_NAMESPACE, "", "n"), ERR_CONFLICT, "namespace n: still has secret n/k");
    must(del(f, MODEL_SECRET, "n", "k"));
    must(del(f, MODEL_NAMESPACE, "", "n"));
    must(put(f, MODEL_NAMESPACE, "{\"name\":\"default\"}"));
    must(del(f, MODEL_NAMESPACE, "", "default"));
}

static void test_documents(void **state)
{
    struct fixture *f = *state;
    struct answer *a = &f->last;
    must(put(f, MODEL_COLLECTION, "{\"name\":\"c\"}"));
    struct change_item item =
        put_item(MODEL_DOCUMENT, "{\"id\":\"1\",\"collection\":\"c\",\"data\":{\"n\":1}}", "");
    submit(f, &item, 1, a);
    wait_for(a);
    assert_true(a->created);
    char made[64];
    (void)snprintf(made, sizeof(made), "%s", text_of(a->stored, "createdAt"));
    assert_int_equal(strlen(made), 24);
    assert_string_equal(text_of(a->stored, "updatedAt"), made);
    finish(a);
    (void)usleep(3000);
    item = put_item(MODEL_DOCUMENT, "{\"id\":\"1\",\"collection\":\"c\",\"data\":{\"n\":2}}", "");
    submit(f, &item, 1, a);
    wait_for(a);
    assert_false(a->created);
    assert_string_equal(text_of(a->stored, "createdAt"), made);
    assert_string_not_equal(text_of(a->stored, "updatedAt"), made);
    finish(a);
    must(put(f, MODEL_DOCUMENT, "{\"id\":\"2\",\"collection\":\"c\",\"data\":null}"));

    refused(del(f, MODEL_COLLECTION, "default", "c"), ERR_CONFLICT,
            "collection default/c: still has document default/c/1, document default/c/2");
    refused(del(f, MODEL_DOCUMENT, "default", "3"), ERR_NOT_FOUND, "document default/c/3");
    must(del(f, MODEL_DOCUMENT, "default", "1"));
    must(del(f, MODEL_DOCUMENT, "default", "")); /* all */
    assert_false(is_stored(f, "document/default/c/2"));
    must(del(f, MODEL_DOCUMENT, "default", "")); /* also when there are none */
    must(del(f, MODEL_COLLECTION, "default", "c"));
    refused(del(f, MODEL_DOCUMENT, "default", ""), ERR_NOT_FOUND,
            "collection default/c: not found");
}

static void test_modules_are_compiled(void **state)
{
    struct fixture *f = *state;
    const struct answer *a = put(f, MODEL_MODULE, "{\"name\":\"m\",\"payloadRaw\":\"bad\"}");
    refused(a, ERR_INVALID, "payload: line 3, column 7: it is bad");
    refused(put(f, MODEL_MODULE, "{\"name\":\"m\",\"payloadRaw\":\"none\"}"), ERR_UNAVAILABLE,
            "module default/m: the compiler is ill");
    assert_false(is_stored(f, "module/default/m"));

    struct change_item items[] = {
        put_item(MODEL_MODULE, "{\"name\":\"a\",\"payloadRaw\":\"bad\"}", "modules[0]"),
        put_item(MODEL_MODULE, "{\"name\":\"b\",\"payloadRaw\":\"bad\"}", "modules[1]"),
        put_item(MODEL_ROUTE,
                 "{\"name\":\"r\",\"paths\":[\"/\"],\"methods\":[\"GET\"],\"service\":\"s\"}",
                 "routes[0]"),
    };
    a = apply(f, items, ARRAY_LEN(items));
    assert_string_equal(a->problems, "modules[0].payload: line 3, column 7: it is bad\n"
                                     "modules[1].payload: line 3, column 7: it is bad\n"
                                     "routes[0].service: service not found: s\n");
    assert_int_equal(revision_of(f), 0);

    must(put(f, MODEL_MODULE, "{\"name\":\"m\",\"payloadRaw\":\"dgate/http\"}"));
    json_t *json = stored(f, "module/default/m");
    assert_string_equal(text_of(json_object_get(json, "compiled"), "js"), "code");
    json_decref(json);
    json = log_entry(f, 1);
    assert_null(json_object_get(json_object_get(json, "after"), "compiled"));
    json_decref(json);
}

static void test_imports_must_be_among_the_modules(void **state)
{
    struct fixture *f = *state;
    must(put(f, MODEL_MODULE, "{\"name\":\"lib/a\",\"payloadRaw\":\"dgate ./b ../c url ./e.js\"}"));
    must(put(f, MODEL_MODULE, "{\"name\":\"lib/e.ts\",\"payloadRaw\":\" \"}"));
    must(put(f, MODEL_MODULE, "{\"name\":\"lib/b\",\"payloadRaw\":\"dgate/state\"}"));
    must(put(f, MODEL_MODULE, "{\"name\":\"c\",\"payloadRaw\":\"./lib/b.ts\"}"));
    const struct answer *a = put(f, MODEL_ROUTE,
                                 "{\"name\":\"r\",\"paths\":[\"/\"],\"methods\":[\"GET\"],"
                                 "\"modules\":[\"lib/e.ts\",\"lib/a\",\"lib/b\"]}");
    refused(a, ERR_INVALID,
            "modules[1]: route default/r: module \"lib/a\" (1:11) imports \"../c\", which is not "
            "one of the route's modules; it has \"lib/e.ts\", \"lib/b\"");
    must(put(f, MODEL_ROUTE,
             "{\"name\":\"r\",\"paths\":[\"/\"],\"methods\":[\"GET\"],"
             "\"modules\":[\"lib/e.ts\",\"lib/a\",\"lib/b\",\"c\"]}"));
    /* A new version of a module must find its imports in the routes that use it. */
    a = put(f, MODEL_MODULE, "{\"name\":\"c\",\"payloadRaw\":\"d\"}");
    refused(a, ERR_INVALID,
            "payload: route default/r: module \"c\" (1:1) imports \"d\", which is not one of the "
            "route's modules; it has \"lib/e.ts\", \"lib/a\", \"lib/b\"");
    struct change_item items[] = {
        put_item(MODEL_ROUTE,
                 "{\"name\":\"r\",\"paths\":[\"/\"],\"methods\":[\"GET\"],"
                 "\"modules\":[\"lib/e.ts\",\"lib/a\",\"lib/b\",\"c\",\"d\"]}",
                 "routes[0]"),
        put_item(MODEL_MODULE, "{\"name\":\"c\",\"payloadRaw\":\"d\"}", "modules[0]"),
        put_item(MODEL_MODULE, "{\"name\":\"d\",\"payloadRaw\":\" \"}", "modules[1]"),
    };
    must(apply(f, items, ARRAY_LEN(items)));
}

#define CHAIN(modules)                                                                             \
    "{\"name\":\"r\",\"paths\":[\"/\"],\"methods\":[\"GET\"],\"modules\":[" modules "]}"

/* Only one module of a route may choose the upstream; libraries do not count. */
static void test_conflicts_name_both_modules(void **state)
{
    struct fixture *f = *state;
    must(put(f, MODEL_MODULE, "{\"name\":\"a\",\"payloadRaw\":\"+fetchUpstream\"}"));
    must(put(f, MODEL_MODULE, "{\"name\":\"b\",\"payloadRaw\":\"+fetchUpstreamUrl\"}"));
    must(put(f, MODEL_MODULE, "{\"name\":\"c\",\"payloadRaw\":\"./b +requestModifier\"}"));
    must(put(f, MODEL_MODULE, "{\"name\":\"d\",\"payloadRaw\":\"./b +*\"}"));
    refused(put(f, MODEL_ROUTE, CHAIN("\"a\",\"b\"")), ERR_INVALID,
            "modules[1]: route default/r: modules \"a\" and \"b\" both export fetchUpstream: only "
            "one module of a route may choose the upstream");
    refused(put(f, MODEL_ROUTE, CHAIN("\"b\",\"a\",\"d\"")), ERR_INVALID,
            "modules[2]: route default/r: modules \"a\" and \"d\" both export fetchUpstream: only "
            "one module of a route may choose the upstream");
    must(put(f, MODEL_ROUTE, CHAIN("\"a\",\"b\",\"c\"")));

    /* Without the import "b" is no library any more. */
    refused(put(f, MODEL_MODULE, "{\"name\":\"c\",\"payloadRaw\":\"+requestModifier\"}"),
            ERR_INVALID,
            "payload: route default/r: modules \"a\" and \"b\" both export fetchUpstream: only one "
            "module of a route may choose the upstream");
    const struct answer *a =
        put(f, MODEL_MODULE, "{\"name\":\"c\",\"payloadRaw\":\"./b ./x ./y +fetchUpstream\"}");
    assert_string_equal(
        a->problems,
        "payload: route default/r: module \"c\" (1:5) imports \"./x\", which is not one of the "
        "route's modules; it has \"a\", \"b\"\n"
        "payload: route default/r: module \"c\" (1:9) imports \"./y\", which is not one of the "
        "route's modules; it has \"a\", \"b\"\n"
        "payload: route default/r: modules \"a\" and \"c\" both export fetchUpstream: only one "
        "module of a route may choose the upstream\n");
    refused(del(f, MODEL_MODULE, "default", "b"), ERR_CONFLICT, "still used by route default/r");
    must(put(f, MODEL_MODULE, "{\"name\":\"a\",\"payloadRaw\":\" \"}"));
    must(put(f, MODEL_MODULE, "{\"name\":\"c\",\"payloadRaw\":\"+fetchUpstream ./b\"}"));
}

/* Modules that import each other are both called, unless a third imports one of them. */
static void test_conflicts_are_seen_in_circles(void **state)
{
    struct fixture *f = *state;
    must(put(f, MODEL_MODULE, "{\"name\":\"a\",\"payloadRaw\":\"./b +fetchUpstream\"}"));
    must(put(f, MODEL_MODULE, "{\"name\":\"b\",\"payloadRaw\":\"./a +fetchUpstreamUrl\"}"));
    must(put(f, MODEL_MODULE, "{\"name\":\"c\",\"payloadRaw\":\"+requestModifier\"}"));
    refused(put(f, MODEL_ROUTE, CHAIN("\"b\",\"c\",\"a\"")), ERR_INVALID,
            "modules[2]: route default/r: modules \"b\" and \"a\" both export fetchUpstream: only "
            "one module of a route may choose the upstream");
    must(put(f, MODEL_MODULE, "{\"name\":\"c\",\"payloadRaw\":\"./a +requestModifier\"}"));
    must(put(f, MODEL_ROUTE, CHAIN("\"b\",\"c\",\"a\"")));
    refused(put(f, MODEL_MODULE, "{\"name\":\"c\",\"payloadRaw\":\"+requestModifier\"}"),
            ERR_INVALID,
            "payload: route default/r: modules \"b\" and \"a\" both export fetchUpstream: only one "
            "module of a route may choose the upstream");
}

/* Items may come in any order and refer to each other; anything wrong changes nothing. */
static void test_a_request_is_one_validation(void **state)
{
    struct fixture *f = *state;
    struct change_item items[] = {
        put_item(MODEL_ROUTE,
                 "{\"name\":\"r\",\"namespace\":\"n\",\"paths\":[\"/a\"],\"methods\":[\"GET\"],"
                 "\"service\":\"s\",\"modules\":[\"m\"]}",
                 "routes[0]"),
        put_item(MODEL_DOCUMENT,
                 "{\"id\":\"1\",\"namespace\":\"n\",\"collection\":\"c\",\"data\":1}",
                 "documents[0]"),
        put_item(MODEL_MODULE, "{\"name\":\"m\",\"namespace\":\"n\",\"payloadRaw\":\" \"}",
                 "modules[0]"),
        put_item(MODEL_SERVICE, "{\"name\":\"s\",\"namespace\":\"n\",\"urls\":[\"http://a\"]}",
                 "services[0]"),
        put_item(MODEL_COLLECTION, "{\"name\":\"c\",\"namespace\":\"n\"}", "collections[0]"),
        put_item(MODEL_NAMESPACE, "{\"name\":\"n\"}", "namespaces[0]"),
    };
    must(apply(f, items, ARRAY_LEN(items)));
    assert_int_equal(revision_of(f), 1);
    json_t *entry = log_entry(f, 1);
    assert_string_equal(text_of(entry, "command"), "apply");
    const json_t *list = json_object_get(entry, "items");
    assert_int_equal(json_array_size(list), ARRAY_LEN(items));
    assert_string_equal(text_of(json_array_get(list, 0), "cmd"), "add_namespace");
    assert_string_equal(text_of(json_array_get(list, 0), "namespace"), "n");
    assert_non_null(json_object_get(json_array_get(list, 1), "after"));
    json_decref(entry);

    struct change_item twice[] = {
        put_item(MODEL_ROUTE, "{\"name\":\"x\",\"paths\":[\"/x\"],\"methods\":[\"GET\"]}",
                 "routes[0]"),
        put_item(MODEL_ROUTE, "{\"name\":\"y\",\"paths\":[\"/x\"],\"methods\":[\"GET\"]}",
                 "routes[1]"),
        put_item(MODEL_ROUTE, "{\"name\":\"x\",\"paths\":[\"/z\"],\"methods\":[\"GET\"]}",
                 "routes[2]"),
    };
    const struct answer *a = apply(f, twice, ARRAY_LEN(twice));
    assert_non_null(strstr(a->problems, "routes[2]: route default/x is given twice"));
    assert_non_null(strstr(a->problems, "routes[1].paths[0]: route default/x already has"));
    assert_int_equal(revision_of(f), 1);

    /* Deleting everything at once is fine; leaving a user behind is not. */
    struct change_item left[] = {
        delete_item(MODEL_SERVICE, "n", "s"),
        delete_item(MODEL_MODULE, "n", "m"),
        delete_item(MODEL_ROUTE, "n", "none"),
    };
    a = apply(f, left, ARRAY_LEN(left));
    assert_int_equal(a->error.code, ERR_INVALID);
    assert_non_null(strstr(a->problems, "service n/s: still used by route n/r"));
    assert_non_null(strstr(a->problems, "module n/m: still used by route n/r"));
    assert_non_null(strstr(a->problems, "route n/none: not found"));
    struct change_item all[] = {
        delete_item(MODEL_NAMESPACE, "", "n"), delete_item(MODEL_COLLECTION, "n", "c"),
        delete_item(MODEL_SERVICE, "n", "s"),  delete_item(MODEL_DOCUMENT, "n", ""),
        delete_item(MODEL_MODULE, "n", "m"),   delete_item(MODEL_ROUTE, "n", "r"),
    };
    must(apply(f, all, ARRAY_LEN(all)));
    assert_false(is_stored(f, "namespace//n"));
    assert_int_equal(revision_of(f), 2);
}

/* More than one proposal takes: several revisions, each with the META writes of its own entries. */
static void test_a_large_request_is_applied_in_parts(void **state)
{
    enum { MANY = 450 };
    struct fixture *f = *state;
    static struct change_item items[MANY];
    static char keys[MANY][64];
    static struct engine_op metas[MANY + 1];
    for (size_t i = 0; i < MANY; i++) {
        char json[256];
        (void)snprintf(json, sizeof(json),
                       "{\"name\":\"r%03zu\",\"paths\":[\"/%zu\"],\"methods\":[\"GET\"],"
                       "\"service\":\"s\"}",
                       i, i);
        items[i] = i == MANY - 1
                       ? put_item(MODEL_SERVICE, "{\"name\":\"s\",\"urls\":[\"http://a\"]}", "s")
                       : put_item(MODEL_ROUTE, json, "r");
        const char *kind = i == MANY - 1 ? "service" : "route";
        struct model_ref ref = model_ref_of(items[i].resource);
        int len =
            snprintf(keys[i], sizeof(keys[i]), "init_%s_default_%.*s", kind, STR_ARG(ref.name));
        for (int j = 0; j < len; j++)
            keys[i][j] = keys[i][j] == '_' ? '\0' : keys[i][j];
        metas[i] = (struct engine_op){.type = ENGINE_PUT,
                                      .table = STORE_META,
                                      .key = {keys[i], (size_t)len},
                                      .value = STR("hash")};
    }
    metas[MANY] = (struct engine_op){
        .type = ENGINE_PUT, .table = STORE_META, .key = STR("init\0all"), .value = STR("1")};
    struct change_request request = {.items = items,
                                     .item_count = MANY,
                                     .source = STR("config"),
                                     .meta_ops = metas,
                                     .meta_op_count = MANY + 1};
    struct answer *a = &f->last;
    *a = (struct answer){.fixture = f};
    f->fake->unknown_committed = 2;
    f->conflict_at = 3; /* then all of it is validated and applied again */
    change_submit(f->sink, &request, on_done, a);
    memset(keys, 'x', sizeof(keys)); /* all of it was copied */
    wait_for(a);
    must(a);
    assert_int_equal(a->revision, 3 + 10); /* 901 operations; the last META write makes the 10th */
    struct store_read *r = NULL;
    assert_int_equal(store_read_begin(f->store, &r, NULL), ERR_OK);
    assert_int_equal(store_count(r, STORE_RESOURCES, STR("route\0default\0")), MANY - 1);
    assert_int_equal(store_count(r, STORE_META, STR("init\0")), MANY + 1);
    store_read_end(r);
    assert_true(is_stored(f, "service/default/s"));
}

/* What one entry needs is too much: nothing of the request is applied. Log entries shrink before that. */
static void test_too_large(void **state)
{
    struct fixture *f = *state;
    static char json[700 * 1024];
    must(put(f, MODEL_COLLECTION, "{\"name\":\"c\"}"));
    int head = snprintf(json, sizeof(json), "{\"id\":\"1\",\"collection\":\"c\",\"data\":\"");
    memset(json + head, 'd', sizeof(json) - (size_t)head);
    static const struct {
        size_t len;
        const char *omitted; /* NULL: nothing */
    } SIZES[] = {{1000, NULL}, {340 * 1024, NULL}, {400 * 1024, "before"}, {600 * 1024, "after"}};
    for (size_t i = 0; i < ARRAY_LEN(SIZES); i++) {
        char *end = json + head + SIZES[i].len;
        memcpy(end, "\"}", 3);
        must(put(f, MODEL_DOCUMENT, json));
        memset(end, 'd', 3);
        json_t *entry = log_entry(f, revision_of(f));
        const json_t *omitted = json_object_get(entry, "omitted");
        const char *last = json_string_value(json_array_get(omitted, json_array_size(omitted) - 1));
        assert_true(SIZES[i].omitted == NULL ? last == NULL
                                             : last != NULL && strcmp(last, SIZES[i].omitted) == 0);
        json_decref(entry);
    }
    uint64_t revision = revision_of(f);
    struct change_item items[2] = {
        put_item(MODEL_SECRET, "{\"name\":\"k\",\"data\":\"x\"}", "secrets[0]"),
        put_item(MODEL_DOCUMENT, "{\"id\":\"2\",\"collection\":\"c\",\"data\":1}", "documents[0]"),
    };
    static char big[ENGINE_BYTES_MAX];
    memset(big, 'b', sizeof(big) - 1);
    json_decref(items[1].resource->document.data);
    items[1].resource->document.data = json_string(big);
    const struct answer *a = apply(f, items, 2);
    refused(a, ERR_TOO_LARGE, "document default/c/2 is too large");
    assert_int_equal(revision_of(f), revision);
}

static void test_sizes_are_limited(void **state)
{
    struct fixture *f = *state;
    change_destroy(f->sink);
    f->size_max = 180;
    create_sink(f, true, 10);
    must(put(f, MODEL_COLLECTION, "{\"name\":\"c\"}"));
    must(put(f, MODEL_DOCUMENT, "{\"id\":\"d\",\"collection\":\"c\",\"data\":[1]}"));
    char text[512];
    (void)snprintf(text, sizeof(text),
                   "{\"id\":\"e\",\"collection\":\"c\",\"data\":{\"x\":\"%0180d\"}}", 0);
    refused(put(f, MODEL_DOCUMENT, text), ERR_INVALID,
            "data: it has more than 180 bytes (limits.document_max)");
    (void)snprintf(text, sizeof(text), "{\"name\":\"m\",\"payloadRaw\":\"%0181d\"}", 0);
    refused(put(f, MODEL_MODULE, text), ERR_INVALID,
            "payload: it is not base64, or stands for more than 180 bytes "
            "(limits.module_source_max)");
    must(put(f, MODEL_MODULE, "{\"name\":\"m\",\"payloadRaw\":\"small\"}"));
    (void)snprintf(text, sizeof(text), "{\"name\":\"m\",\"payloadRaw\":\"%0170d\"}", 0);
    refused(put(f, MODEL_MODULE, text), ERR_INVALID,
            "payload: its compiled form has more than 180 bytes (limits.module_compiled_max)");
}

static void test_secrets_stay_secret(void **state)
{
    struct fixture *f = *state;
    struct answer *a = &f->last;
    struct change_item item = put_item(MODEL_SECRET, "{\"name\":\"k\",\"data\":\"hush\"}", "");
    submit(f, &item, 1, a);
    wait_for(a);
    assert_string_not_equal(text_of(a->stored, "data"), "hush");
    finish(a);
    must(put(f, MODEL_SECRET, "{\"name\":\"k\",\"data\":\"hush2\"}"));
    json_t *entry = log_entry(f, 2);
    char *text = json_dumps(entry, 0);
    assert_null(strstr(text, "hush"));
    free(text);
    json_decref(entry);
    json_t *json = stored(f, "secret/default/k");
    assert_string_equal(text_of(json, "data"), "hush2");
    json_decref(json);
}

static void test_conflicts_are_tried_again(void **state)
{
    struct fixture *f = *state;
    f->fake->conflicts = 3;
    must(put(f, MODEL_SECRET, "{\"name\":\"k\",\"data\":\"x\"}"));
    assert_int_equal(f->fake->proposals, 4);
    f->fake->conflicts = 100;
    refused(put(f, MODEL_SECRET, "{\"name\":\"k\",\"data\":\"x\"}"), ERR_UNAVAILABLE,
            "other changes came in between");
    f->fake->conflicts = 0;
    f->fake->refusals = 1;
    refused(put(f, MODEL_SECRET, "{\"name\":\"k\",\"data\":\"x\"}"), ERR_NO_SPACE, "fake");
    assert_int_equal(revision_of(f), 1);
}

static void test_unknown_outcomes_are_looked_up(void **state)
{
    struct fixture *f = *state;
    f->fake->late = 2;
    f->fake->twice = true;
    f->fake->unknown_committed = 1;
    f->fake->unknown_lookups = 1;
    const struct answer *a = put(f, MODEL_SECRET, "{\"name\":\"k\",\"data\":\"x\"}");
    must(a);
    assert_int_equal(a->revision, 1);
    assert_true(a->created);
    assert_int_equal(f->fake->lookups, 2);
    f->fake->unknown_lost = 2; /* it never arrived: proposed again with the same id */
    a = put(f, MODEL_SECRET, "{\"name\":\"k\",\"data\":\"y\"}");
    must(a);
    assert_int_equal(a->revision, 2);
    f->fake->unknown_committed = 1;
    f->fake->unknown_lookups = 100;
    a = put(f, MODEL_SECRET, "{\"name\":\"k\",\"data\":\"z\"}");
    assert_int_equal(a->error.code, ERR_UNKNOWN_OUTCOME);
}

static void on_other(void *user, const struct engine_result *result)
{
    struct answer *a = user;
    a->calls++;
    assert_int_equal(result->outcome, ENGINE_COMMITTED);
}

/* What validation relied on changes between the snapshot and the commit: the service is deleted by somebody else. */
static void test_guards_protect_references(void **state)
{
    struct fixture *f = *state;
    struct answer *a = &f->last;
    must(put(f, MODEL_SERVICE, "{\"name\":\"s\",\"urls\":[\"http://a\"]}"));
    /* The other change waits in the engine already when this one is validated: same snapshot. */
    struct engine_op op = {
        .type = ENGINE_DELETE, .table = STORE_RESOURCES, .key = STR("service\0default\0s")};
    struct engine_proposal p = {.id = STR("other"), .ops = &op, .op_count = 1, .log = STR("{}")};
    struct change_item item =
        put_item(MODEL_ROUTE,
                 "{\"name\":\"r\",\"paths\":[\"/\"],\"methods\":[\"GET\"],\"service\":\"s\"}", "");
    static struct answer other;
    other = (struct answer){.fixture = f};
    engine_propose(&f->fake->engine, &p, on_other, &other);
    submit(f, &item, 1, a);
    wait_for(a);
    wait_for(&other);
    refused(a, ERR_INVALID, "service not found: s");
    assert_int_equal(f->fake->proposals, 3);
}

/* Many at once for the same things: none fails for the others. */
static void test_many_changes_at_once(void **state)
{
    enum { MANY = 60 };
    struct fixture *f = *state;
    static struct answer answers[MANY];
    must(put(f, MODEL_COLLECTION, "{\"name\":\"c\"}"));
    for (size_t i = 0; i < MANY; i++) {
        char json[256];
        (void)snprintf(json, sizeof(json),
                       i % 2 == 0 ? "{\"name\":\"r%zu\",\"paths\":[\"/%zu\"],\"methods\":[\"GET\"]}"
                                  : "{\"id\":\"same\",\"collection\":\"c\",\"data\":[%zu,%zu]}",
                       i, i);
        struct change_item item = put_item(i % 2 == 0 ? MODEL_ROUTE : MODEL_DOCUMENT, json, "");
        submit(f, &item, 1, &answers[i]);
    }
    for (size_t i = 0; i < MANY; i++) {
        wait_for(&answers[i]);
        must(&answers[i]);
        assert_int_equal(answers[i].created, i % 2 == 0 || i == 1);
        finish(&answers[i]);
    }
    assert_int_equal(revision_of(f), MANY + 1);
    json_t *json = stored(f, "document/default/c/same");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(json, "data"), 0)),
                     MANY - 1);
    json_decref(json);
}

static void test_too_many_wait(void **state)
{
    struct fixture *f = *state;
    static struct answer answers[4];
    change_destroy(f->sink);
    create_sink(f, true, 3);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct change_item item = put_item(MODEL_SECRET, "{\"name\":\"k\",\"data\":\"x\"}", "");
        submit(f, &item, 1, &answers[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        wait_for(&answers[i]);
        finish(&answers[i]);
        if (i < 3)
            must(&answers[i]);
        else
            refused(&answers[i], ERR_UNAVAILABLE, "3 changes wait already");
    }
}

/* The answer waits for the workers; the next change of the same thing does not. */
static void test_the_answer_waits_for_the_workers(void **state)
{
    struct fixture *f = *state;
    static struct answer first;
    struct change_item item = put_item(MODEL_SECRET, "{\"name\":\"k\",\"data\":\"x\"}", "");
    f->hold_served = true;
    submit(f, &item, 1, &first);
    while (f->waiting == NULL)
        loop_turn(f->loop, true);
    assert_int_equal(first.calls, 0);
    f->hold_served = false;
    must(put(f, MODEL_SECRET, "{\"name\":\"k\",\"data\":\"y\"}"));
    assert_int_equal(first.calls, 0);
    f->waiting(f->waiting_user);
    assert_int_equal(first.calls, 1);
    finish(&first);
    must(&first);
}

static void test_destroying_the_sink_ends_what_waits(void **state)
{
    struct fixture *f = *state;
    static struct answer compiling;
    static struct answer waiting;
    static struct answer fresh;
    struct change_item item = put_item(MODEL_MODULE, "{\"name\":\"m\",\"payloadRaw\":\" \"}", "");
    f->hold_compile = true;
    submit(f, &item, 1, &compiling);
    f->hold_served = true;
    item = put_item(MODEL_SECRET, "{\"name\":\"k\",\"data\":\"x\"}", "");
    submit(f, &item, 1, &waiting);
    while (f->waiting == NULL || f->held_compile == NULL)
        loop_turn(f->loop, true);
    close_engine(f);
    item = put_item(MODEL_SECRET, "{\"name\":\"k\",\"data\":\"x\"}", "");
    submit(f, &item, 1, &fresh);
    change_destroy(f->sink);
    f->sink = NULL;
    const struct answer *all[] = {&compiling, &waiting, &fresh};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_int_equal(all[i]->calls, 1);
        assert_int_equal(all[i]->error.code, ERR_CANCELED);
    }
    json_decref(waiting.stored);
}

static void test_an_empty_request_is_refused(void **state)
{
    struct fixture *f = *state;
    struct change_request request = {.source = STR("admin")};
    struct answer *a = &f->last;
    *a = (struct answer){.fixture = f};
    change_submit(f->sink, &request, on_done, a);
    wait_for(a);
    refused(a, ERR_INVALID, "nothing to change");
}

static void test_documents_fit_their_schema(void **state)
{
    struct fixture *f = *state;
    must(put(f, MODEL_COLLECTION, "{\"name\":\"free\"}"));
    must(put(f, MODEL_DOCUMENT, "{\"id\":\"1\",\"collection\":\"free\",\"data\":\"x\"}"));
    assert_int_equal(f->validations, 0); /* it costs nothing */
    refused(put(f, MODEL_COLLECTION, "{\"name\":\"c\",\"schema\":{}}"), ERR_INVALID,
            "collection default/c: schema is odd");
    must(put(f, MODEL_COLLECTION, "{\"name\":\"c\",\"schema\":{\"want\":\"number\"}}"));
    assert_string_equal(f->validated, "collection default/c 0");
    must(put(f, MODEL_DOCUMENT, "{\"id\":\"1\",\"collection\":\"c\",\"data\":5}"));
    assert_string_equal(f->validated, "document default/c/1 1");
    refused(put(f, MODEL_DOCUMENT, "{\"id\":\"2\",\"collection\":\"c\",\"data\":\"x\"}"),
            ERR_INVALID, "document default/c/2: data must be number");
    assert_string_equal(f->last.problems, ": document default/c/2: data must be number\n");
    must(put(f, MODEL_COLLECTION, "{\"name\":\"c\",\"schema\":{\"want\":\"error\"}}"));
    refused(put(f, MODEL_DOCUMENT, "{\"id\":\"1\",\"collection\":\"c\",\"data\":6}"), ERR_TIMEOUT,
            "document default/c/1: too slow");
    must(del(f, MODEL_DOCUMENT, "default", "1"));
}

static void test_a_request_with_schemas(void **state)
{
    struct fixture *f = *state;
    struct change_item items[] = {
        put_item(MODEL_DOCUMENT, "{\"id\":\"1\",\"collection\":\"c\",\"data\":\"x\"}",
                 "documents[0]"),
        put_item(MODEL_DOCUMENT, "{\"id\":\"2\",\"collection\":\"c\",\"data\":2}", "documents[1]"),
        put_item(MODEL_DOCUMENT, "{\"id\":\"3\",\"collection\":\"c\",\"data\":[]}", "documents[2]"),
        put_item(MODEL_COLLECTION, "{\"name\":\"c\",\"schema\":{\"want\":\"number\"}}",
                 "collections[0]"),
        put_item(MODEL_COLLECTION, "{\"name\":\"d\",\"schema\":[]}", "collections[1]"),
    };
    refused(apply(f, items, ARRAY_LEN(items)), ERR_INVALID, "(and 2 more problems)");
    assert_string_equal(f->last.problems,
                        "documents[0]: document default/c/1: data must be number\n"
                        "documents[2]: document default/c/3: data must be number\n"
                        "collections[1]: collection default/d: schema is odd\n");
    assert_int_equal(f->validations, 2);
}

/* A schema may change while its documents are validated: the guard on the collection sees it. */
static void test_a_conflict_validates_again(void **state)
{
    struct fixture *f = *state;
    must(put(f, MODEL_COLLECTION, "{\"name\":\"c\",\"schema\":{\"want\":\"number\"}}"));
    f->fake->conflicts = 1;
    must(put(f, MODEL_DOCUMENT, "{\"id\":\"1\",\"collection\":\"c\",\"data\":5}"));
    assert_int_equal(f->validations, 3);
}

static void test_many_documents_go_in_batches(void **state)
{
    struct fixture *f = *state;
    enum { N = 1500 };
    struct change_item *items = test_calloc(N, sizeof(*items));
    must(put(f, MODEL_COLLECTION, "{\"name\":\"c\",\"schema\":{\"want\":\"number\"}}"));
    for (int i = 0; i < N; i++) {
        char json[100];
        (void)snprintf(json, sizeof(json), "{\"id\":\"%d\",\"collection\":\"c\",\"data\":%d}", i,
                       i);
        items[i] = put_item(MODEL_DOCUMENT, json, "");
    }
    must(apply(f, items, N));
    assert_int_equal(f->validations, 3);
    assert_string_equal(f->validated, "document default/c/1000 500");
    test_free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put_is_stored_logged_and_served, setup, teardown),
        cmocka_unit_test_setup_teardown(test_references_are_checked_all_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_default_namespace_can_be_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_same_path_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deletes_of_what_is_used_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_documents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_modules_are_compiled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_imports_must_be_among_the_modules, setup, teardown),
        cmocka_unit_test_setup_teardown(test_conflicts_name_both_modules, setup, teardown),
        cmocka_unit_test_setup_teardown(test_conflicts_are_seen_in_circles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_request_is_one_validation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_large_request_is_applied_in_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes_are_limited, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets_stay_secret, setup, teardown),
        cmocka_unit_test_setup_teardown(test_conflicts_are_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_outcomes_are_looked_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guards_protect_references, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_changes_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_answer_waits_for_the_workers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_destroying_the_sink_ends_what_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_empty_request_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_documents_fit_their_schema, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_request_with_schemas, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_conflict_validates_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_documents_go_in_batches, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
