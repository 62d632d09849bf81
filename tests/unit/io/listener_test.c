#include <sys/resource.h>
#include <sys/un.h>

#include "io/listener.h"
#include "io/peer.h"

enum { CLIENTS = 10 };

static struct listener *listener;
static int fd;
static uint16_t port;
static int accepted;
static int most_in_a_turn;
static int in_this_turn;

static int setup(void **state)
{
    (void)peer_loop_setup(state);
    struct err e;
    const struct listener_address a = {.host = STR("127.0.0.1"), .reuseport = true};
    assert_int_equal(listener_bind(&a, &fd, &e), ERR_OK);
    struct sockaddr_in in;
    socklen_t len = sizeof(in);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    port = ntohs(in.sin_port);
    listener = NULL;
    accepted = 0;
    most_in_a_turn = 0;
    in_this_turn = 0;
    return 0;
}

static int teardown(void **state)
{
    listener_destroy(listener);
    (void)close(fd);
    return peer_loop_teardown(state);
}

static void on_accept(void *user, int client, const struct sockaddr *peer)
{
    assert_ptr_equal(user, &accepted);
    assert_int_equal(peer->sa_family, AF_INET);
    assert_true((fcntl(client, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(client, F_GETFD) & FD_CLOEXEC) != 0);
    int on = 0;
    socklen_t len = sizeof(on);
    assert_int_equal(getsockopt(client, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, &len), 0);
    assert_int_equal(on, 1);
    (void)close(client);
    accepted++;
    in_this_turn++;
    most_in_a_turn = in_this_turn > most_in_a_turn ? in_this_turn : most_in_a_turn;
}

static int connect_one(void)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s >= 0);
    assert_int_equal(connect(s, (struct sockaddr *)&a, sizeof(a)), 0);
    return s;
}

static void test_accepts_in_bursts(void **state)
{
    (void)state;
    int clients[CLIENTS];
    listener = listener_create(loop, fd, 3, on_accept, &accepted);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = connect_one();
    peer_turns(3);
    assert_int_equal(accepted, 0);
    assert_false(listener_is_started(listener));
    listener_start(listener);
    listener_start(listener);
    const uint64_t end = now_mono_ns() + 5000000000ULL;
    while (accepted < CLIENTS && now_mono_ns() < end) {
        in_this_turn = 0;
        loop_turn(loop, true);
    }
    assert_int_equal(accepted, CLIENTS);
    assert_true(most_in_a_turn <= 6); /* a task and an event may meet in one turn */

    listener_stop(listener);
    listener_stop(listener);
    int waiting = connect_one();
    peer_turns(5);
    assert_int_equal(accepted, CLIENTS);
    listener_start(listener);
    until(accepted == CLIENTS + 1);
    (void)close(waiting);
    for (int i = 0; i < CLIENTS; i++)
        (void)close(clients[i]);
}

static void test_out_of_descriptors(void **state)
{
    (void)state;
    struct peer client;
    listener = listener_create(loop, fd, 10, on_accept, &accepted);
    listener_start(listener);
    loop_turn(loop, false);
    peer_init(&client, connect_one());
    assert_int_equal(fcntl(client.fd, F_SETFL, O_NONBLOCK), 0);

    struct rlimit before;
    struct rlimit none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(next >= 0);
    none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    (void)close(next);
    int plug = fcntl(client.fd, F_DUPFD_CLOEXEC, 0);
    while (plug >= 0 && plug < next - 1)
        plug = fcntl(client.fd, F_DUPFD_CLOEXEC, 0); /* every free one below the limit */
    const uint64_t end = now_mono_ns() + 5000000000ULL;
    while (!peer_closed(&client) && now_mono_ns() < end)
        loop_turn(loop, true);
    const bool closed = peer_closed(&client);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(closed); /* not left hanging */
    assert_int_equal(accepted, 0);
    peer_finish(&client);
    for (int i = 3; i < next; i++) {
        struct sockaddr_in in = {0};
        socklen_t len = sizeof(in);
        if (getpeername(i, (struct sockaddr *)&in, &len) == 0 && in.sin_port == htons(port))
            (void)close(i);
    }
    int again = connect_one();
    until(accepted == 1);
    (void)close(again);
}

static void test_errors_name_the_address(void **state)
{
    (void)state;
    struct err e;
    int other = -1;
    const struct listener_address taken = {.host = STR("127.0.0.1"), .port = port};
    assert_int_not_equal(listener_bind(&taken, &other, &e), ERR_OK);
    char expected[64];
    (void)snprintf(expected, sizeof(expected), "127.0.0.1:%u: address already in use", port);
    assert_string_equal(e.msg, expected);
    assert_int_equal(other, -1);

    const struct listener_address no_address = {.host = STR("example.com"), .port = 1};
    assert_int_not_equal(listener_bind(&no_address, &other, &e), ERR_OK);
    assert_string_equal(e.msg, "example.com is not an IP address");

    const struct listener_address foreign = {.host = STR("192.0.2.1"), .port = 1234};
    assert_int_not_equal(listener_bind(&foreign, &other, &e), ERR_OK);
    assert_string_equal(e.msg, "192.0.2.1:1234: this machine has no such address");

    const struct listener_address nowhere = {.path = STR("/no/such/directory/s")};
    assert_int_not_equal(listener_bind(&nowhere, &other, &e), ERR_OK);
    assert_string_equal(e.msg, "/no/such/directory/s: no such directory");
}

static void test_several_sockets_share_a_port(void **state)
{
    (void)state;
    struct err e;
    int other = -1;
    const struct listener_address a = {.host = STR("127.0.0.1"), .port = port, .reuseport = true};
    assert_int_equal(listener_bind(&a, &other, &e), ERR_OK);
    (void)close(other);
}

static void test_all_addresses(void **state)
{
    (void)state;
    struct err e;
    static const char *const hosts[] = {"", "*", "0.0.0.0", "localhost"};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        int all = -1;
        const struct listener_address a = {.host = str_of(hosts[i])};
        assert_int_equal(listener_bind(&a, &all, &e), ERR_OK);
        union {
            struct sockaddr any;
            struct sockaddr_in in;
            struct sockaddr_in6 in6;
        } s = {.in6 = {.sin6_port = 0}};
        socklen_t len = sizeof(s);
        assert_int_equal(getsockname(all, &s.any, &len), 0);
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        to.sin_port = s.in.sin_port; /* at the same place in both */
        int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(c, (struct sockaddr *)&to, sizeof(to)), 0);
        (void)close(c);
        (void)close(all);
    }
}

static void test_unix_socket(void **state)
{
    (void)state;
    struct err e;
    char directory[] = "/tmp/dgate-listener-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/s", directory);
    const struct listener_address a = {.path = str_of(path)};
    int first = -1;
    int second = -1;
    assert_int_equal(listener_bind(&a, &first, &e), ERR_OK);
    assert_int_not_equal(listener_bind(&a, &second, &e), ERR_OK); /* somebody listens */
    assert_true(strstr(e.msg, "address already in use") != NULL);
    (void)close(first);
    assert_int_equal(listener_bind(&a, &second, &e), ERR_OK); /* abandoned */
    (void)close(second);
    (void)unlink(path);
    (void)rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_accepts_in_bursts),       T(test_out_of_descriptors),
        T(test_errors_name_the_address), T(test_several_sockets_share_a_port),
        T(test_all_addresses),           T(test_unix_socket),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
