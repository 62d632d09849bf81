#include "base/container.h"
#include "codec/json.h"
#include "testing.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

/* What is written for each text; NULL: the same. */
static const struct {
    const char *text;
    const char *written;
} pairs[] = {
    {"null", NULL},
    {" true ", "true"},
    {"false", NULL},
    {"\"a\"", NULL},
    {"0", NULL},
    {"-9223372036854775808", NULL},
    {"9223372036854775807", NULL},
    {"9223372036854775808", "9.223372036854776e+18"},
    {"-9223372036854775809", "-9.223372036854776e+18"},
    {"9300000000000000000", "9.3e+18"},
    {"9999999999999999999", "1e+19"},
    {"10000000000000000000", "1e+19"},
    {"18446744073709551615", "1.8446744073709552e+19"},
    {"123456789012345678901234567890", "1.2345678901234568e+29"},
    {"[1,-10000000000000000000,[2,\"10000000000000000000\\\"\"],10000000000000000000.5e-1]",
     "[1,-1e+19,[2,\"10000000000000000000\\\"\"],1e+18]"},
    {"[9223372036854775807,{\"a\":10000000000000000000}]", "[9223372036854775807,{\"a\":1e+19}]"},
    {"0.1", NULL},
    {"-0.0", NULL},
    {"1.0", NULL},
    {"1e400", ""},
    {"1E3", "1000.0"},
    {"1e300", "1e+300"},
    {"5e-324", "4.94065645841247e-324"},
    {"0.30000000000000004", NULL},
    {"1.7976931348623157e308", "1.7976931348623157e+308"},
    {"[]", NULL},
    {"{}", NULL},
    {"[ 1 , [ ] , { } , [[2]] ]", "[1,[],{},[[2]]]"},
    {"{\"z\":1,\"a\":{\"m\":[true,null]},\"\":2}", NULL},
    {"\"\\u0000\"", ""},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u001f\\u007f\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u001f\x7f\""},
    {"\"\\u00e9\\ud83d\\ude00\"", "\"\xc3\xa9\xf0\x9f\x98\x80\""},
};

static void test_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct err e = {0};
        json_t *value = json_text_parse(str_of(pairs[i].text), &e);
        const char *expected = pairs[i].written != NULL ? pairs[i].written : pairs[i].text;
        if (*expected == '\0') {
            assert_null(value);
            continue;
        }
        assert_non_null(value);
        struct buf b;
        buf_init(&b, 1000);
        assert_true(json_text_write(&b, value));
        assert_str(buf_str(&b), expected);
        json_t *again = json_text_parse(buf_str(&b), &e);
        assert_true(json_equal(value, again));
        json_decref(again);
        json_decref(value);
        buf_finish(&b);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *place;
    } rows[] = {
        {TEXT(""), "line 1 column 0: "},
        {TEXT("{\"a\":1,\n \"a\":2}"), "line 2 column 4: "},
        {TEXT("[1,\n2,\n]"), "line 3 column 1: "},
        {TEXT("1 2"), "line 1 column 3: "},
        {TEXT("{\"a\" 1}"), "line 1 column 6: "},
        {TEXT("[01]"), "line 1 "},
        {TEXT("['a']"), "line 1 "},
        {TEXT("nul"), "line 1 "},
        {TEXT("\"a"), "line 1 "},
        {TEXT("\"\x01\""), "line 1 "},
        {TEXT("\"\xff\""), "line 1 "},
        {TEXT("\"\\ud800\""), "line 1 "},
        {TEXT("[09223372036854775808, 10000000000000000000]"), "line 1 "},
        {TEXT("[10000000000000000000,\n10000000000000000000 1]"), "line 2 column 22: "},
        {TEXT("[10000000000000000000, \"\\"), "line 1 "},
        {TEXT("[10000000000000000000, 1e400]"), "line 1 "},
        {TEXT("1\0"), "line 1 column 2: "},
        {TEXT("[\n1,\n \0"), "line 3 column 2: "},
        {TEXT("// x\n1"), "line 1 "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        if (json_text_parse(rows[i].text, &e) != NULL)
            fail_msg("\"%.*s\" is accepted", STR_ARG(rows[i].text));
        assert_int_equal(e.code, ERR_INVALID);
        if (strncmp(e.msg, rows[i].place, strlen(rows[i].place)) != 0)
            fail_msg("\"%s\" does not begin with \"%s\"", e.msg, rows[i].place);
    }
}

/* An integer of 400 digits is beyond doubles too. */
static void test_beyond_doubles(void **state)
{
    (void)state;
    char text[400];
    memset(text, '9', sizeof(text));
    struct err e = {0};
    assert_null(json_text_parse((struct str){text, 400}, &e));
    assert_int_equal(e.code, ERR_INVALID);
    json_t *value = json_text_parse((struct str){text, 300}, &e);
    assert_true(json_is_real(value));
    json_decref(value);
}

static void test_depth(void **state)
{
    (void)state;
    char text[6000];
    memset(text, '[', 3000);
    memset(text + 3000, ']', 3000);
    struct err e = {0};
    assert_null(json_text_parse((struct str){text, 6000}, &e));
    assert_string_equal(e.msg, "line 1 column 2049: nested too deep");
    json_t *value = json_text_parse((struct str){text + 999, 4002}, &e);
    assert_true(json_text_nests_too_deep(value));
    json_decref(value);
    value = json_text_parse((struct str){text + 1000, 4000}, &e);
    assert_non_null(value);
    assert_false(json_text_nests_too_deep(value));
    struct buf b;
    buf_init(&b, 5000);
    assert_true(json_text_write(&b, value));
    assert_int_equal(b.len, 4000);
    json_decref(value);
    buf_finish(&b);
}

static void test_maximum(void **state)
{
    (void)state;
    struct err e;
    struct str text = STR("{\"a\":[1,\"\\n\",2.5,true,null],\"b\":{}}");
    json_t *value = json_text_parse(text, &e);
    for (size_t max = 1; max <= text.len + 1; max++) {
        struct buf b;
        buf_init(&b, max);
        assert_true(buf_add(&b, STR("x")));
        assert_int_equal(json_text_write(&b, value), max > text.len);
        assert_int_equal(b.len, max > text.len ? max : 1);
        buf_finish(&b);
    }
    json_decref(value);
}

static void test_strings(void **state)
{
    (void)state;
    static const struct {
        struct str bytes;
        const char *text;
    } rows[] = {
        {{NULL, 0}, ""},
        {TEXT("a\xc3\xa9"), "a\xc3\xa9"},
        {TEXT("a\xff"
              "b\xc3"),
         "a\xef\xbf\xbd"
         "b\xef\xbf\xbd"},
        {TEXT("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *value = json_text_string(rows[i].bytes);
        assert_str(json_text_str(value), rows[i].text);
        json_decref(value);
    }
    json_t *number = json_integer(1);
    assert_str(json_text_str(number), "");
    assert_str(json_text_str(NULL), "");
    json_decref(number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_beyond_doubles), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_maximum),        cmocka_unit_test(test_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
