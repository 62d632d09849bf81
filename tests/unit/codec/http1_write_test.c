#include "base/container.h"
#include "codec/http1_write.h"
#include "testing.h"

static struct arena arena;
static struct buf out;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 64 * 1024);
    buf_init(&out, 4096);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    buf_finish(&out);
    return 0;
}

static struct http_head request(const char *method)
{
    return (struct http_head){
        .method = str_of(method),
        .authority = STR("a:80"),
        .target = STR("/x?y"),
        .no_body = true,
    };
}

static struct http_head response(uint16_t status)
{
    return (struct http_head){.status = status, .content_length = HTTP_LENGTH_UNKNOWN};
}

static const struct http1_send keep = {.keep_alive = true};
static const struct http1_send last = {.keep_alive = false};
static const struct http1_send chunked = {.keep_alive = true, .chunked = true};

static void assert_request(const struct http_head *head, const struct http1_send *how,
                           const char *expected)
{
    buf_clear(&out);
    assert_true(http1_write_request(&out, head, how));
    assert_str(buf_str(&out), expected);
}

static void assert_response(const struct http_head *head, const struct http1_send *how,
                            const char *expected)
{
    buf_clear(&out);
    assert_true(http1_write_response(&out, head, how));
    assert_str(buf_str(&out), expected);
}

static void test_requests(void **state)
{
    (void)state;
    struct http_head h = request("GET");
    assert_request(&h, &keep, "GET /x?y HTTP/1.1\r\nHost: a:80\r\n\r\n");
    assert_request(&h, &last, "GET /x?y HTTP/1.1\r\nHost: a:80\r\nConnection: close\r\n\r\n");
    assert_request(&h, &chunked, "GET /x?y HTTP/1.1\r\nHost: a:80\r\n\r\n");
    h.authority = STR("");
    h.target = STR("*");
    h.method = STR("OPTIONS");
    assert_request(&h, &keep, "OPTIONS * HTTP/1.1\r\nHost: \r\n\r\n");

    const char *telling[] = {"POST", "PUT", "PATCH"};
    for (size_t i = 0; i < ARRAY_LEN(telling); i++) {
        char expected[100];
        (void)snprintf(expected, sizeof(expected),
                       "%s /x?y HTTP/1.1\r\nHost: a:80\r\nContent-Length: 0\r\n\r\n", telling[i]);
        h = request(telling[i]);
        assert_request(&h, &keep, expected);
    }
    h = request("DELETE");
    assert_request(&h, &keep, "DELETE /x?y HTTP/1.1\r\nHost: a:80\r\n\r\n");
    h.no_body = false;
    h.content_length = INT64_MAX;
    h.expect_continue = true;
    assert_request(&h, &keep,
                   "DELETE /x?y HTTP/1.1\r\nHost: a:80\r\n"
                   "Content-Length: 9223372036854775807\r\nExpect: 100-continue\r\n\r\n");
    h.expect_continue = false;
    assert_request(&h, &chunked,
                   "DELETE /x?y HTTP/1.1\r\nHost: a:80\r\nTransfer-Encoding: chunked\r\n\r\n");
}

static void test_request_connection(void **state)
{
    (void)state;
    struct http_head h = request("GET");
    h.te_trailers = true;
    assert_request(&h, &keep,
                   "GET /x?y HTTP/1.1\r\nHost: a:80\r\nConnection: TE\r\nTE: trailers\r\n\r\n");
    h.upgrade = STR("websocket");
    assert_request(&h, &last,
                   "GET /x?y HTTP/1.1\r\nHost: a:80\r\nConnection: close, upgrade, TE\r\n"
                   "Upgrade: websocket\r\nTE: trailers\r\n\r\n");
    h.te_trailers = false;
    assert_request(&h, &keep,
                   "GET /x?y HTTP/1.1\r\nHost: a:80\r\nConnection: upgrade\r\n"
                   "Upgrade: websocket\r\n\r\n");
}

static void test_fields(void **state)
{
    (void)state;
    struct http_head h = request("GET");
    const char *const skipped[] = {
        "host",       "Connection", "CONTENT-LENGTH",    "expect",          "te", "trailer",
        "keep-alive", "upgrade",    "transfer-encoding", "proxy-connection"};
    assert_true(http_head_add(&h.fields, &arena, STR("X-First"), STR("a\tb \xc3\xa9")));
    for (size_t i = 0; i < ARRAY_LEN(skipped); i++)
        assert_true(http_head_add(&h.fields, &arena, str_of(skipped[i]), STR("5")));
    assert_true(http_head_add(&h.fields, &arena, STR("x-last"), STR("")));
    assert_request(&h, &keep,
                   "GET /x?y HTTP/1.1\r\nHost: a:80\r\nX-First: a\tb \xc3\xa9\r\nx-last: \r\n\r\n");
}

static void assert_refused(const struct http_head *head)
{
    buf_clear(&out);
    assert_true(buf_add(&out, STR("before")));
    if (head->status != 0)
        assert_false(http1_write_response(&out, head, &keep));
    else
        assert_false(http1_write_request(&out, head, &keep));
    assert_str(buf_str(&out), "before");
}

static void test_injections(void **state)
{
    (void)state;
    const struct str bad_values[] = {STR("a\r\nb: c"),  STR("a\nb"), STR("a\rb"), STR("\0"),
                                     STR("12345678\n"), STR("\x7f"), STR("\x0b"), STR("\n")};
    for (size_t i = 0; i < ARRAY_LEN(bad_values); i++) {
        struct http_head h = request("GET");
        assert_true(http_head_add(&h.fields, &arena, STR("X"), bad_values[i]));
        assert_refused(&h);
        h = response(200);
        assert_true(http_head_add(&h.fields, &arena, STR("X"), bad_values[i]));
        assert_refused(&h);
        h = request("GET");
        h.target = bad_values[i];
        assert_refused(&h);
        h = request("GET");
        h.authority = bad_values[i];
        assert_refused(&h);
        h = request("GET");
        h.upgrade = bad_values[i];
        assert_refused(&h);
        h = request("GET");
        h.method = bad_values[i];
        assert_refused(&h);
        h = response(200);
        h.reason = bad_values[i];
        assert_refused(&h);
        h = response(101);
        h.upgrade = bad_values[i];
        assert_refused(&h);
    }
    const struct str bad_names[] = {STR(""),     STR("a b"),      STR("a:"), STR("a\r\nb"),
                                    STR("a\nb"), STR("\xc3\xa9"), STR("a\0")};
    for (size_t i = 0; i < ARRAY_LEN(bad_names); i++) {
        struct http_head h = request("GET");
        assert_true(http_head_add(&h.fields, &arena, bad_names[i], STR("x")));
        assert_refused(&h);
        h = request("GET");
        h.method = bad_names[i];
        assert_refused(&h);
    }
    struct http_head h = request("GET");
    h.target = STR("/a b");
    assert_refused(&h);
    h.target = STR("");
    assert_refused(&h);
    h = request("POST");
    h.no_body = false;
    h.content_length = HTTP_LENGTH_UNKNOWN;
    assert_refused(&h);
    h = response(1000);
    assert_refused(&h);
    h = response(99);
    assert_refused(&h);
    h = response(101);
    assert_refused(&h);
}

static void test_responses(void **state)
{
    (void)state;
    const struct http1_send keep_1_0 = {.keep_alive = true, .peer_version = HTTP_1_0};
    const struct http1_send last_1_0 = {.peer_version = HTTP_1_0};
    struct http_head h = response(200);
    assert_response(&h, &last, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    assert_response(&h, &last_1_0, "HTTP/1.1 200 OK\r\n\r\n");
    assert_response(&h, &chunked, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    h.content_length = 12;
    assert_response(&h, &keep, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n");
    assert_response(&h, &keep_1_0,
                    "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\n");
    h.no_body = true; /* to HEAD */
    assert_response(&h, &chunked, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n");
    h.content_length = HTTP_LENGTH_UNKNOWN;
    assert_response(&h, &keep, "HTTP/1.1 200 OK\r\n\r\n");

    h = response(304);
    h.no_body = true;
    assert_response(&h, &keep, "HTTP/1.1 304 Not Modified\r\n\r\n");
    h.content_length = 5;
    assert_response(&h, &keep, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
    h.status = 204;
    assert_response(&h, &last, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    h.status = 100;
    assert_response(&h, &last, "HTTP/1.1 100 Continue\r\n\r\n");
    h.status = 101;
    h.upgrade = STR("websocket");
    assert_response(&h, &last,
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                    "Upgrade: websocket\r\n\r\n");
    h = response(299);
    h.content_length = 0;
    assert_response(&h, &keep, "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
    h.reason = STR("caf\xc3\xa9");
    assert_true(http_head_add(&h.fields, &arena, STR("Expect"), STR("x")));
    assert_response(&h, &keep,
                    "HTTP/1.1 299 caf\xc3\xa9\r\nExpect: x\r\nContent-Length: 0\r\n\r\n");
}

static void test_chunks(void **state)
{
    (void)state;
    assert_true(http1_write_chunk_start(&out, 1));
    assert_true(http1_write_chunk_end(&out));
    assert_true(http1_write_chunk_start(&out, 0xabcdef0123456789));
    assert_true(http1_write_last_chunk(&out, NULL));
    assert_str(buf_str(&out), "1\r\n\r\nabcdef0123456789\r\n0\r\n\r\n");
    buf_clear(&out);
    struct http_fields trailers = {0};
    assert_true(http_head_add(&trailers, &arena, STR("A"), STR("b")));
    assert_true(http_head_add(&trailers, &arena, STR("Content-Length"), STR("5")));
    assert_true(http1_write_last_chunk(&out, &trailers));
    assert_str(buf_str(&out), "0\r\nA: b\r\n\r\n");
    buf_clear(&out);
    assert_true(http_head_add(&trailers, &arena, STR("A"), STR("b\r\n")));
    assert_false(http1_write_last_chunk(&out, &trailers));
    assert_int_equal(out.len, 0);
}

static void test_maximum(void **state)
{
    (void)state;
    struct buf small;
    struct http_head h = request("GET");
    buf_init(&small, 1);
    assert_false(http1_write_request(&small, &h, &keep));
    h = response(200);
    assert_false(http1_write_response(&small, &h, &keep));
    assert_false(http1_write_chunk_start(&small, 1));
    assert_false(http1_write_chunk_end(&small));
    assert_false(http1_write_last_chunk(&small, NULL));
    assert_int_equal(small.len, 0);
    buf_finish(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_injections, setup, teardown),
        cmocka_unit_test_setup_teardown(test_responses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chunks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_maximum, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
