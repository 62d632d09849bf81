#include "base/container.h"
#include "codec/http1_body.h"
#include "testing.h"

static const struct http1_limits limits = {
    .line_max = 200, .head_max = 1000, .fields_max = 4, .trailer_max = 60};

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

/* What came of a body that was fed in pieces of at most step bytes. */
struct outcome {
    enum http1_result result;
    const char *error;
    size_t used;
    char data[256];
    size_t data_len;
    char trailers[256];
};

static struct str data_of(const struct outcome *o)
{
    return (struct str){o->data, o->data_len};
}

static void read_all(struct str in, size_t step, size_t data_max, struct outcome *out)
{
    struct http1_body b;
    http1_body_init(&b, HTTP1_CHUNKED, HTTP_LENGTH_UNKNOWN, &limits, &arena);
    *out = (struct outcome){.result = HTTP1_MORE, .error = ""};
    size_t seen = 0;
    while (out->result == HTTP1_MORE) {
        struct str data = {0};
        size_t used = 0;
        const struct http1_error *error = NULL;
        out->result =
            http1_body_read(&b, str_slice(in, out->used, seen), data_max, &data, &used, &error);
        if (out->result == HTTP1_ERROR) {
            out->error = error->name + strlen("http1.");
            break;
        }
        assert_true(data.len <= data_max);
        if (data.len > 0)
            memcpy(out->data + out->data_len, data.p, data.len);
        out->data_len += data.len;
        out->used += used;
        if (used == 0 && out->result == HTTP1_MORE) {
            if (seen == in.len)
                break;
            seen = seen + step < in.len ? seen + step : in.len;
        }
    }
    for (uint32_t i = 0; i < b.trailers.n; i++) {
        size_t len = strlen(out->trailers);
        (void)snprintf(out->trailers + len, sizeof(out->trailers) - len, "%.*s=%.*s;",
                       STR_ARG(b.trailers.v[i].name), STR_ARG(b.trailers.v[i].value));
    }
    http1_body_finish(&b);
}

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static const struct {
    struct str text;
    const char *data;
    const char *trailers;
    size_t rest; /* bytes that belong to what follows */
} good[] = {
    {TEXT("0\r\n\r\n"), "", "", 0},
    {TEXT("3\r\nabc\r\n0\r\n\r\n"), "abc", "", 0},
    {TEXT("3\r\nabc\r\n0\r\n\r\nGET /"), "abc", "", 5},
    {TEXT("3\r\na\r\n\r\n00\r\n\r\n"), "a\r\n", "", 0},
    {TEXT("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), "01234567890123456789", "", 0},
    {TEXT("0000000000000003\r\nabc\r\n0000\r\n\r\n"), "abc", "", 0},
    {TEXT("3;a=b;c=\"d\"\r\nabc\r\n0;x\r\n\r\n"), "abc", "", 0},
    {TEXT("3; \t a\xff\r\nabc\r\n0\r\n\r\n"), "abc", "", 0},
    {TEXT("1\r\na\r\n0\r\nX: y\r\nz:\r\n\r\n"), "a", "X=y;z=;", 0},
    {TEXT("0\r\nA: b\r\nTrailer: x\r\nHost: x\r\nTE: x\r\n\r\n"), "", "A=b;", 0},
    {TEXT("0\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\nX"), "", "", 1},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        for (size_t step = 1; step <= good[i].text.len; step++) {
            for (size_t data_max = 1; data_max < 12; data_max += 5) {
                struct outcome o;
                read_all(good[i].text, step, data_max, &o);
                assert_int_equal(o.result, HTTP1_DONE);
                assert_str(data_of(&o), good[i].data);
                assert_string_equal(o.trailers, good[i].trailers);
                assert_int_equal(o.used, good[i].text.len - good[i].rest);
            }
        }
    }
}

/* What has to do with limits; all else that is refused is in tests/http1/. */
static const struct {
    struct str text;
    const char *error;
} bad[] = {
    {TEXT("0\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\n\r\n"), "too_many_fields"},
    {TEXT("0;0123456789012345678901234567890123456789012345678901234567890"), "chunk_overhead"},
    {TEXT("1;01234567890123456789\r\na\r\n1;01234567890123456789012345678901234567890\r\n"),
     "chunk_overhead"},
    {TEXT("0\r\nX: 0123456789012345678901234567890123456789012345678901234567890"),
     "chunk_overhead"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        for (size_t step = 1; step <= bad[i].text.len; step++) {
            struct outcome o;
            read_all(bad[i].text, step, 100, &o);
            if (o.result != HTTP1_ERROR || strcmp(o.error, bad[i].error) != 0)
                fail_msg("row %zu \"%.*s\" in steps of %zu: \"%s\" instead of \"%s\"", i,
                         STR_ARG(bad[i].text), step, o.error, bad[i].error);
        }
    }
}

static void test_incomplete(void **state)
{
    (void)state;
    struct str text = good[8].text;
    for (size_t n = 0; n < text.len; n++) {
        struct outcome o;
        read_all(str_slice(text, 0, n), 3, 100, &o);
        assert_int_equal(o.result, HTTP1_MORE);
    }
}

static void test_largest_chunk(void **state)
{
    (void)state;
    struct outcome o;
    read_all(STR("7fffffffffffffff\r\nabc"), 100, 100, &o);
    assert_int_equal(o.result, HTTP1_MORE);
    assert_str(data_of(&o), "abc");
}

static void test_length(void **state)
{
    (void)state;
    struct http1_body b;
    struct str data;
    size_t used;
    const struct http1_error *error;
    http1_body_init(&b, HTTP1_LENGTH, 5, &limits, &arena);
    assert_int_equal(http1_body_read(&b, STR(""), 10, &data, &used, &error), HTTP1_MORE);
    assert_int_equal(used, 0);
    assert_int_equal(http1_body_read(&b, STR("abcdefg"), 3, &data, &used, &error), HTTP1_MORE);
    assert_str(data, "abc");
    assert_int_equal(used, 3);
    assert_int_equal(http1_body_read(&b, STR("defg"), 10, &data, &used, &error), HTTP1_DONE);
    assert_str(data, "de");
    assert_int_equal(used, 2);
    http1_body_finish(&b);
}

static void test_others(void **state)
{
    (void)state;
    struct http1_body b;
    struct str data;
    size_t used;
    const struct http1_error *error;
    http1_body_init(&b, HTTP1_NO_BODY, 5, &limits, &arena);
    assert_int_equal(http1_body_read(&b, STR("abc"), 10, &data, &used, &error), HTTP1_DONE);
    assert_int_equal(used, 0);
    assert_int_equal(data.len, 0);
    const enum http1_framing endless[] = {HTTP1_UNTIL_CLOSE, HTTP1_TUNNEL};
    for (size_t i = 0; i < ARRAY_LEN(endless); i++) {
        http1_body_init(&b, endless[i], HTTP_LENGTH_UNKNOWN, &limits, &arena);
        assert_int_equal(http1_body_read(&b, STR("abc"), 2, &data, &used, &error), HTTP1_MORE);
        assert_str(data, "ab");
        assert_int_equal(used, 2);
        http1_body_finish(&b);
    }
    http1_body_finish(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad, setup, teardown),
        cmocka_unit_test_setup_teardown(test_incomplete, setup, teardown),
        cmocka_unit_test_setup_teardown(test_largest_chunk, setup, teardown),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
