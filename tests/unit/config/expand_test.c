#include "base/container.h"
#include "config/expand.h"
#include "testing.h"

static const char *lookup(void *user, const char *name)
{
    (void)user;
    if (strcmp(name, "A") == 0)
        return "alpha";
    if (strcmp(name, "B_2") == 0)
        return "${A}";
    return strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static void variables(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expanded;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"${A}", "alpha"},
        {"<${A}-${A}>", "<alpha-alpha>"},
        {"${A:-x}", "alpha"},
        {"${UNSET:-x y}", "x y"},
        {"${UNSET:-}", ""},
        {"${EMPTY:-x}", "x"},
        {"${EMPTY}", ""},
        /* a value is not looked at again */
        {"${B_2}", "${A}"},
        {"${UNSET:-a:-b}", "a:-b"},
        {"${UNSET:-{}", "{"},
        /* other forms stay */
        {"$A", "$A"},
        {"$", "$"},
        {"$$", "$$"},
        {"${", "${"},
        {"${A", "${A"},
        {"${}", "${}"},
        {"${A:x}", "${A:x}"},
        {"${A-x}", "${A-x}"},
        {"${ A }", "${ A }"},
        {"${:-x}", "${:-x}"},
        {"$(echo x)", "$(echo x)"},
        {"^a$|^b$", "^a$|^b$"},
        /* escaped */
        {"$${A}", "${A}"},
        {"$${UNSET}", "${UNSET}"},
        {"$$${A}", "$${A}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        struct err e = {0};
        buf_init(&out, 100);
        if (expand_text(str_of(rows[i].text), lookup, NULL, &out, &e) != ERR_OK)
            fail_msg("%s: %s", rows[i].text, e.msg);
        assert_string_equal(buf_cstr(&out), rows[i].expanded);
        buf_finish(&out);
    }
}

static void an_unset_variable_needs_a_default(void **state)
{
    (void)state;
    struct buf out;
    struct err e = {0};
    buf_init(&out, 100);
    assert_int_equal(expand_text(STR("a ${UNSET} b"), lookup, NULL, &out, &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, "environment variable UNSET is not set"));
    buf_finish(&out);
}

static void the_result_is_bounded(void **state)
{
    (void)state;
    struct buf out;
    struct err e = {0};
    buf_init(&out, 4);
    assert_int_equal(expand_text(STR("${A}"), lookup, NULL, &out, &e), ERR_TOO_LARGE);
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables),
        cmocka_unit_test(an_unset_variable_needs_a_default),
        cmocka_unit_test(the_result_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
