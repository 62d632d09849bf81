#include <sys/resource.h>

#include "base/container.h"
#include "server/config_text.h"
#include "server/reload.h"

#define BASE "version: v1\nlog_level: error\nproxy: {port: 8080}\nadmin: {port: 9080}\n"

static enum reload_result reload(const char *text, struct launch *l, struct config **ret)
{
    config_text_write(text);
    return reload_load(config_text_file, l, ret);
}

static struct launch running(void)
{
    config_text_write(BASE);
    struct launch l = {.config = config_text_load(), .workers = 2};
    reload_fit(l.config, l.workers, NULL);
    return l;
}

static void test_the_same(void **state)
{
    (void)state;
    struct launch l = running();
    struct config *c = NULL;
    assert_int_equal(reload(BASE "# a comment\n", &l, &c), RELOAD_SAME);
    assert_null(c);
    launch_finish(&l);
}

static void test_changed(void **state)
{
    (void)state;
    struct launch l = running();
    struct config *c = NULL;
    assert_int_equal(reload(BASE "tags: [a]\n", &l, &c), RELOAD_CHANGED);
    assert_int_equal(c->tags.n, 1);
    assert_int_equal(l.config->tags.n, 0);
    config_destroy(c);
    launch_finish(&l);
}

/* What needs a restart stays; alone, it is no change. */
static void test_what_stays(void **state)
{
    (void)state;
    struct launch l = running();
    struct config *c = NULL;
    static const char *const moved = "version: v1\nlog_level: error\nproxy: {port: 8081}\n"
                                     "admin: {port: 9080}\n";
    assert_int_equal(reload(moved, &l, &c), RELOAD_SAME);
    char both[256];
    (void)snprintf(both, sizeof(both), "%stags: [b]\n", moved);
    assert_int_equal(reload(both, &l, &c), RELOAD_CHANGED);
    assert_int_equal(c->proxy.port, 8080);
    config_destroy(c);
    launch_finish(&l);
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "version: v7\n",
        "proxy: [\n",
        BASE "limits: {hang_cpu_ms: soon}\n",
        "version: v1\nlog_level: error\nproxy: {port: 8080, allowed_domains: [\"/(/\"]}\n",
    };
    struct launch l = running();
    struct config *c = NULL;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(reload(texts[i], &l, &c), RELOAD_BAD);
        assert_null(c);
    }
    assert_int_equal(l.config->proxy.port, 8080);
    assert_int_equal(unlink(config_text_file), 0);
    assert_int_equal(reload_load(config_text_file, &l, &c), RELOAD_BAD);
    launch_finish(&l);
}

/* In a process of its own: the limit of open files cannot be lifted again. */
static void test_fit(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        struct config c = {.limits.client_connections = 16384};
        const struct rlimit few = {564, 564};
        bool ok = setrlimit(RLIMIT_NOFILE, &few) == 0;
        reload_fit(&c, 4, NULL);
        ok = ok && c.limits.client_connections == (564 - 64 - 4) / 2;
        c.limits.client_connections = 100;
        reload_fit(&c, 4, NULL);
        ok = ok && c.limits.client_connections == 100;
        _exit(ok ? 0 : 1);
    }
    int end = 0;
    assert_true(child > 0 && waitpid(child, &end, 0) == child);
    assert_int_equal(end, 0);
}

int main(void)
{
    log_configure(&(struct log_setup){.level = LOG_OFF});
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same),   cmocka_unit_test(test_changed),
        cmocka_unit_test(test_what_stays), cmocka_unit_test(test_bad),
        cmocka_unit_test(test_fit),
    };
    return cmocka_run_group_tests(tests, config_text_setup, config_text_teardown);
}
