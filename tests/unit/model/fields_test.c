#include "model/fields.h"
#include "testing.h"

static void test_tables_are_sound(void **state)
{
    (void)state;
    for (enum model_kind kind = 0; kind < MODEL_KIND_COUNT; kind++) {
        struct fields_table t = fields_of(kind);
        assert_true(t.n > 0 && t.n <= FIELDS_COUNT_MAX);
        for (size_t i = 0; i < t.n; i++) {
            const struct fields_field *f = &t.v[i];
            assert_non_null(f->doc);
            bool text = f->type == FIELDS_STRING || f->type == FIELDS_STRINGS ||
                        f->type == FIELDS_SOURCE || f->type == FIELDS_RAW_SOURCE;
            if (text && f->max <= 0)
                fail_msg("%s.%s has no limit", model_kind_name(kind), f->name);
            assert_int_equal(f->words != NULL, f->type == FIELDS_ENUM);
            if (f->type == FIELDS_INTS || f->type == FIELDS_INT || f->type == FIELDS_DURATION)
                assert_true(f->min <= f->max);
            if (f->type == FIELDS_REFUSED)
                assert_non_null(f->later);
            else
                assert_true(f->offset > 0);
            assert_ptr_equal(fields_find(kind, str_of(f->name), MODEL_FROM_STORE),
                             (f->flags & FIELDS_CONFIG_ONLY) != 0 ? NULL : f);
            for (size_t j = 0; j < i; j++) {
                assert_string_not_equal(f->name, t.v[j].name);
                if (f->alias != NULL && t.v[j].alias != NULL)
                    assert_string_not_equal(f->alias, t.v[j].alias);
            }
        }
    }
}

static void test_who_may_use_a_name(void **state)
{
    (void)state;
    assert_non_null(fields_find(MODEL_ROUTE, STR("strip_path"), MODEL_FROM_API));
    assert_null(fields_find(MODEL_ROUTE, STR("STRIPPATH"), MODEL_FROM_API));
    assert_null(fields_find(MODEL_MODULE, STR("compiled"), MODEL_FROM_API));
    assert_null(fields_find(MODEL_MODULE, STR("compiled"), MODEL_FROM_CONFIG));
    assert_non_null(fields_find(MODEL_MODULE, STR("compiled"), MODEL_FROM_STORE));
    assert_null(fields_find(MODEL_DOMAIN, STR("cert_file"), MODEL_FROM_API));
    assert_non_null(fields_find(MODEL_DOMAIN, STR("cert_file"), MODEL_FROM_CONFIG));
    assert_null(fields_find(MODEL_SECRET, STR("namespacename"), MODEL_FROM_API));
    assert_non_null(fields_find(MODEL_SECRET, STR("namespacename"), MODEL_FROM_CONFIG));
}

static void test_words(void **state)
{
    (void)state;
    const struct fields_field *f = fields_find(MODEL_MODULE, STR("moduleType"), MODEL_FROM_API);
    assert_string_equal(fields_word_text(f, MODEL_MODULE_TYPESCRIPT), "typescript");
    assert_string_equal(fields_word_text(f, MODEL_MODULE_JAVASCRIPT), "javascript");
    assert_string_equal(fields_word_text(f, 99), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_are_sound),
        cmocka_unit_test(test_who_may_use_a_name),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
