/* What tests/http1/paths.table says, asked of the normaliser. */
#include "codec/url.h"
#include "table.h"

static const struct table_macro macros[] = {{0}};

/* normal "400": BAD. */
static bool check_form(const struct table_row *row, bool merge, const char *normal)
{
    struct arena arena;
    struct str out = STR("untouched");
    arena_init(&arena, 1 << 20);
    enum url_path_error error = url_path_normalise(row->bytes, merge, &arena, &out);
    bool bad = strcmp(normal, "400") == 0;
    struct str wanted = str_of(bad ? "untouched" : normal);
    bool holds = error == (bad ? URL_PATH_BAD : URL_PATH_OK) && str_eq(out, wanted);
    if (!holds) {
        print_error("paths.table:%d%s: \"%.*s\" instead of \"%s\"\n", row->line,
                    merge ? " with merge_slashes" : "", STR_ARG(out), normal);
    } else if (!bad) {
        struct str again;
        assert_true(!str_eq(row->bytes, out) || row->bytes.p == out.p);
        assert_int_equal(url_path_normalise(out, merge, &arena, &again), URL_PATH_OK);
        assert_ptr_equal(again.p, out.p);
    }
    arena_finish(&arena);
    return holds;
}

static bool check_row(const struct table_row *row)
{
    char *merged = strstr(row->outcome, " -> ");
    if (merged != NULL) {
        *merged = '\0';
        merged += 4;
    }
    return check_form(row, false, row->outcome) &&
           check_form(row, true, merged != NULL ? merged : row->outcome);
}

static void test_rows(void **state)
{
    (void)state;
    assert_true(table_each("tests/http1/paths.table", macros, check_row) > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
