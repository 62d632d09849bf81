#include "base/container.h"
#include "codec/base64.h"
#include "testing.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static const struct {
    struct str plain;
    struct str encoded;
} pairs[] = {
    /* RFC 4648 section 10 */
    {TEXT(""), TEXT("")},
    {TEXT("f"), TEXT("Zg==")},
    {TEXT("fo"), TEXT("Zm8=")},
    {TEXT("foo"), TEXT("Zm9v")},
    {TEXT("foob"), TEXT("Zm9vYg==")},
    {TEXT("fooba"), TEXT("Zm9vYmE=")},
    {TEXT("foobar"), TEXT("Zm9vYmFy")},
    {TEXT("\0"), TEXT("AA==")},
    {TEXT("\xff\xff\xff"), TEXT("////")},
    {TEXT("\xfb\xef\xbe"), TEXT("++++")},
};

static void test_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct buf b;
        buf_init(&b, 100);
        assert_true(base64_encode(&b, pairs[i].plain));
        assert_true(str_eq(buf_str(&b), pairs[i].encoded));
        buf_clear(&b);
        assert_true(base64_decode(&b, pairs[i].encoded, NULL));
        assert_true(str_eq(buf_str(&b), pairs[i].plain));
        buf_finish(&b);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        size_t bad_at;
    } rows[] = {
        {TEXT("A"), 1},
        {TEXT("AA"), 2},
        {TEXT("AAA"), 3},
        {TEXT("AA="), 3},
        {TEXT("="), 1},
        {TEXT("===="), 0},
        {TEXT("A==="), 1},
        {TEXT("AA=A"), 2},
        {TEXT("AB=="), 1},
        {TEXT("AAB="), 2},
        {TEXT("AAAA===="), 4},
        {TEXT("AA==AAAA"), 2},
        {TEXT("AA A"), 2},
        {TEXT("AAA\n"), 3},
        {TEXT("AA-_"), 2},
        {TEXT("AA\0A"), 2},
        {TEXT("AA\xff"
              "A"),
         2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        buf_init(&b, 100);
        assert_true(buf_add(&b, STR("x")));
        size_t bad_at = 99;
        assert_false(base64_decode(&b, rows[i].text, &bad_at));
        assert_int_equal(bad_at, rows[i].bad_at);
        assert_false(base64_decode(&b, rows[i].text, NULL));
        assert_str(buf_str(&b), "x");
        buf_finish(&b);
    }
}

static void test_maximum(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    assert_false(base64_encode(&b, STR("abcd")));
    assert_int_equal(b.len, 0);
    assert_false(base64_decode(&b, STR("Zm9vYmE="), NULL));
    assert_true(base64_decode(&b, STR("Zm9vYg=="), NULL));
    assert_str(buf_str(&b), "foob");
    buf_finish(&b);
}

static void test_is_utf8(void **state)
{
    (void)state;
    assert_true(base64_is_utf8(STR("")));
    assert_true(base64_is_utf8(STR("a\0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
    assert_false(base64_is_utf8(STR("a\xc3")));
    assert_false(base64_is_utf8(STR("\xc0\xaf")));
    assert_false(base64_is_utf8(STR("\xed\xa0\x80")));
    assert_false(base64_is_utf8(STR("\xf4\x90\x80\x80")));
    assert_false(base64_is_utf8(STR("\xff")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_is_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
