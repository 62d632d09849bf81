#include "base/container.h"
#include "codec/ip_address.h"
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
        struct ip_address_block b;
        struct ip_address a;
        assert_true(ip_address_block_parse(str_of(rows[i].block), &b));
        assert_true(ip_address_parse(str_of(rows[i].address), &a));
        if (ip_address_in(&a, &b) != rows[i].in)
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
        struct ip_address_block b;
        if (ip_address_block_parse(str_of(blocks[i]), &b))
            fail_msg("block %s", blocks[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct ip_address a;
        if (ip_address_parse(str_of(addresses[i]), &a) != (strcmp(addresses[i], "[::1") == 0))
            fail_msg("address %s", addresses[i]);
    }
    struct ip_address a;
    assert_false(ip_address_parse(STR("1.2.3.4\0x"), &a));
    char text[200];
    memset(text, '1', sizeof(text));
    assert_false(ip_address_parse((struct str){text, sizeof(text)}, &a));
}

static void test_list(void **state)
{
    (void)state;
    struct ip_address_list l = {0};
    struct ip_address a;
    assert_true(ip_address_list_add(&l, STR("10.0.0.0/8")));
    assert_true(ip_address_list_add(&l, STR("2001:db8::1")));
    assert_false(ip_address_list_add(&l, STR("10.0.0.0/33")));
    assert_int_equal(l.n, 2);
    assert_true(ip_address_parse(STR("2001:db8::1"), &a));
    assert_true(ip_address_in_list(&a, &l));
    assert_true(ip_address_parse(STR("11.0.0.1"), &a));
    assert_false(ip_address_in_list(&a, &l));
    ip_address_list_finish(&l);
    assert_false(ip_address_in_list(&a, &l));
}

static void test_text(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"192.0.2.1", "192.0.2.1"},          {"192.0.2.1:80", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},   {"2001:DB8:0:0::1", "2001:db8::1"},
        {"[2001:db8::1]:80", "2001:db8::1"}, {"::", "::"},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct ip_address a;
        char text[IP_ADDRESS_TEXT_SIZE];
        assert_true(ip_address_parse(str_of(texts[i][0]), &a));
        assert_str(ip_address_text(&a, text), texts[i][1]);
    }
}

static const struct {
    const char *address;
    bool private;
} places[] = {
    {"0.0.0.0", true},
    {"0.1.2.3", true},
    {"1.1.1.1", false},
    {"9.255.255.255", false},
    {"10.0.0.1", true},
    {"11.0.0.0", false},
    {"100.63.255.255", false},
    {"100.64.0.1", true},
    {"100.127.255.255", true},
    {"100.128.0.0", false},
    {"127.0.0.1", true},
    {"127.255.0.1", true},
    {"169.254.169.254", true},
    {"169.255.0.0", false},
    {"172.15.0.1", false},
    {"172.16.0.1", true},
    {"172.31.255.255", true},
    {"172.32.0.0", false},
    {"192.168.1.1", true},
    {"192.169.0.0", false},
    {"192.0.0.192", true},
    {"198.18.0.1", true},
    {"198.20.0.1", false},
    {"223.255.255.255", false},
    {"224.0.0.1", true},
    {"255.255.255.255", true},
    {"::", true},
    {"::1", true},
    {"::127.0.0.1", true},
    {"::ffff:127.0.0.1", true},
    {"::ffff:8.8.8.8", false},
    {"fc00::1", true},
    {"fd00:ec2::254", true},
    {"fe00::1", false},
    {"fe80::1", true},
    {"febf::1", true},
    {"fec0::1", true},
    {"ff02::1", true},
    {"2606:4700::1111", false},
    {"64:ff9b::10.0.0.1", true},
    {"64:ff9b::8.8.8.8", false},
    {"64:ff9b:1::1", true},
    {"2002:a00:1::", true},
    {"2002:808:808::", false},
};

static void test_private(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct ip_address a;
        assert_true(ip_address_parse(str_of(places[i].address), &a));
        if (ip_address_is_private(&a) != places[i].private)
            fail_msg("%s", places[i].address);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in),   cmocka_unit_test(test_refused), cmocka_unit_test(test_list),
        cmocka_unit_test(test_text), cmocka_unit_test(test_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
