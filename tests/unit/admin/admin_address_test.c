#include "admin/admin_address.h"
#include "base/container.h"
#include "testing.h"

static const struct {
    const char *block;
    const char *address;
    bool in;
} rows[] = {
    {"10.0.0.0/8", "10.255.0.1", true},
    {"10.0.0.0/8", "11.0.0.1", false},
    {"10.1.2.3/8", "10.9.9.9", true},
    {"192.0.2.128/25", "192.0.2.200", true},
    {"192.0.2.128/25", "192.0.2.127", false},
    {"192.0.2.1", "192.0.2.1", true},
    {"192.0.2.1", "192.0.2.2", false},
    {"192.0.2.1/32", "192.0.2.1", true},
    {"0.0.0.0/0", "8.8.8.8", true},
    {"0.0.0.0/0", "2001:db8::1", false},
    {"::/0", "2001:db8::1", true},
    {"::/0", "8.8.8.8", true},
    {"2001:db8::/33", "2001:db8:7fff::1", true},
    {"2001:db8::/33", "2001:db8:8000::1", false},
    {"::1", "::1", true},
    {"::1/128", "::2", false},
    {"::ffff:10.0.0.0/104", "10.1.1.1", true},
    {"10.0.0.0/8", "::ffff:10.1.1.1", true},
    {"10.0.0.0/8", "10.0.0.1:8080", true},
    {"::1", "[::1]:8080", true},
    {"::1", "[::1]", true},
    {"::1", " ::1 ", true},
};

static void test_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct admin_address_block b;
        struct admin_address a;
        assert_true(admin_address_block_parse(str_of(rows[i].block), &b));
        assert_true(admin_address_parse(str_of(rows[i].address), &a));
        if (admin_address_in(&a, &b) != rows[i].in)
            fail_msg("%s in %s", rows[i].address, rows[i].block);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const blocks[] = {
        "",           "x",           "10.0.0/8",     "10.0.0.0/33",
        "10.0.0.0/",  "10.0.0.0/-1", "::/129",       "10.0.0.0/8/8",
        "10.0.0.256", "[::1]",       "127.0.0.1:80", "01.2.3.4 "};
    static const char *const addresses[] = {"",   "x",     "1.2.3",     "1.2.3.4.5",    "[::1",
                                            "[]", "::1::", "localhost", "1.2.3.4%eth0", ":80"};
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        struct admin_address_block b;
        if (admin_address_block_parse(str_of(blocks[i]), &b))
            fail_msg("block %s", blocks[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct admin_address a;
        if (admin_address_parse(str_of(addresses[i]), &a) != (strcmp(addresses[i], "[::1") == 0))
            fail_msg("address %s", addresses[i]);
    }
    struct admin_address a;
    assert_false(admin_address_parse(STR("1.2.3.4\0x"), &a));
    char text[200];
    memset(text, '1', sizeof(text));
    assert_false(admin_address_parse((struct str){text, sizeof(text)}, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
