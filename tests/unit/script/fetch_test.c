/* Fetches over real sockets: the test plays the server. */
#include "io/peer.h"
#include "io/resolver.h"
#include "script/fetch.h"

static struct resolver *resolver;
static struct fetch_pool *pool;
static struct fetch_options options;
static int listener;
static unsigned port;
static struct peer up;

/* What came of a fetch. */
static struct owner {
    struct fetch *fetch; /* NULL: it has ended */
    unsigned status;
    bool ended;
    size_t read_at_head;
    struct buf body;
    char failure[ERR_MESSAGE_MAX];
} owner;

static void on_head(void *user, const struct fetch_response *r)
{
    struct owner *o = user;
    o->status = r->status;
    if (o->read_at_head > 0)
        fetch_read(o->fetch, o->read_at_head);
}

static void on_data(void *user, struct str data)
{
    struct owner *o = user;
    assert_true(buf_add(&o->body, data));
}

static void on_end(void *user)
{
    struct owner *o = user;
    o->fetch = NULL;
    o->ended = true;
}

static void on_failed(void *user, const char *text)
{
    struct owner *o = user;
    o->fetch = NULL;
    (void)snprintf(o->failure, sizeof(o->failure), "%s", text);
}

static const struct fetch_events events = {on_head, on_data, on_end, on_failed};

static int setup(void **state)
{
    (void)peer_loop_setup(state);
    const struct resolver_options names = {
        .ttl_max_ms = 60000, .negative_ms = 1000, .timeout_ms = 1000, .names_max = 16};
    resolver = resolver_create(loop, &names);
    options = (struct fetch_options){
        .resolver = resolver,
        .limits = {.line_max = 4096, .head_max = 4096, .fields_max = 20, .trailer_max = 4096},
        .connect_timeout_ms = 5000,
        .idle_timeout_ms = 5000,
        .keepalive_ms = 5000,
        .connections_max = 2,
        .queue_max = 2,
        .idle_max = 2,
    };
    pool = NULL;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    port = ntohs(a.sin_port);
    peer_init(&up, -1);
    owner = (struct owner){.read_at_head = SIZE_MAX};
    buf_init(&owner.body, 1 << 24);
    return 0;
}

static int teardown(void **state)
{
    fetch_pool_destroy(pool);
    resolver_destroy(resolver);
    peer_finish(&up);
    (void)close(listener);
    buf_finish(&owner.body);
    return peer_loop_teardown(state);
}

static bool accept_peer(void)
{
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return false;
    peer_finish(&up);
    peer_init(&up, fd);
    return true;
}

static void say(const char *text)
{
    assert_int_equal(send(up.fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static bool got(const char *text)
{
    (void)peer_read(&up, SIZE_MAX);
    return str_contains(buf_str(&up.got), str_of(text));
}

static enum err_code begin(const char *method, const char *path, const char *body, struct err *e)
{
    if (pool == NULL)
        pool = fetch_pool_create(loop, &options);
    buf_clear(&owner.body);
    owner.ended = false;
    owner.fetch = fetch_create(pool, 1 << 20, &events, &owner);
    struct fetch_request q = {.method = str_of(method), .has_body = body != NULL};
    assert_true(
        arena_printf(fetch_arena(owner.fetch), &q.url, "http://127.0.0.1:%u%s", port, path));
    if (body != NULL)
        assert_true(buf_add(fetch_body(owner.fetch), str_of(body)));
    return fetch_start(owner.fetch, &q, e);
}

static void get(const char *path)
{
    struct err e = {0};
    assert_int_equal(begin("GET", path, NULL, &e), ERR_OK);
}

static void asks_and_reads(void **state)
{
    (void)state;
    get("/x?y#z");
    until(accept_peer());
    until(got("\r\n\r\n"));
    assert_true(got("GET /x?y HTTP/1.1\r\nHost: 127.0.0.1:"));
    assert_true(got(
        "User-Agent: DGate-Client/1.0\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br\r\n"));
    say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    until(owner.ended);
    assert_int_equal(owner.status, 200);
    assert_str(buf_str(&owner.body), "hello");
}

static void gives_no_more_than_was_asked_for(void **state)
{
    (void)state;
    owner.read_at_head = 3;
    get("/");
    until(accept_peer());
    say("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nabcdefgh");
    until(owner.body.len > 0);
    peer_turns(5);
    assert_str(buf_str(&owner.body), "abc");
    fetch_read(owner.fetch, 4);
    until(owner.body.len == 7);
    peer_turns(5);
    assert_false(owner.ended);
    fetch_read(owner.fetch, 100);
    until(owner.ended);
    assert_str(buf_str(&owner.body), "abcdefgh");
}

static void keeps_connections_over_redirects(void **state)
{
    (void)state;
    get("/old");
    until(accept_peer());
    until(got("GET /old"));
    say("HTTP/1.1 302 Found\r\nLocation: new\r\nContent-Length: 4\r\n\r\ngone");
    until(got("GET /new")); /* on the same connection */
    say("HTTP/1.1 204 No Content\r\n\r\n");
    until(owner.ended);
    assert_int_equal(owner.status, 204);
}

/* A kept connection ends as the request comes: what may be repeated is. */
static void repeats_what_is_safe(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        get("/first");
        until(accept_peer());
        until(got("GET /first"));
        say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        until(owner.ended);
        struct err e = {0};
        assert_int_equal(begin(i == 0 ? "PUT" : "GET", "/second", i == 0 ? "body" : NULL, &e),
                         ERR_OK);
        until(got("/second"));
        (void)close(up.fd);
        up.fd = -1;
        if (i == 0) {
            until(owner.failure[0] != '\0');
            assert_non_null(strstr(owner.failure, "the peer "));
            continue;
        }
        until(accept_peer());
        until(got("GET /second"));
        say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        until(owner.ended);
    }
}

static void is_cancelled_at_any_time(void **state)
{
    (void)state;
    get("/");
    fetch_cancel(owner.fetch);
    get("/");
    until(accept_peer());
    fetch_cancel(owner.fetch);
    owner.read_at_head = 1;
    get("/third");
    until((accept_peer(), got("GET /third")));
    say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    until(owner.body.len == 1);
    fetch_cancel(owner.fetch);
    until((peer_read(&up, SIZE_MAX), up.eof || up.error != 0));
    assert_false(owner.ended);
}

static void waits_for_a_response_so_long(void **state)
{
    (void)state;
    options.connect_timeout_ms = 10;
    options.idle_timeout_ms = 10;
    get("/");
    until(owner.failure[0] != '\0');
    assert_non_null(strstr(owner.failure, ": no response within the time limit"));
}

static void bounds_heads_and_connections(void **state)
{
    (void)state;
    get("/");
    until(accept_peer());
    say("HTTP/1.1 200 OK\r\nX: ");
    for (int i = 0; i < 5; i++) {
        char part[1025] = "";
        memset(part, 'x', sizeof(part) - 1);
        say(part);
    }
    until(owner.failure[0] != '\0');
    assert_non_null(strstr(owner.failure, "the peer violated the protocol ("));

    struct fetch *fetches[5];
    owner.failure[0] = '\0';
    for (int i = 0; i < 5; i++) { /* two connect, two wait */
        get("/");
        fetches[i] = owner.fetch;
    }
    until(owner.failure[0] != '\0');
    assert_non_null(strstr(owner.failure, "too many connections and waiting requests"));
    for (int i = 0; i < 4; i++)
        fetch_cancel(fetches[i]);
}

static void refuses_private_addresses(void **state)
{
    (void)state;
    options.refuse_private = true;
    get("/");
    until(owner.failure[0] != '\0');
    assert_non_null(strstr(owner.failure, "a private address"));
}

static void refuses_bad_requests(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(begin("CONNECT", "/", NULL, &e), ERR_INVALID);
    assert_string_equal(e.msg, "the method CONNECT is not allowed");
    fetch_cancel(owner.fetch);
    assert_int_equal(begin("GET", "x", NULL, &e), ERR_INVALID);
    assert_string_equal(e.msg, "port must be 1 to 65535");
    fetch_cancel(owner.fetch);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct CMUnitTest tests[] = {
    T(asks_and_reads),
    T(gives_no_more_than_was_asked_for),
    T(keeps_connections_over_redirects),
    T(repeats_what_is_safe),
    T(is_cancelled_at_any_time),
    T(waits_for_a_response_so_long),
    T(bounds_heads_and_connections),
    T(refuses_private_addresses),
    T(refuses_bad_requests),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
