/* The client side over real sockets: http_client.c, h1_pool.c, h1_client.c and h1_call.c. */
#include "http/http_client.h"
#include "http/owner.h"
#include "io/resolver.h"

enum { OWNERS = 8 };

static struct resolver *resolver;
static struct http_client *client;
static struct http_client_options options;
static struct owner owners[OWNERS];
static int listener;
static uint16_t port;
static struct peer up;

static int listen_loopback(uint16_t *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

static int setup(void **state)
{
    (void)peer_loop_setup(state);
    const struct resolver_options names = {
        .ttl_max_ms = 60000, .negative_ms = 1000, .timeout_ms = 1000, .names_max = 16};
    resolver = resolver_create(loop, &names);
    options = (struct http_client_options){
        .limits = {.line_max = 8192, .head_max = 65536, .fields_max = 100, .trailer_max = 16384},
        .idle_timeout_ms = 60000,
        .keepalive_ms = 60000,
        .buffer = 65536,
        .request_memory = 1 << 20,
        .connections_max = 10,
        .queue_max = 10,
        .resolver = resolver,
    };
    for (int i = 0; i < OWNERS; i++)
        owner_init(&owners[i]);
    client = NULL;
    listener = listen_loopback(&port);
    peer_init(&up, -1);
    return 0;
}

static int teardown(void **state)
{
    http_client_destroy(client);
    resolver_destroy(resolver);
    peer_finish(&up);
    (void)close(listener);
    for (int i = 0; i < OWNERS; i++) {
        assert_null(owners[i].x);
        owner_finish(&owners[i]);
    }
    return peer_loop_teardown(state);
}

static bool accept_peer(struct peer *p)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return false;
    peer_finish(p);
    peer_init(p, fd);
    return true;
}

static const struct http_head get = {.method = {"GET", 3},
                                     .scheme = {"http", 4},
                                     .authority = {"up", 2},
                                     .target = {"/x", 2},
                                     .no_body = true};

static uint64_t idle_ms; /* of the next requests */

static struct exchange *open_to(int i, const char *host, const struct http_head *head,
                                uint64_t timeout)
{
    if (client == NULL)
        client = http_client_create(loop, &options);
    const struct http_client_request r = {
        .host = str_of(host),
        .port = port,
        .head = head,
        .connect_timeout_ms = timeout,
        .idle_timeout_ms = idle_ms,
        .events = &owner_events,
        .user = &owners[i],
    };
    owners[i].x = http_client_open(client, &r);
    return owners[i].x;
}

static struct exchange *open_one(int i, const struct http_head *head)
{
    struct exchange *x = open_to(i, "127.0.0.1", head, 5000);
    exchange_grant(x, 100000);
    return x;
}

static struct http_head post(int64_t length)
{
    struct http_head h = get;
    h.method = STR("POST");
    h.no_body = false;
    h.content_length = length;
    return h;
}

static struct http_client_stats stats(void)
{
    struct http_client_stats s;
    http_client_stats_get(client, &s);
    return s;
}

static void test_keeps_alive(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)open_one(i, &get);
        if (i == 0)
            until(accept_peer(&up));
        until(peer_has(&up, "\r\n\r\n"));
        assert_true(str_starts(buf_str(&up.got), STR("GET /x HTTP/1.1\r\nHost: up\r\n")));
        buf_clear(&up.got);
        peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhe");
        until(owners[i].data.len == 2);
        assert_int_equal(stats().active, 1);
        assert_string_equal(owners[i].x->peer.address, "127.0.0.1");
        assert_int_equal(owners[i].x->peer.port, port);
        peer_text(&up, "llo");
        until(owners[i].x == NULL);
        assert_str(buf_str(&owners[i].data), "hello");
        assert_str(buf_str(&owners[i].log), "head 200\nend\ndone\n");
    }
    assert_int_equal(stats().opened, 1);
    assert_int_equal(stats().reused, 2);
    assert_int_equal(stats().idle, 1);
    assert_int_equal(stats().active, 0);
}

static void test_response_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *data;
        const char *log;
        bool closes;
        bool reused;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
         "abc", "head 200\nend\ntrailer X-T: 1\ndone\n", false, true},
        {"HTTP/1.1 204 No Content\r\n\r\n", "", "head 204\nend\ndone\n", false, true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", "", "head 304\nend\ndone\n",
         false, true},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
         "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
         "", "info 100\ninfo 103\nhead 200\nend\ndone\n", false, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab", "ab",
         "head 200\nend\ndone\n", false, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab", "head 200\nend\ndone\n", false,
         false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nab", "ab",
         "head 200\nend\ndone\n", false, true},
        {"HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end", "head 200\nend\ndone\n", true,
         false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabsurplus", "ab", "head 200\nend\ndone\n",
         false, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "ab",
         "head 200\nreset PEER_CLOSED\ndone\n", true, false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", "ab",
         "head 200\nreset PEER_CLOSED\ndone\n", true, false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "ab",
         "head 200\nreset PEER_CLOSED\ndone\n", true, false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "",
         "head 200\nreset PROTOCOL\ndone\n", false, false},
        {"HTTP/1.1 200 OK\r\nContent-Le", "", "reset PEER_CLOSED\ndone\n", true, false},
        {"SSH-2.0-x\r\n", "", "reset PROTOCOL\ndone\n", false, false},
        {"", "", "reset PEER_CLOSED\ndone\n", true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        owner_finish(&owners[0]);
        owner_init(&owners[0]);
        (void)open_one(0, &get);
        if (up.fd < 0)
            until(accept_peer(&up));
        until(peer_has(&up, "\r\n\r\n"));
        peer_text(&up, rows[i].text);
        if (rows[i].closes) {
            peer_turns(1);
            peer_finish(&up);
        }
        until(owners[0].x == NULL);
        assert_str(buf_str(&owners[0].log), rows[i].log);
        assert_str(buf_str(&owners[0].data), rows[i].data);
        assert_int_equal(stats().idle, rows[i].reused ? 1 : 0);
        if (owners[0].reset && rows[i].text[0] != '\0')
            assert_false(owners[0].why.unsent || owners[0].why.stale);
        buf_clear(&up.got);
        if (!rows[i].reused)
            peer_finish(&up);
    }
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    (void)open_one(0, &get);
    until(accept_peer(&up));
    const struct str text = STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: 1\r\n\r\n");
    for (size_t i = 0; i < text.len; i++) {
        peer_write(&up, str_slice(text, i, i + 1));
        loop_turn(loop, true);
    }
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].data), "abcde");
    assert_str(buf_str(&owners[0].log), "head 200\nend\ntrailer X-T: 1\ndone\n");
}

static void test_head_request(void **state)
{
    (void)state;
    struct http_head head = get;
    head.method = STR("HEAD");
    (void)open_one(0, &head);
    until(accept_peer(&up));
    until(peer_has(&up, "HEAD /x"));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "head 200\nend\ndone\n");
    assert_int_equal(stats().idle, 1);
}

static void test_request_bodies(void **state)
{
    (void)state;
    struct http_head head = post(6);
    struct exchange *x = open_one(0, &head);
    exchange_send_data(x, STR("abc"));
    until(accept_peer(&up));
    until(peer_has(&up, "Content-Length: 6\r\n\r\nabc"));
    exchange_send_data(x, STR("def"));
    exchange_send_end(x, NULL);
    until(peer_has(&up, "abcdef"));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[0].x == NULL);
    assert_int_equal(stats().idle, 1);

    head = post(HTTP_LENGTH_UNKNOWN);
    x = open_one(1, &head);
    exchange_send_data(x, STR("abc"));
    struct http_field f = {STR("X-Sum"), STR("7"), HTTP_FIELD_OTHER};
    const struct http_fields trailers = {.v = &f, .n = 1, .cap = 1};
    exchange_send_end(x, &trailers);
    until(peer_has(&up, "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n"));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[1].x == NULL);
    assert_int_equal(stats().reused, 1);
}

static void test_early_response(void **state)
{
    (void)state;
    struct http_head head = post(1000);
    struct exchange *x = open_one(0, &head);
    exchange_send_data(x, STR("abc"));
    until(accept_peer(&up));
    until(peer_has(&up, "abc"));
    peer_text(&up, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "head 413\nend\ndone\n");
    assert_int_equal(stats().idle, 0);
    until(peer_closed(&up));

    /* Also when the upstream closes, so that our sending breaks. */
    x = open_one(1, &head);
    until(accept_peer(&up));
    until(peer_has(&up, "\r\n\r\n"));
    peer_text(&up, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
    assert_int_equal(shutdown(up.fd, SHUT_RDWR), 0);
    exchange_send_data(x, STR("more"));
    until(owners[1].x == NULL);
    assert_str(buf_str(&owners[1].log), "head 413\nend\ndone\n");
}

static void test_slow_upstream_bounds_sending(void **state)
{
    (void)state;
    enum { TOTAL = 20000000, PIECE = 10000 };
    static char piece[PIECE];
    struct http_head head = post(TOTAL);
    struct exchange *x = open_one(0, &head);
    size_t sent = 0;
    while (exchange_room(x) > 0) {
        exchange_send_data(x, (struct str){piece, PIECE});
        sent += PIECE;
        loop_turn(loop, true);
        assert_true(sent < TOTAL);
    }
    until(accept_peer(&up));
    until((peer_read(&up, SIZE_MAX), owners[0].rooms >= 1));
    while (sent < TOTAL) {
        if (exchange_room(x) > 0) {
            exchange_send_data(x, (struct str){piece, PIECE});
            sent += PIECE;
        }
        (void)peer_read(&up, SIZE_MAX);
        loop_turn(loop, false);
    }
    exchange_send_end(x, NULL);
    until((peer_read(&up, SIZE_MAX), up.got.len > TOTAL));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[0].x == NULL);
    assert_int_equal(stats().idle, 1);
}

static void test_credit_stops_the_upstream(void **state)
{
    (void)state;
    struct exchange *x = open_to(0, "127.0.0.1", &get, 5000);
    until(accept_peer(&up));
    until(peer_has(&up, "\r\n\r\n"));
    peer_text(&up, "HTTP/1.1 200 OK\r\n\r\n");
    until(owners[0].heads == 1);
    static char piece[100000];
    size_t sent = 0;
    int idle = 0;
    while (idle < 20) {
        ssize_t n = send(up.fd, piece, sizeof(piece), MSG_NOSIGNAL);
        idle = n > 0 ? 0 : idle + 1;
        sent += n > 0 ? (size_t)n : 0;
        loop_turn(loop, true);
        assert_true(sent < 30000000);
    }
    assert_int_equal(owners[0].data.len, 0);
    exchange_grant(x, 1000);
    until(owners[0].data.len == 1000);
    owners[0].auto_grant = true;
    exchange_grant(x, 65536);
    peer_finish(&up);
    until(owners[0].x == NULL);
    assert_int_equal(owners[0].data.len, sent);
    assert_str(buf_str(&owners[0].log), "head 200\nend\ndone\n");
}

static void test_idle_connection_closed_by_upstream(void **state)
{
    (void)state;
    (void)open_one(0, &get);
    until(accept_peer(&up));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[0].x == NULL && stats().idle == 1);
    peer_finish(&up);
    until(stats().idle == 0);
    (void)open_one(1, &get);
    until(accept_peer(&up));
    assert_int_equal(stats().reused, 0);
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[1].x == NULL && stats().idle == 1);
    peer_text(&up, "HTTP/1.1 200 unasked\r\n\r\n");
    until(stats().idle == 0);
}

static void test_idle_connections_are_bounded(void **state)
{
    (void)state;
    struct peer first;
    options.idle_max = 1;
    (void)open_one(0, &get);
    until(accept_peer(&up));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[0].x == NULL && stats().idle == 1);
    first = up;
    peer_init(&up, -1);
    (void)open_to(1, "localhost", &get, 5000); /* a host of its own */
    until(accept_peer(&up));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[1].x == NULL && (peer_read(&first, 1), first.eof));
    assert_int_equal(stats().idle, 1);
    (void)open_to(2, "localhost", &get, 5000);
    until(stats().reused == 1);
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[2].x == NULL);
    peer_finish(&first);
}

/* The upstream's end and our request cross. */
static void test_stale_connection(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i += 2) {
        (void)open_one(i, &get);
        until(accept_peer(&up));
        until(peer_has(&up, "\r\n\r\n"));
        peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        until(owners[i].x == NULL && stats().idle == 1);
        if (i == 0)
            peer_finish(&up);
        else
            peer_abort(&up);
        (void)open_one(i + 1, &get); /* before the loop could see it */
        until(owners[i + 1].x == NULL);
        assert_true(owners[i + 1].reset);
        assert_true(owners[i + 1].why.stale);
        if (i == 0)
            assert_true(owners[i + 1].why.unsent);
    }
}

static void on_done_open_third(struct exchange *x)
{
    owner_on_done(x);
    (void)open_one(2, &get);
}

/* An unasked response and a new request for that connection come in one turn, the request first. */
static void test_unasked_response(void **state)
{
    (void)state;
    struct exchange_events events = owner_events;
    struct peer other;
    peer_init(&other, -1);
    events.on_done = on_done_open_third;
    open_one(0, &get)->events = &events;
    until(accept_peer(&up));
    (void)open_one(1, &get);
    until(accept_peer(&other));
    until(peer_has(&up, "\r\n\r\n") && peer_has(&other, "\r\n\r\n"));
    peer_text(&other, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[1].x == NULL && stats().idle == 1);

    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    peer_text(&other, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL");
    until(owners[0].x == NULL && owners[2].x == NULL);
    assert_int_equal(stats().reused, 1);
    assert_int_equal(owners[2].heads, 0);
    assert_true(owners[2].why.stale && owners[2].why.unsent);
    peer_finish(&other);
}

static void test_reused_connection_that_took_the_request(void **state)
{
    (void)state;
    (void)open_one(0, &get);
    until(accept_peer(&up));
    until(peer_has(&up, "\r\n\r\n"));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[0].x == NULL);
    buf_clear(&up.got);
    (void)open_one(1, &get);
    until(peer_has(&up, "\r\n\r\n"));
    peer_finish(&up);
    until(owners[1].x == NULL);
    assert_true(owners[1].why.stale);
    assert_false(owners[1].why.unsent);
}

static void test_connect_failures(void **state)
{
    (void)state;
    (void)close(listener);
    (void)open_one(0, &get);
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "reset CONNECT\ndone\n");
    assert_true(owners[0].why.unsent);
    assert_false(owners[0].why.stale);

    (void)open_to(1, "no-such-name.invalid", &get, 200);
    until(owners[1].x == NULL);
    assert_true(owners[1].why.code == EXCHANGE_RESOLVE ||
                owners[1].why.code == EXCHANGE_CONNECT_TIMEOUT);
    assert_true(owners[1].why.unsent);

    char name[400];
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    (void)open_to(2, name, &get, 200);
    until(owners[2].x == NULL);
    assert_str(buf_str(&owners[2].log), "reset RESOLVE\ndone\n");
    assert_int_equal(stats().active, 0);
    listener = listen_loopback(&port);
}

static void test_private_addresses_are_refused(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "::1",     "::ffff:127.0.0.1",
                                        "localhost", "0.0.0.0", "::"};
    (void)state;
    options.refuse_private = true;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        (void)open_to(0, hosts[i], &get, 2000);
        until(owners[0].x == NULL);
        assert_str(buf_str(&owners[0].log), "reset CONNECT\ndone\n");
        assert_true(owners[0].why.unsent);
        buf_clear(&owners[0].log);
    }
    assert_int_equal(stats().opened, 0);
}

static void test_connect_timeout(void **state)
{
    (void)state;
    /* A listener whose queue is full answers nobody. */
    assert_int_equal(listen(listener, 0), 0);
    struct peer fillers[4];
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (size_t i = 0; i < ARRAY_LEN(fillers); i++) {
        peer_init(&fillers[i], socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        (void)connect(fillers[i].fd, (struct sockaddr *)&a, sizeof(a));
    }
    (void)open_to(0, "127.0.0.1", &get, 50);
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "reset CONNECT_TIMEOUT\ndone\n");
    for (size_t i = 0; i < ARRAY_LEN(fillers); i++)
        peer_finish(&fillers[i]);
}

static void test_all_addresses_are_tried(void **state)
{
    (void)state;
    /* "localhost" has two; only one listens. */
    for (int i = 0; i < 2; i++) {
        (void)open_to(i, "localhost", &get, 5000);
        if (up.fd < 0)
            until(accept_peer(&up));
        peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        until(owners[i].x == NULL);
        assert_str(buf_str(&owners[i].log), "head 200\nend\ndone\n");
    }
    (void)close(listener);
    listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    socklen_t len = sizeof(a);
    if (listener < 0 || bind(listener, (struct sockaddr *)&a, sizeof(a)) != 0) {
        print_message("no IPv6 here\n");
        return;
    }
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    port = ntohs(a.sin6_port);
    (void)open_to(2, "localhost", &get, 5000);
    until(accept_peer(&up));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[2].x == NULL);
    assert_str(buf_str(&owners[2].log), "head 200\nend\ndone\n");
}

static void test_queue(void **state)
{
    (void)state;
    options.connections_max = 1;
    options.queue_max = 2;
    for (int i = 0; i < 4; i++)
        (void)open_one(i, &get);
    until(owners[3].x == NULL);
    assert_str(buf_str(&owners[3].log), "reset OVERLOADED\ndone\n");
    assert_true(owners[3].why.unsent);
    assert_int_equal(stats().waiting, 2);

    until(accept_peer(&up));
    until(peer_has(&up, "\r\n\r\n"));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[0].x == NULL);
    assert_non_null(owners[1].x);
    assert_int_equal(stats().waiting, 1);
    peer_text(&up, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    until(owners[1].x == NULL);
    until(accept_peer(&up)); /* that connection is gone: the next one makes its own */
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[2].x == NULL);
    assert_str(buf_str(&owners[2].log), "head 200\nend\ndone\n");
    assert_int_equal(stats().waiting, 0);
}

static void test_waiting_ends(void **state)
{
    (void)state;
    options.connections_max = 1;
    (void)open_one(0, &get);
    until(accept_peer(&up));
    (void)open_to(1, "127.0.0.1", &get, 20);
    (void)open_to(2, "127.0.0.1", &get, 5000);
    exchange_reset(owners[2].x, EXCHANGE_CANCELED);
    until(owners[1].x == NULL && owners[2].x == NULL);
    assert_str(buf_str(&owners[1].log), "reset CONNECT_TIMEOUT\ndone\n");
    assert_str(buf_str(&owners[2].log), "done\n");
    assert_int_equal(stats().waiting, 0);
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[0].x == NULL);
}

static void test_owner_resets(void **state)
{
    (void)state;
    struct exchange *x = open_one(0, &get);
    exchange_reset(x, EXCHANGE_CANCELED); /* while it connects */
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "done\n");

    (void)open_one(1, &get);
    until(accept_peer(&up));
    until(accept_peer(&up) || peer_has(&up, "\r\n\r\n"));
    until(peer_has(&up, "\r\n\r\n"));
    exchange_reset(owners[1].x, EXCHANGE_CANCELED);
    until(owners[1].x == NULL);
    until(peer_closed(&up));
    assert_int_equal(up.error, ECONNRESET);
    assert_int_equal(stats().active, 0);

    owners[2].stop_on_data = true;
    (void)open_one(2, &get);
    until(accept_peer(&up));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde");
    until(owners[2].x == NULL);
    assert_str(buf_str(&owners[2].log), "head 200\ndone\n");
}

static void test_upstream_resets(void **state)
{
    (void)state;
    (void)open_one(0, &get);
    until(accept_peer(&up));
    until(peer_has(&up, "\r\n\r\n"));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
    until(owners[0].data.len == 2);
    peer_abort(&up);
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "head 200\nreset PEER_RESET\ndone\n");
    assert_false(owners[0].why.stale || owners[0].why.unsent);
}

static void test_timeouts(void **state)
{
    (void)state;
    options.idle_timeout_ms = 20;
    options.keepalive_ms = 20;
    (void)open_one(0, &get);
    until(accept_peer(&up));
    until(peer_has(&up, "\r\n\r\n"));
    const uint64_t begin = now_mono_ns();
    until(now_mono_ns() - begin > 80000000); /* no head yet: the owner's business */
    assert_non_null(owners[0].x);
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "head 200\nreset TIMEOUT\ndone\n");

    /* A request with a longer limit of its own. */
    idle_ms = 60000;
    (void)open_one(3, &get);
    until(accept_peer(&up));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
    until(owners[3].data.len == 2);
    const uint64_t waits = now_mono_ns();
    until(now_mono_ns() - waits > 80000000);
    assert_non_null(owners[3].x);
    peer_text(&up, "cde");
    until(owners[3].x == NULL);
    assert_str(buf_str(&owners[3].log), "head 200\nend\ndone\n");
    until(peer_closed(&up));
    idle_ms = 0;

    (void)open_one(1, &get);
    until(accept_peer(&up));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[1].x == NULL);
    until(peer_closed(&up));
    assert_int_equal(stats().idle, 0);

    static char big[8000000];
    struct http_head head = post(sizeof(big));
    struct exchange *x = open_one(2, &head);
    exchange_send_data(x, (struct str){big, sizeof(big)});
    exchange_send_end(x, NULL);
    until(accept_peer(&up));
    until(owners[2].x == NULL);
    assert_str(buf_str(&owners[2].log), "reset TIMEOUT\ndone\n");
}

static void test_tunnel(void **state)
{
    (void)state;
    struct http_head head = get;
    head.upgrade = STR("echo");
    struct exchange *x = open_one(0, &head);
    until(accept_peer(&up));
    until(peer_has(&up, "Upgrade: echo\r\n"));
    peer_text(&up, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                   "Upgrade: echo\r\n\r\nfirst");
    until(owners[0].data.len == 5);
    assert_int_equal(owners[0].status, 101);
    exchange_send_data(x, STR("ping"));
    until(peer_has(&up, "\r\n\r\nping"));
    exchange_send_end(x, NULL);
    until(peer_closed(&up));
    assert_true(up.eof);
    assert_non_null(owners[0].x);
    peer_text(&up, "pong");
    until(owners[0].data.len == 9);
    peer_finish(&up);
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "head 101\nend\ndone\n");

    /* The upstream ends first. */
    x = open_one(1, &head);
    until(accept_peer(&up));
    peer_text(&up, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                   "Upgrade: echo\r\n\r\n");
    (void)shutdown(up.fd, SHUT_WR);
    until(owners[1].ended);
    exchange_send_data(x, STR("still"));
    until(peer_has(&up, "still"));
    exchange_send_end(x, NULL);
    until(owners[1].x == NULL);
    until(peer_closed(&up));
    assert_true(up.eof);
}

static void test_wrong_length(void **state)
{
    (void)state;
    struct http_head head = post(3);
    struct exchange *x = open_one(0, &head);
    exchange_send_data(x, STR("toolong"));
    until(owners[0].x == NULL);
    assert_str(buf_str(&owners[0].log), "reset PROTOCOL\ndone\n");
    x = open_one(1, &head);
    exchange_send_data(x, STR("a"));
    exchange_send_end(x, NULL);
    until(owners[1].x == NULL);
    assert_str(buf_str(&owners[1].log), "reset PROTOCOL\ndone\n");
    head.target = STR("/a b");
    (void)open_one(2, &head);
    until(owners[2].x == NULL);
    assert_str(buf_str(&owners[2].log), "reset PROTOCOL\ndone\n");
}

static void test_destroy(void **state)
{
    (void)state;
    options.connections_max = 1;
    (void)open_one(0, &get);
    until(accept_peer(&up));
    until(peer_has(&up, "\r\n\r\n"));
    (void)open_one(1, &get);
    http_client_destroy(client);
    client = NULL;
    assert_str(buf_str(&owners[0].log), "reset SHUTDOWN\ndone\n");
    assert_str(buf_str(&owners[1].log), "reset SHUTDOWN\ndone\n");
    http_client_destroy(NULL);
}

/* Opens the next exchange from the last event of the one before. */
static void on_done_open(struct exchange *x)
{
    owner_on_done(x);
    (void)open_one(1, &get);
}

static void test_open_from_done(void **state)
{
    (void)state;
    struct exchange_events events = owner_events;
    events.on_done = on_done_open;
    options.connections_max = 1;
    struct exchange *x = open_one(0, &get);
    x->events = &events;
    until(accept_peer(&up));
    until(peer_has(&up, "\r\n\r\n"));
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[0].x == NULL && owners[1].x != NULL);
    peer_text(&up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    until(owners[1].x == NULL);
    assert_int_equal(stats().reused, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_keeps_alive),
        T(test_response_forms),
        T(test_byte_by_byte),
        T(test_head_request),
        T(test_request_bodies),
        T(test_early_response),
        T(test_slow_upstream_bounds_sending),
        T(test_credit_stops_the_upstream),
        T(test_idle_connection_closed_by_upstream),
        T(test_idle_connections_are_bounded),
        T(test_stale_connection),
        T(test_unasked_response),
        T(test_reused_connection_that_took_the_request),
        T(test_connect_failures),
        T(test_private_addresses_are_refused),
        T(test_connect_timeout),
        T(test_all_addresses_are_tried),
        T(test_queue),
        T(test_waiting_ends),
        T(test_owner_resets),
        T(test_upstream_resets),
        T(test_timeouts),
        T(test_tunnel),
        T(test_wrong_length),
        T(test_destroy),
        T(test_open_from_done),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
