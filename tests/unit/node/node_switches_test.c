#include <stdlib.h>

#include "node/node_slots.h"
#include "node/node_switches.h"
#include "testing.h"

enum { SLOTS = 16, WINDOW_MS = 1000 };

static void *memory;
static struct node_switches switches;

static int setup(void **state)
{
    (void)state;
    memory = calloc(1, node_switches_size(SLOTS));
    node_switches_attach(&switches, memory, SLOTS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

static struct node_switches_who who(uint64_t key)
{
    return (struct node_switches_who){key, STR("default/r"), STR("m")};
}

static bool kill_at(uint64_t key, uint64_t now)
{
    const struct node_switches_who w = who(key);
    return node_switches_kill(&switches, &w, 3, WINDOW_MS, now);
}

static void test_kills_in_the_window(void **state)
{
    (void)state;
    struct node_switches_info info;
    assert_false(node_switches_are_used(&switches));
    assert_false(kill_at(5, 10000));
    assert_false(kill_at(5, 10500));
    assert_false(kill_at(6, 10500)); /* another's */
    assert_false(node_switches_get(&switches, 5, &info));
    assert_true(kill_at(5, 11000));
    assert_true(node_switches_are_used(&switches));
    assert_true(node_switches_get(&switches, 5, &info));
    assert_string_equal(info.route, "default/r");
    assert_string_equal(info.module, "m");
    assert_int_equal(info.since_ms, 11000);
    assert_int_equal(info.reason, NODE_SWITCHES_KILLS);
    assert_int_equal(info.count, 3);
    assert_false(kill_at(5, 11001)); /* it is off already */
    assert_false(node_switches_get(&switches, 6, &info));
    assert_false(node_switches_get(&switches, 7, &info));
}

static void test_switching_on(void **state)
{
    (void)state;
    struct node_switches_info info;
    const struct node_switches_who a = who(5);
    const struct node_switches_who b = who(6);
    assert_int_equal(node_switches_on(&switches, STR("default/r"), 0, 1), 0);
    assert_true(node_switches_off(&switches, &a, NODE_SWITCHES_STOPS, 1, 10));
    assert_true(node_switches_off(&switches, &b, NODE_SWITCHES_KILLS, 3, 10));
    assert_int_equal(node_switches_on(&switches, STR("default/other"), 0, 20), 0);
    assert_int_equal(node_switches_on(&switches, STR("default/r"), 6, 20), 1);
    assert_false(node_switches_get(&switches, 5, &info));
    assert_true(node_switches_get(&switches, 6, &info));
    assert_int_equal(node_switches_on(&switches, STR("default/r"), 0, 20), 1);
    assert_false(node_switches_get(&switches, 6, &info));
    /* What counts against it begins anew, and it can be switched off again. */
    assert_false(kill_at(6, 30));
    assert_false(kill_at(6, 31));
    assert_true(kill_at(6, 32));
    assert_true(node_switches_get(&switches, 6, &info));
    assert_int_equal(info.since_ms, 32);
}

static void test_kills_that_are_rare(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 20; i++)
        assert_false(kill_at(5, 10000 + i * 600));
    const struct node_switches_who w = who(5);
    assert_false(node_switches_kill(&switches, &w, 0, WINDOW_MS, 30000)); /* never */
}

static void test_switched_off_at_once(void **state)
{
    (void)state;
    struct node_switches_info info;
    const struct node_switches_who w = who(9);
    assert_true(node_switches_off(&switches, &w, NODE_SWITCHES_STOPS, 100, 5000));
    assert_false(node_switches_off(&switches, &w, NODE_SWITCHES_STOPS, 200, 6000));
    assert_true(node_switches_get(&switches, 9, &info));
    assert_int_equal(info.reason, NODE_SWITCHES_STOPS);
    assert_int_equal(info.count, 100);
    uint32_t found = 0;
    for (uint32_t i = 0; i < node_switches_slots(&switches); i++)
        found += node_switches_at(&switches, i, &info);
    assert_int_equal(found, 1);
}

/* When a set is full the one that was used longest ago makes room. */
static void test_room(void **state)
{
    (void)state;
    struct node_switches_info info;
    for (uint64_t i = 1; i <= NODE_WAYS; i++) {
        const struct node_switches_who w = who(i * SLOTS);
        assert_true(node_switches_off(&switches, &w, NODE_SWITCHES_STOPS, 1, 1000 + i));
    }
    const struct node_switches_who w = who(1000 * (uint64_t)SLOTS);
    assert_true(node_switches_off(&switches, &w, NODE_SWITCHES_STOPS, 1, 9000));
    assert_true(node_switches_get(&switches, 1000 * (uint64_t)SLOTS, &info));
    assert_false(node_switches_get(&switches, SLOTS, &info));
    assert_true(node_switches_get(&switches, 2 * (uint64_t)SLOTS, &info));
}

static void test_names_of_routes(void **state)
{
    (void)state;
    char name[NODE_SWITCHES_ROUTE_SIZE];
    char large[NODE_SWITCHES_ROUTE_SIZE];
    memset(large, 'x', sizeof(large));
    assert_true(str_eq(node_switches_route(STR("ns"), STR("a/b"), name), STR("ns/a/b")));
    const struct str cut = node_switches_route(STR("ns"), (struct str){large, sizeof(large)}, name);
    assert_int_equal(cut.len, NODE_SWITCHES_ROUTE_SIZE - 1);
    assert_true(str_starts(cut, STR("ns/xx")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kills_in_the_window, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kills_that_are_rare, setup, teardown),
        cmocka_unit_test_setup_teardown(test_switched_off_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_switching_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_room, setup, teardown),
        cmocka_unit_test(test_names_of_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
