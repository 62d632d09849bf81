#include "http/buf_pool.h"
#include "testing.h"

static void test_blocks(void **state)
{
    (void)state;
    struct buf_pool pool = {0};
    struct buf a;
    struct buf b;
    buf_init(&a, 1 << 20);
    buf_init(&b, 100);
    buf_pool_take(&pool, &a);
    char *block = a.base;
    assert_non_null(block);
    assert_true(buf_add(&a, STR("kept")));
    buf_pool_take(&pool, &a);
    buf_pool_give(&pool, &a); /* not empty: stays */
    assert_str(buf_str(&a), "kept");
    buf_consume(&a, 4);
    buf_pool_give(&pool, &a);
    assert_null(a.base);
    assert_int_equal(a.max, 1 << 20);
    assert_int_equal(pool.n, BUF_POOL_RECYCLE);
    buf_pool_take(&pool, &b);
    if (BUF_POOL_RECYCLE)
        assert_ptr_equal(b.base, block);
    assert_int_equal(buf_room(&b), 100);
    buf_pool_drop(&pool, &b);

    /* One that grew is not kept. */
    buf_pool_take(&pool, &a);
    assert_non_null(buf_reserve(&a, 2 * BUF_POOL_BLOCK));
    buf_pool_finish(&pool);
    buf_pool_give(&pool, &a);
    assert_int_equal(pool.n, 0);
    buf_pool_finish(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
