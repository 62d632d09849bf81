#include "admin/admin_query.h"
#include "base/container.h"
#include "testing.h"

static const struct {
    const char *query;
    const char *value; /* of "name"; NULL: absent */
} rows[] = {
    {"", NULL},
    {"name=x", "x"},
    {"name=", ""},
    {"name", ""},
    {"name&x=y", ""},
    {"x=y&name=z", "z"},
    {"name=1&name=2", "1"},
    {"names=1", NULL},
    {"Name=1", NULL},
    {"na%6De=1", "1"},
    {"name=a+b%20c%26%3d", "a b c&="},
    {"name=a=b", "a=b"},
    {"&&name=x&", "x"},
    {"=x", NULL},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        buf_init(&b, 100);
        enum admin_query_result result = admin_query_get(str_of(rows[i].query), STR("name"), &b);
        assert_int_equal(result, rows[i].value != NULL ? ADMIN_QUERY_FOUND : ADMIN_QUERY_ABSENT);
        assert_str(buf_str(&b), rows[i].value != NULL ? rows[i].value : "");
        buf_finish(&b);
    }
}

static void test_too_large(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 3);
    assert_int_equal(admin_query_get(STR("name=1234"), STR("name"), &b), ADMIN_QUERY_TOO_LARGE);
    buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
