#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "store/store_lock.h"
#include "store/store_temp.h"

static void test_one_owner(void **state)
{
    char dir[STORE_TEMP_SIZE];
    char pid[32];
    struct err e = {0};
    int fd = -1;
    int other = -1;
    (void)state;
    store_temp_create(dir);
    assert_int_equal(store_lock(dir, &fd, &e), ERR_OK);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), 0); /* children get it over exec */
    assert_int_equal(store_lock(dir, &other, &e), ERR_CONFLICT);
    assert_int_equal(other, -1);
    (void)snprintf(pid, sizeof(pid), "process %d", (int)getpid());
    assert_non_null(strstr(e.msg, pid));
    assert_non_null(strstr(e.msg, dir));
    (void)close(fd);
    assert_int_equal(store_lock(dir, &other, &e), ERR_OK);
    (void)close(other);
    store_temp_remove(dir);
}

static void test_a_child_keeps_it(void **state)
{
    char dir[STORE_TEMP_SIZE];
    struct err e = {0};
    int fd = -1;
    (void)state;
    store_temp_create(dir);
    assert_int_equal(store_lock(dir, &fd, &e), ERR_OK);
    pid_t child = fork();
    if (child == 0)
        for (;;)
            (void)pause();
    (void)close(fd);
    assert_int_equal(store_lock(dir, &fd, &e), ERR_CONFLICT);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(store_lock(dir, &fd, &e), ERR_OK);
    (void)close(fd);
    store_temp_remove(dir);
}

static void test_what_is_in_the_file_does_not_matter(void **state)
{
    static const char *const TEXTS[] = {"", "junk", "99999999999999999999", "12x\n"};
    (void)state;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        char dir[STORE_TEMP_SIZE];
        char path[STORE_TEMP_SIZE + 64];
        struct err e = {0};
        int fd = -1;
        int other = -1;
        store_temp_create(dir);
        assert_int_equal(store_lock(dir, &fd, &e), ERR_OK);
        (void)snprintf(path, sizeof(path), "%s/lock", dir);
        int text = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_int_equal(write(text, TEXTS[i], strlen(TEXTS[i])), strlen(TEXTS[i]));
        (void)close(text);
        assert_int_equal(store_lock(dir, &other, &e), ERR_CONFLICT);
        assert_non_null(strstr(e.msg, "another process"));
        (void)close(fd);
        store_temp_remove(dir);
    }
}

static void test_errors_name_the_place(void **state)
{
    struct err e = {0};
    int fd = -1;
    (void)state;
    assert_int_equal(store_lock("", &fd, &e), ERR_INVALID);
    assert_int_equal(store_lock("/proc/none/store", &fd, &e), ERR_IO);
    assert_non_null(strstr(e.msg, "/proc/none"));
    assert_int_equal(fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_owner),
        cmocka_unit_test(test_a_child_keeps_it),
        cmocka_unit_test(test_what_is_in_the_file_does_not_matter),
        cmocka_unit_test(test_errors_name_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
