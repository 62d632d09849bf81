#include "admin/fixture.h"

static const char *error_of(const struct fixture *f)
{
    return json_string_value(json_object_get(f->json, "error"));
}

static void fill(struct fixture *f)
{
    fixture_init(f);
    fixture_store(f, MODEL_COLLECTION, "{'name':'c'}");
    fixture_store(f, MODEL_COLLECTION, "{'name':'hidden','visibility':'private'}");
    fixture_store(f, MODEL_COLLECTION, "{'name':'c','namespace':'n'}");
    fixture_store(f, MODEL_DOCUMENT, "{'id':'2','collection':'c','data':{'v':2}}");
    fixture_store(f, MODEL_DOCUMENT, "{'id':'1','collection':'c','data':[1]}");
    fixture_store(f, MODEL_DOCUMENT, "{'id':'3','collection':'hidden','data':3}");
    fixture_store(f, MODEL_DOCUMENT, "{'id':'4','collection':'c','namespace':'n','data':null}");
}

static void test_get(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        unsigned status;
        const char *text; /* that the answer contains */
    } rows[] = {
        {"/api/v1/document/2?collection=c", 200,
         "{'data':{'id':'2','namespace':'default','collection':'c','data':{'v':2}}"},
        {"/api/v1/documents/1?collection=c&namespace=default", 200, "'data':[1]"},
        {"/api/v1/document/default/c/1", 200, "'data':[1]"},
        {"/api/v1/document/n/c/4", 200, "'data':null"},
        {"/api/v1/document/4?collection=c&namespace=n", 200, "'data':null"},
        {"/api/v1/document/4?collection=c", 404, "document default/c/4: not found"},
        {"/api/v1/document/4?collection=x", 404, "collection default/x: not found"},
        {"/api/v1/document/4", 400, "collection is required"},
        {"/api/v1/document/3?collection=hidden", 403, "collection is private"},
        {"/api/v1/document/default/hidden/3", 403, "collection is private"},
        {"/api/v1/document?collection=hidden", 403, "collection is private"},
        {"/api/v1/document", 400, "collection is required"},
        {"/api/v1/document?collection=none", 404, "collection default/none: not found"},
        {"/api/v1/document?collection=c", 200, "'count':2"},
        {"/api/v1/document?collection=c", 200, "{'data':[{'id':'1'"},
        {"/api/v1/document?collection=c&namespace=n", 200, "'count':1"},
        {"/api/v1/document?collection=c&limit=1&offset=1", 200, "{'data':[{'id':'2'"},
        {"/api/v1/document?collection=c&limit=1&offset=1", 200, "}],'count':2,"},
        {"/api/v1/document?collection=c&limit=x", 400, "limit"},
    };
    struct fixture f;
    fill(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned status = fixture_get(&f, rows[i].target);
        if (status != rows[i].status || strstr(fixture_body(&f), rows[i].text) == NULL)
            fail_msg("%s: %u %s", rows[i].target, status, fixture_body(&f));
    }
    fixture_finish(&f);
}

static void test_put(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *body;
        const char *submitted;
    } rows[] = {
        {"/api/v1/document/x?collection=c", "{'id':'data','a':1}",
         "PUT {'id':'x','namespace':'default','collection':'c','data':{'id':'data','a':1}}"},
        {"/api/v1/document/x?collection=c&namespace=n", "[1,2]",
         "PUT {'id':'x','namespace':'n','collection':'c','data':[1,2]}"},
        {"/api/v1/document/x?collection=c", "null",
         "PUT {'id':'x','namespace':'default','collection':'c','data':null}"},
        {"/api/v1/document/x?collection=c", "'text'",
         "PUT {'id':'x','namespace':'default','collection':'c','data':'text'}"},
        {"/api/v1/document/n/c/x", "{'data':{'a':1}}",
         "PUT {'id':'x','namespace':'n','collection':'c','data':{'a':1}}"},
        {"/api/v1/document/n/c/x", "{'id':'x','namespace':'n','collection':'c','data':1}",
         "PUT {'id':'x','namespace':'n','collection':'c','data':1}"},
        {"/api/v1/document", "{'id':'x','collection':'c','data':1}",
         "PUT {'id':'x','namespace':'default','collection':'c','data':1}"},
        {"/api/v1/document?collection=c&namespace=n", "{'id':'x','data':1}",
         "PUT {'id':'x','namespace':'n','collection':'c','data':1}"},
    };
    struct fixture f;
    fill(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (fixture_put(&f, rows[i].target, rows[i].body) != 0)
            fail_msg("%s %s: %s", rows[i].target, rows[i].body, fixture_body(&f));
        assert_string_equal(fixture_submitted(&f), rows[i].submitted);
        assert_int_equal(fixture_commit_change(&f, true), 201);
    }
    assert_int_equal(fixture_put(&f, "/api/v1/document/x", "{}"), 400);
    assert_string_equal(error_of(&f), "collection: is required: collection it belongs to");
    assert_int_equal(fixture_put(&f, "/api/v1/document/n/c/x", "{'a':1}"), 400);
    assert_int_equal(fixture_put(&f, "/api/v1/document/n/c/x", "{'id':'y','data':1}"), 400);
    assert_int_equal(fixture_put(&f, "/api/v1/document/x?collection=c", "{"), 400);
    assert_int_equal(f.sink.submitted, ARRAY_LEN(rows));
    fixture_finish(&f);
}

static void test_delete(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *body;
        const char *submitted;
    } rows[] = {
        {"/api/v1/document/x?collection=c", NULL, "DELETE document default/c/x"},
        {"/api/v1/document/x?collection=c&namespace=n", NULL, "DELETE document n/c/x"},
        {"/api/v1/document/n/c/x", NULL, "DELETE document n/c/x"},
        {"/api/v1/document", "{'id':'x','collection':'c'}", "DELETE document default/c/x"},
        {"/api/v1/document?collection=c", "{'id':'x'}", "DELETE document default/c/x"},
        {"/api/v1/document?collection=c", NULL, "DELETE document default/c/*"},
        {"/api/v1/document", "{'collection':'c','namespace':'n'}", "DELETE document n/c/*"},
    };
    struct fixture f;
    fill(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (fixture_delete(&f, rows[i].target, rows[i].body) != 0)
            fail_msg("%s: %s", rows[i].target, fixture_body(&f));
        assert_string_equal(fixture_submitted(&f), rows[i].submitted);
        assert_int_equal(fixture_commit_change(&f, false), 200);
    }
    /* None of these may take the whole collection. */
    static const char *const refused[] = {"{'id':''}",    "{'id':null}", "{'id':3}",
                                          "{'name':'x'}", "{'ID':'x'}",  "[]"};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        assert_int_equal(fixture_delete(&f, "/api/v1/document?collection=c", refused[i]), 400);
    assert_int_equal(fixture_delete(&f, "/api/v1/document", NULL), 400);
    assert_string_equal(error_of(&f), "collection: is required");
    assert_int_equal(f.sink.submitted, ARRAY_LEN(rows));
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_delete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
