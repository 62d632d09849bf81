#include "server/storage_dir.h"
#include "store/store_temp.h"
#include "testing.h"

static void test_a_named_directory(void **state)
{
    (void)state;
    char dir[STORE_TEMP_SIZE];
    char path[STORE_TEMP_SIZE + 16];
    store_temp_create(dir);
    (void)snprintf(path, sizeof(path), "%s/data", dir);
    const struct config c = {.storage = CONFIG_STORAGE_FILE, .storage_dir = path};
    struct storage_dir first = {0};
    struct storage_dir second = {0};
    struct err e = {0};
    assert_int_equal(storage_dir_take(&c, &first, &e), ERR_OK);
    assert_string_equal(first.path, path);
    assert_false(first.temporary);
    assert_int_equal(storage_dir_take(&c, &second, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.msg, "storage: "));
    assert_null(second.path);
    storage_dir_release(&first);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(storage_dir_take(&c, &second, &e), ERR_OK);
    storage_dir_release(&second);
    storage_dir_release(&second);
    store_temp_remove(dir);
}

static void test_temporary_ones(void **state)
{
    (void)state;
    const struct config c = {.storage = CONFIG_STORAGE_MEMORY};
    struct storage_dir a = {0};
    struct storage_dir b = {0};
    struct storage_dir d = {0};
    struct err e = {0};
    char left[256];
    char file[300];
    assert_int_equal(storage_dir_take(&c, &a, &e), ERR_OK);
    assert_int_equal(storage_dir_take(&c, &b, &e), ERR_OK);
    assert_true(a.temporary && b.temporary);
    assert_string_not_equal(a.path, b.path);
    (void)snprintf(left, sizeof(left), "%s", a.path);
    (void)snprintf(file, sizeof(file), "%s/data.mdb", a.path);
    FILE *f = fopen(file, "we");
    assert_non_null(f);
    (void)fclose(f);
    /* As when the server is killed: its directory stays, its lock does not. The next start sweeps it. */
    (void)close(a.lock_fd);
    a.lock_fd = -1;
    assert_int_equal(storage_dir_take(&c, &d, &e), ERR_OK);
    assert_int_equal(access(left, F_OK), -1);
    assert_int_equal(access(b.path, F_OK), 0);
    storage_dir_release(&a);
    (void)snprintf(left, sizeof(left), "%s", b.path);
    storage_dir_release(&b);
    assert_int_equal(access(left, F_OK), -1);
    storage_dir_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_named_directory),
        cmocka_unit_test(test_temporary_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
