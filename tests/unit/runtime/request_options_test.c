#include "base/container.h"
#include "runtime/request_options.h"
#include "testing.h"

/* An argument of the command line: not constant. */
#define S(text) ((char[]){text})

static const struct arguments_option OPTIONS[] = {REQUEST_OPTIONS_TABLE};

/* Whether the options are taken. */
static bool take(struct request_options *o, struct arguments *a, char **args)
{
    int option = 0;
    arguments_init(a, "run", args, OPTIONS, ARRAY_LEN(OPTIONS));
    request_options_init(o);
    while ((option = arguments_next(a)) >= 0)
        if (!request_options_take(o, a, option))
            return false;
    request_options_complete(o);
    return true;
}

static void finish(struct request_options *o, struct arguments *a)
{
    request_options_finish(o);
    arguments_finish(a);
}

static void has_defaults(void **state)
{
    (void)state;
    char *none[] = {NULL};
    char *body[] = {S("--body"), S("x"), NULL};
    struct request_options o;
    struct arguments a;
    assert_true(take(&o, &a, none));
    assert_str(o.head.method, "GET");
    assert_str(o.head.target, "/");
    assert_str(o.head.authority, "localhost");
    assert_true(o.head.no_body);
    finish(&o, &a);
    assert_true(take(&o, &a, body));
    assert_str(o.head.method, "POST");
    assert_str(buf_str(&o.body), "x");
    assert_int_equal(o.head.content_length, 1);
    finish(&o, &a);
}

static void makes_a_pattern_of_the_parameters(void **state)
{
    (void)state;
    char *args[] = {S("-r"), S("/users/7/posts/7/?a=7"),
                    S("-p"), S("user=7"),
                    S("-p"), S("post=7"),
                    S("-H"), S("X-A:  b "),
                    S("-H"), S("host: h"),
                    NULL};
    struct request_options o;
    struct arguments a;
    assert_true(take(&o, &a, args));
    assert_str(request_options_pattern(&o, &a), "/users/{user}/posts/{post}/");
    assert_str(o.head.method, "GET");
    assert_str(o.head.authority, "h");
    assert_int_equal(o.head.fields.n, 1);
    assert_str(o.head.fields.v[0].value, "b");
    finish(&o, &a);
    char *missing[] = {S("-r"), S("/users/8"), S("-p"), S("user=7"), NULL};
    assert_true(take(&o, &a, missing));
    assert_int_equal(request_options_pattern(&o, &a).len, 0);
    finish(&o, &a);
}

static void fills_the_state(void **state)
{
    (void)state;
    const struct entries_options storage = {0};
    char *right[] = {S("--collection"), S("c"), S("--secret"), S("key=a=b"), NULL};
    char *wrong[] = {S("--secret"), S("key=**redacted**"), NULL};
    struct request_options o;
    struct arguments a;
    struct memory_state found;
    memory_state_init(&found, 100, &storage);
    assert_true(take(&o, &a, right));
    assert_true(request_options_fill(&o, &found));
    assert_string_equal(json_string_value(json_object_get(found.secrets, "key")), "a=b");
    assert_non_null(json_object_get(found.collections, "c"));
    finish(&o, &a);
    assert_true(take(&o, &a, wrong));
    assert_false(request_options_fill(&o, &found));
    finish(&o, &a);
    memory_state_finish(&found);
}

static void refuses(void **state)
{
    (void)state;
    char *const wrong[][2] = {
        {S("-r"), S("GET")},      {S("-r"), S("GET x")},     {S("-r"), S("G(T /")},
        {S("-r"), S("GET /a b")}, {S("-H"), S("a")},         {S("-H"), S(": b")},
        {S("-H"), S("a: \n")},    {S("-p"), S("a")},         {S("-p"), S("a=")},
        {S("-p"), S("=b")},       {S("-d"), S("@/nowhere")}, {S("--secret"), S("a")},
        {S("--secret"), S("a=")}, {S("--secret"), S("=b")},  {S("--secret"), S("a=\xff")},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char *args[] = {wrong[i][0], wrong[i][1], NULL};
        struct request_options o;
        struct arguments a;
        if (take(&o, &a, args))
            fail_msg("%s %s was taken", wrong[i][0], wrong[i][1]);
        finish(&o, &a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(makes_a_pattern_of_the_parameters),
        cmocka_unit_test(fills_the_state),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
