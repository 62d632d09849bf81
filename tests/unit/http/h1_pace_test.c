#include "http/h1_pace.h"
#include "testing.h"

enum { RATE = 100, SLACK_MS = 5000 };

static void test_silence(void **state)
{
    (void)state;
    struct h1_pace p;
    h1_pace_begin(&p, RATE, SLACK_MS);
    assert_int_equal(h1_pace_left_ms(&p, 50), UINT64_MAX);
    assert_true(h1_pace_watch(&p, true, 100));
    assert_false(h1_pace_watch(&p, true, 200));
    assert_int_equal(h1_pace_left_ms(&p, 100), SLACK_MS);
    assert_int_equal(h1_pace_left_ms(&p, 1100), SLACK_MS - 1000);
    assert_int_equal(h1_pace_left_ms(&p, 100000), 0);
}

/* Half of the rate: the time until it is late is twice the slack. More than the rate: never. */
static void test_trickle(void **state)
{
    (void)state;
    static const struct {
        uint64_t per_second;
        uint64_t late_s; /* 0: never */
    } rows[] = {{0, 5}, {1, 6}, {50, 9}, {99, 401}, {100, 0}, {1000, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct h1_pace p;
        uint64_t s = 0;
        h1_pace_begin(&p, RATE, SLACK_MS);
        (void)h1_pace_watch(&p, true, 0);
        while (s < 1000 && h1_pace_left_ms(&p, s * 1000) > 0) {
            h1_pace_received(&p, rows[i].per_second);
            s++;
        }
        assert_int_equal(s == 1000 ? 0 : s, rows[i].late_s);
    }
}

static void test_a_burst_is_no_stock(void **state)
{
    (void)state;
    struct h1_pace p;
    h1_pace_begin(&p, RATE, SLACK_MS);
    (void)h1_pace_watch(&p, true, 0);
    assert_int_equal(h1_pace_left_ms(&p, 4000), 1000);
    h1_pace_received(&p, UINT32_MAX);
    assert_int_equal(h1_pace_left_ms(&p, 4000), SLACK_MS);
}

/* The time in which the upstream has no room is not the client's. */
static void test_pauses_do_not_count(void **state)
{
    (void)state;
    struct h1_pace p;
    h1_pace_begin(&p, RATE, SLACK_MS);
    (void)h1_pace_watch(&p, true, 0);
    assert_true(h1_pace_watch(&p, false, 1000));
    assert_int_equal(h1_pace_left_ms(&p, 50000), UINT64_MAX);
    assert_true(h1_pace_watch(&p, true, 90000));
    assert_int_equal(h1_pace_left_ms(&p, 91000), SLACK_MS - 2000);
}

static void test_off(void **state)
{
    (void)state;
    struct h1_pace p;
    h1_pace_begin(&p, 0, SLACK_MS);
    assert_false(h1_pace_watch(&p, true, 0));
    h1_pace_received(&p, 5);
    assert_int_equal(h1_pace_left_ms(&p, 1000000), UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_trickle),
        cmocka_unit_test(test_a_burst_is_no_stock),
        cmocka_unit_test(test_pauses_do_not_count),
        cmocka_unit_test(test_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
