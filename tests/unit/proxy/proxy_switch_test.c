#include "node/node_segment.h"
#include "node/node_switches.h"
#include "proxy/catalog_route.h"
#include "proxy/fixture.h"
#include "proxy/proxy_switch.h"

static struct node_segment *node;

static void answer(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    x->response_status = 200;
    x->response_sent = true;
}

static void setup(struct fixture *f)
{
    static const struct node_segment_options size = {
        .workers = 1, .rate_buckets = 64, .counts = 64, .upstreams = 8, .switches = 8};
    struct proxy_options options = fixture_options;
    struct err e = {0};
    int fd = -1;
    assert_int_equal(node_segment_make(&size, &fd, &node, &e), ERR_OK);
    (void)close(fd);
    options.node = node;
    fixture_init(f, &options);
    fake_script.functions[SCRIPT_REQUEST_HANDLER] = answer;
    fixture_put(f, MODEL_NAMESPACE, "{'name':'default'}");
    fixture_put(f, MODEL_MODULE, "{'name':'m','payload':'eA=='}");
    fixture_put(f, MODEL_MODULE, "{'name':'n','payload':'eA=='}");
    fixture_put(f, MODEL_ROUTE, "{'name':'r','paths':['/r'],'methods':['*'],'modules':['m']}");
    fixture_put(f, MODEL_ROUTE,
                "{'name':'other','paths':['/other'],'methods':['*'],'modules':['m','n']}");
}

static struct exchange *ask(struct fixture *f, const char *target)
{
    return fixture_ask(f, &(struct ask){.target = target});
}

static void test_refuses_with_the_reason(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    assert_int_equal(fixture_status(ask(&f, "/r")), 200);
    /* What the route's code is known by: fake_script.h. */
    const struct node_switches_who who = {3, STR("default/r"), STR("a \"m\"")};
    assert_true(node_switches_off(node_segment_switches(node), &who, NODE_SWITCHES_KILLS, 3,
                                  1700000000000));
    assert_error(
        ask(&f, "/r"), 503,
        "module a ?m? of route default/r is switched off since 2023-11-14T22:13:20.000Z: 3 "
        "workers hung in it and were killed; it stays so until the module or the route is "
        "changed or switched on");
    assert_int_equal(fixture_status(ask(&f, "/other")), 200);
    fixture_finish(&f);
    node_segment_unmap(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
