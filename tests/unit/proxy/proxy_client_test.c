#include "proxy/fixture.h"
#include "proxy/proxy_client.h"

static const struct {
    uint64_t depth;
    const char *fields[2];
    const char *client;
    const char *proto;
} rows[] = {
    {0, {NULL}, "192.0.2.7", "http"},
    {0, {"X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https"}, "192.0.2.7", "http"},
    {1, {NULL}, "192.0.2.7", "http"},
    {1, {"X-Forwarded-For: 1.1.1.1, 2.2.2.2", "X-Forwarded-Proto: https"}, "2.2.2.2", "https"},
    {2, {"X-Forwarded-For: 1.1.1.1, 2.2.2.2"}, "1.1.1.1", "http"},
    {2, {"X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2"}, "1.1.1.1", "http"},
    {9, {"X-Forwarded-For: 1.1.1.1, 2.2.2.2"}, "1.1.1.1", "http"},
    {1, {"X-Forwarded-For: unknown"}, "192.0.2.7", "http"},
    {1, {"X-Forwarded-For: 1.1.1.1, _x", "X-Forwarded-Proto: gopher"}, "192.0.2.7", "http"},
    {1,
     {"X-Forwarded-For: [2001:DB8::0:1]:99", "X-Forwarded-Proto: HTTPS"},
     "2001:db8::1",
     "https"},
    {1, {"X-Forwarded-For: ::ffff:3.3.3.3"}, "3.3.3.3", "http"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct proxy_options options = fixture_options;
        options.x_forwarded_for_depth = rows[i].depth;
        struct fixture f;
        fixture_init(&f, &options);
        fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://up.example:81']}");
        fixture_put(&f, MODEL_ROUTE, "{'name':'r','paths':['/r'],'methods':['*'],'service':'s'}");
        struct ask ask = {.target = "/r"};
        memcpy(ask.fields, rows[i].fields, sizeof(rows[i].fields));
        const struct exchange *x = fixture_ask(&f, &ask);
        assert_str(proxy_client_address(x->user), rows[i].client);
        assert_int_equal(proxy_client_secure(x->user), strcmp(rows[i].proto, "https") == 0);
        struct exchange *up = fixture_up(&f);
        assert_field(up, "X-Forwarded-For", rows[i].client);
        assert_field(up, "X-Real-IP", rows[i].client);
        assert_field(up, "X-Forwarded-Proto", rows[i].proto);
        fixture_finish(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
