/* By way of model_decode(), which asks. */
#include "base/container.h"
#include "codec/json.h"
#include "model/model.h"
#include "model/relations.h"
#include "testing.h"

#define ROUTE "{\"name\":\"r\",\"paths\":[\"/\"],\"methods\":[\"*\"],\"service\":\"s\""

#define SERVICE "{\"name\":\"s\",\"urls\":[\"http://a\",\"http://b\"]"

/* The stored form; a problem's text instead when there is one. */
static const char *decoded(enum model_kind kind, const char *begin, const char *fields)
{
    static char text[1024];
    struct err e = {0};
    struct model_problems ps = {0};
    (void)snprintf(text, sizeof(text), "%s%s}", begin, fields);
    json_t *input = json_text_parse(str_of(text), &e);
    assert_non_null(input);
    struct model_resource *r = model_decode(kind, input, MODEL_FROM_API, "default",
                                            kind == MODEL_ROUTE ? "routes[0]" : "services[0]", &ps);
    json_decref(input);
    if (r == NULL) {
        assert_int_equal(ps.n, 1);
        (void)snprintf(text, sizeof(text), "%s: %s", ps.v[0].path, ps.v[0].text);
    } else {
        json_t *out = model_encode(r, MODEL_TO_STORE);
        struct buf b;
        buf_init(&b, sizeof(text));
        assert_true(json_text_write(&b, out));
        (void)snprintf(text, sizeof(text), "%s", buf_cstr(&b));
        buf_finish(&b);
        json_decref(out);
    }
    model_destroy(r);
    model_problems_finish(&ps);
    return text;
}

static void test_limits_of_routes(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        const char *result; /* what the outcome has */
    } rows[] = {
        {"", "\"namespace\":\"default\"}"}, /* no field of limits */
        {",\"rateLimit\":0,\"maxConcurrent\":0,\"limitBy\":\"\"", "\"namespace\":\"default\"}"},
        {",\"rateLimit\":5,\"ratePeriod\":\"1s\"", "\"namespace\":\"default\",\"rateLimit\":5}"},
        {",\"rate_limit\":5,\"rate_period_ms\":60000,\"rate_burst\":7,\"limit_by\":\"route\"",
         "\"rateLimit\":5,\"ratePeriod\":60000000000,\"rateBurst\":7,\"limitBy\":\"route\"}"},
        {",\"max_concurrent\":2,\"limitBy\":\"header:X-Key\"",
         "\"maxConcurrent\":2,\"limitBy\":\"header:X-Key\"}"},
        {",\"maxConcurrent\":2,\"limitBy\":\"client\"", "\"limitBy\":\"client\"}"},
        {",\"rateBurst\":7", "routes[0].rateBurst: has no effect without rateLimit"},
        {",\"ratePeriod\":\"5s\",\"maxConcurrent\":1",
         "routes[0].ratePeriod: has no effect without rateLimit"},
        {",\"limitBy\":\"route\"",
         "routes[0].limitBy: has no effect without rateLimit or maxConcurrent"},
        {",\"rateLimit\":1,\"ratePeriod\":\"24h\",\"rateBurst\":60000",
         "routes[0].rateBurst: must be at most 53375 with so few requests per period"},
        {",\"rateLimit\":1000001", "routes[0].rateLimit: must be 0 to 1000000"},
        {",\"rateLimit\":-1", "routes[0].rateLimit: must be 0 to 1000000"},
        {",\"rateLimit\":\"5\"", "routes[0].rateLimit: expected an integer, got a string"},
        {",\"rateLimit\":5,\"ratePeriod\":\"999ms\"",
         "routes[0].ratePeriod: must be at least 1000ms"},
        {",\"rateLimit\":5,\"ratePeriod\":\"25h\"", "routes[0].ratePeriod: must be at most 24h"},
        {",\"rateLimit\":5,\"limitBy\":\"ip\"",
         "routes[0].limitBy: must be client, route, or header: and the name of a header field"},
        {",\"rateLimit\":5,\"limitBy\":\"header:\"", "routes[0].limitBy: must be client, route"},
        {",\"rateLimit\":5,\"limitBy\":\"header:X Key\"", "routes[0].limitBy: must be client, rou"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *result = decoded(MODEL_ROUTE, ROUTE, rows[i].fields);
        if (strstr(result, rows[i].result) == NULL)
            fail_msg("%s gives %s", rows[i].fields, result);
    }
}

static void test_services(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        const char *result;
    } rows[] = {
        {"", "\"disableQueryParams\":false}"},
        {",\"balance\":\"round_robin\",\"healthInterval\":\"5s\",\"weights\":[]",
         "\"namespace\":\"default\",\"retries\""},
        {",\"hashOn\":\"ip\"", "services[0].hashOn: has no effect without \"balance\": \"hash\""},
        {",\"hashOn\":\"ip\",\"balance\":\"least_conn\"", "services[0].hashOn: has no effect"},
        {",\"weights\":[1]", "services[0].weights: must have as many elements as urls: 2, not 1"},
        {",\"weights\":[1,2,3]",
         "services[0].weights: must have as many elements as urls: 2, not 3"},
        {",\"health_interval_ms\":1000",
         "services[0].healthInterval: has no effect without healthPath"},
        {",\"healthTimeout\":\"1s\"", "services[0].healthTimeout: has no effect"},
        {",\"healthyThreshold\":1", "services[0].healthyThreshold: has no effect"},
        {",\"unhealthyThreshold\":1", "services[0].unhealthyThreshold: has no effect"},
        {",\"healthStatuses\":[200]", "services[0].healthStatuses: has no effect"},
        {",\"healthStatuses\":[200],\"healthPath\":\"/up\"", "\"healthStatuses\":[200]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *result = decoded(MODEL_SERVICE, SERVICE, rows[i].fields);
        if (strstr(result, rows[i].result) == NULL)
            fail_msg("%s gives %s", rows[i].fields, result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_limits_of_routes),
                                       cmocka_unit_test(test_services)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
