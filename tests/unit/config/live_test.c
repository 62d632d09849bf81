#include "base/buf.h"
#include "codec/yaml.h"
#include "config/file_text.h"
#include "config/live.h"
#include "testing.h"

static struct config *make(const char *text)
{
    struct err e = {0};
    struct config *c = NULL;
    json_t *keys = yaml_parse(str_of(text), NULL, NULL, NULL, &e);
    assert_non_null(keys);
    json_t *json = json_pack("{s:n, s:o}", "file", "keys", keys);
    if (config_from_json(json, &c, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    json_decref(json);
    return c;
}

/* "path running wanted;" of everything that was kept. */
static void merge(const char *running, const char *wanted, const char *expected, bool equal)
{
    struct config *a = make(running);
    struct config *b = make(wanted);
    struct config *merged = NULL;
    struct live_kept_list kept = {0};
    struct err e = {0};
    struct buf got;
    buf_init(&got, 4096);
    if (live_merge(a, b, &merged, &kept, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    for (size_t i = 0; i < kept.n; i++)
        assert_true(
            buf_addf(&got, "%s %s %s;", kept.v[i].path, kept.v[i].running, kept.v[i].wanted));
    assert_string_equal(buf_cstr(&got), expected);
    buf_finish(&got);
    assert_int_equal(live_equal(a, merged), equal);
    live_kept_finish(&kept);
    config_destroy(a);
    config_destroy(b);
    config_destroy(merged);
}

static void test_what_is_kept(void **state)
{
    (void)state;
    merge("{}", "{}", "", true);
    merge("{}", "log_level: debug", "", false);
    merge("{}", "proxy: {global_headers: {A: b}}", "", false);
    merge("{}", "limits: {header_max: 2048}", "", false);
    merge("{}", "workers: 3", "workers 0 3;", true);
    merge("{}", "{workers: 3, log_json: true}", "workers 0 3;", false);
    merge("storage: {type: memory}", "storage: {dir: /x}",
          "storage.type \"memory\" \"file\";storage.dir \".dgate/data\" \"/x\";", true);
    merge("proxy: {port: 80}", "proxy: {port: 81, host: 127.0.0.1}",
          "proxy.host \"0.0.0.0\" \"127.0.0.1\";proxy.port 80 81;", true);
    merge("admin: {enabled: false}", "{}", "admin.enabled false true;", true);
    merge("{}", "limits: {node_counts: 2048}", "limits.node_counts 16384 2048;", true);
}

static void test_a_map_that_comes_or_goes(void **state)
{
    (void)state;
    merge("{}", "test_server: {port: 1}", "test_server absent present;", true);
    merge("test_server: {port: 1, global_headers: {A: b}}", "{}", "test_server present absent;",
          true);
    merge("test_server: {port: 1}", "test_server: {port: 2, enable_env_vars: true}",
          "test_server.port 1 2;", false);
}

static void test_what_does_not_fit_together(void **state)
{
    (void)state;
    struct config *a = make("admin: {host: 0.0.0.0, allow_list: [127.0.0.1]}");
    struct config *b = make("admin: {host: 127.0.0.1}");
    struct config *merged = NULL;
    struct live_kept_list kept = {0};
    struct err e = {0};
    assert_int_equal(live_merge(a, b, &merged, &kept, &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, "with what needs a restart as it is now: "));
    assert_non_null(strstr(e.msg, "admin.host"));
    assert_null(merged);
    assert_int_equal(kept.n, 1);
    live_kept_finish(&kept);
    config_destroy(a);
    config_destroy(b);
}

/* They stand in the log, so none may be secret, and each must be a key. */
static void test_which_keys(void **state)
{
    (void)state;
    size_t n = 0;
    for (size_t i = 0; i < keys_count; i++) {
        const struct keys_key *k = &keys_all[i];
        if (!live_needs_restart(k))
            continue;
        n++;
        if (k->type == KEYS_USERS || k->type == KEYS_STRINGS || k->type == KEYS_PAIRS ||
            k->type == KEYS_REFUSED || k->type == KEYS_RESOURCES)
            fail_msg("%s cannot be shown", k->path);
    }
    assert_int_equal(n, 17);
}

/* docs/config.md lists them under a heading of their own. */
static void test_the_document_names_them(void **state)
{
    (void)state;
    struct buf text;
    struct err e = {0};
    buf_init(&text, 1 << 20);
    if (file_text_read("docs/config.md", &text, &e) != ERR_OK)
        fail_msg("docs/config.md: %s", e.msg);
    const char *from = strstr(buf_cstr(&text), "## Keys that need a restart");
    assert_non_null(from);
    const char *to = strstr(from, "\n## ");
    assert_non_null(to);
    const struct str section = {from, (size_t)(to - from)};
    for (size_t i = 0; i < keys_count; i++) {
        struct buf name;
        buf_init(&name, 256);
        assert_true(buf_addf(&name, "`%s`", keys_all[i].path));
        if (str_contains(section, buf_str(&name)) != live_needs_restart(&keys_all[i]))
            fail_msg("%s: the list under \"Keys that need a restart\" is not true",
                     keys_all[i].path);
        buf_finish(&name);
    }
    buf_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_kept),
        cmocka_unit_test(test_a_map_that_comes_or_goes),
        cmocka_unit_test(test_what_does_not_fit_together),
        cmocka_unit_test(test_which_keys),
        cmocka_unit_test(test_the_document_names_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
