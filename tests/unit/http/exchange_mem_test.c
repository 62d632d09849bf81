/* Exchanges in memory keep the contract of exchange.h. */
#include "http/exchange_mem.h"
#include "http/owner.h"

static struct owner owner;

static int setup(void **state)
{
    (void)state;
    owner_init(&owner);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    owner_finish(&owner);
    return 0;
}

static const struct http_head get = {
    .method = {"GET", 3}, .authority = {"h", 1}, .target = {"/a", 2}, .no_body = true};

static struct http_head post(void)
{
    struct http_head head = get;
    head.method = STR("POST");
    head.no_body = false;
    head.content_length = HTTP_LENGTH_UNKNOWN;
    return head;
}

static struct exchange *receive(const struct http_head *head)
{
    struct exchange *x = exchange_mem_create(head, 100);
    owner_take(&owner, x);
    return x;
}

static void test_request_and_response(void **state)
{
    (void)state;
    struct exchange *x = receive(&get);
    assert_true(x->end_received);
    assert_str(x->request->target, "/a");
    exchange_respond(x, 404, NULL, STR("text/plain"), STR("none"));
    assert_non_null(owner.x); /* no event from within a call */
    const struct exchange_mem_sent *sent = exchange_mem_sent(x);
    assert_int_equal(sent->head->status, 404);
    assert_str(sent->head->reason, "Not Found");
    assert_int_equal(sent->head->content_length, 4);
    assert_str(http_head_find(&sent->head->fields, HTTP_FIELD_CONTENT_TYPE)->value, "text/plain");
    assert_non_null(http_head_find(&sent->head->fields, HTTP_FIELD_DATE));
    assert_str(buf_str(&sent->data), "none");
    assert_true(sent->ended);
    assert_int_equal(exchange_mem_run(x), 1);
    assert_str(buf_str(&owner.log), "done\n");
    assert_false(exchange_mem_step(x));
    exchange_mem_destroy(x);
}

static void test_forgotten(void **state)
{
    (void)state;
    const struct http_head head = post();
    struct exchange *x = exchange_mem_create(&head, 100);
    exchange_forget(x);
    exchange_grant(x, 100);
    exchange_mem_data(x, STR("abc"));
    exchange_mem_end(x, NULL);
    assert_int_equal(exchange_mem_run(x), 2);
    exchange_respond(x, 200, NULL, STR("text/plain"), STR("late"));
    assert_int_equal(exchange_mem_run(x), 1);
    assert_true(x->done);
    exchange_mem_destroy(x);

    x = exchange_mem_create(&head, 100);
    exchange_forget(x);
    exchange_mem_reset(x, &(struct exchange_reset){.code = EXCHANGE_PEER_RESET});
    assert_int_equal(exchange_mem_run(x), 2);
    assert_true(x->done);
    exchange_mem_destroy(x);
}

static void test_credit(void **state)
{
    (void)state;
    const struct http_head head = post();
    struct exchange *x = receive(&head);
    assert_false(x->end_received);
    exchange_mem_data(x, STR("abcdef"));
    exchange_mem_data(x, STR("ghi"));
    exchange_mem_end(x, NULL);
    assert_int_equal(exchange_mem_run(x), 0);
    exchange_grant(x, 4);
    assert_int_equal(exchange_mem_credit(x), 4);
    assert_int_equal(exchange_mem_run(x), 1);
    assert_str(buf_str(&owner.data), "abcd");
    assert_int_equal(exchange_mem_queued(x), 5);
    exchange_grant(x, 5);
    (void)exchange_mem_run(x); /* the end needs no credit */
    assert_str(buf_str(&owner.data), "abcdefghi");
    assert_str(buf_str(&owner.log), "end\n");
    assert_int_equal(exchange_mem_sent(x)->granted, 9);
    exchange_mem_destroy(x);
}

static void test_room(void **state)
{
    (void)state;
    struct exchange *x = receive(&get);
    const struct http_head head = {.status = 200, .content_length = HTTP_LENGTH_UNKNOWN};
    char bytes[150] = {0};
    exchange_send_head(x, &head);
    assert_int_equal(exchange_room(x), 100);
    exchange_send_data(x, (struct str){bytes, sizeof(bytes)});
    assert_int_equal(exchange_room(x), 0);
    exchange_mem_take(x, 60);
    assert_int_equal(exchange_mem_run(x), 0); /* 10 is not much */
    exchange_mem_take(x, 60);
    (void)exchange_mem_run(x);
    assert_int_equal(owner.rooms, 1);
    assert_int_equal(exchange_room(x), 70);
    exchange_send_end(x, NULL);
    (void)exchange_mem_run(x);
    assert_str(buf_str(&owner.log), "done\n");
    exchange_mem_destroy(x);
}

static void test_resets(void **state)
{
    (void)state;
    const struct http_head head = post();
    struct exchange *x = receive(&head);
    exchange_mem_data(x, STR("stuck"));
    const struct exchange_reset why = {.code = EXCHANGE_PEER_RESET};
    exchange_mem_reset(x, &why);
    (void)exchange_mem_run(x); /* overtakes what waits for credit */
    assert_str(buf_str(&owner.log), "reset PEER_RESET\ndone\n");
    exchange_mem_destroy(x);

    buf_clear(&owner.log);
    x = receive(&head);
    exchange_mem_data(x, STR("stuck"));
    exchange_reset(x, EXCHANGE_CANCELED);
    exchange_reset(x, EXCHANGE_TIMEOUT);
    exchange_grant(x, 10);
    assert_int_equal(exchange_room(x), 0);
    (void)exchange_mem_run(x);
    assert_str(buf_str(&owner.log), "done\n");
    assert_true(exchange_mem_sent(x)->reset);
    assert_int_equal(exchange_mem_sent(x)->reset_code, EXCHANGE_CANCELED);
    exchange_mem_destroy(x);
}

static void test_lengths_must_be_kept(void **state)
{
    (void)state;
    const struct http_head head = {.status = 200, .content_length = 3};
    for (int i = 0; i < 2; i++) {
        buf_clear(&owner.log);
        struct exchange *x = receive(&get);
        exchange_send_head(x, &head);
        exchange_send_data(x, i == 0 ? STR("four") : STR("2"));
        exchange_send_end(x, NULL);
        (void)exchange_mem_run(x);
        assert_str(buf_str(&owner.log), "reset PROTOCOL\ndone\n");
        exchange_mem_destroy(x);
    }
}

static void test_dropped_bodies_and_interim_heads(void **state)
{
    (void)state;
    struct http_head request = get;
    request.method = STR("HEAD");
    struct exchange *x = receive(&request);
    const struct http_head early = {.status = 103};
    exchange_send_info(x, &early);
    exchange_respond(x, 200, NULL, STR(""), STR("dropped"));
    exchange_respond(x, 500, NULL, STR(""), STR("ignored"));
    assert_int_equal(exchange_mem_sent(x)->info_count, 1);
    assert_int_equal(exchange_mem_sent(x)->infos[0]->status, 103);
    assert_int_equal(exchange_mem_sent(x)->head->status, 200);
    assert_int_equal(exchange_mem_sent(x)->data.len, 0);
    (void)exchange_mem_run(x);
    exchange_mem_destroy(x);
}

static void test_tunnel(void **state)
{
    (void)state;
    struct http_head request = get;
    request.upgrade = STR("ws");
    struct exchange *x = receive(&request);
    const struct http_head head = {.status = 101, .upgrade = STR("ws")};
    exchange_send_head(x, &head);
    assert_false(x->end_received);
    exchange_grant(x, 10);
    exchange_mem_data(x, STR("in"));
    exchange_send_data(x, STR("out"));
    exchange_send_end(x, NULL);
    (void)exchange_mem_run(x);
    assert_str(buf_str(&owner.log), "");
    exchange_mem_end(x, NULL);
    (void)exchange_mem_run(x);
    assert_str(buf_str(&owner.log), "end\ndone\n");
    exchange_mem_destroy(x);
}

static struct exchange *open_one(struct http_client *c, const struct http_head *head)
{
    const struct http_client_request r = {
        .host = STR("up"), .port = 80, .head = head, .events = &owner_events, .user = &owner};
    struct exchange *x = http_client_open(c, &r);
    assert_ptr_equal(exchange_mem_client_next(c), x);
    assert_null(exchange_mem_client_next(c));
    owner.x = x;
    return x;
}

static void test_client(void **state)
{
    (void)state;
    struct http_client *c = exchange_mem_client_create(1000);
    struct http_field f = {STR("X-T"), STR("1"), HTTP_FIELD_OTHER};
    const struct http_fields trailers = {.v = &f, .n = 1, .cap = 1};
    const struct http_head request = post();
    struct exchange *x = open_one(c, &request);
    assert_str(exchange_mem_request(x)->host, "up");
    assert_int_equal(exchange_mem_request(x)->port, 80);
    assert_str(exchange_mem_sent(x)->head->target, "/a");
    exchange_send_data(x, STR("body"));
    exchange_send_end(x, &trailers);
    assert_str(buf_str(&exchange_mem_sent(x)->data), "body");
    assert_str(exchange_mem_sent(x)->trailers->v[0].value, "1");

    const struct http_head early = {.status = 103};
    const struct http_head head = {.status = 200, .content_length = 2};
    exchange_mem_info(x, &early);
    exchange_mem_head(x, &head);
    exchange_mem_data(x, STR("ok"));
    exchange_mem_end(x, &trailers);
    exchange_grant(x, 10);
    (void)exchange_mem_run(x);
    assert_str(buf_str(&owner.log), "info 103\nhead 200\nend\ntrailer X-T: 1\ndone\n");
    assert_str(buf_str(&owner.data), "ok");

    buf_clear(&owner.log);
    x = open_one(c, &get);
    assert_true(x->end_sent);
    struct http_client_stats stats;
    http_client_stats_get(c, &stats);
    assert_int_equal(stats.opened, 2);
    http_client_destroy(c);
    assert_str(buf_str(&owner.log), "reset SHUTDOWN\ndone\n");
}

static void test_client_tunnel(void **state)
{
    (void)state;
    struct http_client *c = exchange_mem_client_create(1000);
    struct http_head request = get;
    request.upgrade = STR("ws");
    struct exchange *x = open_one(c, &request);
    const struct http_head head = {
        .status = 101, .content_length = HTTP_LENGTH_UNKNOWN, .upgrade = STR("ws")};
    exchange_mem_head(x, &head);
    exchange_mem_end(x, NULL);
    (void)exchange_mem_run(x);
    assert_str(buf_str(&owner.log), "head 101\nend\n");
    assert_false(x->end_sent);
    exchange_send_data(x, STR("out"));
    assert_str(buf_str(&exchange_mem_sent(x)->data), "out");
    exchange_send_end(x, NULL);
    (void)exchange_mem_run(x);
    assert_str(buf_str(&owner.log), "head 101\nend\ndone\n");
    http_client_destroy(c);
}

static void touch_after_done(void *arg)
{
    exchange_grant(arg, 1);
}

static void head_twice(void *arg)
{
    const struct http_head head = {.status = 200};
    exchange_send_head(arg, &head);
}

static void test_misuse_is_found_out(void **state)
{
    (void)state;
    struct exchange *x = receive(&get);
    exchange_respond(x, 200, NULL, STR(""), STR(""));
    assert_aborts(head_twice, x);
    (void)exchange_mem_run(x);
    assert_aborts(touch_after_done, x);
    exchange_mem_destroy(x);
    exchange_mem_destroy(NULL);
}

static void test_reset_table(void **state)
{
    (void)state;
    assert_string_equal(exchange_reset_name(EXCHANGE_CONNECT_TIMEOUT), "CONNECT_TIMEOUT");
    assert_string_equal(exchange_reset_text(EXCHANGE_SHUTDOWN), "shutting down");
    assert_int_equal(exchange_reset_status(EXCHANGE_OVERLOADED), 503);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_request_and_response),
        T(test_forgotten),
        T(test_credit),
        T(test_room),
        T(test_resets),
        T(test_lengths_must_be_kept),
        T(test_dropped_bodies_and_interim_heads),
        T(test_tunnel),
        T(test_client),
        T(test_client_tunnel),
        T(test_misuse_is_found_out),
        T(test_reset_table),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
