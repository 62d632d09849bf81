#include "base/container.h"
#include "base/now.h"
#include "testing.h"

static void test_rfc3339(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {999, "1970-01-01T00:00:00.999Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
        {-1001, "1969-12-31T23:59:58.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {1795487205123, "2026-11-24T02:26:45.123Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"}, /* 2100 has no 29 February */
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "292278994-08-17T07:12:55.807Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[NOW_RFC3339_SIZE];
        now_rfc3339(cases[i].ms, out);
        assert_string_equal(out, cases[i].text);
    }
    char out[NOW_RFC3339_SIZE];
    now_rfc3339(INT64_MIN, out);
    assert_int_equal(out[strlen(out) - 1], 'Z');
}

static void test_clocks(void **state)
{
    (void)state;
    uint64_t last = now_mono_ns();
    for (int i = 0; i < 1000; i++) {
        uint64_t next = now_mono_ns();
        assert_true(next >= last);
        last = next;
    }
    assert_true(now_wall_ms() > INT64_C(1700000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rfc3339),
                                       cmocka_unit_test(test_clocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
