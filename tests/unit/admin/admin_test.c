/* Targets, methods, bodies and the life of a request. */
#include "admin/fixture.h"

static void test_root(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(fixture_get(&f, "/"), 200);
    assert_string_equal(fixture_body(&f), "DGate Admin API");
    assert_string_equal(fixture_field(&f, "x-dgate-version"), "1.2.3");
    assert_string_equal(fixture_field(&f, "x-dgate-changehash"), "0");
    assert_string_equal(fixture_field(&f, "x-dgate-watchonly"), "false");
    assert_string_equal(fixture_field(&f, "content-type"), "text/plain; charset=utf-8");
    fixture_finish(&f);
}

static void test_health(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.ready = false;
    assert_int_equal(fixture_get(&f, "/healthz"), 200);
    assert_string_equal(fixture_body(&f), "{'status':'ok','version':'1.2.3'}");
    assert_string_equal(fixture_field(&f, "content-type"), "application/json");
    assert_int_equal(fixture_get(&f, "/health"), 200);
    assert_string_equal(fixture_body(&f), "{'status':'healthy'}");
    assert_int_equal(fixture_get(&f, "/readyz"), 503);
    assert_string_equal(fixture_body(&f), "{'status':'not ready','ready':false,'version':'1.2.3'}");
    f.ready = true;
    assert_int_equal(fixture_get(&f, "/readyz"), 200);
    assert_string_equal(fixture_body(&f), "{'status':'ok','ready':true,'version':'1.2.3'}");
    fixture_finish(&f);
}

static bool no_room(void *user, struct buf *out)
{
    (void)user;
    (void)out;
    return false;
}

static void test_metrics(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(fixture_get(&f, "/metrics"), 200);
    assert_string_equal(fixture_body(&f), "dgate_x 1\n");
    assert_string_equal(fixture_field(&f, "content-type"),
                        "text/plain; version=0.0.4; charset=utf-8");
    assert_int_equal(fixture_put(&f, "/metrics", "{}"), 405);
    admin_destroy(f.admin);
    f.options.metrics = no_room;
    fixture_open(&f);
    assert_int_equal(fixture_get(&f, "/metrics"), 500);
    admin_destroy(f.admin);
    f.options.metrics = NULL;
    fixture_open(&f);
    assert_int_equal(fixture_get(&f, "/metrics"), 404);
    assert_non_null(strstr(fixture_body(&f), "disable_metrics is set"));
    admin_destroy(f.admin);
    f.options.auth.method = ADMIN_AUTH_KEY;
    fixture_open(&f);
    assert_int_equal(fixture_get(&f, "/metrics"), 401);
    fixture_finish(&f);
}

static void test_changelog(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(fixture_get(&f, "/changelog"), 200);
    assert_string_equal(fixture_body(&f), "{'count':0,'hash':'0','latest':''}");
    assert_int_equal(fixture_get(&f, "/api/v1/changelog"), 200);
    assert_string_equal(fixture_body(&f), "{'data':[],'count':0,'status_code':200,'success':true}");
    for (int i = 0; i < 37; i++)
        fixture_store(&f, MODEL_NAMESPACE, "{'name':'n'}");
    assert_int_equal(fixture_get(&f, "/changelog"), 200);
    assert_string_equal(fixture_body(&f), "{'count':37,'hash':'11','latest':'change-37'}");
    assert_int_equal(fixture_get(&f, "/api/v1/changelog?limit=2"), 200);
    assert_string_equal(
        fixture_body(&f),
        "{'data':[{'id':'change-37','revision':37},{'id':'change-36','revision':36}],"
        "'count':37,'status_code':200,'success':true}");
    assert_int_equal(fixture_get(&f, "/api/v1/changelog?offset=36"), 200);
    assert_string_equal(fixture_body(&f), "{'data':[{'id':'change-1','revision':1}],'count':37,"
                                          "'status_code':200,'success':true}");
    assert_int_equal(fixture_get(&f, "/api/v1/changelog?offset=37"), 200);
    assert_int_equal(json_array_size(json_object_get(f.json, "data")), 0);
    fixture_finish(&f);
}

static void test_unknown_paths(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/x",
        "/healthz/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/thing",
        "/api/v1/routess",
        "/api/v1/route/",
        "/api/v1/route//x",
        "/api/v1/route/a/b/c",
        "/api/v1/namespace/a/b",
        "/api/v1/document/a/b",
        "/api/v1/document/a/b/c/d",
        "/api/v2/route",
    };
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        char expected[128];
        assert_int_equal(fixture_get(&f, paths[i]), 404);
        (void)snprintf(expected, sizeof(expected),
                       "{'error':'there is nothing at %s','status':404,'success':false}", paths[i]);
        assert_string_equal(fixture_body(&f), expected);
    }
    assert_int_equal(fixture_get(&f, "/a%00b"), 400);
    assert_string_equal(fixture_body(&f),
                        "{'error':'the path is malformed','status':400,'success':false}");
    assert_int_equal(fixture_ask(&f, &(struct ask){.method = "OPTIONS", .target = "*"}), 400);
    assert_int_equal(fixture_get(&f, "/api/v1/secret?namespace=a%00b"), 400);
    assert_string_equal(fixture_body(&f),
                        "{'error':'the query has a NUL','status':400,'success':false}");
    fixture_finish(&f);
}

static void test_methods(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const char *const readable[] = {"/", "/healthz", "/changelog", "/api/v1/changelog"};
    for (size_t i = 0; i < ARRAY_LEN(readable); i++) {
        assert_int_equal(fixture_put(&f, readable[i], "{}"), 405);
        assert_string_equal(fixture_field(&f, "allow"), "GET, HEAD");
        assert_string_equal(fixture_body(&f),
                            "{'error':'method not allowed','status':405,'success':false}");
    }
    assert_int_equal(fixture_ask(&f, &(struct ask){.method = "POST", .target = "/api/v1/route"}),
                     405);
    assert_string_equal(fixture_field(&f, "allow"), "DELETE, GET, HEAD, PUT");
    assert_int_equal(fixture_ask(&f, &(struct ask){.method = "HEAD", .target = "/api/v1/route"}),
                     200);
    assert_int_equal(exchange_mem_sent(f.x)->data.len, 0);
    assert_true(exchange_mem_sent(f.x)->head->content_length > 0);
    assert_int_equal(
        fixture_ask(&f, &(struct ask){.method = "HEAD", .target = "/api/v1/route/none"}), 404);
    fixture_finish(&f);
}

static const char too_large[] = "{'error':'the body has more than 2000 bytes','status':413,"
                                "'success':false}";

static void test_body_limit(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    char body[FIXTURE_BODY_MAX + 2];
    memset(body, ' ', sizeof(body));
    memcpy(body, "{\"name\":\"x\"}", 12);
    body[FIXTURE_BODY_MAX + 1] = '\0';

    assert_int_equal(fixture_put(&f, "/api/v1/namespace", body), 413);
    assert_string_equal(fixture_body(&f), too_large);
    assert_int_equal(exchange_mem_sent(f.x)->granted, 0);

    struct ask chunked = {
        .method = "PUT", .target = "/api/v1/namespace", .body = body, .chunked = true};
    assert_int_equal(fixture_ask(&f, &chunked), 413);
    assert_string_equal(fixture_body(&f), too_large);
    assert_int_equal(f.sink.submitted, 0);

    body[FIXTURE_BODY_MAX] = '\0';
    assert_int_equal(fixture_ask(&f, &chunked), 0);
    assert_int_equal(fixture_commit_change(&f, true), 201);
    fixture_finish(&f);
}

/* All bodies together are bounded too, and what was collected is given back. */
static void test_all_bodies_limit(void **state)
{
    (void)state;
    enum { MANY = 9 };
    struct fixture f;
    fixture_init(&f);
    char body[FIXTURE_BODY_MAX];
    memset(body, ' ', sizeof(body));
    for (int round = 0; round < 3; round++) {
        struct exchange *x[MANY];
        for (size_t i = 0; i < MANY; i++) {
            struct ask a = {
                .method = "PUT", .target = "/api/v1/route", .body = "", .chunked = true};
            x[i] = fixture_begin(&f, &a);
            exchange_mem_data(x[i], (struct str){body, sizeof(body)});
            (void)exchange_mem_run(x[i]);
        }
        for (size_t i = 0; i < MANY - 1; i++) {
            assert_null(exchange_mem_sent(x[i])->head);
            exchange_mem_reset(x[i], &(struct exchange_reset){.code = EXCHANGE_PEER_CLOSED});
            (void)exchange_mem_run(x[i]);
            exchange_mem_destroy(x[i]);
        }
        assert_int_equal(exchange_mem_sent(x[MANY - 1])->head->status, 503);
        exchange_mem_destroy(x[MANY - 1]);
    }
    fixture_finish(&f);
}

static void test_bad_json(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(fixture_put(&f, "/api/v1/route", "{'name':\n  nope}"), 400);
    assert_string_equal(json_string_value(json_object_get(f.json, "error")),
                        "the body is not JSON: line 2 column 6: invalid token near 'nope'");
    assert_int_equal(fixture_put(&f, "/api/v1/route", "[]"), 400);
    assert_string_equal(json_string_value(json_object_get(f.json, "error")),
                        "the body must be a JSON object");
    assert_int_equal(fixture_delete(&f, "/api/v1/route/x", "3"), 400);
    assert_int_equal(fixture_put(&f, "/api/v1/document/x?collection=c", ""), 400);
    assert_int_equal(f.sink.submitted, 0);
    fixture_finish(&f);
}

/* A client that leaves while its body arrives takes the request with it. */
static void test_client_leaves_early(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct ask a = {.method = "PUT", .target = "/api/v1/route", .body = "", .chunked = true};
    f.x = fixture_begin(&f, &a);
    exchange_mem_data(f.x, STR("{"));
    (void)exchange_mem_run(f.x);
    exchange_mem_reset(f.x, &(struct exchange_reset){.code = EXCHANGE_PEER_RESET});
    (void)exchange_mem_run(f.x);
    assert_true(f.x->done);
    assert_int_equal(f.sink.submitted, 0);
    fixture_finish(&f);
}

/* One that leaves while its change is under way: the change goes on, the answer is dropped. */
static void test_client_leaves_late(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(fixture_put(&f, "/api/v1/namespace/x", "{}"), 0);
    exchange_reset(f.x, EXCHANGE_SHUTDOWN);
    (void)exchange_mem_run(f.x);
    assert_true(f.x->done);
    struct change_result result = {.created = true, .stored = f.sink.put};
    fixture_done(&f, &result);
    assert_null(exchange_mem_sent(f.x)->head);
    fixture_finish(&f);
}

static void test_admin_leaves_first(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(fixture_put(&f, "/api/v1/namespace/x", "{}"), 0);
    exchange_reset(f.x, EXCHANGE_SHUTDOWN);
    (void)exchange_mem_run(f.x);
    admin_destroy(f.admin);
    f.admin = NULL;
    struct change_result result = {.created = true, .stored = f.sink.put};
    fixture_done(&f, &result);
    fixture_finish(&f);
}

/* The answer after a change still needs the exchange to be in order. */
static void test_reset_before_the_answer(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(fixture_put(&f, "/api/v1/namespace/x", "{}"), 0);
    exchange_reset(f.x, EXCHANGE_SHUTDOWN);
    struct change_result result = {.created = true, .stored = f.sink.put};
    fixture_done(&f, &result);
    (void)exchange_mem_run(f.x);
    assert_true(f.x->done);
    fixture_finish(&f);
}

static void test_failed_changes(void **state)
{
    (void)state;
    static const struct {
        enum err_code code;
        unsigned status;
    } rows[] = {
        {ERR_NOT_FOUND, 404},       {ERR_CONFLICT, 409},
        {ERR_TOO_LARGE, 413},       {ERR_IO, 500},
        {ERR_NO_SPACE, 507},        {ERR_UNAVAILABLE, 503},
        {ERR_UNKNOWN_OUTCOME, 503}, {ERR_INVALID, 400},
    };
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(fixture_delete(&f, "/api/v1/route/x", NULL), 0);
        struct change_result result = {0};
        (void)err_set(&result.error, rows[i].code, "a reason");
        fixture_done(&f, &result);
        assert_int_equal(fixture_answer(&f), rows[i].status);
        assert_string_equal(json_string_value(json_object_get(f.json, "error")), "a reason");
    }
    assert_int_equal(fixture_delete(&f, "/api/v1/route/x", NULL), 0);
    struct change_result result = {.error = {.code = ERR_IO}};
    fixture_done(&f, &result);
    assert_int_equal(fixture_answer(&f), 500);
    assert_string_equal(fixture_body(&f),
                        "{'error':'input or output failed','status':500,'success':false}");
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root),
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_changelog),
        cmocka_unit_test(test_unknown_paths),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_all_bodies_limit),
        cmocka_unit_test(test_bad_json),
        cmocka_unit_test(test_client_leaves_early),
        cmocka_unit_test(test_client_leaves_late),
        cmocka_unit_test(test_admin_leaves_first),
        cmocka_unit_test(test_reset_before_the_answer),
        cmocka_unit_test(test_failed_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
