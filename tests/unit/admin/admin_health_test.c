#include "admin/fixture.h"
#include "node/node_counts.h"
#include "node/node_health.h"
#include "node/node_segment.h"
#include "node/node_upstream.h"

static struct node_segment *node;

static void begin(struct fixture *f)
{
    const struct node_segment_options options = {
        .workers = 2, .rate_buckets = 8, .counts = 64, .upstreams = 64};
    struct err e = {0};
    int fd = -1;
    assert_int_equal(node_segment_make(&options, &fd, &node, &e), ERR_OK);
    (void)close(fd);
    fixture_init(f);
    admin_destroy(f->admin);
    f->options.node = node;
    fixture_open(f);
}

static void finish(struct fixture *f)
{
    fixture_finish(f);
    node_segment_unmap(node);
}

static void test_what_the_node_knows(void **state)
{
    struct fixture f;
    uint32_t sum = 0;
    (void)state;
    begin(&f);
    fixture_store(&f, MODEL_SERVICE,
                  "{'name':'s','urls':['http://a','http://b'],'balance':'least_conn'}");
    struct node_health *health = node_segment_health(node);
    uint64_t a = node_upstream_key(node, STR("default"), STR("s"), STR("http://a"));
    uint64_t b = node_upstream_key(node, STR("default"), STR("s"), STR("http://b"));
    const struct node_health_policy policy = {.max_fails = 2, .fail_ns = 1, .probe_ns = 1};
    assert_true(node_health_set(health, a, NODE_HEALTH_UP));
    assert_true(node_health_set(health, b, NODE_HEALTH_DOWN));
    for (int i = 0; i < 3; i++)
        (void)node_health_report(health, b, false, &policy, 1);
    (void)node_counts_add(node_segment_counts(node), 0, a, &sum);
    (void)node_counts_add(node_segment_counts(node), 1, a, &sum);
    assert_int_equal(fixture_get(&f, "/api/v1/service-health/s"), 200);
    assert_string_equal(fixture_body(&f),
                        "{'data':{'name':'s','namespace':'default','urls':["
                        "{'url':'http://a','state':'up','ejected':false,'fails':0,'active':2},"
                        "{'url':'http://b','state':'down','ejected':true,'fails':3,'active':0}]},"
                        "'status_code':200,'success':true}");
    finish(&f);
}

static void test_of_which_nothing_is_known(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    fixture_store(&f, MODEL_NAMESPACE, "{'name':'n'}");
    fixture_store(&f, MODEL_SERVICE, "{'name':'s','namespace':'n','urls':['http://a']}");
    static const char *const targets[] = {"/api/v1/service-health/n/s",
                                          "/api/v1/service-health/s?namespace=n"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(fixture_get(&f, targets[i]), 200);
        assert_string_equal(fixture_body(&f),
                            "{'data':{'name':'s','namespace':'n','urls':[{'url':'http://a',"
                            "'state':'unknown','ejected':false,'fails':0,'active':null}]},"
                            "'status_code':200,'success':true}");
    }
    finish(&f);
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *method;
        const char *target;
        unsigned status;
        const char *error;
    } rows[] = {
        {"GET", "/api/v1/service-health/s", 404, "service default/s: not found"},
        {"GET", "/api/v1/service-health", 404, "there is nothing at /api/v1/service-health"},
        {"GET", "/api/v1/service-health/", 404, "there is nothing at"},
        {"GET", "/api/v1/service-health/a/b/c", 404, "there is nothing at"},
        {"DELETE", "/api/v1/service-health/s", 405, "not allowed"},
    };
    struct fixture f;
    (void)state;
    begin(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(
            fixture_ask(&f, &(struct ask){.method = rows[i].method, .target = rows[i].target}),
            rows[i].status);
        if (strstr(fixture_body(&f), rows[i].error) == NULL)
            fail_msg("%s: %s", rows[i].target, fixture_body(&f));
    }
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_node_knows),
        cmocka_unit_test(test_of_which_nothing_is_known),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
