#include "base/container.h"
#include "model/model.h"
#include "testing.h"

static struct str bytes(const char *p, size_t n)
{
    return (struct str){p, n};
}

static void kinds_have_names(void **state)
{
    (void)state;
    for (enum model_kind kind = 0; kind < MODEL_KIND_COUNT; kind++) {
        enum model_kind again = MODEL_KIND_COUNT;
        assert_true(model_kind_parse(str_of(model_kind_name(kind)), &again));
        assert_int_equal(again, kind);
    }
    enum model_kind kind = MODEL_ROUTE;
    assert_false(model_kind_parse(STR("routes"), &kind));
    assert_false(model_kind_parse(STR(""), &kind));
    assert_false(model_kind_parse(STR("Route"), &kind));
    assert_int_equal(kind, MODEL_ROUTE);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        bool valid;
    } rows[] = {
        {"", 0, false},
        {"a", 1, true},
        {"with space", 10, true},
        {"a/b:c", 5, true},
        {"gr\xc3\xbc\xc3\x9f", 6, true},
        {"\xe2\x82\xac", 3, true},
        {"a\nb", 3, false},
        {"a\0b", 3, false},
        {"\x7f", 1, false},
        {"a\xc2\x85", 3, false},
        {"a\xc2\xa0", 3, true},
        {"\xff", 1, false},
        {"a\xc3", 2, false},
        {"\xed\xa0\x80", 3, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (model_name_valid(bytes(rows[i].text, rows[i].len), 100) != rows[i].valid)
            fail_msg("row %zu: \"%s\"", i, rows[i].text);
    }
    char text[256];
    memset(text, 'x', sizeof(text));
    assert_true(model_name_valid(bytes(text, 100), 100));
    assert_false(model_name_valid(bytes(text, 101), 100));
    assert_true(model_name_valid(bytes(text, 255), 255));
    assert_false(model_name_valid(bytes(text, 256), 255));
}

static void label_is(const struct model_ref *ref, const char *expected)
{
    char out[MODEL_LABEL_SIZE];
    model_ref_label(ref, out);
    assert_string_equal(out, expected);
}

static void labels(void **state)
{
    (void)state;
    label_is(&(struct model_ref){MODEL_ROUTE, STR("default"), {0}, STR("api")},
             "route default/api");
    label_is(&(struct model_ref){MODEL_NAMESPACE, {0}, {0}, STR("foo")}, "namespace foo");
    label_is(&(struct model_ref){MODEL_DOCUMENT, STR("default"), STR("users"), STR("42")},
             "document default/users/42");
    label_is(&(struct model_ref){MODEL_DOCUMENT, STR("default"), STR("users"), {0}},
             "document default/users/*");
}

static void a_long_label_is_cut_between_characters(void **state)
{
    (void)state;
    char name[1000];
    for (size_t i = 0; i < sizeof(name); i += 2)
        memcpy(name + i, "\xc3\xbc", 2);
    char out[MODEL_LABEL_SIZE];
    struct model_ref ref = {MODEL_NAMESPACE, {0}, {0}, bytes(name, sizeof(name))};
    model_ref_label(&ref, out);
    size_t len = strlen(out);
    assert_true(len >= MODEL_LABEL_SIZE - 3);
    assert_int_equal((len - strlen("namespace ")) % 2, 0);
}

static void key_is(const struct model_ref *ref, struct str expected)
{
    struct buf key;
    buf_init(&key, 1024);
    assert_true(model_key(&key, ref));
    assert_true(str_eq(buf_str(&key), expected));
    struct model_ref again;
    bool complete = ref->name.len > 0;
    assert_int_equal(model_key_parse(buf_str(&key), &again), complete);
    if (complete) {
        assert_int_equal(again.kind, ref->kind);
        assert_true(str_eq(again.ns, ref->ns));
        assert_true(str_eq(again.collection, ref->collection));
        assert_true(str_eq(again.name, ref->name));
    }
    buf_finish(&key);
}

static void keys(void **state)
{
    (void)state;
    key_is(&(struct model_ref){MODEL_ROUTE, STR("default"), {0}, STR("api")},
           STR("route\0default\0api"));
    key_is(&(struct model_ref){MODEL_ROUTE, STR("default"), {0}, {0}}, STR("route\0default\0"));
    key_is(&(struct model_ref){MODEL_NAMESPACE, {0}, {0}, STR("foo")}, STR("namespace\0\0foo"));
    key_is(&(struct model_ref){MODEL_NAMESPACE, {0}, {0}, {0}}, STR("namespace\0\0"));
    key_is(&(struct model_ref){MODEL_DOCUMENT, STR("n"), STR("c"), STR("i")},
           STR("document\0n\0c\0i"));
    key_is(&(struct model_ref){MODEL_DOCUMENT, STR("n"), STR("c"), {0}}, STR("document\0n\0c\0"));
}

static void a_key_that_does_not_fit_leaves_the_buffer(void **state)
{
    (void)state;
    struct buf key;
    buf_init(&key, 10);
    struct model_ref ref = {MODEL_ROUTE, STR("default"), {0}, STR("api")};
    assert_false(model_key(&key, &ref));
    assert_int_equal(key.len, 0);
    buf_finish(&key);
}

static void broken_keys(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
    } rows[] = {
        {"", 0},
        {"route", 5},
        {"route\0a", 7},
        {"route\0a\0", 8},
        {"route\0\0b", 8},
        {"route\0a\0b\0c", 11},
        {"routes\0a\0b", 10},
        {"namespace\0a\0b", 13},
        {"document\0a\0b", 12},
        {"document\0a\0\0c", 13},
        {"document\0a\0b\0", 13},
        {"document\0a\0b\0c\0d", 16},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct model_ref ref;
        if (model_key_parse(bytes(rows[i].text, rows[i].len), &ref))
            fail_msg("row %zu", i);
    }
}

static void problems_are_bounded(void **state)
{
    (void)state;
    struct model_problems ps = {0};
    for (int i = 0; i < MODEL_PROBLEMS_MAX * 2; i++)
        model_problems_add(&ps, "a.b", "problem %d", i);
    assert_int_equal(ps.n, MODEL_PROBLEMS_MAX + 1);
    assert_string_equal(ps.v[3].path, "a.b");
    assert_string_equal(ps.v[3].text, "problem 3");
    assert_non_null(strstr(ps.v[MODEL_PROBLEMS_MAX].text, "more problems"));
    model_problems_finish(&ps);
    assert_int_equal(ps.n, 0);
    model_problems_finish(&ps);
}

static void test_numbers_of_resources(void **state)
{
    (void)state;
    assert_int_equal(model_ms(0), 0);
    assert_int_equal(model_ms(1), 1);
    assert_int_equal(model_ms(1000000), 1);
    assert_int_equal(model_ms(1000001), 2);
    int64_t v[] = {5, -1};
    const struct model_ints list = {.v = v, .n = 2};
    assert_true(model_ints_has(&list, -1));
    assert_false(model_ints_has(&list, 1));
    assert_false(model_ints_has(&(struct model_ints){0}, 0));
}

static void test_decoding_what_was_stored(void **state)
{
    (void)state;
    struct err e = {0};
    struct model_resource *r =
        model_decode_stored(MODEL_NAMESPACE, STR("{\"name\":\"n\",\"tags\":[]}"), &e);
    assert_non_null(r);
    assert_string_equal(r->namespace.name, "n");
    model_destroy(r);
    assert_null(model_decode_stored(MODEL_NAMESPACE, STR("{\"name\":1}"), &e));
    assert_non_null(strstr(e.msg, "expected a string"));
    assert_null(model_decode_stored(MODEL_NAMESPACE, STR("{\"name\""), &e));
    assert_true(e.code != ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_of_resources),
        cmocka_unit_test(test_decoding_what_was_stored),
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(names),
        cmocka_unit_test(labels),
        cmocka_unit_test(a_long_label_is_cut_between_characters),
        cmocka_unit_test(keys),
        cmocka_unit_test(a_key_that_does_not_fit_leaves_the_buffer),
        cmocka_unit_test(broken_keys),
        cmocka_unit_test(problems_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
