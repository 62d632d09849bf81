#include "base/container.h"
#include "codec/url.h"
#include "route/pattern.h"
#include "testing.h"

struct accepted {
    const char *text;
    const char *canonical;
};

static const struct accepted accepted[] = {
    {"/", "/"},
    {"/users", "/users"},
    {"/users/", "/users/"},
    {"//a", "//a"},
    {"/a.b/..c/.d/...", "/a.b/..c/.d/..."},
    {"/a:b/c:d", "/a:b/c:d"},
    {"/a,b;c=d@e!$&'()+", "/a,b;c=d@e!$&'()+"},
    /* literals as a normalised path has them */
    {"/%41%2d%7e", "/A-~"},
    {"/caf%c3%a9", "/caf%C3%A9"},
    {"/caf\xc3\xa9", "/caf%C3%A9"},
    {"/a b\"<>^`|", "/a%20b%22%3C%3E%5E%60%7C"},
    {"/a%2fb", "/a%2Fb"},
    {"/a%2Ab", "/a%2Ab"},
    {"/a%7Bb%7D", "/a%7Bb%7D"},
    /* parameters */
    {"/{id}", "/{}"},
    {"/{a.b-c_D9}", "/{}"},
    {"/{}", "/{}"},
    {"/{}/{}", "/{}/{}"},
    {"/users/{id}/posts/{post}", "/users/{}/posts/{}"},
    {"/v{n}", "/v{}"},
    {"/{file}.json", "/{}.json"},
    {"/{a}-{b}", "/{}-{}"},
    {"/.{x}", "/.{}"},
    {"/..{x}", "/..{}"},
    {"/{x}..", "/{}.."},
    {"/:id", "/{}"},
    {"/users/:id/x", "/users/{}/x"},
    {"/:file.json", "/{}.json"},
    {"/:a-:b", "/{}-:b"},
    /* regular expressions */
    {"/{n:[0-9]+}", "/{:[0-9]+}"},
    {"/{:[0-9]+}", "/{:[0-9]+}"},
    {"/v{n:[0-9]{1,3}}.x", "/v{:[0-9]{1,3}}.x"},
    {"/{n:a\\}b}", "/{:a\\}b}"},
    {"/{n:a\\{b}", "/{:a\\{b}"},
    {"/{n:a|b}", "/{:a|b}"},
    {"/{n:a:b}", "/{:a:b}"},
    /* wildcards */
    {"/*", "/*"},
    {"/**", "/*"},
    {"/foo/*", "/foo/*"},
    {"/foo*", "/foo*"},
    {"/foo**", "/foo*"},
    {"/api/**", "/api/**"},
    {"/{id}/**", "/{}/**"},
    {"/{id}/*", "/{}/*"},
    {"//**", "//**"},
    {"/a/*/b", "/a/{}/b"},
    {"/a/*/*", "/a/{}/*"},
    {"/*/**", "/{}/**"},
    {"/x*y", "/x{}y"},
};

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        struct err e = {0};
        struct pattern *p = NULL;
        if (pattern_create(str_of(accepted[i].text), &p, &e) != ERR_OK)
            fail_msg("%s: %s", accepted[i].text, e.msg);
        assert_str(pattern_canonical(p), accepted[i].canonical);
        assert_str(pattern_text(p), accepted[i].text);
        pattern_unref(p);
    }
}

struct refused {
    const char *text;
    const char *message;
};

static const struct refused refused[] = {
    {"", "a path must begin with \"/\""},
    {"users", "a path must begin with \"/\""},
    {"*", "a path must begin with \"/\""},
    {"/a?b", "\"?\" at offset 2 never occurs in a path"},
    {"/a#b", "\"#\" at offset 2 never occurs in a path"},
    {"/a\\b", "\"\\\" at offset 2 never occurs in a path"},
    {"/a\tb", "there is a control character at offset 2"},
    {"/a\x7f", "there is a control character at offset 2"},
    {"/a%", "the percent encoding at offset 2 is broken"},
    {"/a%4", "the percent encoding at offset 2 is broken"},
    {"/a%4g/", "the percent encoding at offset 2 is broken"},
    {"/%00", "%00 at offset 1 never occurs in a path"},
    {"/%5c", "%5C at offset 1 never occurs in a path"},
    {"/a/./b", "a segment \".\" never occurs in a path"},
    {"/a/..", "a segment \"..\" never occurs in a path"},
    {"/%2e%2E/a", "a segment \"..\" never occurs in a path"},
    {"/./**", "a segment \".\" never occurs in a path"},
    {"/{x}/../a", "a segment \"..\" never occurs in a path"},
    {"/a}", "the \"}\" at offset 2 has no \"{\""},
    {"/{a", "the \"{\" at offset 1 is not closed"},
    {"/{a:[0-9]{2}", "the \"{\" at offset 1 is not closed"},
    {"/{a:b\\}", "the \"{\" at offset 1 is not closed"},
    {"/{a b}",
     "the parameter name at offset 2 may have letters, digits, \"_\", \"-\" and \".\" only"},
    {"/{*}",
     "the parameter name at offset 2 may have letters, digits, \"_\", \"-\" and \".\" only"},
    {"/{a}{b}", "the parameter at offset 4 needs a literal byte between it and the one before"},
    {"/{a}*", "the parameter at offset 4 needs a literal byte between it and the one before"},
    {"/{a}**", "the parameter at offset 4 needs a literal byte between it and the one before"},
    {"/a*{b}", "the parameter at offset 3 needs a literal byte between it and the one before"},
    {"/:a{b}", "the parameter at offset 3 needs a literal byte between it and the one before"},
    {"/{a}/{a}", "the parameter name \"a\" is used twice"},
    {"/:a/{a:x}", "the parameter name \"a\" is used twice"},
    {"/:", "the \":\" at offset 1 has no parameter name"},
    {"/a/:/b", "the \":\" at offset 3 has no parameter name"},
    {"/a/**/b", "nothing may follow the \"**\" at offset 3"},
    {"/a/***", "nothing may follow the \"**\" at offset 3"},
    {"/**a", "nothing may follow the \"**\" at offset 1"},
    {"/{a:}", "the parameter at offset 1: the regular expression is empty"},
    {"/x{a:(}", "the parameter at offset 2: missing closing parenthesis at offset 1 of the regular "
                "expression"},
    {"/{a:\\C}",
     "the parameter at offset 1: using \\C is disabled by the application at offset 2 of "
     "the regular expression"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct err e = {0};
        struct pattern *p = NULL;
        if (pattern_create(str_of(refused[i].text), &p, &e) == ERR_OK)
            fail_msg("%s was accepted", refused[i].text);
        assert_null(p);
        assert_int_equal(e.code, ERR_INVALID);
        assert_string_equal(e.msg, refused[i].message);
    }
}

static void test_limits(void **state)
{
    (void)state;
    char text[PATTERN_TEXT_MAX + 2];
    struct err e = {0};
    struct pattern *p = NULL;

    memset(text, '|', sizeof(text)); /* three bytes each in the canonical form */
    text[0] = '/';
    assert_int_equal(pattern_create((struct str){text, PATTERN_TEXT_MAX}, &p, &e), ERR_OK);
    assert_int_equal(pattern_canonical(p).len, 1 + 3 * (PATTERN_TEXT_MAX - 1));
    pattern_unref(p);
    p = NULL;
    assert_int_equal(pattern_create((struct str){text, PATTERN_TEXT_MAX + 1}, &p, &e), ERR_INVALID);
    assert_string_equal(e.msg, "a path may have at most 1024 bytes");

    size_t len = 0;
    for (size_t i = 0; i < PATTERN_CAPTURES_MAX; i++, len += 3)
        memcpy(text + len, "/{}", 4);
    assert_int_equal(pattern_create(str_of(text), &p, &e), ERR_OK);
    pattern_unref(p);
    p = NULL;
    memcpy(text + len, "/*", 3);
    assert_int_equal(pattern_create(str_of(text), &p, &e), ERR_INVALID);
    assert_string_equal(e.msg, "there are more than 32 parameters");
}

static void test_shared(void **state)
{
    (void)state;
    struct pattern *p = NULL;
    struct err e = {0};
    assert_int_equal(pattern_create(STR("/{a}"), &p, &e), ERR_OK);
    assert_ptr_equal(pattern_ref(p), p);
    pattern_unref(p);
    assert_str(pattern_text(p), "/{a}");
    pattern_unref(p);
    pattern_unref(NULL);
}

struct strip {
    const char *pattern;
    const char *path;
    const char *wildcard;
    const char *rest;
};

static const struct strip strips[] = {
    {"/a/b", "/a/b", "", ""},
    {"/{x}", "/a", "", ""},
    {"/", "/", "", ""},
    {"/*", "/", "", "/"},
    {"/*", "/a/b", "a/b", "/a/b"},
    {"/foo/*", "/foo/", "", "/"},
    {"/foo/*", "/foo/bar", "bar", "/bar"},
    {"/foo/*", "/foo//bar", "/bar", "//bar"},
    {"/foo/{x}/*", "/foo/1/bar/", "bar/", "/bar/"},
    {"/api/**", "/api", "", ""},
    {"/api/**", "/api/", "", "/"},
    {"/api/**", "/api/x/y", "x/y", "/x/y"},
    {"/api//**", "/api/", "", "/"},
    {"/foo*", "/foo", "", ""},
    {"/foo*", "/foo/", "/", "/"},
    {"/foo*", "/foo/x", "/x", "/x"},
    {"/foo*", "/foobar", "bar", "/foobar"},
    {"/v/foo*", "/v/foobar", "bar", "/foobar"},
};

static void test_strip(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(strips); i++) {
        struct pattern *p = NULL;
        struct err e = {0};
        assert_int_equal(pattern_create(str_of(strips[i].pattern), &p, &e), ERR_OK);
        struct str path = str_of(strips[i].path);
        struct str wildcard = str_of(strips[i].wildcard);
        assert_true(str_ends(path, wildcard));
        assert_str(pattern_strip(p, path, wildcard), strips[i].rest);
        pattern_unref(p);
    }
}

/* What a pattern's literal becomes is what url_path_normalise() makes of the same text. */
static void test_agrees_with_paths(void **state)
{
    (void)state;
    for (unsigned first = 1; first < 256; first++) {
        if (first == '*' || first == '{' || first == '}' || first == ':' || first == '?' ||
            first == '#')
            continue;
        char texts[2][16];
        (void)snprintf(texts[0], sizeof(texts[0]), "/a%cb", (int)first);
        (void)snprintf(texts[1], sizeof(texts[1]), "/a%%%02xb", first);
        for (size_t i = 0; i < 2; i++) {
            struct arena a;
            arena_init(&a, 4096);
            struct err e = {0};
            struct pattern *p = NULL;
            struct str path = {0};
            enum url_path_error bad = url_path_normalise(str_of(texts[i]), false, &a, &path);
            enum err_code code = pattern_create(str_of(texts[i]), &p, &e);
            assert_int_equal(bad == URL_PATH_OK, code == ERR_OK);
            if (code == ERR_OK && !str_eq(pattern_canonical(p), path))
                fail_msg("%s: %.*s, but a path becomes %.*s", texts[i],
                         STR_ARG(pattern_canonical(p)), STR_ARG(path));
            pattern_unref(p);
            arena_finish(&a);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),   cmocka_unit_test(test_shared),
        cmocka_unit_test(test_strip),    cmocka_unit_test(test_agrees_with_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
