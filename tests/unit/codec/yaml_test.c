#include <stdlib.h>

#include "base/buf.h"
#include "base/container.h"
#include "base/mem.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "testing.h"

/* The document as JSON text, or the error. */
static const char *parse(struct str text, yaml_scalar_fn on_scalar)
{
    static char out[4096];
    struct err e = {0};
    json_t *value = yaml_parse(text, on_scalar, NULL, NULL, &e);
    if (value == NULL) {
        assert_int_equal(e.code, ERR_INVALID);
        (void)snprintf(out, sizeof(out), "%s", e.msg);
        return out;
    }
    struct buf b;
    buf_init(&b, sizeof(out) - 1);
    assert_true(json_text_write(&b, value));
    (void)snprintf(out, sizeof(out), "%s", buf_cstr(&b));
    buf_finish(&b);
    json_decref(value);
    return out;
}

struct row {
    const char *yaml;
    const char *json;
};

static const struct row documents[] = {
    {"", "null"},
    {"# only a comment\n", "null"},
    {"---\n...\n", "null"},
    {"%YAML 1.2\n---\na: 1\n", "{\"a\":1}"},
    {"a: 1\nb: [x, 'y', \"z\"]\nc:\n- d: e\n  f: null\n- []\n",
     "{\"a\":1,\"b\":[\"x\",\"y\",\"z\"],\"c\":[{\"d\":\"e\",\"f\":null},[]]}"},
    {"{\"a\":1,\"b\":[true,false,null],\n\t\"c\":\"\\u00e9\\/\\n\"}",
     "{\"a\":1,\"b\":[true,false,null],\"c\":\"\xc3\xa9/\\n\"}"},
    {"a: |\n  x\n  y\nb: >\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\\n\"}"},
    {"? a\n: b\n? c\n", "{\"a\":\"b\",\"c\":null}"},
    {"1: a\nnull: b\ntrue: c\n'': d\n", "{\"1\":\"a\",\"null\":\"b\",\"true\":\"c\",\"\":\"d\"}"},
    {"a: b: c", "line 1: mapping values are not allowed in this context"},
    /* anchors and merge keys */
    {"a: &x {b: [1]}\nc: *x\nd: [*x, *x]\n",
     "{\"a\":{\"b\":[1]},\"c\":{\"b\":[1]},\"d\":[{\"b\":[1]},{\"b\":[1]}]}"},
    {"- &x a\n- *x\n- &x b\n- *x\n", "[\"a\",\"a\",\"b\",\"b\"]"},
    {"a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}\n",
     "{\"a\":{\"b\":1,\"c\":2},\"d\":{\"b\":3,\"c\":2}}"},
    {"a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}\n",
     "{\"a\":{\"b\":1},\"c\":{\"b\":2,\"d\":3},\"e\":{\"b\":1,\"d\":3}}"},
    {"{\"<<\": 1}", "{\"<<\":1}"},
    {"a: &x b\n*x : c\n", "line 2: a key must be a scalar"},
    {"<<: 1\n", "line 1: a merge key (<<) needs a map or a list of maps"},
    {"<<: [1]\n", "line 1: a merge key (<<) needs a map or a list of maps"},
    {"<<: {a: 1}\n<<: {b: 1}\n", "line 2: key \"<<\" appears twice"},
    {"a: *x\n", "line 1: the alias stands for nothing complete before it"},
    {"&x [*x]\n", "line 1: the alias stands for nothing complete before it"},
    /* refused */
    {"a: 1\nb: 2\na: 3\n", "line 3: key \"a\" appears twice"},
    {"a: 1\n'a': 3\n", "line 2: key \"a\" appears twice"},
    {"[a]: b\n", "line 1: a key must be a scalar"},
    {"? {a: b}\n: c\n", "line 1: a key must be a scalar"},
    {"a\n---\nb\n", "line 2: there is more than one document"},
    {"a: \"x\\0y\"\n", "line 1: a NUL character is not allowed"},
    {"\"a\\0\": x\n", "line 1: a NUL character is not allowed"},
    {"a:\n  - b\n  c: d\n", "line 3: did not find expected '-' indicator"},
    {"a: [1,\n", "line 2: did not find expected node content"},
    {"a: b\nc: \xff\n", "line 2: invalid leading UTF-8 octet"},
    {"a: !foo b\n", "line 1: the tag is not known"},
    {"a: !!set {b}\n", "line 1: the tag is not known"},
    {"a: !x [b]\n", "line 1: the tag is not known"},
};

static const struct row scalars[] = {
    {"null", "null"},
    {"Null", "null"},
    {"NULL", "null"},
    {"~", "null"},
    {"nUll", "\"nUll\""},
    {"true", "true"},
    {"True", "true"},
    {"TRUE", "true"},
    {"false", "false"},
    {"False", "false"},
    {"FALSE", "false"},
    {"yes", "\"yes\""},
    {"no", "\"no\""},
    {"on", "\"on\""},
    {"Off", "\"Off\""},
    {"y", "\"y\""},
    {"tRue", "\"tRue\""},
    {"0", "0"},
    {"-0", "0"},
    {"+12", "12"},
    {"-12", "-12"},
    {"010", "10"},
    {"0o17", "15"},
    {"0x1fF", "511"},
    {"-0x1", "\"-0x1\""},
    {"0b1", "\"0b1\""},
    {"0x", "\"0x\""},
    {"0o8", "\"0o8\""},
    {"1_000", "\"1_000\""},
    {"12:30:45", "\"12:30:45\""},
    {"2026-01-02", "\"2026-01-02\""},
    {"2026-01-02T03:04:05Z", "\"2026-01-02T03:04:05Z\""},
    {"9223372036854775807", "9223372036854775807"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"9223372036854775808", "9.223372036854776e+18"},
    {"-9223372036854775809", "-9.223372036854776e+18"},
    {"10000000000000000000", "1e+19"},
    {"0xffffffffffffffffff", "line 1: the number is too large"},
    {"1.5", "1.5"},
    {"1.", "1.0"},
    {".5", "0.5"},
    {"-.5e1", "-5.0"},
    {"1e3", "1000.0"},
    {"1E+3", "1000.0"},
    {"1e", "\"1e\""},
    {"1e+", "\"1e+\""},
    {".", "\".\""},
    {"-", "line 1: block sequence entries are not allowed in this context"},
    {"+", "\"+\""},
    {"1.2.3", "\"1.2.3\""},
    {"1e400", "line 1: the number is too large"},
    {".inf", "line 1: an infinite number or NaN is not allowed"},
    {"-.Inf", "line 1: an infinite number or NaN is not allowed"},
    {".NaN", "line 1: an infinite number or NaN is not allowed"},
    {"-.nan", "\"-.nan\""},
    {"inf", "\"inf\""},
    {"nan", "\"nan\""},
    {"'1'", "\"1\""},
    {"\"true\"", "\"true\""},
    {"''", "\"\""},
    {"!!str 1", "\"1\""},
    {"! 1", "\"1\""},
    {"!!int '1'", "1"},
    {"!!float 1", "1"},
    {"!!bool 'true'", "true"},
    {"!!null ''", "null"},
    {"!!int x", "line 1: the value is not what its tag says"},
    {"!!bool 1", "line 1: the value is not what its tag says"},
    {"!!binary YQ==", "line 1: the tag is not known"},
};

static void test_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(documents); i++)
        assert_string_equal(parse(str_of(documents[i].yaml), NULL), documents[i].json);
}

static void test_scalars(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scalars); i++) {
        char text[100];
        char expected[100];
        (void)snprintf(text, sizeof(text), "a: %s\n", scalars[i].yaml);
        bool refused = strncmp(scalars[i].json, "line ", 5) == 0;
        (void)snprintf(expected, sizeof(expected), refused ? "%s" : "{\"a\":%s}", scalars[i].json);
        assert_string_equal(parse(str_of(text), NULL), expected);
    }
}

static void test_lines(void **state)
{
    (void)state;
    struct yaml_lines *lines;
    struct err e;
    json_t *value = yaml_parse(STR("# first\na:\n  b: 1\n  c:\n    - x\n    - d: 2\n      e:\n"
                                   "        - - y\nf: &g {h: 1}\ni: *g\n"),
                               NULL, NULL, &lines, &e);
    assert_non_null(value);
    static const struct {
        const char *path;
        int line;
    } rows[] = {
        {"", 2},       {"a", 2},        {"a.b", 3},      {"a.c", 4},         {"a.c[0]", 5},
        {"a.c[1]", 6}, {"a.c[1].d", 6}, {"a.c[1].e", 7}, {"a.c[1].e[0]", 8}, {"a.c[1].e[0][0]", 8},
        {"f", 9},      {"f.h", 9},      {"i", 10},       {"i.h", 0},         {"a.x", 0},
        {"a.c[2]", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(yaml_lines_get(lines, rows[i].path), rows[i].line);
    yaml_lines_destroy(lines);
    yaml_lines_destroy(NULL);
    json_decref(value);
}

static bool replace(void *user, const char *path, int line, struct str text, char **ret,
                    struct err *e)
{
    (void)user;
    if (str_eq(text, STR("$fail"))) {
        (void)err_set(e, ERR_INVALID, "%s on line %d", path, line);
        return false;
    }
    if (str_starts(text, STR("$")))
        *ret = mem_dup(text.p + 1, text.len - 1);
    return true;
}

static void test_replaced(void **state)
{
    (void)state;
    assert_string_equal(parse(STR("$a: $1\nb: '$1'\nc: $[x]\nd: $\ne: [$true, x]\n"), replace),
                        "{\"$a\":1,\"b\":\"1\",\"c\":\"[x]\",\"d\":null,\"e\":[true,\"x\"]}");
    assert_string_equal(parse(STR("a:\n- {b: x}\n- {b: $fail}\n"), replace), "a[1].b on line 3");
}

/* n times before, then after. */
static struct str repeated(char *to, size_t n, const char *text, const char *after)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < n; i++)
        memcpy(to + i * len, text, len);
    memcpy(to + n * len, after, strlen(after) + 1);
    return (struct str){to, n * len + strlen(after)};
}

static void test_budgets(void **state)
{
    (void)state;
    static char text[1 << 20];
    assert_non_null(strstr(parse(repeated(text, 65, "[", ""), NULL), "nested too deeply"));
    assert_non_null(strstr(parse(repeated(text, 100000, "[", ""), NULL), "nested too deeply"));
    assert_non_null(strstr(parse(repeated(text, 100000, "- ", ""), NULL), "nested too deeply"));
    assert_non_null(strstr(parse(repeated(text, 100000, "- a\n", ""), NULL), "too large"));
    memset(text, 'k', 5000);
    memcpy(text, "? ", 2);
    memcpy(text + 5000, "\n: 1\n", 6);
    assert_non_null(strstr(parse(str_of(text), NULL), "too long"));

    /* billion laughs */
    assert_non_null(strstr(parse(STR("a: &a [x,x,x,x,x,x,x,x,x,x]\n"
                                     "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                                     "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                                     "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                                     "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"),
                                 NULL),
                           "line 5: the document with its aliases is too large"));
    /* one large string many times */
    size_t at = 0;
    memcpy(text, "- &a ", 5);
    memset(text + 5, 'x', 500000);
    at = 500005;
    for (size_t i = 0; i < 100; i++, at += 5)
        memcpy(text + at, "\n- *a", 5);
    assert_non_null(strstr(parse((struct str){text, at}, NULL), "with its aliases is too large"));
    /* aliases that nest deeper than they look */
    at = (size_t)snprintf(text, sizeof(text), "- &a0 x\n");
    for (int i = 1; i < 80; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "- &a%d [*a%d]\n", i, i - 1);
    assert_non_null(strstr(parse((struct str){text, at}, NULL), "with its aliases is too large"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents), cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_lines),     cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_budgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
