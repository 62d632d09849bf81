#include "script/fetch_url.h"
#include "testing.h"

static void reads_what_browsers_read(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        const char *text;
        const char *authority;
        const char *host;
        unsigned port;
    } cases[] = {
        {"http://a", "http://a/", "a", "a", 80},
        {" HTTP://Ex.COM:80/A\n", "http://ex.com/A", "ex.com", "ex.com", 80},
        {"https://a:8443?x", "https://a:8443/?x", "a:8443", "a", 8443},
        {"https://a:443/", "https://a/", "a", "a", 443},
        {"http://[::1]:8080/x", "http://[::1]:8080/x", "[::1]:8080", "::1", 8080},
        {"http://a/b/../c/./d/%2e%2E/e#f", "http://a/c/e", "a", "a", 80},
        {"http://a/..", "http://a/", "a", "a", 80},
        {"http://a/b/..", "http://a/", "a", "a", 80},
        {"http://a/b/.", "http://a/b/", "a", "a", 80},
        {"http://a/.b/..c/...", "http://a/.b/..c/...", "a", "a", 80},
        {"http://a\\b\\c?\\d", "http://a/b/c?\\d", "a", "a", 80},
        {"http://a/x y\"<>`?z z", "http://a/x%20y%22%3C%3E%60?z%20z", "a", "a", 80},
        {"http://a/100%/%4", "http://a/100%25/%254", "a", "a", 80},
        {"http://a/\xc3\xa4", "http://a/%C3%A4", "a", "a", 80},
        {"http://127.0.0.1:8/", "http://127.0.0.1:8/", "127.0.0.1:8", "127.0.0.1", 8},
        {"http://1.2.example./", "http://1.2.example./", "1.2.example.", "1.2.example.", 80},
        {"http://a_b.0xg/", "http://a_b.0xg/", "a_b.0xg", "a_b.0xg", 80},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a;
        struct fetch_url u;
        struct err e = {0};
        arena_init(&a, 4096);
        assert_int_equal(fetch_url_parse(&a, str_of(cases[i].given), &u, &e), ERR_OK);
        assert_str(u.text, cases[i].text);
        assert_str(u.authority, cases[i].authority);
        assert_str(u.host, cases[i].host);
        assert_int_equal(u.port, cases[i].port);
        assert_int_equal(u.secure, str_starts(u.text, STR("https:")));
        assert_true(str_ends(u.text, u.target) && u.target.p[0] == '/');
        arena_finish(&a);
    }
}

static void refuses_the_rest(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"ftp://a/", "the scheme ftp is not http or https"},
        {"//a/", "scheme is missing (such as http://)"},
        {"http://u:p@a/", "user information (user@) is not allowed"},
        {"http:///x", "host is missing"},
        {"http://a:70000/", "port must be 1 to 65535"},
        {"http://b\xc3\xbc.de/", "the host b%C3%BC.de is not in its plain ASCII form"},
        {"http://127.0.0.%31/", "the host 127.0.0.%31 is not in its plain ASCII form"},
        {"http://127.0.0.1./", "the host 127.0.0.1. is not in its plain ASCII form"},
        {"http://0X7f.1/", "the host 0X7f.1 is not in its plain ASCII form"},
        {"http://127.0.0.01/", "the host 127.0.0.01 is not in its plain ASCII form"},
        {"http://a.0x/", "the host a.0x is not in its plain ASCII form"},
        {"http://2130706433/", "the host 2130706433 is not in its plain ASCII form"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a;
        struct fetch_url u;
        struct err e = {0};
        arena_init(&a, 4096);
        assert_int_equal(fetch_url_parse(&a, str_of(cases[i][0]), &u, &e), ERR_INVALID);
        assert_string_equal(e.msg, cases[i][1]);
        arena_finish(&a);
    }
    struct arena a;
    struct fetch_url u;
    struct err e = {0};
    arena_init(&a, 16);
    assert_int_equal(fetch_url_parse(&a, STR("http://a/long/enough"), &u, &e), ERR_TOO_LARGE);
    arena_finish(&a);
}

/* RFC 3986 section 5.4.1. */
static void resolves_references(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g/"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"},
        {"", "http://a/b/c/d;p?q"},
        {"..", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../../../g", "http://a/g"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"https://b/", "https://b/"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a;
        struct fetch_url base;
        struct fetch_url u;
        struct err e = {0};
        arena_init(&a, 4096);
        assert_int_equal(fetch_url_parse(&a, STR("http://a/b/c/d;p?q"), &base, &e), ERR_OK);
        assert_int_equal(fetch_url_resolve(&a, &base, str_of(cases[i][0]), &u, &e), ERR_OK);
        assert_str(u.text, cases[i][1]);
        assert_int_equal(fetch_url_same_origin(&base, &u),
                         str_starts(str_of(cases[i][1]), STR("http://a/")));
        arena_finish(&a);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(reads_what_browsers_read),
    cmocka_unit_test(refuses_the_rest),
    cmocka_unit_test(resolves_references),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
