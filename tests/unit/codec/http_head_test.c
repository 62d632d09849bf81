#include <ctype.h>

#include "base/container.h"
#include "codec/http_head.h"
#include "testing.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 64 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static void test_field_ids(void **state)
{
    (void)state;
    for (int id = 1; id < HTTP_FIELD_COUNT; id++) {
        struct str name = http_head_field_name((enum http_field_id)id);
        assert_int_equal(http_head_field_id(name), id);
        char other[40];
        for (size_t i = 0; i < name.len; i++)
            other[i] = (char)toupper((unsigned char)name.p[i]);
        assert_int_equal(http_head_field_id((struct str){other, name.len}), id);
        for (size_t i = 0; i < name.len; i++) {
            char right = other[i];
            other[i] = right == '-' ? '\r' : (char)(right + 1);
            assert_int_equal(http_head_field_id((struct str){other, name.len}), HTTP_FIELD_OTHER);
            other[i] = right;
        }
        other[name.len] = 'x';
        assert_int_equal(http_head_field_id((struct str){other, name.len + 1}), HTTP_FIELD_OTHER);
    }
    assert_int_equal(http_head_field_id(STR("")), HTTP_FIELD_OTHER);
    assert_int_equal(http_head_field_id(STR("x")), HTTP_FIELD_OTHER);
    assert_int_equal(http_head_field_id(STR("a-name-that-is-longer-than-all")), HTTP_FIELD_OTHER);
}

static void test_fields(void **state)
{
    (void)state;
    struct http_fields fs = {0};
    assert_null(http_head_find(&fs, HTTP_FIELD_HOST));
    for (int i = 0; i < 40; i++)
        assert_true(http_head_add(&fs, &arena, STR("X-A"), STR("1")));
    assert_true(http_head_add(&fs, &arena, STR("cookie"), STR("2")));
    assert_true(http_head_add(&fs, &arena, STR("Cookie"), STR("3")));
    assert_int_equal(fs.n, 42);
    assert_str(http_head_find(&fs, HTTP_FIELD_COOKIE)->value, "2");
    assert_str(http_head_find_name(&fs, STR("COOKIE"))->value, "2");
    assert_str(http_head_find_name(&fs, STR("x-a"))->value, "1");
    assert_null(http_head_find_name(&fs, STR("x-b")));
    assert_true(http_head_set(&fs, &arena, STR("x-a"), STR("4")));
    assert_int_equal(fs.n, 3);
    assert_str(fs.v[2].value, "4");
    assert_int_equal(http_head_remove(&fs, STR("COOKIE")), 2);
    assert_int_equal(http_head_remove_id(&fs, HTTP_FIELD_COOKIE), 0);
    assert_int_equal(http_head_remove(&fs, STR("X-a")), 1);
    assert_int_equal(fs.n, 0);
    assert_true(http_head_add(&fs, &arena, STR("via"), STR("5")));
    assert_int_equal(http_head_remove_id(&fs, HTTP_FIELD_VIA), 1);
}

static void test_fields_past_the_limit(void **state)
{
    (void)state;
    struct arena small;
    struct http_fields fs = {0};
    arena_init(&small, 16 * sizeof(struct http_field));
    for (int i = 0; i < 16; i++)
        assert_true(http_head_add(&fs, &small, STR("a"), STR("b")));
    assert_false(http_head_add(&fs, &small, STR("a"), STR("b")));
    assert_false(http_head_set(&fs, &small, STR("a"), STR("c")));
    assert_int_equal(fs.n, 16);
    arena_finish(&small);
}

static void test_copy(void **state)
{
    (void)state;
    char bytes[] = "GEThttpa.b/pOKh2cname1value1";
    struct http_field f = {.name = {bytes + 16, 5}, .value = {bytes + 21, 6}};
    struct http_head head = {
        .method = {bytes, 3},
        .scheme = {bytes + 3, 4},
        .authority = {bytes + 7, 3},
        .host = {bytes + 7, 1},
        .target = {bytes + 10, 2},
        .reason = {bytes + 12, 2},
        .upgrade = {bytes + 14, 2},
        .status = 200,
        .content_length = 7,
        .fields = {&f, 1, 1},
    };
    struct http_head copy;
    assert_true(http_head_copy(&arena, &head, &copy));
    memset(bytes, 'x', sizeof(bytes));
    memset(&f, 0, sizeof(f));
    assert_str(copy.method, "GET");
    assert_str(copy.scheme, "http");
    assert_str(copy.authority, "a.b");
    assert_str(copy.host, "a");
    assert_str(copy.target, "/p");
    assert_str(copy.reason, "OK");
    assert_str(copy.upgrade, "h2");
    assert_int_equal(copy.status, 200);
    assert_int_equal(copy.content_length, 7);
    assert_int_equal(copy.fields.n, 1);
    assert_str(copy.fields.v[0].name, "cname");
    assert_str(copy.fields.v[0].value, "1value");
    assert_true(http_head_add(&copy.fields, &arena, STR("a"), STR("b")));

    struct http_head none = {0};
    assert_true(http_head_copy(&arena, &none, &copy));
    assert_int_equal(copy.fields.n, 0);
    struct arena small;
    arena_init(&small, 8);
    assert_false(http_head_copy(&small, &head, &copy));
    arena_finish(&small);
}

static void test_classes(void **state)
{
    (void)state;
    assert_true(http_head_is_token(STR("!#$%&'*+-.^_`|~09azAZ")));
    assert_false(http_head_is_token(STR("")));
    const char separators[] = "\"(),/:;<=>?@[\\]{} \t\r\n\x7f\x80\xff";
    for (size_t i = 0; i < sizeof(separators); i++)
        assert_false(http_head_is_token((struct str){&separators[i], 1}));
    for (int c = 0; c < 256; c++) {
        char text[] = {'a', (char)c, 'b'};
        bool legal = (c >= ' ' && c != 0x7f) || c == '\t';
        assert_int_equal(http_head_is_value((struct str){text, 3}), legal);
    }
    assert_true(http_head_is_value(STR("")));
    assert_false(http_head_is_value(STR(" a")));
    assert_false(http_head_is_value(STR("a\t")));
}

static void test_methods_and_reasons(void **state)
{
    (void)state;
    assert_true(http_head_method_idempotent(STR("GET")));
    assert_true(http_head_method_idempotent(STR("DELETE")));
    assert_false(http_head_method_idempotent(STR("POST")));
    assert_false(http_head_method_idempotent(STR("PATCH")));
    assert_false(http_head_method_idempotent(STR("get")));
    assert_false(http_head_method_idempotent(STR("")));
    assert_str(http_head_reason(200), "OK");
    assert_str(http_head_reason(511), "Network Authentication Required");
    assert_str(http_head_reason(0), "");
    assert_str(http_head_reason(299), "");
    assert_str(http_head_reason(512), "");
    assert_str(http_head_reason(999), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_field_ids),
        cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
        cmocka_unit_test(test_fields_past_the_limit),
        cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_methods_and_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
