#include "base/vec.h"
#include "testing.h"

struct pair {
    uint64_t a;
    char b;
};

struct pairs {
    VEC_OF(struct pair);
};

static void test_push(void **state)
{
    (void)state;
    struct pairs vec = {0};
    for (size_t i = 0; i < 1000; i++) {
        vec_push(&vec, ((struct pair){i, (char)('a' + i % 26)}));
        assert_int_equal(vec.n, i + 1);
        assert_true(vec.cap >= vec.n);
    }
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(vec.v[i].a, i);
        assert_int_equal(vec.v[i].b, 'a' + (int)(i % 26));
    }
    vec_finish(&vec);
    assert_null(vec.v);
    assert_int_equal(vec.n, 0);
    vec_push(&vec, ((struct pair){7, 'x'}));
    assert_int_equal(vec.v[0].a, 7);
    vec_finish(&vec);
    vec_finish(&vec);
}

static void test_push_of_own_element(void **state)
{
    (void)state;
    struct {
        VEC_OF(int);
    } vec = {0};
    vec_push(&vec, 42);
    for (int i = 0; i < 20; i++)
        vec_push(&vec, vec.v[0]); /* read after the array has moved */
    for (size_t i = 0; i < vec.n; i++)
        assert_int_equal(vec.v[i], 42);
    vec_finish(&vec);
}

static void test_growth_is_geometric(void **state)
{
    (void)state;
    struct {
        VEC_OF(char);
    } vec = {0};
    size_t moves = 0;
    for (size_t cap = 0; vec.n < 100000;) {
        vec_push(&vec, 'x');
        moves += vec.cap != cap;
        cap = vec.cap;
    }
    assert_in_range(moves, 10, 20);
    vec_finish(&vec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push),
        cmocka_unit_test(test_push_of_own_element),
        cmocka_unit_test(test_growth_is_geometric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
