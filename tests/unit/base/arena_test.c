#include <stdalign.h>

#include "base/arena.h"
#include "base/container.h"
#include "testing.h"

static void test_zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 100000);
    for (size_t size = 1; size < 300; size++) {
        unsigned char *p = arena_alloc(&a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, size); /* would show in a neighbour that follows */
    }
    arena_finish(&a);
}

static void test_limit(void **state)
{
    (void)state;
    static const struct {
        size_t limit, size;
        bool fits;
    } cases[] = {
        {0, 1, false},
        {15, 1, false},
        {16, 1, true},
        {16, 16, true},
        {16, 17, false},
        {4096, 4096, true},
        {4096, 4097, false},
        {100000, 99999, true},
        {16, SIZE_MAX, false},
        {SIZE_MAX / 2, SIZE_MAX, false},
        {100000, SIZE_MAX - 15, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        arena_init(&a, cases[i].limit);
        assert_int_equal(arena_alloc(&a, cases[i].size) != NULL, cases[i].fits);
        if (!cases[i].fits)
            assert_int_equal(a.used, 0);
        arena_finish(&a);
    }
}

static void test_fills_to_the_limit(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64 * 1024);
    size_t n = 0;
    while (arena_alloc(&a, 16) != NULL)
        n++;
    assert_int_equal(n, 64 * 1024 / 16);
    assert_int_equal(a.used, a.limit);
    assert_null(arena_alloc(&a, 1));
    arena_finish(&a);
}

static void test_used_again_after_finish(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 32);
    assert_non_null(arena_alloc(&a, 32));
    assert_null(arena_alloc(&a, 1));
    arena_finish(&a);
    assert_int_equal(a.used, 0);
    assert_non_null(arena_alloc(&a, 32));
    arena_finish(&a);

    struct arena zeroed = {0};
    arena_finish(&zeroed);
}

static void test_copy(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64);
    struct str copy = {0};
    assert_true(arena_copy(&a, STR("a\0b"), &copy));
    assert_int_equal(copy.len, 3);
    assert_memory_equal(copy.p, "a\0b", 4);
    assert_true(arena_copy(&a, (struct str){NULL, 0}, &copy));
    assert_int_equal(copy.len, 0);
    assert_int_equal(copy.p[0], '\0');

    struct str untouched = STR("as it was");
    assert_false(arena_copy(&a, STR("0123456789012345678901234567890123456789"), &untouched));
    assert_str(untouched, "as it was");
    arena_finish(&a);
}

static void test_printf(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64);
    struct str s = {0};
    assert_true(arena_printf(&a, &s, "%s-%d", "x", 42));
    assert_str(s, "x-42");
    assert_int_equal(s.p[s.len], '\0');
    assert_true(arena_printf(&a, &s, "%s", ""));
    assert_str(s, "");
    assert_false(arena_printf(&a, &s, "%64s", ""));
    assert_str(s, "");
    arena_finish(&a);
}

static void alloc_nothing(void *arg)
{
    (void)!arena_alloc(arg, 0);
}

static void test_asserts(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64);
    assert_aborts(alloc_nothing, &a);
    arena_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_and_aligned),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_fills_to_the_limit),
        cmocka_unit_test(test_used_again_after_finish),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_printf),
        cmocka_unit_test(test_asserts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
