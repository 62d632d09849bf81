/* The resolver against a name server in this process. */
#include "io/peer.h"
#include "io/resolver.h"

enum { ANSWERS_MAX = 4 };

static struct resolver *resolver;
static struct resolver_options options;
static int server;
static char servers[32];
static int questions;   /* for A records */
static int answers;     /* how many A records to give; -1: fail; -2: stay silent */
static uint32_t ttl_s;  /* of them */
static char asked[300]; /* the last name, with dots */

struct asker {
    struct resolver_query query;
    int calls;
    bool ok;
    struct resolver_answer answer;
};

static void on_done(struct resolver_query *q, const struct resolver_answer *answer,
                    const char *error)
{
    struct asker *a = container_of(q, struct asker, query);
    a->calls++;
    a->ok = answer != NULL;
    if (answer != NULL)
        a->answer = *answer;
    else
        assert_non_null(error);
}

static int setup(void **state)
{
    (void)peer_loop_setup(state);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(server >= 0);
    assert_int_equal(bind(server, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&a, &len), 0);
    (void)snprintf(servers, sizeof(servers), "127.0.0.1:%u", ntohs(a.sin_port));
    options = (struct resolver_options){.ttl_max_ms = 60000,
                                        .negative_ms = 60000,
                                        .timeout_ms = 500,
                                        .names_max = 4,
                                        .servers = servers};
    resolver = resolver_create(loop, &options);
    questions = 0;
    answers = 1;
    ttl_s = 60;
    return 0;
}

static int teardown(void **state)
{
    resolver_destroy(resolver);
    (void)close(server);
    return peer_loop_teardown(state);
}

/* Answers one waiting question: 10.0.0.1, 10.0.0.2, ... for A, nothing for AAAA. */
static void serve(void)
{
    unsigned char m[512];
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    ssize_t n = recvfrom(server, m, sizeof(m), 0, (struct sockaddr *)&from, &len);
    if (n < 17)
        return;
    size_t at = 12;
    size_t out = 0;
    while (m[at] != 0) {
        memcpy(asked + out, m + at + 1, m[at]);
        out += m[at];
        asked[out++] = '.';
        at += m[at] + 1U;
    }
    asked[out - 1] = '\0';
    at += 5;
    const bool is_a = m[at - 3] == 1;
    if (is_a)
        questions++;
    if (answers == -2)
        return;
    const int count = is_a && answers > 0 ? answers : 0;
    m[2] = 0x81; /* a response */
    m[3] = (unsigned char)(answers < 0 ? 0x83 : 0x80);
    memset(m + 6, 0, 6);
    m[7] = (unsigned char)count;
    for (int i = 1; i <= count; i++) {
        const unsigned char record[] = {0xc0,
                                        12,
                                        0,
                                        1,
                                        0,
                                        1,
                                        0,
                                        0,
                                        (unsigned char)(ttl_s >> 8),
                                        (unsigned char)ttl_s,
                                        0,
                                        4,
                                        10,
                                        0,
                                        0,
                                        (unsigned char)i};
        memcpy(m + at, record, sizeof(record));
        at += sizeof(record);
    }
    (void)sendto(server, m, at, 0, (struct sockaddr *)&from, len);
}

static void ask(struct asker *a, const char *name)
{
    a->query.done = on_done;
    resolver_ask(resolver, &a->query, str_of(name));
    assert_int_equal(a->calls, 0);
}

static void ask_and_wait(struct asker *a, const char *name)
{
    *a = (struct asker){0};
    ask(a, name);
    until((serve(), a->calls == 1));
}

static void test_needs_no_question(void **state)
{
    (void)state;
    struct resolver_answer a;
    char text[RESOLVER_TEXT_SIZE];
    assert_true(resolver_lookup(resolver, STR("192.0.2.7"), &a));
    assert_int_equal(a.n, 1);
    a.v[0].in.sin_port = htons(80);
    resolver_address_text(&a.v[0], text);
    assert_string_equal(text, "192.0.2.7:80");
    assert_int_equal(resolver_address_size(&a.v[0]), sizeof(struct sockaddr_in));
    assert_true(resolver_lookup(resolver, STR("2001:db8::1"), &a));
    a.v[0].in6.sin6_port = htons(443);
    resolver_address_text(&a.v[0], text);
    assert_string_equal(text, "[2001:db8::1]:443");
    assert_int_equal(resolver_address_size(&a.v[0]), sizeof(struct sockaddr_in6));
    assert_true(resolver_lookup(resolver, STR("LocalHost"), &a));
    assert_int_equal(a.n, 2);
    resolver_address_host(&a.v[0], text);
    assert_string_equal(text, "127.0.0.1");
    assert_false(resolver_lookup(resolver, STR("up.test"), &a));
    assert_false(resolver_lookup(resolver, STR(""), &a));
    assert_int_equal(questions, 0);
}

static void test_asks_and_keeps_the_answer(void **state)
{
    (void)state;
    struct asker a;
    struct resolver_answer r;
    answers = 3;
    ask_and_wait(&a, "up.test");
    assert_true(a.ok);
    assert_string_equal(asked, "up.test");
    assert_int_equal(a.answer.n, 3);
    assert_int_equal(questions, 1);

    /* Every answer begins with the next address and has all of them. */
    bool first[4] = {false};
    first[ntohl(a.answer.v[0].in.sin_addr.s_addr) & 3] = true;
    for (int i = 0; i < 2; i++) {
        assert_true(resolver_lookup(resolver, STR("up.test"), &r));
        assert_int_equal(r.n, 3);
        first[ntohl(r.v[0].in.sin_addr.s_addr) & 3] = true;
    }
    assert_true(first[1] && first[2] && first[3]);
    assert_int_equal(questions, 1);
}

static void test_askers_share_a_question(void **state)
{
    (void)state;
    struct asker a = {0};
    struct asker b = {0};
    struct asker gone = {0};
    ask(&a, "up.test");
    ask(&b, "up.test");
    ask(&gone, "up.test");
    resolver_cancel(&gone.query);
    resolver_cancel(&gone.query);
    until((serve(), a.calls == 1 && b.calls == 1));
    assert_true(a.ok && b.ok);
    assert_int_equal(gone.calls, 0);
    assert_int_equal(questions, 1);
}

static void test_remembers_failures(void **state)
{
    (void)state;
    struct asker a;
    answers = -1;
    ask_and_wait(&a, "no.test");
    assert_false(a.ok);
    const int before = questions;
    ask_and_wait(&a, "no.test");
    assert_false(a.ok);
    assert_int_equal(questions, before);
}

static void test_silent_server(void **state)
{
    (void)state;
    struct asker a;
    resolver_destroy(resolver);
    options.timeout_ms = 20;
    resolver = resolver_create(loop, &options);
    answers = -2;
    ask_and_wait(&a, "slow.test");
    assert_false(a.ok);
}

static void test_failure_keeps_the_last_answer(void **state)
{
    (void)state;
    struct asker a;
    struct resolver_answer r;
    ttl_s = 0; /* kept for a second */
    ask_and_wait(&a, "up.test");
    assert_true(a.ok);
    answers = -1;
    const int before = questions;
    const uint64_t begin = now_mono_ns();
    /* Expired: the answer is given, and renewed behind the scenes. */
    until((serve(), (questions > before) | !resolver_lookup(resolver, STR("up.test"), &r)));
    assert_true(now_mono_ns() - begin >= 900000000);
    for (int i = 0; i < 20; i++) {
        serve();
        loop_turn(loop, true);
    }
    assert_true(resolver_lookup(resolver, STR("up.test"), &r));
    assert_int_equal(r.n, 1);
    struct asker b = {0};
    ask(&b, "up.test");
    until((serve(), b.calls == 1));
    assert_true(b.ok);
}

static void test_names_are_bounded(void **state)
{
    (void)state;
    struct asker a[6] = {0};
    char name[32];
    answers = -2;
    for (int i = 0; i < 6; i++) {
        (void)snprintf(name, sizeof(name), "n%d.test", i);
        ask(&a[i], name);
    }
    until((serve(), a[4].calls == 1 && a[5].calls == 1)); /* no room: refused */
    assert_false(a[4].ok || a[5].ok);
    assert_int_equal(a[0].calls, 0);
    for (int i = 0; i < 4; i++)
        resolver_cancel(&a[i].query);

    char longest[300];
    memset(longest, 'l', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    struct asker b = {0};
    ask(&b, longest);
    until(b.calls == 1);
    assert_false(b.ok);
}

static void test_names_are_evicted(void **state)
{
    (void)state;
    struct asker a;
    char name[32];
    for (int i = 0; i < 10; i++) {
        (void)snprintf(name, sizeof(name), "n%d.test", i);
        ask_and_wait(&a, name);
        assert_true(a.ok);
    }
}

static void test_destroyed_while_asking(void **state)
{
    (void)state;
    struct asker a = {0};
    answers = -2;
    ask(&a, "up.test");
    peer_turns(2);
    resolver_cancel(&a.query);
    resolver_destroy(resolver);
    resolver = NULL;
    assert_int_equal(a.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_needs_no_question),       T(test_asks_and_keeps_the_answer),
        T(test_askers_share_a_question), T(test_remembers_failures),
        T(test_silent_server),           T(test_failure_keeps_the_last_answer),
        T(test_names_are_bounded),       T(test_names_are_evicted),
        T(test_destroyed_while_asking),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
