/* What the server side demands of clients before and while it serves them: a PROXY header, bodies that come. */
#include "http/server_fixture.h"

static void test_proxy_header(void **state)
{
    static const char *const headers[] = {"PROXY TCP4 192.0.2.9 198.51.100.1 4711 80\r\n",
                                          "PROXY TCP6 2001:DB8::9 ::1 4711 80\r\n"};
    static const char *const addresses[] = {"192.0.2.9", "2001:db8::9"};
    (void)state;
    options.proxy_protocol = true;
    for (int i = 0; i < 2; i++) {
        handler = NULL;
        connect_peer(&client);
        for (const char *p = headers[i]; *p != '\0'; p++) {
            peer_write(&client, (struct str){p, 1});
            peer_turns(1);
        }
        peer_text(&client, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
        until(requests == 2 * i + 1);
        assert_string_equal(owners[2 * i].x->peer.address, addresses[i]);
        assert_int_equal(owners[2 * i].x->peer.port, 4711);
        hello(owners[2 * i].x);
        until(peer_has(&client, "hello"));
        peer_text(&client, "GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
        until(requests == 2 * i + 2);
        assert_string_equal(owners[2 * i + 1].x->peer.address, addresses[i]);
        hello(owners[2 * i + 1].x);
        until(owners[2 * i + 1].x == NULL);
        peer_finish(&client);
    }
}

static void test_proxy_header_without_address(void **state)
{
    (void)state;
    options.proxy_protocol = true;
    connect_peer(&client);
    handler = NULL;
    peer_text(&client, "PROXY UNKNOWN\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    assert_string_equal(owners[0].x->peer.address, "127.0.0.1");
    hello(owners[0].x);
    until(owners[0].x == NULL);
}

/* What does not begin with a header, or not in time, is closed without a word. */
static void test_no_proxy_header(void **state)
{
    static const char *const starts[] = {"GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "PROXY TCP4 ", "",
                                         "PROXY TCP9 1.2.3.4 1.2.3.4 1 2\r\n"};
    (void)state;
    options.proxy_protocol = true;
    options.header_timeout_ms = 20;
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        connect_peer(&client);
        peer_text(&client, starts[i]);
        until(peer_closed(&client));
        assert_int_equal(client.got.len, 0);
        peer_finish(&client);
    }
    assert_int_equal(requests, 0);
}

static void test_drain_before_the_proxy_header(void **state)
{
    (void)state;
    options.proxy_protocol = true;
    connect_peer(&client);
    peer_turns(2);
    http_server_drain(server, NULL, NULL);
    until(peer_closed(&client));
}

static void begin_upload(void)
{
    handler = NULL;
    options.idle_timeout_ms = 200;
    options.body_rate_min = 1000 * 1000;
    connect_peer(&client);
    peer_text(&client, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
    until(requests == 1);
}

/* A byte now and then passes the idle timeout but not the rate. */
static void test_trickled_body(void **state)
{
    (void)state;
    begin_upload();
    exchange_grant(owners[0].x, 100000);
    const uint64_t start = now_mono_ns();
    until((peer_write(&client, STR("x")), owners[0].x == NULL));
    assert_true(now_mono_ns() - start >= 150 * 1000000ULL);
    assert_true(owners[0].reset && owners[0].why.code == EXCHANGE_TIMEOUT);
    until(peer_closed(&client));
    assert_true(peer_has(&client, "HTTP/1.1 408 "));
}

/* While nothing is asked of the client it is not late. */
static void test_body_that_is_not_asked_for(void **state)
{
    (void)state;
    begin_upload();
    const uint64_t start = now_mono_ns();
    until(now_mono_ns() - start > 400 * 1000000ULL);
    assert_non_null(owners[0].x);
    hello(owners[0].x);
    until(peer_has(&client, "hello"));
}

/* What is left of a body after the response has one idle time to come, however it comes. */
static void test_trickled_rest(void **state)
{
    (void)state;
    handler = hello;
    options.idle_timeout_ms = 200;
    connect_peer(&client);
    peer_text(&client, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
    until(peer_has(&client, "hello"));
    const uint64_t start = now_mono_ns();
    const uint64_t end = start + 5000 * 1000000ULL;
    struct http_server_stats s;
    uint64_t next = 0;
    until((now_mono_ns() > next ? (peer_write(&client, STR("x")), next = now_mono_ns() + 20000000)
                                : 0,
           http_server_stats_get(server, &s), s.connections == 0));
    assert_true(now_mono_ns() < end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_proxy_header),    T(test_proxy_header_without_address),
        T(test_no_proxy_header), T(test_drain_before_the_proxy_header),
        T(test_trickled_body),   T(test_body_that_is_not_asked_for),
        T(test_trickled_rest),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
