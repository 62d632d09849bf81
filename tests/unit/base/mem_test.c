#include "base/mem.h"
#include "testing.h"

static void test_zeroed(void **state)
{
    (void)state;
    unsigned char *p = mem_calloc(100, 10);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(p[i], 0);
    p = mem_resize(p, 200, 10);
    assert_int_equal(p[999], 0);
    free(p);
    free(mem_alloc(1));
}

static void test_dup(void **state)
{
    (void)state;
    char *p = mem_dup("a\0b", 3);
    assert_memory_equal(p, "a\0b", 4);
    free(p);
    p = mem_dup(NULL, 0);
    assert_string_equal(p, "");
    free(p);
    p = mem_strdup("text");
    assert_string_equal(p, "text");
    free(p);
}

static void allocate_nothing(void *arg)
{
    (void)arg;
    free(mem_alloc(0));
}

static void test_aborts(void **state)
{
    (void)state;
    assert_aborts(allocate_nothing, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_dup),
        cmocka_unit_test(test_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
