#include "script/unit.h"
#include "testing.h"

static const struct script_limits SERVER = {
    .cpu_ms = 100,
    .wall_ms = 30000,
    .heap_bytes = 1 << 28,
    .body_max = 1000,
    .fetches = 32,
    .timers = 64,
    .log_rate = 10,
    .raise_max = 10,
    .cpu_ceiling_ms = 800,
};

static struct unit made(const struct model_module_limits *own, const struct script_limits *server)
{
    char name[] = "m";
    char ns[] = "default";
    const struct model_module m = {.name = name, .ns = ns, .limits = *own};
    struct unit u;
    unit_init(&u, &m, server, 0);
    return u;
}

static void test_without_own_limits(void **state)
{
    (void)state;
    struct unit u = made(&(struct model_module_limits){0}, &SERVER);
    assert_string_equal(u.name, "m");
    assert_int_equal(u.limits.cpu_ms, 100);
    assert_int_equal(u.limits.body_max, 1000);
    assert_int_equal(u.limits.log_rate, 10);
    unit_finish(&u);
}

static void test_lower_and_higher(void **state)
{
    (void)state;
    const struct model_module_limits own = {.cpu_ns = 10000000,
                                            .wall_ns = INT64_C(60000000000),
                                            .body = 10,
                                            .fetches = 100,
                                            .timers = 1,
                                            .log_rate = 100};
    struct unit u = made(&own, &SERVER);
    assert_int_equal(u.limits.cpu_ms, 10);
    assert_int_equal(u.limits.wall_ms, 60000);
    assert_int_equal(u.limits.body_max, 10);
    assert_int_equal(u.limits.fetches, 100);
    assert_int_equal(u.limits.timers, 1);
    assert_int_equal(u.limits.log_rate, 100);
    unit_finish(&u);
}

static void test_ceilings(void **state)
{
    (void)state;
    const struct model_module_limits own = {.cpu_ns = INT64_C(5000000000), .fetches = 1000};
    struct unit u = made(&own, &SERVER);
    assert_int_equal(u.limits.cpu_ms, 800); /* less than ten times */
    assert_int_equal(u.limits.fetches, 320);
    unit_finish(&u);
    struct script_limits strict = SERVER;
    strict.raise_max = 1;
    u = made(&own, &strict);
    assert_int_equal(u.limits.cpu_ms, 100);
    assert_int_equal(u.limits.fetches, 32);
    unit_finish(&u);
}

/* Ten a second, fifty after a pause. */
static void test_log(void **state)
{
    (void)state;
    struct unit u = made(&(struct model_module_limits){0}, &SERVER);
    unsigned n = 0;
    for (int i = 0; i < 200; i++)
        n += unit_may_log(&u, 0);
    assert_int_equal(n, 50);
    assert_int_equal(unit_take_dropped(&u), 150);
    assert_int_equal(unit_take_dropped(&u), 0);
    n = 0;
    for (uint64_t ms = 1; ms <= 1000; ms++)
        n += unit_may_log(&u, ms);
    assert_int_equal(n, 10);
    n = 0;
    for (int i = 0; i < 200; i++)
        n += unit_may_log(&u, 1000000);
    assert_int_equal(n, 50);
    unit_finish(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_own_limits),
        cmocka_unit_test(test_lower_and_higher),
        cmocka_unit_test(test_ceilings),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
