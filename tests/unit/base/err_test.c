#include <errno.h>

#include "base/container.h"
#include "base/err.h"
#include "base/utf8.h"
#include "testing.h"

static void test_set(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(err_set(&e, ERR_CONFLICT, "route %s is %d", "a", 1), ERR_CONFLICT);
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_string_equal(e.msg, "route a is 1");
    assert_int_equal(err_set(NULL, ERR_IO, "%s", "unseen"), ERR_IO);
    (void)err_set(&e, ERR_IO, "%s", "");
    assert_string_equal(e.msg, "");
}

static void test_set_from_own_message(void **state)
{
    (void)state;
    struct err e = {0};
    (void)err_set(&e, ERR_IO, "inner");
    (void)err_set(&e, ERR_INVALID, "outer: %s", e.msg);
    assert_string_equal(e.msg, "outer: inner");
    err_context(&e, "again %s", e.msg);
    assert_string_equal(e.msg, "again outer: inner: outer: inner");
}

static void test_long_messages_are_cut(void **state)
{
    (void)state;
    /* Whatever is cut off, what remains is UTF-8: answers and log lines are JSON. */
    static const char *const units[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t u = 0; u < ARRAY_LEN(units); u++) {
        for (size_t before = 0; before < 4; before++) {
            size_t unit = strlen(units[u]);
            char text[2048] = "abc";
            size_t len = before;
            while (len + unit < sizeof(text)) {
                memcpy(text + len, units[u], unit);
                len += unit;
            }
            text[len] = '\0';
            struct err e = {0};
            (void)err_set(&e, ERR_INVALID, "%s", text);
            size_t cut = strlen(e.msg);
            assert_true(cut <= ERR_MESSAGE_MAX - 1 && cut > ERR_MESSAGE_MAX - 1 - unit);
            assert_memory_equal(e.msg, text, cut);
            assert_int_equal((cut - before) % unit, 0);
        }
    }
}

static void test_context(void **state)
{
    (void)state;
    struct err e = {0};
    (void)err_set(&e, ERR_NOT_FOUND, "no service \"s\"");
    err_context(&e, "route \"%s\"", "r");
    err_context(&e, "namespace \"%s\"", "n");
    assert_string_equal(e.msg, "namespace \"n\": route \"r\": no service \"s\"");
    assert_int_equal(e.code, ERR_NOT_FOUND);
}

static void test_context_and_the_limit(void **state)
{
    (void)state;
    static const struct {
        int context, message;
        size_t expected; /* length of the result */
    } cases[] = {
        {10, 511, 511}, /* the message's end is cut */
        {0, 10, 12},    {508, 10, 511},
        {509, 10, 511}, {510, 10, 10}, /* no room for the separator: the message stays as it was */
        {511, 10, 10},  {9999, 10, 10},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        (void)err_set(&e, ERR_IO, "%*s", cases[i].message, "m");
        err_context(&e, "%*s", cases[i].context, cases[i].context > 0 ? "c" : "");
        assert_int_equal(strlen(e.msg), cases[i].expected);
    }
}

static void test_table(void **state)
{
    (void)state;
    assert_int_equal(ERR_OK, 0);
    assert_string_equal(err_text(ERR_OK), "ok");
    assert_int_equal(err_http_status(ERR_OK), 200);
    assert_string_equal(err_text(ERR_CANCELED), "canceled");
    for (enum err_code code = ERR_INVALID; code <= ERR_CANCELED; code++) {
        assert_true(strlen(err_text(code)) > 0);
        assert_in_range(err_http_status(code), 400, 599);
    }
    static const struct {
        int error;
        enum err_code code;
    } cases[] = {{0, ERR_OK},
                 {ENOSPC, ERR_NO_SPACE},
                 {EDQUOT, ERR_NO_SPACE},
                 {ETIMEDOUT, ERR_TIMEOUT},
                 {ECANCELED, ERR_CANCELED},
                 {EPIPE, ERR_IO}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(err_from_errno(cases[i].error), cases[i].code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_from_own_message),
        cmocka_unit_test(test_long_messages_are_cut),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_context_and_the_limit),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
