#include "model/model.h"
#include "proxy/fixture.h"
#include "proxy/proxy_access.h"

static char block[] = "192.0.2.0/24";
static char address[] = "2001:db8::1";
static char *clients[] = {block, address};
static char all_example[] = "*.example";
static char exact[] = "exact.test";
static char loopback[] = "::1";
static char *served[] = {all_example, exact, loopback};
static char secure[] = "secure.example";
static char numbered[] = "/^s[0-9]+[.]/";
static char *secured[] = {secure, numbered, loopback};

static const struct model_strings client_list = {.v = clients, .n = ARRAY_LEN(clients)};
static const struct model_strings served_list = {.v = served, .n = ARRAY_LEN(served)};
static const struct model_strings secured_list = {.v = secured, .n = ARRAY_LEN(secured)};

static void setup(struct fixture *f, const struct proxy_options *options)
{
    fixture_init(f, options);
    fixture_put(f, MODEL_SERVICE, "{'name':'s','urls':['http://up.example:81']}");
    fixture_put(f, MODEL_ROUTE, "{'name':'r','paths':['/**'],'methods':['*'],'service':'s'}");
}

static void test_clients(void **state)
{
    (void)state;
    static const struct {
        const char *from; /* X-Forwarded-For */
        bool good;
    } rows[] = {
        {"X-Forwarded-For: 192.0.2.200", true},
        {"X-Forwarded-For: 192.0.3.1", false},
        {"X-Forwarded-For: 2001:db8:0::1", true},
        {"X-Forwarded-For: 2001:db8::2", false},
        {"X-Forwarded-For: ::ffff:192.0.2.1", true},
        {"X-Forwarded-For: nonsense", true},
        {NULL, true},
    };
    struct proxy_options options = fixture_options;
    options.allow_list = &client_list;
    options.x_forwarded_for_depth = 1;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        setup(&f, &options);
        struct exchange *x =
            fixture_ask(&f, &(struct ask){.target = "/a", .fields = {rows[i].from}});
        if (rows[i].good) {
            (void)fixture_up(&f);
        } else {
            fixture_no_up(&f);
            assert_error(x, 403, "this client is not allowed");
        }
        fixture_finish(&f);
    }
}

/* A client that is not allowed learns nothing else. */
static void test_clients_come_first(void **state)
{
    (void)state;
    struct proxy_options options = fixture_options;
    options.allow_list = &client_list;
    options.allowed_domains = &served_list;
    options.strict = true;
    options.x_forwarded_for_depth = 1;
    struct fixture f;
    setup(&f, &options);
    struct exchange *x = fixture_ask(
        &f,
        &(struct ask){.target = "/%00", .host = "a..b", .fields = {"X-Forwarded-For: 8.8.8.8"}});
    assert_error(x, 403, "this client is not allowed");
    fixture_finish(&f);
}

static const struct {
    const char *host;
    const char *target;
    const char *fields[2];
    bool secure;
    uint64_t depth;
    uint16_t status; /* 0: it is served */
    const char *location;
} hosts[] = {
    {"a.example", "/", {NULL}, false, 0, 0, NULL},
    {"A.EXAMPLE:8080", "/", {NULL}, false, 0, 0, NULL},
    {"exact.test", "/", {NULL}, false, 0, 0, NULL},
    {"other.test", "/", {NULL}, false, 0, 403, NULL},
    {"-", "/", {NULL}, false, 0, 403, NULL},
    {"secure.example",
     "/a%20b/../c?x=1&y",
     {NULL},
     false,
     0,
     307,
     "https://secure.example/a%20b/../c?x=1&y"},
    {"secure.example:8080", "/?", {NULL}, false, 0, 307, "https://secure.example/?"},
    {"s12.example", "//evil.test/", {NULL}, false, 0, 307, "https://s12.example//evil.test/"},
    {"[::1]:80", "/x", {NULL}, false, 0, 307, "https://[::1]/x"},
    {"secure.example", "/", {NULL}, true, 0, 0, NULL},
    {"secure.example", "/", {"X-Forwarded-Proto: https"}, false, 0, 307, "https://secure.example/"},
    {"secure.example", "/", {"X-Forwarded-Proto: https"}, false, 1, 0, NULL},
    {"secure.example", "/", {"X-Forwarded-Proto: http"}, true, 1, 307, "https://secure.example/"},
};

static void test_hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct proxy_options options = fixture_options;
        options.allowed_domains = &served_list;
        options.redirect_https = &secured_list;
        options.x_forwarded_for_depth = hosts[i].depth;
        struct fixture f;
        setup(&f, &options);
        struct ask ask = {
            .target = hosts[i].target, .host = hosts[i].host, .secure = hosts[i].secure};
        memcpy(ask.fields, hosts[i].fields, sizeof(hosts[i].fields));
        struct exchange *x = fixture_ask(&f, &ask);
        if (hosts[i].status == 0) {
            (void)fixture_up(&f);
            fixture_finish(&f);
            continue;
        }
        fixture_no_up(&f);
        assert_int_equal(fixture_status(x), hosts[i].status);
        assert_field(x, "Location", hosts[i].location);
        assert_non_null(fixture_field(x, "X-Request-Id"));
        (void)exchange_mem_run(x);
        assert_true(x->done);
        fixture_finish(&f);
    }
}

static void test_strict(void **state)
{
    (void)state;
    struct proxy_options options = fixture_options;
    options.strict = true;
    struct fixture f;
    setup(&f, &options);
    fixture_put(&f, MODEL_DOMAIN, "{'name':'d','patterns':['known.test']}");
    struct exchange *x = fixture_ask(&f, &(struct ask){.target = "/", .host = "unknown.test"});
    assert_true(x->reset_done);
    assert_false(x->head_sent);
    (void)fixture_ask(&f, &(struct ask){.target = "/", .host = "known.test"});
    (void)fixture_up(&f);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients),
        cmocka_unit_test(test_clients_come_first),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
