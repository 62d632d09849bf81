#include "base/container.h"
#include "codec/forwarded.h"
#include "testing.h"

static struct http_field field(const char *name, const char *value)
{
    return (struct http_field){str_of(name), str_of(value), http_head_field_id(str_of(name))};
}

static const struct {
    const char *lines[3];
    uint64_t depth;
    const char *entry;
} rows[] = {
    {{"a, b, c"}, 0, ""},      {{"a, b, c"}, 1, "c"},     {{"a, b, c"}, 2, "b"},
    {{"a, b, c"}, 3, "a"},     {{"a, b, c"}, 4, "a"},     {{"a, b, c"}, UINT64_MAX, "a"},
    {{"a", "b", "c"}, 1, "c"}, {{"a", "b", "c"}, 2, "b"}, {{"a, b", "c"}, 2, "b"},
    {{"a, b", "c"}, 3, "a"},   {{"a,, ,b,"}, 2, "a"},     {{" , "}, 1, ""},
    {{NULL}, 1, ""},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_field v[5] = {field("X-Other", "x, y")};
        struct http_fields fs = {.v = v, .n = 1, .cap = ARRAY_LEN(v)};
        for (size_t k = 0; k < 3 && rows[i].lines[k] != NULL; k++)
            v[fs.n++] = field("X-Forwarded-For", rows[i].lines[k]);
        assert_str(forwarded_entry(&fs, HTTP_FIELD_X_FORWARDED_FOR, rows[i].depth), rows[i].entry);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
