#include "base/container.h"
#include "model/nearest.h"
#include "testing.h"

static void nearest_words(void **state)
{
    (void)state;
    static const char *const words[] = {"name", "paths", "methods", "stripPath", "preserveHost"};
    static const struct {
        const char *wanted;
        const char *best;
    } rows[] = {
        {"path", "paths"},
        {"pathz", "paths"},
        {"PATHS", "paths"},
        {"strip_path", "stripPath"},
        {"strippath", "stripPath"},
        {"method", "methods"},
        {"perserveHost", "preserveHost"},
        {"nmae", "name"},
        {"colour", NULL},
        {"", NULL},
        {"xxxx", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct nearest n;
        nearest_init(&n, str_of(rows[i].wanted));
        for (size_t j = 0; j < ARRAY_LEN(words); j++)
            nearest_offer(&n, words[j]);
        if (rows[i].best == NULL)
            assert_null(n.best);
        else
            assert_string_equal(n.best, rows[i].best);
    }
}

static void long_words_are_left_alone(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'a', sizeof(text));
    struct nearest n;
    nearest_init(&n, (struct str){text, sizeof(text)});
    nearest_offer(&n, "a");
    assert_null(n.best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_words),
        cmocka_unit_test(long_words_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
