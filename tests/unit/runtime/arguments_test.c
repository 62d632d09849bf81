#include "base/container.h"
#include "runtime/arguments.h"
#include "testing.h"

/* An argument of the command line: not constant. */
#define S(text) ((char[]){text})

enum { GREP, QUIET };
static const struct arguments_option OPTIONS[] = {
    [GREP] = {"--grep", "-t", "TEXT"},
    [QUIET] = {"--quiet", NULL, NULL},
};

static void begin(struct arguments *a, char **args)
{
    arguments_init(a, "test", args, OPTIONS, ARRAY_LEN(OPTIONS));
}

static void reads_options_and_operands(void **state)
{
    (void)state;
    char *args[] = {S("a"), S("--grep"),  S("x"), S("-t"), S("y"),  S("--grep=z=1"),
                    S("b"), S("--quiet"), S("-"), S("--"), S("-c"), NULL};
    static const char *const values[] = {"x", "y", "z=1"};
    struct arguments a;
    begin(&a, args);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        assert_int_equal(arguments_next(&a), GREP);
        assert_string_equal(a.value, values[i]);
    }
    assert_int_equal(arguments_next(&a), QUIET);
    assert_int_equal(arguments_next(&a), ARGUMENTS_END);
    static const char *const operands[] = {"a", "b", "-", "-c"};
    assert_int_equal(a.operands.n, ARRAY_LEN(operands));
    for (size_t i = 0; i < ARRAY_LEN(operands); i++)
        assert_string_equal(a.operands.v[i], operands[i]);
    arguments_finish(&a);
}

static void refuses_what_is_no_option(void **state)
{
    (void)state;
    char *const wrong[] = {S("--grepp"), S("--quiet=1"), S("--grep"), S("-x"), S("--")};
    for (size_t i = 0; i + 1 < ARRAY_LEN(wrong); i++) {
        char *args[] = {wrong[i], NULL};
        struct arguments a;
        begin(&a, args);
        assert_int_equal(arguments_next(&a), ARGUMENTS_BAD);
        arguments_finish(&a);
    }
}

static void reads_numbers_in_their_range(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {{"1", true},    {"600", true}, {"0", false},
                {"601", false}, {"", false},   {"1s", false}};
    struct arguments a;
    char *none[] = {NULL};
    begin(&a, none);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t n = 7;
        a.value = rows[i].text;
        assert_int_equal(arguments_number(&a, GREP, 1, 600, &n), rows[i].ok);
        assert_true(rows[i].ok || n == 7);
    }
    arguments_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_options_and_operands),
        cmocka_unit_test(refuses_what_is_no_option),
        cmocka_unit_test(reads_numbers_in_their_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
