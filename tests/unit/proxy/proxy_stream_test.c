#include "proxy/fixture.h"
#include "proxy/proxy_stream.h"

static struct script_exchange *seen; /* by the last function */

static void stream(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    seen = x;
    x->response_status = 201;
    x->response_sent = true;
    x->flows = true;
}

/* Reads the upstream's body and streams in its place. */
static void pass(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    seen = x;
    assert_false(x->upstream_body.collected);
    assert_true(x->flow->open(x->flow_user, SCRIPT_UPSTREAM_BODY));
    x->upstream_body.taken = true;
    x->flows = true;
}

static void only_read(struct script_exchange *x, struct script_outcome *o)
{
    pass(x, o);
    x->flows = false;
}

static void stream_instead(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    seen = x;
    x->flows = true;
}

/* Opens the client's body, and asks for 100 bytes of it. */
static void read_request(struct script_exchange *x, struct script_outcome *o)
{
    stream(x, o);
    if (!x->request_body.collected && x->flow->open(x->flow_user, SCRIPT_REQUEST_BODY))
        x->flow->want(x->flow_user, SCRIPT_REQUEST_BODY, 100);
    else
        x->response_status = 299;
}

static void setup(struct fixture *f, enum script_function function, fake_function does,
                  bool service)
{
    fixture_init(f, NULL);
    seen = NULL;
    fake_script.functions[function] = does;
    fixture_put(f, MODEL_SERVICE, "{'name':'s','urls':['http://up.example'],'retries':0}");
    fixture_put(f, MODEL_MODULE, "{'name':'m','payload':'eA==','moduleType':'javascript'}");
    fixture_put(f, MODEL_ROUTE,
                service ? "{'name':'r','paths':['/r'],'methods':['*'],'modules':['m'],"
                          "'service':'s'}"
                        : "{'name':'r','paths':['/r'],'methods':['*'],'modules':['m']}");
}

static void write_text(const char *text)
{
    seen->flow->write(seen->flow_user, str_of(text));
}

static void finish(struct fixture *f, const char *error)
{
    seen->flow->finish(seen->flow_user, error);
    fixture_turn(f);
}

/* The head goes out at once; a piece is only asked for when there is room for it. */
static void test_pieces(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, SCRIPT_REQUEST_HANDLER, stream, false);
    struct exchange *x = fixture_ask(&f, &(struct ask){.target = "/r", .room = 10});
    assert_int_equal(fixture_status(x), 201);
    assert_true(fixture_sent(x)->head->content_length < 0);
    assert_int_equal(fake_script.pulls, 1);
    assert_int_equal(fake_script.room, 10);

    write_text("0123");
    fixture_turn(&f);
    assert_int_equal(fake_script.pulls, 1);
    write_text("456789ab");
    fixture_turn(&f);
    assert_int_equal(fake_script.pulls, 1);
    (void)exchange_mem_run(x);
    assert_int_equal(fake_script.pulls, 1);

    exchange_mem_take(x, 12);
    (void)exchange_mem_run(x);
    assert_int_equal(fake_script.pulls, 2);
    assert_false(fixture_sent(x)->ended);
    finish(&f, NULL);
    assert_body(x, "0123456789ab");
    assert_true(fixture_sent(x)->ended);
    assert_int_equal(fake_script.runs, 0);
    (void)exchange_mem_run(x);
    assert_true(x->done);
    assert_int_equal(fixture_stats(&f).responses[2], 1);
    fixture_finish(&f);
}

/* Each piece in a turn of the loop of its own, even when the client takes all at once. */
static void test_a_piece_a_turn(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, SCRIPT_REQUEST_HANDLER, stream, false);
    fake_script.give = "0123456789abcdef";
    struct exchange *x = fixture_ask(&f, &(struct ask){.target = "/r", .room = 8});
    assert_int_equal(fake_script.pulls, 1);
    exchange_mem_take(x, 8);
    assert_int_equal(fake_script.pulls, 1);
    loop_turn(f.loop, false);
    assert_int_equal(fake_script.pulls, 2);
    fixture_turn(&f);
    assert_body(x, "0123456789abcdef");
    assert_true(fixture_sent(x)->ended);
    (void)exchange_mem_run(x);
    fixture_finish(&f);
}

static void test_error(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, SCRIPT_REQUEST_HANDLER, stream, false);
    struct exchange *x = fixture_get(&f, "/r");
    write_text("first");
    finish(&f, "boom");
    assert_true(fixture_sent(x)->reset);
    assert_false(fixture_sent(x)->ended);
    assert_int_equal(fake_script.runs, 0);
    assert_int_equal(fixture_stats(&f).module_errors, 1);
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_stats(&f).responses[0], 1);
    fixture_finish(&f);
}

/* The client goes away: nothing is written to it any more. */
static void test_client_gone(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, SCRIPT_REQUEST_HANDLER, stream, false);
    struct exchange *x = fixture_get(&f, "/r");
    write_text("first");
    exchange_mem_reset(x, &(struct exchange_reset){.code = EXCHANGE_PEER_RESET});
    assert_int_equal(fake_script.runs, 1);
    (void)exchange_mem_run(x);
    assert_int_equal(fake_script.runs, 0);
    fixture_finish(&f);
}

static void test_no_body(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, SCRIPT_REQUEST_HANDLER, stream, false);
    struct exchange *x = fixture_ask(&f, &(struct ask){.method = "HEAD", .target = "/r"});
    assert_int_equal(fixture_status(x), 201);
    assert_true(fixture_sent(x)->ended);
    assert_int_equal(fake_script.pulls, 0);
    assert_int_equal(fake_script.runs, 0);
    (void)exchange_mem_run(x);
    fixture_finish(&f);
}

/* The upstream is granted what the module asks for, and its bytes are the module's. */
static void test_upstream_body(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, SCRIPT_RESPONSE_MODIFIER, pass, true);
    struct exchange *x = fixture_get(&f, "/r");
    struct exchange *up = fixture_up(&f);
    fixture_head(up, 200, 10, NULL);
    exchange_mem_data(up, STR("0123456789"));
    exchange_mem_end(up, NULL);
    (void)exchange_mem_run(up);
    assert_int_equal(fixture_status(x), 200);
    assert_true(fixture_sent(x)->head->content_length < 0);
    assert_int_equal(exchange_mem_credit(up), 0);

    seen->flow->want(seen->flow_user, SCRIPT_UPSTREAM_BODY, 4);
    (void)exchange_mem_run(up);
    assert_string_equal(fake_script.fed[SCRIPT_UPSTREAM_BODY], "0123");
    write_text("four");
    seen->flow->want(seen->flow_user, SCRIPT_UPSTREAM_BODY, 100);
    (void)exchange_mem_run(up);
    assert_string_equal(fake_script.fed[SCRIPT_UPSTREAM_BODY], "0123456789.");
    write_text(" ten");
    finish(&f, NULL);
    assert_body(x, "four ten");
    assert_true(fixture_sent(x)->ended);
    (void)exchange_mem_run(x);
    fixture_finish(&f);
}

/* A module cannot make a short body look complete. */
static void test_upstream_breaks_off(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, SCRIPT_RESPONSE_MODIFIER, pass, true);
    struct exchange *x = fixture_get(&f, "/r");
    struct exchange *up = fixture_up(&f);
    fixture_head(up, 200, 10, NULL);
    (void)exchange_mem_run(up);
    seen->flow->want(seen->flow_user, SCRIPT_UPSTREAM_BODY, 4);
    exchange_mem_data(up, STR("0123"));
    exchange_mem_reset(up, &(struct exchange_reset){.code = EXCHANGE_PEER_CLOSED});
    (void)exchange_mem_run(up);
    assert_string_equal(fake_script.fed[SCRIPT_UPSTREAM_BODY],
                        "0123!the peer closed the connection");
    assert_true(fixture_sent(x)->reset);
    assert_int_equal(fixture_sent(x)->reset_code, EXCHANGE_PEER_CLOSED);
    assert_int_equal(fixture_stats(&f).upstream_errors, 1);
    (void)exchange_mem_run(x);
    fixture_finish(&f);
}

static void test_upstream_cancelled(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, SCRIPT_RESPONSE_MODIFIER, pass, true);
    struct exchange *x = fixture_get(&f, "/r");
    struct exchange *up = fixture_up(&f);
    fixture_head(up, 200, 10, NULL);
    (void)exchange_mem_run(up);
    seen->flow->cancel(seen->flow_user, SCRIPT_UPSTREAM_BODY);
    assert_true(fixture_sent(up)->reset);
    (void)exchange_mem_run(up);
    write_text("own");
    finish(&f, NULL);
    assert_body(x, "own");
    assert_true(fixture_sent(x)->ended);
    (void)exchange_mem_run(x);
    fixture_finish(&f);
}

static void test_upstream_not_needed(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, SCRIPT_RESPONSE_MODIFIER, stream_instead, true);
    struct exchange *x = fixture_get(&f, "/r");
    struct exchange *up = fixture_up(&f);
    fixture_head(up, 200, 10, NULL);
    (void)exchange_mem_run(up);
    assert_true(fixture_sent(up)->reset);
    (void)exchange_mem_run(up);
    write_text("own");
    finish(&f, NULL);
    assert_body(x, "own");
    (void)exchange_mem_run(x);
    fixture_finish(&f);
}

static void test_upstream_body_is_lost(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, SCRIPT_RESPONSE_MODIFIER, only_read, true);
    struct exchange *x = fixture_get(&f, "/r");
    struct exchange *up = fixture_up(&f);
    fixture_head(up, 200, 10, NULL);
    (void)exchange_mem_run(up);
    assert_error(x, 502, "a module made an invalid response");
    assert_true(fixture_sent(up)->reset);
    (void)exchange_mem_run(up);
    fixture_finish(&f);
}

static void test_request_body(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, SCRIPT_REQUEST_HANDLER, read_request, false);
    struct exchange *x =
        fixture_ask(&f, &(struct ask){.method = "POST", .target = "/r", .body = true, .length = 6});
    assert_int_equal(exchange_mem_credit(x), 100);
    exchange_mem_data(x, STR("abc"));
    exchange_mem_data(x, STR("def"));
    exchange_mem_end(x, NULL);
    (void)exchange_mem_run(x);
    assert_string_equal(fake_script.fed[SCRIPT_REQUEST_BODY], "abcdef.");
    write_text("x");
    finish(&f, NULL);
    assert_body(x, "x");
    (void)exchange_mem_run(x);
    fixture_finish(&f);
}

/* With a service the body is the upstream's. */
static void test_request_body_of_a_service(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, SCRIPT_REQUEST_MODIFIER, read_request, true);
    struct exchange *x =
        fixture_ask(&f, &(struct ask){.method = "POST", .target = "/r", .body = true, .length = 6});
    assert_int_equal(fixture_status(x), 299);
    finish(&f, NULL);
    (void)exchange_mem_run(x);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_a_piece_a_turn),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_client_gone),
        cmocka_unit_test(test_no_body),
        cmocka_unit_test(test_upstream_body),
        cmocka_unit_test(test_upstream_breaks_off),
        cmocka_unit_test(test_upstream_cancelled),
        cmocka_unit_test(test_upstream_not_needed),
        cmocka_unit_test(test_upstream_body_is_lost),
        cmocka_unit_test(test_request_body),
        cmocka_unit_test(test_request_body_of_a_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
