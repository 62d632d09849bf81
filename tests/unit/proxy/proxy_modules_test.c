#include "proxy/fixture.h"
#include "proxy/proxy_modules.h"

/* Helpers of the functions below. */
static void respond(struct script_exchange *x, uint16_t status, const char *body)
{
    x->response_status = status;
    x->response_sent = true;
    assert_true(buf_addf(&x->response_body, "%s", body));
}

static void fail_with(struct script_outcome *o, enum script_status status, const char *text)
{
    o->status = status;
    o->text = str_of(text);
}

static void do_nothing(struct script_exchange *x, struct script_outcome *o)
{
    (void)x;
    (void)o;
}

static void throw_boom(struct script_exchange *x, struct script_outcome *o)
{
    (void)x;
    fail_with(o, SCRIPT_THREW, "Error: boom at m:1:2");
}

static void throw_boom_half_done(struct script_exchange *x, struct script_outcome *o)
{
    x->response_status = 201;
    fail_with(o, SCRIPT_THREW, "Error: boom at m:1:2");
}

static void use_cpu(struct script_exchange *x, struct script_outcome *o)
{
    (void)x;
    fail_with(o, SCRIPT_CPU, "m used more than 100 ms");
}

static void use_heap(struct script_exchange *x, struct script_outcome *o)
{
    (void)x;
    fail_with(o, SCRIPT_HEAP, "m used more than 256 MB");
}

static void use_wall(struct script_exchange *x, struct script_outcome *o)
{
    (void)x;
    fail_with(o, SCRIPT_WALL, "m took more than 30 s");
}

static void answer_teapot(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    assert_true(http_head_add(&x->response_fields, x->arena, STR("Content-Type"), STR("text/tea")));
    assert_true(http_head_add(&x->response_fields, x->arena, STR("Content-Length"), STR("99")));
    respond(x, 418, "short and stout");
}

static void answer_nonsense(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    assert_true(http_head_add(&x->response_fields, x->arena, STR("X-A"), STR("a\r\nB: c")));
    respond(x, 200, "x");
}

static void answer_status_1(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    respond(x, 1, "x");
}

static void set_status(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    x->response_status = 404;
}

static void fetch_other(struct script_exchange *x, struct script_outcome *o)
{
    (void)x;
    o->text = STR("http://chosen.example:99/base?k=v");
}

static void fetch_bare(struct script_exchange *x, struct script_outcome *o)
{
    (void)x;
    o->text = STR("chosen.example:99");
}

static void fetch_invalid(struct script_exchange *x, struct script_outcome *o)
{
    (void)x;
    o->text = STR("http://a:b");
}

/* The service is to choose. */
static void fetch_nothing(struct script_exchange *x, struct script_outcome *o)
{
    (void)x;
    (void)o;
}

static void fetch_secure(struct script_exchange *x, struct script_outcome *o)
{
    (void)x;
    o->text = STR("https://chosen.example");
}

static void make_status_42(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    x->upstream_status = 42;
}

static void forge_response(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    x->fields_written = true;
    assert_true(http_head_add(&x->upstream_fields, x->arena, STR("X A"), STR("b")));
}

static void setup(struct fixture *f, bool service)
{
    fixture_put(f, MODEL_SERVICE, "{'name':'s','urls':['http://up.example'],'retries':0}");
    fixture_put(f, MODEL_MODULE, "{'name':'m','payload':'eA==','moduleType':'javascript'}");
    fixture_put(f, MODEL_ROUTE,
                service ? "{'name':'r','paths':['/r/{id}/*'],'methods':['*'],'modules':['m'],"
                          "'service':'s'}"
                        : "{'name':'r','paths':['/r/{id}/*'],'methods':['*'],'modules':['m']}");
}

static struct exchange *ask(struct fixture *f, const char *method)
{
    return fixture_ask(f, &(struct ask){.method = method, .target = "/r/a%20b/c?q=1"});
}

/* What modules see of a request. */
static void look(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    assert_str(x->id, "the-id");
    assert_str(x->method, "GET");
    assert_str(x->path, "/r/a%20b/c");
    assert_str(x->query, "q=1");
    assert_str(x->host, "example.org");
    assert_str(x->proto, "HTTP/1.1");
    assert_str(x->remote_address, "192.0.2.7");
    assert_int_equal(x->param_count, 2);
    assert_str(x->params[0].name, "id");
    assert_str(x->params[0].value, "a b");
    assert_str(x->params[1].name, "*");
    assert_str(x->params[1].value, "c");
    assert_string_equal(x->route->name, "r");
    assert_null(x->service);
    assert_false(x->has_upstream);
    const struct http_field *forwarded =
        http_head_find(&x->request_fields, HTTP_FIELD_X_FORWARDED_FOR);
    assert_non_null(forwarded);
    assert_str(forwarded->value, "192.0.2.7");
    assert_null(http_head_find_name(&x->request_fields, STR("X-DGate-Route")));
    respond(x, 200, "seen");
}

static void test_what_modules_see(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_HANDLER] = look;
    setup(&f, false);
    struct exchange *x =
        fixture_ask(&f, &(struct ask){.target = "/r/a%20b/c?q=1",
                                      .fields = {"X-Request-Id: the-id", "X-Forwarded-For: 1.2.3.4",
                                                 "X-DGate-Route: x"}});
    (void)exchange_mem_run(x);
    assert_body(x, "seen");
    assert_field(x, "X-Request-Id", "the-id");
    fixture_finish(&f);
}

/* One function that does something, on a route with or without a service: what the client gets. */
static void test_outcomes(void **state)
{
    static const struct {
        enum script_function function;
        fake_function does;
        bool service;
        int upstream; /* status that the upstream sends; 0: it is not asked; -1: it fails */
        int status;
        const char *text; /* of an error, or the body */
        unsigned errors;
    } rows[] = {
        {SCRIPT_REQUEST_HANDLER, do_nothing, false, 0, 204, "", 0},
        {SCRIPT_REQUEST_HANDLER, set_status, false, 0, 404, "", 0},
        {SCRIPT_REQUEST_HANDLER, answer_teapot, false, 0, 418, "short and stout", 0},
        {SCRIPT_REQUEST_HANDLER, throw_boom, false, 0, 500, "a module failed", 1},
        {SCRIPT_REQUEST_HANDLER, use_cpu, false, 0, 503, "a module used too much CPU time", 1},
        {SCRIPT_REQUEST_HANDLER, use_heap, false, 0, 503, "a module used too much memory", 1},
        {SCRIPT_REQUEST_HANDLER, use_wall, false, 0, 504, "a module took too long", 1},
        {SCRIPT_REQUEST_HANDLER, answer_nonsense, false, 0, 500,
         "a module made an invalid response", 1},
        {SCRIPT_REQUEST_HANDLER, answer_status_1, false, 0, 500,
         "a module made an invalid response", 1},
        {SCRIPT_REQUEST_MODIFIER, answer_teapot, false, 0, 418, "short and stout", 0},
        {SCRIPT_REQUEST_MODIFIER, do_nothing, false, 0, 501,
         "the route has neither a service nor a requestHandler", 0},
        {SCRIPT_REQUEST_MODIFIER, answer_teapot, true, 0, 418, "short and stout", 0},
        {SCRIPT_REQUEST_MODIFIER, throw_boom, true, 0, 500, "a module failed", 1},
        {SCRIPT_REQUEST_MODIFIER, do_nothing, true, 200, 200, "up", 0},
        {SCRIPT_REQUEST_HANDLER, answer_teapot, true, 200, 200, "up", 0},
        {SCRIPT_FETCH_UPSTREAM, throw_boom, true, 0, 500, "a module failed", 1},
        {SCRIPT_FETCH_UPSTREAM, answer_teapot, true, 0, 418, "short and stout", 0},
        {SCRIPT_FETCH_UPSTREAM, fetch_invalid, true, 0, 500, "a module chose an invalid upstream",
         1},
        {SCRIPT_FETCH_UPSTREAM, fetch_nothing, true, 200, 200, "up", 0},
        {SCRIPT_FETCH_UPSTREAM, fetch_secure, true, 0, 502, "TLS to upstreams is not supported", 0},
        {SCRIPT_FETCH_UPSTREAM, fetch_other, true, 200, 200, "up", 0},
        {SCRIPT_RESPONSE_MODIFIER, do_nothing, true, 200, 200, "up", 0},
        {SCRIPT_RESPONSE_MODIFIER, do_nothing, true, 404, 404, "up", 0},
        {SCRIPT_RESPONSE_MODIFIER, answer_teapot, true, 200, 418, "short and stout", 0},
        {SCRIPT_RESPONSE_MODIFIER, throw_boom, true, 200, 502,
         "a module failed on the upstream's response", 1},
        {SCRIPT_RESPONSE_MODIFIER, use_cpu, true, 200, 503, "a module used too much CPU time", 1},
        {SCRIPT_RESPONSE_MODIFIER, make_status_42, true, 200, 502,
         "a module made an invalid response", 1},
        {SCRIPT_RESPONSE_MODIFIER, forge_response, true, 200, 502,
         "a module made an invalid response", 1},
        {SCRIPT_RESPONSE_MODIFIER, do_nothing, true, -1, 502,
         "upstream failed: the peer reset the connection", 0},
        {SCRIPT_ERROR_HANDLER, answer_teapot, true, 200, 200, "up", 0},
        {SCRIPT_ERROR_HANDLER, answer_teapot, true, 500, 500, "up", 0},
        {SCRIPT_ERROR_HANDLER, answer_teapot, true, -1, 418, "short and stout", 0},
        {SCRIPT_ERROR_HANDLER, do_nothing, true, -1, 502,
         "upstream failed: the peer reset the connection", 0},
        {SCRIPT_ERROR_HANDLER, throw_boom, true, -1, 500, "errorHandler failed", 1},
        {SCRIPT_ERROR_HANDLER, use_cpu, true, -1, 503, "a module used too much CPU time", 1},
        {SCRIPT_ERROR_HANDLER, use_wall, true, -1, 504, "a module took too long", 1},
        {SCRIPT_ERROR_HANDLER, answer_teapot, false, 0, 501,
         "the route has neither a service nor a requestHandler", 0},
    };
    (void)state;
    /* Once with outcomes at once, once with ones that come later. */
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        struct fixture f;
        size_t row = i / 2;
        fixture_init(&f, NULL);
        fake_script.functions[rows[row].function] = rows[row].does;
        fake_script.parked = i % 2 == 1;
        setup(&f, rows[row].service);
        struct exchange *x = ask(&f, "GET");
        if (fake_script.pending != NULL)
            fake_script_finish();
        fixture_turn(&f);
        struct exchange *up = exchange_mem_client_next(f.client);
        if ((up != NULL) != (rows[row].upstream != 0))
            fail_msg("row %zu: upstream %s", row, up != NULL ? "asked" : "not asked");
        if (rows[row].upstream > 0) {
            fixture_reply(up, (uint16_t)rows[row].upstream, "up");
        } else if (up != NULL) {
            exchange_mem_reset(up, &(struct exchange_reset){.code = EXCHANGE_PEER_RESET});
            (void)exchange_mem_run(up);
        }
        if (fake_script.pending != NULL)
            fake_script_finish();
        fixture_turn(&f);
        if (up != NULL)
            (void)exchange_mem_run(up);
        (void)exchange_mem_run(x);
        if ((int)fixture_status(x) != rows[row].status)
            fail_msg("row %zu: status %u", row, fixture_status(x));
        assert_true(x->done && fixture_sent(x)->ended);
        const char *type = fixture_field(x, "Content-Type");
        if (type != NULL && strcmp(type, "application/json") == 0)
            assert_error(x, rows[row].status, rows[row].text);
        else
            assert_body(x, rows[row].text);
        if (fixture_sent(x)->head->status == 418)
            assert_int_equal(fixture_sent(x)->head->content_length, 15);
        assert_int_equal(fixture_stats(&f).module_errors, rows[row].errors);
        fixture_finish(&f);
    }
}

static const struct exchange_reset hung_up = {.code = EXCHANGE_PEER_RESET, .detail = "it hung up"};

/* errorHandler is told what happened, and not asked when modules used too much. */
static void test_error_handler(void **state)
{
    static const struct {
        enum script_function function;
        fake_function does;
        bool service;
        bool upstream_fails;
        const char *text; /* NULL: not asked */
        int status;
    } rows[] = {
        {SCRIPT_REQUEST_MODIFIER, throw_boom, true, false, "Error: boom at m:1:2", 418},
        {SCRIPT_FETCH_UPSTREAM, throw_boom, true, false, "Error: boom at m:1:2", 418},
        {SCRIPT_FETCH_UPSTREAM, fetch_invalid, true, false, "fetchUpstream returned", 418},
        {SCRIPT_RESPONSE_MODIFIER, throw_boom, true, false, "Error: boom at m:1:2", 418},
        {SCRIPT_REQUEST_HANDLER, throw_boom_half_done, false, false, "Error: boom at m:1:2", 418},
        {SCRIPT_REQUEST_HANDLER, use_wall, false, false, "m took more", 418},
        {SCRIPT_REQUEST_HANDLER, use_cpu, false, false, NULL, 503},
        {SCRIPT_REQUEST_HANDLER, use_heap, false, false, NULL, 503},
        {SCRIPT_REQUEST_MODIFIER, do_nothing, true, true,
         "upstream failed: the peer reset the connection: it hung up (http://up.example)", 418},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        fixture_init(&f, NULL);
        fake_script.functions[rows[i].function] = rows[i].does;
        fake_script.functions[SCRIPT_ERROR_HANDLER] = answer_teapot;
        setup(&f, rows[i].service);
        struct exchange *x = ask(&f, "GET");
        struct exchange *up = exchange_mem_client_next(f.client);
        if (up != NULL) {
            if (rows[i].upstream_fails)
                exchange_mem_reset(up, &hung_up);
            else
                fixture_head(up, 200, -1, NULL);
            (void)exchange_mem_run(up);
        }
        (void)exchange_mem_run(x);
        assert_int_equal(fixture_status(x), rows[i].status);
        assert_int_equal(fake_script.calls[SCRIPT_ERROR_HANDLER], rows[i].text != NULL);
        if (rows[i].text != NULL)
            assert_true(strncmp(fake_script.error_text, rows[i].text, strlen(rows[i].text)) == 0);
        fixture_finish(&f);
    }
}

static void change_request(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    x->fields_written = true;
    assert_true(http_head_set(&x->request_fields, x->arena, STR("X-Added"), STR("1")));
    assert_true(http_head_set(&x->request_fields, x->arena, STR("User-Agent"), STR("changed")));
    assert_true(http_head_set(&x->request_fields, x->arena, STR("X-DGate-Route"), STR("faked")));
    assert_true(http_head_set(&x->request_fields, x->arena, STR("X-DGate-Mine"), STR("mine")));
    assert_true(
        http_head_add(&x->request_fields, x->arena, STR("Transfer-Encoding"), STR("chunked")));
    assert_true(http_head_add(&x->request_fields, x->arena, STR("Host"), STR("evil")));
    (void)http_head_remove(&x->request_fields, STR("X-Removed"));
}

static void test_request_changes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_MODIFIER] = change_request;
    setup(&f, true);
    (void)fixture_ask(
        &f, &(struct ask){.target = "/r/1/", .fields = {"X-Removed: 1", "User-Agent: x"}});
    struct exchange *up = fixture_up(&f);
    assert_field(up, "X-Added", "1");
    assert_field(up, "X-Removed", NULL);
    assert_field(up, "User-Agent", "changed");
    assert_field(up, "X-DGate-Route", "r");
    assert_field(up, "X-DGate-Mine", "mine");
    assert_field(up, "Transfer-Encoding", NULL);
    assert_field(up, "Host", NULL);
    assert_field(up, "Via", "1.1 dgate");
    fixture_finish(&f);
}

static void rewrite_request(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    x->method = STR("PUT");
    x->path = STR("/new");
    x->path_written = true;
    x->query = STR("a=b");
    x->query_written = true;
}

static void test_rewritten_target(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_MODIFIER] = rewrite_request;
    setup(&f, true);
    (void)fixture_ask(&f, &(struct ask){.target = "/r/1/?q=1"});
    const struct http_client_request *to = exchange_mem_request(fixture_up(&f));
    assert_str(to->head->method, "PUT");
    assert_str(to->head->target, "/new?a=b");
    fixture_finish(&f);
}

static void forge_request(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    x->fields_written = true;
    assert_true(http_head_add(&x->request_fields, x->arena, STR("X-A"), STR("a\r\nHost: b")));
}

static void test_forged_request(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_MODIFIER] = forge_request;
    setup(&f, true);
    assert_error(ask(&f, "GET"), 500, "a module made an invalid request");
    fixture_no_up(&f);
    fixture_finish(&f);
}

static void replace_request_body(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    x->request_body.replaced = true;
    x->request_body.bytes = STR("replaced");
}

/* A body of a module's: with what was collected, without a body, and without reading what comes. */
static void test_request_body(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct fixture f;
        fixture_init(&f, NULL);
        fake_script.functions[SCRIPT_REQUEST_MODIFIER] = replace_request_body;
        fake_script.reads_request_body = i == 0;
        setup(&f, true);
        struct exchange *x = fixture_ask(
            &f, &(struct ask){.method = "POST", .target = "/r/1/", .body = i != 1, .length = -1});
        if (i == 0) {
            fixture_no_up(&f);
            exchange_mem_data(x, STR("original"));
            exchange_mem_end(x, NULL);
            (void)exchange_mem_run(x);
        }
        struct exchange *up = fixture_up(&f);
        assert_int_equal(exchange_mem_request(up)->head->content_length, 8);
        assert_body(up, "replaced");
        assert_true(fixture_sent(up)->ended);
        fixture_reply(up, 200, "ok");
        (void)exchange_mem_run(x);
        assert_int_equal(fixture_status(x), 200);
        fixture_finish(&f);
    }
}

/* A body that was collected is sent with its length, as often as needed. */
static void test_collected_body_is_repeated(void **state)
{
    static char bytes[1500];
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_MODIFIER] = do_nothing;
    fake_script.reads_request_body = true;
    setup(&f, true);
    fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://up.example'],'retries':1}");
    struct exchange *x = fixture_ask(
        &f, &(struct ask){.method = "POST", .target = "/r/1/", .body = true, .length = -1});
    exchange_mem_data(x, (struct str){bytes, sizeof(bytes)});
    exchange_mem_end(x, NULL);
    (void)exchange_mem_run(x);
    for (int attempt = 0; attempt < 2; attempt++) {
        struct exchange *up = fixture_up(&f);
        assert_int_equal(exchange_mem_request(up)->head->content_length, sizeof(bytes));
        assert_int_equal(fixture_sent(up)->data.len, ROOM);
        exchange_mem_take(up, ROOM);
        (void)exchange_mem_run(up);
        assert_int_equal(fixture_sent(up)->data.len, sizeof(bytes));
        assert_true(fixture_sent(up)->ended);
        exchange_mem_reset(
            up, &(struct exchange_reset){.code = EXCHANGE_CONNECT, .unsent = attempt == 0});
        (void)exchange_mem_run(up);
    }
    assert_error(x, 502, "upstream failed: the connection was refused or failed");
    fixture_finish(&f);
}

static const char large_body[3 * ROOM];

static void replace_by_large_body(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    x->request_body.replaced = true;
    x->request_body.bytes = (struct str){large_body, sizeof(large_body)};
}

/* It is sent to its end though the upstream never makes us wait. */
static void test_replaced_body_is_taken_at_once(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_MODIFIER] = replace_by_large_body;
    setup(&f, true);
    (void)ask(&f, "POST");
    struct exchange *up = fixture_up(&f);
    exchange_mem_take_at_once(up);
    (void)exchange_mem_run(up);
    assert_int_equal(fixture_sent(up)->data.len, sizeof(large_body));
    assert_true(fixture_sent(up)->ended);
    fixture_finish(&f);
}

/* As a module writes a body, of so many times that octet. */
static void write_body(struct script_body *b, int octet, size_t len)
{
    buf_finish(&b->written);
    buf_init(&b->written, len);
    memset(buf_reserve(&b->written, len), octet, len);
    buf_added(&b->written, len);
    b->bytes = buf_str(&b->written);
    b->replaced = true;
}

static void assert_octets(struct exchange *x, int octet, size_t len)
{
    const struct str body = buf_str(&fixture_sent(x)->data);
    assert_int_equal(body.len, len);
    for (size_t i = 0; i < body.len; i++)
        assert_int_equal(body.p[i], octet);
}

static struct script_exchange *written; /* by the last function */

static void write_request(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    written = x;
    write_body(&x->request_body, 'a', sizeof(large_body));
}

static void write_request_again(struct script_exchange *x, struct script_outcome *o)
{
    assert_int_equal(x->request_body.bytes.p[0], 'a');
    write_body(&x->request_body, 'b', sizeof(large_body));
    fetch_bare(x, o);
}

/* What a module that goes on writes meanwhile is in none of the attempts. */
static void test_written_body_is_kept_while_it_is_sent(void **state)
{
    (void)state;
    for (int again = 0; again < 2; again++) {
        struct fixture f;
        fixture_init(&f, NULL);
        fake_script.functions[SCRIPT_REQUEST_MODIFIER] = write_request;
        if (again)
            fake_script.functions[SCRIPT_FETCH_UPSTREAM] = write_request_again;
        setup(&f, true);
        fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://up.example'],'retries':1}");
        struct exchange *x = ask(&f, "POST");
        for (int attempt = 0; attempt < 2; attempt++) {
            struct exchange *up = fixture_up(&f);
            assert_int_equal(fixture_sent(up)->data.len, ROOM);
            for (int n = 0; n < 2; n++) {
                write_body(&written->request_body, 'c', ROOM);
                exchange_mem_take(up, ROOM);
                (void)exchange_mem_run(up);
            }
            assert_octets(up, again ? 'b' : 'a', sizeof(large_body));
            assert_true(fixture_sent(up)->ended);
            exchange_mem_reset(
                up, &(struct exchange_reset){.code = EXCHANGE_CONNECT, .unsent = attempt == 0});
            (void)exchange_mem_run(up);
        }
        (void)exchange_mem_run(x);
        assert_int_equal(fixture_status(x), 502);
        fixture_finish(&f);
    }
}

static void write_response(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    written = x;
    write_body(&x->upstream_body, 'b', sizeof(large_body));
    write_body(&x->upstream_body, 'a', sizeof(large_body));
}

static void test_written_response_is_kept_while_it_is_sent(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_MODIFIER] = write_request;
    fake_script.functions[SCRIPT_RESPONSE_MODIFIER] = write_response;
    setup(&f, true);
    struct exchange *x = ask(&f, "GET");
    write_body(&written->upstream_body, 'd', ROOM); /* before there is a response */
    fixture_reply(fixture_up(&f), 200, "body");
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_sent(x)->head->content_length, sizeof(large_body));
    assert_int_equal(fixture_sent(x)->data.len, ROOM);
    while (!fixture_sent(x)->ended) {
        write_body(&written->upstream_body, 'c', ROOM);
        exchange_mem_take(x, ROOM);
        (void)exchange_mem_run(x);
    }
    assert_octets(x, 'a', sizeof(large_body));
    fixture_finish(&f);
}

static void test_fetch_upstream(void **state)
{
    (void)state;
    for (int bare = 0; bare < 2; bare++) {
        struct fixture f;
        fixture_init(&f, NULL);
        fake_script.functions[SCRIPT_FETCH_UPSTREAM] = bare ? fetch_bare : fetch_other;
        setup(&f, true);
        (void)ask(&f, "GET");
        const struct http_client_request *to = exchange_mem_request(fixture_up(&f));
        assert_str(to->host, "chosen.example");
        assert_int_equal(to->port, 99);
        assert_str(to->head->authority, "chosen.example:99");
        assert_str(to->head->target, bare ? "/r/a%20b/c?q=1" : "/base/r/a%20b/c?k=v&q=1");
        fixture_finish(&f);
    }
}

static void see_query(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    assert_str(x->upstream_query, "k=v&q=1");
}

static void see_no_query(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    assert_int_equal(x->upstream_query.len, 0);
}

static void test_query_of_upstream(void **state)
{
    (void)state;
    for (int asked = 0; asked < 2; asked++) {
        struct fixture f;
        fixture_init(&f, NULL);
        fake_script.functions[SCRIPT_FETCH_UPSTREAM] = asked ? fetch_other : fetch_bare;
        fake_script.functions[SCRIPT_RESPONSE_MODIFIER] = asked ? see_query : see_no_query;
        setup(&f, true);
        const struct ask bare = {.target = "/r/a/?"};
        struct exchange *x = asked ? ask(&f, "GET") : fixture_ask(&f, &bare);
        fixture_reply(fixture_up(&f), 200, "body");
        (void)exchange_mem_run(x);
        assert_int_equal(fixture_status(x), 200);
        fixture_finish(&f);
    }
}

/* Sets fields of a response, and does not answer with it. */
static void set_fields(struct script_exchange *x, struct script_outcome *o)
{
    const struct http_field set[] = {
        {STR("Access-Control-Allow-Origin"), STR("*"), HTTP_FIELD_OTHER},
        {STR("Set-Cookie"), STR("own=1"), HTTP_FIELD_OTHER},
        {STR("vary"), STR("Origin"), HTTP_FIELD_OTHER},
        {STR("X-Two"), STR("a"), HTTP_FIELD_OTHER},
        {STR("X-Two"), STR("b"), HTTP_FIELD_OTHER},
        {STR("X-Request-Id"), STR("forged"), HTTP_FIELD_OTHER},
        {STR("Content-Length"), STR("1"), HTTP_FIELD_OTHER},
        {STR("Connection"), STR("X-Two"), HTTP_FIELD_OTHER},
    };
    (void)o;
    for (size_t i = 0; i < ARRAY_LEN(set); i++)
        assert_true(http_head_add(&x->response_fields, x->arena, set[i].name, set[i].value));
    x->response_status = 299;
}

static void assert_set_fields(struct exchange *x)
{
    assert_field(x, "Access-Control-Allow-Origin", "*");
    assert_field(x, "Set-Cookie", "own=1|up=1|up=2");
    assert_field(x, "Vary", "Origin|Accept");
    assert_field(x, "X-Two", "a|b");
    assert_field(x, "X-Up", "1");
    assert_field(x, "X-Request-Id", "the-id");
    assert_field(x, "Content-Length", NULL);
    assert_field(x, "Connection", NULL);
}

static const char *const up_fields[8] = {"access-control-allow-origin: https://a",
                                         "Set-Cookie: up=1",
                                         "Set-Cookie: up=2",
                                         "Vary: Accept",
                                         "X-Two: c",
                                         "X-Up: 1"};

static void test_fields_beside_the_upstreams(void **state)
{
    static const enum script_function functions[] = {SCRIPT_REQUEST_MODIFIER, SCRIPT_FETCH_UPSTREAM,
                                                     SCRIPT_RESPONSE_MODIFIER};
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(functions); i++) {
        struct fixture f;
        fixture_init(&f, NULL);
        fake_script.functions[functions[i / 2]] = set_fields;
        fake_script.reads_response_body = i % 2 == 1;
        setup(&f, true);
        struct exchange *x =
            fixture_ask(&f, &(struct ask){.target = "/r/1/", .fields = {"X-Request-Id: the-id"}});
        struct exchange *up = fixture_up(&f);
        fixture_head(up, 200, 4, up_fields);
        exchange_mem_data(up, STR("body"));
        exchange_mem_end(up, NULL);
        (void)exchange_mem_run(up);
        (void)exchange_mem_run(x);
        assert_int_equal(fixture_status(x), 200);
        assert_set_fields(x);
        assert_body(x, "body");
        fixture_finish(&f);
    }
}

/* They are not for errors. */
static void test_fields_of_no_response(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_MODIFIER] = set_fields;
    setup(&f, true);
    struct exchange *x = ask(&f, "GET");
    struct exchange *up = fixture_up(&f);
    exchange_mem_reset(up, &(struct exchange_reset){.code = EXCHANGE_PROTOCOL});
    (void)exchange_mem_run(up);
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 502);
    assert_field(x, "X-Two", NULL);
    assert_field(x, "Set-Cookie", NULL);
    fixture_finish(&f);
}

static void forge_fields(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    assert_true(http_head_add(&x->response_fields, x->arena, STR("X-A"), STR("a\r\nB: c")));
}

static void test_forged_fields(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_MODIFIER] = forge_fields;
    setup(&f, true);
    assert_error(ask(&f, "GET"), 500, "a module made an invalid request");
    fixture_finish(&f);

    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_RESPONSE_MODIFIER] = forge_fields;
    setup(&f, true);
    struct exchange *x = ask(&f, "GET");
    fixture_reply(fixture_up(&f), 200, "body");
    assert_error(x, 502, "a module made an invalid response");
    fixture_finish(&f);
}

static void change_response(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    assert_true(x->has_upstream);
    assert_str(x->upstream_url, "http://up.example");
    assert_str(x->upstream_proto, "HTTP/1.1");
    x->fields_written = true;
    x->upstream_status = 201;
    assert_true(http_head_set(&x->upstream_fields, x->arena, STR("X-Added"), STR("1")));
    assert_true(http_head_add(&x->upstream_fields, x->arena, STR("Content-Length"), STR("1")));
    if (x->upstream_body.collected && x->upstream_body.bytes.len > 0) {
        assert_str(x->upstream_body.bytes, "from upstream");
        x->upstream_body.replaced = true;
        x->upstream_body.bytes = STR("from a module");
    }
}

static void test_response_changes(void **state)
{
    static const struct {
        const char *method;
        bool reads;
        int upstream;
        int64_t length;
        const char *body;
        int64_t sent_length;
        const char *sent;
    } rows[] = {
        {"GET", false, 200, 13, "from upstream", 13, "from upstream"},
        {"GET", false, 200, -1, "from upstream", -1, "from upstream"},
        {"GET", true, 200, 13, "from upstream", 13, "from a module"},
        {"GET", true, 200, -1, "from upstream", 13, "from a module"},
        {"GET", true, 200, 0, "", 0, ""},
        {"HEAD", true, 200, 13, "", 13, ""},
        {"GET", true, 204, -2, "", 0, ""},
        {"GET", false, 304, -2, "", 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        struct fixture f;
        size_t row = i / 2;
        fixture_init(&f, NULL);
        fake_script.functions[SCRIPT_RESPONSE_MODIFIER] = change_response;
        fake_script.reads_response_body = rows[row].reads;
        fake_script.parked = i % 2 == 1;
        setup(&f, true);
        struct exchange *x = ask(&f, rows[row].method);
        struct exchange *up = fixture_up(&f);
        bool head_only = strcmp(rows[row].method, "HEAD") == 0;
        exchange_mem_head(up, &(const struct http_head){
                                  .status = (uint16_t)rows[row].upstream,
                                  .version = HTTP_1_1,
                                  .content_length = rows[row].length == -2 ? -1 : rows[row].length,
                                  .no_body = head_only || rows[row].length == -2});
        exchange_mem_data(up, str_of(rows[row].body));
        exchange_mem_end(up, NULL);
        /* The upstream may be done, and its memory gone, before the module is. */
        (void)exchange_mem_run(up);
        if (fake_script.pending != NULL)
            fake_script_finish();
        fixture_turn(&f);
        (void)exchange_mem_run(up);
        (void)exchange_mem_run(x);
        assert_true(up->done && x->done);
        assert_int_equal(fixture_status(x), 201);
        assert_field(x, "X-Added", "1");
        assert_field(x, "Content-Length", NULL);
        if (fixture_sent(x)->head->content_length != rows[row].sent_length)
            fail_msg("row %zu: length %ld", row, (long)fixture_sent(x)->head->content_length);
        assert_body(x, rows[row].sent);
        assert_true(fixture_sent(x)->ended);
        fixture_finish(&f);
    }
}

static void make_empty(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    x->upstream_status = 204;
}

static void test_response_made_empty(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_RESPONSE_MODIFIER] = make_empty;
    setup(&f, true);
    struct exchange *x = ask(&f, "GET");
    fixture_reply(fixture_up(&f), 200, "body");
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 204);
    assert_true(fixture_sent(x)->head->no_body && x->done);
    assert_body(x, "");
    fixture_finish(&f);
}

static void see_trailers(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    if (x->upstream_body.collected)
        assert_str(x->upstream_trailers.v[0].value, "42");
}

/* Trailers outlive the upstream's exchange. */
static void test_trailers(void **state)
{
    struct http_field v = {STR("X-Sum"), STR("42"), HTTP_FIELD_OTHER};
    const struct http_fields trailers = {.v = &v, .n = 1, .cap = 1};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct fixture f;
        fixture_init(&f, NULL);
        fake_script.functions[SCRIPT_RESPONSE_MODIFIER] = see_trailers;
        fake_script.reads_response_body = i % 2 == 1;
        fake_script.parked = i / 2 == 1;
        setup(&f, true);
        struct exchange *x = ask(&f, "GET");
        struct exchange *up = fixture_up(&f);
        fixture_head(up, 200, -1, NULL);
        if (i != 2) /* in this case the end comes without any credit */
            exchange_mem_data(up, STR("body"));
        exchange_mem_end(up, &trailers);
        (void)exchange_mem_run(up);
        if (fake_script.pending != NULL)
            fake_script_finish();
        fixture_turn(&f);
        (void)exchange_mem_run(up);
        (void)exchange_mem_run(x);
        assert_body(x, i != 2 ? "body" : "");
        assert_int_equal(fixture_sent(x)->head->content_length, HTTP_LENGTH_UNKNOWN);
        assert_non_null(fixture_sent(x)->trailers);
        assert_str(fixture_sent(x)->trailers->v[0].name, "X-Sum");
        assert_true(x->done && up->done);
        fixture_finish(&f);
    }
}

/* Running out of the request's memory anywhere is an error, and never a wrong response. */
static void test_no_memory(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_MODIFIER] = change_request;
    fake_script.functions[SCRIPT_FETCH_UPSTREAM] = fetch_other;
    fake_script.functions[SCRIPT_RESPONSE_MODIFIER] = do_nothing;
    fake_script.reads_response_body = true;
    setup(&f, true);
    const struct http_head head = {
        .method = STR("GET"), .target = STR("/r/%20/"), .version = HTTP_1_1, .no_body = true};
    unsigned served = 0;
    for (size_t limit = 0; limit < 10000; limit += 48) {
        struct exchange *x = exchange_mem_create(&head, ROOM);
        x->arena.limit = x->arena.used + limit;
        proxy_handle(f.proxy, x);
        struct exchange *up = exchange_mem_client_next(f.client);
        if (up != NULL)
            fixture_reply(up, 200, "x");
        (void)exchange_mem_run(x);
        assert_true(x->done);
        served += fixture_status(x) == 200;
        if (fixture_status(x) == 200)
            assert_body(x, "x");
        else
            assert_true(fixture_status(x) >= 500);
        exchange_mem_destroy(x);
    }
    assert_true(served > 0);
    fixture_finish(&f);
}

/* Reading a response is limited like reading a request. */
static void test_response_too_large(void **state)
{
    static char bytes[2001];
    (void)state;
    for (int announced = 0; announced < 2; announced++) {
        struct fixture f;
        fixture_init(&f, NULL);
        fake_script.functions[SCRIPT_RESPONSE_MODIFIER] = do_nothing;
        fake_script.reads_response_body = true;
        setup(&f, true);
        struct exchange *x = ask(&f, "GET");
        struct exchange *up = fixture_up(&f);
        fixture_head(up, 200, announced ? (int64_t)sizeof(bytes) : -1, NULL);
        exchange_mem_data(up, (struct str){bytes, sizeof(bytes)});
        exchange_mem_end(up, NULL);
        (void)exchange_mem_run(up);
        assert_true(fixture_sent(up)->reset);
        assert_limit_error(x, 502, "upstream failed: the body is larger than a module may read",
                           "body");
        assert_int_equal(fake_script.bodies_refused, 1);
        fixture_finish(&f);
    }
}

/* Two thousand bytes collected, sent to a client that takes a thousand at a time. */
static void test_collected_response_waits_for_room(void **state)
{
    static char bytes[2000];
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_RESPONSE_MODIFIER] = do_nothing;
    fake_script.reads_response_body = true;
    setup(&f, true);
    struct exchange *x = ask(&f, "GET");
    struct exchange *up = fixture_up(&f);
    fixture_head(up, 200, -1, NULL);
    exchange_mem_data(up, (struct str){bytes, sizeof(bytes)});
    exchange_mem_end(up, NULL);
    (void)exchange_mem_run(up);
    assert_int_equal(fixture_sent(x)->head->content_length, sizeof(bytes));
    assert_int_equal(fixture_sent(x)->data.len, ROOM);
    exchange_mem_take(x, ROOM);
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_sent(x)->data.len, sizeof(bytes));
    assert_true(fixture_sent(x)->ended && x->done);
    fixture_finish(&f);
}

/* Upstreams that fail while modules look at their response. */
static void test_upstream_fails_meanwhile(void **state)
{
    static const struct exchange_reset broken = {.code = EXCHANGE_PEER_CLOSED};
    (void)state;
    for (int reads = 0; reads < 2; reads++) {
        struct fixture f;
        fixture_init(&f, NULL);
        fake_script.functions[SCRIPT_RESPONSE_MODIFIER] = do_nothing;
        fake_script.reads_response_body = reads;
        fake_script.parked = true;
        setup(&f, true);
        struct exchange *x = ask(&f, "GET");
        struct exchange *up = fixture_up(&f);
        fixture_head(up, 200, -1, NULL);
        exchange_mem_data(up, STR("half"));
        (void)exchange_mem_run(up);
        exchange_mem_reset(up, &broken);
        (void)exchange_mem_run(up);
        if (!reads) {
            assert_int_equal(fixture_status(x), 0);
            fake_script_finish();
            fixture_turn(&f);
        }
        assert_error(x, 502, "upstream failed: the peer closed the connection");
        fixture_finish(&f);
    }
}

static void test_client_gone(void **state)
{
    static const enum script_function functions[] = {SCRIPT_REQUEST_MODIFIER, SCRIPT_FETCH_UPSTREAM,
                                                     SCRIPT_RESPONSE_MODIFIER,
                                                     SCRIPT_ERROR_HANDLER};
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(functions); i++) {
        struct fixture f;
        fixture_init(&f, NULL);
        fake_script.functions[functions[i / 2]] = do_nothing;
        fake_script.parked = true;
        setup(&f, true);
        struct exchange *x = ask(&f, "GET");
        struct exchange *up = exchange_mem_client_next(f.client);
        if (functions[i / 2] == SCRIPT_RESPONSE_MODIFIER)
            fixture_head(up, 200, -1, NULL);
        else if (functions[i / 2] == SCRIPT_ERROR_HANDLER)
            exchange_mem_reset(up, &(struct exchange_reset){.code = EXCHANGE_PROTOCOL});
        if (up != NULL)
            (void)exchange_mem_run(up);
        assert_non_null(fake_script.pending);
        /* The call is still running, or has just come to its end. */
        if (i % 2 == 1)
            fake_script_finish();
        exchange_mem_reset(x, &(struct exchange_reset){.code = EXCHANGE_PEER_RESET});
        (void)exchange_mem_run(x);
        assert_true(x->done);
        assert_int_equal(fake_script.runs, 0);
        fixture_turn(&f);
        fixture_no_up(&f);
        fixture_finish(&f);
    }
}

static void keep_101(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    x->fields_written = true;
    assert_int_equal(x->upstream_status, 101);
    assert_true(x->upstream_body.collected && x->upstream_body.bytes.len == 0);
    assert_true(http_head_set(&x->upstream_fields, x->arena, STR("X-Added"), STR("1")));
}

static void add_body(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    x->upstream_body = (struct script_body){.replaced = true, .bytes = STR("no")};
}

static void forbid(struct script_exchange *x, struct script_outcome *o)
{
    add_body(x, o);
    x->upstream_status = 403;
}

static struct exchange *ask_to_switch(struct fixture *f)
{
    struct exchange *x = fixture_ask(f, &(struct ask){.target = "/r/1/", .upgrade = "websocket"});
    struct exchange *up = fixture_up(f);
    exchange_mem_head(up, &(const struct http_head){.status = 101,
                                                    .version = HTTP_1_1,
                                                    .content_length = -1,
                                                    .upgrade = STR("websocket")});
    exchange_mem_data(up, STR("raw"));
    (void)exchange_mem_run(up);
    return x;
}

/* What a module refuses is no tunnel, nor what it gives a body, which a 101 cannot have. */
static void test_tunnel_is_refused(void **state)
{
    static const struct {
        fake_function modifier;
        uint16_t status;
        const char *body;
    } rows[] = {
        {forbid, 403, "no"},
        {add_body, 502, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        fixture_init(&f, NULL);
        fake_script.functions[SCRIPT_RESPONSE_MODIFIER] = rows[i].modifier;
        setup(&f, true);
        struct exchange *x = ask_to_switch(&f);
        assert_int_equal(fixture_status(x), rows[i].status);
        if (rows[i].body != NULL)
            assert_body(x, rows[i].body);
        assert_true(fixture_sent(x)->ended);
        fixture_finish(&f);
    }
}

/* A response that switches protocols can be seen and its fields changed. */
static void test_tunnel(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_MODIFIER] = set_fields;
    fake_script.functions[SCRIPT_RESPONSE_MODIFIER] = keep_101;
    fake_script.reads_response_body = true;
    setup(&f, true);
    struct exchange *x = ask_to_switch(&f);
    assert_int_equal(fixture_status(x), 101);
    assert_field(x, "X-Added", "1");
    assert_field(x, "Set-Cookie", "own=1");
    assert_body(x, "raw");
    assert_int_equal(fake_script.runs, 0); /* tunnels last: nothing is held for them */
    fixture_finish(&f);
}

static void test_link_errors(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_HANDLER] = answer_teapot;
    fake_script.link_fails = true;
    setup(&f, false);
    for (int i = 0; i < 3; i++)
        assert_error(ask(&f, "GET"), 500, "the modules of this route cannot be loaded");
    assert_int_equal(fake_script.links, 1);
    fake_script.link_fails = false;
    assert_error(ask(&f, "GET"), 500, "the modules of this route cannot be loaded");
    fixture_put(&f, MODEL_MODULE, "{'name':'m','payload':'eQ==','moduleType':'javascript'}");
    struct exchange *x = ask(&f, "GET");
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 418);
    assert_int_equal(fake_script.links, 2);
    fixture_finish(&f);
}

/* A request runs the program it began with. */
static void test_live_change(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_MODIFIER] = do_nothing;
    fake_script.functions[SCRIPT_REQUEST_HANDLER] = set_status;
    fake_script.parked = true;
    setup(&f, false);
    struct exchange *old = ask(&f, "GET");
    struct script_run *pending = fake_script.pending;
    fake_script.functions[SCRIPT_REQUEST_MODIFIER] = NULL;
    fake_script.functions[SCRIPT_REQUEST_HANDLER] = answer_teapot;
    fixture_put(&f, MODEL_MODULE, "{'name':'m','payload':'eQ==','moduleType':'javascript'}");
    struct exchange *new = ask(&f, "GET");
    assert_int_equal(fake_script.programs, 2);
    fake_script_finish();
    fixture_turn(&f);
    (void)exchange_mem_run(new);
    assert_int_equal(fixture_status(new), 418);

    const struct model_ref ref = {.kind = MODEL_ROUTE, .ns = STR("default"), .name = STR("r")};
    catalog_remove(f.catalog, &ref);
    assert_error(ask(&f, "GET"), 404, "no route has this path");
    fake_script.parked = false;
    fake_script_complete(pending);
    fixture_turn(&f);
    (void)exchange_mem_run(old);
    assert_int_equal(fixture_status(old), 404);
    assert_int_equal(fixture_sent(old)->data.len, 0);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_modules_see),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_error_handler),
        cmocka_unit_test(test_request_changes),
        cmocka_unit_test(test_rewritten_target),
        cmocka_unit_test(test_forged_request),
        cmocka_unit_test(test_request_body),
        cmocka_unit_test(test_collected_body_is_repeated),
        cmocka_unit_test(test_replaced_body_is_taken_at_once),
        cmocka_unit_test(test_written_body_is_kept_while_it_is_sent),
        cmocka_unit_test(test_written_response_is_kept_while_it_is_sent),
        cmocka_unit_test(test_fetch_upstream),
        cmocka_unit_test(test_query_of_upstream),
        cmocka_unit_test(test_fields_beside_the_upstreams),
        cmocka_unit_test(test_fields_of_no_response),
        cmocka_unit_test(test_forged_fields),
        cmocka_unit_test(test_response_changes),
        cmocka_unit_test(test_response_made_empty),
        cmocka_unit_test(test_trailers),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_response_too_large),
        cmocka_unit_test(test_collected_response_waits_for_room),
        cmocka_unit_test(test_upstream_fails_meanwhile),
        cmocka_unit_test(test_client_gone),
        cmocka_unit_test(test_tunnel),
        cmocka_unit_test(test_tunnel_is_refused),
        cmocka_unit_test(test_link_errors),
        cmocka_unit_test(test_live_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
