#include "base/container.h"
#include "model/model.h"
#include "proxy/catalog_limits.h"
#include "testing.h"

#define SECOND INT64_C(1000000000)

static char ns[] = "n";
static char name[] = "r";

static void test_none(void **state)
{
    (void)state;
    static char by[] = "";
    const struct model_route r = {.ns = ns, .name = name, .rate_period_ns = SECOND, .limit_by = by};
    assert_null(catalog_limits_create(&r));
    catalog_limits_destroy(NULL);
}

static void test_kinds(void **state)
{
    (void)state;
    static char client[] = "client";
    static char route[] = "route";
    static char header[] = "header:X-Key";
    static char empty[] = "";
    static const struct {
        char *by;
        enum catalog_limits_by expected;
        const char *header;
    } rows[] = {
        {empty, CATALOG_LIMITS_CLIENT, ""},
        {client, CATALOG_LIMITS_CLIENT, ""},
        {route, CATALOG_LIMITS_ROUTE, ""},
        {header, CATALOG_LIMITS_HEADER, "X-Key"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct model_route r = {.ns = ns,
                                      .name = name,
                                      .rate_limit = 4,
                                      .rate_period_ns = SECOND,
                                      .max_concurrent = 7,
                                      .limit_by = rows[i].by};
        struct catalog_limits *l = catalog_limits_create(&r);
        assert_int_equal(l->by, rows[i].expected);
        assert_str(l->header, rows[i].header);
        assert_int_equal(l->rate.period_ns, 250000000);
        assert_int_equal(l->rate.burst, 4);
        assert_int_equal(l->concurrent_max, 7);
        assert_true(str_eq(l->scope, STR("n\0r")));
        catalog_limits_destroy(l);
    }
}

static void test_concurrency_only(void **state)
{
    (void)state;
    static char by[] = "";
    const struct model_route r = {
        .ns = ns, .name = name, .rate_period_ns = SECOND, .max_concurrent = 1, .limit_by = by};
    struct catalog_limits *l = catalog_limits_create(&r);
    assert_int_equal(l->rate.period_ns, 0);
    assert_int_equal(l->concurrent_max, 1);
    catalog_limits_destroy(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_concurrency_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
