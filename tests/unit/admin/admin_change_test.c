/* The admin API down to the store: the real path of a change, with a compiler and workers that the test plays. */
#include "admin/admin.h"
#include "base/container.h"
#include "base/log.h"
#include "base/mem.h"
#include "change/change.h"
#include "cluster/local.h"
#include "codec/json.h"
#include "http/exchange_mem.h"
#include "io/loop.h"
#include "store/store.h"
#include "store/store_temp.h"
#include "testing.h"

struct chain {
    char dir[STORE_TEMP_SIZE];
    struct loop *loop;
    struct store *store;
    struct engine *engine;
    struct change_sink *changes;
    struct admin *admin;
    struct exchange *x;
    json_t *json;
    uint64_t published;
    bool closed;
    bool hold; /* the workers do not confirm yet */
    void (*held)(void *user);
    void *held_user;
};

static void on_applied(void *user, const struct engine_applied *applied)
{
    struct chain *c = user;
    change_on_applied(c->changes, applied);
}

/* A module that has "broken" in it does not compile. */
struct compilation {
    struct loop_task task;
    bool broken;
    change_compiled_fn done;
    void *user;
};

static void finish_compilation(struct loop_task *t)
{
    struct compilation *k = container_of(t, struct compilation, task);
    struct model_problems problems = {0};
    json_t *compiled = NULL;
    if (k->broken)
        model_problems_add(&problems, "payload", "1:5: an error");
    else
        compiled = json_pack("{s:[], s:[], s:s}", "exports", "imports", "code", "");
    k->done(k->user, compiled, &problems, NULL);
    model_problems_finish(&problems);
    free(k);
}

static void compile(void *user, const struct model_module *m, struct str source,
                    change_compiled_fn done, void *done_user)
{
    struct chain *c = user;
    struct compilation *k = mem_alloc(sizeof(*k));
    (void)m;
    k->task.run = finish_compilation;
    k->broken = str_contains(source, STR("broken"));
    k->done = done;
    k->user = done_user;
    loop_schedule(c->loop, &k->task);
}

static void publish(void *user, const struct engine_applied *applied)
{
    struct chain *c = user;
    c->published = applied->revision;
}

struct confirmation {
    struct loop_task task;
    void (*done)(void *user);
    void *user;
};

static void confirm(struct loop_task *t)
{
    struct confirmation *k = container_of(t, struct confirmation, task);
    k->done(k->user);
    free(k);
}

static void when_served(void *user, uint64_t revision, void (*done)(void *done_user),
                        void *done_user)
{
    struct chain *c = user;
    (void)revision;
    if (c->hold) {
        c->held = done;
        c->held_user = done_user;
        return;
    }
    struct confirmation *k = mem_alloc(sizeof(*k));
    k->task.run = confirm;
    k->done = done;
    k->user = done_user;
    loop_schedule(c->loop, &k->task);
}

static bool is_ready(void *user)
{
    (void)user;
    return true;
}

static void on_closed(void *user)
{
    struct chain *c = user;
    c->closed = true;
}

static void chain_init(struct chain *c)
{
    struct err e = {0};
    *c = (struct chain){0};
    log_configure(&(struct log_setup){.level = LOG_OFF});
    store_temp_create(c->dir);
    c->loop = loop_create();
    if (store_open(c->dir, STORE_READ_WRITE, 1 << 26, &c->store, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    struct local_options local = {.log_keep = 100, .on_applied = on_applied, .user = c};
    assert_int_equal(local_create(c->loop, c->store, &local, &c->engine, &e), ERR_OK);
    struct change_host host = {
        .user = c, .compile = compile, .publish = publish, .when_served = when_served};
    struct change_options changes = {.default_namespace = true,
                                     .conflict_retries = 4,
                                     .pending_max = 10,
                                     .source_max = 10000,
                                     .compiled_max = 10000,
                                     .document_max = 10000};
    c->changes = change_create(c->loop, c->store, c->engine, &host, &changes);
    struct admin_options options = {.store = c->store,
                                    .changes = c->changes,
                                    .auth = {.x_forwarded_for_depth = -1},
                                    .default_namespace = true,
                                    .body_max = 100000,
                                    .version = "1",
                                    .ready = is_ready};
    c->admin = admin_create(&options);
}

static void forget(struct chain *c)
{
    exchange_mem_destroy(c->x);
    json_decref(c->json);
    c->x = NULL;
    c->json = NULL;
}

static void chain_finish(struct chain *c)
{
    forget(c);
    admin_destroy(c->admin);
    engine_close(c->engine, on_closed, c);
    while (!c->closed)
        loop_turn(c->loop, true);
    change_destroy(c->changes);
    store_close(c->store);
    loop_destroy(c->loop);
    store_temp_remove(c->dir);
}

static void begin(struct chain *c, const char *method, const char *target, const char *body)
{
    struct http_head head = {.method = str_of(method),
                             .target = str_of(target),
                             .version = HTTP_1_1,
                             .content_length = body != NULL ? (int64_t)strlen(body) : 0,
                             .no_body = body == NULL};
    forget(c);
    c->x = exchange_mem_create(&head, 1 << 20);
    admin_handle(c->admin, c->x);
    if (body != NULL) {
        char *copy = mem_strdup(body);
        for (char *p = copy; *p != '\0'; p++)
            *p = *p == '\'' ? '"' : *p;
        exchange_mem_data(c->x, str_of(copy));
        exchange_mem_end(c->x, NULL);
        free(copy);
    }
    (void)exchange_mem_run(c->x);
}

static unsigned ask(struct chain *c, const char *method, const char *target, const char *body)
{
    struct err e = {0};
    begin(c, method, target, body);
    while (exchange_mem_sent(c->x)->head == NULL)
        loop_turn(c->loop, true);
    (void)exchange_mem_run(c->x);
    c->json = json_text_parse(buf_str(&exchange_mem_sent(c->x)->data), &e);
    assert_non_null(c->json);
    return exchange_mem_sent(c->x)->head->status;
}

static const char *text_at(const struct chain *c, const char *object, const char *name)
{
    const json_t *data = json_object_get(c->json, object);
    return json_string_value(name != NULL ? json_object_get(data, name) : data);
}

static void test_life_of_resources(void **state)
{
    (void)state;
    struct chain c;
    chain_init(&c);
    static const char service[] = "{'name':'s','urls':['http://127.0.0.1:1']}";
    assert_int_equal(ask(&c, "PUT", "/api/v1/service", service), 201);
    assert_string_equal(text_at(&c, "data", "name"), "s");
    assert_int_equal(c.published, 1);
    assert_int_equal(ask(&c, "PUT", "/api/v1/service", service), 200);
    static const char route[] = "{'paths':['/a/{x}'],'methods':['GET'],'service':'s'}";
    assert_int_equal(ask(&c, "PUT", "/api/v1/route/r", route), 201);
    assert_int_equal(ask(&c, "GET", "/api/v1/route/default/r", NULL), 200);
    assert_string_equal(text_at(&c, "data", "service"), "s");

    /* Refused, with the users named or the path of the problem, and without a trace. */
    assert_int_equal(ask(&c, "DELETE", "/api/v1/service/s", NULL), 409);
    assert_non_null(strstr(text_at(&c, "error", NULL), "default/r"));
    assert_int_equal(
        ask(&c, "PUT", "/api/v1/route/q", "{'paths':['/b'],'methods':['GET'],'service':'none'}"),
        400);
    const json_t *problem = json_array_get(json_object_get(c.json, "errors"), 0);
    assert_string_equal(json_string_value(json_object_get(problem, "path")), "service");
    assert_int_equal(ask(&c, "PUT", "/api/v1/route/q", "{'paths':['/a/{y}'],'methods':['GET']}"),
                     400);
    assert_int_equal(ask(&c, "GET", "/api/v1/route/q", NULL), 404);
    assert_int_equal(c.published, 3);

    assert_int_equal(ask(&c, "DELETE", "/api/v1/route", "{'name':'r'}"), 200);
    assert_int_equal(ask(&c, "DELETE", "/api/v1/route", "{'name':'r'}"), 404);
    assert_int_equal(ask(&c, "DELETE", "/api/v1/service/s", NULL), 200);
    assert_int_equal(ask(&c, "GET", "/api/v1/service", NULL), 200);
    assert_int_equal(json_integer_value(json_object_get(c.json, "count")), 0);
    chain_finish(&c);
}

static void test_modules(void **state)
{
    (void)state;
    struct chain c;
    chain_init(&c);
    assert_int_equal(ask(&c, "PUT", "/api/v1/module/m", "{'payloadRaw':'let a = 1;'}"), 201);
    assert_int_equal(ask(&c, "PUT", "/api/v1/module/m", "{'payloadRaw':'broken'}"), 400);
    assert_string_equal(text_at(&c, "error", NULL), "payload: 1:5: an error");
    assert_int_equal(ask(&c, "GET", "/api/v1/module/m", NULL), 200);
    assert_string_equal(text_at(&c, "data", "payload"), "bGV0IGEgPSAxOw==");
    assert_null(json_object_get(json_object_get(c.json, "data"), "compiled"));
    chain_finish(&c);
}

static void test_documents(void **state)
{
    (void)state;
    struct chain c;
    chain_init(&c);
    assert_int_equal(ask(&c, "PUT", "/api/v1/document/1?collection=c", "{'a':1}"), 400);
    assert_int_equal(ask(&c, "PUT", "/api/v1/collection/c", NULL), 201);
    assert_int_equal(ask(&c, "PUT", "/api/v1/document/1?collection=c", "{'a':1}"), 201);
    assert_int_equal(ask(&c, "PUT", "/api/v1/document/default/c/1", "{'data':{'a':2}}"), 200);
    assert_int_equal(ask(&c, "PUT", "/api/v1/document/2?collection=c", "null"), 201);
    assert_int_equal(ask(&c, "GET", "/api/v1/document?collection=c", NULL), 200);
    assert_int_equal(json_integer_value(json_object_get(c.json, "count")), 2);
    assert_int_equal(ask(&c, "DELETE", "/api/v1/document/default/c/1", NULL), 200);
    assert_int_equal(ask(&c, "DELETE", "/api/v1/document/default/c/1", NULL), 404);
    assert_int_equal(ask(&c, "DELETE", "/api/v1/document?collection=c", NULL), 200);
    assert_int_equal(ask(&c, "GET", "/api/v1/document?collection=c", NULL), 200);
    assert_int_equal(json_integer_value(json_object_get(c.json, "count")), 0);
    chain_finish(&c);
}

static void test_change_log(void **state)
{
    (void)state;
    struct chain c;
    chain_init(&c);
    assert_int_equal(ask(&c, "PUT", "/api/v1/secret/k", "{'data':'hidden'}"), 201);
    assert_int_equal(ask(&c, "DELETE", "/api/v1/secret/k", NULL), 200);
    assert_int_equal(ask(&c, "GET", "/api/v1/changelog", NULL), 200);
    assert_false(str_contains(buf_str(&exchange_mem_sent(c.x)->data), STR("hidden")));
    const json_t *entries = json_object_get(c.json, "data");
    const json_t *newest = json_array_get(entries, 0);
    assert_int_equal(json_array_size(entries), 2);
    assert_int_equal(json_integer_value(json_object_get(newest, "revision")), 2);
    assert_string_equal(json_string_value(json_object_get(newest, "cmd")), "delete_secret");
    char id[64];
    (void)snprintf(id, sizeof(id), "%s", json_string_value(json_object_get(newest, "id")));
    assert_int_equal(ask(&c, "GET", "/changelog", NULL), 200);
    assert_int_equal(json_integer_value(json_object_get(c.json, "count")), 2);
    assert_string_equal(text_at(&c, "latest", NULL), id);
    assert_string_not_equal(text_at(&c, "hash", NULL), "0");
    chain_finish(&c);
}

/* A client that leaves before the workers confirmed: the change stays. */
static void test_client_leaves(void **state)
{
    (void)state;
    struct chain c;
    chain_init(&c);
    c.hold = true;
    begin(&c, "PUT", "/api/v1/namespace/n", "{}");
    while (c.held == NULL)
        loop_turn(c.loop, true);
    assert_null(exchange_mem_sent(c.x)->head);
    exchange_reset(c.x, EXCHANGE_SHUTDOWN); /* as the server does to what it drops */
    (void)exchange_mem_run(c.x);
    assert_true(c.x->done);
    c.hold = false;
    c.held(c.held_user);
    loop_turn(c.loop, false);
    assert_int_equal(ask(&c, "GET", "/api/v1/namespace/n", NULL), 200);
    chain_finish(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_of_resources), cmocka_unit_test(test_modules),
        cmocka_unit_test(test_documents),         cmocka_unit_test(test_change_log),
        cmocka_unit_test(test_client_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
