#include "base/container.h"
#include "base/utf8.h"
#include "testing.h"

static void test_length(void **state)
{
    (void)state;
    static const struct {
        struct str s;
        size_t length;
    } cases[] = {
        {{NULL, 0}, 0},
        {{"\0", 1}, 1},
        {{"a", 1}, 1},
        {{"\x7f", 1}, 1},
        {{"\x80", 1}, 0},
        {{"\xc1\xbf", 2}, 0}, /* overlong */
        {{"\xc2\x80", 2}, 2},
        {{"\xc2", 1}, 0},
        {{"\xc2\x41", 2}, 0},
        {{"\xdf\xbf", 2}, 2},
        {{"\xe0\x9f\xbf", 3}, 0}, /* overlong */
        {{"\xe0\xa0\x80", 3}, 3},
        {{"\xe2\x82\xac", 3}, 3},
        {{"\xe2\x82", 2}, 0},
        {{"\xe2\x82\x41", 3}, 0},
        {{"\xed\x9f\xbf", 3}, 3},
        {{"\xed\xa0\x80", 3}, 0}, /* a surrogate */
        {{"\xef\xbf\xbf", 3}, 3},
        {{"\xf0\x8f\xbf\xbf", 4}, 0}, /* overlong */
        {{"\xf0\x90\x80\x80", 4}, 4},
        {{"\xf0\x9f\x98\x80", 4}, 4},
        {{"\xf0\x9f\x98\x41", 4}, 0},
        {{"\xf4\x8f\xbf\xbf", 4}, 4},
        {{"\xf4\x90\x80\x80", 4}, 0}, /* past U+10FFFF */
        {{"\xf5\x80\x80\x80", 4}, 0},
        {{"\xff", 1}, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(utf8_length(cases[i].s), cases[i].length);
}

static void test_cut(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        size_t max;
        size_t len;
    } cases[] = {
        {"", 0, 0},
        {"abc", 3, 3},
        {"abc", 2, 2},
        {"abc", 0, 0},
        {"a\xc3\xa9z", 3, 3},
        {"a\xc3\xa9z", 2, 1},
        {"\xe2\x82\xac", 2, 0},
        {"\xe2\x82\xac", 3, 3},
        {"x\xf0\x9f\x98\x80y", 4, 1},
        {"x\xf0\x9f\x98\x80y", 2, 1},
        {"x\xf0\x9f\x98\x80y", 5, 5},
        {"\x80\x80\x80\x80\x80\x80", 5, 5}, /* no UTF-8: no boundary to keep */
        {"\x80\x80", 1, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(utf8_cut(str_of(cases[i].s), cases[i].max).len, cases[i].len);
    assert_int_equal(utf8_cut((struct str){NULL, 0}, 0).len, 0);
}

static void test_is_ascii(void **state)
{
    (void)state;
    assert_true(utf8_is_ascii((struct str){NULL, 0}));
    assert_true(utf8_is_ascii((struct str){"a\0\x7f", 3}));
    assert_false(utf8_is_ascii(STR("a\x80")));
    assert_false(utf8_is_ascii(STR("\xc3\xa4z")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_length), cmocka_unit_test(test_cut),
                                       cmocka_unit_test(test_is_ascii)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
