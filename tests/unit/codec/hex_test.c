#include "codec/hex.h"
#include "testing.h"

static void every_byte_there_and_back(void **state)
{
    (void)state;
    char bytes[256];
    char text[512];
    char back[256];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(unsigned char)i;
    assert_ptr_equal(hex_encode(text, (struct str){bytes, sizeof(bytes)}), text + sizeof(text));
    assert_memory_equal(text, "000102", 6);
    assert_memory_equal(text + 508, "feff", 4);
    assert_true(hex_decode(back, (struct str){text, sizeof(text)}));
    assert_memory_equal(back, bytes, sizeof(bytes));
}

static void what_is_hexadecimal(void **state)
{
    (void)state;
    char out[8] = "";
    assert_true(hex_decode(out, STR("aBCd")));
    assert_memory_equal(out, "\xab\xcd", 2);
    assert_true(hex_decode(out, STR("")));
    static const char *const bad[] = {"a", "0g", "g0", "abc", "a ", "\xff\xff", "0x12"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(hex_decode(out, str_of(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_there_and_back),
        cmocka_unit_test(what_is_hexadecimal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
