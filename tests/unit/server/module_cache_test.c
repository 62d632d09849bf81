#include "node/node_cache.h"
#include "server/module_cache.h"
#include "testing.h"

static struct node_segment *segment;
static struct module_cache cache;

static int setup(void **state)
{
    (void)state;
    const struct node_segment_options options = {
        .workers = 1, .rate_buckets = 8, .counts = 8, .upstreams = 8};
    struct err e = {0};
    int fd = -1;
    assert_int_equal(node_segment_make(&options, &fd, &segment, &e), ERR_OK);
    (void)close(fd);
    cache = (struct module_cache){.node = segment, .value_max = 100};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    node_segment_unmap(segment);
    return 0;
}

static bool set(const char *ns, const char *key, struct str value, double ttl_s)
{
    struct err e = {0};
    return module_cache_set(&cache, str_of(ns), str_of(key), value, ttl_s, &e);
}

static bool has(const char *ns, const char *key, const char *value)
{
    struct buf b;
    buf_init(&b, 1000);
    const bool found = module_cache_get(&cache, str_of(ns), str_of(key), &b);
    const bool same = found && str_eq(buf_str(&b), str_of(value));
    buf_finish(&b);
    return same;
}

static void test_namespaces_are_apart(void **state)
{
    (void)state;
    assert_true(set("a", "k", STR("1"), -1));
    assert_true(set("b", "k", STR("2"), -1));
    assert_true(has("a", "k", "1"));
    assert_true(has("b", "k", "2"));
    assert_false(module_cache_delete(&cache, STR("c"), STR("k")));
    assert_true(module_cache_delete(&cache, STR("a"), STR("k")));
    assert_false(has("a", "k", "1"));
    assert_true(has("b", "k", "2"));
}

static void test_expiry(void **state)
{
    (void)state;
    assert_true(set("a", "at once", STR("1"), 0));
    assert_true(set("a", "late", STR("1"), 1e6));
    assert_true(set("a", "never", STR("1"), 1e300));
    assert_false(has("a", "at once", "1"));
    assert_true(has("a", "late", "1"));
    assert_true(has("a", "never", "1"));
}

static void test_limits(void **state)
{
    (void)state;
    static char text[NODE_CACHE_BYTES_MIN];
    struct err e = {0};
    memset(text, 'x', sizeof(text));
    assert_true(module_cache_set(&cache, STR("a"), STR("k"), (struct str){text, 100}, -1, &e));
    assert_false(module_cache_set(&cache, STR("a"), STR("k"), (struct str){text, 101}, -1, &e));
    assert_int_equal(e.code, ERR_TOO_LARGE);
    assert_non_null(strstr(e.msg, "101 bytes as JSON, more than 100 (limits.cache_value_max"));
    const struct str longest = {text, MODULE_CACHE_KEY_MAX};
    assert_true(module_cache_set(&cache, STR("a"), longest, STR("1"), -1, &e));
    const struct str too_long = {text, MODULE_CACHE_KEY_MAX + 1};
    assert_false(module_cache_set(&cache, STR("a"), too_long, STR("1"), -1, &e));
    assert_non_null(strstr(e.msg, "513 bytes, more than 512"));
    assert_false(module_cache_delete(&cache, STR("a"), too_long));
    /* The memory allows less than the configuration. */
    cache.value_max = sizeof(text);
    assert_false(
        module_cache_set(&cache, STR("a"), STR("k"), (struct str){text, sizeof(text)}, -1, &e));
    assert_int_equal(e.code, ERR_TOO_LARGE);
    assert_true(module_cache_set(&cache, STR("a"), longest, (struct str){text, 8 * 1024}, -1, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_namespaces_are_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expiry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
