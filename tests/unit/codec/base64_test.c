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

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        struct str plain;
        unsigned form;
        struct str encoded;
    } rows[] = {
        {TEXT("\xfb\xff"), BASE64_STANDARD, TEXT("+/8=")},
        {TEXT("\xfb\xff"), BASE64_RAW, TEXT("+/8")},
        {TEXT("\xfb\xff"), BASE64_URL, TEXT("-_8=")},
        {TEXT("\xfb\xff"), BASE64_URL | BASE64_RAW, TEXT("-_8")},
        {TEXT("f"), BASE64_URL | BASE64_RAW, TEXT("Zg")},
        {TEXT("foo"), BASE64_URL | BASE64_RAW, TEXT("Zm9v")},
        {TEXT(""), BASE64_URL | BASE64_RAW, TEXT("")},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        buf_init(&b, 100);
        assert_true(base64_encode_as(&b, rows[i].plain, rows[i].form));
        assert_true(str_eq(buf_str(&b), rows[i].encoded));
        buf_clear(&b);
        assert_true(base64_decode_forgiving(&b, rows[i].encoded, true));
        assert_true(str_eq(buf_str(&b), rows[i].plain));
        buf_clear(&b);
        const bool strict = rows[i].form == (BASE64_URL | BASE64_RAW);
        assert_true(base64_decode_url(&b, rows[i].encoded) == strict);
        assert_true(str_eq(buf_str(&b), strict ? rows[i].plain : STR("")));
        buf_finish(&b);
    }
    struct buf small;
    buf_init(&small, 3);
    assert_false(base64_encode_as(&small, STR("foo"), BASE64_URL));
    buf_finish(&small);
}

static void test_strict_url(void **state)
{
    (void)state;
    /* RFC 7515: no padding, white space or other alphabet, and one text for each value */
    static const char *const bad[] = {"A",    "Zg==",      "Zh",  "Zm9",
                                      "Zm8=", "Zm9v Zm9v", "+/8", "Zm9v\n"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf b;
        buf_init(&b, 100);
        assert_false(base64_decode_url(&b, str_of(bad[i])));
        assert_int_equal(buf_str(&b).len, 0);
        buf_finish(&b);
    }
}

static void test_forgiving(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *plain; /* NULL: refused */
    } rows[] = {
        {" Z\tm\n9\fv\r", "foo"},
        {"Zg", "f"},
        {"Zh", "f"},
        {"Zg==", "f"},
        {"Zg=", NULL},
        {"Z", NULL},
        {"Zg===", NULL},
        {"=", NULL},
        {"==", NULL},
        {"Zg==Zg", NULL},
        {"Zm9v====", NULL},
        {"Zm8=", "fo"},
        {"Zm8==", NULL},
        {"-_8", NULL},
        {"Zm9v\v", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        buf_init(&b, 100);
        assert_true(base64_decode_forgiving(&b, str_of(rows[i].text), false) ==
                    (rows[i].plain != NULL));
        assert_true(str_eq(buf_str(&b), str_of(rows[i].plain)));
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

/* What fits exactly is taken, and nothing that is longer. */
static void test_exact_maximum(void **state)
{
    (void)state;
    static const char text[] = "foobarfoobar";
    for (size_t len = 0; len < sizeof(text); len++) {
        const struct str plain = {text, len};
        for (unsigned form = 0; form <= (BASE64_URL | BASE64_RAW); form++) {
            struct buf whole;
            struct buf exact;
            buf_init(&whole, 100);
            assert_true(base64_encode_as(&whole, plain, form));
            buf_init(&exact, whole.len);
            assert_true(base64_encode_as(&exact, plain, form));
            buf_finish(&exact);
            for (size_t max = len > 0 ? len - 1 : 0; max <= len; max++) {
                buf_init(&exact, max);
                assert_true(base64_decode_forgiving(&exact, buf_str(&whole), true) == (max == len));
                buf_clear(&exact);
                if (form == (BASE64_URL | BASE64_RAW))
                    assert_true(base64_decode_url(&exact, buf_str(&whole)) == (max == len));
                buf_finish(&exact);
            }
            buf_finish(&whole);
        }
    }
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
        cmocka_unit_test(test_both_ways),  cmocka_unit_test(test_forms),
        cmocka_unit_test(test_strict_url), cmocka_unit_test(test_forgiving),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_is_utf8),    cmocka_unit_test(test_exact_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
