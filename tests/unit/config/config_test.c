#include "base/container.h"
#include "codec/yaml.h"
#include "config/config.h"
#include "testing.h"

/* A configuration as the keys of a file give it. */
static json_t *handed_over(const char *yaml)
{
    struct err e = {0};
    json_t *keys = yaml_parse(str_of(yaml), NULL, NULL, NULL, &e);
    if (keys == NULL)
        fail_msg("%s: %s", yaml, e.msg);
    return json_pack("{s:s, s:o}", "file", "x.yaml", "keys", keys);
}

static const char everything[] =
    "version: v1\n"
    "log_level: warn\n"
    "log_json: true\n"
    "tags: [a, b]\n"
    "debug: true\n"
    "disable_default_namespace: true\n"
    "workers: 3\n"
    "storage: {type: memory, dir: /x}\n"
    "proxy: {host: \"::1\", port: 1, console_log_level: error, disable_x_forwarded_headers: true,\n"
    "  merge_slashes: true, global_headers: {B: \"2\", A: \"1\"},\n"
    "  init_resources: {routes: [{name: r}]}}\n"
    "test_server: {host: 127.0.0.2, port: 2, enable_env_vars: true, global_headers: {C: \"3\"}}\n"
    "limits: {header_max: 2048, hang_cpu_ms: 777}\n";

static void test_round_trip(void **state)
{
    (void)state;
    static const char *const admins[] = {
        "",
        "admin: {enabled: false}",
        "admin: {host: 10.0.0.1, port: 3, allow_list: [10.0.0.0/8], x_forwarded_for_depth: 2}",
        "admin: {auth_method: basic, basic_auth: {users: [{username: u, password: \"\\u00fc\"}]}}",
        "admin: {auth_method: key, key_auth: {keys: [k]}}",
        "admin: {auth_method: key, key_auth: {keys: [k, l], header_name: X-K}}",
        "admin: {auth_method: key, key_auth: {keys: [k], query_param_name: q}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(admins); i++) {
        char text[2048];
        (void)snprintf(text, sizeof(text), "%s%s\n", everything, admins[i]);
        json_t *first = handed_over(text);
        struct config *c = NULL;
        struct err e = {0};
        if (config_from_json(first, &c, &e) != ERR_OK)
            fail_msg("%s: %s", admins[i], e.msg);
        json_t *second = config_to_json(c);
        struct config *again = NULL;
        if (config_from_json(second, &again, &e) != ERR_OK)
            fail_msg("%s: %s", admins[i], e.msg);
        json_t *third = config_to_json(again);
        assert_true(json_equal(second, third));
        assert_string_equal(again->file, "x.yaml");
        assert_int_equal(again->log_level, LOG_WARN);
        assert_int_equal(again->limits.hang_cpu_ms, 777);
        assert_int_equal(again->limits.header_max, 2048);
        assert_true(again->test_server.enabled);
        assert_string_equal(again->test_server.global_headers.v[0].value, "3");
        assert_string_equal(again->proxy.global_headers.v[0].name, "B");
        assert_int_equal(again->admin.auth, c->admin.auth);
        assert_string_equal(again->admin.key_header, c->admin.key_header);
        assert_string_equal(again->admin.key_query, c->admin.key_query);
        assert_int_equal(again->admin.keys.n, c->admin.keys.n);
        assert_int_equal(json_array_size(json_object_get(again->init_resources, "routes")), 1);
        config_destroy(c);
        config_destroy(again);
        json_decref(first);
        json_decref(second);
        json_decref(third);
    }
}

static void test_what_was_not_handed_over(void **state)
{
    (void)state;
    json_t *const rows[] = {json_null(), json_array(), json_object(), json_pack("{s:n}", "keys"),
                            handed_over("workers: -1")};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config *c = NULL;
        struct err e = {0};
        assert_int_equal(config_from_json(rows[i], &c, &e), ERR_INVALID);
        assert_null(c);
        assert_true(e.msg[0] != '\0');
        json_decref(rows[i]);
    }
}

static void test_destroying_nothing(void **state)
{
    (void)state;
    config_destroy(NULL);
    struct config_warnings none = {0};
    config_warnings_finish(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_what_was_not_handed_over),
        cmocka_unit_test(test_destroying_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
