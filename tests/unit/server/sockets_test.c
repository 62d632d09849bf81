#include <fcntl.h>

#include "io/peer.h"
#include "server/sockets.h"

static void close_all(struct sockets *s)
{
    for (size_t i = STDERR_FILENO + 1; i < ARRAY_LEN(s->fds); i++)
        if (s->fds[i] >= 0)
            (void)close(s->fds[i]);
}

static char loopback[] = "127.0.0.1";

static struct launch launch_with(struct config *c, uint32_t workers)
{
    c->proxy.host = c->admin.host = c->test_server.host = loopback;
    return (struct launch){.config = c, .workers = workers};
}

static void test_every_worker_shares_the_proxys_port(void **state)
{
    (void)state;
    struct config c = {.admin.enabled = true, .test_server.enabled = true};
    struct launch l = launch_with(&c, 3);
    struct sockets s;
    struct err e = {0};
    sockets_init(&s);
    assert_int_equal(s.fds[STDERR_FILENO], STDERR_FILENO);
    assert_int_equal(s.fds[STDIN_FILENO], -1);
    assert_int_equal(sockets_bind(&s, &l, &e), ERR_OK);
    assert_true(l.proxy_port > 0 && l.admin_port > 0 && l.test_port > 0);
    assert_true(l.address_len > 1 && l.address[0] == '\0');
    for (int i = 0; i < 3; i++) {
        struct sockaddr_in a = {0};
        socklen_t len = sizeof(a);
        assert_int_equal(
            getsockname(s.fds[LAUNCH_FD_PROXY + i], (struct sockaddr *)(void *)&a, &len), 0);
        assert_int_equal(ntohs(a.sin_port), l.proxy_port);
    }
    assert_int_equal(s.fds[LAUNCH_FD_PROXY + 3], -1);
    close_all(&s);
}

static void test_what_is_not_enabled_is_not_bound(void **state)
{
    (void)state;
    struct config c = {0};
    struct launch l = launch_with(&c, 1);
    struct sockets s;
    struct err e = {0};
    sockets_init(&s);
    assert_int_equal(sockets_bind(&s, &l, &e), ERR_OK);
    assert_int_equal(s.fds[LAUNCH_FD_ADMIN], -1);
    assert_int_equal(s.fds[LAUNCH_FD_TEST], -1);
    assert_true(s.fds[LAUNCH_FD_CONTROL] >= 0);
    close_all(&s);
}

/* A port in use is an error that names the address, also for the proxy, whose sockets could share it. */
static void test_a_port_in_use(void **state)
{
    (void)state;
    struct config c = {.admin.enabled = true};
    struct launch l = launch_with(&c, 2);
    struct sockets first;
    struct err e = {0};
    char address[32];
    sockets_init(&first);
    assert_int_equal(sockets_bind(&first, &l, &e), ERR_OK);
    for (int turn = 0; turn < 2; turn++) {
        const int64_t port = turn == 0 ? l.proxy_port : l.admin_port;
        struct config other = {.admin.enabled = true};
        struct launch second = launch_with(&other, 2);
        struct sockets s;
        *(turn == 0 ? &other.proxy.port : &other.admin.port) = port;
        sockets_init(&s);
        assert_int_not_equal(sockets_bind(&s, &second, &e), ERR_OK);
        (void)snprintf(address, sizeof(address), "127.0.0.1:%d", (int)port);
        assert_non_null(strstr(e.msg, address));
        assert_non_null(strstr(e.msg, "in use"));
        close_all(&s);
    }
    close_all(&first);
}

static void test_what_each_role_gets(void **state)
{
    (void)state;
    struct sockets s;
    int fds[SOCKETS_MAX];
    sockets_init(&s);
    for (size_t i = 0; i < LAUNCH_FD_PROXY + 2; i++)
        s.fds[i] = 100 + (int)i;
    assert_int_equal(sockets_for(&s, LAUNCH_CONTROL, 2, fds), LAUNCH_FD_PROXY);
    assert_int_equal(fds[LAUNCH_FD_ADMIN], 100 + LAUNCH_FD_ADMIN);
    assert_int_equal(fds[LAUNCH_FD_LOCK], 100 + LAUNCH_FD_LOCK);
    assert_int_equal(sockets_for(&s, LAUNCH_WORKER, 2, fds), LAUNCH_FD_PROXY + 2);
    static const int hidden[] = {LAUNCH_FD_ADMIN, LAUNCH_FD_TEST, LAUNCH_FD_CONTROL,
                                 LAUNCH_FD_LOCK};
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
        assert_int_equal(fds[hidden[i]], -1);
    assert_int_equal(fds[LAUNCH_FD_PROXY + 1], 100 + LAUNCH_FD_PROXY + 1);
    assert_int_equal(fds[LAUNCH_FD_NODE], 100 + LAUNCH_FD_NODE);
}

static void test_stop_listening(void **state)
{
    (void)state;
    struct config c = {.admin.enabled = true};
    struct launch l = launch_with(&c, 2);
    struct sockets s;
    struct err e = {0};
    sockets_init(&s);
    assert_int_equal(sockets_bind(&s, &l, &e), ERR_OK);
    s.fds[LAUNCH_FD_NODE] = fcntl(s.fds[LAUNCH_FD_CONTROL], F_DUPFD_CLOEXEC, 0);
    const int proxy = s.fds[LAUNCH_FD_PROXY];
    sockets_stop_listening(&s);
    assert_int_equal(fcntl(proxy, F_GETFD), -1);
    assert_int_equal(s.fds[LAUNCH_FD_PROXY] & s.fds[LAUNCH_FD_ADMIN], -1);
    assert_true(fcntl(s.fds[LAUNCH_FD_NODE], F_GETFD) >= 0);
    close_all(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_worker_shares_the_proxys_port),
        cmocka_unit_test(test_what_is_not_enabled_is_not_bound),
        cmocka_unit_test(test_a_port_in_use),
        cmocka_unit_test(test_what_each_role_gets),
        cmocka_unit_test(test_stop_listening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
