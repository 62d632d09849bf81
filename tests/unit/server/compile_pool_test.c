/* The pool starts its own program as the compiler: here that is this test, which plays it badly. */
#include "base/log.h"
#include "io/peer.h"
#include "server/compile_pool.h"

enum { WAITING_MAX = 2 };

struct outcome {
    int calls;
    enum err_code code;
    struct compile_pool *again; /* submits once more from within */
};

static void on_compiled(void *user, json_t *compiled, struct model_problems *problems,
                        const struct err *error);

static void submit(struct compile_pool *p, struct outcome *o)
{
    struct model_module m = {.name = (char[]){"m"}, .ns = (char[]){"default"}};
    compile_pool_submit(p, &m, STR("export const x = 1"), on_compiled, o);
}

static void on_compiled(void *user, json_t *compiled, struct model_problems *problems,
                        const struct err *error)
{
    struct outcome *o = user;
    assert_null(compiled);
    assert_null(problems);
    assert_non_null(error);
    o->calls++;
    o->code = error->code;
    struct compile_pool *again = o->again;
    o->again = NULL;
    if (again != NULL)
        submit(again, o);
}

static struct compile_pool *create(uint64_t timeout_ms)
{
    const struct compile_pool_options options = {
        .timeout_ms = timeout_ms, .idle_ms = 10, .launch_fd = -1, .waiting_max = WAITING_MAX};
    log_configure(&(struct log_setup){.level = LOG_OFF});
    return compile_pool_create(loop, &options);
}

static void test_a_compiler_that_ends(void **state)
{
    (void)state;
    struct outcome o[2] = {{0}};
    struct compile_pool *p = create(60000);
    (void)setenv("COMPILE_POOL_TEST", "exit", 1); /* NOLINT(concurrency-mt-unsafe) */
    o[0].again = p;
    submit(p, &o[0]);
    submit(p, &o[1]);
    assert_int_equal(o[0].calls, 0);
    until(o[0].calls == 2 && o[1].calls == 1);
    assert_int_equal(o[0].code, ERR_INTERNAL);
    assert_int_equal(o[1].code, ERR_INTERNAL);
    compile_pool_destroy(p);
}

static void test_a_compiler_that_hangs(void **state)
{
    (void)state;
    struct outcome o = {0};
    struct compile_pool *p = create(50);
    (void)setenv("COMPILE_POOL_TEST", "hang", 1); /* NOLINT(concurrency-mt-unsafe) */
    submit(p, &o);
    until(o.calls == 1);
    assert_int_equal(o.code, ERR_TIMEOUT);
    compile_pool_destroy(p);
}

static void test_too_many_wait(void **state)
{
    (void)state;
    struct outcome o[3] = {{0}};
    struct compile_pool *p = create(60000);
    (void)setenv("COMPILE_POOL_TEST", "exit", 1); /* NOLINT(concurrency-mt-unsafe) */
    for (size_t i = 0; i < ARRAY_LEN(o); i++)
        submit(p, &o[i]);
    until(o[2].calls == 1);
    assert_int_equal(o[1].code, ERR_INTERNAL);
    assert_int_equal(o[2].code, ERR_UNAVAILABLE);
    compile_pool_destroy(p);
}

/* The process has not ended yet when the loop is destroyed: the teardown asserts. */
static void test_destroyed_at_work(void **state)
{
    (void)state;
    struct outcome o[2] = {{0}};
    struct compile_pool *p = create(60000);
    (void)setenv("COMPILE_POOL_TEST", "hang", 1); /* NOLINT(concurrency-mt-unsafe) */
    for (size_t i = 0; i < ARRAY_LEN(o); i++)
        submit(p, &o[i]);
    peer_turns(5);
    compile_pool_destroy(p);
    for (size_t i = 0; i < ARRAY_LEN(o); i++) {
        assert_int_equal(o[i].calls, 1);
        assert_int_equal(o[i].code, ERR_UNAVAILABLE);
    }
    compile_pool_destroy(NULL);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--role") == 0) {
        const char *how = getenv("COMPILE_POOL_TEST"); /* NOLINT(concurrency-mt-unsafe) */
        if (how != NULL && strcmp(how, "hang") == 0)
            (void)sleep(20);
        _exit(EXIT_FAILURE);
    }
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_a_compiler_that_ends),
        T(test_a_compiler_that_hangs),
        T(test_too_many_wait),
        T(test_destroyed_at_work),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
