#include "base/container.h"
#include "config/address.h"
#include "testing.h"

static void hosts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *address; /* NULL: refused */
        bool loopback;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1", true},
        {"127.8.9.10", "127.8.9.10", true},
        {"localhost", "127.0.0.1", true},
        {"LocalHost", "127.0.0.1", true},
        {"::1", "::1", true},
        {"[::1]", "::1", true},
        {"::ffff:127.0.0.1", "::ffff:127.0.0.1", true},
        {"0.0.0.0", "0.0.0.0", false},
        {"::", "::", false},
        {"[::]", "::", false},
        {"10.0.0.1", "10.0.0.1", false},
        {"::ffff:10.0.0.1", "::ffff:10.0.0.1", false},
        {"", "", false},
        {"example.com", NULL, false},
        {"[127.0.0.1]", NULL, false},
        {"127.0.0.1:80", NULL, false},
        {"127.0.0", NULL, false},
        {"[]", NULL, false},
        {"[::1", NULL, false},
        {"256.0.0.1", NULL, false},
        {" 127.0.0.1", NULL, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str text = str_of(rows[i].text);
        struct err e = {0};
        enum err_code expected = rows[i].address == NULL ? ERR_INVALID : ERR_OK;
        if (address_check_host(text, &e) != expected)
            fail_msg("row %zu: %s", i, rows[i].text);
        if (rows[i].address == NULL)
            continue;
        if (address_is_loopback(text) != rows[i].loopback)
            fail_msg("row %zu: loopback of %s", i, rows[i].text);
        char *address = address_host(text);
        assert_string_equal(address, rows[i].address);
        free(address);
    }
    struct err e = {0};
    assert_int_equal(address_check_host(STR("127.0.0.1\0x"), &e), ERR_INVALID);
}

static void blocks(void **state)
{
    (void)state;
    static const char *const good[] = {"10.0.0.1",  "::1",      "10.0.0.0/8", "127.0.0.1/8",
                                       "0.0.0.0/0", "fc00::/7", "::/128",     "1.2.3.4/32"};
    static const char *const bad[] = {"",          "localhost", "10.0.0.0/33", "::/129",
                                      "10.0.0.0/", "/8",        "10.0.0/8",    "10.0.0.0/-1",
                                      "a/b",       "[::1]",     "10.0.0.0/8/8"};
    struct err e = {0};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (address_check_block(str_of(good[i]), &e) != ERR_OK)
            fail_msg("%s", good[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (address_check_block(str_of(bad[i]), &e) == ERR_OK)
            fail_msg("%s", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts),
        cmocka_unit_test(blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
