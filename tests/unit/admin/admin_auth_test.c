#include "admin/admin_auth.h"
#include "admin/fixture.h"

static const struct admin_auth_user users[] = {{"root", "pass:word"}, {"eve", ""}};

/* A list of the texts between the commas; freed by list_free(). */
static struct model_strings list_of(const char *texts)
{
    struct model_strings list = {0};
    struct str rest = str_of(texts);
    struct str item;
    while (str_next_item(&rest, &item))
        vec_push(&list, mem_dup(item.p, item.len));
    return list;
}

static void list_free(struct model_strings *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->v[i]);
    vec_finish(list);
}

static void reopen(struct fixture *f, const struct admin_auth_options *auth)
{
    fixture_forget(f);
    admin_destroy(f->admin);
    f->options.auth = *auth;
    fixture_open(f);
}

static void test_allow_list(void **state)
{
    (void)state;
    static const struct {
        int depth;
        const char *peer;
        const char *forwarded[2];
        unsigned status;
    } rows[] = {
        {-1, "127.9.9.9", {NULL}, 200},
        {-1, "::1", {NULL}, 200},
        {-1, "::ffff:127.0.0.1", {NULL}, 200},
        {-1, "192.0.2.7", {NULL}, 200},
        {-1, "192.0.2.8", {NULL}, 403},
        {-1, "::2", {NULL}, 403},
        {-1, "", {NULL}, 403},
        {-1, "10.0.0.1", {"X-Forwarded-For: 127.0.0.1"}, 403},
        {0, "10.0.0.1", {"X-Forwarded-For: 127.0.0.1"}, 403},
        {1, "10.0.0.1", {NULL}, 403},
        {1, "127.0.0.1", {NULL}, 200},
        {1, "10.0.0.1", {"X-Forwarded-For: 127.0.0.1"}, 200},
        {1, "127.0.0.1", {"X-Forwarded-For: 10.0.0.1"}, 403},
        {1, "10.0.0.1", {"X-Forwarded-For: 127.0.0.1, 10.0.0.1"}, 403},
        {2, "10.0.0.1", {"X-Forwarded-For: 127.0.0.1, 10.0.0.1"}, 200},
        {9, "10.0.0.1", {"X-Forwarded-For: 127.0.0.1, 10.0.0.1"}, 200},
        {2, "10.0.0.1", {"X-Forwarded-For: 1.1.1.1, 127.0.0.1", "X-Forwarded-For: 10.0.0.1"}, 200},
        {3, "10.0.0.1", {"X-Forwarded-For: 1.1.1.1, 127.0.0.1", "X-Forwarded-For: 10.0.0.1"}, 403},
        {1, "10.0.0.1", {"X-Forwarded-For: 127.0.0.1:5000"}, 200},
        {1, "10.0.0.1", {"X-Forwarded-For: [::1]:5000"}, 200},
        {1, "10.0.0.1", {"X-Forwarded-For: unknown"}, 403},
        {1, "127.0.0.1", {"X-Forwarded-For: ,"}, 200},
    };
    struct fixture f;
    fixture_init(&f);
    struct model_strings list = list_of("127.0.0.1/8,::1,192.0.2.7");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        reopen(&f, &(struct admin_auth_options){.allow_list = &list,
                                                .x_forwarded_for_depth = rows[i].depth});
        struct ask a = {.target = "/healthz",
                        .peer = rows[i].peer,
                        .fields = {rows[i].forwarded[0], rows[i].forwarded[1]}};
        unsigned status = fixture_ask(&f, &a);
        if (status != rows[i].status)
            fail_msg("row %zu: %u", i, status);
    }
    assert_int_equal(fixture_ask(&f, &(struct ask){.target = "/", .peer = "10.0.0.1"}), 403);
    assert_string_equal(fixture_body(&f),
                        "{'error':'this address is not allowed','status':403,'success':false}");

    list_free(&list);
    list = list_of("nowhere");
    reopen(&f, &(struct admin_auth_options){.allow_list = &list});
    assert_int_equal(fixture_get(&f, "/"), 403);
    list_free(&list);
    fixture_finish(&f);
}

static void test_basic(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        unsigned status;
        const char *author;
    } rows[] = {
        {"Authorization: Basic cm9vdDpwYXNzOndvcmQ=", 0, "root"}, /* root:pass:word */
        {"authorization: basic  cm9vdDpwYXNzOndvcmQ=", 0, "root"},
        {"Authorization: Basic ZXZlOg==", 0, "eve"},            /* eve: */
        {"Authorization: Basic cm9vdDpwYXNz", 401, ""},         /* root:pass */
        {"Authorization: Basic cm9vdDpwYXNzOndvcmR4", 401, ""}, /* root:pass:wordx */
        {"Authorization: Basic !!!", 401, ""},
        {"Authorization: Basic ", 401, ""},
        {"Authorization: Bearer cm9vdDpwYXNzOndvcmQ=", 401, ""},
        {NULL, 401, ""},
    };
    struct fixture f;
    fixture_init(&f);
    reopen(&f, &(struct admin_auth_options){
                   .method = ADMIN_AUTH_BASIC, .users = users, .user_count = ARRAY_LEN(users)});
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ask a = {.method = "PUT",
                        .target = "/api/v1/namespace/x",
                        .body = "{}",
                        .fields = {rows[i].field}};
        unsigned status = fixture_ask(&f, &a);
        if (status != rows[i].status)
            fail_msg("row %zu: %u", i, status);
        if (status == 0) {
            assert_string_equal(f.sink.author, rows[i].author);
            assert_int_equal(fixture_commit_change(&f, true), 201);
            continue;
        }
        assert_string_equal(fixture_body(&f),
                            "{'error':'unauthorized','status':401,'success':false}");
        assert_string_equal(fixture_field(&f, "www-authenticate"),
                            "Basic realm=\"Access to DGate Admin API\", charset=\"UTF-8\"");
        assert_int_equal(exchange_mem_sent(f.x)->granted, 0);
    }
    /* Every path, also one that is not there. */
    assert_int_equal(fixture_get(&f, "/healthz"), 401);
    assert_int_equal(fixture_get(&f, "/nothing"), 401);
    fixture_finish(&f);
}

static void check_key(struct fixture *f, const char *target, const char *field, const char *author)
{
    struct ask a = {.method = "DELETE", .target = target, .fields = {field}};
    unsigned status = fixture_ask(f, &a);
    if (author == NULL) {
        assert_int_equal(status, 401);
        assert_string_equal(fixture_field(f, "www-authenticate"), "");
        return;
    }
    assert_int_equal(status, 0);
    assert_string_equal(f->sink.author, author);
    assert_int_equal(fixture_commit_change(f, false), 200);
}

static void test_key(void **state)
{
    (void)state;
    static const char plain[] = "/api/v1/namespace/x";
    struct model_strings list = list_of("first, second key");
    struct fixture f;
    fixture_init(&f);
    reopen(&f, &(struct admin_auth_options){.method = ADMIN_AUTH_KEY, .keys = &list});
    check_key(&f, plain, "x-dgate-key: first", "key:1");
    check_key(&f, plain, "X-DGate-Key: second key", "key:2");
    check_key(&f, plain, "X-DGate-Key: firs", NULL);
    check_key(&f, plain, "X-DGate-Key:", NULL);
    check_key(&f, plain, NULL, NULL);
    check_key(&f, "/api/v1/namespace/x?key=first", NULL, NULL);

    reopen(&f, &(struct admin_auth_options){
                   .method = ADMIN_AUTH_KEY, .keys = &list, .key_header = "X-Mine"});
    check_key(&f, plain, "X-Mine: first", "key:1");
    check_key(&f, plain, "X-DGate-Key: first", NULL);

    reopen(&f, &(struct admin_auth_options){
                   .method = ADMIN_AUTH_KEY, .keys = &list, .key_query = "key"});
    check_key(&f, "/api/v1/namespace/x?a=b&key=second+key", NULL, "key:2");
    check_key(&f, "/api/v1/namespace/x?k%65y=%66irst", NULL, "key:1");
    check_key(&f, "/api/v1/namespace/x?key=third", NULL, NULL);
    check_key(&f, plain, "X-DGate-Key: first", NULL);

    /* No keys at all let nobody in. */
    reopen(&f, &(struct admin_auth_options){.method = ADMIN_AUTH_KEY});
    check_key(&f, plain, "X-DGate-Key:", NULL);
    check_key(&f, plain, NULL, NULL);
    list_free(&list);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allow_list),
        cmocka_unit_test(test_basic),
        cmocka_unit_test(test_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
