/* dgate/storage: what is asked of the host at once. */
#include "script/script_fixture.h"

/* A host that knows one value. */
static char kept[64];
static double kept_ttl;

static bool cache_get(void *user, struct str ns, struct str key, struct buf *out)
{
    (void)user;
    assert_true(str_eq(ns, STR("default")));
    return str_eq(key, STR("known")) && kept[0] != '\0' && buf_add(out, str_of(kept));
}

static bool cache_set(void *user, struct str ns, struct str key, struct str value, double ttl_s,
                      struct err *e)
{
    (void)user;
    assert_true(str_eq(ns, STR("default")));
    if (!str_eq(key, STR("known"))) {
        (void)err_set(e, ERR_TOO_LARGE, "only one is kept");
        return false;
    }
    (void)snprintf(kept, sizeof(kept), "%.*s", STR_ARG(value));
    kept_ttl = ttl_s;
    return true;
}

static bool cache_delete(void *user, struct str ns, struct str key)
{
    (void)user;
    (void)ns;
    const bool had = str_eq(key, STR("known")) && kept[0] != '\0';
    if (had)
        kept[0] = '\0';
    return had;
}

static bool state_now(void *user, const struct script_state_request *request, struct buf *out,
                      struct err *e)
{
    (void)user;
    assert_true(str_eq(request->ns, STR("default")));
    assert_true(str_eq(request->module, STR("m")));
    if (request->op == SCRIPT_STORAGE_LIST) {
        (void)err_set(e, ERR_INVALID, "no lists today");
        return false;
    }
    return buf_addf(out, "{\"op\":%d,\"args\":%.*s}", (int)request->op, STR_ARG(request->args));
}

static struct fixture *create(void)
{
    struct fixture *f = fixture_create(NULL);
    script_vm_destroy(f->vm);
    const struct script_host host = {.user = f,
                                     .state = fixture_state,
                                     .log = fixture_log,
                                     .running = fixture_running,
                                     .state_now = state_now,
                                     .cache_get = cache_get,
                                     .cache_set = cache_set,
                                     .cache_delete = cache_delete};
    f->vm = script_vm_create(f->loop, &f->limits, &host);
    return f;
}

/* What an expression with s (dgate/storage) and t (dgate/state) gives, as JSON, or the error. */
static const char *value_of(struct fixture *f, const char *expression)
{
    char source[512];
    (void)snprintf(source, sizeof(source),
                   "import * as s from 'dgate/storage';\nimport * as t from 'dgate/state';\n"
                   "export function requestHandler(ctx: any) { try { ctx.response().send("
                   "String(JSON.stringify(%s))); }\n"
                   "  catch (e: any) { ctx.response().send('! ' + e.message); } void t; }",
                   expression);
    fixture_module(f, source);
    return fixture_handle(f);
}

static void test_values(void **state)
{
    (void)state;
    struct fixture *f = create();
    const struct {
        const char *expression;
        const char *result;
    } cases[] = {
        {"s.getCache('known')", "null"},
        {"s.setCache('known', { a: ['\\u00e4', 1.5] })", "undefined"},
        {"s.getCache('known')", "{\"a\":[\"\xc3\xa4\",1.5]}"},
        {"s.getCache('other')", "null"},
        {"s.setCache('other', 1)", "! only one is kept"},
        {"s.setCache('known', 1, { ttl: -1 })", "! TTL cannot be negative"},
        {"s.setCache('known', 1, { ttl: 'x' })", "! ttl must be a number of seconds"},
        {"s.setCache('known', () => 1)", "! a function has no JSON form"},
        {"s.getCache('')", "! cache id cannot be empty"},
        {"s.setCache(undefined, 1)", "! cache id cannot be empty"},
        {"s.deleteCache('known')", "true"},
        {"s.deleteCache('known')", "false"},
        {"s.get('k')", "{\"op\":8,\"args\":{\"key\":\"k\"}}"},
        {"s.get(5)", "! a storage key is a string that is not empty"},
        {"s.list()", "! no lists today"},
        {"t.getSecret('x')", "{\"op\":7,\"args\":{\"name\":\"x\"}}"},
        {"t.getSecret('')", "! secret name is required"},
        {"s.compareAndSet('')", "! a storage key is a string that is not empty"},
        {"s.increment('n', Infinity)", "! storage key n: increment() takes a finite number"},
        {"s.compareAndSet('n', 1, 2, { ttl: 0 })", "! TTL must be more than 0"},
    };
    static_assert(SCRIPT_GET_SECRET == 7 && SCRIPT_STORAGE_GET == 8, "as the cases say");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *got = value_of(f, cases[i].expression);
        if (strcmp(got, cases[i].result) != 0)
            fail_msg("%s: %s, not %s", cases[i].expression, got, cases[i].result);
    }
    fixture_destroy(f);
}

static void test_lifetimes(void **state)
{
    (void)state;
    struct fixture *f = create();
    kept[0] = '\0';
    assert_string_equal(value_of(f, "s.setCache('known', 1, { ttl: 2.5 })"), "undefined");
    assert_true(kept_ttl > 2.4 && kept_ttl < 2.6);
    assert_string_equal(value_of(f, "s.setCache('known', 2)"), "undefined");
    assert_true(kept_ttl < 0);
    assert_string_equal(kept, "2");
    assert_string_equal(value_of(f, "s.setCache('known', 3, { ttl: 0 })"), "undefined");
    assert_string_equal(kept, "");
    fixture_destroy(f);
}

/* A module may read while it is loaded: there is no request then. */
static void test_at_the_top_level(void **state)
{
    (void)state;
    struct fixture *f = create();
    (void)snprintf(kept, sizeof(kept), "7");
    fixture_module(
        f, "import { getCache, get } from 'dgate/storage';\n"
           "const seven = getCache('known'); const op = (get('x') as any).op;\n"
           "export function requestHandler(ctx: any) { ctx.response().json([seven, op]); }");
    assert_string_equal(fixture_handle(f), "[7,8]");
    fixture_destroy(f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_values),
    cmocka_unit_test(test_lifetimes),
    cmocka_unit_test(test_at_the_top_level),
};

FIXTURE_MAIN(tests)
