#include "codec/json.h"
#include "runtime/memory_storage.h"
#include "testing.h"

static uint64_t now_ms;

/* The result as JSON, or "!" and the error. */
static const char *ask(struct memory_storage *s, enum script_state_op op, const char *args)
{
    static char text[ERR_MESSAGE_MAX + 2];
    struct err e = {0};
    struct buf out;
    buf_init(&out, sizeof(text) - 1);
    json_t *object = json_text_parse(str_of(args), &e);
    assert_non_null(object);
    assert_true(memory_storage_concerns(op));
    json_t *result = memory_storage_run(s, op, object, now_ms, &e);
    if (result != NULL)
        assert_true(json_text_write(&out, result));
    else
        assert_true(buf_addf(&out, "!%s", e.msg));
    (void)snprintf(text, sizeof(text), "%s", buf_cstr(&out));
    json_decref(result);
    json_decref(object);
    buf_finish(&out);
    return text;
}

#define ASK(s, op, args, expected)                                                                 \
    assert_string_equal(ask((s), SCRIPT_STORAGE_##op, (args)), (expected))

static int set_up(void **state)
{
    static struct memory_storage s;
    const struct entries_options limits = {.value_max = 10, .entries_max = 3, .bytes_max = 24};
    memory_storage_init(&s, &limits);
    now_ms = 1000;
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    memory_storage_finish(*state);
    return 0;
}

static void stores_and_deletes(void **state)
{
    struct memory_storage *s = *state;
    ASK(s, GET, "{\"key\":\"a\"}", "null");
    ASK(s, PUT, "{\"key\":\"a\",\"value\":1}", "null");
    ASK(s, PUT, "{\"key\":\"a\",\"value\":{\"n\":2}}", "null");
    ASK(s, GET, "{\"key\":\"a\"}", "{\"n\":2}");
    ASK(s, READ, "{\"key\":\"a\"}", "{\"n\":2}");
    assert_int_equal(s->bytes, 8);
    ASK(s, DELETE, "{\"key\":\"a\"}", "true");
    ASK(s, DELETE, "{\"key\":\"a\"}", "false");
    ASK(s, GET, "{\"key\":\"a\"}", "null");
    assert_int_equal(s->bytes, 0);
    assert_false(memory_storage_concerns(SCRIPT_GET_SECRET));
}

static void lists_in_the_order_of_keys(void **state)
{
    struct memory_storage *s = *state;
    ASK(s, PUT, "{\"key\":\"b/2\",\"value\":2}", "null");
    ASK(s, PUT, "{\"key\":\"c\",\"value\":3}", "null");
    ASK(s, PUT, "{\"key\":\"b/1\",\"value\":1}", "null");
    ASK(s, LIST, "{\"prefix\":\"b/\"}",
        "[{\"key\":\"b/1\",\"value\":1},{\"key\":\"b/2\",\"value\":2}]");
    ASK(s, LIST, "{\"prefix\":\"b/\",\"after\":\"b/1\"}", "[{\"key\":\"b/2\",\"value\":2}]");
    ASK(s, LIST, "{\"after\":\"b/15\",\"limit\":1}", "[{\"key\":\"b/2\",\"value\":2}]");
    ASK(s, LIST, "{\"prefix\":\"c\",\"after\":\"a\"}", "[{\"key\":\"c\",\"value\":3}]");
    ASK(s, LIST, "{\"limit\":0}", "[]");
    ASK(s, LIST, "{\"limit\":1001}", "!limit must be a whole number from 0 to 1000");
}

static void compares_and_sets(void **state)
{
    struct memory_storage *s = *state;
    ASK(s, COMPARE, "{\"key\":\"a\",\"expected\":1,\"value\":2}", "false");
    ASK(s, COMPARE, "{\"key\":\"a\",\"expected\":null,\"value\":1}", "true");
    ASK(s, COMPARE, "{\"key\":\"a\",\"expected\":null,\"value\":2}", "false");
    ASK(s, COMPARE, "{\"key\":\"a\",\"expected\":1,\"value\":[2]}", "true");
    ASK(s, GET, "{\"key\":\"a\"}", "[2]");
    ASK(s, COMPARE, "{\"key\":\"a\",\"expected\":[2],\"value\":null}", "true");
    ASK(s, GET, "{\"key\":\"a\"}", "null");
    assert_int_equal(s->entries.n, 0);
}

static void increments(void **state)
{
    struct memory_storage *s = *state;
    ASK(s, INCREMENT, "{\"key\":\"n\"}", "1");
    ASK(s, INCREMENT, "{\"key\":\"n\",\"by\":2.5}", "3.5");
    ASK(s, INCREMENT, "{\"key\":\"n\",\"by\":0.5}", "4");
    ASK(s, INCREMENT, "{\"key\":\"n\",\"by\":\"x\"}", "!by must be a number");
    ASK(s, PUT, "{\"key\":\"t\",\"value\":\"x\"}", "null");
    ASK(s, INCREMENT, "{\"key\":\"t\"}", "!storage key default/t does not hold a number");
    ASK(s, GET, "{\"key\":\"n\"}", "4");
}

static void lets_values_expire(void **state)
{
    struct memory_storage *s = *state;
    ASK(s, PUT, "{\"key\":\"a\",\"value\":1,\"ttl\":1}", "null");
    ASK(s, INCREMENT, "{\"key\":\"b\",\"ttl\":2}", "1");
    ASK(s, PUT, "{\"key\":\"c\",\"value\":1}", "null");
    now_ms = 1999;
    ASK(s, GET, "{\"key\":\"a\"}", "1");
    ASK(s, INCREMENT, "{\"key\":\"b\",\"ttl\":9}", "2");
    now_ms = 2000;
    ASK(s, GET, "{\"key\":\"a\"}", "null");
    ASK(s, GET, "{\"key\":\"b\"}", "2");
    ASK(s, PUT, "{\"key\":\"d\",\"value\":1}", "null"); /* its place is free */
    now_ms = 3000;
    ASK(s, LIST, "{}", "[{\"key\":\"c\",\"value\":1},{\"key\":\"d\",\"value\":1}]");
    ASK(s, INCREMENT, "{\"key\":\"b\"}", "1");
    ASK(s, PUT, "{\"key\":\"c\",\"value\":1,\"ttl\":-1}", "!ttl must not be negative");
}

static void has_limits(void **state)
{
    struct memory_storage *s = *state;
    ASK(s, PUT, "{\"key\":\"\",\"value\":1}",
        "!a storage key has 1 to 255 bytes of UTF-8 without control characters");
    ASK(s, PUT, "{\"key\":\"a\",\"value\":null}", "!storage key default/a: null cannot be stored");
    ASK(s, PUT, "{\"key\":\"a\",\"value\":\"123456789\"}",
        "!storage key default/a: the value has 11 bytes as JSON, more than 10 "
        "(limits.storage_value_max)");
    ASK(s, PUT, "{\"key\":\"a\",\"value\":\"12345678\"}", "null");
    ASK(s, PUT, "{\"key\":\"b\",\"value\":\"12345678\"}", "null");
    ASK(s, PUT, "{\"key\":\"c\",\"value\":22}",
        "!storage key default/c: the namespace would pass 24 bytes (limits.storage_bytes)");
    ASK(s, PUT, "{\"key\":\"c\",\"value\":2}", "null");
    ASK(s, PUT, "{\"key\":\"d\",\"value\":1}",
        "!storage key default/d: the namespace has 3 entries already (limits.storage_entries)");
    ASK(s, PUT, "{\"key\":\"a\",\"value\":\"1\"}", "null");
    memory_storage_clear(s);
    assert_int_equal(s->bytes, 0);
    ASK(s, LIST, "{}", "[]");
    ASK(s, PUT, "{\"key\":\"d\",\"value\":1}", "null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stores_and_deletes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_in_the_order_of_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(compares_and_sets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(increments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lets_values_expire, set_up, tear_down),
        cmocka_unit_test_setup_teardown(has_limits, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
