#include "base/container.h"
#include "route/host_pattern.h"
#include "testing.h"

struct row {
    const char *pattern;
    const char *hosts; /* that match */
    const char *others;
};

static const struct row rows[] = {
    {"example.com", "example.com EXAMPLE.com example.com.", "example.co www.example.com com"},
    {"Example.COM.", "example.com", "example"},
    {"localhost", "localhost", "localhos localhosts"},
    {"127.0.0.1", "127.0.0.1", "127.0.0.10"},
    {"::1", "::1", "::2"},
    {"[2001:DB8::1]", "2001:db8::1", "2001:db8::2"},
    {"*", "a a.b ::1", ""},
    {"***", "a", ""},
    {"*.example.com", "a.example.com b.a.EXAMPLE.com .example.com", "example.com aexample.com"},
    {"*example.com", "example.com aexample.com a.example.com", "example.org"},
    {"**.x", "a.x", "x"},
    {"api.*", "api.example.com API.x", "api xapi.example.com"},
    {"api*", "api api.example.com apis", "ap xapi"},
    {"*example*", "example my-example.org xEXAMPLEx", "exampl"},
    {"api.*.com", "api.a.com API.b.COM", "api.com api..com api.a.b.com api.a.comx xapi.a.com"},
    {"*.a.*.com", "x.a.b.com y.x.a.b.com", "a.b.com x.a.b.c.com"},
    {"a.*.b*", "a.x.b a.x.b.c a.x.bc", "a.b xa.x.b"},
    {"a+b.*.c", "a+b.x.c", "aab.x.c"},
    {"/^api[0-9]+\\./", "api1.x API22.y", "api.x xapi1.x"},
    {"/example/", "example my.example.org", "exampl"},
};

static struct host_pattern *compile(const char *text)
{
    struct host_pattern *p = NULL;
    struct err e = {0};
    if (host_pattern_create(str_of(text), &p, &e) != ERR_OK)
        fail_msg("%s: %s", text, e.msg);
    return p;
}

static void check(const struct row *row, const char *hosts, bool expected)
{
    struct host_pattern *p = compile(row->pattern);
    char copy[256];
    (void)snprintf(copy, sizeof(copy), "%s", hosts);
    char *rest = copy;
    for (char *host = strsep(&rest, " "); host != NULL && *host != '\0';
         host = strsep(&rest, " ")) {
        if (host_pattern_match(p, str_of(host)) != expected)
            fail_msg("%s on %s", row->pattern, host);
    }
    host_pattern_destroy(p);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check(&rows[i], rows[i].hosts, true);
        check(&rows[i], rows[i].others, false);
    }
}

static void test_exact(void **state)
{
    (void)state;
    struct str host = {0};
    struct host_pattern *p = compile("Www.Example.com.");
    assert_true(host_pattern_exact(p, &host));
    assert_str(host, "www.example.com");
    host_pattern_destroy(p);
    p = compile("*.example.com");
    assert_false(host_pattern_exact(p, &host));
    host_pattern_destroy(p);
    host_pattern_destroy(NULL);
}

struct refused {
    const char *text;
    const char *message;
};

static const struct refused refused[] = {
    {"", "a host pattern is empty"},
    {"[]", "a host pattern is empty"},
    {"//", "the regular expression is empty"},
    {"/(/", "missing closing parenthesis at offset 1 of the regular expression"},
    {"a b", "a host has no spaces and control characters"},
    {"*a\n", "a host has no spaces and control characters"},
    {"http://a", "\"/\" never occurs in a host"},
    {"a/b", "\"/\" never occurs in a host"},
    {"a..b", "a host has no empty labels"},
    {"a.b:80", "a host pattern has no port"},
    {"b\xc3\xbc"
     "cher.de",
     "write international names in their ASCII form (xn--...)"},
    {"a.b*.c", "a \"*\" inside a host stands for a whole label, as in \"a.*.b\""},
    {"a*b", "a \"*\" inside a host stands for a whole label, as in \"a.*.b\""},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct host_pattern *p = NULL;
        struct err e = {0};
        if (host_pattern_create(str_of(refused[i].text), &p, &e) == ERR_OK)
            fail_msg("%s was accepted", refused[i].text);
        assert_null(p);
        assert_string_equal(e.msg, refused[i].message);
    }
    char text[2000];
    memset(text, 'a', sizeof(text));
    struct host_pattern *p = NULL;
    struct err e = {0};
    assert_int_equal(host_pattern_create((struct str){text, 256}, &p, &e), ERR_INVALID);
    assert_int_equal(host_pattern_create((struct str){text, 2000}, &p, &e), ERR_INVALID);
    assert_int_equal(host_pattern_create((struct str){text, 255}, &p, &e), ERR_OK);
    assert_true(host_pattern_match(p, (struct str){text, 255}));
    host_pattern_destroy(p);
    p = compile("*");
    assert_false(host_pattern_match(p, (struct str){text, 256}));
    host_pattern_destroy(p);
}

static void test_limit(void **state)
{
    (void)state;
    struct host_pattern *p = compile("/^(a+)+[bc]$/");
    char text[100];
    memset(text, 'a', sizeof(text));
    assert_false(host_pattern_match(p, (struct str){text, sizeof(text)}));
    host_pattern_destroy(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
