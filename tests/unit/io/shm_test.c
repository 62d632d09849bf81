#include <fcntl.h>
#include <sys/mman.h>

#include "base/container.h"
#include "base/mem.h"
#include "io/shm.h"
#include "testing.h"

static void test_shared_memory(void **state)
{
    (void)state;
    int fd = -1;
    struct err e = {0};
    assert_int_equal(shm_make("test", 100, &fd, &e), ERR_OK);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    char *a = shm_map(fd, 100, &e);
    char *b = shm_map(fd, 100, &e);
    assert_non_null(a);
    assert_non_null(b);
    for (int i = 0; i < 100; i++)
        assert_int_equal(a[i], 0);
    a[99] = 'x';
    assert_int_equal(b[99], 'x');
    shm_unmap(a, 100);
    assert_int_equal(b[99], 'x');
    shm_unmap(b, 100);
    shm_unmap(NULL, 100);
    (void)close(fd);
    assert_null(shm_map(fd, 100, &e));
    assert_int_equal(e.code, ERR_IO);
}

static void test_text_round_trip(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 3000000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char *text = mem_alloc(sizes[i] + 1);
        for (size_t k = 0; k < sizes[i]; k++)
            text[k] = (char)(unsigned char)(k * 7 + i);
        int fd = -1;
        size_t len = 77;
        struct err e = {0};
        assert_int_equal(shm_put_text("test", (struct str){text, sizes[i]}, &fd, &e), ERR_OK);
        for (int again = 0; again < 2; again++) { /* every child reads it from the start */
            char *got = shm_get_text(fd, &len, &e);
            assert_non_null(got);
            assert_int_equal(len, sizes[i]);
            assert_memory_equal(got, text, sizes[i] + 1);
            free(got);
        }
        (void)close(fd);
        free(text);
    }
}

static void test_no_text(void **state)
{
    (void)state;
    struct err e = {0};
    size_t len = 77;
    assert_null(shm_get_text(-1, &len, &e));
    assert_int_equal(e.code, ERR_IO);
    assert_int_equal(len, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_memory),
        cmocka_unit_test(test_text_round_trip),
        cmocka_unit_test(test_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
