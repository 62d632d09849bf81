/* Both sides together: client -> server -> client -> server, with bodies of many sizes both ways, by an owner that
 * passes on what comes as far as there is room, as the proxy does.
 */
#include "http/http_client.h"
#include "http/http_server.h"
#include "http/owner.h"
#include "io/listener.h"
#include "io/resolver.h"

enum { CLIENTS = 8, REQUESTS = 40, BODY_MAX = 300000 };

static struct resolver *resolver;
static struct http_client *to_gateway;
static struct http_client *to_upstream;
static struct http_server *gateway;
static struct http_server *upstream;
static uint16_t gateway_port;
static uint16_t upstream_port;
static struct listener *listeners[2];
static int fds[2];
static char bytes[BODY_MAX];
static uint32_t random_state;

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % below;
}

/* The gateway: two exchanges that feed each other. */
struct pair {
    struct exchange *down;
    struct exchange *up;
};

static struct exchange *other_of(struct exchange *x)
{
    struct pair *p = x->user;
    return x == p->down ? p->up : p->down;
}

static void relay_head(struct exchange *x, const struct http_head *head)
{
    struct exchange *to = other_of(x);
    if (to == NULL)
        return;
    exchange_send_head(to, head);
    exchange_grant(x, exchange_room(to));
}

static void relay_data(struct exchange *x, struct str data)
{
    struct exchange *to = other_of(x);
    if (to == NULL)
        return;
    exchange_send_data(to, data);
    if (exchange_room(to) > 0)
        exchange_grant(x, data.len);
}

static void relay_end(struct exchange *x, const struct http_fields *trailers)
{
    struct exchange *to = other_of(x);
    if (to != NULL)
        exchange_send_end(to, trailers);
}

static void relay_room(struct exchange *x)
{
    struct exchange *from = other_of(x);
    if (from != NULL)
        exchange_grant(from, exchange_room(x));
}

static void relay_reset(struct exchange *x, const struct exchange_reset *why)
{
    (void)why;
    struct exchange *to = other_of(x);
    if (to != NULL)
        exchange_reset(to, EXCHANGE_CANCELED);
}

static void relay_done(struct exchange *x)
{
    struct pair *p = x->user;
    if (x == p->down)
        p->down = NULL;
    else
        p->up = NULL;
    if (p->down == NULL && p->up == NULL)
        free(p);
}

static const struct exchange_events relay_events = {
    .on_head = relay_head,
    .on_data = relay_data,
    .on_end = relay_end,
    .on_room = relay_room,
    .on_reset = relay_reset,
    .on_done = relay_done,
};

static void on_gateway(void *user, struct exchange *x)
{
    (void)user;
    struct pair *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    x->events = &relay_events;
    x->user = p;
    p->down = x;
    const struct http_client_request r = {.host = STR("127.0.0.1"),
                                          .port = upstream_port,
                                          .head = x->request,
                                          .connect_timeout_ms = 5000,
                                          .events = &relay_events,
                                          .user = p};
    p->up = http_client_open(to_upstream, &r);
    exchange_grant(x, 65536);
}

/* The upstream echoes: chunked or with the length, as the request. */
static void echo_data(struct exchange *x, struct str data)
{
    exchange_send_data(x, data);
    if (exchange_room(x) > 0)
        exchange_grant(x, data.len);
}

static void echo_end(struct exchange *x, const struct http_fields *trailers)
{
    exchange_send_end(x, trailers);
}

static void echo_room(struct exchange *x)
{
    exchange_grant(x, exchange_room(x));
}

static const struct exchange_events echo_events = {
    .on_data = echo_data,
    .on_end = echo_end,
    .on_room = echo_room,
};

static void on_upstream(void *user, struct exchange *x)
{
    (void)user;
    x->events = &echo_events;
    const struct http_head head = {.status = 200, .content_length = x->request->content_length};
    exchange_send_head(x, &head);
    if (x->end_received)
        exchange_send_end(x, NULL);
    exchange_grant(x, 65536);
}

static void on_accept(void *user, int fd, const struct sockaddr *peer)
{
    http_server_accept(*(struct http_server **)user, fd, peer);
}

static uint16_t start_listening(int i, struct http_server **server)
{
    struct err e;
    const struct listener_address a = {.host = STR("127.0.0.1")};
    assert_int_equal(listener_bind(&a, &fds[i], &e), ERR_OK);
    listeners[i] = listener_create(loop, fds[i], 64, on_accept, server);
    listener_start(listeners[i]);
    struct sockaddr_in in = {0};
    socklen_t len = sizeof(in);
    assert_int_equal(getsockname(fds[i], (struct sockaddr *)&in, &len), 0);
    return ntohs(in.sin_port);
}

static int setup(void **state)
{
    (void)peer_loop_setup(state);
    const struct resolver_options names = {
        .ttl_max_ms = 60000, .negative_ms = 1000, .timeout_ms = 1000, .names_max = 16};
    resolver = resolver_create(loop, &names);
    const struct http1_limits limits = {8192, 65536, 100, 16384};
    const struct http_client_options client = {.limits = limits,
                                               .idle_timeout_ms = 20000,
                                               .keepalive_ms = 20000,
                                               .buffer = 65536,
                                               .request_memory = 1 << 20,
                                               .connections_max = 4,
                                               .queue_max = 100,
                                               .resolver = resolver};
    const struct http_server_options server = {.limits = limits,
                                               .header_timeout_ms = 20000,
                                               .idle_timeout_ms = 20000,
                                               .buffer = 65536,
                                               .request_memory = 1 << 20,
                                               .connections_max = 100,
                                               .drain_max = 65536,
                                               .half_close_probe_ms = 1000};
    to_gateway = http_client_create(loop, &client);
    to_upstream = http_client_create(loop, &client);
    gateway = http_server_create(loop, &server, on_gateway, NULL);
    upstream = http_server_create(loop, &server, on_upstream, NULL);
    gateway_port = start_listening(0, &gateway);
    upstream_port = start_listening(1, &upstream);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)('a' + i % 23);
    random_state = 1;
    return 0;
}

static int teardown(void **state)
{
    for (int i = 0; i < 2; i++) {
        listener_destroy(listeners[i]);
        (void)close(fds[i]);
    }
    http_client_destroy(to_gateway);
    http_server_destroy(gateway);
    http_client_destroy(to_upstream);
    http_server_destroy(upstream);
    resolver_destroy(resolver);
    return peer_loop_teardown(state);
}

/* One request at a time of each client; the body is sent in pieces of random size as there is room. */
struct sender {
    struct owner owner;
    size_t size;
    size_t sent;
    int left;
    bool ended;
};

static void start(struct sender *s)
{
    struct http_head head = {.method = STR("GET"),
                             .scheme = STR("http"),
                             .authority = STR("h"),
                             .target = STR("/x"),
                             .no_body = true};
    owner_finish(&s->owner);
    owner_init(&s->owner);
    s->owner.auto_grant = true;
    s->left--;
    s->size = next_random(3) == 0 ? 0 : next_random(1U << next_random(18)) + 1;
    s->sent = 0;
    s->ended = s->size == 0;
    if (s->size > 0) {
        head.method = STR("POST");
        head.no_body = false;
        head.content_length = next_random(2) == 0 ? HTTP_LENGTH_UNKNOWN : (int64_t)s->size;
    }
    const struct http_client_request r = {.host = STR("localhost"),
                                          .port = gateway_port,
                                          .head = &head,
                                          .connect_timeout_ms = 10000,
                                          .events = &owner_events,
                                          .user = &s->owner};
    s->owner.x = http_client_open(to_gateway, &r);
    exchange_grant(s->owner.x, 1 + next_random(65536));
}

static void send_some(struct sender *s)
{
    struct exchange *x = s->owner.x;
    size_t n = 1 + next_random(40000);
    if (n > s->size - s->sent)
        n = s->size - s->sent;
    if (n > 0 && exchange_room(x) > 0) {
        exchange_send_data(x, (struct str){bytes + s->sent, n});
        s->sent += n;
    }
    if (s->sent == s->size) {
        exchange_send_end(x, NULL);
        s->ended = true;
    }
}

static void check(const struct sender *s)
{
    assert_false(s->owner.reset);
    assert_int_equal(s->owner.status, 200);
    assert_true(s->owner.ended);
    assert_int_equal(s->owner.data.len, s->size);
    if (s->size > 0)
        assert_memory_equal(buf_str(&s->owner.data).p, bytes, s->size);
}

static void test_bodies_arrive_whole(void **state)
{
    (void)state;
    static struct sender senders[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        senders[i] = (struct sender){.left = REQUESTS};
        owner_init(&senders[i].owner);
        start(&senders[i]);
    }
    const uint64_t end = now_mono_ns() + 60 * 1000000000ULL;
    int running = CLIENTS;
    while (running > 0) {
        running = 0;
        assert_true(now_mono_ns() < end);
        loop_turn(loop, false);
        for (int i = 0; i < CLIENTS; i++) {
            struct sender *s = &senders[i];
            if (s->owner.x != NULL && !s->ended)
                send_some(s);
            if (s->owner.x == NULL && s->owner.log.len > 0) {
                check(s);
                buf_clear(&s->owner.log);
                if (s->left > 0)
                    start(s);
            }
            running += s->owner.x != NULL ? 1 : 0;
        }
    }
    struct http_client_stats stats;
    http_client_stats_get(to_gateway, &stats);
    assert_true(stats.opened <= 8);
    assert_true(stats.reused >= CLIENTS * REQUESTS - 8);
    for (int i = 0; i < CLIENTS; i++)
        owner_finish(&senders[i].owner);
}

/* Clients that go away in the middle leave nothing behind. */
static void test_aborts_are_passed_on(void **state)
{
    (void)state;
    static struct sender s;
    struct http_server_stats in;
    for (int i = 0; i < 50; i++) {
        s = (struct sender){.left = 1};
        owner_init(&s.owner);
        start(&s);
        const uint32_t turns = next_random(12);
        for (uint32_t t = 0; t < turns && s.owner.x != NULL; t++) {
            if (!s.ended)
                send_some(&s);
            loop_turn(loop, false);
        }
        if (s.owner.x != NULL)
            exchange_reset(s.owner.x, EXCHANGE_CANCELED);
        until(s.owner.x == NULL);
        owner_finish(&s.owner);
    }
    until((http_server_stats_get(gateway, &in), in.exchanges == 0));
    until((http_server_stats_get(upstream, &in), in.exchanges == 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bodies_arrive_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_aborts_are_passed_on, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
