/* The replicated store: what each command does, that nothing is lost among concurrent calls whatever the engine says, and
 * what is bounded.
 */
#include "base/log.h"
#include "base/now.h"
#include "change/change.h"
#include "change/entries.h"
#include "change/entry_value.h"
#include "cluster/fake_engine.h"
#include "cluster/local.h"
#include "codec/json.h"
#include "io/peer.h"
#include "store/store_temp.h"

enum { MAP = 64 * 1024 * 1024, CALLS_MAX = 600 };

struct fixture {
    char dir[STORE_TEMP_SIZE];
    struct store *store;
    struct fake_engine *fake;
    struct change_sink *sink;
    struct entries *entries;
    size_t applied;
};

static struct fixture world;

struct answer {
    int calls;
    enum err_code code;
    char text[ERR_MESSAGE_MAX]; /* the result's JSON, or the error */
};

static struct answer answers[CALLS_MAX];

static void on_applied(void *user, const struct engine_applied *applied)
{
    struct fixture *f = user;
    f->applied++;
    entries_on_applied(f->entries, applied);
    change_on_applied(f->sink, applied);
}

static void publish(void *user, const struct engine_applied *applied)
{
    (void)user;
    (void)applied;
}

static void when_served(void *user, uint64_t revision, void (*done)(void *done_user),
                        void *done_user)
{
    (void)user;
    (void)revision;
    done(done_user);
}

static const struct entries_options OPTIONS = {.default_namespace = true,
                                               .conflict_retries = 3,
                                               .pending_max = CALLS_MAX,
                                               .value_max = 1000,
                                               .entries_max = 10,
                                               .bytes_max = 3000};

static int setup(void **state)
{
    struct engine *inner = NULL;
    const struct local_options o = {
        .log_keep = 10, .on_applied = fake_engine_on_applied, .user = &world.fake};
    (void)peer_loop_setup(state);
    log_configure(&(struct log_setup){.level = LOG_OFF});
    world = (struct fixture){0};
    store_temp_create(world.dir);
    if (store_open(world.dir, STORE_READ_WRITE, MAP, &world.store, NULL) != ERR_OK ||
        local_create(loop, world.store, &o, &inner, NULL) != ERR_OK)
        return -1;
    world.fake = fake_engine_create(loop, inner, on_applied, &world);
    const struct change_host host = {.publish = publish, .when_served = when_served};
    const struct change_options options = {
        .default_namespace = true, .conflict_retries = 3, .pending_max = 100};
    world.sink = change_create(loop, world.store, &world.fake->engine, &host, &options);
    world.entries = entries_create(loop, world.store, &world.fake->engine, &OPTIONS);
    return 0;
}

static void on_closed(void *user)
{
    *(bool *)user = true;
}

static int teardown(void **state)
{
    bool closed = false;
    engine_close(&world.fake->engine, on_closed, &closed);
    until(closed);
    entries_destroy(world.entries);
    change_destroy(world.sink);
    store_close(world.store);
    store_temp_remove(world.dir);
    return peer_loop_teardown(state);
}

static void on_done(void *user, const json_t *result, const struct err *error)
{
    struct answer *a = user;
    struct buf text;
    buf_init(&text, sizeof(a->text) - 1);
    a->calls++;
    a->code = error != NULL ? error->code : ERR_OK;
    assert_true((result == NULL) == (error != NULL));
    assert_true(error != NULL ? buf_add(&text, str_of(error->msg))
                              : json_text_write(&text, result));
    (void)snprintf(a->text, sizeof(a->text), "%s", buf_cstr(&text));
    buf_finish(&text);
}

/* Submits; value and expected are JSON or NULL. */
static void begin(struct answer *a, enum entries_command command, const char *key,
                  const char *expected, const char *value, uint64_t ttl_ms)
{
    json_t *v = value != NULL ? json_text_parse(str_of(value), NULL) : NULL;
    json_t *x = expected != NULL ? json_text_parse(str_of(expected), NULL) : NULL;
    const struct entries_request q = {.command = command,
                                      .ns = STR("default"),
                                      .key = str_of(key),
                                      .value = v,
                                      .expected = x,
                                      .by = command == ENTRIES_INCREMENT ? json_number_value(v) : 0,
                                      .ttl_ms = ttl_ms};
    *a = (struct answer){0};
    entries_submit(world.entries, &q, on_done, a);
    json_decref(v);
    json_decref(x);
}

static const struct answer *run(enum entries_command command, const char *key, const char *expected,
                                const char *value, uint64_t ttl_ms)
{
    struct answer *a = &answers[0];
    begin(a, command, key, expected, value, ttl_ms);
    until(a->calls > 0);
    assert_int_equal(a->calls, 1);
    return a;
}

#define assert_gives(json, ...) assert_answer(run(__VA_ARGS__), ERR_OK, json)

static void assert_answer(const struct answer *a, enum err_code code, const char *text)
{
    if (a->code != code || strstr(a->text, text) == NULL ||
        (code == ERR_OK && strcmp(a->text, text) != 0))
        fail_msg("%s: %s, not %s: %s", err_text(a->code), a->text, err_text(code), text);
}

static size_t count_stored(void)
{
    struct store_read *read = NULL;
    assert_int_equal(store_read_begin(world.store, &read, NULL), ERR_OK);
    const size_t n = store_count(read, STORE_ENTRIES, STR(""));
    store_read_end(read);
    return n;
}

static void test_commands(void **state)
{
    (void)state;
    assert_gives("null", ENTRIES_READ, "k", NULL, NULL, 0);
    assert_gives("null", ENTRIES_PUT, "k", NULL, "{\"a\":[1,2.5]}", 0);
    assert_gives("{\"a\":[1,2.5]}", ENTRIES_READ, "k", NULL, NULL, 0);
    assert_gives("true", ENTRIES_DELETE, "k", NULL, NULL, 0);
    assert_gives("false", ENTRIES_DELETE, "k", NULL, NULL, 0);
    assert_gives("null", ENTRIES_READ, "k", NULL, NULL, 0);
    assert_int_equal(count_stored(), 0);

    assert_gives("true", ENTRIES_COMPARE, "c", "null", "1", 0);
    assert_gives("false", ENTRIES_COMPARE, "c", "null", "2", 0);
    assert_gives("false", ENTRIES_COMPARE, "c", "\"1\"", "2", 0);
    assert_gives("true", ENTRIES_COMPARE, "c", "1", "{\"x\":1,\"y\":2}", 0);
    assert_gives("true", ENTRIES_COMPARE, "c", "{\"y\":2,\"x\":1}", "null", 0);
    assert_gives("true", ENTRIES_COMPARE, "c", "null", "null", 0);
    assert_int_equal(count_stored(), 0);

    assert_gives("3", ENTRIES_INCREMENT, "n", NULL, "3", 0);
    assert_gives("2.5", ENTRIES_INCREMENT, "n", NULL, "-0.5", 0);
    assert_gives("9007199254740992", ENTRIES_INCREMENT, "big", NULL, "9007199254740992", 0);
    assert_gives("null", ENTRIES_PUT, "n", NULL, "\"text\"", 0);
    assert_answer(run(ENTRIES_INCREMENT, "n", NULL, "1", 0), ERR_INVALID,
                  "default/n does not hold");
    assert_gives("null", ENTRIES_PUT, "n", NULL, "1.5e308", 0);
    assert_answer(run(ENTRIES_INCREMENT, "n", NULL, "1.5e308", 0), ERR_INVALID, "not a number");
}

static void test_bad_requests(void **state)
{
    (void)state;
    char key[300];
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    assert_answer(run(ENTRIES_PUT, "", NULL, "1", 0), ERR_INVALID, "1 to 255 bytes");
    assert_answer(run(ENTRIES_PUT, key, NULL, "1", 0), ERR_INVALID, "1 to 255 bytes");
    assert_answer(run(ENTRIES_PUT, "a\nb", NULL, "1", 0), ERR_INVALID, "control characters");
    assert_answer(run(ENTRIES_PUT, "k", NULL, NULL, 0), ERR_INVALID, "null cannot be stored");
    key[255] = '\0';
    assert_gives("null", ENTRIES_PUT, key, NULL, "1", 0);
    assert_int_equal(count_stored(), 1);
}

static void test_a_namespace_that_is_not_there(void **state)
{
    (void)state;
    const struct entries_request q = {
        .command = ENTRIES_INCREMENT, .ns = STR("gone"), .key = STR("k"), .by = 1};
    answers[0].calls = 0;
    entries_submit(world.entries, &q, on_done, &answers[0]);
    until(answers[0].calls > 0);
    assert_answer(&answers[0], ERR_NOT_FOUND, "namespace gone: not found");
    assert_int_equal(count_stored(), 0);
}

/* Counts from many callers at once while the engine behaves badly: each sum is given once. */
static void count_together(size_t n)
{
    bool seen[CALLS_MAX + 1] = {false};
    for (size_t i = 0; i < n; i++) {
        begin(&answers[i], ENTRIES_INCREMENT, "n", NULL, "1", 0);
        if (i % 7 == 0)
            loop_turn(loop, false);
    }
    for (size_t i = 0; i < n; i++) {
        until(answers[i].calls > 0);
        assert_int_equal(answers[i].calls, 1);
        assert_int_equal(answers[i].code, ERR_OK);
        const long sum = strtol(answers[i].text, NULL, 10);
        assert_true(sum >= 1 && sum <= (long)n && !seen[sum]);
        seen[sum] = true;
    }
}

static void test_concurrent_increments(void **state)
{
    (void)state;
    world.fake->late = 2;
    world.fake->conflicts = 2;
    world.fake->unknown_committed = 1;
    world.fake->unknown_lost = 1;
    world.fake->unknown_lookups = 1;
    world.fake->twice = true;
    count_together(500);
    assert_gives("500", ENTRIES_READ, "n", NULL, NULL, 0);
    assert_true(world.fake->proposals < 100); /* those that wait go together */
}

static void test_one_of_many_wins(void **state)
{
    (void)state;
    size_t won = 0;
    for (size_t i = 0; i < 50; i++) {
        char value[16];
        (void)snprintf(value, sizeof(value), "%zu", i);
        begin(&answers[i + 1], ENTRIES_COMPARE, "lock", "null", value, 0);
    }
    for (size_t i = 0; i < 50; i++) {
        until(answers[i + 1].calls > 0);
        won += strcmp(answers[i + 1].text, "true") == 0;
    }
    assert_int_equal(won, 1);
}

static void test_failures_of_the_engine(void **state)
{
    (void)state;
    assert_gives("1", ENTRIES_INCREMENT, "n", NULL, "1", 0);
    world.fake->refusals = 1;
    assert_answer(run(ENTRIES_INCREMENT, "n", NULL, "1", 0), ERR_NO_SPACE, "fake engine");
    world.fake->conflicts = 4;
    assert_answer(run(ENTRIES_INCREMENT, "n", NULL, "1", 0), ERR_UNAVAILABLE,
                  "other changes came in between 4 times");
    assert_gives("1", ENTRIES_READ, "n", NULL, NULL, 0);
    assert_gives("2", ENTRIES_INCREMENT, "n", NULL, "1", 0);
}

static void test_limits(void **state)
{
    (void)state;
    char value[1100];
    char key[16];
    memset(value, 'v', sizeof(value));
    value[0] = '"';
    (void)snprintf(value + 999, sizeof(value) - 999, "v\"");
    assert_answer(run(ENTRIES_PUT, "k", NULL, value, 0), ERR_TOO_LARGE,
                  "default/k: the value has 1001 bytes as JSON, more than 1000 "
                  "(limits.storage_value_max)");
    for (int i = 0; i < 10; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_gives("null", ENTRIES_PUT, key, NULL, "1", 0);
    }
    assert_answer(run(ENTRIES_PUT, "more", NULL, "1", 0), ERR_TOO_LARGE, "limits.storage_entries");
    assert_gives("null", ENTRIES_PUT, "k1", NULL, "2", 0);
    (void)snprintf(value + 989, sizeof(value) - 989, "v\"");
    assert_gives("null", ENTRIES_PUT, "k1", NULL, value, 0);
    assert_gives("null", ENTRIES_PUT, "k2", NULL, value, 0);
    assert_gives("null", ENTRIES_PUT, "k3", NULL, value, 0);
    assert_answer(run(ENTRIES_PUT, "k4", NULL, value, 0), ERR_TOO_LARGE, "limits.storage_bytes");
    assert_gives("true", ENTRIES_DELETE, "k1", NULL, NULL, 0);
    assert_gives("null", ENTRIES_PUT, "k4", NULL, value, 0);
    /* Counted anew, it is the same. */
    entries_destroy(world.entries);
    world.entries = entries_create(loop, world.store, &world.fake->engine, &OPTIONS);
    assert_answer(run(ENTRIES_PUT, "k5", NULL, value, 0), ERR_TOO_LARGE, "limits.storage_bytes");
    assert_gives("null", ENTRIES_PUT, "k5", NULL, "2", 0);
}

/* What expires is absent at once, and later gone from the store, too. */
static void test_expiry(void **state)
{
    (void)state;
    assert_gives("null", ENTRIES_PUT, "stays", NULL, "1", 0);
    assert_gives("null", ENTRIES_PUT, "long", NULL, "1", 600000);
    assert_gives("null", ENTRIES_PUT, "soon", NULL, "1", 1);
    assert_gives("5", ENTRIES_INCREMENT, "counter", NULL, "5", 1);
    const int64_t then = now_wall_ms() + 2;
    until(now_wall_ms() > then);
    assert_gives("null", ENTRIES_READ, "soon", NULL, NULL, 0);
    assert_gives("1", ENTRIES_INCREMENT, "counter", NULL, "1", 0);
    until(count_stored() == 3);
    assert_gives("1", ENTRIES_READ, "long", NULL, NULL, 0);
    assert_gives("1", ENTRIES_READ, "counter", NULL, NULL, 0);
}

static void on_changed(void *user, const struct change_result *result)
{
    struct answer *a = user;
    a->calls++;
    a->code = result->error.code;
    (void)snprintf(a->text, sizeof(a->text), "%s", result->error.msg);
}

static void submit_namespace(enum change_command command, struct answer *a)
{
    struct model_problems problems = {0};
    struct change_item item = {.command = command, .path = ""};
    json_t *json = json_pack("{s:s}", "name", "default");
    item.ref = (struct model_ref){.kind = MODEL_NAMESPACE, .name = STR("default")};
    if (command == CHANGE_PUT)
        item.resource = model_decode(MODEL_NAMESPACE, json, MODEL_FROM_API, NULL, "", &problems);
    json_decref(json);
    const struct change_request request = {.items = &item, .item_count = 1, .source = STR("admin")};
    *a = (struct answer){0};
    change_submit(world.sink, &request, on_changed, a);
    until(a->calls > 0);
    assert_int_equal(a->code, ERR_OK);
}

static void test_gone_with_the_namespace(void **state)
{
    (void)state;
    struct answer a;
    submit_namespace(CHANGE_PUT, &a);
    for (int i = 0; i < 10; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_gives("null", ENTRIES_PUT, key, NULL, "1", 0);
    }
    submit_namespace(CHANGE_DELETE, &a);
    assert_int_equal(count_stored(), 0);
    assert_gives("null", ENTRIES_READ, "k1", NULL, NULL, 0);
    for (int i = 0; i < 10; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "n%d", i);
        assert_gives("null", ENTRIES_PUT, key, NULL, "1", 0); /* the limits count from 0 again */
    }
}

/* What modules store leaves the change log to what people change, however much it is. */
static void test_not_in_the_log(void **state)
{
    (void)state;
    struct answer a;
    struct store_read *read = NULL;
    submit_namespace(CHANGE_PUT, &a);
    for (int i = 0; i < 60; i++)
        (void)run(ENTRIES_INCREMENT, "n", NULL, "1", 0);
    submit_namespace(CHANGE_PUT, &a);
    assert_int_equal(store_read_begin(world.store, &read, NULL), ERR_OK);
    assert_int_equal(store_count(read, STORE_LOG, STR("")), 2);
    assert_int_equal(store_count(read, STORE_META, STR("id\0")), 10); /* log_keep */
    assert_int_equal(store_count(read, STORE_META, STR("rev\0")), 10);
    store_read_end(read);
}

static void test_shutting_down(void **state)
{
    (void)state;
    begin(&answers[0], ENTRIES_INCREMENT, "n", NULL, "1", 0);
    entries_destroy(world.entries);
    assert_int_equal(answers[0].calls, 1);
    assert_int_equal(answers[0].code, ERR_CANCELED);
    world.entries = entries_create(loop, world.store, &world.fake->engine, &OPTIONS);
}

static void test_keys(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, STORE_KEY_MAX);
    assert_true(entry_value_key(&b, STR("ns"), STR("a/b")));
    assert_str(entry_value_key_ns(buf_str(&b)), "ns");
    assert_str(entry_value_key_name(buf_str(&b)), "a/b");
    buf_finish(&b);
    buf_init(&b, 100);
    assert_true(buf_add(&b, STR("12345678")) && entry_value_write(&b, 77, STR("[1]")));
    assert_int_equal(entry_value_expires(buf_str(&b)), 77);
    assert_str(entry_value_json(buf_str(&b)), "[1]");
    assert_true(entry_value_lives(buf_str(&b), 76));
    assert_false(entry_value_lives(buf_str(&b), 77));
    assert_false(entry_value_lives(STR("short"), 0));
    buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_commands),
        T(test_bad_requests),
        T(test_a_namespace_that_is_not_there),
        T(test_concurrent_increments),
        T(test_one_of_many_wins),
        T(test_failures_of_the_engine),
        T(test_limits),
        T(test_expiry),
        T(test_gone_with_the_namespace),
        T(test_not_in_the_log),
        T(test_shutting_down),
        T(test_keys),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
