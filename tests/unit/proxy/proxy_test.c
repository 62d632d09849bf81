#include <fcntl.h>

#include "proxy/fixture.h"
#include "proxy/proxy.h"

static void test_stats(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://a'],'retries':1}");
    fixture_put(&f, MODEL_ROUTE, "{'name':'r','paths':['/'],'methods':['GET'],'service':'s'}");
    struct exchange *x[5];
    static const uint16_t statuses[] = {200, 204, 301, 404, 503};
    for (size_t i = 0; i < ARRAY_LEN(x); i++)
        x[i] = fixture_get(&f, "/");
    struct proxy_stats stats = fixture_stats(&f);
    assert_int_equal(stats.requests, 5);
    assert_int_equal(stats.active, 5);
    for (size_t i = 0; i < ARRAY_LEN(x); i++) {
        fixture_reply(fixture_up(&f), statuses[i], "");
        (void)exchange_mem_run(x[i]);
    }
    (void)exchange_mem_run(fixture_get(&f, "/x"));
    stats = fixture_stats(&f);
    assert_int_equal(stats.requests, 6);
    assert_int_equal(stats.active, 0);
    assert_int_equal(stats.responses[2], 2);
    assert_int_equal(stats.responses[3], 1);
    assert_int_equal(stats.responses[4], 2);
    assert_int_equal(stats.responses[5], 1);
    assert_int_equal(stats.upstream_errors, 0);
    fixture_finish(&f);
}

/* A server that goes down takes its requests with it, whatever they wait for. */
static void test_shutdown(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://a']}");
    fixture_put(&f, MODEL_ROUTE, "{'name':'r','paths':['/'],'methods':['*'],'service':'s'}");
    (void)fixture_get(&f, "/");
    (void)fixture_ask(&f, &(struct ask){.method = "POST", .body = true, .length = 5});
    struct exchange *x = fixture_get(&f, "/");
    (void)fixture_up(&f);
    (void)fixture_up(&f);
    struct exchange *up = fixture_up(&f);
    fixture_head(up, 200, -1, NULL);
    (void)exchange_mem_run(up);
    assert_int_equal(fixture_status(x), 200);
    assert_int_equal(fixture_stats(&f).active, 3);
    fixture_finish(&f); /* resets them and asserts that none is active */
}

/* Runs what logs with the standard output in a file, and returns what it wrote. */
static const char *logged(struct fixture *f, enum log_level level, const char *target)
{
    static char text[4096];
    char path[] = "/tmp/proxy_test.XXXXXX";
    int file = mkostemp(path, O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(unlink(path), 0);
    (void)fflush(stdout);
    int kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    assert_true(dup2(file, STDOUT_FILENO) >= 0);
    log_configure(&(struct log_setup){.level = level});
    struct exchange *x =
        fixture_ask(f, &(struct ask){.target = target, .fields = {"X-Request-Id: the-id"}});
    struct exchange *up = exchange_mem_client_next(f->client);
    if (up != NULL) {
        exchange_mem_reset(up, &(struct exchange_reset){
                                   .code = EXCHANGE_CONNECT, .unsent = true, .detail = "refused"});
        (void)exchange_mem_run(up);
    }
    (void)exchange_mem_run(x);
    log_configure(&(struct log_setup){.level = LOG_OFF});
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    (void)close(kept);
    ssize_t n = pread(file, text, sizeof(text) - 1, 0);
    (void)close(file);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void test_log(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://a.example'],'retries':0}");
    fixture_put(&f, MODEL_ROUTE, "{'name':'r','paths':['/'],'methods':['GET'],'service':'s'}");

    const char *text = logged(&f, LOG_INFO, "/");
    assert_non_null(strstr(text, "refused"));
    assert_non_null(strstr(text, "a.example"));
    assert_non_null(strstr(text, "request_id=the-id"));
    assert_non_null(strstr(text, "status=502"));
    assert_non_null(strstr(text, "route=r"));
    assert_null(strchr(strchr(text, '\n') + 1, '\n')); /* one line */

    /* What a client does wrong is not the operator's business, unless asked for. */
    assert_string_equal(logged(&f, LOG_INFO, "/nowhere"), "");
    text = logged(&f, LOG_DEBUG, "/nowhere?q");
    assert_non_null(strstr(text, "no route has this path"));
    assert_non_null(strstr(text, "target=/nowhere?q"));
    assert_non_null(strstr(text, "status=404"));
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_shutdown),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
