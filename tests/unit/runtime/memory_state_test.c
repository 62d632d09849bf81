#include <stdio.h>

#include "base/container.h"
#include "runtime/memory_state.h"
#include "testing.h"

struct answer {
    char text[512]; /* the result, or "!" and the error */
    int count;
};

static void on_answer(void *user, struct str result, const struct err *e)
{
    struct answer *a = user;
    a->count++;
    if (e != NULL)
        (void)snprintf(a->text, sizeof(a->text), "!%.500s", e->msg);
    else
        (void)snprintf(a->text, sizeof(a->text), "%.*s", STR_ARG(result));
}

static const char *ask(struct memory_state *s, enum script_state_op op, const char *args)
{
    static struct answer a;
    a = (struct answer){0};
    const struct script_state_request request = {
        .op = op, .ns = STR("default"), .module = STR("m"), .args = str_of(args)};
    memory_state_ask(s, &request, on_answer, &a);
    assert_int_equal(a.count, 1);
    return a.text;
}

static int set_up(void **state)
{
    static struct memory_state s;
    const struct entries_options storage = {.value_max = 10, .entries_max = 2, .bytes_max = 100};
    memory_state_init(&s, 20, &storage);
    s.schema.schema_max = 20;
    *state = &s;
    (void)ask(&s, SCRIPT_PUT_COLLECTION, "{\"name\":\"c\"}");
    return 0;
}

static int tear_down(void **state)
{
    memory_state_finish(*state);
    return 0;
}

#define PUT(s, id)                                                                                 \
    ask((s), SCRIPT_PUT_DOCUMENT, "{\"id\":\"" id "\",\"collection\":\"c\",\"data\":\"" id "\"}")

static void stores_and_removes(void **state)
{
    struct memory_state *s = *state;
    const char *const get = "{\"id\":\"a\",\"collection\":\"c\"}";
    assert_string_equal(ask(s, SCRIPT_GET_DOCUMENT, get), "null");
    assert_non_null(strstr(PUT(s, "a"), "\"data\":\"a\""));
    assert_non_null(strstr(ask(s, SCRIPT_GET_DOCUMENT, get), "\"createdAt\":\"2"));
    assert_non_null(strstr(ask(s, SCRIPT_GET_COLLECTION, "{\"name\":\"c\"}"), "\"name\":\"c\""));
    assert_string_equal(ask(s, SCRIPT_DELETE_COLLECTION, "{\"name\":\"c\"}"),
                        "!collection default/c: still has 1 documents");
    assert_string_equal(ask(s, SCRIPT_DELETE_DOCUMENT, get), "null");
    assert_string_equal(ask(s, SCRIPT_DELETE_DOCUMENT, get), "!document default/c/a: not found");
    assert_string_equal(ask(s, SCRIPT_DELETE_COLLECTION, "{\"name\":\"c\"}"), "null");
    assert_string_equal(ask(s, SCRIPT_GET_COLLECTION, "{\"name\":\"c\"}"),
                        "!collection default/c: not found");
}

static void lists_in_the_order_of_ids(void **state)
{
    struct memory_state *s = *state;
    (void)PUT(s, "b");
    (void)PUT(s, "c");
    (void)PUT(s, "a");
    const char *page =
        ask(s, SCRIPT_GET_DOCUMENTS, "{\"collection\":\"c\",\"limit\":1,\"offset\":1}");
    assert_non_null(strstr(page, "\"id\":\"b\""));
    assert_null(strstr(page, "\"id\":\"a\""));
    assert_null(strstr(page, "\"id\":\"c\""));
    memory_state_clear(s);
    assert_string_equal(ask(s, SCRIPT_GET_DOCUMENTS, "{\"collection\":\"c\"}"),
                        "!collection default/c: not found");
}

static void refuses(void **state)
{
    static const struct {
        enum script_state_op op;
        const char *args;
        const char *error; /* a part of it */
    } rows[] = {
        {SCRIPT_GET_DOCUMENT, "[]", "!an object is expected"},
        {SCRIPT_GET_DOCUMENT, "{", "!"},
        {SCRIPT_GET_DOCUMENT, "{\"id\":\"a\"}", "!collection is required"},
        {SCRIPT_GET_DOCUMENT, "{\"collection\":\"c\"}", "!id is required"},
        {SCRIPT_GET_DOCUMENTS, "{\"collection\":\"c\",\"limit\":1001}", "!limit must be"},
        {SCRIPT_GET_DOCUMENTS, "{\"collection\":\"c\",\"offset\":\"1\"}", "!offset must be"},
        {SCRIPT_PUT_DOCUMENT, "{\"id\":\"a\",\"collection\":\"d\",\"data\":1}",
         "!collection: collection not found: d"},
        {SCRIPT_PUT_DOCUMENT,
         "{\"id\":\"a\",\"collection\":\"c\",\"data\":\"12345678901234567890\"}",
         "limits.document_max"},
        {SCRIPT_PUT_DOCUMENT,
         "{\"id\":\"a\",\"collection\":\"c\",\"data\":1,\"namespace\":\"other\"}",
         "!a module of namespace default may not write to namespace other"},
        {SCRIPT_PUT_COLLECTION, "{\"name\":\"\"}", "!name"},
        {SCRIPT_PUT_COLLECTION, "{\"name\":\"d\",\"schema\":{\"type\":1}}",
         "!collection default/d: the schema cannot be applied: there is no validator"},
        {SCRIPT_PUT_COLLECTION, "{\"name\":\"d\",\"schema\":{\"type\":\"array\",\"items\":{}}}",
         "!schema: it has more than 20 bytes (limits.schema_max)"},
        {SCRIPT_DELETE_COLLECTION, "{}", "!name is required"},
        {SCRIPT_TOOL, "{}", "!dgate-runtime does not have this"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *text = ask(*state, rows[i].op, rows[i].args);
        if (strstr(text, rows[i].error) == NULL)
            fail_msg("%s: %s", rows[i].args, text);
    }
}

static void keeps_secrets(void **state)
{
    struct memory_state *s = *state;
    struct err e = {0};
    const char *const get = "{\"name\":\"key\"}";
    assert_string_equal(ask(s, SCRIPT_GET_SECRET, get), "null");
    assert_true(memory_state_put_secret(s, STR("key"), STR("one"), &e));
    assert_true(memory_state_put_secret(s, STR("key"), STR("two"), &e));
    assert_string_equal(ask(s, SCRIPT_GET_SECRET, get), "\"two\"");
    assert_false(memory_state_put_secret(s, STR(""), STR("x"), &e));
    assert_int_equal(e.code, ERR_INVALID);
    assert_non_null(strstr(e.msg, "name"));
    assert_false(memory_state_put_secret(s, STR("key"), STR("**redacted**"), &e));
    assert_non_null(strstr(e.msg, "data"));
    assert_string_equal(ask(s, SCRIPT_GET_SECRET, get), "\"two\"");
    memory_state_clear(s);
    assert_string_equal(ask(s, SCRIPT_GET_SECRET, get), "null");
}

static void has_a_storage(void **state)
{
    struct memory_state *s = *state;
    assert_string_equal(ask(s, SCRIPT_STORAGE_PUT, "{\"key\":\"a\",\"value\":[1]}"), "null");
    assert_string_equal(ask(s, SCRIPT_STORAGE_GET, "{\"key\":\"a\"}"), "[1]");
    memory_state_clear(s);
    assert_string_equal(ask(s, SCRIPT_STORAGE_READ, "{\"key\":\"a\"}"), "null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stores_and_removes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_in_the_order_of_ids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_secrets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(has_a_storage, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
