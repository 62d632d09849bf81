/* What tests/http1/responses.table says, asked of the parser: whole, in pieces and byte by byte. */
#include "message.h"

static const struct table_macro macros[] = {
    {"{OK}", "HTTP/1.1 200 OK\\r\\n"},
    {"{CHUNKED}", "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"},
    {0},
};

static void describe_ok(const struct table_row *row, const struct message *m, struct buf *out)
{
    const struct http1_head *h = &m->head;
    assert_true(buf_addf(out, "ok %u", h->head.status));
    if (m->body.len > 0)
        assert_true(buf_addf(out, " =%.*s", STR_ARG(buf_str(&m->body))));
    bool ends = !h->keep_alive || row->fin || m->used < row->bytes.len;
    assert_true(buf_addf(out, "%.*s%s", STR_ARG(buf_str(&m->trailers)), ends ? " close" : ""));
}

/* Writes what m is, as the table does. */
static void describe(const struct table_row *row, const struct message *m, struct buf *out)
{
    const char *error = m->error != NULL ? m->error->name + strlen("http1.") : "incomplete";
    bool ended = m->body_result == HTTP1_DONE || (m->head.framing == HTTP1_UNTIL_CLOSE && row->fin);
    if (m->head_result != HTTP1_DONE)
        assert_true(buf_addf(out, "502 %s", error));
    else if (m->head.framing == HTTP1_TUNNEL) /* the proxy knows what was offered */
        assert_true(buf_add(out, STR("502 unasked_switch")));
    else if (!ended)
        assert_true(buf_addf(out, "cut %s", error));
    else
        describe_ok(row, m, out);
}

static bool check_steps(const struct table_row *row, size_t step)
{
    struct message m;
    struct buf actual;
    buf_init(&actual, MESSAGE_TEXT_MAX * 4);
    struct str method = row->head ? STR("HEAD") : STR("GET");
    message_read(&m, row->bytes, step, &method);
    describe(row, &m, &actual);
    bool holds = str_eq(buf_str(&actual), str_of(row->outcome)) &&
                 (m.body_result != HTTP1_DONE || m.used == row->message);
    if (!holds)
        print_error("responses.table:%d in steps of %zu: \"%.*s\", %zu bytes, instead of \"%s\"\n",
                    row->line, step, STR_ARG(buf_str(&actual)), m.used, row->outcome);
    message_finish(&m);
    buf_finish(&actual);
    return holds;
}

static bool check_row(const struct table_row *row)
{
    return message_in_steps(row, check_steps);
}

static void test_rows(void **state)
{
    (void)state;
    assert_true(table_each("tests/http1/responses.table", macros, check_row) > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
