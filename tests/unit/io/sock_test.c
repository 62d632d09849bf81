#include "io/peer.h"
#include "io/sock.h"

struct seen {
    struct sock sock;
    int calls;
    bool close; /* from within */
};

static void on_ready(struct sock *s)
{
    struct seen *x = container_of(s, struct seen, sock);
    x->calls++;
    if (x->close)
        sock_close(s);
}

static struct peer other;
static struct seen seen;

static int setup(void **state)
{
    (void)peer_loop_setup(state);
    int fds[2];
    peer_pair(fds);
    peer_init(&other, fds[0]);
    seen = (struct seen){0};
    assert_true(sock_open(&seen.sock, loop, fds[1], on_ready));
    return 0;
}

static int teardown(void **state)
{
    sock_close(&seen.sock);
    peer_finish(&other);
    return peer_loop_teardown(state);
}

static enum sock_result read_some(size_t size, size_t *got)
{
    static char bytes[1 << 16];
    return sock_read(&seen.sock, bytes, size, got);
}

static enum sock_result write_some(size_t size, size_t *put)
{
    static char bytes[1 << 20];
    struct iovec iov = {.iov_base = bytes, .iov_len = size};
    return sock_write(&seen.sock, &iov, 1, put);
}

static void test_reading(void **state)
{
    (void)state;
    size_t got = 0;
    assert_false(seen.sock.readable);
    assert_int_equal(read_some(10, &got), SOCK_AGAIN);
    peer_text(&other, "hello");
    until(seen.calls == 1);
    assert_true(seen.sock.readable);
    assert_int_equal(read_some(3, &got), SOCK_OK);
    assert_int_equal(got, 3);
    assert_true(seen.sock.readable); /* there may be more, and there is no second event */
    assert_int_equal(read_some(10, &got), SOCK_OK);
    assert_int_equal(got, 2);
    assert_false(seen.sock.readable); /* a short read has emptied it */
    peer_text(&other, "bye");
    (void)shutdown(other.fd, SHUT_WR);
    until(seen.sock.closed);
    assert_int_equal(read_some(10, &got), SOCK_OK);
    assert_true(seen.sock.readable);
    assert_int_equal(read_some(10, &got), SOCK_EOF);
    assert_false(seen.sock.failed);
}

static void test_writing(void **state)
{
    (void)state;
    size_t put = 0;
    size_t sum = 0;
    assert_true(seen.sock.writable);
    while (seen.sock.writable) {
        if (write_some(1 << 20, &put) == SOCK_OK)
            sum += put;
        assert_true(sum < 1 << 28);
    }
    assert_int_equal(write_some(1, &put), SOCK_AGAIN);
    until((peer_read(&other, SIZE_MAX), seen.sock.writable));
    assert_int_equal(write_some(10, &put), SOCK_OK);
    assert_int_equal(put, 10);
    sock_shutdown(&seen.sock);
    until(peer_closed(&other));
    assert_int_equal(other.got.len, sum + 10);
    assert_true(other.eof);
}

static void test_reset_by_the_peer(void **state)
{
    (void)state;
    size_t n = 0;
    peer_text(&other, "last");
    until(seen.calls == 1);
    peer_abort(&other);
    until(seen.sock.failed);
    assert_int_equal(read_some(10, &n), SOCK_OK); /* what came before */
    assert_true(seen.sock.readable);
    assert_int_equal(read_some(10, &n), SOCK_ERROR);
    assert_int_equal(write_some(10, &n), SOCK_ERROR); /* and no SIGPIPE */
}

static void test_closing(void **state)
{
    (void)state;
    seen.close = true;
    peer_text(&other, "x");
    until(seen.sock.fd < 0);
    until(peer_closed(&other));
    sock_close(&seen.sock);
    sock_abort(&seen.sock);
    sock_shutdown(&seen.sock);
}

static void test_abort(void **state)
{
    (void)state;
    sock_abort(&seen.sock);
    until(peer_closed(&other));
    assert_int_equal(other.error, ECONNRESET);
}

static void test_connect(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(l, (struct sockaddr *)&a, &len), 0);

    struct seen refused = {0};
    if (sock_connect(&refused.sock, loop, (struct sockaddr *)&a, sizeof(a), on_ready)) {
        until(sock_connected(&refused.sock) != EINPROGRESS);
        sock_close(&refused.sock);
    } else {
        assert_int_equal(errno, ECONNREFUSED);
    }

    assert_int_equal(listen(l, 1), 0);
    struct seen x = {0};
    assert_true(sock_connect(&x.sock, loop, (struct sockaddr *)&a, sizeof(a), on_ready));
    until(x.calls > 0 && sock_connected(&x.sock) == 0);
    assert_true(x.sock.writable);
    int on = 0;
    len = sizeof(on);
    assert_int_equal(getsockopt(x.sock.fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, &len), 0);
    assert_int_equal(on, 1);

    /* What the peer's kernel has seen is acknowledged; what follows its reset is not. */
    char abc[] = "abc";
    struct iovec iov = {.iov_base = abc, .iov_len = 3};
    size_t put = 0;
    assert_true(sock_unacked_since(&x.sock, 0));
    assert_int_equal(sock_write(&x.sock, &iov, 1, &put), SOCK_OK);
    until(!sock_unacked_since(&x.sock, 0));
    assert_true(sock_unacked_since(&x.sock, 3));
    sock_close(&x.sock);
    (void)close(l);

    struct sockaddr_in bad = {.sin_family = 250};
    assert_false(sock_connect(&x.sock, loop, (struct sockaddr *)&bad, sizeof(bad), on_ready));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_reading), T(test_writing), T(test_reset_by_the_peer),
        T(test_closing), T(test_abort),   T(test_connect),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
