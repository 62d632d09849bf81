/* The server side over real sockets: http_server.c and h1_server.c. */
#include "http/server_fixture.h"

static struct http_server_stats stats(void)
{
    struct http_server_stats s;
    http_server_stats_get(server, &s);
    return s;
}

static size_t count(const struct peer *p, const char *text)
{
    size_t n = 0;
    struct str s = buf_str(&p->got);
    const struct str t = str_of(text);
    while (s.len >= t.len) {
        if (str_starts(s, t))
            n++;
        s = str_skip(s, 1);
    }
    return n;
}

static void test_keeps_alive(void **state)
{
    (void)state;
    connect_peer(&client);
    for (int i = 0; i < 3; i++) {
        peer_text(&client, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
        until(peer_has(&client, "\r\n\r\nhello"));
        until(owners[i].x == NULL);
        assert_false(peer_has(&client, "Connection:"));
        assert_true(peer_has(&client, "HTTP/1.1 200 OK\r\n"));
        assert_true(peer_has(&client, "Content-Length: 5\r\n"));
        assert_true(peer_has(&client, "Date: "));
        buf_clear(&client.got);
    }
    assert_int_equal(stats().accepted, 1);
    assert_int_equal(stats().requests, 3);
    assert_int_equal(stats().connections, 1);
    assert_int_equal(stats().exchanges, 0);
}

static void test_peer_address(void **state)
{
    (void)state;
    handler = NULL;
    connect_peer(&client);
    peer_text(&client, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    assert_string_equal(owners[0].x->peer.address, "127.0.0.1");
    assert_true(owners[0].x->peer.port != 0);
    assert_true(owners[0].x->end_received);
    hello(owners[0].x);
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "done\n");
}

static void test_version_1_0(void **state)
{
    (void)state;
    connect_peer(&client);
    peer_text(&client, "GET /a HTTP/1.0\r\n\r\n");
    until(peer_closed(&client));
    assert_int_equal(client.error, 0);
    assert_true(peer_has(&client, "hello"));
    peer_finish(&client);

    connect_peer(&client);
    peer_text(&client, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    until(peer_has(&client, "hello"));
    assert_true(peer_has(&client, "Connection: keep-alive"));
    peer_text(&client, "GET /b HTTP/1.0\r\n\r\n");
    until(peer_closed(&client));
    assert_str(buf_str(&seen), "GET /a\nGET /a\nGET /b\n");
}

static void stream(struct exchange *x)
{
    const struct http_head head = {.status = 200, .content_length = HTTP_LENGTH_UNKNOWN};
    struct http_field f = {STR("X-Sum"), STR("7"), HTTP_FIELD_OTHER};
    const struct http_fields trailers = {.v = &f, .n = 1, .cap = 1};
    exchange_send_head(x, &head);
    exchange_send_data(x, STR("abc"));
    exchange_send_data(x, STR("defghijklmnopqrst"));
    exchange_send_end(x, &trailers);
}

static void test_unknown_length(void **state)
{
    (void)state;
    handler = stream;
    connect_peer(&client);
    peer_text(&client, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    until(peer_has(&client, "0\r\n"));
    until(owners[0].x == NULL);
    assert_true(peer_has(&client, "Transfer-Encoding: chunked\r\n"));
    assert_true(
        peer_has(&client, "\r\n\r\n3\r\nabc\r\n11\r\ndefghijklmnopqrst\r\n0\r\nX-Sum: 7\r\n\r\n"));
    buf_clear(&client.got);
    peer_text(&client, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    until(peer_closed(&client));
    assert_false(peer_has(&client, "chunked"));
    assert_true(peer_has(&client, "\r\n\r\nabcdefghijklmnopqrst"));
    assert_int_equal(client.error, 0);
}

static void test_close_by_client_option(void **state)
{
    (void)state;
    connect_peer(&client);
    peer_text(&client, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    until(peer_closed(&client));
    assert_int_equal(client.error, 0);
    assert_true(peer_has(&client, "Connection: close\r\n"));
    assert_true(peer_has(&client, "hello"));
}

static void test_pipelining_keeps_order(void **state)
{
    (void)state;
    handler = NULL;
    connect_peer(&client);
    peer_text(&client, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\n"
                       "Content-Length: 3\r\n\r\nxyzGET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    peer_turns(5);
    assert_int_equal(requests, 1);
    hello(owners[0].x);
    until(requests == 2);
    exchange_grant(owners[1].x, 100);
    until(owners[1].ended);
    assert_str(buf_str(&owners[1].data), "xyz");
    assert_int_equal(requests, 2);
    hello(owners[1].x);
    until(requests == 3);
    hello(owners[2].x);
    until(owners[2].x == NULL);
    until(peer_has(&client, "hello") && count(&client, "HTTP/1.1 200") == 3);
    assert_str(buf_str(&seen), "GET /1\nPOST /2\nGET /3\n");
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    handler = NULL;
    connect_peer(&client);
    const struct str text = STR("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: 1\r\n\r\n");
    for (size_t i = 0; i < text.len; i++) {
        peer_write(&client, str_slice(text, i, i + 1));
        loop_turn(loop, true);
        if (requests == 1 && owners[0].data.len == 0)
            exchange_grant(owners[0].x, 1);
        else if (requests == 1)
            exchange_grant(owners[0].x, 10);
    }
    until(owners[0].ended);
    assert_str(buf_str(&owners[0].data), "abcde");
    assert_str(buf_str(&owners[0].log), "end\ntrailer X-T: 1\n");
    hello(owners[0].x);
    until(owners[0].x == NULL);
    until(peer_has(&client, "hello"));
}

static void test_no_body_responses(void **state)
{
    (void)state;
    connect_peer(&client);
    peer_text(&client, "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
    until(owners[0].x == NULL && requests == 1);
    until(peer_has(&client, "Content-Length: 5\r\n"));
    assert_true(str_ends(buf_str(&client.got), STR("\r\n\r\n")));
    buf_clear(&client.got);

    handler = NULL;
    peer_text(&client, "GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 2);
    const struct http_head none = {.status = 204, .content_length = HTTP_LENGTH_UNKNOWN};
    exchange_send_head(owners[1].x, &none);
    exchange_send_data(owners[1].x, STR("dropped"));
    exchange_send_end(owners[1].x, NULL);
    until(owners[1].x == NULL);
    until(peer_has(&client, "HTTP/1.1 204 No Content\r\n"));
    assert_false(peer_has(&client, "dropped"));
    assert_false(peer_has(&client, "chunked"));
    buf_clear(&client.got);

    peer_text(&client, "GET /c HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 3);
    exchange_respond(owners[2].x, 304, NULL, STR(""), STR("dropped"));
    until(owners[2].x == NULL);
    until(peer_has(&client, "HTTP/1.1 304 "));
    assert_false(peer_has(&client, "dropped"));
}

static void test_expect_continue(void **state)
{
    (void)state;
    handler = NULL;
    connect_peer(&client);
    peer_text(&client, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                       "Expect: 100-continue\r\n\r\n");
    until(requests == 1);
    peer_turns(5);
    assert_false(peer_has(&client, "100"));
    exchange_grant(owners[0].x, 1);
    until(peer_has(&client, "HTTP/1.1 100 Continue\r\n\r\n"));
    exchange_grant(owners[0].x, 9);
    peer_text(&client, "xyz");
    until(owners[0].ended);
    assert_int_equal(count(&client, "100 Continue"), 1);
    hello(owners[0].x);
    until(peer_has(&client, "hello"));
    until(owners[0].x == NULL);
    assert_false(peer_closed(&client));

    /* Refused without the 100: what the client does now is open, so the connection ends. */
    buf_clear(&client.got);
    peer_text(&client, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                       "Expect: 100-continue\r\n\r\n");
    until(requests == 2);
    exchange_respond(owners[1].x, 413, NULL, STR(""), STR(""));
    until(peer_closed(&client));
    assert_true(peer_has(&client, "Connection: close"));
    assert_int_equal(client.error, 0);
}

static void test_interim_responses(void **state)
{
    (void)state;
    handler = NULL;
    struct http_field link = {STR("Link"), STR("</s.css>"), HTTP_FIELD_OTHER};
    const struct http_head early = {.status = 103, .fields = {.v = &link, .n = 1, .cap = 1}};
    connect_peer(&client);
    peer_text(&client, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    exchange_send_info(owners[0].x, &early);
    until(peer_has(&client, "HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\n"));
    hello(owners[0].x);
    until(peer_has(&client, "hello"));
    until(owners[0].x == NULL);
    peer_text(&client, "GET /a HTTP/1.0\r\n\r\n");
    until(requests == 2);
    exchange_send_info(owners[1].x, &early);
    hello(owners[1].x);
    until(peer_closed(&client));
    assert_int_equal(count(&client, "103"), 1);
}

static void test_slow_reader_bounds_memory(void **state)
{
    (void)state;
    handler = NULL;
    connect_peer(&client);
    peer_text(&client, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    enum { PIECE = 10000, TOTAL = 20000000 };
    static char piece[PIECE];
    memset(piece, 'x', sizeof(piece));
    const struct http_head head = {.status = 200, .content_length = TOTAL};
    struct exchange *x = owners[0].x;
    exchange_send_head(x, &head);
    size_t sent = 0;
    while (exchange_room(x) > 0) {
        exchange_send_data(x, (struct str){piece, PIECE});
        sent += PIECE;
        loop_turn(loop, true);
        assert_true(sent < TOTAL);
    }
    peer_turns(5);
    assert_int_equal(exchange_room(x), 0);
    assert_int_equal(owners[0].rooms, 0);

    until((peer_read(&client, SIZE_MAX), owners[0].rooms == 1));
    while (sent < TOTAL) {
        if (exchange_room(x) > 0) {
            exchange_send_data(x, (struct str){piece, PIECE});
            sent += PIECE;
        }
        (void)peer_read(&client, SIZE_MAX);
        loop_turn(loop, false);
    }
    exchange_send_end(x, NULL);
    until((peer_read(&client, SIZE_MAX), client.got.len > TOTAL && owners[0].x == NULL));
    assert_true(str_ends(buf_str(&client.got), STR("xxxx")));
    assert_str(buf_str(&owners[0].log), "done\n");
}

static void test_credit_stops_the_sender(void **state)
{
    (void)state;
    handler = NULL;
    connect_peer(&client);
    enum { TOTAL = 30000000 };
    peer_text(&client, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 30000000\r\n\r\n");
    static char piece[100000];
    size_t sent = 0;
    int idle = 0;
    while (idle < 20) {
        ssize_t n = send(client.fd, piece, sizeof(piece), MSG_NOSIGNAL);
        idle = n > 0 ? 0 : idle + 1;
        sent += n > 0 ? (size_t)n : 0;
        loop_turn(loop, true);
        assert_true(sent < TOTAL);
    }
    assert_int_equal(owners[0].data.len, 0);
    exchange_grant(owners[0].x, 1000);
    until(owners[0].data.len == 1000);
    peer_turns(5);
    assert_int_equal(owners[0].data.len, 1000);

    owners[0].auto_grant = true;
    exchange_grant(owners[0].x, 65536);
    while (sent < TOTAL) {
        const size_t n = TOTAL - sent < sizeof(piece) ? TOTAL - sent : sizeof(piece);
        peer_write(&client, (struct str){piece, n});
        sent += n;
        loop_turn(loop, false);
    }
    until(owners[0].ended);
    assert_int_equal(owners[0].data.len, TOTAL);
    hello(owners[0].x);
    until(peer_has(&client, "hello"));
}

static void test_unread_body_is_drained(void **state)
{
    (void)state;
    connect_peer(&client);
    static char body[20000];
    memset(body, 'b', sizeof(body));
    peer_text(&client, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n");
    until(peer_has(&client, "hello"));
    assert_null(owners[0].x);
    peer_write(&client, (struct str){body, sizeof(body)});
    peer_text(&client, "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
    until(requests == 2);
    peer_text(&client, "cde\r\n0\r\nT: 1\r\n\r\nGET /c HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 3);
    until(peer_has(&client, "hello") && count(&client, "HTTP/1.1 200") == 3);

    /* Too much: the connection ends, but the client can read the response. */
    buf_clear(&client.got);
    peer_text(&client,
              "POST /d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n");
    until(requests == 4);
    for (int i = 0; i < 5; i++)
        peer_write(&client, (struct str){body, sizeof(body)});
    until(peer_closed(&client));
    assert_int_equal(client.error, 0);
    assert_true(peer_has(&client, "hello"));
}

static void test_long_unread_body_closes(void **state)
{
    (void)state;
    connect_peer(&client);
    static char body[500000];
    peer_text(&client, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n");
    peer_write(&client, (struct str){body, sizeof(body)});
    until(peer_closed(&client));
    assert_int_equal(client.error, 0);
    assert_true(peer_has(&client, "Connection: close\r\n"));
    assert_true(peer_has(&client, "hello"));
}

static void test_bad_requests_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *status;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
        {"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\nHost: h\n\n", "HTTP/1.1 400 "},
        {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", "HTTP/1.1 505 "},
        {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         "HTTP/1.1 400 "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        connect_peer(&client);
        peer_text(&client, rows[i].text);
        until(peer_closed(&client));
        assert_int_equal(client.error, 0);
        assert_true(str_starts(buf_str(&client.got), str_of(rows[i].status)));
        assert_true(peer_has(&client, "Connection: close\r\n"));
        assert_true(peer_has(&client, "{\"error\":\""));
        peer_finish(&client);
    }
    assert_int_equal(requests, 0);
    assert_int_equal(stats().refused, ARRAY_LEN(rows));

    connect_peer(&client);
    static char target[20000];
    memset(target, 'a', sizeof(target));
    memcpy(target, "GET /", 5);
    peer_write(&client, (struct str){target, sizeof(target)});
    until(peer_closed(&client));
    assert_true(peer_has(&client, "HTTP/1.1 414 "));
    peer_finish(&client);

    connect_peer(&client);
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 4; i++) {
        peer_text(&client, "A: ");
        peer_write(&client, (struct str){target, sizeof(target)});
        peer_text(&client, "\r\n");
    }
    until(peer_closed(&client));
    assert_true(peer_has(&client, "HTTP/1.1 431 "));
}

static void test_bad_body(void **state)
{
    (void)state;
    handler = NULL;
    connect_peer(&client);
    peer_text(&client, "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    until(requests == 1 && owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "reset PROTOCOL\ndone\n");
    until(peer_closed(&client));
    assert_true(peer_has(&client, "HTTP/1.1 400 "));
}

static void test_timeouts(void **state)
{
    (void)state;
    options.header_timeout_ms = 20;
    options.idle_timeout_ms = 20;
    handler = NULL;

    connect_peer(&client); /* not a byte: closed without a word */
    until(peer_closed(&client));
    assert_int_equal(client.got.len, 0);
    peer_finish(&client);

    connect_peer(&client); /* half a head */
    peer_text(&client, "GET / HTT");
    until(peer_closed(&client));
    assert_true(peer_has(&client, "HTTP/1.1 408 "));
    peer_finish(&client);

    connect_peer(&client); /* half a body that the owner wants */
    peer_text(&client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    until(requests == 1);
    exchange_grant(owners[0].x, 100);
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "reset TIMEOUT\ndone\n");
    until(peer_closed(&client));
    assert_true(peer_has(&client, "HTTP/1.1 408 "));
    peer_finish(&client);

    connect_peer(&client); /* the owner is slow: nobody else's fault; then idle: closed */
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 2);
    const uint64_t begin = now_mono_ns();
    until(now_mono_ns() - begin > 80000000);
    assert_non_null(owners[1].x);
    hello(owners[1].x);
    until(peer_closed(&client));
    assert_true(peer_has(&client, "hello"));
    assert_int_equal(client.error, 0);
}

static void test_reader_that_never_reads(void **state)
{
    (void)state;
    options.idle_timeout_ms = 50;
    handler = NULL;
    connect_peer(&client);
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    static char big[8000000];
    exchange_respond(owners[0].x, 200, NULL, STR(""), (struct str){big, sizeof(big)});
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "reset TIMEOUT\ndone\n");
}

static void test_client_resets(void **state)
{
    (void)state;
    handler = NULL;
    connect_peer(&client);
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    peer_abort(&client);
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "reset PEER_RESET\ndone\n");

    connect_peer(&client);
    peer_text(&client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    until(requests == 2);
    peer_finish(&client);
    until(owners[1].x == NULL);
    assert_str(buf_str(&owners[1].log), "reset PEER_CLOSED\ndone\n");
}

static void test_half_close(void **state)
{
    (void)state;
    handler = NULL;
    connect_peer(&client);
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    until(requests == 1);
    peer_turns(5);
    assert_non_null(owners[0].x);
    hello(owners[0].x);
    until(peer_closed(&client));
    assert_int_equal(client.error, 0);
    assert_true(peer_has(&client, "hello"));
    assert_true(peer_has(&client, "Connection: close"));
}

static void test_half_close_behind_pipelined_requests(void **state)
{
    (void)state;
    connect_peer(&client);
    peer_text(&client, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\n"
                       "Content-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    until(peer_closed(&client));
    assert_int_equal(client.error, 0);
    assert_int_equal(count(&client, "HTTP/1.1 200"), 3);
    assert_int_equal(count(&client, "Connection: close"), 1);
}

static void test_half_close_during_the_response(void **state)
{
    (void)state;
    handler = NULL;
    const struct http_head head = {.status = 200, .content_length = HTTP_LENGTH_UNKNOWN};
    connect_peer(&client); /* the response streams: gone */
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    exchange_send_head(owners[0].x, &head);
    until(peer_has(&client, "HTTP/1.1 200"));
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "reset PEER_CLOSED\ndone\n");
    peer_finish(&client);

    connect_peer(&client); /* both directions stream: the request ends */
    peer_text(&client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab");
    until(requests == 2);
    exchange_send_head(owners[1].x, &head);
    exchange_grant(owners[1].x, 100);
    until(peer_has(&client, "HTTP/1.1 200"));
    peer_text(&client, "cd");
    until(owners[1].ended);
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    peer_turns(5);
    assert_non_null(owners[1].x);
    exchange_send_data(owners[1].x, STR("all"));
    exchange_send_end(owners[1].x, NULL);
    until(peer_closed(&client));
    assert_true(peer_has(&client, "3\r\nall\r\n0\r\n\r\n"));
    assert_int_equal(client.error, 0);
}

static void test_half_closed_client_is_probed(void **state)
{
    (void)state;
    options.half_close_probe_ms = 10;
    handler = NULL;
    connect_peer(&client); /* gone: found out by the probe */
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    peer_finish(&client);
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "reset PEER_RESET\ndone\n");

    connect_peer(&client); /* still there */
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    until(peer_has(&client, "HTTP/1.1 100 Continue\r\n\r\n"));
    peer_turns(10);
    hello(owners[1].x);
    until(peer_closed(&client));
    assert_int_equal(client.error, 0);
    assert_true(peer_has(&client, "hello"));
    assert_int_equal(count(&client, "100 Continue"), 1);
}

static void test_half_close_as_abort(void **state)
{
    (void)state;
    options.half_close_probe_ms = 0;
    handler = NULL;
    connect_peer(&client);
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "reset PEER_CLOSED\ndone\n");
}

static void test_owner_resets(void **state)
{
    (void)state;
    handler = NULL;
    connect_peer(&client);
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    const struct http_head head = {.status = 200, .content_length = 100};
    exchange_send_head(owners[0].x, &head);
    exchange_send_data(owners[0].x, STR("some"));
    exchange_reset(owners[0].x, EXCHANGE_CANCELED);
    assert_non_null(owners[0].x);
    exchange_send_data(owners[0].x, STR("more"));
    until(owners[0].x == NULL);
    until(peer_closed(&client));
    assert_int_equal(client.error, ECONNRESET);
    assert_str(buf_str(&owners[0].log), "done\n");
    peer_finish(&client);

    owners[1].stop_on_data = true;
    connect_peer(&client);
    peer_text(&client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde");
    until(requests == 2);
    exchange_grant(owners[1].x, 2);
    until(owners[1].x == NULL);
    assert_str(buf_str(&owners[1].data), "ab");
    until(peer_closed(&client));
}

static void test_wrong_length_resets(void **state)
{
    (void)state;
    handler = NULL;
    const struct http_head head = {.status = 200, .content_length = 5};
    connect_peer(&client);
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    exchange_send_head(owners[0].x, &head);
    exchange_send_data(owners[0].x, STR("toolong"));
    exchange_send_end(owners[0].x, NULL);
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "reset PROTOCOL\ndone\n");
    until(peer_closed(&client));
    assert_int_equal(client.error, ECONNRESET);
    peer_finish(&client);

    connect_peer(&client);
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 2);
    exchange_send_head(owners[1].x, &head);
    exchange_send_data(owners[1].x, STR("abc"));
    exchange_send_end(owners[1].x, NULL);
    until(owners[1].x == NULL);
    assert_str(buf_str(&owners[1].log), "reset PROTOCOL\ndone\n");
    until(peer_closed(&client));
    assert_int_equal(client.error, ECONNRESET);
}

static void test_unwritable_head(void **state)
{
    (void)state;
    handler = NULL;
    struct http_field f = {STR("X-A"), STR("a\r\nb"), HTTP_FIELD_OTHER};
    const struct http_head head = {
        .status = 200, .content_length = 0, .fields = {.v = &f, .n = 1, .cap = 1}};
    connect_peer(&client);
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    exchange_send_head(owners[0].x, &head);
    exchange_send_end(owners[0].x, NULL);
    until(peer_closed(&client));
    assert_true(peer_has(&client, "HTTP/1.1 500 "));
    assert_str(buf_str(&owners[0].log), "reset PROTOCOL\ndone\n");
}

static void test_tunnel(void **state)
{
    (void)state;
    handler = NULL;
    connect_peer(&client);
    peer_text(&client, "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
                       "early");
    until(requests == 1);
    struct exchange *x = owners[0].x;
    assert_str(x->request->upgrade, "echo");
    exchange_grant(x, 100);
    peer_turns(3);
    const struct http_head head = {
        .status = 101, .content_length = HTTP_LENGTH_UNKNOWN, .upgrade = STR("echo")};
    exchange_send_head(x, &head);
    exchange_grant(x, 100);
    until(peer_has(&client, "HTTP/1.1 101 Switching Protocols\r\n"));
    assert_true(peer_has(&client, "Upgrade: echo\r\n"));
    until(owners[0].data.len == 5);
    assert_str(buf_str(&owners[0].data), "early");
    exchange_send_data(x, STR("\x81\x02hi"));
    until(peer_has(&client, "\x81\x02hi"));
    peer_text(&client, "more");
    until(owners[0].data.len == 9);
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    until(owners[0].ended);
    peer_turns(5);
    assert_non_null(owners[0].x);
    exchange_send_data(x, STR("last"));
    exchange_send_end(x, NULL);
    until(peer_closed(&client));
    assert_true(peer_has(&client, "last"));
    assert_int_equal(client.error, 0);
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "end\ndone\n");
}

static void test_tunnel_ends_from_our_side_first(void **state)
{
    (void)state;
    handler = NULL;
    connect_peer(&client);
    peer_text(&client, "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
    until(requests == 1);
    struct exchange *x = owners[0].x;
    const struct http_head head = {.status = 200, .content_length = HTTP_LENGTH_UNKNOWN};
    exchange_send_head(x, &head);
    exchange_send_data(x, STR("bye"));
    exchange_send_end(x, NULL);
    until(peer_closed(&client));
    assert_true(client.eof);
    assert_true(peer_has(&client, "\r\n\r\nbye"));
    assert_false(peer_has(&client, "chunked"));
    assert_non_null(owners[0].x);
    exchange_grant(x, 100);
    peer_text(&client, "tail");
    until(owners[0].data.len == 4);
    (void)shutdown(client.fd, SHUT_WR);
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "end\ndone\n");
}

static void on_drained(void *user)
{
    *(bool *)user = true;
}

static void test_drain(void **state)
{
    (void)state;
    handler = NULL;
    struct peer idle;
    struct peer half;
    struct peer late;
    bool drained = false;
    connect_peer(&idle);
    connect_peer(&client);
    connect_peer(&half);
    connect_peer(&late);
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_text(&half, "GET /half HTTP/1.1\r\nHo");
    until(requests == 1);
    peer_turns(3);
    peer_text(&late,
              "GET /late HTTP/1.1\r\nHost: h\r\n\r\n"); /* not seen yet when the drain begins */
    http_server_drain(server, on_drained, &drained);
    until(peer_closed(&idle));
    assert_int_equal(idle.error, 0);
    assert_false(drained);
    peer_text(&half, "st: h\r\n\r\n");
    until(requests == 3);
    for (int i = 0; i < 3; i++)
        hello(owners[i].x);
    until(peer_closed(&client) && peer_closed(&half) && peer_closed(&late));
    assert_true(peer_has(&client, "Connection: close\r\n"));
    assert_true(peer_has(&client, "hello"));
    assert_true(peer_has(&half, "hello"));
    assert_true(peer_has(&late, "hello"));
    until(drained);
    peer_finish(&idle);
    peer_finish(&half);
    peer_finish(&late);
}

/* Nobody loses a request: who was told that the connection stays may use it once more, and who is idle is not closed. */
static void test_retire(void **state)
{
    (void)state;
    handler = NULL;
    struct peer idle;
    bool drained = false;
    connect_peer(&idle);
    connect_peer(&client);
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    exchange_respond(owners[0].x, 200, NULL, STR("text/plain"), STR("first"));
    until(peer_has(&client, "first"));
    http_server_retire(server, on_drained, &drained);
    peer_turns(5);
    assert_false(peer_closed(&idle));
    assert_false(peer_closed(&client));
    assert_false(peer_has(&client, "Connection: close\r\n"));
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 2);
    exchange_respond(owners[1].x, 200, NULL, STR("text/plain"), STR("second"));
    until(peer_closed(&client));
    assert_true(peer_has(&client, "Connection: close\r\n"));
    assert_true(peer_has(&client, "second"));
    assert_false(drained);
    http_server_drain(server, on_drained, &drained);
    until(peer_closed(&idle));
    until(drained);
    peer_finish(&idle);
}

/* The head said that the connection stays before it was retired: it does. */
static void test_retire_during_a_response(void **state)
{
    (void)state;
    handler = NULL;
    bool drained = false;
    connect_peer(&client);
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    struct http_head head = {.status = 200, .content_length = 5};
    exchange_send_head(owners[0].x, &head);
    until(peer_has(&client, "\r\n\r\n"));
    http_server_retire(server, on_drained, &drained);
    exchange_send_data(owners[0].x, STR("first"));
    exchange_send_end(owners[0].x, NULL);
    until(peer_has(&client, "first"));
    peer_turns(5);
    assert_false(peer_closed(&client));
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 2);
    exchange_respond(owners[1].x, 200, NULL, STR("text/plain"), STR("second"));
    until(drained);
    assert_true(peer_has(&client, "second"));
}

static void test_drain_without_connections(void **state)
{
    (void)state;
    bool drained = false;
    server = http_server_create(loop, &options, on_request, &owners);
    http_server_drain(server, on_drained, &drained);
    until(drained);
}

static void test_destroy_resets(void **state)
{
    (void)state;
    handler = NULL;
    connect_peer(&client);
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    http_server_destroy(server);
    server = NULL;
    assert_null(owners[0].x);
    assert_str(buf_str(&owners[0].log), "reset SHUTDOWN\ndone\n");
    until(peer_closed(&client));
}

static void test_too_many_connections(void **state)
{
    (void)state;
    options.connections_max = 1;
    struct peer first;
    connect_peer(&first);
    connect_peer(&client);
    until(peer_closed(&client));
    assert_true(peer_has(&client, "HTTP/1.1 503 "));
    assert_int_equal(client.error, 0);
    assert_int_equal(stats().overloaded, 1);
    peer_text(&first, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(peer_has(&first, "hello"));
    peer_finish(&first);
}

static void test_large_response_of_one_piece(void **state)
{
    (void)state;
    handler = NULL;
    static char big[3000000];
    memset(big, 'y', sizeof(big));
    connect_peer(&client);
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 1);
    exchange_respond(owners[0].x, 200, NULL, STR("text/plain"), (struct str){big, sizeof(big)});
    until((peer_read(&client, SIZE_MAX), owners[0].x == NULL));
    until(peer_has(&client, "yyyy"));
    until((peer_read(&client, SIZE_MAX), client.got.len > sizeof(big)));
    peer_text(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(requests == 2);
    hello(owners[1].x);
    until(peer_has(&client, "\r\n\r\nhello"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_keeps_alive),
        T(test_peer_address),
        T(test_version_1_0),
        T(test_unknown_length),
        T(test_close_by_client_option),
        T(test_pipelining_keeps_order),
        T(test_byte_by_byte),
        T(test_no_body_responses),
        T(test_expect_continue),
        T(test_interim_responses),
        T(test_slow_reader_bounds_memory),
        T(test_credit_stops_the_sender),
        T(test_unread_body_is_drained),
        T(test_long_unread_body_closes),
        T(test_bad_requests_are_refused),
        T(test_bad_body),
        T(test_timeouts),
        T(test_reader_that_never_reads),
        T(test_client_resets),
        T(test_half_close),
        T(test_half_close_behind_pipelined_requests),
        T(test_half_close_during_the_response),
        T(test_half_closed_client_is_probed),
        T(test_half_close_as_abort),
        T(test_owner_resets),
        T(test_wrong_length_resets),
        T(test_unwritable_head),
        T(test_tunnel),
        T(test_tunnel_ends_from_our_side_first),
        T(test_drain),
        T(test_drain_without_connections),
        T(test_retire),
        T(test_retire_during_a_response),
        T(test_destroy_resets),
        T(test_too_many_connections),
        T(test_large_response_of_one_piece),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
