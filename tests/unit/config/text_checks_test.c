#include "base/container.h"
#include "config/text_checks.h"
#include "testing.h"

typedef enum err_code (*check_fn)(struct str text, struct err *e);

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        check_fn check;
        const char *text;
        bool good;
    } rows[] = {
        {text_checks_version, "v1", true},
        {text_checks_version, "V1", true},
        {text_checks_version, "", false},
        {text_checks_version, "v10", false},
        {text_checks_tag, "a-b.c", true},
        {text_checks_tag, "", false},
        {text_checks_tag, "a,b", false},
        {text_checks_tag, "\xc3\xbc", false},
        {text_checks_dir, "/x y", true},
        {text_checks_dir, "", false},
        {text_checks_credential, "p w", true},
        {text_checks_credential, "", false},
        {text_checks_credential, "a\n", false},
        {text_checks_header_name, "X-A_b.1", true},
        {text_checks_header_name, "", false},
        {text_checks_header_name, "a:", false},
        {text_checks_header_name, "a b", false},
        {text_checks_header_name, "\xc3\xbc", false},
        {text_checks_header_value, "", true},
        {text_checks_header_value, "a\tb c", true},
        {text_checks_header_value, " a", false},
        {text_checks_header_value, "a\r\nb: c", false},
        {text_checks_header_value, "a\x7f", false},
        {text_checks_variable, "_a1B", true},
        {text_checks_variable, "", false},
        {text_checks_variable, "1A", false},
        {text_checks_variable, "A-B", false},
        {text_checks_variable, "A=", false},
        {text_checks_response_field, "X-A", true},
        {text_checks_response_field, "transfer-encoding", false},
        {text_checks_response_field, "Connection", false},
        {text_checks_response_field, "", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        bool good = rows[i].check(str_of(rows[i].text), &e) == ERR_OK;
        if (good != rows[i].good || good != (e.msg[0] == '\0'))
            fail_msg("row %zu: \"%s\"", i, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
