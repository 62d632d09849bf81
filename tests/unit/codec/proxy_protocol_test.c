#include "base/container.h"
#include "codec/proxy_protocol.h"
#include "testing.h"

#define BYTES(literal) literal, sizeof(literal) - 1
#define SIGNATURE      "\r\n\r\n\0\r\nQUIT\n"

static const struct {
    const char *p;
    size_t len;
    const char *source; /* NULL: none */
    uint16_t port;
} good[] = {
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"), "192.0.2.1", 56324},
    {BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255", 65535},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 0 0\r\n"), "192.0.2.1", 0},
    {BYTES("PROXY TCP6 2001:db8::1 2001:DB8::2 1 2\r\n"), "2001:db8::1", 1},
    {BYTES("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), "192.0.2.1", 1},
    {BYTES("PROXY UNKNOWN\r\n"), NULL, 0},
    {BYTES("PROXY UNKNOWN ffff:f...f:ffff whatever\r\n"), NULL, 0},
    {BYTES(SIGNATURE "\x20\x11\0\0"), NULL, 0},
    {BYTES(SIGNATURE "\x20\xff\0\x03xyz"), NULL, 0},
    {BYTES(SIGNATURE "\x21\x00\0\x02xy"), NULL, 0},
    {BYTES(SIGNATURE "\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb"), "192.0.2.1",
     56324},
    {BYTES(SIGNATURE "\x21\x11\0\x10\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb\x04\0\x01x"),
     "192.0.2.1", 56324},
    {BYTES(SIGNATURE
           "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0"
           "\0\0\0\0\0\0\0\0\x02\0\x07\x01\xbb"),
     "2001:db8::1", 7},
};

/* Each header byte by byte, and with the request behind it. */
static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        char wire[256];
        memcpy(wire, good[i].p, good[i].len);
        memcpy(wire + good[i].len, "GET", 3);
        struct proxy_protocol p;
        size_t used = 0;
        const char *error = NULL;
        for (size_t n = 0; n < good[i].len; n++)
            assert_int_equal(proxy_protocol_read((struct str){wire, n}, &p, &used, &error),
                             PROXY_PROTOCOL_MORE);
        for (size_t more = 0; more <= 3; more += 3) {
            const struct str in = {wire, good[i].len + more};
            assert_int_equal(proxy_protocol_read(in, &p, &used, &error), PROXY_PROTOCOL_DONE);
            assert_int_equal(used, good[i].len);
            assert_int_equal(p.has_source, good[i].source != NULL);
            if (good[i].source == NULL)
                continue;
            char text[IP_ADDRESS_TEXT_SIZE];
            assert_str(ip_address_text(&p.source, text), good[i].source);
            assert_int_equal(p.port, good[i].port);
        }
    }
}

static const struct {
    const char *p;
    size_t len;
    const char *error;
} bad[] = {
    {BYTES("GET / HTTP/1.1\r\n"), "does not begin with a PROXY header"},
    {BYTES("PROXY\r\n"), "does not begin with"},
    {BYTES("proxy TCP4 "), "does not begin with"},
    {BYTES("\r\nGET"), "does not begin with"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n"), "must end with CR LF"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rX"), "must end with CR LF"},
    {BYTES("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n"), "neither TCP4"},
    {BYTES("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n"), "neither TCP4"},
    {BYTES("PROXY TCP4\r\n"), "an address is not valid"},
    {BYTES("PROXY TCP4 ::1 ::1 1 2\r\n"), "an address is not valid"},
    {BYTES("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n"), "an address is not valid"},
    {BYTES("PROXY TCP4 1.2.3.4 x 1 2\r\n"), "an address is not valid"},
    {BYTES("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n"), "an address is not valid"},
    {BYTES("PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n"), "an address is not valid"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"), "a port is not valid"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n"), "a port is not valid"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"), "a port is not valid"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n"), "a port is not valid"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n"), "a port is not valid"},
    {BYTES(SIGNATURE "\x11\x11\0\0"), "unknown version or command"},
    {BYTES(SIGNATURE "\x22\x11\0\0"), "unknown version or command"},
    {BYTES(SIGNATURE "\x21\x11\xff\xff"), "too long"},
    {BYTES(SIGNATURE "\x21\x11\0\x03xxx"), "cut short"},
    {BYTES(SIGNATURE "\x21\x21\0\x0cxxxxxxxxxxxx"), "cut short"},
    {BYTES(SIGNATURE "\x21\x12\0\0"), "neither TCP over IPv4"},
    {BYTES(SIGNATURE "\x21\x31\0\0"), "neither TCP over IPv4"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct proxy_protocol p;
        size_t used = 0;
        const char *error = NULL;
        const struct str in = {bad[i].p, bad[i].len};
        if (proxy_protocol_read(in, &p, &used, &error) != PROXY_PROTOCOL_ERROR)
            fail_msg("row %zu passes", i);
        if (!str_contains(str_of(error), str_of(bad[i].error)))
            fail_msg("row %zu: %s", i, error);
    }
}

static void test_lengths(void **state)
{
    (void)state;
    char line[200];
    struct proxy_protocol p;
    size_t used = 0;
    const char *error = NULL;
    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    assert_int_equal(proxy_protocol_read((struct str){line, 106}, &p, &used, &error),
                     PROXY_PROTOCOL_MORE);
    assert_int_equal(proxy_protocol_read((struct str){line, 107}, &p, &used, &error),
                     PROXY_PROTOCOL_ERROR);
    memcpy(line + 105, "\r\n", 2);
    assert_int_equal(proxy_protocol_read((struct str){line, 107}, &p, &used, &error),
                     PROXY_PROTOCOL_DONE);
    memcpy(line + 105, "x\r\n", 3);
    assert_int_equal(proxy_protocol_read((struct str){line, 108}, &p, &used, &error),
                     PROXY_PROTOCOL_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
