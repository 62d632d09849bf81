/* Heads that are understood, and limits; what is refused is in tests/http1/ (http1_requests_test, http1_responses_test). */
#include "base/container.h"
#include "codec/http1.h"
#include "testing.h"

#define GET     "GET / HTTP/1.1\r\n"
#define POST    "POST / HTTP/1.1\r\nHost: a\r\n"
#define OK_LINE "HTTP/1.1 200 OK\r\n"

static const struct http1_limits limits = {
    .line_max = 200, .head_max = 1000, .fields_max = 8, .trailer_max = 100};

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

/* The name of the error, "" when the head is complete, "more" when it is not. */
static const char *read_request(struct str text, struct http1_head *head)
{
    struct http1_reader r = {.limits = &limits, .arena = &arena};
    size_t used = 0;
    const struct http1_error *error = NULL;
    switch (http1_read_request(&r, text, head, &used, &error)) {
    case HTTP1_MORE:
        return "more";
    case HTTP1_DONE:
        return "";
    case HTTP1_ERROR:
    default:
        return error->name;
    }
}

static const char *read_response(const char *method, struct str text, struct http1_head *head)
{
    struct http1_reader r = {.limits = &limits, .arena = &arena};
    size_t used = 0;
    const struct http1_error *error = NULL;
    switch (http1_read_response(&r, text, str_of(method), head, &used, &error)) {
    case HTTP1_MORE:
        return "more";
    case HTTP1_DONE:
        return "";
    case HTTP1_ERROR:
    default:
        return error->name;
    }
}

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
static void test_plain_request(void **state)
{
    (void)state;
    struct http1_head h;
    struct str text = STR("\r\nGET /a/b?c=d HTTP/1.1\r\nHost: ex.org:8080\r\nAccept: */*\r\n"
                          "X-Empty:\r\nX-Spaced: \t a b \t\r\nX-Text: caf\xc3\xa9\r\n\r\nREST");
    struct http1_reader r = {.limits = &limits, .arena = &arena};
    size_t used;
    const struct http1_error *error;
    assert_int_equal(http1_read_request(&r, text, &h, &used, &error), HTTP1_DONE);
    assert_int_equal(used, text.len - 4);
    assert_str(h.head.method, "GET");
    assert_str(h.head.scheme, "");
    assert_str(h.head.authority, "ex.org:8080");
    assert_str(h.head.target, "/a/b?c=d");
    assert_int_equal(h.head.version, HTTP_1_1);
    assert_int_equal(h.head.status, 0);
    assert_int_equal(h.head.fields.n, 4);
    assert_str(h.head.fields.v[0].name, "Accept");
    assert_str(h.head.fields.v[0].value, "*/*");
    assert_str(h.head.fields.v[1].value, "");
    assert_str(h.head.fields.v[2].value, "a b");
    assert_str(h.head.fields.v[3].value, "caf\xc3\xa9");
    assert_true(h.head.no_body);
    assert_int_equal(h.head.content_length, 0);
    assert_int_equal(h.framing, HTTP1_NO_BODY);
    assert_true(h.keep_alive);
}

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *scheme;
        const char *authority;
        const char *host;
        const char *target;
    } rows[] = {
        {TEXT("GET //a HTTP/1.1\r\nHost: h\r\n\r\n"), "", "h", "h", "//a"},
        {TEXT("GET /a{b}|\xff HTTP/1.1\r\nHost: h\r\n\r\n"), "", "h", "h", "/a{b}|\xff"},
        {TEXT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "", "", "", "/"},
        {TEXT("GET / HTTP/1.1\r\nHost: h:\r\n\r\n"), "", "h:", "h", "/"},
        {TEXT("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), "", "[::1]:80", "::1", "/"},
        {TEXT("GET / HTTP/1.1\r\nHost: a_b.c%41\r\n\r\n"), "", "a_b.c%41", "a_b.c%41", "/"},
        {TEXT("GET / HTTP/1.0\r\n\r\n"), "", "", "", "/"},
        {TEXT("GET / HTTP/1.0\r\nHost: h\r\n\r\n"), "", "h", "h", "/"},
        {TEXT("GET http://t/x?y HTTP/1.1\r\nHost: h\r\n\r\n"), "http", "t", "t", "/x?y"},
        {TEXT("GET http://t/x HTTP/1.0\r\n\r\n"), "http", "t", "t", "/x"},
        {TEXT("GET HTTPS://t:1 HTTP/1.1\r\nHost: h\r\n\r\n"), "https", "t:1", "t", "/"},
        {TEXT("GET http://t?q HTTP/1.1\r\nHost: h\r\n\r\n"), "http", "t", "t", "/?q"},
        {TEXT("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), "", "h", "h", "*"},
        {TEXT("OPTIONS http://t HTTP/1.1\r\nHost: h\r\n\r\n"), "http", "t", "t", "*"},
        {TEXT("OPTIONS http://t/ HTTP/1.1\r\nHost: h\r\n\r\n"), "http", "t", "t", "/"},
        {TEXT("CONNECT t:443 HTTP/1.1\r\nHost: h\r\n\r\n"), "", "t:443", "t", "t:443"},
        {TEXT("CONNECT [::1]:443 HTTP/1.1\r\nHost: h\r\n\r\n"), "", "[::1]:443", "::1",
         "[::1]:443"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http1_head h;
        assert_string_equal(read_request(rows[i].text, &h), "");
        assert_str(h.head.scheme, rows[i].scheme);
        assert_str(h.head.authority, rows[i].authority);
        assert_str(h.head.host, rows[i].host);
        assert_str(h.head.target, rows[i].target);
    }
}

static void test_request_framing(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        enum http1_framing framing;
        int64_t length;
        bool no_body;
    } rows[] = {
        {TEXT(POST "Content-Length: 3\r\n\r\n"), HTTP1_LENGTH, 3, false},
        {TEXT(POST "Content-Length: 003\r\n\r\n"), HTTP1_LENGTH, 3, false},
        {TEXT(POST "Content-Length:3 \t\r\n\r\n"), HTTP1_LENGTH, 3, false},
        {TEXT(POST "Content-Length: 9223372036854775807\r\n\r\n"), HTTP1_LENGTH, INT64_MAX, false},
        {TEXT(POST "Content-Length: 0\r\n\r\n"), HTTP1_NO_BODY, 0, true},
        {TEXT(POST "\r\n"), HTTP1_NO_BODY, 0, true},
        {TEXT(POST "Transfer-Encoding: chunked\r\n\r\n"), HTTP1_CHUNKED, -1, false},
        {TEXT(POST "transfer-encoding:\tChunked \r\n\r\n"), HTTP1_CHUNKED, -1, false},
        {TEXT(POST "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n"),
         HTTP1_CHUNKED, -1, false},
        {TEXT(POST "Connection: Content-Length, Host\r\nContent-Length: 3\r\n\r\n"), HTTP1_LENGTH,
         3, false},
        {TEXT("POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\n"), HTTP1_LENGTH, 3, false},
        {TEXT(GET "Host: a\r\nContent-Length: 3\r\n\r\n"), HTTP1_LENGTH, 3, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http1_head h;
        assert_string_equal(read_request(rows[i].text, &h), "");
        assert_int_equal(h.framing, rows[i].framing);
        assert_int_equal(h.head.content_length, rows[i].length);
        assert_int_equal(h.head.no_body, rows[i].no_body);
        assert_int_equal(h.head.fields.n, 0);
    }
}

static void test_keep_alive(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        bool keep_alive;
    } rows[] = {
        {TEXT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), true},
        {TEXT("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n"), false},
        {TEXT("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n"), false},
        {TEXT("GET / HTTP/1.1\r\nHost: a\r\nConnection: a\r\nConnection: close\r\n\r\n"), false},
        {TEXT("GET / HTTP/1.1\r\nHost: a\r\nConnection:\r\n\r\n"), true},
        {TEXT("GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n"), true},
        {TEXT("GET / HTTP/1.0\r\n\r\n"), false},
        {TEXT("GET / HTTP/1.0\r\nConnection: , Keep-Alive ,\r\n\r\n"), true},
        {TEXT("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http1_head h;
        assert_string_equal(read_request(rows[i].text, &h), "");
        assert_int_equal(h.keep_alive, rows[i].keep_alive);
        assert_int_equal(h.head.fields.n, 0);
    }
}

static void test_connection_fields(void **state)
{
    (void)state;
    struct http1_head h;
    assert_string_equal(read_request(STR("GET / HTTP/1.1\r\nHost: a\r\nX-Kept: 1\r\n"
                                         "Connection: X-Dropped, Cookie, host\r\n"
                                         "x-dropped: 1\r\nCookie: c\r\nX-DROPPED: 2\r\n"
                                         "X-Last: 3\r\n\r\n"),
                                     &h),
                        "");
    assert_int_equal(h.head.fields.n, 2);
    assert_str(h.head.fields.v[0].name, "X-Kept");
    assert_str(h.head.fields.v[1].name, "X-Last");
    assert_str(h.head.authority, "a");

    assert_string_equal(read_request(STR("GET / HTTP/1.1\r\nHost: a\r\nKeep-Alive: 5\r\n"
                                         "Proxy-Connection: close\r\nTE: gzip;q=0.5, Trailers\r\n"
                                         "Trailer: X\r\nProxy-Authorization: Basic x\r\n"
                                         "Proxy-Authenticate: x\r\nUpgrade: h2c\r\n\r\n"),
                                     &h),
                        "");
    assert_int_equal(h.head.fields.n, 1);
    assert_int_equal(h.head.fields.v[0].id, HTTP_FIELD_PROXY_AUTHENTICATE);
    assert_true(h.head.te_trailers);
    assert_str(h.head.upgrade, "");
    assert_false(h.head.expect_continue);
}

static void test_upgrade(void **state)
{
    (void)state;
    struct http1_head h;
    assert_string_equal(read_request(STR("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                                         "Connection: keep-alive, Upgrade\r\n\r\n"),
                                     &h),
                        "");
    assert_str(h.head.upgrade, "websocket");
    assert_true(h.keep_alive);
    assert_string_equal(
        read_request(STR("POST / HTTP/1.1\r\nHost: a\r\nUpgrade: a\r\nUpgrade: b\r\n"
                         "Content-Length: 3\r\nConnection: upgrade\r\n\r\n"),
                     &h),
        "");
    assert_str(h.head.upgrade, "a, b");
    assert_int_equal(h.framing, HTTP1_LENGTH);
    assert_string_equal(read_request(STR("GET / HTTP/1.0\r\nUpgrade: websocket\r\n"
                                         "Connection: Upgrade\r\n\r\n"),
                                     &h),
                        "");
    assert_str(h.head.upgrade, "");
}

static void test_expect(void **state)
{
    (void)state;
    struct http1_head h;
    assert_string_equal(
        read_request(STR(POST "Content-Length: 3\r\nExpect: 100-Continue\r\n\r\n"), &h), "");
    assert_true(h.head.expect_continue);
    assert_int_equal(h.head.fields.n, 0);
    assert_string_equal(read_request(STR(POST "Expect: 100-continue\r\n\r\n"), &h), "");
    assert_false(h.head.expect_continue);
    assert_string_equal(read_request(STR("POST / HTTP/1.0\r\nExpect: 100-continue\r\n"
                                         "Content-Length: 3\r\n\r\n"),
                                     &h),
                        "");
    assert_false(h.head.expect_continue);
}

/* Reads a request that is filled with n bytes of a, once at a time and once all at once. */
static const char *read_long(const char *before, size_t n, const char *after)
{
    static char text[4096];
    size_t len = strlen(before);
    memcpy(text, before, len);
    memset(text + len, 'a', n);
    len += n;
    memcpy(text + len, after, strlen(after));
    len += strlen(after);

    struct http1_head h;
    const char *whole = read_request((struct str){text, len}, &h);
    struct http1_reader r = {.limits = &limits, .arena = &arena};
    const struct http1_error *error = NULL;
    size_t used;
    enum http1_result result = HTTP1_MORE;
    for (size_t i = 0; i <= len && result == HTTP1_MORE; i++)
        result = http1_read_request(&r, (struct str){text, i}, &h, &used, &error);
    const char *slow = result == HTTP1_MORE ? "more" : "";
    if (result == HTTP1_ERROR)
        slow = error->name;
    assert_string_equal(slow, whole);
    return whole;
}

static void test_limits(void **state)
{
    (void)state;
    const char *end = " HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_string_equal(read_long("GET /", 200 - 5 - 9, end), "");
    assert_string_equal(read_long("GET /", 200 - 5 - 9 + 1, end), "http1.line_too_long");
    assert_string_equal(read_long("GET /", 200 - 5 - 9 + 2, end), "http1.line_too_long");
    assert_string_equal(read_long("GET /", 2000, end), "http1.line_too_long");
    assert_string_equal(read_long("", 2000, end), "http1.line_too_long");
    /* The line is judged before the syntax. */
    assert_string_equal(read_long("GET \t/", 2000, end), "http1.line_too_long");
    const char *begin = GET "Host: ";
    assert_string_equal(read_long(begin, 1000 - strlen(begin) - 4, "\r\n\r\n"), "");
    assert_string_equal(read_long(begin, 1000 - strlen(begin) - 3, "\r\n\r\n"),
                        "http1.head_too_large");
    assert_string_equal(read_long(begin, 1500, "\r\n\r\n"), "http1.head_too_large");
    assert_string_equal(read_long(begin, 1500, ""), "http1.head_too_large");
    assert_string_equal(read_long(begin, 900, ""), "more");
    struct http1_head h;
    assert_string_equal(read_request(STR(GET "Host: a\r\na: 1\r\na: 2\r\na: 3\r\na: 4\r\na: 5\r\n"
                                             "a: 6\r\na: 7\r\n\r\n"),
                                     &h),
                        "");
    assert_string_equal(read_request(STR(GET "Host: a\r\na: 1\r\na: 2\r\na: 3\r\na: 4\r\na: 5\r\n"
                                             "a: 6\r\na: 7\r\na: 8\r\n\r\n"),
                                     &h),
                        "http1.too_many_fields");
}

static void test_arena_limit(void **state)
{
    (void)state;
    struct arena small;
    arena_init(&small, 64);
    struct http1_reader r = {.limits = &limits, .arena = &small};
    struct http1_head h;
    size_t used;
    const struct http1_error *error = NULL;
    assert_int_equal(
        http1_read_request(&r, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), &h, &used, &error),
        HTTP1_ERROR);
    assert_ptr_equal(error, &http1_error_head_too_large);
    arena_finish(&small);
}

/* A request that comes in pieces, moved each time, with the next one behind it. */
static void test_every_split(void **state)
{
    (void)state;
    static const char text[] =
        "\r\nPOST /x HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 4\r\n\r\n"
        "\r\n\r\nGET / HTTP/1.1\r\n";
    size_t head_len = strlen(text) - strlen("\r\n\r\nGET / HTTP/1.1\r\n");
    for (size_t first = 0; first < strlen(text); first++) {
        struct http1_reader r = {.limits = &limits, .arena = &arena};
        struct http1_head h;
        size_t used = 0;
        const struct http1_error *error;
        enum http1_result expected = first < head_len ? HTTP1_MORE : HTTP1_DONE;
        assert_int_equal(http1_read_request(&r, (struct str){text, first}, &h, &used, &error),
                         expected);
        if (expected == HTTP1_MORE)
            assert_int_equal(http1_read_request(&r, str_of(text), &h, &used, &error), HTTP1_DONE);
        assert_int_equal(used, head_len);
        assert_int_equal(r.scanned, 0);
        assert_int_equal(h.head.content_length, 4);
    }
}

static void test_response_framing(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        struct str text;
        enum http1_framing framing;
        int64_t length;
        bool no_body;
        bool keep_alive;
    } rows[] = {
        {"GET", TEXT(OK_LINE "Content-Length: 3\r\n\r\n"), HTTP1_LENGTH, 3, false, true},
        {"GET", TEXT(OK_LINE "Content-Length: 0\r\n\r\n"), HTTP1_NO_BODY, 0, true, true},
        {"GET", TEXT(OK_LINE "Transfer-Encoding: chunked\r\n\r\n"), HTTP1_CHUNKED, -1, false, true},
        {"GET", TEXT(OK_LINE "\r\n"), HTTP1_UNTIL_CLOSE, -1, false, false},
        {"GET", TEXT(OK_LINE "Content-Length: 3\r\nConnection: close\r\n\r\n"), HTTP1_LENGTH, 3,
         false, false},
        {"GET", TEXT("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n"), HTTP1_LENGTH, 3, false,
         false},
        {"GET",
         TEXT("HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n"
              "Keep-Alive: 5\r\n\r\n"),
         HTTP1_LENGTH, 3, false, true},
        {"HEAD", TEXT(OK_LINE "Content-Length: 3\r\n\r\n"), HTTP1_NO_BODY, 3, true, true},
        {"HEAD", TEXT(OK_LINE "Transfer-Encoding: chunked\r\n\r\n"), HTTP1_NO_BODY, -1, true, true},
        {"HEAD", TEXT(OK_LINE "\r\n"), HTTP1_NO_BODY, -1, true, true},
        {"GET", TEXT("HTTP/1.1 304 \r\nContent-Length: 3\r\n\r\n"), HTTP1_NO_BODY, 3, true, true},
        {"GET", TEXT("HTTP/1.1 304\r\n\r\n"), HTTP1_NO_BODY, -1, true, true},
        {"GET", TEXT("HTTP/1.1 204 x\r\n\r\n"), HTTP1_NO_BODY, 0, true, true},
        {"GET", TEXT("HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n"), HTTP1_NO_BODY, 0, true, true},
        {"GET", TEXT("HTTP/1.1 204 x\r\nContent-Length: 3\r\n\r\n"), HTTP1_NO_BODY, 0, true, false},
        {"GET", TEXT("HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n"), HTTP1_NO_BODY, 0,
         true, false},
        {"GET", TEXT("HTTP/1.1 100 Continue\r\n\r\n"), HTTP1_NO_BODY, 0, true, true},
        {"CONNECT", TEXT(OK_LINE "Content-Length: 3\r\n\r\n"), HTTP1_TUNNEL, -1, false, false},
        {"CONNECT", TEXT("HTTP/1.1 403 x\r\nContent-Length: 3\r\n\r\n"), HTTP1_LENGTH, 3, false,
         true},
        {"GET",
         TEXT("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
              "Content-Length: 0\r\n\r\n"),
         HTTP1_TUNNEL, -1, false, false},
        {"GET", TEXT("HTTP/1.1 999 \xff\r\nContent-Length: 3\r\n\r\n"), HTTP1_LENGTH, 3, false,
         true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http1_head h;
        assert_string_equal(read_response(rows[i].method, rows[i].text, &h), "");
        assert_int_equal(h.framing, rows[i].framing);
        assert_int_equal(h.head.content_length, rows[i].length);
        assert_int_equal(h.head.no_body, rows[i].no_body);
        assert_int_equal(h.keep_alive, rows[i].keep_alive);
        assert_int_equal(h.head.fields.n, 0);
    }
}

static void test_response_head(void **state)
{
    (void)state;
    struct http1_head h;
    assert_string_equal(read_response("GET",
                                      STR("HTTP/1.1 404 Not  Found\r\nServer: s\r\nHost: x\r\n"
                                          "Host: y\r\nProxy-Authenticate: p\r\nExpect: z\r\n"
                                          "Set-Cookie: a\r\nSet-Cookie: b\r\n\r\n"),
                                      &h),
                        "");
    assert_int_equal(h.head.status, 404);
    assert_str(h.head.reason, "Not  Found");
    assert_str(h.head.method, "");
    assert_int_equal(h.head.fields.n, 3);
    assert_str(h.head.fields.v[2].value, "b");
    assert_string_equal(read_response("GET",
                                      STR("HTTP/1.1 101 x\r\nConnection: upgrade\r\n"
                                          "Upgrade: websocket\r\n\r\n"),
                                      &h),
                        "");
    assert_str(h.head.upgrade, "websocket");
    assert_string_equal(read_response("GET", STR(OK_LINE "Content-Le"), &h), "more");
    assert_string_equal(read_response("GET", STR(""), &h), "more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_targets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request_framing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keep_alive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connection_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_upgrade, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expect, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arena_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_split, setup, teardown),
        cmocka_unit_test_setup_teardown(test_response_framing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_response_head, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
