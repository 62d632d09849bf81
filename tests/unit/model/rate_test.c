#include "base/container.h"
#include "model/rate.h"
#include "testing.h"

#define SECOND INT64_C(1000000000)
#define DAY    (INT64_C(86400) * SECOND)

static void ask_interval(void *rate)
{
    (void)rate_interval_ns(rate);
}

static void test_interval_and_burst(void **state)
{
    (void)state;
    const struct rate plain = {10, SECOND, 0};
    assert_int_equal(rate_interval_ns(&plain), 100000000);
    assert_int_equal(rate_burst(&plain), 10);
    const struct rate most = {RATE_REQUESTS_MAX, SECOND, 3};
    assert_int_equal(rate_interval_ns(&most), 1000);
    assert_int_equal(rate_burst(&most), 3);
    struct rate none = {0, SECOND, 0};
    assert_aborts(ask_interval, &none);
}

static void test_the_product_is_bounded(void **state)
{
    (void)state;
    static const struct {
        struct rate rate;
        const char *problem;
    } rows[] = {
        {{0, SECOND, 5}, NULL},
        {{RATE_REQUESTS_MAX, DAY, 0}, NULL},
        {{RATE_REQUESTS_MAX, DAY, RATE_REQUESTS_MAX}, NULL},
        {{1, SECOND, RATE_REQUESTS_MAX}, NULL},
        {{1, DAY, 53375}, NULL},
        {{1, DAY, 53376}, "must be at most 53375 with so few requests per period"},
        {{1, DAY, RATE_REQUESTS_MAX}, "must be at most 53375 with so few requests per period"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        enum err_code rc = rate_check(&rows[i].rate, &e);
        assert_int_equal(rc, rows[i].problem == NULL ? ERR_OK : ERR_INVALID);
        if (rows[i].problem != NULL)
            assert_string_equal(e.msg, rows[i].problem);
        else if (rows[i].rate.requests > 0) /* what node/node_rate.h asks for */
            assert_true(rate_interval_ns(&rows[i].rate) <
                        (UINT64_C(1) << 62) / rate_burst(&rows[i].rate));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interval_and_burst),
        cmocka_unit_test(test_the_product_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
