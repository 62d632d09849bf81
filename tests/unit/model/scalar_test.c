#include "base/container.h"
#include "model/scalar.h"
#include "testing.h"

static void test_ints(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t n;
        bool good;
    } rows[] = {
        {"0", 0, true},    {"-5", -5, true},  {"9223372036854775807", INT64_MAX, true},
        {"080", 80, true}, {"", 0, false},    {"+5", 0, false},
        {"5 ", 0, false},  {"0x5", 0, false}, {"9223372036854775808", 0, false},
        {"--5", 0, false}, {"-", 0, false},   {"1.0", 0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *value = json_string(rows[i].text);
        int64_t n = 0;
        if (scalar_int(value, true, &n) != rows[i].good || n != rows[i].n)
            fail_msg("\"%s\"", rows[i].text);
        assert_false(scalar_int(value, false, &n));
        json_decref(value);
    }
    json_t *number = json_integer(-7);
    int64_t n = 0;
    assert_true(scalar_int(number, false, &n));
    assert_int_equal(n, -7);
    json_decref(number);
    json_t *real = json_real(1);
    assert_false(scalar_int(real, true, &n));
    json_decref(real);
    assert_false(scalar_int(json_true(), true, &n));
    assert_false(scalar_int(NULL, true, &n));
}

static void test_bools(void **state)
{
    (void)state;
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
    static const char *const neither[] = {"", "yes", "on", "2", "truee"};
    bool value = false;
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        json_t *text = json_string(yes[i]);
        assert_true(scalar_bool(text, true, &value) && value);
        assert_false(scalar_bool(text, false, &value));
        json_decref(text);
        text = json_string(no[i]);
        assert_true(scalar_bool(text, true, &value) && !value);
        json_decref(text);
    }
    for (size_t i = 0; i < ARRAY_LEN(neither); i++) {
        json_t *text = json_string(neither[i]);
        assert_false(scalar_bool(text, true, &value));
        json_decref(text);
    }
    assert_true(scalar_bool(json_true(), false, &value) && value);
    assert_false(scalar_bool(json_null(), true, &value));
}

static void test_durations(void **state)
{
    (void)state;
    int64_t ns = 0;
    json_t *number = json_integer(1500);
    assert_true(scalar_duration(number, false, 1000000, &ns));
    assert_int_equal(ns, 1500000000);
    json_integer_set(number, INT64_MAX);
    assert_true(scalar_duration(number, false, 1, &ns));
    assert_false(scalar_duration(number, false, 2, &ns));
    json_decref(number);
    json_t *text = json_string("1.5s");
    assert_true(scalar_duration(text, false, 7, &ns));
    assert_int_equal(ns, 1500000000);
    json_string_set(text, "1500");
    assert_false(scalar_duration(text, false, 1, &ns));
    assert_true(scalar_duration(text, true, 1, &ns));
    assert_int_equal(ns, 1500);
    json_decref(text);
    assert_false(scalar_duration(json_null(), true, 1, &ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ints),
        cmocka_unit_test(test_bools),
        cmocka_unit_test(test_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
