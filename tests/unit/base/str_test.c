#include "base/container.h"
#include "base/str.h"
#include "testing.h"

static void test_of(void **state)
{
    (void)state;
    assert_int_equal(str_of(NULL).len, 0);
    assert_int_equal(str_of("").len, 0);
    assert_int_equal(str_of("abc").len, 3);
    assert_int_equal(STR("a\0b").len, 3);
}

static void test_eq(void **state)
{
    (void)state;
    static const struct {
        struct str a, b;
        bool eq, eq_nocase;
    } cases[] = {
        {{NULL, 0}, {"", 0}, true, true},
        {{"abc", 3}, {"abc", 3}, true, true},
        {{"abc", 3}, {"abd", 3}, false, false},
        {{"abc", 3}, {"ab", 2}, false, false},
        {{"Host", 4}, {"hOsT", 4}, false, true},
        {{"a\0b", 3}, {"a\0c", 3}, false, false}, /* what follows a NUL counts */
        {{"a\0B", 3}, {"A\0b", 3}, false, true},
        {{"@[`{", 4}, {"`{@[", 4}, false, false}, /* the neighbours of the letters are no letters */
        {{"\xc4", 1}, {"\xe4", 1}, false, false}, /* nor are letters of other sets */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(str_eq(cases[i].a, cases[i].b), cases[i].eq);
        assert_int_equal(str_eq(cases[i].b, cases[i].a), cases[i].eq);
        assert_int_equal(str_eq_nocase(cases[i].a, cases[i].b), cases[i].eq_nocase);
    }
}

static void test_cmp(void **state)
{
    (void)state;
    assert_int_equal(str_cmp(STR(""), STR("")), 0);
    assert_int_equal(str_cmp((struct str){NULL, 0}, STR("")), 0);
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("b"), STR("ab")) > 0);
    assert_true(str_cmp(STR("\xff"), STR("a")) > 0); /* bytes are unsigned */
    assert_true(str_cmp(STR("a\0b"), STR("a\0c")) < 0);
}

static void test_parts(void **state)
{
    (void)state;
    const struct str s = STR("hello");
    assert_true(str_starts(s, STR("")));
    assert_true(str_starts(s, STR("hello")));
    assert_false(str_starts(s, STR("hello!")));
    assert_true(str_ends(s, STR("llo")));
    assert_false(str_ends(s, STR("hell")));
    assert_true(str_starts((struct str){NULL, 0}, (struct str){NULL, 0}));

    assert_true(str_contains(s, STR("ell")));
    assert_true(str_contains(s, STR("")));
    assert_true(str_contains((struct str){NULL, 0}, STR("")));
    assert_false(str_contains((struct str){NULL, 0}, STR("x")));
    assert_false(str_contains(s, STR("hello world")));

    assert_int_equal(str_index(s, 'l', 0), 2);
    assert_int_equal(str_index(s, 'l', 3), 3);
    assert_int_equal(str_index(s, 'l', 4), 5);
    assert_int_equal(str_index(s, 'h', 99), 5);
    assert_int_equal(str_index((struct str){NULL, 0}, 'h', 0), 0);

    assert_str(str_skip(s, 0), "hello");
    assert_str(str_skip(s, 5), "");
    assert_str(str_slice(s, 1, 3), "el");
    assert_int_equal(str_slice((struct str){NULL, 0}, 0, 0).len, 0);
}

static void slice_backwards(void *arg)
{
    (void)str_slice(*(struct str *)arg, 3, 2);
}

static void slice_outside(void *arg)
{
    (void)str_slice(*(struct str *)arg, 0, 6);
}

static void test_slice_asserts(void **state)
{
    (void)state;
    struct str s = STR("hello");
    assert_aborts(slice_backwards, &s);
    assert_aborts(slice_outside, &s);
}

static void test_trim(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},     {" ", ""},          {" \t \t", ""},     {"a", "a"},
        {" a ", "a"}, {"\ta b\t", "a b"}, {"\na\r", "\na\r"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_str(str_trim(str_of(cases[i].in)), cases[i].out);
    assert_int_equal(str_trim((struct str){NULL, 0}).len, 0);
}

static void test_next_item(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *items[4];
    } cases[] = {
        {"", {NULL}},
        {",", {NULL}},
        {" , ,\t,", {NULL}},
        {"a", {"a"}},
        {"a,b", {"a", "b"}},
        {" a , b ,", {"a", "b"}},
        {",,gzip;q=0.5,, br", {"gzip;q=0.5", "br"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str rest = str_of(cases[i].list);
        struct str item = STR("untouched");
        size_t n = 0;
        for (; str_next_item(&rest, &item); n++) {
            assert_non_null(cases[i].items[n]);
            assert_str(item, cases[i].items[n]);
        }
        assert_null(cases[i].items[n]);
        assert_int_equal(rest.len, 0);
        if (n == 0)
            assert_str(item, "untouched");
    }
}

static void test_to_u64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        bool ok;
        uint64_t value;
    } cases[] = {
        {"0", 0, true, 0},
        {"1", 0, false, 0},
        {"", 10, false, 0},
        {"007", 7, true, 7},
        {"8", 7, false, 0},
        {"10", 10, true, 10},
        {"11", 10, false, 0},
        {"19", 18, false, 0},
        {"100", 99, false, 0},
        {"00000000000000000000000000000042", 42, true, 42},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"28446744073709551615", UINT64_MAX, false, 0},
        {"99999999999999999999", UINT64_MAX, false, 0},
        {"184467440737095516150", UINT64_MAX, false, 0},
        {"9223372036854775808", INT64_MAX, false, 0},
        {"9223372036854775807", INT64_MAX, true, INT64_MAX},
        {"+1", 10, false, 0},
        {"-1", 10, false, 0},
        {" 1", 10, false, 0},
        {"1 ", 10, false, 0},
        {"0x1", 10, false, 0},
        {"1e1", 100, false, 0},
        {"\xb2", 10, false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t value = 4711;
        assert_int_equal(str_to_u64(str_of(cases[i].text), cases[i].max, &value), cases[i].ok);
        assert_int_equal(value, cases[i].ok ? cases[i].value : 4711);
    }
    uint64_t value = 0;
    assert_false(str_to_u64(STR("1\0"), 100, &value));
}

static void test_hash(void **state)
{
    (void)state;
    /* The published test vectors of 64-bit FNV-1a. */
    assert_int_equal(str_hash(STR("")), 0xcbf29ce484222325);
    assert_int_equal(str_hash(STR("a")), 0xaf63dc4c8601ec8c);
    assert_int_equal(str_hash(STR("foobar")), 0x85944171f73967e8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of),
        cmocka_unit_test(test_eq),
        cmocka_unit_test(test_cmp),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_slice_asserts),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_next_item),
        cmocka_unit_test(test_to_u64),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
