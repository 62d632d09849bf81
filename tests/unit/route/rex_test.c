#include "route/rex.h"
#include "testing.h"

static enum rex_result match(const char *source, enum rex_mode mode, const char *subject)
{
    struct rex *r = NULL;
    struct err e = {0};
    if (rex_create(str_of(source), mode, &r, &e) != ERR_OK)
        fail_msg("%s: %s", source, e.msg);
    enum rex_result result = rex_match(r, str_of(subject));
    rex_unref(r);
    return result;
}

static void test_whole(void **state)
{
    (void)state;
    assert_int_equal(match("[0-9]+", REX_WHOLE, "12"), REX_MATCH);
    assert_int_equal(match("[0-9]+", REX_WHOLE, "12a"), REX_NO_MATCH);
    assert_int_equal(match("[0-9]+", REX_WHOLE, "a12"), REX_NO_MATCH);
    assert_int_equal(match("a|ab", REX_WHOLE, "ab"), REX_MATCH);
    assert_int_equal(match("a$", REX_WHOLE, "a\n"), REX_NO_MATCH);
    assert_int_equal(match("A", REX_WHOLE, "a"), REX_NO_MATCH);
    assert_int_equal(match("(?i)A", REX_WHOLE, "a"), REX_MATCH);
    assert_int_equal(match(".", REX_WHOLE, "\xc3"), REX_MATCH);
}

static void test_search(void **state)
{
    (void)state;
    assert_int_equal(match("b+", REX_SEARCH_HOST, "aBBc"), REX_MATCH);
    assert_int_equal(match("^b", REX_SEARCH_HOST, "ab"), REX_NO_MATCH);
}

static void test_limit(void **state)
{
    (void)state;
    char text[64];
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(match("(a+)+[bc]", REX_WHOLE, text), REX_LIMIT);
    assert_int_equal(match("(a|aa)+[bc]", REX_WHOLE, text), REX_LIMIT);
}

static void test_refused(void **state)
{
    (void)state;
    struct rex *r = NULL;
    struct err e = {0};
    assert_int_equal(rex_create(STR(""), REX_WHOLE, &r, &e), ERR_INVALID);
    assert_int_equal(rex_create(STR("["), REX_WHOLE, &r, &e), ERR_INVALID);
    assert_string_equal(
        e.msg, "missing terminating ] for character class at offset 1 of the regular expression");
    assert_int_equal(rex_create(STR("(*UTF)a"), REX_WHOLE, &r, &e), ERR_INVALID);
    char deep[200];
    memset(deep, '(', 100);
    memset(deep + 100, ')', 100);
    assert_int_equal(rex_create((struct str){deep, 200}, REX_WHOLE, &r, &e), ERR_INVALID);
    char large[REX_SOURCE_MAX + 1];
    memset(large, 'a', sizeof(large));
    assert_int_equal(rex_create((struct str){large, sizeof(large)}, REX_WHOLE, &r, &e),
                     ERR_INVALID);
    assert_null(r);
}

static void test_shared(void **state)
{
    (void)state;
    struct rex *r = NULL;
    struct err e = {0};
    assert_int_equal(rex_create(STR("a"), REX_WHOLE, &r, &e), ERR_OK);
    assert_ptr_equal(rex_ref(r), r);
    rex_unref(r);
    assert_int_equal(rex_match(r, STR("a")), REX_MATCH);
    rex_unref(r);
    rex_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),   cmocka_unit_test(test_search), cmocka_unit_test(test_limit),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
