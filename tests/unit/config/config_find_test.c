#include "config/config.h"
#include "testing.h"

static char before[4096];
static char dir[256];

static void touch(const char *name)
{
    FILE *f = fopen(name, "we");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

static void expect_found(const char *flag, const char *expected)
{
    char *path = config_find(flag);
    if (expected == NULL) {
        assert_null(path);
    } else {
        assert_non_null(path);
        assert_string_equal(path, expected);
    }
    free(path);
}

static void test_order(void **state)
{
    (void)state;
    if (access("/etc/dgate/config.yaml", F_OK) != 0)
        expect_found(NULL, NULL);
    touch("dgate.yaml");
    expect_found("", "dgate.yaml");
    touch("config.dgate.toml");
    expect_found(NULL, "config.dgate.toml");
    touch("config.dgate.json");
    expect_found(NULL, "config.dgate.json");
    touch("config.dgate.yaml");
    expect_found(NULL, "config.dgate.yaml");
    touch("config.dgate.yml");
    expect_found(NULL, "config.dgate.yml");
    assert_int_equal(setenv("DG_CONFIG_DATA", "e30=", 1), 0);
    expect_found(NULL, NULL);
    assert_int_equal(setenv("DG_CONFIG_PATH", "there.yaml", 1), 0);
    expect_found(NULL, "there.yaml");
    expect_found("", "there.yaml");
    expect_found("flag.yaml", "flag.yaml");
    assert_int_equal(setenv("DG_CONFIG_PATH", "", 1), 0);
    assert_int_equal(setenv("DG_CONFIG_DATA", "", 1), 0);
    expect_found(NULL, "config.dgate.yml");
}

static int enter(void **state)
{
    (void)state;
    (void)unsetenv("DG_CONFIG_PATH");
    (void)unsetenv("DG_CONFIG_DATA");
    (void)snprintf(dir, sizeof(dir), "/tmp/dgate-find-XXXXXX");
    if (getcwd(before, sizeof(before)) == NULL || mkdtemp(dir) == NULL)
        return -1;
    return chdir(dir);
}

static int leave(void **state)
{
    (void)state;
    static const char *const names[] = {"dgate.yaml", "config.dgate.toml", "config.dgate.json",
                                        "config.dgate.yaml", "config.dgate.yml"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unlink(names[i]);
    return chdir(before) != 0 ? -1 : rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order)};
    return cmocka_run_group_tests(tests, enter, leave);
}
