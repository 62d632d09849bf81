#include "server/change_setup.h"
#include "testing.h"

static void test_limits_become_options(void **state)
{
    (void)state;
    struct config c = {.disable_default_namespace = true,
                       .limits = {.changes_pending = 7,
                                  .module_source_max = 1,
                                  .module_compiled_max = 2,
                                  .document_max = 3,
                                  .compile_timeout_ms = 4,
                                  .compiler_idle_ms = 5}};
    struct change_options options = change_setup_options(&c);
    assert_false(options.default_namespace);
    assert_int_equal(options.pending_max, 7);
    assert_int_equal(options.source_max, 1);
    assert_int_equal(options.compiled_max, 2);
    assert_int_equal(options.document_max, 3);
    assert_true(options.conflict_retries > 0);
    struct compile_pool_options compilers = change_setup_compilers(&c);
    assert_int_equal(compilers.timeout_ms, 4);
    assert_int_equal(compilers.idle_ms, 5);
    assert_int_equal(compilers.waiting_max, 7);
    c.disable_default_namespace = false;
    assert_true(change_setup_options(&c).default_namespace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_limits_become_options)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
