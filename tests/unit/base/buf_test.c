#include "base/buf.h"
#include "base/mem.h"
#include "testing.h"

static void test_add_up_to_the_maximum(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_str(buf_str(&b), "");
    assert_int_equal(buf_room(&b), 10);
    assert_true(buf_add(&b, STR("01234")));
    assert_true(buf_add(&b, STR("")));
    assert_true(buf_add(&b, (struct str){NULL, 0}));
    assert_false(buf_add(&b, STR("567890")));
    assert_str(buf_str(&b), "01234");
    assert_true(buf_add(&b, STR("56789")));
    assert_int_equal(buf_room(&b), 0);
    assert_false(buf_add(&b, STR("x")));
    assert_str(buf_str(&b), "0123456789");
    buf_finish(&b);
    assert_int_equal(b.max, 10);
    assert_true(buf_add(&b, STR("again")));
    buf_finish(&b);
}

static void test_maximum_zero(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_true(buf_add(&b, STR("")));
    assert_false(buf_add(&b, STR("x")));
    assert_true(buf_addf(&b, "%s", ""));
    assert_false(buf_addf(&b, "%s", "x"));
    assert_non_null(buf_reserve(&b, 0));
    assert_null(buf_reserve(&b, 1));
    assert_string_equal(buf_cstr(&b), "");
    buf_finish(&b);
    struct buf zeroed = {0};
    buf_finish(&zeroed);
}

/* Small memory goes from one buffer to the next; what was taken out of a buffer does not. */
static void test_recycled(void **state)
{
    (void)state;
    struct buf a;
    struct buf b;
    buf_init(&a, 1000);
    buf_init(&b, 1000);
    assert_true(buf_add(&a, STR("first")));
    const char *first = buf_str(&a).p;
    buf_finish(&a);
    assert_str(buf_str(&a), "");
    assert_true(buf_add(&b, STR("second")));
    if (MEM_RECYCLE)
        assert_ptr_equal(buf_str(&b).p, first);
    assert_true(buf_add(&a, STR("third")));
    assert_str(buf_str(&a), "third");
    assert_str(buf_str(&b), "second");

    size_t len = 0;
    char *taken = buf_take(&b, &len);
    buf_finish(&b);
    assert_true(buf_add(&b, STR("fourth")));
    assert_string_equal(taken, "second");
    free(taken);
    buf_finish(&a);
    buf_finish(&b);

    /* It grows as any other. */
    char *to = NULL;
    assert_true(buf_add(&a, STR("x")));
    assert_non_null(to = buf_reserve(&a, 999));
    memset(to, 'y', 999);
    buf_added(&a, 999);
    assert_int_equal(buf_str(&a).p[0], 'x');
    assert_int_equal(buf_str(&a).len, 1000);
    buf_finish(&a);
}

static void test_reserve(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    char *p = buf_reserve(&b, 1000);
    assert_non_null(p);
    memset(p, 'a', 1000);
    buf_added(&b, 400); /* less than reserved */
    assert_int_equal(buf_str(&b).len, 400);
    assert_null(buf_reserve(&b, 601));
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_non_null(buf_reserve(&b, 600));
    buf_added(&b, 600);
    assert_int_equal(buf_room(&b), 0);
    buf_finish(&b);
}

static void test_consume_and_refill(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 300);
    unsigned in = 0;
    unsigned out = 0;
    /* A window that moves through the buffer: bytes are moved, kept in order and never lost. */
    for (size_t step = 0; step < 5000; step++) {
        size_t n = step % 97;
        char *p = buf_reserve(&b, n);
        if (p != NULL) {
            for (size_t i = 0; i < n; i++)
                p[i] = (char)(in++ % 251);
            buf_added(&b, n);
        }
        struct str s = buf_str(&b);
        size_t take = (step * 31) % (s.len + 1);
        for (size_t i = 0; i < take; i++)
            assert_int_equal((unsigned char)s.p[i], out++ % 251);
        buf_consume(&b, take);
        assert_int_equal(b.len, in - out);
    }
    assert_true(out > 100000);
    buf_clear(&b);
    assert_str(buf_str(&b), "");
    assert_int_equal(buf_room(&b), 300);
    buf_finish(&b);
}

static void test_full_buffer_with_a_consumed_front(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 256); /* as large as the first allocation */
    memset(buf_reserve(&b, 256), 'x', 256);
    buf_added(&b, 256);
    buf_consume(&b, 3);
    assert_false(buf_add(&b, STR("abcd")));
    assert_true(buf_add(&b, STR("abc")));
    assert_str(str_skip(buf_str(&b), 253), "abc");
    assert_string_equal(buf_cstr(&b) + 253, "abc"); /* the NUL is not counted in the maximum */
    assert_int_equal(buf_str(&b).len, 256);
    buf_finish(&b);
}

static void test_printf(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 300);
    assert_true(buf_addf(&b, "%s=%d", "n", -1));
    assert_str(buf_str(&b), "n=-1");
    assert_false(buf_addf(&b, "%297s", "x"));
    assert_str(buf_str(&b), "n=-1");
    assert_true(buf_addf(&b, "%296s", "x"));
    assert_int_equal(buf_room(&b), 0);
    buf_finish(&b);
}

static void test_take(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    size_t len = 4711;
    char *p = buf_take(&b, &len);
    assert_string_equal(p, "");
    assert_int_equal(len, 0);
    free(p);

    assert_true(buf_add(&b, STR("hello world")));
    buf_consume(&b, 6);
    p = buf_take(&b, &len);
    assert_string_equal(p, "world");
    assert_int_equal(len, 5);
    free(p);
    assert_int_equal(b.len, 0);
    assert_true(buf_add(&b, STR("again")));
    free(buf_take(&b, NULL));
}

static void consume_too_much(void *arg)
{
    buf_consume(arg, 4);
}

static void count_too_much(void *arg)
{
    buf_added(arg, 8); /* there is memory for it, but not within the maximum */
}

static void test_asserts(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_true(buf_add(&b, STR("abc")));
    assert_aborts(consume_too_much, &b);
    assert_aborts(count_too_much, &b);
    buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_up_to_the_maximum),
        cmocka_unit_test(test_maximum_zero),
        cmocka_unit_test(test_recycled),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_consume_and_refill),
        cmocka_unit_test(test_full_buffer_with_a_consumed_front),
        cmocka_unit_test(test_printf),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_asserts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
