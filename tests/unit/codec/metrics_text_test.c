#include "codec/metrics_text.h"
#include "testing.h"

static void test_families_and_samples(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    assert_true(
        metrics_text_family(&b, "a_total", METRICS_TEXT_COUNTER, "Back\\slash, \"x\"\nend."));
    assert_true(metrics_text_sample(&b, "a_total", NULL, UINT64_MAX));
    const struct metrics_text_label label = {"l", STR("a\"b\\c\nd\xc3\xa4")};
    assert_true(metrics_text_sample(&b, "a_total", &label, 0));
    assert_true(metrics_text_family(&b, "g", METRICS_TEXT_GAUGE, ""));
    assert_true(metrics_text_decimal(&b, "g", 1234005));
    assert_str(buf_str(&b), "# HELP a_total Back\\\\slash, \"x\"\\nend.\n"
                            "# TYPE a_total counter\n"
                            "a_total 18446744073709551615\n"
                            "a_total{l=\"a\\\"b\\\\c\\nd\xc3\xa4\"} 0\n"
                            "# HELP g \n"
                            "# TYPE g gauge\n"
                            "g 1234.005\n");
    buf_finish(&b);
}

static void test_histogram(void **state)
{
    (void)state;
    static const uint32_t bounds[] = {0, 5, 10};
    static const uint64_t counts[] = {1, 0, 2, 4};
    const struct metrics_text_histogram h = {bounds, 3, counts, 99};
    struct buf b;
    buf_init(&b, 4096);
    assert_true(metrics_text_histogram(&b, "h", &h));
    assert_str(buf_str(&b), "h_bucket{le=\"0\"} 1\n"
                            "h_bucket{le=\"5\"} 1\n"
                            "h_bucket{le=\"10\"} 3\n"
                            "h_bucket{le=\"+Inf\"} 7\n"
                            "h_sum 99\n"
                            "h_count 7\n");
    buf_finish(&b);
}

static void test_too_small(void **state)
{
    (void)state;
    static const uint32_t bounds[] = {5};
    static const uint64_t counts[] = {1, 0};
    const struct metrics_text_histogram h = {bounds, 1, counts, 99};
    const struct metrics_text_label label = {"l", STR("value")};
    for (size_t max = 0; max < 8; max++) {
        struct buf b;
        buf_init(&b, max);
        assert_false(metrics_text_family(&b, "n", METRICS_TEXT_GAUGE, "h"));
        assert_false(metrics_text_sample(&b, "n", &label, 1));
        assert_false(metrics_text_histogram(&b, "n", &h));
        buf_finish(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families_and_samples),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_too_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
