#include "base/container.h"
#include "codec/json.h"
#include "runtime/http_json.h"
#include "testing.h"

static json_t *parse(const char *text)
{
    json_t *value = json_text_parse(str_of(text), NULL);
    assert_non_null(value);
    return value;
}

static void carries_bodies(void **state)
{
    (void)state;
    static const struct {
        struct str bytes;
        const char *key;
    } rows[] = {
        {{"", 0}, "text"},
        {{"h\xc3\xa9llo", 6}, "text"},
        {{"a\0b", 3}, "base64"},
        {{"\xff\xfe", 2}, "base64"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *body = http_json_body(rows[i].bytes);
        struct buf b;
        struct err e = {0};
        buf_init(&b, 6);
        assert_non_null(json_object_get(body, rows[i].key));
        assert_true(http_json_take_body(body, &b, &e));
        assert_true(str_eq(buf_str(&b), rows[i].bytes));
        buf_finish(&b);
        buf_init(&b, 1);
        assert_int_equal(http_json_take_body(body, &b, &e), rows[i].bytes.len <= 1);
        buf_finish(&b);
        json_decref(body);
    }
}

static void carries_fields(void **state)
{
    (void)state;
    json_t *list =
        parse("[[\"A\",\"1\"],[\"Host\",\"h\"],[\"content-length\",\"5\"],[\"a\",\"2\"]]");
    struct arena a;
    struct http_fields fs = {0};
    struct err e = {0};
    arena_init(&a, 4096);
    assert_true(http_json_take_fields(list, &a, &fs, &e));
    assert_int_equal(fs.n, 2);
    assert_str(fs.v[1].value, "2");
    json_t *back = http_json_fields(&fs);
    json_t *wanted = parse("[[\"A\",\"1\"],[\"a\",\"2\"]]");
    assert_true(json_equal(back, wanted));
    json_decref(wanted);
    json_decref(back);
    json_decref(list);
    arena_finish(&a);
}

static void a_byte_is_a_character(void **state)
{
    (void)state;
    json_t *list = parse("[[\"A\",\"caf\\u00e9\\u0080\"],[\"B\",\"\\u00e9\\u0142\"],[\"C\",\"\"]]");
    struct arena a;
    struct http_fields fs = {0};
    struct err e = {0};
    arena_init(&a, 4096);
    assert_true(http_json_take_fields(list, &a, &fs, &e));
    assert_str(fs.v[0].value, "caf\xe9\x80");
    assert_str(fs.v[1].value, "\xc3\xa9\xc5\x82");
    json_t *back = http_json_fields(&fs);
    json_t *wanted =
        parse("[[\"A\",\"caf\\u00e9\\u0080\"],[\"B\",\"\\u00c3\\u00a9\\u00c5\\u0082\"],"
              "[\"C\",\"\"]]");
    assert_true(json_equal(back, wanted));
    json_decref(wanted);
    json_decref(back);
    json_decref(list);
    arena_finish(&a);
}

static void refuses_fields(void **state)
{
    (void)state;
    static const char *const wrong[] = {"[[\"a b\",\"1\"]]", "[[\"a\",\"x\\r\\ny: z\"]]",
                                        "[[\"\",\"1\"]]", "[[1,2]]", "[\"a\"]"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        json_t *list = parse(wrong[i]);
        struct arena a;
        struct http_fields fs = {0};
        struct err e = {0};
        arena_init(&a, 4096);
        assert_false(http_json_take_fields(list, &a, &fs, &e));
        assert_int_equal(e.code, ERR_INVALID);
        arena_finish(&a);
        json_decref(list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_bodies),
        cmocka_unit_test(carries_fields),
        cmocka_unit_test(a_byte_is_a_character),
        cmocka_unit_test(refuses_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
