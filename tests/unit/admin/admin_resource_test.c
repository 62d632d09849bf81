#include "admin/fixture.h"

static const char *error_of(const struct fixture *f)
{
    return json_string_value(json_object_get(f->json, "error"));
}

static void test_put_ways(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *body;
        const char *submitted;
    } rows[] = {
        {"/api/v1/namespace", "{'name':'a','tags':['t']}", "PUT {'name':'a','tags':['t']}"},
        {"/api/v1/namespaces", "{'name':'a'}", "PUT {'name':'a'}"},
        {"/api/v1/namespace/a", "{'name':'a'}", "PUT {'name':'a'}"},
        {"/api/v1/namespace/a", "{'tags':['t']}", "PUT {'name':'a','tags':['t']}"},
        {"/api/v1/namespace/a", "", "PUT {'name':'a'}"},
        {"/api/v1/namespace/a%20%2Fb", "{}", "PUT {'name':'a /b'}"},
        {"/api/v1/secret", "{'name':'s','data':'d'}",
         "PUT {'name':'s','namespace':'default','data':'**redacted**'}"},
        {"/api/v1/secrets/s", "{'data':'d'}",
         "PUT {'name':'s','namespace':'default','data':'**redacted**'}"},
        {"/api/v1/secret/s?namespace=n", "{'data':'d'}",
         "PUT {'name':'s','namespace':'n','data':'**redacted**'}"},
        {"/api/v1/secret?namespace=n", "{'name':'s','namespace':'','data':'d'}",
         "PUT {'name':'s','namespace':'n','data':'**redacted**'}"},
        {"/api/v1/secret/n/s", "{'data':'d'}",
         "PUT {'name':'s','namespace':'n','data':'**redacted**'}"},
        {"/api/v1/secret/n/s", "{'name':'s','namespace':'n','data':'d'}",
         "PUT {'name':'s','namespace':'n','data':'**redacted**'}"},
    };
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (fixture_put(&f, rows[i].target, rows[i].body) != 0)
            fail_msg("%s %s: %s", rows[i].target, rows[i].body, fixture_body(&f));
        const char *submitted = fixture_submitted(&f);
        if (strcmp(submitted, rows[i].submitted) != 0)
            fail_msg("%s %s: %s", rows[i].target, rows[i].body, submitted);
        assert_int_equal(fixture_commit_change(&f, i % 2 == 0), i % 2 == 0 ? 201 : 200);
    }
    assert_int_equal(fixture_put(&f, "/api/v1/namespace/a", NULL), 0);
    assert_int_equal(fixture_commit_change(&f, true), 201);
    assert_string_equal(fixture_body(&f), "{'data':{'name':'a'},'status_code':201,'success':true}");
    fixture_finish(&f);
}

static void test_put_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(fixture_put(&f, "/api/v1/secret/n/s", "{'name':'t','data':'d'}"), 400);
    assert_string_equal(
        fixture_body(&f),
        "{'error':'name: is \\'t\\', but \\'s\\' in the path or query','status':400,"
        "'success':false,'errors':[{'path':'name','error':'is \\'t\\', but \\'s\\' in "
        "the path or query'}]}");
    assert_int_equal(fixture_put(&f, "/api/v1/secret/n/s", "{'namespace':'m','name':'t','data':3}"),
                     400);
    assert_int_equal(json_array_size(json_object_get(f.json, "errors")), 3);
    assert_string_equal(error_of(&f),
                        "name: is \"t\", but \"s\" in the path or query (and 2 more)");
    assert_int_equal(
        fixture_put(&f, "/api/v1/secret/s?namespace=n", "{'namespace':'m','data':'d'}"), 400);
    assert_int_equal(fixture_put(&f, "/api/v1/secret/s", "{'name':3,'data':'d'}"), 400);
    assert_string_equal(error_of(&f), "name: expected a string, got an integer");
    assert_int_equal(fixture_put(&f, "/api/v1/secret", ""), 400);
    assert_int_equal(fixture_put(&f, "/api/v1/service", "{'name':'s','urls':['x'],'more':1}"), 400);
    assert_int_equal(json_array_size(json_object_get(f.json, "errors")), 2);
    assert_int_equal(f.sink.submitted, 0);
    fixture_finish(&f);
}

/* What only the state can tell comes back from the change. */
static void test_problems_of_the_change(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const char route[] = "{'name':'r','paths':['/a'],'methods':['GET'],'service':'s'}";
    struct model_problems problems = {0};
    struct change_result result = {0};
    (void)err_set(&result.error, ERR_INVALID, "invalid");

    model_problems_add(&problems, "service", "service s: not found");
    result.problems = problems;
    assert_int_equal(fixture_put(&f, "/api/v1/route", route), 0);
    fixture_done(&f, &result);
    assert_int_equal(fixture_answer(&f), 400);
    assert_string_equal(fixture_body(&f),
                        "{'error':'service: service s: not found','status':400,'success':false,"
                        "'errors':[{'path':'service','error':'service s: not found'}]}");
    model_problems_finish(&problems);

    model_problems_add(&problems, "", "it is in use");
    result.problems = problems;
    assert_int_equal(fixture_delete(&f, "/api/v1/route/r", NULL), 0);
    fixture_done(&f, &result);
    assert_int_equal(fixture_answer(&f), 400);
    assert_string_equal(fixture_body(&f), "{'error':'it is in use','status':400,'success':false}");
    model_problems_finish(&problems);
    fixture_finish(&f);
}

static void test_delete_ways(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *body;
        const char *submitted;
    } rows[] = {
        {"/api/v1/namespace", "{'name':'a','namespace':''}", "DELETE namespace a"},
        {"/api/v1/namespace/a", NULL, "DELETE namespace a"},
        {"/api/v1/route", "{'name':'r'}", "DELETE route default/r"},
        {"/api/v1/route", "{'name':'r','namespace':'n'}", "DELETE route n/r"},
        {"/api/v1/route?namespace=n", "{'name':'r','namespace':''}", "DELETE route n/r"},
        {"/api/v1/routes/r", NULL, "DELETE route default/r"},
        {"/api/v1/route/r?namespace=n", NULL, "DELETE route n/r"},
        {"/api/v1/route/n/r", NULL, "DELETE route n/r"},
        {"/api/v1/route/n/r", "{}", "DELETE route n/r"},
        {"/api/v1/route/n/r", "{'name':'r','namespace':'n'}", "DELETE route n/r"},
    };
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (fixture_delete(&f, rows[i].target, rows[i].body) != 0)
            fail_msg("%s: %s", rows[i].target, fixture_body(&f));
        assert_string_equal(fixture_submitted(&f), rows[i].submitted);
        assert_int_equal(fixture_commit_change(&f, false), 200);
        assert_string_equal(fixture_body(&f), "{'data':null,'status_code':200,'success':true}");
    }
    assert_int_equal(fixture_delete(&f, "/api/v1/route", NULL), 400);
    assert_string_equal(error_of(&f), "name: is required");
    assert_int_equal(fixture_delete(&f, "/api/v1/route", "{'name':3}"), 400);
    assert_string_equal(error_of(&f), "name: expected a string");
    assert_int_equal(fixture_delete(&f, "/api/v1/route/n/r", "{'name':'q'}"), 400);
    assert_int_equal(f.sink.submitted, ARRAY_LEN(rows));
    fixture_finish(&f);
}

static void test_get(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_store(&f, MODEL_SERVICE, "{'name':'s','urls':['http://h:1']}");
    fixture_store(&f, MODEL_SERVICE, "{'name':'s','namespace':'n','urls':['http://h:2']}");
    fixture_store(&f, MODEL_SECRET, "{'name':'k','data':'hidden'}");
    fixture_store(&f, MODEL_NAMESPACE, "{'name':'n'}");
    static const char first[] =
        "{'data':{'name':'s','urls':['http://h:1'],'namespace':'default','retries':3,"
        "'retryTimeout':0,'connectTimeout':0,'requestTimeout':0,'tlsSkipVerify':false,"
        "'http2Only':false,'hideDGateHeaders':false,'disableQueryParams':false},"
        "'status_code':200,'success':true}";
    static const char *const ways[] = {
        "/api/v1/service/s", "/api/v1/services/s?namespace=", "/api/v1/service/s?namespace=default",
        "/api/v1/service/default/s"};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        assert_int_equal(fixture_get(&f, ways[i]), 200);
        assert_string_equal(fixture_body(&f), first);
    }
    assert_int_equal(fixture_get(&f, "/api/v1/service/s?namespace=n"), 200);
    assert_non_null(strstr(fixture_body(&f), "http://h:2"));
    assert_int_equal(fixture_get(&f, "/api/v1/service/n/s"), 200);
    assert_non_null(strstr(fixture_body(&f), "http://h:2"));
    assert_int_equal(fixture_get(&f, "/api/v1/namespace/n"), 200);
    assert_string_equal(fixture_body(&f), "{'data':{'name':'n'},'status_code':200,'success':true}");
    assert_int_equal(fixture_get(&f, "/api/v1/secret/k"), 200);
    assert_non_null(strstr(fixture_body(&f), "'data':'**redacted**'"));

    assert_int_equal(fixture_get(&f, "/api/v1/service/x"), 404);
    assert_string_equal(fixture_body(&f), "{'error':'service default/x: not found','status':404,"
                                          "'success':false}");
    assert_int_equal(fixture_get(&f, "/api/v1/namespace/x"), 404);
    assert_string_equal(error_of(&f), "namespace x: not found");
    fixture_finish(&f);
}

/* The names of a list, joined, and its count. */
static const char *names_of(const struct fixture *f)
{
    static char text[512];
    size_t i = 0;
    json_t *r = NULL;
    size_t n = 0;
    text[0] = '\0';
    json_array_foreach(json_object_get(f->json, "data"), i, r)
    {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s ",
                              json_string_value(json_object_get(r, "name")));
    }
    (void)snprintf(text + n, sizeof(text) - n, "of %d",
                   (int)json_integer_value(json_object_get(f->json, "count")));
    return text;
}

static void test_list(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(fixture_get(&f, "/api/v1/secret"), 200);
    assert_string_equal(fixture_body(&f), "{'data':[],'count':0,'status_code':200,'success':true}");
    static const char *const names[] = {"d", "b", "a", "c", "e"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "{'name':'%s','data':'x'}", names[i]);
        fixture_store(&f, MODEL_SECRET, text);
    }
    fixture_store(&f, MODEL_SECRET, "{'name':'z','namespace':'n','data':'x'}");
    fixture_store(&f, MODEL_NAMESPACE, "{'name':'default'}");
    fixture_store(&f, MODEL_NAMESPACE, "{'name':'n'}");
    fixture_store(&f, MODEL_NAMESPACE, "{'name':'empty'}");
    static const struct {
        const char *target;
        const char *names;
    } rows[] = {
        {"/api/v1/secret", "a b c d e of 5"},
        {"/api/v1/secret?namespace=", "a b c d e of 5"},
        {"/api/v1/secrets?namespace=default", "a b c d e of 5"},
        {"/api/v1/secret?namespace=n", "z of 1"},
        {"/api/v1/secret?namespace=empty", "of 0"},
        {"/api/v1/secret?namespace=*", "a b c d e z of 6"},
        {"/api/v1/secret?namespace=%2A&limit=2&offset=4", "e z of 6"},
        {"/api/v1/secret?limit=2", "a b of 5"},
        {"/api/v1/secret?limit=2&offset=4", "e of 5"},
        {"/api/v1/secret?offset=5", "of 5"},
        {"/api/v1/secret?offset=9223372036854775807", "of 5"},
        {"/api/v1/secret?limit=1000", "a b c d e of 5"},
        {"/api/v1/namespace", "default empty n of 3"},
        {"/api/v1/namespace?namespace=n", "default empty n of 3"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(fixture_get(&f, rows[i].target), 200);
        if (strcmp(names_of(&f), rows[i].names) != 0)
            fail_msg("%s: %s", rows[i].target, names_of(&f));
    }
    static const char *const bad[] = {"limit=0",   "limit=1001", "limit=x",   "limit=-1",
                                      "offset=-1", "offset=x",   "limit=1.5", "limit=%201"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char target[64];
        (void)snprintf(target, sizeof(target), "/api/v1/secret?%s", bad[i]);
        assert_int_equal(fixture_get(&f, target), 400);
    }
    assert_int_equal(fixture_get(&f, "/api/v1/secret?namespace=none"), 404);
    assert_string_equal(error_of(&f), "namespace none: not found");
    fixture_finish(&f);
}

static void test_without_default_namespace(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    admin_destroy(f.admin);
    f.options.default_namespace = false;
    fixture_open(&f);
    fixture_store(&f, MODEL_SECRET, "{'name':'a','namespace':'n','data':'x'}");
    fixture_store(&f, MODEL_SECRET, "{'name':'b','namespace':'m','data':'x'}");
    assert_int_equal(fixture_get(&f, "/api/v1/secret"), 200);
    assert_string_equal(names_of(&f), "b a of 2");
    assert_int_equal(fixture_get(&f, "/api/v1/secret/a"), 400);
    assert_string_equal(error_of(&f), "namespace is required");
    assert_int_equal(fixture_get(&f, "/api/v1/secret/n/a"), 200);
    assert_int_equal(fixture_put(&f, "/api/v1/secret/a", "{'data':'x'}"), 400);
    assert_int_equal(fixture_delete(&f, "/api/v1/secret/a", NULL), 400);
    assert_string_equal(error_of(&f), "namespace: is required");
    assert_int_equal(f.sink.submitted, 0);
    fixture_finish(&f);
}

static void test_long_names(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    char target[1200] = "/api/v1/secret/";
    size_t len = strlen(target);
    memset(target + len, 'x', 600);
    assert_int_equal(fixture_get(&f, target), 404);
    memcpy(target + len + 300, "/x", 3);
    assert_int_equal(fixture_get(&f, target), 404);
    (void)snprintf(target, sizeof(target), "/api/v1/secret?namespace=%0600d", 1);
    assert_int_equal(fixture_get(&f, target), 404);
    fixture_finish(&f);
}

static void put_value(struct fixture *f, const char *key, size_t key_len, const char *value,
                      size_t len)
{
    struct store_write *w = NULL;
    struct err e = {0};
    assert_int_equal(store_write_begin(f->store, &w, &e), ERR_OK);
    assert_int_equal(
        store_put(w, STORE_RESOURCES, (struct str){key, key_len}, (struct str){value, len}, &e),
        ERR_OK);
    fixture_commit(f, w);
}

/* A page ends early when it becomes too large, but always has its first. */
static void test_large_page(void **state)
{
    (void)state;
    enum { LARGE = 24 * 1024 * 1024 };
    struct fixture f;
    fixture_init(&f);
    char *value = malloc(LARGE);
    assert_non_null(value);
    memset(value, 0, STORE_U64_SIZE);
    /* 24 MiB of white space behind the object. */
    static const char object[] = "{\"name\":\"a\",\"namespace\":\"default\",\"data\":\"x\","
                                 "\"createdAt\":\"\",\"updatedAt\":\"\",\"tags\":[]}";
    memset(value + STORE_U64_SIZE, ' ', LARGE - STORE_U64_SIZE);
    memcpy(value + STORE_U64_SIZE, object, sizeof(object) - 1);
    put_value(&f, "secret\0default\0a", 16, value, LARGE);
    put_value(&f, "secret\0default\0b", 16, value, LARGE);
    free(value);
    assert_int_equal(fixture_get(&f, "/api/v1/secret"), 200);
    assert_string_equal(names_of(&f), "a of 2");
    assert_int_equal(fixture_get(&f, "/api/v1/secret?offset=1"), 200);
    assert_string_equal(names_of(&f), "a of 2");
    fixture_finish(&f);
}

static void test_unreadable(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    put_value(&f, "route\0default\0x", 15, "\0\0\0\0\0\0\0\0{", 9);
    assert_int_equal(fixture_get(&f, "/api/v1/route/x"), 500);
    assert_string_equal(error_of(&f), "route default/x: cannot be read, the log says why");
    assert_int_equal(fixture_get(&f, "/api/v1/route"), 200);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_ways),
        cmocka_unit_test(test_put_refused),
        cmocka_unit_test(test_problems_of_the_change),
        cmocka_unit_test(test_delete_ways),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_without_default_namespace),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_large_page),
        cmocka_unit_test(test_unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
