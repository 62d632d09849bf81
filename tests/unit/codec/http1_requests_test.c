/* What tests/http1/requests.table says, asked of the parser: whole, in pieces and byte by byte. */
#include "message.h"

static const struct table_macro macros[] = {
    {"{GET}", "GET / HTTP/1.1\\r\\nHost: a\\r\\n"},
    {"{POST}", "POST / HTTP/1.1\\r\\nHost: a\\r\\n"},
    {"{CHUNKED}", "POST / HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"},
    {0},
};

/* Writes what m is, as the table does. */
static void describe(const struct message *m, struct buf *out)
{
    const struct http_head *h = &m->head.head;
    if (m->head_result == HTTP1_ERROR || m->body_result == HTTP1_ERROR) {
        assert_true(buf_addf(out, "%u %s", m->error->status, m->error->name + strlen("http1.")));
        return;
    }
    if (m->head_result == HTTP1_MORE || m->body_result == HTTP1_MORE) {
        assert_true(buf_add(out, STR("incomplete")));
        return;
    }
    assert_true(buf_addf(out, "ok %.*s %.*s %.*s", STR_ARG(h->method),
                         STR_ARG(h->authority.len > 0 ? h->authority : STR("-")),
                         STR_ARG(h->target)));
    if (m->body.len > 0)
        assert_true(buf_addf(out, " =%.*s", STR_ARG(buf_str(&m->body))));
    assert_true(buf_addf(out, "%.*s%s", STR_ARG(buf_str(&m->trailers)),
                         m->head.keep_alive ? "" : " close"));
}

/* The outcome without what only a gateway can show. */
static void expected(const struct table_row *row, struct buf *out)
{
    struct table_row ignored = {0};
    char *bang = strstr(row->outcome, " !");
    if (bang != NULL)
        *bang = '\0';
    table_decode(out, row->outcome, macros, &ignored);
}

static bool check_steps(const struct table_row *row, size_t step)
{
    struct message m;
    struct buf actual;
    struct buf wanted;
    buf_init(&actual, MESSAGE_TEXT_MAX * 4);
    buf_init(&wanted, MESSAGE_TEXT_MAX * 4);
    message_read(&m, row->bytes, step, NULL);
    describe(&m, &actual);
    expected(row, &wanted);
    bool holds = str_eq(buf_str(&actual), buf_str(&wanted)) &&
                 (m.body_result != HTTP1_DONE || m.used == row->message);
    if (!holds)
        print_error("requests.table:%d in steps of %zu: \"%.*s\", %zu bytes, instead of \"%.*s\"\n",
                    row->line, step, STR_ARG(buf_str(&actual)), m.used, STR_ARG(buf_str(&wanted)));
    message_finish(&m);
    buf_finish(&actual);
    buf_finish(&wanted);
    return holds;
}

static bool check_row(const struct table_row *row)
{
    return message_in_steps(row, check_steps);
}

static void test_rows(void **state)
{
    (void)state;
    assert_true(table_each("tests/http1/requests.table", macros, check_row) > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
