#include <sys/un.h>

#include "io/ipc.h"
#include "io/peer.h"

enum { FRAME_MAX = 1000, BACKLOG_MAX = 4096, LOG_SIZE = 4096 };

struct end {
    struct ipc *ipc;
    char log[LOG_SIZE]; /* "type:payload " per message */
    size_t bytes;
    int messages;
    int closed;
    char why[256];
    bool closes;       /* the callback closes the link */
    bool answers;      /* the callback answers each message */
    uint8_t first;     /* of the last payload */
    struct end *kills; /* the callback closes another link */
};

static void on_message(void *user, uint8_t type, struct str payload)
{
    struct end *e = user;
    const size_t used = strlen(e->log);
    e->messages++;
    e->bytes += payload.len;
    e->first = payload.len > 0 ? (uint8_t)payload.p[0] : 0;
    if (payload.len < 32 && used < LOG_SIZE - 64)
        (void)snprintf(e->log + used, LOG_SIZE - used, "%u:%.*s ", type, STR_ARG(payload));
    if (e->answers)
        ipc_send(e->ipc, (uint8_t)(type + 1), payload);
    if (e->kills != NULL) {
        ipc_close(e->kills->ipc);
        e->kills->ipc = NULL;
    }
    if (e->closes) {
        ipc_close(e->ipc);
        e->ipc = NULL;
    }
}

static void on_closed(void *user, const char *text)
{
    struct end *e = user;
    e->closed++;
    e->ipc = NULL;
    (void)snprintf(e->why, sizeof(e->why), "%s", text);
}

static const struct ipc_events EVENTS = {on_message, on_closed};
static const struct ipc_options OPTIONS = {FRAME_MAX, BACKLOG_MAX};

static void unix_pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

/* One end is a link, the other a plain socket. */
static void open_half(struct end *e, struct peer *p)
{
    int fds[2];
    unix_pair(fds);
    *e = (struct end){0};
    e->ipc = ipc_create(loop, fds[0], &OPTIONS, &EVENTS, e);
    peer_init(p, fds[1]);
}

static void open_both(struct end *a, struct end *b, const struct ipc_options *options)
{
    int fds[2];
    unix_pair(fds);
    *a = (struct end){0};
    *b = (struct end){0};
    a->ipc = ipc_create(loop, fds[0], options, &EVENTS, a);
    b->ipc = ipc_create(loop, fds[1], options, &EVENTS, b);
}

static size_t put_frame(char *to, uint8_t type, const char *payload)
{
    const size_t len = strlen(payload);
    for (size_t k = 0; k < 4; k++)
        to[k] = (char)(unsigned char)(len >> (8 * k));
    to[4] = (char)type;
    memcpy(to + 5, payload, len);
    return len + 5;
}

static void test_both_ways(void **state)
{
    (void)state;
    struct end a;
    struct end b;
    open_both(&a, &b, &OPTIONS);
    b.answers = true;
    ipc_send(a.ipc, 1, STR("one"));
    ipc_send(a.ipc, 3, STR(""));
    ipc_send(a.ipc, 250, STR("x"));
    until(a.messages == 3);
    assert_string_equal(b.log, "1:one 3: 250:x ");
    assert_string_equal(a.log, "2:one 4: 251:x ");
    ipc_close(a.ipc);
    until(b.closed == 1);
    assert_string_equal(b.why, "closed by the peer");
    assert_int_equal(a.closed, 0);
    ipc_close(NULL);
}

static void test_split_byte_by_byte(void **state)
{
    (void)state;
    struct end e;
    struct peer p;
    char bytes[64];
    open_half(&e, &p);
    size_t n = put_frame(bytes, 7, "hello");
    n += put_frame(bytes + n, 8, "");
    n += put_frame(bytes + n, 9, "z");
    for (size_t i = 0; i < n; i++) {
        peer_write(&p, (struct str){bytes + i, 1});
        peer_turns(2);
    }
    until(e.messages == 3);
    assert_string_equal(e.log, "7:hello 8: 9:z ");
    ipc_close(e.ipc);
    peer_finish(&p);
}

static void test_every_split_in_two(void **state)
{
    (void)state;
    char bytes[64];
    size_t n = put_frame(bytes, 7, "hello");
    n += put_frame(bytes + n, 8, "world");
    for (size_t at = 1; at < n; at++) {
        struct end e;
        struct peer p;
        open_half(&e, &p);
        peer_write(&p, (struct str){bytes, at});
        peer_turns(2);
        peer_write(&p, (struct str){bytes + at, n - at});
        until(e.messages == 2);
        assert_string_equal(e.log, "7:hello 8:world ");
        ipc_close(e.ipc);
        peer_finish(&p);
    }
}

static void test_many_frames_in_one_read(void **state)
{
    (void)state;
    struct end e;
    struct peer p;
    char frame[64];
    open_half(&e, &p);
    const size_t n = put_frame(frame, 1, "some bytes of a payload");
    for (int i = 0; i < 20000; i++)
        peer_write(&p, (struct str){frame, n});
    until(e.messages == 20000);
    assert_int_equal(e.bytes, 20000 * strlen("some bytes of a payload"));
    ipc_close(e.ipc);
    peer_finish(&p);
}

static void test_an_oversized_frame_closes(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        int closed;
    } cases[] = {
        {"\xe8\x03\x00\x00\x01", 0}, /* 1000 = FRAME_MAX */
        {"\xe9\x03\x00\x00\x01", 1},
        {"\xff\xff\xff\xff\x01", 1},
        {"\x00\x00\x00\x80\x01", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct end e;
        struct peer p;
        open_half(&e, &p);
        peer_write(&p, (struct str){cases[i].head, 5});
        peer_turns(4);
        assert_int_equal(e.closed, cases[i].closed);
        assert_int_equal(e.messages, 0);
        if (e.closed > 0) {
            assert_string_equal(e.why, "a message is too large");
            assert_true(peer_closed(&p));
        }
        ipc_close(e.ipc);
        peer_finish(&p);
    }
}

static void test_the_largest_frame(void **state)
{
    (void)state;
    struct end a;
    struct end b;
    char payload[FRAME_MAX + 1];
    memset(payload, 'p', sizeof(payload));
    open_both(&a, &b, &OPTIONS);
    ipc_send(a.ipc, 1, (struct str){payload, FRAME_MAX});
    until(b.messages == 1);
    assert_int_equal(b.bytes, FRAME_MAX);
    assert_int_equal(b.first, 'p');
    /* One byte more is refused by the sender: on a later turn, and only once. */
    ipc_send(a.ipc, 1, (struct str){payload, FRAME_MAX + 1});
    assert_int_equal(a.closed, 0);
    ipc_send(a.ipc, 1, (struct str){payload, FRAME_MAX + 1});
    ipc_send(a.ipc, 1, STR("dropped"));
    until(a.closed == 1 && b.closed == 1);
    peer_turns(3);
    assert_int_equal(a.closed, 1);
    assert_int_equal(b.messages, 1);
}

static void test_a_full_backlog_closes(void **state)
{
    (void)state;
    struct end e;
    struct peer p;
    char payload[FRAME_MAX];
    memset(payload, 'p', sizeof(payload));
    open_half(&e, &p);
    int sent = 0;
    for (; e.closed == 0 && sent < 100000; sent++) {
        ipc_send(e.ipc, 1, (struct str){payload, sizeof(payload)});
        if (sent % 64 == 63)
            loop_turn(loop, false);
    }
    assert_int_equal(e.closed, 1);
    assert_true(sent > 4);
    assert_non_null(strstr(e.why, "does not keep up"));
    peer_finish(&p);
}

static void test_a_backlog_is_written_when_the_peer_reads(void **state)
{
    (void)state;
    static const struct ipc_options large = {FRAME_MAX, 16 * 1024 * 1024};
    struct end a;
    struct end b;
    char payload[FRAME_MAX];
    memset(payload, 'q', sizeof(payload));
    open_both(&a, &b, &large);
    for (int i = 0; i < 5000; i++)
        ipc_send(a.ipc, 1, (struct str){payload, sizeof(payload)});
    until(b.messages == 5000);
    assert_int_equal(b.bytes, 5000 * sizeof(payload));
    ipc_close(a.ipc);
    ipc_close(b.ipc);
}

static void test_a_peer_that_closes_in_a_frame(void **state)
{
    (void)state;
    struct end e;
    struct peer p;
    open_half(&e, &p);
    peer_write(&p, (struct str){"\x05\x00\x00\x00\x01he", 7});
    peer_finish(&p);
    until(e.closed == 1);
    assert_int_equal(e.messages, 0);
}

static void test_messages_before_the_close_are_delivered(void **state)
{
    (void)state;
    struct end e;
    struct peer p;
    char bytes[64];
    open_half(&e, &p);
    const size_t n = put_frame(bytes, 4, "last");
    peer_write(&p, (struct str){bytes, n});
    peer_finish(&p);
    until(e.closed == 1);
    assert_string_equal(e.log, "4:last ");
}

static void test_sending_to_a_closed_peer(void **state)
{
    (void)state;
    struct end e;
    struct peer p;
    open_half(&e, &p);
    peer_finish(&p);
    ipc_send(e.ipc, 1, STR("a"));
    ipc_send(e.ipc, 1, STR("b"));
    assert_int_equal(e.closed, 0);
    until(e.closed == 1);
    peer_turns(3);
    assert_int_equal(e.closed, 1);
}

static void test_closed_from_within(void **state)
{
    (void)state;
    struct end e;
    struct peer p;
    char bytes[64];
    open_half(&e, &p);
    e.closes = true;
    e.answers = true;
    size_t n = put_frame(bytes, 1, "a");
    n += put_frame(bytes + n, 1, "b");
    peer_write(&p, (struct str){bytes, n});
    until(e.messages == 1);
    until(peer_closed(&p));
    peer_turns(3);
    assert_int_equal(e.messages, 1);
    assert_int_equal(e.closed, 0);
    peer_finish(&p);
}

static void test_one_link_closes_another(void **state)
{
    (void)state;
    struct end ends[2];
    struct peer peers[2];
    char bytes[64];
    const size_t n = put_frame(bytes, 1, "a");
    for (int i = 0; i < 2; i++)
        open_half(&ends[i], &peers[i]);
    ends[0].kills = &ends[1];
    ends[1].kills = &ends[0];
    for (int i = 0; i < 2; i++)
        peer_write(&peers[i], (struct str){bytes, n});
    peer_turns(5);
    assert_int_equal(ends[0].messages + ends[1].messages, 1);
    for (int i = 0; i < 2; i++) {
        ipc_close(ends[i].ipc);
        peer_finish(&peers[i]);
    }
}

static void test_closed_after_a_failed_send(void **state)
{
    (void)state;
    struct end e;
    struct peer p;
    char payload[FRAME_MAX + 1] = {0};
    open_half(&e, &p);
    ipc_send(e.ipc, 1, (struct str){payload, sizeof(payload)});
    ipc_close(e.ipc);
    peer_turns(3);
    assert_int_equal(e.closed, 0);
    peer_finish(&p);
}

static void test_addresses(void **state)
{
    (void)state;
    char address[108];
    size_t len = 0;
    struct err err = {0};
    const int listening = ipc_listen(address, sizeof(address), &len, &err);
    assert_true(listening >= 0);
    assert_true(len > 1 && len < sizeof(address));
    assert_int_equal(address[0], '\0');
    assert_int_equal(ipc_accept(listening), -1);
    struct end a = {0};
    struct end b = {0};
    const int there = ipc_connect((struct str){address, len}, &err);
    const int here = ipc_accept(listening);
    assert_true(there >= 0 && here >= 0);
    assert_true((fcntl(there, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(here, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(here, F_GETFD) & FD_CLOEXEC) != 0);
    a.ipc = ipc_create(loop, there, &OPTIONS, &EVENTS, &a);
    b.ipc = ipc_create(loop, here, &OPTIONS, &EVENTS, &b);
    ipc_send(a.ipc, 5, STR("over the address"));
    until(b.messages == 1);
    assert_string_equal(b.log, "5:over the address ");
    ipc_close(a.ipc);
    ipc_close(b.ipc);

    (void)close(listening);
    assert_int_equal(ipc_connect((struct str){address, len}, &err), -1);
    assert_int_equal(err.code, ERR_IO);
    char longer[200] = {0};
    assert_int_equal(ipc_connect((struct str){longer, sizeof(longer)}, &err), -1);
    assert_int_equal(err.code, ERR_INTERNAL);
    size_t untouched = 77;
    assert_int_equal(ipc_listen(address, 2, &untouched, &err), -1);
    assert_int_equal(untouched, 77);
}

static void test_payloads(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_true(ipc_write_u64(&b, UINT64_MAX - 1));
    assert_true(ipc_write_u8(&b, 200));
    assert_true(ipc_write_bytes(&b, STR("a\0b")));
    assert_true(ipc_write_bytes(&b, STR("")));
    assert_int_equal(b.len, 8 + 1 + 8 + 3 + 8);
    struct ipc_reader r = {.rest = buf_str(&b)};
    assert_true(ipc_read_u64(&r) == UINT64_MAX - 1);
    assert_int_equal(ipc_read_u8(&r), 200);
    const struct str s = ipc_read_bytes(&r);
    assert_true(str_eq(s, STR("a\0b")));
    assert_int_equal(ipc_read_bytes(&r).len, 0);
    assert_false(r.bad);
    assert_int_equal(r.rest.len, 0);
    assert_int_equal(ipc_read_u8(&r), 0);
    assert_true(r.bad);
    buf_finish(&b);

    buf_init(&b, 10);
    assert_true(ipc_write_u64(&b, 1));
    assert_false(ipc_write_u64(&b, 1));
    assert_false(ipc_write_bytes(&b, STR("x")));
    buf_finish(&b);
}

static void test_a_reader_past_the_end(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"", 0},
        {"\x01\x00\x00\x00\x00\x00\x00", 7},
        {"\x01\x00\x00\x00\x00\x00\x00\x00", 8}, /* the length, no byte */
        {"\xff\xff\xff\xff\xff\xff\xff\xff"
         "abc",
         11},
        {"\x04\x00\x00\x00\x00\x00\x00\x00"
         "abc",
         11},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ipc_reader r = {.rest = {cases[i].bytes, cases[i].len}};
        const struct str s = ipc_read_bytes(&r);
        assert_int_equal(s.len, 0);
        assert_true(r.bad);
        /* It stays bad, whatever is left. */
        assert_true(ipc_read_u64(&r) == 0);
        assert_int_equal(ipc_read_u8(&r), 0);
        assert_int_equal(ipc_read_bytes(&r).len, 0);
        assert_true(r.bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_both_ways),
        T(test_split_byte_by_byte),
        T(test_every_split_in_two),
        T(test_many_frames_in_one_read),
        T(test_an_oversized_frame_closes),
        T(test_the_largest_frame),
        T(test_a_full_backlog_closes),
        T(test_a_backlog_is_written_when_the_peer_reads),
        T(test_a_peer_that_closes_in_a_frame),
        T(test_messages_before_the_close_are_delivered),
        T(test_sending_to_a_closed_peer),
        T(test_closed_from_within),
        T(test_one_link_closes_another),
        T(test_closed_after_a_failed_send),
        T(test_addresses),
        T(test_payloads),
        T(test_a_reader_past_the_end),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
