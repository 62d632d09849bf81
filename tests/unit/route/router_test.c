#include "base/container.h"
#include "route/pattern.h"
#include "route/router.h"
#include "testing.h"

static struct pattern *compile(const char *text)
{
    struct pattern *p = NULL;
    struct err e = {0};
    if (pattern_create(str_of(text), &p, &e) != ERR_OK)
        fail_msg("%s: %s", text, e.msg);
    return p;
}

/* Targets are their own texts here. */
static bool add(struct router *r, const char *pattern, const char *method, char *target)
{
    struct pattern *p = compile(pattern);
    bool added = router_add(r, p, str_of(method), target);
    pattern_unref(p);
    return added;
}

static void take_away(struct router *r, const char *pattern, const char *method, const char *target)
{
    struct pattern *p = compile(pattern);
    router_remove(r, p, str_of(method), target);
    pattern_unref(p);
}

/* The answer as text: "pattern name=value ...", or the result's name. */
static const char *find(const struct router *r, const char *method, const char *path)
{
    static char text[4096];
    static const char *const results[] = {"found", "no path", "no method", "too complex"};
    struct router_match m;
    enum router_result result = router_find(r, str_of(method), str_of(path), &m);
    if (result != ROUTER_FOUND)
        return results[result];
    int n = snprintf(text, sizeof(text), "%s", (const char *)m.target);
    for (uint32_t i = 0; i < m.param_count; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, " %.*s=%.*s", STR_ARG(m.params[i].name),
                      STR_ARG(m.params[i].value));
    return text;
}

struct row {
    const char *patterns; /* separated by spaces */
    const char *path;
    const char *expected;
};

static const struct row rows[] = {
    /* literals */
    {"/", "/", "/"},
    {"/", "/a", "no path"},
    {"/a", "/a", "/a"},
    {"/a", "/a/", "no path"},
    {"/a/", "/a", "no path"},
    {"/a", "/A", "no path"},
    {"/a /ab /abc", "/ab", "/ab"},
    {"/a /abc", "/ab", "no path"},
    {"/abc /abd /ax", "/abd", "/abd"},
    {"/abc /abd /ax", "/ab", "no path"},
    {"/abc", "/abcd", "no path"},
    {"/caf%c3%a9/%7eme", "/caf%C3%A9/~me", "/caf%c3%a9/%7eme"},
    /* parameters */
    {"/{x}", "/a", "/{x} x=a"},
    {"/{x}", "/", "no path"},
    {"/{x}", "/a/", "no path"},
    {"/{x}/", "/a/", "/{x}/ x=a"},
    {"/{x}/", "/a", "no path"},
    {"/{x}/{y}", "/a/b", "/{x}/{y} x=a y=b"},
    {"/{x}/{y}", "//b", "no path"},
    {"/:x/b/:y", "/a/b/c", "/:x/b/:y x=a y=c"},
    {"/{x}/b", "/%2F%20/b", "/{x}/b x=%2F%20"},
    {"/v{n}", "/v12", "/v{n} n=12"},
    {"/v{n}", "/v", "no path"},
    {"/{file}.json", "/a.json", "/{file}.json file=a"},
    {"/{file}.json", "/a.b.json", "/{file}.json file=a.b"},
    {"/{file}.json", "/.json", "no path"},
    {"/{file}.json", "/..json", "/{file}.json file=."},
    {"/{file}.json", "/a/b.json", "no path"},
    {"/{file}.json", "/a.json.json", "/{file}.json file=a.json"},
    {"/{a}-{b}", "/x-y", "/{a}-{b} a=x b=y"},
    {"/{a}-{b}", "/x-y-z", "/{a}-{b} a=x b=y-z"},
    {"/{a}-{b}", "/-x-y", "/{a}-{b} a=-x b=y"},
    {"/{a}-{b}", "/xy", "no path"},
    {"/{a}-{b}", "/x-", "no path"},
    {"/{a}-{b}", "/x-/y", "no path"},
    {"/{y}-{m}-{d}.{ext}/z", "/2020-10-01.tar.gz/z",
     "/{y}-{m}-{d}.{ext}/z y=2020 m=10 d=01 ext=tar.gz"},
    {"/a/*/c", "/a/b/c", "/a/*/c"},
    {"/a/*/c", "/a//c", "no path"},
    {"/{}/{x}", "/a/b", "/{}/{x} x=b"},
    /* parameters that differ in what follows */
    {"/{x}.a /{x}-b /{x}", "/q.a", "/{x}.a x=q"},
    {"/{x}.a /{x}-b /{x}", "/q-b", "/{x}-b x=q"},
    {"/{x}.a /{x}-b /{x}", "/q.c-b", "/{x}-b x=q.c"},
    {"/{x}.a /{x}-b /{x}", "/q.c", "/{x} x=q.c"},
    {"/{x}.a /{x}/b", "/q.a/b", "/{x}/b x=q.a"},
    /* regular expressions */
    {"/{n:[0-9]+}", "/12", "/{n:[0-9]+} n=12"},
    {"/{n:[0-9]+}", "/12a", "no path"},
    {"/{n:[0-9]*}", "/", "no path"},
    {"/{n:.*}", "/a/b", "no path"},
    {"/{n:a|ab}", "/ab", "/{n:a|ab} n=ab"},
    {"/v{n:[0-9]+}.{m:[0-9]+}/x", "/v1.22/x", "/v{n:[0-9]+}.{m:[0-9]+}/x n=1 m=22"},
    {"/{n:[a-z.]+}.js", "/a.b.js", "/{n:[a-z.]+}.js n=a.b"},
    {"/{n:[a-z.]{3}}.js", "/a.b.js", "/{n:[a-z.]{3}}.js n=a.b"},
    {"/{:[0-9]+}/{x}", "/1/b", "/{:[0-9]+}/{x} x=b"},
    {"/{a:[a-m]+} /{b:[h-z]+}", "/z", "/{b:[h-z]+} b=z"},
    {"/{a:[a-m]+} /{b:[h-z]+}", "/h", "/{a:[a-m]+} a=h"},
    /* wildcards */
    {"/*", "/", "/* *="},
    {"/*", "/a/b/", "/* *=a/b/"},
    {"/**", "/", "/** *="},
    {"/**", "/a", "/** *=a"},
    {"/foo/*", "/foo/", "/foo/* *="},
    {"/foo/*", "/foo/a/b", "/foo/* *=a/b"},
    {"/foo/*", "/foo", "no path"},
    {"/foo/*", "/foobar", "no path"},
    {"/foo*", "/foo", "/foo* *="},
    {"/foo*", "/foobar/x", "/foo* *=bar/x"},
    {"/api/**", "/api", "/api/** *="},
    {"/api/**", "/api/", "/api/** *="},
    {"/api/**", "/api/x/y", "/api/** *=x/y"},
    {"/api/**", "/apix", "no path"},
    {"/{t}/**", "/a", "/{t}/** t=a *="},
    {"/{t}/**", "/a/b", "/{t}/** t=a *=b"},
    {"/{t}-x/**", "/a-x/b", "/{t}-x/** t=a *=b"},
    {"/{t:[a-z]+}/*", "/a/b", "/{t:[a-z]+}/* t=a *=b"},
    /* precedence: literal, regular expression, parameter, wildcard */
    {"/a /{x:a} /{x} /*", "/a", "/a"},
    {"/{x:a} /{x} /*", "/a", "/{x:a} x=a"},
    {"/{x} /*", "/a", "/{x} x=a"},
    {"/* /{x}", "/a/b", "/* *=a/b"},
    {"/a/* /a/{x} /a/**", "/a/b", "/a/{x} x=b"},
    {"/a/* /a/**", "/a/b", "/a/* *=b"},
    {"/a/* /a/**", "/a", "/a/** *="},
    {"/a* /a/**", "/a/b", "/a/** *=b"},
    {"/a* /a/**", "/ab", "/a* *=b"},
    {"/a /a/**", "/a", "/a"},
    {"/* /a/**", "/a/b", "/a/** *=b"},
    {"/users/{id} /users/me", "/users/me", "/users/me"},
    {"/users/{id} /users/me", "/users/men", "/users/{id} id=men"},
    {"/users/{id} /users/me", "/users/m", "/users/{id} id=m"},
    /* backtracking */
    {"/a/b/c /a/{x}/d", "/a/b/d", "/a/{x}/d x=b"},
    {"/a/{x:b}/c /a/{y}/d", "/a/b/d", "/a/{y}/d y=b"},
    {"/a/{x}/c /a/*", "/a/b/d", "/a/* *=b/d"},
    {"/a/b/* /{x}/b/c", "/a/b/c", "/a/b/* *=c"},
    {"/a/b/{x}/z /{x}/b/* /*", "/a/b/c/y", "/{x}/b/* x=a *=c/y"},
    {"/a/b/{x}/z /{x}/b/c/w /*", "/a/b/c/y", "/* *=a/b/c/y"},
    {"/ab{x}c /a{x}", "/abc", "/a{x} x=bc"},
    {"/{a}-{b}/x /{a}/y", "/1-2/y", "/{a}/y a=1-2"},
    {"/api/** /{x}/y", "/api/y", "/api/** *=y"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char patterns[256];
        (void)snprintf(patterns, sizeof(patterns), "%s", rows[i].patterns);
        /* Both ways round: the order of adding must not matter. */
        for (int backwards = 0; backwards < 2; backwards++) {
            struct router *r = router_create();
            char *list[8];
            size_t n = 0;
            char *rest = patterns;
            for (char *p = strsep(&rest, " "); p != NULL; p = strsep(&rest, " "))
                list[n++] = p;
            for (size_t j = 0; j < n; j++) {
                char *p = list[backwards == 1 ? n - 1 - j : j];
                assert_true(add(r, p, "GET", p));
            }
            const char *got = find(r, "GET", rows[i].path);
            if (strcmp(got, rows[i].expected) != 0)
                fail_msg("%s on %s: %s, not %s", rows[i].patterns, rows[i].path, got,
                         rows[i].expected);
            router_destroy(r);
            (void)snprintf(patterns, sizeof(patterns), "%s", rows[i].patterns);
        }
    }
}

static char a[] = "a";
static char b[] = "b";
static char c[] = "c";

static void test_methods(void **state)
{
    (void)state;
    struct router *r = router_create();
    assert_true(router_empty(r));
    assert_true(add(r, "/x", "GET", a));
    assert_false(router_empty(r));
    assert_true(add(r, "/x", "PURGE", b));
    assert_string_equal(find(r, "GET", "/x"), "a");
    assert_string_equal(find(r, "HEAD", "/x"), "a");
    assert_string_equal(find(r, "PURGE", "/x"), "b");
    assert_string_equal(find(r, "get", "/x"), "no method");
    assert_string_equal(find(r, "POST", "/x"), "no method");
    assert_string_equal(find(r, "POST", "/y"), "no path");
    assert_true(add(r, "/x", "*", c));
    assert_string_equal(find(r, "POST", "/x"), "c");
    assert_string_equal(find(r, "HEAD", "/x"), "a");
    assert_string_equal(find(r, "GET", "/x"), "a");
    assert_true(add(r, "/x", "HEAD", b));
    assert_string_equal(find(r, "HEAD", "/x"), "b");
    router_destroy(r);

    /* HEAD goes to "*" where there is no GET. */
    r = router_create();
    assert_true(add(r, "/x", "POST", a));
    assert_true(add(r, "/x", "*", b));
    assert_string_equal(find(r, "HEAD", "/x"), "b");
    router_destroy(r);
}

/* A path that matches without the method falls through to the next that has it. */
static void test_method_backtracks(void **state)
{
    (void)state;
    struct router *r = router_create();
    assert_true(add(r, "/x/y", "POST", a));
    assert_true(add(r, "/x/{p}", "GET", b));
    assert_true(add(r, "/*", "PUT", c));
    assert_string_equal(find(r, "POST", "/x/y"), "a");
    assert_string_equal(find(r, "GET", "/x/y"), "b p=y");
    assert_string_equal(find(r, "PUT", "/x/y"), "c *=x/y");
    assert_string_equal(find(r, "DELETE", "/x/y"), "no method");
    router_destroy(r);
}

static void test_duplicates(void **state)
{
    (void)state;
    struct router *r = router_create();
    assert_true(add(r, "/{x}/{n:[0-9]+}", "GET", a));
    assert_false(add(r, "/{y}/{m:[0-9]+}", "GET", b));
    assert_true(add(r, "/{y}/{m:[0-9]+}", "POST", b));
    assert_true(add(r, "/{y}/{m:[0-9]*}", "GET", b));
    assert_string_equal(find(r, "GET", "/q/1"), "b y=q m=1");
    assert_string_equal(find(r, "POST", "/q/1"), "b y=q m=1");
    take_away(r, "/{y}/{m:[0-9]*}", "GET", b);
    assert_string_equal(find(r, "GET", "/q/1"), "a x=q n=1");
    assert_true(add(r, "/api/**", "GET", a));
    assert_true(add(r, "/api/*", "GET", b));
    assert_false(add(r, "/api/**", "GET", c));
    assert_true(add(r, "/*", "GET", b));
    assert_false(add(r, "/**", "GET", c));
    router_destroy(r);
}

static void test_remove(void **state)
{
    (void)state;
    struct router *r = router_create();
    assert_true(add(r, "/{x}", "GET", a));
    take_away(r, "/{y}", "GET", b); /* another's */
    take_away(r, "/{y}", "POST", a);
    take_away(r, "/{y}/z", "GET", a);
    take_away(r, "/{y:z}", "GET", a);
    assert_string_equal(find(r, "GET", "/q"), "a x=q");
    take_away(r, "/{y}", "GET", a);
    assert_string_equal(find(r, "GET", "/q"), "no path");
    assert_true(router_empty(r));
    router_destroy(r);
    router_destroy(NULL);
}

static const char *allow(const struct router *r, const char *path)
{
    static char text[64];
    router_allow(r, str_of(path), text, sizeof(text));
    return text;
}

static void test_allow(void **state)
{
    (void)state;
    struct router *r = router_create();
    assert_true(add(r, "/x/y", "POST", a));
    assert_true(add(r, "/x/{p}", "GET", b));
    assert_true(add(r, "/x/{p:y}", "PURGE", b));
    assert_true(add(r, "/x/**", "PUT", c));
    assert_true(add(r, "/x/**", "GET", c));
    assert_string_equal(allow(r, "/x/y"), "GET, HEAD, POST, PURGE, PUT");
    assert_string_equal(allow(r, "/x/z"), "GET, HEAD, PUT");
    assert_string_equal(allow(r, "/x"), "GET, HEAD, PUT");
    assert_string_equal(allow(r, "/"), "");
    assert_true(add(r, "/w", "*", a));
    assert_true(add(r, "/w", "COPY", a));
    assert_string_equal(allow(r, "/w"), "COPY, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
    char cut[10];
    router_allow(r, STR("/x/y"), cut, sizeof(cut));
    assert_string_equal(cut, "GET, HEAD");
    router_allow(r, STR("/x/y"), cut, 9);
    assert_string_equal(cut, "GET");
    router_destroy(r);
}

/* More first bytes than a node holds inline, also while they become fewer again. */
static void test_many_kids(void **state)
{
    (void)state;
    static const char bytes[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    struct router *r = router_create();
    char path[] = "/?x/end";
    for (size_t i = 0; bytes[i] != '\0'; i++) {
        path[1] = bytes[i];
        assert_true(add(r, path, "GET", a));
        assert_string_equal(find(r, "GET", path), "a");
    }
    for (size_t i = 0; bytes[i] != '\0'; i++) {
        for (size_t j = 0; bytes[j] != '\0'; j++) {
            path[1] = bytes[j];
            assert_string_equal(find(r, "GET", path), j < i ? "no path" : "a");
        }
        path[1] = bytes[i];
        take_away(r, path, "GET", a);
    }
    assert_true(router_empty(r));
    router_destroy(r);
}

static void test_bounds(void **state)
{
    (void)state;
    struct router *r = router_create();
    assert_true(add(r, "/e/{x:(a+)+[bc]}", "GET", a));
    char path[128] = "/e/";
    memset(path + 3, 'a', 100);
    assert_string_equal(find(r, "GET", path), "too complex");

    assert_true(add(r, "/m/{a}-{b}-{c}-{d}-{e}-{f}x", "GET", a));
    memcpy(path, "/m/", 3);
    memset(path + 3, '-', 100);
    assert_string_equal(find(r, "GET", path), "too complex");

    /* A long path costs little. */
    assert_true(add(r, "/l/{a}.{b}", "GET", a));
    enum { LONG = 60000 };
    char *large = malloc(LONG + 1);
    assert_non_null(large);
    memset(large, 'x', LONG);
    large[LONG] = '\0';
    memcpy(large, "/l/", 3);
    struct router_match m;
    assert_int_equal(router_find(r, STR("GET"), str_of(large), &m), ROUTER_NO_PATH);
    large[LONG - 2] = '.';
    assert_int_equal(router_find(r, STR("GET"), str_of(large), &m), ROUTER_FOUND);
    assert_int_equal(m.params[0].value.len, LONG - 5);
    free(large);
    router_destroy(r);

    /* More choices, one below the other, than are remembered. */
    r = router_create();
    char text[700] = "/";
    for (size_t i = 1; i < 600; i++) {
        memcpy(text + i, "{x}z", 5);
        assert_true(add(r, text, "GET", a));
        memcpy(text + i, "a", 2);
    }
    assert_string_equal(find(r, "GET", text), "too complex");
    text[100] = '\0';
    assert_string_equal(find(r, "GET", text), "no path");
    router_destroy(r);
}

/* A pattern is kept as long as it is needed, also by matches of other routes on its nodes. */
static void test_shared_nodes(void **state)
{
    (void)state;
    struct router *r = router_create();
    assert_true(add(r, "/{x:[0-9]+}/a", "GET", a));
    assert_true(add(r, "/{y:[0-9]+}/b", "GET", b));
    take_away(r, "/{x:[0-9]+}/a", "GET", a);
    assert_string_equal(find(r, "GET", "/12/b"), "b y=12");
    assert_string_equal(find(r, "GET", "/12/a"), "no path");
    router_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),         cmocka_unit_test(test_methods),
        cmocka_unit_test(test_duplicates),   cmocka_unit_test(test_method_backtracks),
        cmocka_unit_test(test_remove),       cmocka_unit_test(test_allow),
        cmocka_unit_test(test_many_kids),    cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_shared_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
