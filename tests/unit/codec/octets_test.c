#include "codec/octets.h"
#include "testing.h"

enum { LONGEST = 40 };

static bool plain(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!octets_is(p[i], OCTETS_VALUE))
            return false;
    return true;
}

/* Every octet at every place of texts of every length around the size of a word. */
static void test_values(void **state)
{
    (void)state;
    assert_true(octets_are_value(NULL, 0));
    for (size_t n = 1; n <= LONGEST; n++) {
        char text[LONGEST];
        for (size_t at = 0; at < n; at++) {
            memset(text, 'a', sizeof(text));
            for (int c = 0; c < 256; c++) {
                text[at] = (char)(unsigned char)c;
                assert_int_equal(octets_are_value(text, n), plain(text, n));
                const char *stop = octets_skip_value(text, text + n);
                assert_ptr_equal(stop, plain(text, n) ? text + n : text + at);
            }
        }
    }
}

/* Nothing but the n octets counts, and tabs do not hide what follows them. */
static void test_neighbours(void **state)
{
    (void)state;
    const char text[] = "\x01ordinary text\t\t\tand more\x7f";
    const size_t n = sizeof(text) - 1;
    assert_true(octets_are_value(text + 1, n - 2));
    assert_false(octets_are_value(text, n - 1));
    assert_false(octets_are_value(text + 1, n - 1));
    assert_ptr_equal(octets_skip_value(text + 1, text + n), text + n - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
