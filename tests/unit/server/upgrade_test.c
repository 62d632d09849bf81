#include <limits.h>
#include <linux/close_range.h>
#include <sys/stat.h>

#include "io/peer.h"
#include "server/upgrade.h"
#include "store/store_temp.h"

struct outcome {
    int calls;
    struct err e;
    char version[UPGRADE_VERSION_MAX];
};

static void on_done(void *user, const char *version, const struct err *e)
{
    struct outcome *o = user;
    o->calls++;
    if (e != NULL)
        o->e = *e;
    (void)snprintf(o->version, sizeof(o->version), "%s", version);
}

static char dir[STORE_TEMP_SIZE];
static char program[STORE_TEMP_SIZE + 16];

static void write_script(const char *text)
{
    FILE *f = fopen(program, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(program, 0700), 0);
}

static void test_scripts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *why; /* NULL: it may take over */
    } cases[] = {
        {"#!/bin/sh\n[ $1 = --check ] && [ \"$2 $3\" = '-c a file' ] || echo dgate-upgrade 1 3 "
         "9.9\n",
         NULL},
        {"#!/bin/sh\necho dgate-upgrade 2 3 9.9\n", "(9.9) cannot take over"},
        {"#!/bin/sh\necho dgate-upgrade 0 0 9.9\n", "does not say"},
        {"#!/bin/sh\necho dgate-upgrade 1 1\n", "does not say"},
        {"#!/bin/sh\necho something else\n", "does not say"},
        {"#!/bin/sh\nexit 0\n", "does not say"},
        {"#!/bin/sh\nexit 3\n", "--upgrade-version ended with exit status 3"},
        {"#!/bin/sh\nkill -15 $$\n", "--upgrade-version ended with signal 15"},
        {"#!/bin/sh\n[ $1 = --check ] && exit 4\necho dgate-upgrade 1 1 9.9\n",
         "--check ended with exit status 4"},
        /* It writes more than it may: cut off, and not believed. */
        {"#!/bin/sh\nhead -c 1000000 /dev/zero\nexit 5\n", "exit status 5"},
        {"#!/nonexistent/interpreter\n", "cannot"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outcome o = {0};
        write_script(cases[i].text);
        (void)upgrade_check_start(loop, program, "a file", on_done, &o);
        until(o.calls == 1);
        if (cases[i].why == NULL) {
            assert_int_equal(o.e.code, ERR_OK);
            assert_string_equal(o.version, "9.9");
        } else if (strstr(o.e.msg, cases[i].why) == NULL) {
            fail_msg("%s: %s", cases[i].text, o.e.msg);
        }
    }
}

static void test_cancel(void **state)
{
    (void)state;
    struct outcome o = {0};
    write_script("#!/bin/sh\nsleep 60\n");
    struct upgrade_check *c = upgrade_check_start(loop, program, NULL, on_done, &o);
    peer_turns(2);
    upgrade_check_cancel(c);
    upgrade_check_cancel(NULL);
    peer_turns(2);
    assert_int_equal(o.calls, 0);
}

static void assert_program(const char *argv0, const char *expected)
{
    char *found = upgrade_program(argv0);
    assert_non_null(found);
    assert_string_equal(found, expected);
    free(found);
}

static void test_where_the_program_is(void **state)
{
    (void)state;
    char self[PATH_MAX] = {0};
    char link[STORE_TEMP_SIZE + 16];
    assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
    assert_program(self, self);
    assert_program(NULL, self);
    assert_program("/bin/sh", self); /* not ours */
    assert_program("no-such-program", self);
    /* A link stays one, so that it can be pointed elsewhere. */
    (void)snprintf(link, sizeof(link), "%s/linked", dir);
    assert_int_equal(symlink(self, link), 0);
    assert_program(link, link);
    assert_int_equal(setenv("PATH", "/nonexistent:relative:", 1), 0);
    assert_program("linked", self);
    assert_int_equal(setenv("PATH", dir, 1), 0);
    assert_program("linked", link);
    assert_int_equal(setenv("PATH", "/usr/bin:/bin", 1), 0);
    assert_int_equal(chdir(dir), 0);
    char expected[STORE_TEMP_SIZE + 16];
    (void)snprintf(expected, sizeof(expected), "%s/./linked", dir);
    assert_program("./linked", expected);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(unlink(link), 0);
}

static int make_dir(void **state)
{
    (void)state;
    store_temp_create(dir);
    (void)snprintf(program, sizeof(program), "%s/program", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    (void)unlink(program);
    store_temp_remove(dir);
    return 0;
}

int main(void)
{
    /* The test runner may leave descriptors open for us. */
    (void)close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_scripts),
        T(test_cancel),
        T(test_where_the_program_is),
#undef T
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
