/* Paths are in tests/http1/paths.table (url_paths_test). */
#include "base/container.h"
#include "codec/url.h"
#include "testing.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static void test_path_too_large(void **state)
{
    (void)state;
    struct arena small;
    struct str out;
    arena_init(&small, 16);
    assert_int_equal(url_path_normalise(STR("/aaaaaaaaaaaaaaaaa/%41"), false, &small, &out),
                     URL_PATH_TOO_LARGE);
    assert_int_equal(url_path_normalise(STR("/aaaaaaaaaaaaaaaaa/A"), false, &small, &out),
                     URL_PATH_OK);
    assert_int_equal(small.used, 0);
    arena_finish(&small);
}

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *scheme;
        const char *host;
        int port;
        const char *path;
        const char *query; /* NULL: none */
    } rows[] = {
        {"http://a", "http", "a", 80, "", NULL},
        {"HTTPS://A.b/", "HTTPS", "A.b", 443, "/", NULL},
        {"ws://a:8080/x/y?z=1&t", "ws", "a", 8080, "/x/y", "z=1&t"},
        {"wss://a?", "wss", "a", 443, "", ""},
        {"http://a:/", "http", "a", 80, "/", NULL},
        {"http://[::1]:9/?a/b?c", "http", "::1", 9, "/", "a/b?c"},
        {"http://[2001:db8::1.2.3.4]", "http", "2001:db8::1.2.3.4", 80, "", NULL},
        {"http://127.0.0.1/", "http", "127.0.0.1", 80, "/", NULL},
        {"git+ssh://a_b.c", "git+ssh", "a_b.c", 0, "", NULL},
        {"http://a/%41{x}", "http", "a", 80, "/%41{x}", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct url u;
        struct err e = {0};
        assert_int_equal(url_parse(str_of(rows[i].text), &u, &e), ERR_OK);
        assert_str(u.scheme, rows[i].scheme);
        assert_str(u.host, rows[i].host);
        assert_int_equal(u.host_is_ipv6, strchr(rows[i].text, '[') != NULL);
        assert_int_equal(u.port, rows[i].port);
        assert_str(u.path, rows[i].path);
        assert_int_equal(u.has_query, rows[i].query != NULL);
        assert_str(u.query, rows[i].query != NULL ? rows[i].query : "");
    }
    struct url u;
    struct err e;
    assert_int_equal(url_parse(STR("http://a:80"), &u, &e), ERR_OK);
    assert_true(u.has_port);
    assert_int_equal(url_parse(STR("http://a"), &u, &e), ERR_OK);
    assert_false(u.has_port);
}

static void test_refused_urls(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *message;
    } rows[] = {
        {TEXT(""), "scheme is missing (such as http://)"},
        {TEXT("a"), "scheme is missing (such as http://)"},
        {TEXT("a:80"), "scheme is missing (such as http://)"},
        {TEXT("/a"), "scheme is missing (such as http://)"},
        {TEXT("//a"), "scheme is missing (such as http://)"},
        {TEXT("://a"), "scheme is missing (such as http://)"},
        {TEXT("http:/a"), "scheme is missing (such as http://)"},
        {TEXT("1http://a"), "scheme is missing (such as http://)"},
        {TEXT("ht tp://a"), "scheme is missing (such as http://)"},
        {TEXT("http://"), "host is missing"},
        {TEXT("http:///x"), "host is missing"},
        {TEXT("http://:80"), "host is missing"},
        {TEXT("http://?x"), "host is missing"},
        {TEXT("http://a:0"), "port must be 1 to 65535"},
        {TEXT("http://a:65536"), "port must be 1 to 65535"},
        {TEXT("http://a:x"), "port must be 1 to 65535"},
        {TEXT("http://a:+1"), "port must be 1 to 65535"},
        {TEXT("http://a:000080"), "port must be 1 to 65535"},
        {TEXT("http://[::1]:x"), "port must be 1 to 65535"},
        {TEXT("http://u@a"), "user information (user@) is not allowed"},
        {TEXT("http://u:p@a:80/"), "user information (user@) is not allowed"},
        {TEXT("http://a b/"), "host is not a legal name or address"},
        {TEXT("http://a\\b/"), "host is not a legal name or address"},
        {TEXT("http://\xc3\xa9/"), "host is not a legal name or address"},
        {TEXT("http://[::1"), "host is not a legal name or address"},
        {TEXT("http://[::1]x"), "host is not a legal name or address"},
        {TEXT("http://[fe80::1%25eth0]"), "host is not a legal name or address"},
        {TEXT("http://[1.2.3.4]"), "host is not a legal name or address"},
        {TEXT("http://::1"), "host is not a legal name or address"},
        {TEXT("http://a%4/"), "host is not a legal name or address"},
        {TEXT("http://a/#x"), "a fragment (#...) is not allowed"},
        {TEXT("http://a#x"), "a fragment (#...) is not allowed"},
        {TEXT("http://a/b c"), "a space or control character is not allowed"},
        {TEXT("http://a/?b\0"), "a space or control character is not allowed"},
        {TEXT("http://a/\r\n"), "a space or control character is not allowed"},
        {TEXT("http://a/%4x"), "% is not followed by two hexadecimal digits"},
        {TEXT("http://a/?%"), "% is not followed by two hexadecimal digits"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct url u;
        struct err e = {0};
        assert_int_equal(url_parse(rows[i].text, &u, &e), ERR_INVALID);
        assert_string_equal(e.msg, rows[i].message);
    }
}

static void test_split_target(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *path;
        const char *query;
        bool has_query;
    } rows[] = {
        {"/a", "/a", "", false}, {"/a?", "/a", "", true}, {"/a?b?c", "/a", "b?c", true},
        {"*", "*", "", false},   {"?x", "", "x", true},   {"", "", "", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str path;
        struct str query;
        bool has_query;
        url_split_target(str_of(rows[i].target), &path, &query, &has_query);
        assert_str(path, rows[i].path);
        assert_str(query, rows[i].query);
        assert_int_equal(has_query, rows[i].has_query);
    }
}

static void test_split_authority(void **state)
{
    (void)state;
    struct str host;
    uint16_t port = 1;
    assert_true(url_split_authority(STR("a.b"), &host, &port));
    assert_str(host, "a.b");
    assert_int_equal(port, 0);
    assert_true(url_split_authority(STR("[::]:65535"), &host, &port));
    assert_str(host, "::");
    assert_int_equal(port, 65535);
    assert_true(url_split_authority(STR("a:"), &host, &port));
    assert_int_equal(port, 0);
    assert_true(url_split_authority(STR("%41,;="), &host, &port));
    assert_false(url_split_authority(STR(""), &host, &port));
    assert_false(url_split_authority(STR(":1"), &host, &port));
    assert_false(url_split_authority(STR("[]"), &host, &port));
    assert_false(url_split_authority(STR("[::1\0]"), &host, &port));
    assert_false(url_split_authority(STR("a:1:2"), &host, &port));
    assert_false(url_split_authority(STR("a,b c"), &host, &port));
    assert_false(url_split_authority(STR("a:123456"), &host, &port));
    assert_false(url_split_authority(
        STR("[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc]"), &host, &port));
}

static void test_encoding(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 40);
    assert_true(url_decode(&b, STR("a%20b+c%zz%4%%41"), false));
    assert_str(buf_str(&b), "a b+c%zz%4%A");
    buf_clear(&b);
    assert_true(url_decode(&b, STR("a+%2B"), true));
    assert_str(buf_str(&b), "a +");
    buf_clear(&b);
    assert_true(url_encode(&b, STR("aZ0-._~ /\xc3\xa9\n")));
    assert_str(buf_str(&b), "aZ0-._~%20%2F%C3%A9%0A");
    assert_false(url_encode(&b, STR("////////////")));
    assert_false(url_decode(&b, STR("0123456789012345678"), false));
    assert_int_equal(b.len, 22);
    buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_too_large),  cmocka_unit_test(test_urls),
        cmocka_unit_test(test_refused_urls),    cmocka_unit_test(test_split_target),
        cmocka_unit_test(test_split_authority), cmocka_unit_test(test_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
