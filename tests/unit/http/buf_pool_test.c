#include "base/container.h"
#include "base/mem.h"
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
    assert_int_equal(pool.n, MEM_RECYCLE);
    buf_pool_take(&pool, &b);
    if (MEM_RECYCLE)
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

static void test_large_blocks(void **state)
{
    (void)state;
    struct buf_pool pool = {0};
    struct buf a;
    struct buf b;
    buf_init(&a, 1 << 20);
    buf_init(&b, 1 << 20);
    buf_pool_take_large(&pool, &a);
    char *block = a.base;
    assert_int_equal(a.cap, BUF_POOL_LARGE);
    buf_pool_take(&pool, &a); /* has memory already */
    assert_ptr_equal(a.base, block);
    buf_pool_give(&pool, &a);
    assert_null(a.base);
    assert_int_equal(pool.large_n, MEM_RECYCLE);
    assert_int_equal(pool.n, 0);
    buf_pool_take(&pool, &b); /* each kind for itself */
    assert_int_equal(b.cap, BUF_POOL_BLOCK);
    buf_pool_drop(&pool, &b);
    buf_pool_take_large(&pool, &b);
    if (MEM_RECYCLE)
        assert_ptr_equal(b.base, block);
    buf_pool_drop(&pool, &b);

    struct buf many[BUF_POOL_LARGE_KEEP + 1];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        buf_init(&many[i], 1 << 20);
        buf_pool_take_large(&pool, &many[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        buf_pool_drop(&pool, &many[i]);
    assert_int_equal(pool.large_n, MEM_RECYCLE ? BUF_POOL_LARGE_KEEP : 0);
    buf_pool_finish(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_large_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
