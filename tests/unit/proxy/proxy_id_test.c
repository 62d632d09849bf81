#include "base/container.h"
#include "proxy/proxy_id.h"
#include "testing.h"

static void test_make(void **state)
{
    (void)state;
    struct proxy_id ids;
    char made[64][PROXY_ID_SIZE];
    proxy_id_init(&ids);
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        proxy_id_make(&ids, made[i]);
        assert_true(proxy_id_is_sane((struct str){made[i], PROXY_ID_SIZE}));
        for (size_t k = 0; k < PROXY_ID_SIZE; k++)
            assert_non_null(memchr("0123456789abcdef", made[i][k], 16));
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(made[i], made[k], PROXY_ID_SIZE);
    }
}

static void test_sane(void **state)
{
    char longest[PROXY_ID_MAX + 1];
    (void)state;
    memset(longest, 'a', sizeof(longest));
    assert_true(proxy_id_is_sane(STR("a")));
    assert_true(proxy_id_is_sane(STR("0f8fad5b-d9cb-469f-a165-70867728950e")));
    assert_true(proxy_id_is_sane((struct str){longest, PROXY_ID_MAX}));
    assert_false(proxy_id_is_sane((struct str){longest, PROXY_ID_MAX + 1}));
    assert_false(proxy_id_is_sane(STR("")));
    assert_false(proxy_id_is_sane(STR("a b")));
    assert_false(proxy_id_is_sane(STR("a\"b")));
    assert_false(proxy_id_is_sane(STR("a{b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_sane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
