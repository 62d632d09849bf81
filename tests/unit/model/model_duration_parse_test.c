#include "base/container.h"
#include "model/model.h"
#include "testing.h"

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } rows[] = {
        {"0", 0},
        {"+0", 0},
        {"1ns", 1},
        {"1us", 1000},
        {"1\xc2\xb5s", 1000},
        {"1\xce\xbcs", 1000},
        {"300ms", 300000000},
        {"1s", 1000000000},
        {"1.5s", 1500000000},
        {".5s", 500000000},
        {"1.s", 1000000000},
        {"2m", 120000000000},
        {"1h15m", 4500000000000},
        {"1h15m30.918273645s", 4530918273645},
        {"1.5h", 5400000000000},
        {"0.0000000001h", 360},
        {"1.0000000009s", 1000000000},
        {"-1.5s", -1500000000},
        {"+5s", 5000000000},
        {"9223372036854775807ns", INT64_MAX},
        {"1m0.5s", 60500000000},
        {"1s1s", 2000000000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ns = -7;
        if (!model_duration_parse(str_of(rows[i].text), &ns) || ns != rows[i].ns)
            fail_msg("%s: %lld", rows[i].text, (long long)ns);
    }
}

static void what_is_no_duration(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",         "1",
        "1.5",      "s",
        ".s",       "-",
        "+",        "--1s",
        "1 s",      " 1s",
        "1s ",      "1S",
        "1d",       "1s0",
        "01",       "00",
        "1e3s",     "0x1s",
        "1.1.1s",   "9223372036854775808ns",
        "2562048h", "9223372036.9s",
        "1\xc2s",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ns = -7;
        if (model_duration_parse(str_of(rows[i]), &ns) || ns != -7)
            fail_msg("\"%s\" gives %lld", rows[i], (long long)ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(what_is_no_duration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
