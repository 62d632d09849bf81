#include "base/container.h"
#include "proxy/upstream_url.h"
#include "testing.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        const char *error; /* NULL: it is valid */
        const char *host;
        int port;
        const char *authority;
        const char *path;
        const char *query;
        bool secure;
    } rows[] = {
        {"http://a.example", NULL, "a.example", 80, "a.example", "", "", false},
        {"http://a.example:8080/base/", NULL, "a.example", 8080, "a.example:8080", "/base/", "",
         false},
        {"HTTP://a", NULL, "a", 80, "a", "", "", false},
        {"https://a", NULL, "a", 443, "a", "", "", true},
        {"ws://a/x", NULL, "a", 80, "a", "/x", "", false},
        {"wss://a/x", NULL, "a", 443, "a", "/x", "", true},
        {"http://[::1]:81/x?k=v", NULL, "::1", 81, "[::1]:81", "/x", "k=v", false},
        {"http://[::1]", NULL, "::1", 80, "[::1]", "", "", false},
        {"a.example/x", NULL, "a.example", 80, "a.example", "/x", "", false},
        {"a.example:81", NULL, "a.example", 81, "a.example:81", "", "", false},
        {"http://a/x/../%7Ey", NULL, "a", 80, "a", "/~y", "", false},
        {"http://a?k=v", NULL, "a", 80, "a", "", "k=v", false},
        {"ftp://a", "scheme ftp is not supported", NULL, 0, NULL, NULL, NULL, false},
        {"h2c://a", "scheme h2c is not supported", NULL, 0, NULL, NULL, NULL, false},
        {"", "", NULL, 0, NULL, NULL, NULL, false},
        {"http://", "", NULL, 0, NULL, NULL, NULL, false},
        {"http://a/%00", "", NULL, 0, NULL, NULL, NULL, false},
        {"http://a/x?a b", "", NULL, 0, NULL, NULL, NULL, false},
        {"http://a\r\nX: y/", "", NULL, 0, NULL, NULL, NULL, false},
        {"http://a/x?\r\nX:y", "", NULL, 0, NULL, NULL, NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct upstream_url url;
        struct err e = {0};
        arena_init(&a, 4096);
        enum err_code rc = upstream_url_parse(&a, str_of(rows[i].text), &url, &e);
        if ((rc == ERR_OK) != (rows[i].error == NULL))
            fail_msg("%s: %s", rows[i].text, rc == ERR_OK ? "accepted" : e.msg);
        if (rc != ERR_OK) {
            if (rows[i].error != NULL && rows[i].error[0] != '\0')
                assert_string_equal(e.msg, rows[i].error);
            arena_finish(&a);
            continue;
        }
        assert_str(url.host, rows[i].host);
        assert_int_equal(url.port, rows[i].port);
        assert_str(url.authority, rows[i].authority);
        assert_str(url.path, rows[i].path);
        assert_str(url.query, rows[i].query);
        assert_int_equal(url.secure, rows[i].secure);
        arena_finish(&a);
    }
}

static void test_target(void **state)
{
    static const struct {
        const char *url;
        const char *path;
        const char *query; /* NULL: no "?" */
        const char *target;
    } rows[] = {
        {"http://a", "/x", NULL, "/x"},
        {"http://a", "/", NULL, "/"},
        {"http://a/", "/x", NULL, "/x"},
        {"http://a/", "/", NULL, "/"},
        {"http://a/", "", NULL, "/"},
        {"http://a", "", NULL, "/"},
        {"http://a/base", "/x", NULL, "/base/x"},
        {"http://a/base/", "/x", NULL, "/base/x"},
        {"http://a/base", "/x/", NULL, "/base/x/"},
        {"http://a/base", "/", NULL, "/base/"},
        {"http://a/base", "", NULL, "/base"},
        {"http://a/base/", "", NULL, "/base/"},
        {"http://a/base", "//x", NULL, "/base//x"},
        {"http://a/base", "/a%2Fb", NULL, "/base/a%2Fb"},
        {"http://a", "/x", "q=1", "/x?q=1"},
        {"http://a", "/x", "", "/x?"},
        {"http://a?k=v", "/x", NULL, "/x?k=v"},
        {"http://a?k=v", "/x", "q=1&r", "/x?k=v&q=1&r"},
        {"http://a?k=v", "/x", "", "/x?k=v"},
        {"http://a?", "/x", "q=1", "/x?q=1"},
        {"http://a?", "", NULL, "/?"},
        {"http://a/base?k=v", "", "q", "/base?k=v&q"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct upstream_url url;
        struct str target;
        arena_init(&a, 4096);
        assert_int_equal(upstream_url_parse(&a, str_of(rows[i].url), &url, NULL), ERR_OK);
        struct upstream_query query = {str_of(rows[i].query), rows[i].query != NULL};
        assert_true(upstream_url_target(&a, &url, str_of(rows[i].path), query, &target));
        assert_str(target, rows[i].target);
        arena_finish(&a);
    }
}

static void test_memory(void **state)
{
    (void)state;
    struct arena a;
    struct upstream_url url;
    struct str target;
    struct err e;
    arena_init(&a, 16);
    assert_int_equal(upstream_url_parse(&a, STR("a.very.long.name.example"), &url, &e),
                     ERR_TOO_LARGE);
    assert_int_equal(upstream_url_parse(&a, STR("http://a/base"), &url, &e), ERR_OK);
    assert_false(upstream_url_target(&a, &url, STR("/much/longer/than/sixteen"),
                                     (struct upstream_query){0}, &target));
    arena_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_target),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
