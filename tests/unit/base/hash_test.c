#include "base/hash.h"
#include "testing.h"

static void test_same_bytes_same_number(void **state)
{
    (void)state;
    char copy[] = "a key";
    assert_true(hash_bytes(1, STR("a key")) == hash_bytes(1, str_of(copy)));
    assert_true(hash_bytes(1, STR("a key")) != hash_bytes(2, STR("a key")));
    assert_true(hash_bytes(1, STR("a key")) != hash_bytes(1, STR("a kez")));
    assert_true(hash_bytes(1, STR("")) != hash_bytes(1, STR("\0")));
    assert_true(hash_make_seed() != hash_make_seed());
}

/* The low bits, which tables use, differ for keys that follow each other. */
static void test_spread(void **state)
{
    (void)state;
    enum { BUCKETS = 64, KEYS = 6400 };
    int used[BUCKETS] = {0};
    for (int i = 0; i < KEYS; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "10.0.%d.%d", i / 256, i % 256);
        used[hash_bytes(42, str_of(text)) % BUCKETS]++;
    }
    for (int i = 0; i < BUCKETS; i++)
        assert_in_range(used[i], 50, 160);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes_same_number),
        cmocka_unit_test(test_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
