#include "codec/json.h"
#include "proxy/access_record.h"
#include "testing.h"

static struct access_record full(void)
{
    return (struct access_record){
        .wall_ms = 1795327423123,
        .client = STR("192.0.2.1"),
        .method = STR("GET"),
        .host = STR("h.test"),
        .target = STR("/a?b=c"),
        .version = 11,
        .status = 200,
        .sent = 12,
        .received = 3,
        .duration_us = 1234,
        .upstream = STR("http://up:81"),
        .upstream_us = 1000,
        .module_us = 5,
        .retries = 1,
        .ns = STR("default"),
        .route = STR("r"),
        .service = STR("s"),
        .id = STR("id-1"),
        .user_agent = STR("agent/1"),
        .referer = STR("http://ref/"),
    };
}

static void test_lines(void **state)
{
    (void)state;
    char line[ACCESS_RECORD_MAX];
    struct access_record r = full();
    assert_str(access_record_write(&r, ACCESS_RECORD_TEXT, line),
               "192.0.2.1 - - [22/Nov/2026:06:03:43 +0000] \"GET /a?b=c HTTP/1.1\" 200 12 "
               "\"http://ref/\" \"agent/1\" host=\"h.test\" request_bytes=3 duration_ms=1.234 "
               "upstream=\"http://up:81\" upstream_ms=1.000 module_ms=0.005 retries=1 "
               "namespace=\"default\" route=\"r\" service=\"s\" request_id=\"id-1\" error=\"-\"\n");
    assert_str(access_record_write(&r, ACCESS_RECORD_JSON, line),
               "{\"time\":\"2026-11-22T06:03:43.123Z\",\"client\":\"192.0.2.1\",\"method\":\"GET\","
               "\"host\":\"h.test\",\"target\":\"/a?b=c\",\"protocol\":\"HTTP/1.1\",\"status\":200,"
               "\"response_bytes\":12,\"request_bytes\":3,\"duration_ms\":1.234,"
               "\"upstream\":\"http://up:81\",\"upstream_ms\":1.000,\"module_ms\":0.005,"
               "\"retries\":1,\"namespace\":\"default\",\"route\":\"r\",\"service\":\"s\","
               "\"request_id\":\"id-1\",\"error\":null,\"user_agent\":\"agent/1\","
               "\"referer\":\"http://ref/\"}\n");
    r = (struct access_record){.upstream_us = ACCESS_RECORD_NONE, .module_us = ACCESS_RECORD_NONE};
    assert_str(
        access_record_write(&r, ACCESS_RECORD_TEXT, line),
        "- - - [01/Jan/1970:00:00:00 +0000] \"  HTTP/1.1\" - 0 \"-\" \"-\" host=\"-\" "
        "request_bytes=0 duration_ms=0.000 upstream=\"-\" upstream_ms=- module_ms=- "
        "retries=0 namespace=\"-\" route=\"-\" service=\"-\" request_id=\"-\" error=\"-\"\n");
}

/* Every byte, in every value that comes from outside. */
static void test_nothing_forges_a_line(void **state)
{
    (void)state;
    char evil[256];
    char line[ACCESS_RECORD_MAX];
    for (int c = 0; c < 256; c++) {
        (void)snprintf(evil, sizeof(evil), "x%c\" 200 y=\"", c);
        evil[1] = (char)c;
        const struct str value = {evil, 11};
        struct access_record r = full();
        r.target = r.host = r.user_agent = r.referer = r.error = r.method = r.id = value;
        struct str text = access_record_write(&r, ACCESS_RECORD_TEXT, line);
        size_t quotes = 0;
        for (size_t i = 0; i + 1 < text.len; i++) {
            assert_true(text.p[i] >= ' ' && text.p[i] < 0x7f);
            quotes += text.p[i] == '"';
        }
        assert_int_equal(text.p[text.len - 1], '\n');
        assert_int_equal(quotes, 20);
        text = access_record_write(&r, ACCESS_RECORD_JSON, line);
        assert_int_equal(str_index(text, '\n', 0), text.len - 1);
        struct err e = {0};
        json_t *json = json_text_parse(text, &e);
        /* Our reader refuses NUL. */
        if ((json == NULL) != (c == 0))
            fail_msg("byte %d: %s", c, e.msg);
        const struct str back = json_text_str(json_object_get(json, "target"));
        if (c > 0 && c < 0x80)
            assert_true(str_eq(back, value));
        json_decref(json);
    }
}

static void test_long_values_are_cut(void **state)
{
    static char big[20000];
    static const char fills[] = {'a', '\0', '"', (char)0xc3};
    (void)state;
    char line[ACCESS_RECORD_MAX];
    for (size_t i = 0; i < sizeof(fills); i++) {
        memset(big, fills[i], sizeof(big));
        const struct str value = {big, sizeof(big)};
        struct access_record r = full();
        r.client = r.method = r.host = r.target = r.upstream = r.ns = r.route = value;
        r.service = r.id = r.error = r.user_agent = r.referer = value;
        r.sent = r.received = r.duration_us = r.upstream_us = r.module_us = INT64_MAX;
        r.retries = UINT32_MAX;
        struct str text = access_record_write(&r, ACCESS_RECORD_TEXT, line);
        assert_true(text.len <= ACCESS_RECORD_MAX && str_contains(text, STR("...\" ")));
        text = access_record_write(&r, ACCESS_RECORD_JSON, line);
        struct err e = {0};
        json_t *json = json_text_parse(text, &e);
        if (json == NULL && fills[i] != '\0')
            fail_msg("%s", e.msg);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_nothing_forges_a_line),
        cmocka_unit_test(test_long_values_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
