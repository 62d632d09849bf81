#include "cluster/local.h"
#include "codec/json.h"
#include "server/rehearsal.h"
#include "store/store.h"
#include "store/store_temp.h"
#include "testing.h"

enum { MAP_MB = 64 };

/* Whether a start with these init_resources, written with ' for ", would be refused on the state in dir. */
static bool rehearse(const char *dir, const char *resources)
{
    char text[512];
    char storage_dir[STORE_TEMP_SIZE];
    struct err e = {0};
    (void)snprintf(text, sizeof(text), "%s", resources);
    (void)snprintf(storage_dir, sizeof(storage_dir), "%s", dir);
    for (char *p = text; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p;
    struct config c = {.storage = dir[0] != '\0' ? CONFIG_STORAGE_FILE : CONFIG_STORAGE_MEMORY,
                       .storage_dir = storage_dir,
                       .limits = {.store_map_mb = MAP_MB,
                                  .changes_pending = 10,
                                  .document_max = 1000,
                                  .change_log_keep = 10},
                       .init_resources = json_text_parse(str_of(text), &e)};
    assert_non_null(c.init_resources);
    bool ok = rehearsal_run(&c);
    json_decref(c.init_resources);
    return ok;
}

static const char ROUTE[] =
    "{'routes': [{'name': 'r', 'paths': ['/'], 'methods': ['GET'], 'service': 's'}]}";

static void test_on_nothing(void **state)
{
    (void)state;
    assert_true(rehearse("", "null"));
    assert_true(rehearse("", "{'namespaces': [{'name': 'n'}]}"));
    assert_false(rehearse("", ROUTE));
    assert_false(rehearse("/nonexistent/directory", ROUTE));
}

static void test_on_a_state(void **state)
{
    (void)state;
    static const char service[] = "\0\0\0\0\0\0\0\1{\"name\":\"s\",\"namespace\":\"default\","
                                  "\"urls\":[\"http://a\"]}";
    char dir[STORE_TEMP_SIZE];
    struct store *s = NULL;
    struct store_write *w = NULL;
    struct err e = {0};
    store_temp_create(dir);
    assert_int_equal(store_open(dir, STORE_READ_WRITE, (size_t)MAP_MB << 20, &s, &e), ERR_OK);
    assert_false(rehearse(dir, ROUTE));
    struct str key = STR("service\0default\0s");
    assert_int_equal(store_write_begin(s, &w, &e), ERR_OK);
    assert_int_equal(
        store_put(w, STORE_RESOURCES, key, (struct str){service, sizeof(service) - 1}, &e), ERR_OK);
    assert_int_equal(store_write_commit(w, &e), ERR_OK);
    store_close(s);
    assert_true(rehearse(dir, ROUTE));

    /* Nothing was written. */
    assert_int_equal(store_open(dir, STORE_READ_ONLY, (size_t)MAP_MB << 20, &s, &e), ERR_OK);
    struct store_read *r = NULL;
    assert_int_equal(store_read_begin(s, &r, &e), ERR_OK);
    assert_int_equal(store_count(r, STORE_RESOURCES, STR("")), 1);
    assert_int_equal(store_count(r, STORE_LOG, STR("")), 0);
    store_read_end(r);
    store_close(s);
    store_temp_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_on_nothing),
        cmocka_unit_test(test_on_a_state),
    };
    log_configure(&(struct log_setup){.level = LOG_OFF});
    return cmocka_run_group_tests(tests, NULL, NULL);
}
