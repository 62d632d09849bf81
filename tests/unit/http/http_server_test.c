/* Which connections the server lets in; what it does with them is in h1_server_test.c. */
#include "http/http_server.h"
#include "http/owner.h"

enum { PEERS = 80 };

/* A gate with so many places; tickets are numbered. */
static struct {
    int places;
    int inside;
    int entered;
    int left;
    uint32_t next_ticket;
    uint64_t tickets; /* bits of those that are out */
    char address[64];
} gate;

static struct http_server *server;
static struct http_server_options options;
static struct peer peers[PEERS];
static size_t peer_count;
static struct owner owner;

static bool enter(void *user, const char *address, uint32_t *ticket)
{
    assert_ptr_equal(user, &gate);
    (void)snprintf(gate.address, sizeof(gate.address), "%s", address);
    if (gate.inside >= gate.places)
        return false;
    gate.inside++;
    gate.entered++;
    *ticket = gate.next_ticket++;
    gate.tickets |= UINT64_C(1) << *ticket;
    return true;
}

static void leave(void *user, uint32_t ticket)
{
    assert_ptr_equal(user, &gate);
    assert_true((gate.tickets >> ticket & 1) != 0);
    gate.tickets &= ~(UINT64_C(1) << ticket);
    gate.inside--;
    gate.left++;
}

static void on_request(void *user, struct exchange *x)
{
    owner_take(user, x);
    if (str_eq(x->request->target, STR("/hold")))
        return;
    exchange_respond(x, 200, NULL, STR("text/plain"), STR("hello"));
}

static int setup(void **state)
{
    (void)peer_loop_setup(state);
    memset(&gate, 0, sizeof(gate));
    gate.places = 2;
    options = (struct http_server_options){
        .limits = {.line_max = 8192, .head_max = 65536, .fields_max = 100, .trailer_max = 16384},
        .header_timeout_ms = 60000,
        .idle_timeout_ms = 60000,
        .buffer = 65536,
        .request_memory = 1 << 20,
        .connections_max = 100,
        .drain_max = 65536,
        .gate = {.enter = enter, .leave = leave, .user = &gate},
    };
    owner_init(&owner);
    peer_count = 0;
    server = http_server_create(loop, &options, on_request, &owner);
    return 0;
}

static int teardown(void **state)
{
    http_server_destroy(server);
    assert_int_equal(gate.inside, 0);
    assert_int_equal(gate.entered, gate.left);
    for (size_t i = 0; i < peer_count; i++)
        peer_finish(&peers[i]);
    owner_finish(&owner);
    return peer_loop_teardown(state);
}

static struct peer *connect_peer(void)
{
    int fds[2];
    assert_true(peer_count < PEERS);
    struct peer *p = &peers[peer_count++];
    peer_pair(fds);
    peer_init(p, fds[0]);
    http_server_accept(server, fds[1], NULL);
    return p;
}

static struct http_server_stats stats(void)
{
    struct http_server_stats s;
    http_server_stats_get(server, &s);
    return s;
}

static void test_one_too_many_is_answered(void **state)
{
    (void)state;
    struct peer *a = connect_peer();
    (void)connect_peer();
    assert_string_equal(gate.address, "127.0.0.1");
    struct peer *c = connect_peer();
    peer_text(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(peer_closed(c));
    assert_true(peer_has(c, "HTTP/1.1 429 Too Many Requests\r\n"));
    assert_true(peer_has(c, "Connection: close\r\n"));
    assert_true(peer_has(c, "{\"error\":\"too many connections of this client\",\"status\":429}"));
    assert_int_equal(stats().limited, 1);
    assert_int_equal(stats().overloaded, 0);
    assert_int_equal(stats().requests, 0);
    assert_int_equal(gate.inside, 2);

    /* Of the others, one serves, and goes: its place is free then. */
    peer_text(a, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(peer_has(a, "hello"));
    (void)shutdown(a->fd, SHUT_WR);
    until(gate.inside == 1);
    struct peer *d = connect_peer();
    peer_text(d, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    until(peer_has(d, "hello"));
    assert_int_equal(gate.inside, 2);
}

static void test_ends_of_connections(void **state)
{
    (void)state;
    struct peer *a = connect_peer();
    peer_text(a, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    until(owner.x != NULL);
    peer_abort(a); /* in the middle of a request */
    until(gate.inside == 0);
    struct peer *b = connect_peer();
    peer_text(b, "nonsense\r\n\r\n"); /* refused by the server itself */
    until(peer_closed(b));
    peer_finish(b);
    until(gate.inside == 0);
    struct peer *c = connect_peer();
    peer_abort(c); /* before a request */
    until(gate.inside == 0);
    struct peer *d = connect_peer();
    peer_text(d, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    until(owner.x != NULL);
    assert_int_equal(gate.inside, 1); /* teardown kills it */
}

/* Many that are refused do not hold memory and descriptors while their clients read. */
static void test_many_are_just_closed(void **state)
{
    (void)state;
    gate.places = 0;
    for (int i = 0; i < PEERS; i++)
        (void)connect_peer();
    until(peer_closed(&peers[PEERS - 1]));
    assert_int_equal(peers[PEERS - 1].got.len, 0);
    until(peer_has(&peers[0], " 429 "));
    assert_int_equal(stats().limited, PEERS);
    for (int i = 0; i < PEERS; i++)
        peer_finish(&peers[i]);
    until(stats().connections == 0);
    peer_count = 0;
    until(peer_has(connect_peer(), " 429 ")); /* there is room for answers again */
}

/* The server's own maximum comes first: the gate is not asked. */
static void test_overload_does_not_count(void **state)
{
    (void)state;
    http_server_destroy(server);
    options.connections_max = 1;
    server = http_server_create(loop, &options, on_request, &owner);
    (void)connect_peer();
    struct peer *b = connect_peer();
    until(peer_has(b, " 503 "));
    assert_int_equal(gate.entered, 1);
    assert_int_equal(stats().overloaded, 1);
    assert_int_equal(stats().limited, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_one_too_many_is_answered),
        T(test_ends_of_connections),
        T(test_many_are_just_closed),
        T(test_overload_does_not_count),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
