#include "codec/json.h"
#include "server/page_args.h"
#include "testing.h"

static bool ask(const char *text, bool offset, uint64_t *ret, struct err *e)
{
    json_t *args = json_text_parse(str_of(text), e);
    assert_non_null(args);
    const bool ok = offset ? page_args_offset(args, ret, e) : page_args_limit(args, ret, e);
    json_decref(args);
    return ok;
}

static void what_may_be_asked(void **state)
{
    (void)state;
    static const struct {
        const char *args;
        bool offset;
        int64_t expected; /* -1: refused */
    } rows[] = {
        {"{}", false, 100},
        {"{\"limit\":null}", false, 100},
        {"{\"limit\":0}", false, 0},
        {"{\"limit\":1000}", false, 1000},
        {"{\"limit\":1001}", false, -1},
        {"{\"limit\":-1}", false, -1},
        {"{\"limit\":1.5}", false, -1},
        {"{\"limit\":\"5\"}", false, -1},
        {"{\"limit\":5}", true, 0},
        {"{\"offset\":2147483647}", true, INT32_MAX},
        {"{\"offset\":2147483648}", true, -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err e = {0};
        uint64_t got = 7;
        const bool ok = ask(rows[i].args, rows[i].offset, &got, &e);
        assert_int_equal(ok, rows[i].expected >= 0);
        if (ok) {
            assert_int_equal(got, rows[i].expected);
            continue;
        }
        const char *why = rows[i].offset ? "offset must be a whole number from 0 to 2147483647"
                                         : "limit must be a whole number from 0 to 1000";
        assert_string_equal(e.msg, why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_may_be_asked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
